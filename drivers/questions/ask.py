"""What is asked of an analysis besides its table: pairs, the weakest link, peak and end, consistency. Result -> plain facts.

Every question uses the same rows and held-out values as the table, and each says "not shown" where the data do not tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from configs.settings import Drivers
from drivers import significance
from drivers.encounters import EncounterReader
from drivers.questions.badness import Badness, badness
from drivers.questions.interactions import interactions
from drivers.questions.peak_end import peak_end
from drivers.questions.weakest_link import consistency, weakest_link
from drivers.result import Result

Progress = Callable[[str, float], None]

_REPEATS: Final = 3  # of the folds for pairs: their models are asked for one thing only


def ask(
    result: Result,
    options: Drivers,
    reader: EncounterReader | None,
    *,
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
    seed, threads
        Answers depend on the seed, not on the threads.
    progress
        Called with a message and the fraction done.
    """
    problem = result.problem
    told: dict[str, Any] = {"interactions": None, "weakest_link": None, "peak_end": None, "consistency": None}
    if not result.tests.gate.passed or not problem.touchpoint.any():
        return told
    better = problem.kind == "linear"
    progress("pairs of touchpoints", 0.0)
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


def _encounters(result: Result, reader: EncounterReader, counted: list[int]) -> Badness:
    """Every measured encounter of touchpoints that matter at all, each weighing as deep as its touchpoint goes."""
    names = [result.problem.blocks[b].name for b in counted]
    return badness([reader(name) for name in names], [float(result.depth.value[b]) for b in counted])
