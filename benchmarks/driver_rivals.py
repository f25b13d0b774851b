"""Other ways of ranking drivers, each given what it takes: (problem, indices) -> importance per touchpoint, (touchpoints,).

Two kinds of input. Tree methods see every feature of every block, as ours does. The regressions of driver analysis in surveys take one
column per driver and question: how often a touchpoint was met within the longest window, and the mean of each of its measures there,
missing means filled with the column's mean. Importance is made into shares afterwards; none of them says what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from drivers.attribution import Problem

Array = npt.NDArray[np.float64]

_ORDERS: Final = 200  # random orders of drivers, each forwards and backwards
_TRAIN: Final = 0.7
_BACKGROUND: Final = 64
_EXPLAINED: Final = 10_000  # rows whose values are averaged
_ROWS: Final = 1024  # that SAGE looks at: it costs most of all


@dataclass(frozen=True)
class Indices:
    """Few columns per driver, as surveys have them: X (rows, k) without missing values, and the block of each column (k,)."""

    X: Array
    block: npt.NDArray[np.int64]


def model(problem: Problem, rows: npt.NDArray[np.intp]) -> lgb.Booster:
    """LightGBM as it comes."""
    objective = "binary" if problem.kind == "binary" else "regression"
    parameters = {"objective": objective, "verbosity": -1, "num_threads": 1, "seed": 1, "deterministic": True}
    data = lgb.Dataset(problem.X[rows], problem.y[rows], weight=problem.weight[rows])
    return lgb.train(parameters, data, num_boost_round=100)


def lmg(problem: Problem, indices: Indices, seed: int) -> Array:
    """R² that a driver adds, averaged over orders of entry (Lindeman, Merenda and Gold, 1980), drivers as groups of columns."""
    rng = np.random.default_rng([seed, 1])
    blocks = np.unique(indices.block)
    correlation = np.corrcoef(np.column_stack([indices.X, problem.y]), rowvar=False)
    inner, outer = correlation[:-1, :-1], correlation[:-1, -1]
    added = np.zeros(len(problem.blocks))
    for _ in range(_ORDERS):
        order = rng.permutation(blocks)
        for one in (order, order[::-1]):
            # Columns sorted by entry: the Cholesky factor gives every increment of R² at once.
            columns = np.concatenate([np.flatnonzero(indices.block == block) for block in one])
            factor = np.linalg.cholesky(inner[np.ix_(columns, columns)] + 1e-8 * np.eye(len(columns)))
            gain = np.linalg.solve(factor, outer[columns]) ** 2
            added += np.bincount(indices.block[columns], weights=gain, minlength=len(added))
    return added / (2 * _ORDERS)


def relative_weights(problem: Problem, indices: Indices, _seed: int) -> Array:
    """Johnson's (2000) relative weights by the package relativeImp, summed over a driver's columns."""
    from relativeImp import relativeImp

    names = [f"x{column}" for column in range(indices.X.shape[1])]
    frame = pd.DataFrame(indices.X, columns=names).assign(y=problem.y)
    found = relativeImp(frame, outcomeName="y", driverNames=names)
    return np.bincount(
        indices.block, weights=found["rawRelaImpt"].to_numpy(dtype=np.float64), minlength=len(problem.blocks)
    )


def penalty_reward(problem: Problem, indices: Indices, _seed: int) -> Array:
    """Penalty and reward (Brandt, 1987): dummies for the worst and the best fifth of every column; both sizes are added up."""
    low, high = contrasts(problem, indices)
    return np.bincount(indices.block, weights=np.abs(low) + np.abs(high), minlength=len(problem.blocks))


def contrasts(problem: Problem, indices: Indices) -> tuple[Array, Array]:
    """Coefficients of the lowest and the highest fifth of every column, (k,) each."""
    bottom, top = np.quantile(indices.X, [0.2, 0.8], axis=0)
    low = (bottom >= indices.X) & (bottom < top)
    high = (top <= indices.X) & (bottom < top)
    design = np.column_stack([np.ones(len(problem.y)), low, high]).astype(np.float64)
    solved, *_ = np.linalg.lstsq(design, problem.y, rcond=None)
    k = indices.X.shape[1]
    return np.asarray(solved[1 : k + 1]), np.asarray(solved[k + 1 :])


def gain(problem: Problem, _indices: Indices, _seed: int) -> Array:
    """What splits on a driver's features gained in LightGBM as it comes."""
    found = model(problem, np.arange(len(problem.y))).feature_importance("gain")
    return _per_block(problem, np.asarray(found, dtype=np.float64))


def mean_shap(problem: Problem, _indices: Indices, seed: int) -> Array:
    """Mean |SHAP value| of every feature of LightGBM as it comes, added up over a driver's features, on some of the rows."""
    everything = np.arange(len(problem.y))
    some = np.random.default_rng([seed, 4]).permutation(everything)[:_EXPLAINED]
    values = np.asarray(model(problem, everything).predict(problem.X[some], pred_contrib=True, num_threads=2))[:, :-1]
    return _per_block(problem, np.average(np.abs(values), axis=0, weights=problem.weight[some]))


def grouped_permutation(problem: Problem, _indices: Indices, seed: int) -> Array:
    """Loss on other customers when all columns of a driver are shuffled together (Breiman, 2001), mean of three times."""
    rng = np.random.default_rng([seed, 2])
    train, test = _halves(problem, rng)
    booster = model(problem, train)
    X, y = problem.X[test], problem.y[test]
    before = _loss(problem, np.asarray(booster.predict(X, num_threads=2)), y)
    found = np.zeros(len(problem.blocks))
    for place, block in enumerate(problem.blocks):
        for _ in range(3):
            shuffled = X.copy()
            shuffled[:, block.columns] = X[rng.permutation(len(X))][:, block.columns]
            found[place] += _loss(problem, np.asarray(booster.predict(shuffled, num_threads=2)), y) - before
    return np.maximum(found / 3, 0.0)


def sage(problem: Problem, _indices: Indices, seed: int) -> Array:
    """SAGE (Covert, Lundberg and Lee, 2020) over groups of features by the package sage-importance, on other customers."""
    import sage as package

    rng = np.random.default_rng([seed, 3])
    train, test = _halves(problem, rng)
    booster = model(problem, train)
    binary = problem.kind == "binary"

    def predict(X: npt.NDArray[Any]) -> Array:
        chance = np.asarray(booster.predict(X, num_threads=2))
        return np.column_stack([1 - chance, chance]) if binary else chance

    background = problem.X[rng.choice(train, _BACKGROUND, replace=False)]
    rows = rng.choice(test, min(_ROWS, len(test)), replace=False)
    groups = [block.columns.tolist() for block in problem.blocks]
    imputer = package.GroupedMarginalImputer(predict, background, groups)
    estimator = package.PermutationEstimator(imputer, "cross entropy" if binary else "mse", random_state=seed)
    y = problem.y[rows].astype(np.int64) if binary else problem.y[rows]
    found = estimator(problem.X[rows], y, batch_size=256, n_permutations=256, bar=False)
    return np.maximum(np.asarray(found.values, dtype=np.float64), 0.0)


def _halves(problem: Problem, rng: np.random.Generator) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows of some customers to learn from, and of the others."""
    known, code = np.unique(problem.customer, return_inverse=True)
    drawn = (rng.random(len(known)) < _TRAIN)[code]
    return np.flatnonzero(drawn), np.flatnonzero(~drawn)


def _loss(problem: Problem, predicted: Array, y: Array) -> float:
    if problem.kind == "linear":
        return float(np.mean((y - predicted) ** 2))
    chance = np.clip(predicted, 1e-6, 1 - 1e-6)
    return float(-np.mean(y * np.log(chance) + (1 - y) * np.log(1 - chance)))


def _per_block(problem: Problem, features: Array) -> Array:
    return np.array([features[block.columns].sum() for block in problem.blocks])


RIVALS: Final[dict[str, Callable[[Problem, Indices, int], Array]]] = {
    "LMG": lmg,
    "relative weights": relative_weights,
    "penalty-reward": penalty_reward,
    "gain": gain,
    "grouped permutation": grouped_permutation,
    "mean |SHAP|": mean_shap,
    "SAGE": sage,
}
"""Name to function."""
