"""What the customer said before: earlier survey answers and comments, which predict well and stay out of driver models."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature, Source
from features.journey import UNANSWERED, Vocabulary
from features.layout import COMMENT_LANGUAGE, COMMENT_LENGTH
from features.schema import COMMENT, SCORE, SURVEYS, TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """Per metric: last and previous score, change, mean, number, days since. Questions not answered. Comments."""
    longest = windows[-1]
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
        yield make("previous", SCORE)
        yield make("last_change", SCORE)
        yield make("mean", SCORE, longest)
        yield make("count", None, longest)
        yield make("recency", None)

    def said(source: Source, kind: str, aggregate: str, measure: str | None, window: int | None = None) -> Feature:
        unit = "characters" if measure == COMMENT_LENGTH else None
        return Feature(
            "voice", source, kind, measure, aggregate, window, measure_unit=unit, control="voice", role="voice"
        )

    if vocabulary.has(SURVEYS, UNANSWERED):
        yield said(SURVEYS, UNANSWERED, "count", None, longest)
        yield said(SURVEYS, UNANSWERED, "share", None, longest)
        yield said(SURVEYS, UNANSWERED, "recency", None)
    tables: tuple[Source, ...] = (SURVEYS, TOUCHPOINTS)
    for source in tables:
        if vocabulary.has(source, COMMENT):
            yield said(source, ANY, "count_value", COMMENT_LENGTH, longest)
            yield said(source, ANY, "last", COMMENT_LENGTH)
            yield said(source, ANY, "mean", COMMENT_LENGTH, longest)
            yield said(source, ANY, "last_category", COMMENT_LANGUAGE)
