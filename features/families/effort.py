"""What it cost the customer: time, money and negative emotion, per touchpoint and in total."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from features.definition import ANY, Feature
from features.families.windows import middle
from features.journey import Vocabulary
from features.schema import TOUCHPOINTS

TOTALS: Final[dict[str, str]] = {"time": "effort_time", "money": "effort_money", "emotion": "effort_emotion"}
"""Effort to the value column that adds it up over an encounter's measures (minutes, money, points below the median)."""


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Total of each effort measure per touchpoint, and of each effort over all encounters with its change."""
    for kind in vocabulary.touchpoints:
        for name in vocabulary.measured.get(kind, ()):
            info = vocabulary.measures[name]
            if info.effort in {"time", "money"}:
                for window in dict.fromkeys((windows[0], windows[-1])):
                    yield Feature(
                        "effort",
                        TOUCHPOINTS,
                        kind,
                        name,
                        "sum",
                        window,
                        measure_unit=info.unit,
                        better=info.better,
                        role="touchpoint",
                    )
    units = {"time": "minutes", "money": "money", "emotion": "points"}
    present = {info.effort for info in vocabulary.measures.values()}
    for effort, column in TOTALS.items():
        if effort not in present:
            continue
        plan = [("sum", window) for window in windows] + [("sum_change", middle(windows))]
        for aggregate, window in plan:
            yield Feature(
                "effort",
                TOUCHPOINTS,
                ANY,
                column,
                aggregate,
                window,
                measure_unit=units[effort],
                better="lower",
                role="overall",
            )
