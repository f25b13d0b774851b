"""Shapes of columns as a few counts, and whether two of them differ by more than chance and habit.

The population stability index of two samples of n and m customers is, without change, chi-square with (bins - 1) degrees of
freedom times (1/n + 1/m) (Yurdakul, 2018), so its critical value follows from both sizes: a fixed .1 is noise in a hundred
customers and a landslide in a million. A column that always moves (everybody grows older) is held against its habit: the index
is then non-central chi-square with the usual index as its centre. A missing value is no bin; gaps have a test of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS: Final = 10
WIDTH: Final = 32
"""Places of a column's values; one more counts what is missing. Categories beyond share places by their code: a choice by their
counts (the most frequent ones) would make the reference differ from every other sample."""
LEAST_EXPECTED: Final = 5.0
"""Customers that a bin must be expected to hold in the smaller sample: the usual rule of chi-square tests."""
LEAST_CUSTOMERS: Final = 30


@dataclass(frozen=True, slots=True)
class Bins:
    """Where a column's values are counted: between quantiles of the reference, or by category.

    Parameters
    ----------
    edges
        Inner limits of a number's bins, rising; a value on a limit is below it.
    category
        Whether values are codes of categories.
    """

    edges: tuple[float, ...] = ()
    category: bool = False

    @classmethod
    def of(cls, values: Array, *, category: bool = False) -> Bins:
        """From the reference's values (n,), NaN where missing."""
        known = values[~np.isnan(values)]
        if category or not len(known):
            return cls(category=category)
        return cls(tuple(np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])).tolist()))

    def place(self, values: Array) -> Counts:
        """The place of each value; `WIDTH` for what is missing."""
        missing = np.isnan(values)
        if self.category:
            found = np.where(missing, 0, values).astype(np.int64) % WIDTH
        else:
            found = np.searchsorted(np.array(self.edges), values, side="left")
        return np.where(missing, WIDTH, found).astype(np.int64)


def count(bins: Sequence[Bins], X: Array, group: Counts, groups: int) -> Counts:
    """Values per group, column and place: rows X (n, columns) with their group (n,) to (groups, columns, WIDTH + 1)."""
    out = np.zeros((groups, len(bins), WIDTH + 1), dtype=np.int64)
    for column, item in enumerate(bins):
        place = group * (WIDTH + 1) + item.place(X[:, column])
        out[:, column] = np.bincount(place, minlength=groups * (WIDTH + 1)).reshape(groups, -1)
    return out


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one column has moved.

    Parameters
    ----------
    psi
        Population stability index of the values that are there; None with too few.
    degrees
        Bins that took part, less one.
    scale
        1/n + 1/m: the index in units of chi-square.
    usual
        The index that the column has between periods of the training data.
    p_value
        Chance of so large an index without more change than usual.
    nulls, nulls_before
        Share of missing values now and in the reference.
    nulls_p
        Chance of so large a difference of those shares: the larger of an exact test's and of that beyond the usual difference.
    """

    psi: float | None
    degrees: int
    scale: float
    usual: float
    p_value: float
    nulls: float
    nulls_before: float
    nulls_p: float

    def critical(self, level: float) -> float | None:
        """The index beyond which the column has moved, at this chance of a false alarm."""
        if self.psi is None:
            return None
        return float(_beyond(level, self.degrees, self.usual / self.scale) * self.scale)


def shift(
    before: Counts, now: Counts, customers: tuple[int, int], usual: float = 0.0, usual_nulls: float = 0.0
) -> Shift:
    """Compare one column's counts (WIDTH + 1,) in the reference and now.

    `customers` are those of both samples: where a customer has several rows, rows say less than their number.
    """
    parts = [np.asarray(item, dtype=np.float64) for item in (before, now)]
    parts = [part * min(1.0, size / max(part.sum(), 1.0)) for part, size in zip(parts, customers, strict=True)]
    share_before, share_now = (float(part[WIDTH] / max(part.sum(), 1e-12)) for part in parts)
    sizes = [float(part.sum()) for part in parts]
    nulls_p = _beyond_habit(abs(share_now - share_before) - usual_nulls, share_before, share_now, sizes)
    if nulls_p < 1.0:
        nulls_p = max(nulls_p, _fisher(*(round(float(value)) for part in parts for value in (part[WIDTH], part.sum()))))
    psi, degrees, scale = index(parts[0][:WIDTH], parts[1][:WIDTH])
    p_value = 1.0 if psi is None else _chance(psi / scale, degrees, usual / scale)
    return Shift(psi, degrees, scale, usual, p_value, share_now, share_before, nulls_p)


def index(before: Array, now: Array) -> tuple[float | None, int, float]:
    """The stability index of two vectors of counts, its degrees of freedom and 1/n + 1/m.

    Neighbours with too few expected customers are counted together, and half a customer is added to each bin, so that an
    empty one costs what is known and not infinity.
    """
    n, m = float(before.sum()), float(now.sum())
    if min(n, m) < LEAST_CUSTOMERS:
        return None, 0, 1.0
    expected = (before + now) / (n + m) * min(n, m)
    together = _merge(expected)
    if together[-1] == 0:
        return 0.0, 0, 1 / n + 1 / m
    a, b = (np.bincount(together, weights=part) + 0.5 for part in (before, now))
    a, b = a / a.sum(), b / b.sum()
    return float(((b - a) * np.log(b / a)).sum()), int(together[-1]), 1 / n + 1 / m


def excess(psi: float | None, degrees: int, scale: float) -> float:
    """The index less what chance alone gives it: an estimate of the change itself, at least 0."""
    return 0.0 if psi is None else max(0.0, psi - degrees * scale)


def q_values(p_values: Sequence[float]) -> Array:
    """Benjamini and Hochberg (1995): the false discovery rate at which each would be called."""
    return np.asarray(stats.false_discovery_control(p_values)) if len(p_values) else np.zeros(0)


def _merge(expected: Array) -> Counts:
    """Number of the bin that each place goes to, so that every bin is expected to hold enough."""
    number, room, out = 0, 0.0, np.zeros(len(expected), dtype=np.int64)
    for place, value in enumerate(expected):
        if room >= LEAST_EXPECTED:
            number, room = number + 1, 0.0
        out[place] = number
        room += value
    if room < LEAST_EXPECTED and number:
        out[out == number] = number - 1
    return out


def _chance(value: float, degrees: int, centre: float) -> float:
    if degrees < 1:
        return 1.0
    law = stats.ncx2(degrees, centre) if centre > 0 else stats.chi2(degrees)
    return float(law.sf(value))


def _beyond(level: float, degrees: int, centre: float) -> float:
    if degrees < 1:
        return 0.0
    law = stats.ncx2(degrees, centre) if centre > 0 else stats.chi2(degrees)
    return float(law.isf(level))


def noise(before: float, now: float, sizes: Sequence[float]) -> float:
    """Standard error of the difference of two shares."""
    return float(np.sqrt(sum(share * (1 - share) / max(n, 1.0) for share, n in zip((before, now), sizes, strict=True))))


def _beyond_habit(far: float, before: float, now: float, sizes: Sequence[float]) -> float:
    """Chance that shares which differ by no more than usual are so much farther apart."""
    if far <= 0:
        return 1.0
    spread = noise(before, now, sizes)
    return float(2 * stats.norm.sf(far / spread)) if spread > 0 else 0.0


def _fisher(missing_before: int, before: int, missing: int, now: int) -> float:
    """Fisher's exact test of two shares, twice the smaller side."""
    if not before or not now:
        return 1.0
    law = stats.hypergeom(before + now, missing_before + missing, now)
    return float(min(1.0, 2 * min(law.sf(missing - 1), law.cdf(missing))))
