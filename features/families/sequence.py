"""The journey: how far the customer has come, how long in the present stage, what follows what."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature
from features.families.windows import ends
from features.journey import ENTRY, LOOP_BACK, Vocabulary, sequence_kind
from features.layout import KIND
from features.schema import STAGE, TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """First and last touchpoint, stage and furthest stage, time in the stage, steps back, frequent short sequences."""
    if not vocabulary.touchpoints:
        return

    def make(kind: str, aggregate: str, measure: str | None = None, window: int | None = None) -> Feature:
        return Feature("sequence", TOUCHPOINTS, kind, measure, aggregate, window, control="journey", role="overall")

    yield make(ANY, "first_category", KIND)
    yield make(ANY, "last_category", KIND)
    if len(vocabulary.categories.get(f"{TOUCHPOINTS}.{STAGE}", ())) > 1:
        yield make(ANY, "last_category", STAGE)
        yield make(ANY, "max_category", STAGE)
        yield make(ANY, "distinct", STAGE, windows[-1])
        yield make(ENTRY, "recency")
        for window in ends(windows):
            yield make(LOOP_BACK, "count", window=window)
    for sequence in vocabulary.sequences:
        yield make(sequence_kind(sequence), "count", window=windows[-1])
