"""The weakest link, the peak and the end: the worst, the best and the last encounter, and whether it was made good."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import ANY, Feature
from features.families.windows import ends, middle
from features.journey import GOOD, Vocabulary
from features.layout import KIND, QUALITY
from features.schema import TOUCHPOINTS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """By the quality of an encounter over all its measures; nothing where no measure varies."""
    if not vocabulary.usual:
        return
    longest = windows[-1]
    plan: list[tuple[str, str, int | None]] = [
        (QUALITY, aggregate, window) for aggregate in ("min", "mean") for window in ends(windows)
    ]
    plan += [
        (QUALITY, "max", longest),
        (QUALITY, "last", None),
        (QUALITY, "trend", middle(windows)),
        (QUALITY, "worst_age", longest),
        (KIND, "worst_category", longest),
        (QUALITY, "recovered", longest),
    ]
    for measure, aggregate, window in plan:
        yield Feature(
            "peak_end",
            TOUCHPOINTS,
            ANY,
            measure,
            aggregate,
            window,
            measure_unit="score",
            better="higher" if measure == QUALITY else None,
            role="overall",
        )
    yield Feature("peak_end", TOUCHPOINTS, GOOD, None, "recency", role="overall")
