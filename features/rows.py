"""Rows of a training set or of a batch of scores: always (customer_id, as_of), sorted by as_of, then customer_id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NO_AS_OF: Final = 2**61
"""The as_of of a flat table, which has no times: later than any event, so that all that is known counts."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which customers at which moments, with labels where they are known.

    Parameters
    ----------
    customer_id
        Ids, shape (n,), objects of type str.
    as_of
        Microseconds UTC, shape (n,), int64; `NO_AS_OF` in a flat table.
    label
        Shape (n,), float64; None where nothing is to be learnt.
    """

    customer_id: NDArray[np.object_]
    as_of: NDArray[np.int64]
    label: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if len(self.customer_id) != len(self.as_of):
            raise ValueError("customer_id and as_of differ in length")

    def __len__(self) -> int:
        return len(self.as_of)
