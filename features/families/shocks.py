"""What hit everybody: a bad, busy or expensive time of the whole company, and the customer's encounters and pace against it."""

from __future__ import annotations

from collections.abc import Iterator

from features.company import PRICE
from features.definition import ANY, Feature, Source
from features.families.windows import ends
from features.journey import OCCASION, Vocabulary
from features.layout import QUALITY
from features.schema import QUANTITY, TOUCHPOINTS, TRANSACTIONS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """The customer's quality and pace against the company's of the same time; how well and how dear the company was lately."""
    short, longest = windows[0], windows[-1]

    def make(
        source: Source, kind: str, aggregate: str, measure: str | None, window: int, against: int | None = None
    ) -> Feature:
        quality = measure == QUALITY
        return Feature(
            "shocks",
            source,
            kind,
            measure,
            aggregate,
            window,
            measure_unit="score" if quality else "ratio" if measure else None,
            better="higher" if quality and source != "company" else None,
            control="company" if source == "company" else "value" if source == TRANSACTIONS else None,
            role="control" if source == TRANSACTIONS else "overall",
            against_days=against,
        )

    if vocabulary.usual:
        for window in ends(windows):
            yield make(TOUCHPOINTS, ANY, "company_relative", QUALITY, window)
    for window in windows[:-1]:
        if TOUCHPOINTS in vocabulary.tables:
            yield make(TOUCHPOINTS, ANY, "company_pace", None, window, longest)
        if TRANSACTIONS in vocabulary.tables:
            yield make(TRANSACTIONS, OCCASION, "company_pace", None, window, longest)
    if short < longest:
        if vocabulary.usual:
            yield make("company", ANY, "company_change", QUALITY, short, longest)
        if vocabulary.has(TRANSACTIONS, QUANTITY):
            yield make("company", ANY, "company_change", PRICE, short, longest)
