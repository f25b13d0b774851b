"""What being reached changes, customer by customer: the R-learner of Nie and Wager (2021), cross-fitted.

First the risk of leaving, with nobody's own label in it and without knowing who was reached. What is left of the label, set against
who was reached, is regressed on the features: trees of four leaves, as many as lower the held-out R-loss, none where nothing does,
so that a campaign that works alike for all gets one effect for all. No row has taught what is said of it: rounds for a fold
are chosen on the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.split import Fold, grouped_folds
from training.uplift.pilot import FOLDS, Pilot, parameters

Array = NDArray[np.float64]

RISK_ROUNDS: Final = 120
CANDIDATES: Final = (0, 10, 20, 40, 80, 160)
"""Numbers of trees that an effect may have."""


@dataclass(frozen=True)
class Effects:
    """Held out, (n,): the risk of leaving whoever is reached or not, and by how much reaching lowers it (`saved`).

    `rounds` is the number of trees behind each row's effect; 0 where one effect is said of all.
    """

    risk: Array
    saved: Array
    rounds: NDArray[np.int64]


def effects(found: Pilot, label: Array, seed: int) -> Effects:
    """Learn the effects of a pilot on labels (n,) 0/1 of its rows."""
    classes = (2 * found.reached + label).astype(np.int64)
    folds = grouped_folds(np.arange(len(label)), classes, FOLDS, seed)
    risk = _risk(found, label, folds, seed)
    centred = found.reached - found.share
    wanted, weight = (label - risk) / centred, centred**2
    losses = np.zeros((len(folds), len(CANDIDATES)))
    change = np.zeros((len(CANDIDATES), len(label)))
    for number, (train, valid) in enumerate(folds):
        mean = float(np.average(wanted[train], weights=weight[train]))
        change[:, valid] = mean + _grown(found, wanted - mean, weight, (train, valid), seed)
        losses[number] = (weight[valid] * (wanted[valid] - change[:, valid]) ** 2).sum(axis=1)
    saved, rounds = np.zeros(len(label)), np.zeros(len(label), dtype=np.int64)
    for number, (_, valid) in enumerate(folds):
        best = int(np.argmin(np.delete(losses, number, axis=0).sum(axis=0)))
        saved[valid], rounds[valid] = -change[best, valid], CANDIDATES[best]
    return Effects(risk, saved, rounds)


def _risk(found: Pilot, label: Array, folds: tuple[Fold, ...], seed: int) -> Array:
    risk = np.zeros(len(label))
    for train, valid in folds:
        booster = lgb.train(parameters("binary", len(label), seed), _data(found, label, None, train), RISK_ROUNDS)
        risk[valid] = booster.predict(found.X[valid], num_threads=1)
    return risk


def _grown(found: Pilot, wanted: Array, weight: Array, fold: Fold, seed: int) -> Array:
    """What each number of trees adds to the mean effect for the valid rows of a fold, (candidates, valid)."""
    train, valid = fold
    given = {**parameters("regression", len(wanted), seed), "boost_from_average": False}
    booster = lgb.train(given, _data(found, wanted, weight, train), max(CANDIDATES))
    return np.array(
        [
            booster.predict(found.X[valid], num_iteration=rounds, num_threads=1) if rounds else np.zeros(len(valid))
            for rounds in CANDIDATES
        ]
    )


def _data(found: Pilot, label: Array, weight: Array | None, rows: NDArray[np.int64]) -> lgb.Dataset:
    return lgb.Dataset(
        found.X[rows],
        label[rows],
        weight=None if weight is None else weight[rows],
        categorical_feature=list(found.categories),
        params={"verbosity": -1},
    )
