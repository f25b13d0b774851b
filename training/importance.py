"""What a model makes use of: each driver's part in its scores, over a sample of rows.

A driver's part is the mean size of the sum of its features' contributions (SHAP values, Lundberg et al., 2020), added up before
their sizes are taken, so that features that undo each other do not count twice. It says what the model looks at, not what
moves customers: see `drivers` for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.bundle import Bundle

Array = NDArray[np.float64]

ROWS: Final = 400
"""Rows that are enough for a picture: contributions are the costliest answer a model gives."""


@dataclass(frozen=True, slots=True)
class Part:
    """A driver, the number of its features, its mean part in the score, and its share among all drivers."""

    driver: str
    features: int
    size: float
    share: float


def sample(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """As many of the rows as are needed, in their order."""
    if len(rows) <= ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, ROWS, replace=False))


def importances(bundle: Bundle, X: Array) -> tuple[Part, ...]:
    """The drivers by their part in the scores of some rows (n, p) of the bundle's features, the largest first."""
    contributions = bundle.contributions(X)[:, :-1]
    names, number, counts = np.unique(
        [feature.driver for feature in bundle.catalog.features], return_inverse=True, return_counts=True
    )
    membership = np.eye(len(names))[number]
    sizes = np.abs(contributions @ membership).mean(axis=0)
    total = float(sizes.sum()) or 1.0
    order = np.lexsort((names, -sizes))
    return tuple(
        Part(str(names[place]), int(counts[place]), float(sizes[place]), float(sizes[place]) / total) for place in order
    )
