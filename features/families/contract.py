"""The contract: tenure, fee, plan, changes of both, the next anniversary, earlier ends.

A contract follows the one that ended before it started, or as it started: of those that none has followed yet the last of the same
plan, or else the last. Plan and fee are compared with that one. What runs beside others follows none of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.journey import END, FEE_CUT, FEE_RISE, PLAN_CHANGE, START, Vocabulary
from features.schema import END_REASON, MONTHLY_FEE, PLAN, SUBSCRIPTIONS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Controls of the groups ``tenure``, ``price`` and ``contract``; a planned end in the future is not known."""
    if SUBSCRIPTIONS not in vocabulary.tables:
        return

    def make(kind: str, aggregate: str, control: str, measure: str | None = None, window: int | None = None) -> Feature:
        unit = "money" if measure == MONTHLY_FEE else None
        return Feature("contract", SUBSCRIPTIONS, kind, measure, aggregate, window, measure_unit=unit, control=control)

    yield make(START, "age", "tenure")
    yield make(START, "recency", "contract")
    yield make(START, "anniversary", "contract")
    yield make(START, "open_count", "contract")
    yield make(START, "count", "contract", window=windows[-1])
    yield make(END, "count", "contract", window=windows[-1])
    yield make(END, "count", "contract")
    yield make(END, "recency", "contract")
    if vocabulary.has(SUBSCRIPTIONS, MONTHLY_FEE):
        yield make(START, "open_sum", "price", MONTHLY_FEE)
        yield make(START, "last", "price", MONTHLY_FEE)
        yield make(START, "last_step", "price", MONTHLY_FEE)
        for kind in (FEE_RISE, FEE_CUT):
            yield make(kind, "count", "price", window=windows[-1])
            yield make(kind, "recency", "price")
    if vocabulary.has(SUBSCRIPTIONS, PLAN):
        yield make(START, "last_category", "contract", PLAN)
        yield make(PLAN_CHANGE, "count", "contract", window=windows[-1])
        yield make(PLAN_CHANGE, "recency", "contract")
    if vocabulary.categories.get(f"{SUBSCRIPTIONS}.{END_REASON}"):
        yield make(END, "last_category", "contract", END_REASON)
