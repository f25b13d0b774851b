"""Held-out values of every block: models see some customers, SHAP values are taken from the others.

A `Problem` is arrays only: rows x features, the outcome, whose row it is, and which columns make a block (a touchpoint or a
group of controls). `cross_fit` gives every row a value per group from models that never saw its customer, several times over
other folds; `half_sample` does so with the customers in two halves, which shows how much a model moves with its data.

Values are SHAP (Lundberg et al., 2020) of LightGBM trees with four leaves, summed per group before anything else is done to
them. Missing features stay missing. The order of work does not matter: each fit has its own seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from drivers import trees
from training.learner import quiet

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Kind = Literal["linear", "binary"]
_T = TypeVar("_T")
_U = TypeVar("_U")

LEAVES: Final = 4  # pairs and triples of features, no more: driver effects are nearly additive, and more leaves fit more noise (decision 0043)
_ROUNDS: Final = (30, 300)  # of boosting: fewer leave rare drivers out, more only sharpen noise
_PATIENCE: Final = 25
PARAMETERS: Final[dict[str, Any]] = {
    "num_leaves": LEAVES,
    "learning_rate": 0.07,
    "feature_fraction": 0.2,  # features of a touchpoint tell the same story; each gets its turn
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "min_data_in_leaf": 20,
    "max_bin": 63,
    "deterministic": True,
    "force_col_wise": True,
    "feature_pre_filter": False,
    "num_threads": 1,  # two fits side by side beat one fit on two threads at this size
    "verbosity": -1,
}


@dataclass(frozen=True)
class Block:
    """The columns that speak for one touchpoint or one group of controls.

    Parameters
    ----------
    name
        The touchpoint, or the group.
    kind
        ``touchpoint`` or ``control``.
    columns
        Positions in the problem's matrix.
    dimensions
        What each column looks at (wait, frequency, ...), as long as `columns`.
    met
        (rows,) whether the row's customer met the touchpoint in the window; all true for controls.
    window_days
        The longest window of its features.
    """

    name: str
    kind: Literal["touchpoint", "control"]
    columns: Ints
    dimensions: tuple[str, ...]
    met: npt.NDArray[np.bool_]
    window_days: int = 365


@dataclass(frozen=True)
class Problem:
    """Arrays of one analysis.

    Parameters
    ----------
    X
        (rows, features); missing is NaN; numbers only.
    blocks
        The columns of each touchpoint and each group of controls; every column belongs to one block.
    y
        (rows,) the outcome: points, money, or 0/1.
    customer
        (rows,) whose row it is, as any integers.
    kind
        ``linear`` or ``binary`` (log-odds).
    weight
        (rows,) how many rows of the population each stands for, mean 1.
    """

    X: npt.NDArray[np.float32]
    blocks: tuple[Block, ...]
    y: Floats
    customer: Ints
    kind: Kind
    weight: Floats
    groups: tuple[tuple[int, str], ...] = field(init=False)
    group_of: npt.NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        """Number the (block, dimension) groups that values are summed over."""
        groups: dict[tuple[int, str], int] = {}
        group_of = np.zeros(self.X.shape[1], dtype=np.int32)
        for b, block in enumerate(self.blocks):
            for column, dimension in zip(block.columns, block.dimensions, strict=True):
                group_of[column] = groups.setdefault((b, dimension), len(groups))
        object.__setattr__(self, "groups", tuple(groups))
        object.__setattr__(self, "group_of", group_of)

    @property
    def touchpoint(self) -> npt.NDArray[np.bool_]:
        """(blocks,) which blocks are touchpoints."""
        return np.array([block.kind == "touchpoint" for block in self.blocks], dtype=bool)

    @property
    def met(self) -> npt.NDArray[np.bool_]:
        """(rows, blocks) who met what."""
        return np.column_stack([block.met for block in self.blocks])

    @property
    def block_of_group(self) -> Ints:
        """(groups,) position of each group's block."""
        return np.array([b for b, _ in self.groups], dtype=np.int64)

    def per_block(self, values: Floats) -> Floats:
        """Values per group (..., groups) summed to values per block (..., blocks)."""
        member = np.zeros((len(self.groups), len(self.blocks)))
        member[np.arange(len(self.groups)), self.block_of_group] = 1.0
        summed: Floats = values @ member
        return summed


@dataclass(frozen=True)
class Attribution:
    """Held-out values: (repeats, rows, groups); raw predictions and the prior's, (repeats, rows), in raw units."""

    values: Floats
    raw: Floats
    prior: Floats


class Fitter:
    """Fits on any rows of one problem, all over one bin mapping; the outcome may be another one for the same rows."""

    def __init__(self, problem: Problem, seed: int, threads: int, y: Floats | None = None) -> None:
        self.problem = problem
        self.y = problem.y if y is None else y
        self.seed = seed
        self.threads = max(1, threads)
        self._parameters = {
            **PARAMETERS,
            "objective": "binary" if problem.kind == "binary" else "regression",
            "metric": "binary_logloss" if problem.kind == "binary" else "l2",
        }
        self._data = lgb.Dataset(problem.X, self.y, params=self._parameters, free_raw_data=False).construct()
        _, self._codes = np.unique(problem.customer, return_inverse=True)
        self.rounds = _ROUNDS[0]

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return int(self._codes.max()) + 1 if len(self._codes) else 0

    def deal(self, parts: int, *key: int) -> Ints:
        """(rows,) the part each row's customer is dealt to; parts are equal in customers."""
        rng = np.random.default_rng([self.seed, *key])
        part = np.empty(self.customers, dtype=np.int64)
        part[rng.permutation(self.customers)] = np.arange(self.customers) % parts
        return part[self._codes]

    def choose_rounds(self) -> None:
        """Set the number of rounds all fits use: early stopping on two held-out parts of three, averaged."""
        part = self.deal(3, 0)

        def best(held: int) -> int:
            train = _subset(self._data, _rows(part != held))
            test = _subset(self._data, _rows(part == held))
            stop = lgb.early_stopping(_PATIENCE, verbose=False)
            parameters = {**self._parameters, "seed": self._draw(0, held)}
            model = lgb.train(parameters, train, _ROUNDS[1], valid_sets=[test], callbacks=[stop])
            return model.best_iteration

        self.rounds = int(np.clip(np.mean(self.parallel(best, range(2))), *_ROUNDS))

    def fit(self, train: npt.NDArray[np.intp], *key: int, without: int | None = None) -> trees.Ensemble:
        """A model of some rows, as tables; `without` names a block it may not split on."""
        parameters = {**self._parameters, "seed": self._draw(*key)}
        if without is not None:
            allowed = np.ones(self.problem.X.shape[1])
            allowed[self.problem.blocks[without].columns] = 0.0
            parameters["feature_contri"] = allowed.tolist()  # multiplies a split's gain
        model = lgb.train(parameters, _subset(self._data, train), self.rounds)
        return trees.ensemble(model.model_to_string(), self.problem.group_of, LEAVES)

    def prior(self, train: npt.NDArray[np.intp]) -> float:
        """What is predicted without any feature, in raw units."""
        mean = float(self.y[train].mean())
        if self.problem.kind == "linear":
            return mean
        mean = min(max(mean, 0.5 / len(train)), 1 - 0.5 / len(train))
        return float(np.log(mean / (1 - mean)))

    def held_out(self, parts: Ints, *key: int, without: int | None = None) -> tuple[Floats, Floats, Floats]:
        """Values (rows, groups), raw predictions and prior (rows,), each part by a model of the other parts."""
        rows, groups = len(self.y), len(self.problem.groups)
        values, raw, prior = np.zeros((rows, groups)), np.zeros(rows), np.zeros(rows)
        for part in range(int(parts.max()) + 1):
            train, test = _rows(parts != part), _rows(parts == part)
            model = self.fit(train, *key, part, without=without)
            values[test] = trees.values(model, self.problem.X, test, groups)
            raw[test] = values[test].sum(axis=1) + model.bias
            prior[test] = self.prior(train)
        return values, raw, prior

    def parallel(self, work: Callable[[_T], _U], items: Iterable[_T]) -> list[_U]:
        """Do independent work on threads; the results come in the order of the items."""
        with ThreadPoolExecutor(self.threads, initializer=quiet) as pool:
            return list(pool.map(work, items))

    def _draw(self, *key: int) -> int:
        return int(np.random.default_rng([self.seed, 1, *key]).integers(1 << 30))


def cross_fit(fitter: Fitter, folds: int, repeats: int, progress: Callable[[float], None] | None = None) -> Attribution:
    """Held-out values of all rows, `repeats` times over `folds` parts of the customers."""
    problem = fitter.problem
    rows, groups = len(problem.y), len(problem.groups)
    values, raw, prior = np.zeros((repeats, rows, groups)), np.zeros((repeats, rows)), np.zeros((repeats, rows))
    parts = [fitter.deal(folds, 1, repeat) for repeat in range(repeats)]
    done = [0]

    def one(job: tuple[int, int]) -> None:
        repeat, part = job
        train, test = _rows(parts[repeat] != part), _rows(parts[repeat] == part)
        model = fitter.fit(train, 1, repeat, part)
        held = trees.values(model, problem.X, test, groups)
        values[repeat, test] = held
        raw[repeat, test] = held.sum(axis=1) + model.bias
        prior[repeat, test] = fitter.prior(train)
        done[0] += 1
        if progress is not None:
            progress(done[0] / (repeats * folds))

    fitter.parallel(one, [(repeat, part) for repeat in range(repeats) for part in range(folds)])
    return Attribution(values, raw, prior)


def half_samples(
    fitter: Fitter, count: int, use: Callable[[Floats], _U], progress: Callable[[float], None] | None = None
) -> list[_U]:
    """Refit on halves of the customers, value each on the other; `use` reduces values per block (rows, blocks) at once."""
    done = [0]

    def one(number: int) -> _U:
        values, _, _ = fitter.held_out(fitter.deal(2, 2, number), 2, number)
        result = use(fitter.problem.per_block(values))
        done[0] += 1
        if progress is not None:
            progress(done[0] / count)
        return result

    return fitter.parallel(one, range(count))


def drop_and_refit(
    fitter: Fitter, blocks: Sequence[int], folds: int, progress: Callable[[float], None] | None = None
) -> tuple[Floats, list[Floats]]:
    """Held-out raw predictions (rows,) of the whole model, and for each of `blocks` of models that may not split on it."""
    parts = fitter.deal(folds, 3)
    done = [0]

    def one(block: int | None) -> Floats:
        _, raw, _ = fitter.held_out(parts, 3, without=block)
        done[0] += 1
        if progress is not None:
            progress(done[0] / (len(blocks) + 1))
        return raw

    whole, *others = fitter.parallel(one, [None, *blocks])
    return whole, others


def _rows(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(mask)


def _subset(data: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Some rows over the same bins; LightGBM takes an array, though its types say list."""
    return data.subset(rows)
