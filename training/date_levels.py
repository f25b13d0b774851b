"""The levels of dates where a target has several: of churn one, of a time to churn one for each period.

Churn by one horizon is one yes-or-no question about all rows; a time to churn asks one of those at risk in each of its periods. Every
such part has a slope of its own and levels of its own dates (`training.level`), which are foreseen apart: the first period's are known
long before the last one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.schema import MICROSECONDS_PER_DAY
from training import hazards
from training.bundle import sigmoid
from training.calibration import fit_slope
from training.dataset import Dataset
from training.level import CROWD, Levels, foreseen, levels, offsets
from training.periods import days_of
from training.questions import Question

Array = NDArray[np.float64]
Dates = NDArray[np.int64]

_STEPS: Final = 50
_FARTHEST: Final = 8.0


@dataclass(frozen=True)
class Part:
    """A yes-or-no question: its rows (k,) among those looked at, and their labels 0/1 (k,)."""

    rows: NDArray[np.int64]
    y: Array

    @property
    def tells(self) -> bool:
        """Whether both answers occur."""
        return bool(len(self.y)) and 0.0 < float(self.y.mean()) < 1.0


@dataclass(frozen=True)
class DateLevels:
    """Per part the slope of raw scores, the known dates' levels, and microseconds until a date's level is known."""

    slopes: tuple[float, ...]
    known: tuple[Levels, ...]
    windows: tuple[int, ...]

    def foreseen(self, at: Sequence[int]) -> tuple[Array, Array]:
        """The recent level of each part (parts,), and what the season adds to it at each date of `at`, (dates, parts)."""
        found = [foreseen(known, at, window) for known, window in zip(self.known, self.windows, strict=True)]
        return np.array([recent[0] for recent, _ in found]), np.array([moves for _, moves in found]).T


def windows_of(dataset: Dataset) -> tuple[int, ...]:
    """Microseconds from a date until the level of each part is known."""
    if dataset.task != "survival":
        return (dataset.window,)
    lead = int(dataset.spec.get("lead_days", 0))
    return tuple((lead + day) * MICROSECONDS_PER_DAY for day in days_of(dataset.spec))


def parts_of(question: Question, periods: int) -> tuple[Part, ...]:
    """The parts of a question about some rows; of a time to churn those at risk in each of so many periods."""
    if question.objective != "hazards":
        return (Part(np.arange(len(question.y)), question.y),)
    risk, hit = hazards.decode(question.y.astype(np.int64))
    found = []
    for period in range(1, periods + 1):
        rows = np.flatnonzero(risk >= period)
        found.append(Part(rows, (hit[rows] & (risk[rows] == period)).astype(np.float64)))
    return tuple(found)


def beside_dates(question: Question, as_of: Dates) -> Question:
    """The question with the level of each row's date known beforehand, so that no tree tells dates apart."""
    if question.objective != "hazards":
        return question.beside(offsets(question.y, as_of))
    return question.beside(_hazard_offsets(question.y.astype(np.int64), as_of))


def slopes_of(scores: Array, parts: Sequence[Part], as_of: Dates) -> tuple[float, ...]:
    """The slope of each part for out-of-fold raw scores (n,), every date with a level of its own; a part that tells nothing takes the last."""
    found = [1.0]
    for part in parts:
        found.append(fit_slope(scores[part.rows], part.y, as_of[part.rows]) if part.tells else found[-1])
    return tuple(found[1:])


def learn(
    raw: Array, slopes: tuple[float, ...], parts: Sequence[Part], as_of: Dates, windows: tuple[int, ...]
) -> DateLevels:
    """The levels of known dates, given the raw scores (n,) of a model for rows of these dates (n,)."""
    known: list[Levels] = []
    for slope, part in zip(slopes, parts, strict=True):
        if len(part.rows) or not known:
            known.append(levels(slope * raw[part.rows], part.y, as_of[part.rows]))
        else:
            known.append(known[-1])
    return DateLevels(slopes, tuple(known), windows)


def _hazard_offsets(code: NDArray[np.int64], as_of: Dates) -> Array:
    """What each row's date adds to the log-odds of all periods, (n,): it makes the date's events add up, with ten rows as usual mixed in."""
    risk, hit = hazards.decode(code)
    usual = hazards.likeliest(np.zeros(len(code)), code)
    _, number = np.unique(as_of, return_inverse=True)
    at_risk = np.column_stack([np.bincount(number, risk > period) for period in range(len(usual))])
    rows = np.bincount(number)[:, None]
    mixed = at_risk * (1.0 + CROWD / rows)
    target = np.bincount(number, hit) + (at_risk * CROWD / rows) @ sigmoid(usual)
    low, high = np.full(len(target), -_FARTHEST), np.full(len(target), _FARTHEST)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        fewer = (mixed * sigmoid(usual + middle[:, None])).sum(axis=1) < target
        low, high = np.where(fewer, middle, low), np.where(fewer, high, middle)
    return np.asarray((0.5 * (low + high))[number])
