"""What the customer pays: recency, frequency, amount, refunds, rhythm, and what is in the basket at which price."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.families.windows import ends, middle
from features.journey import DISCOUNT, FRESH, OCCASION, PAYMENT, PREMIUM, REFUND, RISEN, Vocabulary
from features.layout import GAP
from features.schema import AMOUNT, CATEGORY, MARGIN, QUANTITY, TRANSACTIONS

_UNITS = {QUANTITY: "number", GAP: "days", AMOUNT: "money", MARGIN: "money"}


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Payments, refunds, occasions (days with a payment), categories and prices: controls of the group ``value``."""
    if TRANSACTIONS not in vocabulary.tables:
        return
    longest = windows[-1]

    def make(
        kind: str, aggregate: str, measure: str | None = None, window: int | None = None, against: int | None = None
    ) -> Feature:
        unit = None if measure is None else _UNITS.get(measure)
        return Feature(
            "money",
            TRANSACTIONS,
            kind,
            measure,
            aggregate,
            window,
            measure_unit=unit,
            control="value",
            against_days=against,
        )

    for window in windows:
        yield make(PAYMENT, "count", window=window)
        yield make(PAYMENT, "sum", AMOUNT, window)
        yield make(OCCASION, "count", window=window)
    yield make(PAYMENT, "count_change", window=middle(windows))
    yield make(PAYMENT, "sum_change", AMOUNT, middle(windows))
    yield make(OCCASION, "count_change", window=middle(windows))
    for aggregate in ("recency", "age", "usual_gap", "gap_ratio"):
        yield make(PAYMENT, aggregate)
    for aggregate in ("usual_gap", "gap_ratio"):
        yield make(OCCASION, aggregate)
    for aggregate in ("spread", "max", "last", "gap_score"):
        yield make(OCCASION, aggregate, GAP)
    if middle(windows) < longest:
        yield make(OCCASION, "pace", window=middle(windows), against=longest)
    for aggregate in ("mean", "max", "spread"):
        yield make(PAYMENT, aggregate, AMOUNT, longest)
    yield make(PAYMENT, "last", AMOUNT)
    yield make(PAYMENT, "last_change", AMOUNT)
    for window in ends(windows):
        yield make(PAYMENT, "per_occasion", AMOUNT, window)
        yield make(PAYMENT, "lines_per_occasion", window=window)
        yield make(REFUND, "count", window=window)
        yield make(REFUND, "sum", AMOUNT, window)
    yield make(REFUND, "recency")
    yield make(REFUND, "share", window=longest)
    yield make(REFUND, "money_share", AMOUNT, longest)
    for measure in (MARGIN, QUANTITY):
        if vocabulary.has(TRANSACTIONS, measure):
            for window in ends(windows):
                yield make(PAYMENT, "sum", measure, window)
            yield make(PAYMENT, "mean", measure, longest)
    if vocabulary.has(TRANSACTIONS, QUANTITY):
        yield make(PAYMENT, "per_occasion", QUANTITY, longest)
    yield from _content(vocabulary, windows, make)


def _content(vocabulary: Vocabulary, windows: tuple[int, ...], make) -> Iterator[Feature]:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Breadth of categories (consolidation), and prices: premium, discounts, buying again in spite of a rise."""
    longest = windows[-1]
    if vocabulary.categories.get(f"{TRANSACTIONS}.{CATEGORY}"):
        yield make(FRESH, "count")
        for window in ends(windows):
            yield make(FRESH, "count", window=window)
            yield make(FRESH, "share", window=window)
        yield make(FRESH, "recency")
        yield make(RISEN, "count", window=longest)
        yield make(RISEN, "share", window=longest)
        yield make(RISEN, "recency")
    if vocabulary.prices:
        for kind in (PREMIUM, DISCOUNT):
            for window in ends(windows):
                yield make(kind, "share", window=window)
            yield make(kind, "money_share", AMOUNT, longest)
            yield make(kind, "recency")
