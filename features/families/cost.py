"""What serving the customer costs the company, where the configuration says what an encounter costs."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature
from features.families.windows import ends, middle
from features.journey import Vocabulary
from features.layout import COST
from features.schema import TOUCHPOINTS, TRANSACTIONS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Cost to serve per window, its change, and in units of what the customer paid."""
    if not vocabulary.costs:
        return
    plan = [("sum", window) for window in ends(windows)] + [("sum_change", middle(windows))]
    if TRANSACTIONS in vocabulary.tables:
        plan.append(("per_payment", windows[-1]))
    for aggregate, window in plan:
        yield Feature(
            "cost", TOUCHPOINTS, ANY, COST, aggregate, window, measure_unit="money", better="lower", role="overall"
        )
