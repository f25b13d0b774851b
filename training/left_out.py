"""Columns that a model does without: constant, the same as another, or the same for all customers of a date.

Looked at on the rows that teach, label unseen, one column at a time; the order of the rows does not matter. Missing is a value
like any other: one value and gaps are two things to tell apart.

A level of the whole company (its prices of late, say) has one value per as_of. On a grid of few dates that value names the date,
and a tree takes it for that: it learns how each date ended, which says nothing of the next one. Where there are many dates, as with
answers to a survey that come one by one, there is a level to learn from, and the column stays.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["constant", "duplicate", "date"]

CONSTANT: Final = "constant"
SAME_AS: Final = "same as "
DATE_ONLY: Final = "same for all customers of a date"

FEW_DATES: Final = 60
"""From so many dates on a level may be learnt from: five years of months."""
CROWD: Final = 10
"""Rows from which on a date shows that a value is its customers' common one: fewer may agree by chance."""


_WORDS: Final[dict[Kind, str]] = {
    "constant": "constant",
    "duplicate": "the same as another",
    "date": "the same for all customers of a date",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a model takes, and those it does without: name to reason (`CONSTANT`, `SAME_AS` other, `DATE_ONLY`)."""

    kept: NDArray[np.int64]
    dropped: dict[str, str]

    @property
    def levels(self) -> frozenset[str]:
        """Names of those that only tell the date."""
        return frozenset(name for name, reason in self.dropped.items() if reason == DATE_ONLY)


class Grid:
    """The dates of some rows; `as_of` has the shape (n,)."""

    def __init__(self, as_of: NDArray[np.int64]) -> None:
        dates, self._first, self._number, sizes = np.unique(
            as_of, return_index=True, return_inverse=True, return_counts=True
        )
        crowded = np.flatnonzero(sizes >= CROWD)
        self._crowds = self._first[crowded]
        self.few = len(dates) < FEW_DATES and len(crowded) > 1
        # Nearly every column already differs within the largest date, and is done with there.
        self._largest = np.flatnonzero(self._number == np.argmax(sizes)) if self.few else np.empty(0, dtype=np.int64)

    def names(self, values: Array) -> bool:
        """Whether values (n,), one bit pattern for what is equal, are one per date and differ between dates."""
        if not self.few:
            return False
        bits = values.view(np.int64)
        largest = bits[self._largest]
        if (largest != largest[0]).any() or (bits[self._crowds] == bits[self._crowds[0]]).all():
            return False
        return bool((bits == bits[self._first][self._number]).all())


def useful_columns(X: Array, names: Sequence[str], as_of: NDArray[np.int64], levels: Collection[str] = ()) -> Columns:
    """Columns that vary within a date and repeat none before them in every bit, gaps included.

    Parameters
    ----------
    X, names
        Features (n, p), NaN where missing, and their p names.
    as_of
        Date of each row (n,), microseconds; all the same in a flat table.
    levels
        Names already known to tell only the date: the model that ships does without what the judged one had to do without.
    """
    grid = Grid(as_of)
    kept: list[int] = []
    dropped: dict[str, str] = {}
    seen: dict[bytes, str] = {}
    for place, name in enumerate(names):
        # One pattern for every NaN and for both zeros, so that equal columns are equal bytes.
        values = np.ascontiguousarray(X[:, place]) + 0.0
        values[np.isnan(values)] = np.nan
        if len(values) == 0 or (values[0] == values).all() or np.isnan(values).all():
            dropped[name] = CONSTANT
            continue
        if name in levels or grid.names(values):
            dropped[name] = DATE_ONLY
            continue
        key = hashlib.sha256(values.tobytes()).digest()
        if key in seen:
            dropped[name] = SAME_AS + seen[key]
            continue
        seen[key] = name
        kept.append(place)
    return Columns(np.array(kept, dtype=np.int64), dropped)


def kind_of(reason: str) -> Kind | None:
    """Which of the reasons a text is, or None for one that this version does not know."""
    if reason.startswith(SAME_AS):
        return "duplicate"
    kinds: dict[str, Kind] = {CONSTANT: "constant", DATE_ONLY: "date"}
    return kinds.get(reason)


def summary(dropped: dict[str, str]) -> str:
    """How many features a model does without, by reason, in one line."""
    if not dropped:
        return "no feature"
    counts = Counter(map(kind_of, dropped.values()))
    parts = [f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind]]
    return f"{len(dropped)} feature{'s' if len(dropped) > 1 else ''} ({', '.join(parts)})"
