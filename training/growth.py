"""A booster that grows tree by tree: by LightGBM's own objective, or by proportional odds, which LightGBM does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training import cumulative
from training.questions import Objective

Array = NDArray[np.float64]

LINK: Final[Objective] = "cumulative"
"""The objective whose labels are categories 0, 1, 2 and whose gradients are ours (`training.cumulative`)."""


class Growth:
    """One booster on one part of the rows, and what it loses on another.

    Parameters
    ----------
    parameters
        LightGBM's, whose objective may also be `LINK`.
    data
        The rows that teach, with their labels.
    valid
        Rows whose loss is watched, if any.
    """

    def __init__(self, parameters: Mapping[str, Any], data: lgb.Dataset, valid: lgb.Dataset | None = None) -> None:
        self._linked = parameters["objective"] == LINK
        own = {"objective": "none", "metric": "none"} if self._linked else {}
        self.booster = lgb.Booster({**parameters, **own}, data)
        if valid is not None:
            self.booster.add_valid(valid, "valid")
        self._thresholds: Array | None = None

    def update(self) -> None:
        """Grow one tree."""
        if self._linked:
            self.booster.update(fobj=self._pull)
        else:
            self.booster.update()

    def loss(self) -> float:
        """Mean loss on the watched rows."""
        found = self.booster.eval_valid(self._measure if self._linked else None)
        return float(found[0][2])

    def _pull(self, score: Array, data: lgb.Dataset) -> tuple[Array, Array]:
        category = _categories(data)
        _, self._thresholds = cumulative.likeliest(score, category, slope=1.0, start=self._thresholds)
        return cumulative.derivatives(score, category, self._thresholds)

    def _measure(self, score: Array, data: lgb.Dataset) -> tuple[str, float, bool]:
        thresholds = np.zeros(2) if self._thresholds is None else self._thresholds
        return LINK, cumulative.loss(score, _categories(data), thresholds), False


def _categories(data: lgb.Dataset) -> NDArray[np.int64]:
    return np.asarray(data.get_label()).astype(np.int64)
