"""What is computed of an encounter from its measures: effort, quality, worse than usual, within the promised level, cost.

One compiled pass over the encounters for every host. The tables it reads are a vocabulary's, made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numba
import numpy as np
from numpy.typing import NDArray

from features.journey import MINUTES_PER_UNIT, Vocabulary
from features.layout import COST, KIND, MEASURE_SCALE, MONEY_SCALE, QUALITY, TOTALS

if TYPE_CHECKING:
    from features.layout import Layout

QUALITY_LIMIT: Final = 3.0
"""A measure's distance from usual counts to this many usual distances, so that one wild value does not outweigh all others."""

_NULL: Final = np.iinfo(np.int64).min
_LIMIT: Final = 1e9
_EFFORTS: Final = tuple(TOTALS)
_TOTAL, _QUALITY, _COST, _KIND, _WORSE, _WITHIN = range(6)


@dataclass(frozen=True)
class Judge:
    """A layout's computed columns, and the tables they are computed from.

    Attributes
    ----------
    steps
        Per computed column: what it is, and of which effort or measure (-1: of the quality), shape (n, 2).
    usual
        Usual value and usual distance from it of each kind and measure, the unknown kind last; (kinds + 1, measures, 2).
    sign, within, effort, factor, middle
        Per measure: 1 where higher is better, else -1; the promised level; place of its effort (-1: none); minutes per unit;
        the value from which emotion is counted.
    cost
        Per kind, in ten-thousandths of money.
    """

    steps: NDArray[np.int64]
    usual: NDArray[np.float64]
    sign: NDArray[np.float64]
    within: NDArray[np.float64]
    effort: NDArray[np.int64]
    factor: NDArray[np.float64]
    middle: NDArray[np.float64]
    cost: NDArray[np.int64]

    @classmethod
    def of(cls, layout: Layout) -> Judge:
        """For a layout."""
        vocabulary = layout.vocabulary
        infos = list(vocabulary.measures.values())
        return cls(
            steps=np.array([_step(name, vocabulary) for name in layout.computed], dtype=np.int64).reshape(-1, 2),
            usual=np.array(
                [
                    [vocabulary.usual.get(f"{kind}|{name}", (np.nan, np.nan)) for name in vocabulary.measures]
                    for kind in (*vocabulary.touchpoints, None)
                ],
                dtype=np.float64,
            ).reshape(len(vocabulary.touchpoints) + 1, len(infos), 2),
            sign=np.array([1.0 if info.better == "higher" else -1.0 for info in infos]),
            within=np.array([np.nan if info.within is None else info.within for info in infos]),
            effort=np.array(
                [_EFFORTS.index(info.effort) if info.effort is not None else -1 for info in infos], dtype=np.int64
            ),
            factor=np.array([MINUTES_PER_UNIT.get(info.unit.lower(), 1.0) for info in infos]),
            middle=np.array([info.median for info in infos]),
            cost=np.array(
                [*(round(vocabulary.costs.get(kind, 0.0) * MONEY_SCALE) for kind in vocabulary.touchpoints), 0],
                dtype=np.int64,
            ),
        )

    def fill(self, raw: NDArray[np.float64], own: NDArray[np.int64], values: NDArray[np.int64], first: int) -> None:
        """Write the computed columns into `values` from column `first` on.

        Parameters
        ----------
        raw
            The measures, (n, measures), NaN where missing.
        own
            Each encounter's kind, counted from the vocabulary's first; the unknown kind is the last, (n,).
        values
            Value columns, (n, width).
        first
            Place of the first computed column.
        """
        if len(self.steps):
            _fill(
                raw, own, values, first, self.steps, self.usual, self.sign, self.within, self.effort, self.factor,
                self.middle, self.cost,
            )  # fmt: skip


def _step(name: str, vocabulary: Vocabulary) -> tuple[int, int]:
    if name in TOTALS.values():
        return _TOTAL, list(TOTALS.values()).index(name)
    if name in {QUALITY, COST, KIND}:
        return {QUALITY: _QUALITY, COST: _COST, KIND: _KIND}[name], -1
    flag, measure = name.split("|", 1)
    place = list(vocabulary.measures).index(measure) if measure in vocabulary.measures else -1
    return (_WITHIN if flag == "within" else _WORSE), place


@numba.njit(cache=True, nogil=True)
def fixed(number, scale, limit):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """A number as an integer of `1/scale`; `NULL` where it is missing, infinite or beyond the limit."""
    return np.int64(np.rint(number * scale)) if abs(number) <= limit else _NULL


@numba.njit(cache=True, nogil=True)
def all_fixed(numbers, scale, limit):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Each of some numbers `fixed`, shape (n,)."""
    found = np.empty(len(numbers), dtype=np.int64)
    for i in range(len(numbers)):
        found[i] = fixed(numbers[i], scale, limit)
    return found


@numba.njit(cache=True, nogil=True)
def _quality_of(raw, i, kind, usual, sign):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Mean over an encounter's measures of their distance from the usual value of its kind, positive on the better side."""
    total, count = 0.0, 0
    for m in range(raw.shape[1]):
        distance = sign[m] * ((raw[i, m] - usual[kind, m, 0]) / usual[kind, m, 1])
        if np.isnan(distance):
            continue
        total += min(max(distance, -QUALITY_LIMIT), QUALITY_LIMIT)
        count += 1
    return total / count if count else np.nan


@numba.njit(cache=True, nogil=True)
def _fill(raw, own, values, first, steps, usual, sign, within, effort, factor, middle, cost):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    measures = raw.shape[1]
    for i in range(len(own)):
        kind = own[i]
        for s in range(len(steps)):
            what, which = steps[s, 0], steps[s, 1]
            x = _NULL
            if what == 0:
                for m in range(measures):
                    if effort[m] != which:
                        continue
                    number = raw[i, m]
                    if which == 0:
                        number *= factor[m]
                    elif which == 2:
                        # Only the bad side of the company's middle is an effort; a warm encounter pays for no cold one.
                        number = max(sign[m] * (middle[m] - number), 0.0) if not np.isnan(number) else np.nan
                    part = fixed(number, MEASURE_SCALE, _LIMIT)
                    if part != _NULL:
                        x = part if x == _NULL else x + part
            elif what == 1:
                x = fixed(_quality_of(raw, i, kind, usual, sign), MEASURE_SCALE, _LIMIT)
            elif what == 2:
                x = cost[kind]
            elif what == 3:
                x = kind if kind < len(usual) - 1 else _NULL
            elif what == 4 and which < 0:
                # To the millionth, as the quality itself: what cancels out is neither good nor bad.
                quality = fixed(_quality_of(raw, i, kind, usual, sign), MEASURE_SCALE, _LIMIT)
                if quality != _NULL:
                    x = 1 if quality < 0 else 0
            elif what == 4:
                if not (np.isnan(raw[i, which]) or np.isnan(usual[kind, which, 0])):
                    x = 1 if sign[which] * (raw[i, which] - usual[kind, which, 0]) < 0.0 else 0
            elif not (np.isnan(raw[i, which]) or np.isnan(within[which])):
                x = 1 if sign[which] * (raw[i, which] - within[which]) >= 0.0 else 0
            values[i, first + s] = x
