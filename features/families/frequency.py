"""How often and how lately: encounters per touchpoint and in all, and how they keep to the customer's usual rhythm."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature, Role
from features.families.windows import middle
from features.journey import Vocabulary
from features.layout import GAP
from features.schema import TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Count per window, its change, days since the last; for all encounters together also gaps and pace."""
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
    for aggregate in ("usual_gap", "gap_ratio"):
        yield Feature("frequency", TOUCHPOINTS, ANY, None, aggregate, role="overall")
    for aggregate in ("spread", "gap_score"):
        yield Feature("frequency", TOUCHPOINTS, ANY, GAP, aggregate, measure_unit="days", role="overall")
    if middle(windows) < windows[-1]:
        yield Feature(
            "frequency",
            TOUCHPOINTS,
            ANY,
            None,
            "pace",
            middle(windows),
            role="overall",
            against_days=windows[-1],
        )
