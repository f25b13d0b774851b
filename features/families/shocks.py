"""What hit everybody: a bad, busy or expensive time of the whole company, and the customer's encounters against it."""

from __future__ import annotations

from collections.abc import Iterator

from features.company import ENCOUNTERS, ENDS, PAYMENTS, PRICE
from features.definition import ANY, Feature
from features.families.windows import middle
from features.journey import Vocabulary
from features.layout import QUALITY
from features.schema import QUANTITY, SUBSCRIPTIONS, TOUCHPOINTS, TRANSACTIONS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Level of the company in the shortest window against the longest, and the customer's quality minus the company's."""
    short, longest = windows[0], windows[-1]
    names = []
    if TOUCHPOINTS in vocabulary.tables:
        names.append(ENCOUNTERS)
    if vocabulary.usual:
        names.append(QUALITY)
    if TRANSACTIONS in vocabulary.tables:
        names.append(PAYMENTS)
        if vocabulary.has(TRANSACTIONS, QUANTITY):
            names.append(PRICE)
    if SUBSCRIPTIONS in vocabulary.tables:
        names.append(ENDS)
    if short < longest:
        for name in names:
            yield Feature(
                "shocks",
                "company",
                ANY,
                name,
                "company_change",
                short,
                measure_unit="ratio",
                control="company",
                role="overall",
                against_days=longest,
            )
    if vocabulary.usual:
        yield Feature(
            "shocks",
            TOUCHPOINTS,
            ANY,
            QUALITY,
            "company_relative",
            middle(windows),
            measure_unit="score",
            better="higher",
            role="overall",
        )
