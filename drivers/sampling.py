"""Which rows the driver model sees, and what each then counts for.

Points and money: whole customers, drawn by seed. Churn: every row that ended in leaving and a draw of the others, four to
one. Log-odds models may be fitted on such a sample, only their level moves (Prentice and Pyke, 1979), and beyond four
controls a case the slopes gain next to nothing; so the rows go where the knowledge is. Whatever is said of *all* customers
(strength, reach, the base rate) is weighted back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Ints, Kind

CONTROLS_PER_CASE: Final = 12
_FEWEST: Final = 4_000  # rows that are worth taking even when cases are few: the learner needs them to see rare blocks


@dataclass(frozen=True)
class Sample:
    """Positions of the rows, ascending, and the weight of each (mean 1)."""

    rows: npt.NDArray[np.intp]
    weight: Floats


def draw(y: Floats, customer: Ints, kind: Kind, max_rows: int, seed: int) -> Sample:
    """Draw at most about `max_rows` rows of (rows,) outcomes and customer codes."""
    rng = np.random.default_rng([seed, 4])
    if kind == "binary":
        return _cases_and_controls(y, max_rows, rng)
    if len(y) <= max_rows:
        return _even(np.arange(len(y)))
    _, code, count = np.unique(customer, return_inverse=True, return_counts=True)
    order = rng.permutation(len(count))
    kept = np.zeros(len(count), dtype=bool)
    kept[order[np.cumsum(count[order]) <= max_rows]] = True
    return _even(np.flatnonzero(kept[code]))


def _cases_and_controls(y: Floats, max_rows: int, rng: np.random.Generator) -> Sample:
    cases, controls = np.flatnonzero(y > 0), np.flatnonzero(y <= 0)
    wanted = min(max_rows, max(_FEWEST, (1 + CONTROLS_PER_CASE) * min(len(cases), len(controls))), len(y))
    if wanted == len(y):
        return _even(np.arange(len(y)))
    few, many = (cases, controls) if len(cases) <= len(controls) else (controls, cases)
    n_few = min(len(few), wanted // 2)
    n_many = min(len(many), wanted - n_few)
    few_rows = np.sort(rng.choice(few, n_few, replace=False))
    many_rows = np.sort(rng.choice(many, n_many, replace=False))
    rows = np.concatenate([few_rows, many_rows])
    weight = np.concatenate([np.full(n_few, len(few) / n_few), np.full(n_many, len(many) / n_many)])
    order = np.argsort(rows)
    return Sample(rows[order], weight[order] / weight.mean())


def _even(rows: npt.NDArray[np.intp]) -> Sample:
    return Sample(rows, np.ones(len(rows)))
