"""The rows of a training by what they were for, each part with its digest: what a run logs as data sets and the card lists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.dataset import Dataset
from training.split import Rows, Split
from training.targets.grid import iso

_BLOCK: Final = 8192


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one use.

    Parameters
    ----------
    use
        ``training``, ``validation`` (the answered rows of the inner folds; they teach as well), ``test``, or ``folds``: every row
        in each of the three roles, by turns.
    rows, customers
        How many.
    first, last
        First and last as_of (ISO, UTC); None for a flat table.
    digest
        Sha256 of the rows' moments, labels and features.
    """

    use: str
    rows: int
    customers: int
    first: str | None
    last: str | None
    digest: str


def parts(dataset: Dataset, division: Split) -> tuple[Part, ...]:
    """The parts of a division."""
    customers = dataset.customers
    if not division.out_of_time:
        return (_part("folds", dataset, customers, division.train),)
    answered = np.unique(np.concatenate([valid for _, valid in division.folds]))
    found = {"training": division.train, "validation": answered, "test": division.test}
    return tuple(_part(use, dataset, customers, rows) for use, rows in found.items())


def _part(use: str, dataset: Dataset, customers: Rows, rows: Rows) -> Part:
    moments = dataset.as_of[rows]
    first, last = (None, None) if dataset.flat else (iso(int(moments.min())), iso(int(moments.max())))
    return Part(use, len(rows), len(np.unique(customers[rows])), first, last, digest(dataset, rows))


def digest(dataset: Dataset, rows: Rows) -> str:
    """Sha256 of some rows; blocks keep the memory small."""
    whole = hashlib.sha256()
    for values in (dataset.as_of, dataset.label, dataset.X):
        for start in range(0, len(rows), _BLOCK):
            whole.update(np.ascontiguousarray(values[rows[start : start + _BLOCK]]).tobytes())
    return whole.hexdigest()
