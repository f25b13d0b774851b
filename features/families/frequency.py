"""How often and how lately: encounters per touchpoint and in all."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature, Role
from features.families.windows import middle
from features.journey import Vocabulary
from features.schema import TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Count per window, change of the count, days since the last; for each touchpoint and for all together."""
    if TOUCHPOINTS not in vocabulary.tables:
        return
    for kind in (ANY, *vocabulary.touchpoints):
        role: Role = "overall" if kind == ANY else "touchpoint"

        def make(aggregate: str, window: int | None, kind: str = kind, role: Role = role) -> Feature:
            return Feature("frequency", TOUCHPOINTS, kind, None, aggregate, window, role=role)

        for window in windows:
            yield make("count", window)
        yield make("count_change", middle(windows))
        yield make("recency", None)
    yield Feature("frequency", TOUCHPOINTS, ANY, None, "usual_gap", role="overall")
    yield Feature("frequency", TOUCHPOINTS, ANY, None, "gap_ratio", role="overall")
