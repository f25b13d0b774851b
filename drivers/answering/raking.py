"""Weights that leave no notable difference: answers are tilted until they agree with all who could answer, feature by feature.

Weights of answers (rows,) -> weights of answers, mean 1, that stay as near to the given ones as agreement allows (exponential
calibration; Deville and Sarndal, 1992). A regularised model of who answers leaves a part of each difference standing; means that are
known of everybody need no model. The feature that differs most is added, then the next, up to ten, and no more than one for every
twenty answers. Missing values count as the mean, values beyond three standard deviations as three.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.answering.balance import standardised
from drivers.attribution import Floats

_MOST: Final = 10
_ANSWERS_EACH: Final = 20
_CLOSE: Final = 0.02  # standard deviations that are left alone: below what a few thousand answers can tell
_BEYOND: Final = 3.0
_RIDGE: Final = 1e-3  # features that say the same share one tilt
_NEWTON: Final = 50


def raked(matrix: Floats, everybody: Floats, weight: Floats) -> Floats:
    """Calibrated weights (rows,), 0 where `weight` is.

    Parameters
    ----------
    matrix
        (rows, columns) features, NaN where missing.
    everybody
        (rows,) weights of all who could answer: their means are agreed with.
    weight
        (rows,) weights of the answers to begin with, 0 where none came.
    """
    said = weight > 0
    told: Floats = np.where(said, weight / weight[said].mean(), 0.0)
    chosen: list[int] = []
    columns: list[Floats] = []
    for _ in range(min(_MOST, int(said.sum()) // _ANSWERS_EACH)):
        left = np.abs(standardised(matrix, everybody, told))
        left[chosen] = 0.0
        worst = int(np.argmax(left))
        if left[worst] <= _CLOSE:
            break
        chosen.append(worst)
        columns.append(_scaled(matrix[:, worst], everybody)[said])
        told = told.copy()
        told[said] = _tilted(np.column_stack(columns), weight[said])
    return told


def _scaled(column: Floats, everybody: Floats) -> Floats:
    """A column with mean 0 over everybody, in standard deviations, cut at three, mean 0 where missing."""
    known = ~np.isnan(column)
    mean = np.average(column[known], weights=everybody[known])
    spread = np.sqrt(np.average((column[known] - mean) ** 2, weights=everybody[known]))
    scaled = np.clip(np.where(known, column - mean, 0.0) / spread, -_BEYOND, _BEYOND)
    centred: Floats = scaled - np.average(scaled, weights=everybody)
    return centred


def _tilted(columns: Floats, weight: Floats) -> Floats:
    """Weights tilted by exp(columns @ tilt), mean 1, with the tilt that brings the weighted means of the columns to zero (Newton)."""
    tilt = np.zeros(columns.shape[1])
    identity: npt.NDArray[np.float64] = np.eye(len(tilt)) * _RIDGE
    share = weight / weight.sum()
    for _ in range(_NEWTON):
        mean = share @ columns
        curvature = (columns * share[:, None]).T @ columns - np.outer(mean, mean) + identity
        step = np.linalg.solve(curvature, mean + _RIDGE * tilt)
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))
        tilt = tilt - step
        exponent = columns @ tilt
        share = weight * np.exp(exponent - exponent.max())
        share /= share.sum()
        if float(np.abs(step).max()) < 1e-8:
            break
    told: Floats = share * len(share)
    return told
