"""What it cost the customer: time, money and negative emotion, per touchpoint and in total."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature
from features.families.windows import edges, middle
from features.journey import Vocabulary
from features.layout import TOTALS
from features.schema import TOUCHPOINTS

_UNITS = {"time": "minutes", "money": "money", "emotion": "points"}


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Total of each effort per touchpoint and over all encounters, with its change against the window before."""
    for kind in vocabulary.touchpoints:
        names = vocabulary.measured.get(kind, ())
        for name in names:
            info = vocabulary.measures[name]
            if info.effort in {"time", "money"}:
                for aggregate, window in _plan(edges(windows), middle(windows)):
                    yield Feature(
                        "effort",
                        TOUCHPOINTS,
                        kind,
                        name,
                        aggregate,
                        window,
                        measure_unit=info.unit,
                        better=info.better,
                        role="touchpoint",
                    )
        if any(vocabulary.measures[name].effort == "emotion" for name in names):
            for window in edges(windows):
                yield Feature(
                    "effort",
                    TOUCHPOINTS,
                    kind,
                    TOTALS["emotion"],
                    "sum",
                    window,
                    measure_unit=_UNITS["emotion"],
                    better="lower",
                    role="touchpoint",
                )
    present = {info.effort for info in vocabulary.measures.values()}
    for effort, column in TOTALS.items():
        if effort not in present:
            continue
        for aggregate, window in _plan(windows, middle(windows)):
            yield Feature(
                "effort",
                TOUCHPOINTS,
                ANY,
                column,
                aggregate,
                window,
                measure_unit=_UNITS[effort],
                better="lower",
                role="overall",
            )


def _plan(windows: tuple[int, ...], change: int) -> list[tuple[str, int]]:
    return [*(("sum", window) for window in windows), ("sum_change", change)]
