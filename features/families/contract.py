"""The contract: tenure, fee, plan, changes of both, earlier ends."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.journey import END, START, Vocabulary
from features.schema import MONTHLY_FEE, PLAN, SUBSCRIPTIONS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Controls of the groups ``tenure``, ``price`` and ``contract``; a planned end in the future is not known."""
    if SUBSCRIPTIONS not in vocabulary.tables:
        return

    def make(kind: str, aggregate: str, control: str, measure: str | None = None, window: int | None = None) -> Feature:
        unit = "money" if measure == MONTHLY_FEE else None
        return Feature("contract", SUBSCRIPTIONS, kind, measure, aggregate, window, measure_unit=unit, control=control)

    yield make(START, "age", "tenure")
    yield make(START, "recency", "contract")
    yield make(START, "open_count", "contract")
    yield make(START, "count", "contract", window=windows[-1])
    yield make(END, "count", "contract", window=windows[-1])
    yield make(END, "recency", "contract")
    if vocabulary.has(SUBSCRIPTIONS, MONTHLY_FEE):
        yield make(START, "open_sum", "price", MONTHLY_FEE)
        yield make(START, "last", "price", MONTHLY_FEE)
        yield make(START, "last_change", "price", MONTHLY_FEE)
    if vocabulary.has(SUBSCRIPTIONS, PLAN):
        yield make(START, "last_category", "contract", PLAN)
