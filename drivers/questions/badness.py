"""How badly each encounter before a row went: one number per encounter, comparable between touchpoints.

(encounters of measures) -> (encounters,) the mean over an encounter's measures of how far each lies on its bad side, in standard deviations of
that measure at that touchpoint, times what the touchpoint weighs. What was not measured has no badness; an encounter of which nothing was measured is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats
from drivers.dose_response import Encounters


@dataclass(frozen=True)
class Badness:
    """Encounters (encounters,): the row each precedes, how badly it went, and how many days before as_of it was."""

    row: npt.NDArray[np.intp]
    badness: Floats
    age_days: Floats


def badness(touchpoints: Sequence[Sequence[Encounters]], weights: Sequence[float]) -> Badness:
    """One number per encounter from the measures of each touchpoint, times the touchpoint's weight (how deep it goes)."""
    scale = max(weights, default=0.0) or 1.0
    rows, values, ages = [np.zeros(0, dtype=np.intp)], [np.zeros(0)], [np.zeros(0)]
    for measures, weight in zip(touchpoints, weights, strict=True):
        known = [one for one in measures if len(one.value) and one.value.std() > 0]
        if not known or weight <= 0:
            continue
        row = np.concatenate([one.row for one in known])
        age = np.concatenate([one.age_days for one in known])
        worse = np.concatenate(
            [
                (-1.0 if one.higher_is_better else 1.0) * (one.value - one.value.mean()) / one.value.std()
                for one in known
            ]
        )
        # Measures of one encounter share its row and its age to the microsecond.
        order = np.lexsort((age, row))
        row, age, worse = row[order], age[order], worse[order]
        starts = np.flatnonzero(np.concatenate(([True], (np.diff(row) != 0) | (np.diff(age) != 0))))
        count = np.diff(np.concatenate((starts, [len(row)])))
        rows.append(row[starts])
        ages.append(age[starts])
        values.append(np.add.reduceat(worse, starts) / count * (weight / scale))
    return Badness(np.concatenate(rows), np.concatenate(values), np.concatenate(ages))
