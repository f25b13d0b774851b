"""Reasons of a score: attributions (TreeSHAP) added up per driver and dimension, the strongest kept.

Correlated features of one side of a driver (the same wait over 30, 90 and 180 days) merge into one reason, since attributions
add up while their split among near-copies is arbitrary (Lundberg & Lee, 2017). Whole blocks of customers at a time, no loop
over rows; every sum runs in feature order, so one customer alone and a customer in a block get the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.definition import Feature

# Below this a group says nothing: the attribution of features that the trees never split on.
NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Group:
    """One side of one driver: what a reason speaks of."""

    driver: str
    dimension: str
    touchpoint: str | None
    features: tuple[int, ...]

    @property
    def code(self) -> str:
        """Stable name of the reason."""
        return f"{self.driver}.{self.dimension}"


@dataclass(frozen=True, slots=True)
class TopReasons:
    """The strongest reasons of a block of customers, best first; places without a reason have group -1.

    Parameters
    ----------
    group
        Index into the groups, shape (n, k).
    contribution
        Sum of the group's attributions in log-odds, shape (n, k).
    feature
        Index of the group's feature that contributes most in the group's direction, shape (n, k).
    value
        That feature's value (a code for a category, NaN for missing), shape (n, k).
    """

    group: NDArray[np.int64]
    contribution: NDArray[np.float64]
    feature: NDArray[np.int64]
    value: NDArray[np.float64]

    @classmethod
    def none(cls, n: int) -> TopReasons:
        """No reasons for n customers."""
        places = np.empty((n, 0), dtype=np.int64)
        amounts = np.empty((n, 0), dtype=np.float64)
        return cls(places, amounts, places, amounts)


class Grouping:
    """The groups of a model's features.

    Parameters
    ----------
    features
        The model's features in column order.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        # A touchpoint may be called as a group of controls is ("value"): they are two drivers.
        members: dict[tuple[bool, str, str], list[int]] = {}
        for number, feature in enumerate(features):
            key = (feature.role == "touchpoint", feature.driver, feature.dimension)
            members.setdefault(key, []).append(number)
        self.features = tuple(features)
        self.groups = tuple(
            Group(
                driver,
                dimension,
                driver if touchpoint else None,
                tuple(numbers),
            )
            for (touchpoint, driver, dimension), numbers in members.items()
        )
        self._of = np.empty(len(features), dtype=np.int64)
        for number, group in enumerate(self.groups):
            self._of[list(group.features)] = number

    def top(
        self, matrix: NDArray[np.float64], contributions: NDArray[np.float64], count: int, *, raising_first: bool
    ) -> TopReasons:
        """The `count` strongest groups of each row.

        Parameters
        ----------
        matrix
            Feature values, shape (n, p).
        contributions
            Attributions with the bias last, shape (n, p + 1).
        count
            Reasons at most.
        raising_first
            Put the reasons that raise the score before those that lower it.
        """
        n, p = matrix.shape
        groups = len(self.groups)
        kept = min(count, groups)
        if n == 0 or kept == 0:
            return TopReasons.none(n)
        parts = np.ascontiguousarray(contributions[:, :p])
        places = np.arange(n, dtype=np.int64)[:, None] * groups + self._of
        # bincount adds in the order of the features, whatever n is: a matrix product would not.
        sums = np.bincount(places.ravel(), weights=parts.ravel(), minlength=n * groups).reshape(n, groups)
        chosen = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :kept]
        rows = np.arange(n)[:, None]
        if raising_first:
            lowering = sums[rows, chosen] <= 0
            chosen = chosen[rows, np.argsort(lowering, axis=1, kind="stable")]
        strength = np.asarray(np.take_along_axis(sums, chosen, axis=1), dtype=np.float64)
        feature = np.empty((n, kept), dtype=np.int64)
        for place in range(kept):
            mine = self._of == chosen[:, place, None]
            signed = parts * np.sign(strength[:, place, None])
            feature[:, place] = np.where(mine, signed, -np.inf).argmax(axis=1)
        empty_places = np.abs(strength) < NOTHING
        # Sorting by sign may have left an empty place before a filled one; the filled ones move up.
        order = np.argsort(empty_places, axis=1, kind="stable")
        group = np.where(empty_places, -1, chosen)[rows, order]
        feature = feature[rows, order]
        values: NDArray[np.float64] = matrix[rows, feature]
        return TopReasons(group, np.asarray(strength[rows, order], dtype=np.float64), feature, values)
