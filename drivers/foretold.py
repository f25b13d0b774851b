"""What an outcome would be by a model of other customers: a covariate, and a picture of those whose outcome is not known."""

from __future__ import annotations

from typing import Final

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from drivers.attribution import PARAMETERS, Floats, Ints
from training.learner import quiet

_FOLDS: Final = 5
_ROUNDS: Final = 120
_FEWEST: Final = 30  # known outcomes below which nothing is learnt


def foretold(matrix: Floats, outcome: Floats, known: npt.NDArray[np.bool_], customer: Ints, seed: int) -> Floats:
    """(rows,) expected outcome of each row by models that never saw its customer; the mean where nothing can be learnt.

    Parameters
    ----------
    matrix
        (rows, columns) numbers; missing is NaN.
    outcome, known
        (rows,) the outcome, and whether it is known.
    customer, seed
        (rows,) whose row it is; customers are dealt into folds by the seed.
    """
    names, code = np.unique(customer, return_inverse=True)
    part = np.random.default_rng([seed, 13]).permutation(len(names)) % _FOLDS
    features = np.ascontiguousarray(matrix, dtype=np.float32)
    predicted = np.full(len(outcome), float(outcome[known].mean()))
    if not matrix.shape[1]:
        return predicted
    quiet()
    for fold in range(_FOLDS):
        train, test = np.flatnonzero(known & (part[code] != fold)), np.flatnonzero(part[code] == fold)
        if len(train) < _FEWEST or not len(test):
            continue
        options = {**PARAMETERS, "objective": "regression", "seed": seed}
        model = lgb.train(options, lgb.Dataset(features[train], outcome[train]), num_boost_round=_ROUNDS)
        predicted[test] = model.predict(features[test], num_threads=1)
    return predicted
