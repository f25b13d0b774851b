"""What the customer said before: earlier survey answers, which predict well and stay out of driver models."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.journey import Vocabulary
from features.schema import SCORE, SURVEYS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Last score, its change, the mean and number of answers in the longest window, days since the last; per metric."""
    for metric in vocabulary.metrics:

        def make(aggregate: str, measure: str | None, window: int | None = None, metric: str = metric) -> Feature:
            better = "lower" if metric.startswith("ces") else "higher"
            return Feature(
                "voice",
                SURVEYS,
                metric,
                measure,
                aggregate,
                window,
                measure_unit="points" if measure else None,
                better=better if measure else None,  # type: ignore[arg-type]
                control="voice",
                role="voice",
            )

        yield make("last", SCORE)
        yield make("last_change", SCORE)
        yield make("mean", SCORE, windows[-1])
        yield make("count", None, windows[-1])
        yield make("recency", None)
