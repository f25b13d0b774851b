"""What the customer pays: recency, frequency, amount, refunds, and the present gap in units of the usual one."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.families.windows import ends, middle
from features.journey import PAYMENT, REFUND, Vocabulary
from features.schema import AMOUNT, MARGIN, QUANTITY, TRANSACTIONS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Payments and refunds, all of them controls of the group ``value``."""
    if TRANSACTIONS not in vocabulary.tables:
        return

    def make(kind: str, aggregate: str, measure: str | None = None, window: int | None = None) -> Feature:
        unit = None if measure is None else ("number" if measure == QUANTITY else "money")
        return Feature("money", TRANSACTIONS, kind, measure, aggregate, window, measure_unit=unit, control="value")

    for window in windows:
        yield make(PAYMENT, "count", window=window)
        yield make(PAYMENT, "sum", AMOUNT, window)
    yield make(PAYMENT, "count_change", window=middle(windows))
    yield make(PAYMENT, "sum_change", AMOUNT, middle(windows))
    for aggregate in ("recency", "age", "usual_gap", "gap_ratio"):
        yield make(PAYMENT, aggregate)
    for aggregate in ("mean", "max", "spread"):
        yield make(PAYMENT, aggregate, AMOUNT, windows[-1])
    yield make(PAYMENT, "last", AMOUNT)
    yield make(PAYMENT, "last_change", AMOUNT)
    for window in ends(windows):
        yield make(REFUND, "count", window=window)
        yield make(REFUND, "sum", AMOUNT, window)
    yield make(REFUND, "recency")
    for measure in (MARGIN, QUANTITY):
        if vocabulary.has(TRANSACTIONS, measure):
            for window in ends(windows):
                yield make(PAYMENT, "sum", measure, window)
            yield make(PAYMENT, "mean", measure, windows[-1])
