"""The learner: a small portfolio of regularised LightGBM presets, chosen by the mean out-of-fold loss.

Defaults lose .013 to .040 AUC on churn tables; small trees, small steps, half of the columns and most of the rows per tree, L2
and enough rows per leaf take nearly all of it back. Nothing is weighted or resampled by class: ranking would not gain and
calibration would suffer. Trees are at most six levels deep, because exact reasons cost grows with 2^depth.

All folds of a preset grow together, one tree each per round; the curve of their mean loss decides when to stop and which
round is best. Bins are made once per training set and shared by its folds. Missing values go to the better side of each
split; categories are split as sets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from configs.settings import Learner as Options
from training.split import Fold, Rows

Array = NDArray[np.float64]
Objective = Literal["binary", "tweedie"]
Progress = Callable[[float], None]

REFERENCE_ROWS: Final = 10_000
"""Rows up to which `learning_rate` holds; steps grow with the root of the rows beyond, up to `FASTEST` times."""
FASTEST: Final = 2.5
WIDE: Final = 100
"""Columns beyond which a tree looks at fewer of them."""
_METRIC: Final[dict[Objective, str]] = {"binary": "binary_logloss", "tweedie": "tweedie"}


@dataclass(frozen=True, slots=True)
class Preset:
    """One member of the portfolio: what differs between its members, and what follows from the table's size."""

    leaves: int
    learning_rate: float
    rows_per_leaf: int
    max_depth: int
    column_share: float = 0.5

    def parameters(self, objective: Objective, seed: int, threads: int) -> dict[str, Any]:
        """LightGBM's parameters."""
        return {
            "objective": objective,
            "metric": _METRIC[objective],
            "num_leaves": self.leaves,
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.rows_per_leaf,
            "min_sum_hessian_in_leaf": 1e-3,
            "feature_fraction": self.column_share,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "tweedie_variance_power": 1.5,
            "seed": seed,
            "num_threads": threads,
            **_FIXED,
        }


# What concerns the bins and the splits on categories: the same for every preset, so that they can share a Dataset.
_FIXED: Final[dict[str, Any]] = {
    "max_bin": 63,
    "cat_smooth": 20.0,
    "cat_l2": 20.0,
    "max_cat_threshold": 16,
    "min_data_per_group": 50,
    "deterministic": True,
    "force_row_wise": True,
    "feature_pre_filter": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Curve:
    """What a preset did on the folds: loss per fold and round (folds, rounds), and the boosters that grew."""

    preset: Preset
    losses: Array
    sizes: NDArray[np.int64]
    boosters: tuple[lgb.Booster, ...]

    def best(self, without: int | None = None, per: int = 1) -> tuple[int, float]:
        """(rounds, loss) of the lowest mean curve; leaving out the folds of the same part, `without` modulo `per`."""
        kept = np.ones(len(self.losses), dtype=bool)
        if without is not None and per > 1:
            kept[np.arange(len(kept)) % per == without % per] = False
        shares = self.sizes[kept] / self.sizes[kept].sum()
        mean = shares @ self.losses[kept]
        place = int(np.argmin(mean))
        return place + 1, float(mean[place])


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a model takes, and why the others were left out, by name."""

    kept: NDArray[np.int64]
    constant: tuple[str, ...]
    duplicate: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: names of constant columns, and each copy with the column it repeats."""
        return {"constant": list(self.constant), "duplicate": dict(self.duplicate)}


def useful_columns(X: Array, names: Sequence[str]) -> Columns:
    """Columns that vary and repeat none before them; the label is not looked at."""
    kept: list[int] = []
    constant: list[str] = []
    duplicate: dict[str, str] = {}
    seen: dict[bytes, str] = {}
    for place, name in enumerate(names):
        # One pattern for every NaN and for both zeros, so that equal columns are equal bytes.
        values = np.ascontiguousarray(X[:, place]) + 0.0
        values[np.isnan(values)] = np.nan
        if len(values) == 0 or (values[0] == values).all() or np.isnan(values).all():
            constant.append(name)
            continue
        key = _hash(values)
        if key in seen:
            duplicate[name] = seen[key]
            continue
        seen[key] = name
        kept.append(place)
    return Columns(np.array(kept, dtype=np.int64), tuple(constant), duplicate)


def portfolio(options: Options, rows: int, columns: int) -> tuple[Preset, ...]:
    """The presets for a table of this size: step, rows per leaf and share of columns follow from it, leaves do not."""
    faster = float(np.clip(np.sqrt(rows / REFERENCE_ROWS), 1.0, FASTEST))
    least = max(options.rows_per_leaf, min(100, rows // 200))
    # Wide tables hold many near-copies (one count over several windows): fewer of them per tree lose nothing.
    share = 0.5 if columns <= WIDE else 0.3
    return tuple(
        Preset(leaves, options.learning_rate * faster, least, options.max_depth, share)
        for leaves in sorted(set(options.leaves))
    )


class Learner:
    """LightGBM on one training set: the bins are made once, every fold and preset uses them.

    Parameters
    ----------
    X
        Features, (n, p): codes for categories, NaN for missing.
    categories
        Columns of X that are categories.
    objective
        ``binary`` or ``tweedie``.
    options, seed
        Of the configuration.
    """

    def __init__(self, X: Array, categories: Sequence[int], objective: Objective, options: Options, seed: int) -> None:
        self.objective: Objective = objective
        self.options = options
        self.seed = seed
        self.X = X
        self.presets = portfolio(options, *X.shape)
        parameters = self.presets[0].parameters(objective, seed, options.threads)
        self._data = lgb.Dataset(
            X, label=np.zeros(len(X)), categorical_feature=list(categories), params=parameters, free_raw_data=False
        ).construct()

    def race(self, y: Array, folds: Sequence[Fold], preset: Preset, progress: Progress | None = None) -> Curve:
        """Grow one preset on all folds together until their mean loss has stopped falling."""
        parameters = preset.parameters(self.objective, self.seed, self.options.threads)
        boosters = []
        for train, valid in folds:
            booster = lgb.Booster(parameters, self._part(train, y))
            booster.add_valid(self._part(valid, y), "valid")
            boosters.append(booster)
        sizes = np.array([len(valid) for _, valid in folds])
        shares = sizes / sizes.sum()
        # Patience is in units of the configured step: a step twice as large needs half the rounds.
        shrink = preset.learning_rate / self.options.learning_rate
        patience = max(5, round(self.options.early_stopping_rounds / shrink))
        limit = max(10, round(self.options.max_rounds / shrink))
        losses: list[list[float]] = []
        best, since = np.inf, 0
        for number in range(limit):
            row = []
            for booster in boosters:
                booster.update()
                row.append(float(booster.eval_valid()[0][2]))
            losses.append(row)
            mean = float(shares @ np.array(row))
            best, since = (mean, 0) if mean < best - 1e-9 else (best, since + 1)
            if since >= patience:
                break
            if progress is not None:
                progress((number + 1) / limit)
        return Curve(preset, np.array(losses).T, sizes, tuple(boosters))

    def fit(self, y: Array, preset: Preset, rounds: int, rows: Rows | None = None) -> lgb.Booster:
        """One model of so many rounds, on all rows or on some."""
        data = self._part(np.arange(len(self.X)) if rows is None else rows, y)
        booster = lgb.Booster(preset.parameters(self.objective, self.seed, self.options.threads), data)
        for _ in range(rounds):
            booster.update()
        return booster

    def score(self, booster: lgb.Booster, rows: Rows, rounds: int) -> Array:
        """Raw scores of some rows by the first `rounds` trees."""
        return predict_raw(booster, self.X[rows], rounds, self.options.threads)

    def _part(self, rows: Rows, y: Array) -> lgb.Dataset:
        part = self._data.subset(np.sort(rows).tolist()).construct()
        part.set_label(y[np.sort(rows)])
        return part


def predict_raw(booster: lgb.Booster, X: Array, rounds: int | None = None, threads: int = 1) -> Array:
    """Raw scores (n,): log-odds, or log money; by the first `rounds` trees, or by all."""
    return np.asarray(
        booster.predict(X, raw_score=True, num_iteration=rounds or -1, num_threads=threads), dtype=np.float64
    )


def scaled_rounds(rounds: int, fold_rows: float, rows: int) -> int:
    """Rounds for more rows than the folds had: more rows bear more trees, by the root of the ratio and at most half more."""
    return max(1, round(rounds * float(np.clip(np.sqrt(rows / max(fold_rows, 1.0)), 1.0, 1.5))))


def describe(preset: Preset, rounds: int) -> dict[str, Any]:
    """A chosen preset as plain JSON values."""
    return {**asdict(preset), "rounds": rounds}


def _hash(values: Array) -> bytes:
    return hashlib.sha256(values.tobytes()).digest()
