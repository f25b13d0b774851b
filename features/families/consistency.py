"""Consistency beats peaks: how far each measure spreads, and how often an encounter was worse than usual."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature
from features.families.windows import ends, middle
from features.journey import Vocabulary
from features.layout import QUALITY
from features.schema import TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Per touchpoint and measure: spread, range, share worse than the company's median. Over all: also than the customer's own."""
    longest = windows[-1]
    for kind in vocabulary.touchpoints:
        for name in vocabulary.measured.get(kind, ()):
            info = vocabulary.measures[name]
            wanted = ["spread"] if info.unit == "flag" else ["spread", "range"]
            if f"{kind}|{name}" in vocabulary.usual:
                wanted.append("worse_share")
            for aggregate in wanted:
                yield Feature(
                    "consistency",
                    TOUCHPOINTS,
                    kind,
                    name,
                    aggregate,
                    longest,
                    measure_unit=info.unit,
                    better=info.better,
                    role="touchpoint",
                )
    if not vocabulary.usual:
        return
    plan = [("spread", longest), ("range", longest), *(("worse_share", window) for window in ends(windows))]
    plan.append(("own_worse_share", middle(windows)))
    for aggregate, window in plan:
        yield Feature(
            "consistency",
            TOUCHPOINTS,
            ANY,
            QUALITY,
            aggregate,
            window,
            measure_unit="score",
            better="higher",
            role="overall",
        )
