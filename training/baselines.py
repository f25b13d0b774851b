"""Floors: what a model must beat to be worth its keep. Prior, logistic regression, recency alone, the same again.

The logistic is a sound one: medians for missing numbers with a flag per pattern of missingness, long tails pressed by ranks,
categories one column each, an L2 penalty chosen held out. Everything is fitted on the teaching rows only.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from features.catalog import Catalog
from features.definition import ANY
from features.journey import PAYMENT
from features.schema import AMOUNT, TOUCHPOINTS, TRANSACTIONS
from training.bundle import ordinal_probabilities
from training.evaluate import log_losses
from training.periods import Periods, periods
from training.split import Fold, Rows, Split

if TYPE_CHECKING:
    from training.dataset import Dataset

Array = NDArray[np.float64]

PENALTIES: Final = (0.003, 0.03, 0.3)
"""Inverse strengths of L2, tried on one inner fold."""
MOST_ROWS: Final = 20_000
"""Rows of a logistic fit at most: more move its few hundred weights by less than their noise."""
MOST_CATEGORIES: Final = 30
TUNING_ROWS: Final = 4_000
_KNOTS: Final = 100


@dataclass(frozen=True)
class Design:
    """Turns features into the columns of a linear model; learnt on the teaching rows.

    Numbers become (rank - 1/2) on [-1/2, 1/2] of the teaching rows' distribution, missing ones 0 with a flag; categories
    become one column per frequent category.
    """

    numbers: NDArray[np.int64]
    knots: Array
    flags: NDArray[np.int64]
    categories: tuple[tuple[int, Array], ...]

    @classmethod
    def learn(cls, X: Array, is_category: NDArray[np.bool_]) -> Design:
        """From teaching rows (n, p)."""
        missing = np.isnan(X)
        filled = ~missing.all(axis=0)
        numbers = np.flatnonzero(~is_category & filled)
        grid = np.linspace(0, 1, _KNOTS)
        knots = np.empty((_KNOTS, len(numbers)))
        for place, column in enumerate(numbers):
            values = X[~missing[:, column], column]
            knots[:, place] = np.quantile(values, grid)
        varying = knots[0] < knots[-1]
        # One flag per pattern: the features of a touchpoint that was never met are missing together.
        share = missing.mean(axis=0)
        partly = np.flatnonzero((share > 0.005) & (share < 0.995))
        patterns = {np.packbits(missing[:, column]).tobytes(): int(column) for column in partly[::-1]}
        frequent = []
        for column in np.flatnonzero(is_category & filled):
            codes, counts = np.unique(X[~missing[:, column], column], return_counts=True)
            kept = codes[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES]
            frequent.append((int(column), np.sort(kept)))
        return cls(
            numbers[varying], knots[:, varying], np.array(sorted(patterns.values()), dtype=np.int64), tuple(frequent)
        )

    def apply(self, X: Array) -> Array:
        """The design matrix (n, columns)."""
        n = len(X)
        parts = [np.empty((n, len(self.numbers)), order="F"), np.isnan(X[:, self.flags]).astype(np.float64)]
        steps = np.linspace(-1.0, 1.0, _KNOTS)
        for place, column in enumerate(self.numbers):
            values, knots = X[:, column], self.knots[:, place]
            # The middle of equal knots: a value that a third of the rows share sits in the middle of that third.
            rank = 0.5 * (np.interp(values, knots, steps) - np.interp(-values, -knots[::-1], steps))
            parts[0][:, place] = np.where(np.isnan(values), 0.0, rank)
        parts += [(X[:, [column]] == codes).astype(np.float64) for column, codes in self.categories]
        return np.ascontiguousarray(np.hstack(parts))


def logistic(
    X: Array, labels: Sequence[Array], is_category: NDArray[np.bool_], tune: Fold, folds: Sequence[Fold], seed: int
) -> list[list[Array]]:
    """Held-out probabilities of logistic regressions: per label (binary), per fold, of the fold's second rows.

    Parameters
    ----------
    X
        Features, (n, p).
    labels
        One 0/1 vector (n,) per binary question: churn, or the two cumulative ones of NPS.
    is_category
        Which columns are categories, (p,).
    tune
        The fold on which the penalty is chosen.
    folds
        (train, valid) pairs to answer.
    seed
        Of the draws of rows.
    """
    rng = np.random.default_rng(seed)
    chosen = _penalties(X, labels, is_category, tune, rng)
    answers: list[list[Array]] = [[] for _ in labels]
    for train, valid in folds:
        rows = _sample(train, rng)
        design = Design.learn(X[rows], is_category)
        ours, theirs = design.apply(X[rows]), design.apply(X[valid])
        for place, y in enumerate(labels):
            answers[place].append(_fit(ours, y[rows], theirs, chosen[place]))
    return answers


def cumulative(answers: list[list[Array]], rates: tuple[float, ...]) -> list[Array]:
    """Probabilities of the three NPS categories, per fold, from the two cumulative answers."""
    return [ordinal_probabilities(passive, promoter, rates) for passive, promoter in zip(*answers, strict=True)]


def hazards(dataset: Dataset, split: Split, folds: Sequence[Fold], seed: int) -> list[Array]:
    """Chances that it has happened by each day (rows, days), per fold, from a logistic regression of the hazards.

    One row per customer row and period at risk, with the period as a category: the discrete-time model of Singer and Willett
    (1993), by `logistic`. Teaching rows know what had happened when the fold's teaching ended.
    """
    rng = np.random.default_rng(seed)
    tune = split.folds[-1]
    found: list[Array] = []
    for train, valid in folds:
        some = [
            _sample(rows, rng, most)
            for rows, most in ((train, MOST_ROWS), (tune[0], TUNING_ROWS), (tune[1], TUNING_ROWS))
        ]
        untils = (split.ends(dataset), split.ends(dataset, len(split.folds) - 1), split.ends(dataset))
        known = [periods(dataset, until).take(rows) for until, rows in zip(untils, some, strict=True)]
        count = len(known[0].days)
        everything = Periods(known[0].days, np.zeros(len(valid), dtype=np.int64), np.full(len(valid), count))
        parts = [_spread(dataset, rows, item) for rows, item in zip((*some, valid), (*known, everything), strict=True)]
        X, y = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
        edges = np.cumsum([0, *(len(part[1]) for part in parts)])
        teach, own, theirs, asked = (np.arange(start, stop) for start, stop in pairwise(edges))
        is_category = np.array([*(feature.category for feature in dataset.catalog.features), True])
        chance = logistic(X, [y], is_category, (own, theirs), [(teach, asked)], seed)[0][0]
        found.append(np.asarray(1.0 - np.cumprod(1.0 - chance.reshape(len(valid), count), axis=1)))
    return found


def _spread(dataset: Dataset, rows: Rows, known: Periods) -> tuple[Array, Array]:
    """Features with the period as the last column, and whether it happened then: a line for each row and period at risk."""
    line = np.repeat(np.arange(len(rows)), known.risk)
    first = np.cumsum(known.risk) - known.risk
    period = np.arange(len(line)) - first[line] + 1
    return np.column_stack([dataset.X[rows[line]], period]), (known.event[line] == period).astype(np.float64)


def recency(catalog: Catalog) -> int | None:
    """Column of the days since the last payment, or else since the last encounter; None where there is neither."""
    for source, kinds in ((TRANSACTIONS, (PAYMENT, ANY)), (TOUCHPOINTS, (ANY,))):
        for place, feature in enumerate(catalog.features):
            if feature.source == source and feature.aggregate == "recency" and feature.kind in kinds:
                return place
    return None


def same_again(X: Array, catalog: Catalog, horizon_days: int) -> Array | None:
    """Money of the longest past window, scaled to the horizon (n,): what a customer spends when nothing changes."""
    windows = {
        feature.window_days: place
        for place, feature in enumerate(catalog.features)
        if feature.source == TRANSACTIONS
        and feature.kind == PAYMENT
        and feature.measure == AMOUNT
        and feature.aggregate == "sum"
        and feature.window_days is not None
    }
    if not windows:
        return None
    nearest = min(windows, key=lambda days: (abs((days or 0) - horizon_days), -(days or 0)))
    return np.nan_to_num(X[:, windows[nearest]]) * (horizon_days / (nearest or 1))


def _penalties(
    X: Array, labels: Sequence[Array], is_category: NDArray[np.bool_], tune: Fold, rng: np.random.Generator
) -> list[float]:
    rows, valid = _sample(tune[0], rng, TUNING_ROWS), _sample(tune[1], rng, TUNING_ROWS)
    design = Design.learn(X[rows], is_category)
    ours, theirs = design.apply(X[rows]), design.apply(X[valid])
    chosen = []
    for y in labels:
        # From the strongest on, as long as weaker is better: the loss over the penalty has one valley.
        best, least = PENALTIES[0], np.inf
        for penalty in PENALTIES:
            loss = float(log_losses(y[valid], _fit(ours, y[rows], theirs, penalty)).mean())
            if loss >= least:
                break
            best, least = penalty, loss
        chosen.append(best)
    return chosen


def _fit(ours: Array, y: Array, theirs: Array, penalty: float) -> Array:
    if y.min() == y.max() or not ours.shape[1]:
        return np.full(len(theirs), (y.sum() + 1) / (len(y) + 2))
    model = LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=30, tol=1e-3)
    with warnings.catch_warnings():
        # A floor that has nearly converged is a floor.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(ours, y)
    return np.asarray(model.predict_proba(theirs)[:, 1], dtype=np.float64)


def _sample(rows: Rows, rng: np.random.Generator, most: int = MOST_ROWS) -> Rows:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
