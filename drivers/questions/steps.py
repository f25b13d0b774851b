"""From detractor to passive, from passive to promoter: two questions of their own, with drivers of their own.

NPS on -100, 0 and 100 -> two problems in sequence (continuation ratios; Tutz, 1991): who is no detractor, among all; and who of these is a
promoter. What lifts the content to recommend need not be what stops the unhappy from warning others; "delight" and "do not
disappoint" are different efforts (Kano, 1984). Passives are not compared with detractors alone: whoever was lifted from passive to
promoter would be missing there, and what lifted them would seem to make detractors. Strength is in percentage points of having
taken the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from drivers.attribution import Problem

DETRACTOR: Final = -100.0
PASSIVE: Final = 0.0
PROMOTER: Final = 100.0
STEPS: Final[dict[str, tuple[float, float]]] = {
    "detractor_to_passive": (DETRACTOR, PASSIVE),
    "passive_to_promoter": (PASSIVE, PROMOTER),
}
"""Name to the lowest category that takes part, and the lowest that has taken the step."""
_FEWEST: Final = 100  # customers on either side


@dataclass(frozen=True)
class Step:
    """One step: its name and its problem, the outcome 1 for who has taken it."""

    name: str
    problem: Problem


def steps(problem: Problem) -> tuple[Step, ...]:
    """The steps of an NPS problem that have enough customers on both sides; none where the outcome is no NPS."""
    if problem.kind != "linear" or not set(np.unique(problem.y)) <= {DETRACTOR, PASSIVE, PROMOTER}:
        return ()
    return tuple(Step(name, made) for name, between in STEPS.items() if (made := _step(problem, *between)) is not None)


def _step(problem: Problem, lower: float, upper: float) -> Problem | None:
    rows = np.flatnonzero(problem.y >= lower)
    higher = problem.y[rows] >= upper
    sides = [len(np.unique(problem.customer[rows][side])) for side in (higher, ~higher)]
    if min(sides) < _FEWEST:
        return None
    weight = problem.weight[rows]
    return Problem(
        X=np.ascontiguousarray(problem.X[rows]),
        blocks=tuple(replace(block, met=block.met[rows]) for block in problem.blocks),
        y=higher.astype(np.float64),
        customer=problem.customer[rows],
        kind="binary",
        weight=weight / weight.mean(),
    )
