"""What is asked of an analysis besides its table: segments, changes, pairs, the weakest link, peak and end. Result -> plain facts.

Every question uses the same rows and held-out values as the table, and each says "not shown" where the data do not tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from configs.settings import Drivers
from drivers import significance
from drivers.encounters import EncounterReader
from drivers.questions.badness import Badness, badness
from drivers.questions.changes import changes
from drivers.questions.grouped import Evidence
from drivers.questions.interactions import interactions
from drivers.questions.peak_end import peak_end
from drivers.questions.segments import segments
from drivers.questions.variables import Variable
from drivers.questions.weakest_link import consistency, weakest_link
from drivers.result import Result
from training.targets.grid import iso

Progress = Callable[[str, float], None]

QUESTIONS: Final = (
    "segments", "segment_differences", "changes", "interactions", "weakest_link", "peak_end", "consistency",
)  # fmt: skip
"""Keys of the answers in drivers.json."""

_REPEATS: Final = 3  # of the folds for pairs: their models are asked for one thing only


def ask(
    result: Result,
    options: Drivers,
    reader: EncounterReader | None,
    *,
    parts: Sequence[Variable] = (),
    as_of: npt.NDArray[np.int64] | None = None,
    since: int | None = None,
    seed: int,
    threads: int,
    progress: Progress,
) -> dict[str, Any]:
    """Answers by name, as plain JSON values; nothing where no touchpoint is confirmed.

    Parameters
    ----------
    result
        The analysis.
    options
        ``settings.drivers``.
    reader
        Gives single encounters; None where there are none.
    parts
        Ways to part customers, codes (rows,).
    as_of
        (rows,) dates in microseconds UTC; None where there are none.
    since
        From when on windows lie within the data (microseconds UTC).
    seed, threads
        Answers depend on the seed, not on the threads.
    progress
        Called with a message and the fraction done.
    """
    problem = result.problem
    told: dict[str, Any] = dict.fromkeys(QUESTIONS)
    if not result.tests.gate.passed or not problem.touchpoint.any():
        return told
    better = problem.kind == "linear"
    progress("segments and changes", 0.0)
    told |= _groups(result, options, parts, as_of, since, seed)
    progress("pairs of touchpoints", 0.2)
    seen = np.array([status in {"key_driver", "candidate"} for status in result.standing.status], dtype=bool)
    told["interactions"] = interactions(
        problem,
        folds=options.folds,
        repeats=min(options.repeats, _REPEATS),
        false_discovery_rate=options.false_discovery_rate,
        seed=seed,
        threads=threads,
        focus=seen,
        higher_is_better=better,
    ).facts()
    progress("the weakest link", 0.6)
    counted = np.flatnonzero(problem.touchpoint & (result.strength.value > 0))
    values = result.values[:, counted] * np.clip(result.slope[counted], 0.0, significance.SLOPE_CAP)
    told["weakest_link"] = weakest_link(
        values, problem.y, problem.customer, problem.kind, seed=seed, higher_is_better=better
    ).facts()
    if reader is not None:
        progress("peak and end", 0.7)
        met = _encounters(result, reader, counted.tolist())
        told["peak_end"] = peak_end(
            met.row, met.badness, met.age_days, problem.y, problem.customer, problem.kind, higher_is_better=better
        ).facts()
        told["consistency"] = consistency(
            met.row, met.badness, met.age_days, problem.y, problem.customer, problem.kind, higher_is_better=better
        ).facts()
    return told


def _groups(
    result: Result,
    options: Drivers,
    parts: Sequence[Variable],
    as_of: npt.NDArray[np.int64] | None,
    since: int | None,
    seed: int,
) -> dict[str, Any]:
    """The table for parts of the customers and for periods; a segment is named by its variable and value."""
    slope = np.clip(result.slope, 0.0, significance.SLOPE_CAP)
    evidence = Evidence(result.problem, result.values, result.repeats, result.raw, slope, result.key)
    rate, draws = options.false_discovery_rate, options.bootstraps
    found = segments(evidence, parts, false_discovery_rate=rate, draws=draws, seed=seed)
    over_time = None
    if as_of is not None:
        over_time = changes(evidence, as_of, false_discovery_rate=rate, draws=draws, seed=seed, since=since)
    return {
        "segments": {
            f"{one.variable}:{segment.value}": {"variable": one.variable, **segment.facts()}
            for one in found
            for segment in one.segments
        },
        "segment_differences": [
            {"variable": one.variable, **difference.facts()} for one in found for difference in one.differences
        ],
        "changes": None if over_time is None else over_time.facts(iso),
    }


def _encounters(result: Result, reader: EncounterReader, counted: list[int]) -> Badness:
    """Every measured encounter of touchpoints that matter at all, each weighing as deep as its touchpoint goes."""
    names = [result.problem.blocks[b].name for b in counted]
    return badness([reader(name) for name in names], [float(result.depth.value[b]) for b in counted])
