"""Whether the mean of LightGBM and CatBoost is better: on the same folds, row by row, and beyond doubt.

Two learners that err differently are better together on some tables and worse on others. The mean takes part in the contest only
where its loss on the held-out rows is lower by more than two standard errors over customers; the number of CatBoost's trees is the
one with the lowest mean loss among a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training import symmetric
from training.bundle import sigmoid
from training.evaluate import log_losses
from training.learner import Curve, Learner, Preset, quiet, workers
from training.questions import Question
from training.split import Fold

Array = NDArray[np.float64]

SURELY: Final = 2.0
"""Standard errors by which the mean must be better."""


def average(
    learner: Learner,
    asked: Sequence[Question],
    folds: Sequence[Fold],
    customers: NDArray[np.int64],
    won: Sequence[Curve],
) -> dict[Preset, tuple[Curve, ...]]:
    """The mean of the preset that won and of symmetric trees, as curves of a preset of its own; none where it is not surely better.

    Parameters
    ----------
    learner, asked, folds
        As in the contest; every question is binary.
    customers
        Number of each teaching row's customer, (n,).
    won
        The winner's curves, one per question.
    """
    counts = list(range(symmetric.EVERY, symmetric.MOST_TREES + 1, symmetric.EVERY))
    rounds = [curve.best()[0] for curve in won]
    jobs = [(question, fold) for question in asked for fold in folds]
    with ThreadPoolExecutor(workers(learner.options), initializer=quiet) as pool:
        grown = list(pool.map(lambda job: _grow(learner, *job), jobs))
    alone, together = [], []
    for number, curve in enumerate(won):
        for place, (_, valid) in enumerate(folds):
            own = learner.score(curve.boosters[place], valid, rounds[number])
            others = grown[number * len(folds) + place].scores(learner.X[valid], counts)
            alone.append(_losses(asked[number], valid, own[:, None]))
            together.append(_losses(asked[number], valid, 0.5 * (own[:, None] + others)))
    chosen = int(np.argmin(np.concatenate(together).sum(axis=0)))
    gained = np.concatenate([one[:, 0] - both[:, chosen] for one, both in zip(alone, together, strict=True)])
    if not _surely(gained, np.concatenate([customers[valid] for _, (_, valid) in jobs])):
        return {}
    preset = won[0].preset.averaged(counts[chosen])
    curves = []
    for number, curve in enumerate(won):
        places = [number * len(folds) + place for place in range(len(folds))]
        boosters = tuple(
            symmetric.average(booster, rounds[number], grown[place], counts[chosen])
            for booster, place in zip(curve.boosters, places, strict=True)
        )
        losses = np.array([[together[place][:, chosen].mean()] for place in places])
        curves.append(Curve(preset, losses, curve.sizes, boosters, rounds[number]))
    return {preset: tuple(curves)}


def _grow(learner: Learner, question: Question, fold: Fold) -> symmetric.Symmetric:
    train = np.sort(fold[0])
    asked = question.take(train)
    return symmetric.grow(learner.X[train], asked.y, asked.offset, symmetric.MOST_TREES, learner.seed)


def _losses(question: Question, rows: NDArray[np.int64], scores: Array) -> Array:
    """Log-loss of each row for every column of scores, (n, k)."""
    offset = np.zeros(len(rows)) if question.offset is None else question.offset[rows]
    return np.column_stack([log_losses(question.y[rows], sigmoid(column + offset)) for column in scores.T])


def _surely(gained: Array, customers: NDArray[np.int64]) -> bool:
    """Whether the sum over rows is above zero by more than two standard errors, a customer's rows belonging together."""
    _, number = np.unique(customers, return_inverse=True)
    sums = np.bincount(number, gained)
    return bool(sums.sum() > SURELY * np.sqrt(((sums - sums.mean()) ** 2).sum()))
