"""How the encounters went: each measure of each touchpoint as mean, worst, last and trend."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.families.windows import ends, middle
from features.journey import Vocabulary
from features.schema import TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Mean and worst in the middle and the longest window, the last, and the mean against the window before."""
    for kind in vocabulary.touchpoints:
        for name in vocabulary.measured.get(kind, ()):
            info = vocabulary.measures[name]
            worst = "min" if info.better == "higher" else "max"
            plan: list[tuple[str, int | None]] = [
                (aggregate, window) for aggregate in ("mean", worst) for window in ends(windows)
            ]
            plan += [("last", None), ("trend", middle(windows))]
            for aggregate, window in plan:
                yield Feature(
                    "measures",
                    TOUCHPOINTS,
                    kind,
                    name,
                    aggregate,
                    window,
                    measure_unit=info.unit,
                    better=info.better,
                    role="touchpoint",
                )
