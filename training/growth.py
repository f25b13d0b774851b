"""A booster that grows tree by tree: by LightGBM's own objective, or by one that LightGBM does not know.

Ours are proportional odds and discrete-time hazards. Both have levels beside the score, which are the likeliest for it and are
found anew before each tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training import cumulative, hazards
from training.questions import Objective

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LINK: Final[Objective] = "cumulative"
"""The objective whose labels are categories 0, 1, 2 and whose gradients are those of `training.cumulative`."""

HAZARDS: Final[Objective] = "hazards"
"""The objective whose labels are codes of `training.hazards`, which gives its gradients."""


@dataclass(frozen=True)
class _Own:
    """An objective of ours: levels from scores (n,), labels (n,) and earlier levels; derivatives and loss at levels."""

    likeliest: Callable[[Array, Ints, Array | None], Array]
    derivatives: Callable[[Array, Ints, Array], tuple[Array, Array]]
    loss: Callable[[Array, Ints, Array], float]
    before: Array
    """Levels before the first tree."""


def _thresholds(score: Array, category: Ints, start: Array | None) -> Array:
    return cumulative.likeliest(score, category, slope=1.0, start=start)[1]


OWN: Final[dict[str, _Own]] = {
    LINK: _Own(_thresholds, cumulative.derivatives, cumulative.loss, np.zeros(2)),
    HAZARDS: _Own(hazards.likeliest, hazards.derivatives, hazards.loss, np.zeros(1)),
}


class Growth:
    """One booster on one part of the rows, and what it loses on another.

    Parameters
    ----------
    parameters
        LightGBM's, whose objective may also be `LINK` or `HAZARDS`.
    data
        The rows that teach, with their labels.
    valid
        Rows whose loss is watched, if any.
    """

    def __init__(self, parameters: Mapping[str, Any], data: lgb.Dataset, valid: lgb.Dataset | None = None) -> None:
        self._own = OWN.get(parameters["objective"])
        none = {} if self._own is None else {"objective": "none", "metric": "none"}
        self.booster = lgb.Booster({**parameters, **none}, data)
        if valid is not None:
            self.booster.add_valid(valid, "valid")
        self._levels: Array | None = None

    def update(self) -> None:
        """Grow one tree."""
        own = self._own
        if own is None:
            self.booster.update()
            return

        def pull(score: Array, data: lgb.Dataset) -> tuple[Array, Array]:
            self._levels = own.likeliest(score, _labels(data), self._levels)
            return own.derivatives(score, _labels(data), self._levels)

        self.booster.update(fobj=pull)

    def finished(self) -> lgb.Booster:
        """The trees alone, without the rows that they were grown on, which a booster would keep."""
        return lgb.Booster(model_str=self.booster.model_to_string(num_iteration=-1))

    def loss(self) -> float:
        """Mean loss on the watched rows."""
        own = self._own
        if own is None:
            return float(self.booster.eval_valid()[0][2])

        def measure(score: Array, data: lgb.Dataset) -> tuple[str, float, bool]:
            levels = own.before if self._levels is None else self._levels
            return "loss", own.loss(score, _labels(data), levels), False

        return float(self.booster.eval_valid(measure)[0][2])


def _labels(data: lgb.Dataset) -> Ints:
    return np.asarray(data.get_label()).astype(np.int64)
