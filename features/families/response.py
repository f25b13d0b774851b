"""How the company answered: in time, at the first contact, without sending the customer from one to the next."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature
from features.families.windows import ends
from features.journey import HANDOVER, SWITCH, Vocabulary
from features.layout import RESOLUTION
from features.schema import CHANNEL, DEPARTMENT, TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Per touchpoint: repeats, share within the promised level, unresolved, time to resolution. Over all: switches, hand-overs."""
    if TOUCHPOINTS not in vocabulary.tables:
        return
    longest = windows[-1]
    resolving = next((n for n, m in vocabulary.measures.items() if m.unit == "flag" and m.better == "higher"), None)

    def own(
        kind: str, aggregate: str, window: int | None, measure: str | None = None, unit: str | None = None
    ) -> Feature:
        return Feature(
            "response", TOUCHPOINTS, kind, measure, aggregate, window, measure_unit=unit, better=None, role="touchpoint"
        )

    for kind in vocabulary.touchpoints:
        yield own(kind, "repeats", longest)
        yield own(kind, "repeat_share", longest)
        for name in vocabulary.measured.get(kind, ()):
            info = vocabulary.measures[name]
            if info.within is not None:
                yield own(kind, "within_share", longest, name)
            if info.unit == "flag":
                for window in ends(windows):
                    yield own(kind, "zeros", window, name)
            if name == resolving:
                yield own(kind, "mean", longest, RESOLUTION, "days")
    for turn, column in ((SWITCH, CHANNEL), (HANDOVER, DEPARTMENT)):
        if len(vocabulary.categories.get(f"{TOUCHPOINTS}.{column}", ())) > 1:
            for window in ends(windows):
                yield Feature("response", TOUCHPOINTS, turn, None, "count", window, control="journey", role="overall")
    if len(vocabulary.categories.get(f"{TOUCHPOINTS}.{CHANNEL}", ())) > 1:
        yield Feature("response", TOUCHPOINTS, ANY, CHANNEL, "distinct", longest, control="journey", role="overall")
        yield Feature("response", TOUCHPOINTS, ANY, CHANNEL, "last_category", control="journey", role="overall")
