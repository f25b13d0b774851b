"""The learner: a small portfolio of regularised LightGBM presets, chosen by the mean out-of-fold loss.

Defaults lose .013 to .040 AUC on churn tables; small trees, small steps, half of the columns and most of the rows per tree, L2
and enough rows per leaf take nearly all of it back. Where churn follows sharp rules, the same trees held less tightly (`lighter`)
are better, so each size may be either. Nothing is weighted or resampled by class: ranking would not gain and
calibration would suffer. Trees are at most six levels deep, because exact reasons cost grows with 2^depth.

All folds of a preset grow together; the curve of their mean loss decides when to stop and which round is best. Bins are made
once per training set and shared by its folds. Missing values go to the better side of each
split; categories are split as sets, or one at a time where that is better.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from configs.settings import Learner as Options
from training import symmetric
from training.growth import Growth
from training.questions import Objective, Question
from training.split import Fold, Rows

Array = NDArray[np.float64]
Progress = Callable[[float], None]

REFERENCE_ROWS: Final = 10_000
"""Rows up to which `learning_rate` holds; steps grow with the root of the rows beyond, up to `FASTEST` times."""
FASTEST: Final = 2.5
FINE_ROWS: Final = 20_000
"""Rows up to which numbers are cut into as many bins as LightGBM's default; beyond it that costs more time than it wins."""
LIGHT: Final = "light"
ONE_HOT: Final = "one category at a time"
AVERAGED: Final = "averaged with CatBoost"
ALWAYS_ONE_HOT: Final = 4
"""Categories up to which LightGBM takes one against the others anyway."""
WIDE: Final = 100
"""Columns beyond which a tree looks at fewer of them."""
_STEP: Final = 10
"""Rounds that a fold grows before its loss is looked at together with the others'."""
_METRIC: Final[dict[Objective, str]] = {
    "binary": "binary_logloss",
    "tweedie": "tweedie",
    "cumulative": "none",
    "hazards": "none",
}


@dataclass(frozen=True, slots=True)
class Preset:
    """One member of the portfolio: what differs between its members, and what follows from the table's size."""

    leaves: int
    learning_rate: float
    rows_per_leaf: int
    max_depth: int
    column_share: float = 0.5
    l2: float = 5.0
    bins: int = 63
    row_share: float = 0.8
    one_hot: bool = False
    partners: int = 0
    kind: str = ""

    @property
    def name(self) -> str:
        """What it is called among the others."""
        return f"{self.leaves} leaves, {self.kind}" if self.kind else f"{self.leaves} leaves"

    def lighter(self) -> Preset:
        """The same trees with less to hold them: a quarter of the rows per leaf (5 at least), more columns per tree, less L2."""
        return replace(
            self,
            rows_per_leaf=min(self.rows_per_leaf, max(5, self.rows_per_leaf // 4)),
            column_share=min(1.0, self.column_share + 0.3),
            l2=1.0,
            kind=LIGHT,
        )

    def apart(self) -> Preset:
        """The same trees with one category against the others at a split, where LightGBM would take sets of them."""
        return replace(self, one_hot=True, kind=", ".join(filter(None, (self.kind, ONE_HOT))))

    def averaged(self, trees: int) -> Preset:
        """The mean of this preset's log-odds and those of so many symmetric trees (`training.symmetric`)."""
        return replace(self, partners=trees, kind=", ".join(filter(None, (self.kind, AVERAGED))))

    def alone(self) -> Preset:
        """The preset without the symmetric trees that it is averaged with."""
        return replace(self, partners=0, kind=self.kind.removesuffix(AVERAGED).removesuffix(", "))

    def parameters(self, objective: Objective, seed: int) -> dict[str, Any]:
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
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            "max_bin": self.bins,
            "max_cat_to_onehot": ALWAYS_ONE_HOT if not self.one_hot else 2**31 - 1,
            "tweedie_variance_power": 1.5,
            "seed": seed,
            **_FIXED,
        }


# What concerns splits on categories. These, and the bins, are the same for every preset, so that they can share a Dataset.
_FIXED: Final[dict[str, Any]] = {
    "cat_smooth": 20.0,
    "cat_l2": 20.0,
    "max_cat_threshold": 16,
    "min_data_per_group": 50,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "feature_pre_filter": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Curve:
    """What a preset did on the folds: loss per fold and round (folds, rounds), and the boosters that grew.

    Of an average there is one loss per fold; `alone` are the rounds of the preset's own part.
    """

    preset: Preset
    losses: Array
    sizes: NDArray[np.int64]
    boosters: tuple[lgb.Booster, ...]
    alone: int = 0

    def best(self, without: int | None = None, per: int = 1) -> tuple[int, float]:
        """(rounds, loss) of the lowest mean curve; leaving out the folds of the same part, `without` modulo `per`."""
        kept = np.ones(len(self.losses), dtype=bool)
        if without is not None and per > 1:
            kept[np.arange(len(kept)) % per == without % per] = False
        shares = self.sizes[kept] / self.sizes[kept].sum()
        mean = shares @ self.losses[kept]
        place = int(np.argmin(mean))
        return self.alone or place + 1, float(mean[place])

    def trees(self, rounds: int) -> int:
        """Trees of a fold's booster that answer after so many rounds: of an average all of them."""
        return self.boosters[0].num_trees() if self.alone else rounds


@dataclass
class _Run:
    """A preset that is growing on its folds."""

    preset: Preset
    growths: list[Growth]
    shares: Array
    patience: int
    limit: int
    losses: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.losses = [[] for _ in self.growths]

    @property
    def done(self) -> bool:
        """Whether the limit is reached or the mean loss has not fallen for as long as patience allows."""
        rounds = len(self.losses[0])
        if rounds < min(self.patience, self.limit):
            return False
        mean = self.shares @ np.array(self.losses)
        return rounds >= self.limit or rounds - 1 - int(np.argmin(mean)) >= self.patience

    @property
    def share(self) -> float:
        """How much of the longest possible run is behind."""
        return 1.0 if self.done else len(self.losses[0]) / self.limit

    @property
    def step(self) -> int:
        """Rounds until the next look."""
        return min(_STEP, self.limit - len(self.losses[0]))


class _Silent:
    """Takes LightGBM's notes; what stops it is raised as an error anyway."""

    def info(self, message: str) -> None:
        """Forget a note."""

    def warning(self, message: str) -> None:
        """Forget a warning (such as that no split is left, which early stopping sees)."""


def _grow(run: _Run, number: int, rounds: int) -> list[float]:
    """A few more rounds of one fold's booster; its loss after each."""
    growth, losses = run.growths[number], []
    for _ in range(rounds):
        growth.update()
        losses.append(growth.loss())
    return losses


def portfolio(options: Options, rows: int, columns: int) -> tuple[Preset, ...]:
    """The presets for a table of this size: step, rows per leaf and share of columns follow from it, leaves do not."""
    faster = float(np.clip(np.sqrt(rows / REFERENCE_ROWS), 1.0, FASTEST))
    least = max(options.rows_per_leaf, min(100, rows // 200))
    # Wide tables hold many near-copies (one count over several windows): fewer of them per tree lose nothing.
    share = 0.5 if columns <= WIDE else 0.3
    bins = 255 if rows <= FINE_ROWS else 63
    return tuple(
        Preset(leaves, options.learning_rate * faster, least, options.max_depth, share, bins=bins)
        for leaves in sorted(set(options.leaves))
    )


class Learner:
    """LightGBM on one training set: the bins are made once, every fold and preset uses them.

    `presets` are the tight ones; `has_sets` tells whether a column has more categories than are always split one at a time.

    Parameters
    ----------
    X
        Features, (n, p): codes for categories, NaN for missing.
    categories
        Columns of X that are categories.
    options, seed
        Of the configuration.
    """

    def __init__(self, X: Array, categories: Sequence[int], options: Options, seed: int) -> None:
        # LightGBM keeps its verbosity per thread, so that of a pool's threads would be its default.
        lgb.register_logger(_Silent())
        self.options = options
        self.seed = seed
        self.X = X
        self.presets = portfolio(options, *X.shape)
        held = X[:, list(categories)]
        self.has_sets = bool(held.size) and bool((np.nan_to_num(held, nan=-1.0).max(axis=0) >= ALWAYS_ONE_HOT).any())
        parameters = self.presets[0].parameters("binary", seed)
        self._data = lgb.Dataset(
            X, label=np.zeros(len(X)), categorical_feature=list(categories), params=parameters, free_raw_data=False
        ).construct()

    def race(
        self, jobs: Sequence[tuple[Preset, Question]], folds: Sequence[Fold], progress: Progress | None = None
    ) -> list[Curve]:
        """Grow each job (a preset on a question) on all folds together until its mean loss has stopped falling.

        Every booster runs on one thread and the boosters side by side: small trees gain nothing from threads of their own,
        and lose a lot where the machine is busy.
        """
        sizes = np.array([len(valid) for _, valid in folds])
        runs = [self._run(preset, question, folds, sizes) for preset, question in jobs]
        with ThreadPoolExecutor(workers(self.options), initializer=quiet) as pool:
            while active := [run for run in runs if not run.done]:
                steps = [(run, number, run.step) for run in active for number in range(len(folds))]
                for (run, number, _), losses in zip(steps, pool.map(_grow, *zip(*steps, strict=True)), strict=True):
                    run.losses[number] += losses
                if progress is not None:
                    progress(float(np.mean([run.share for run in runs])))
        return [
            Curve(run.preset, np.array(run.losses), sizes, tuple(growth.finished() for growth in run.growths))
            for run in runs
        ]

    def fit(self, preset: Preset, question: Question, rounds: int) -> lgb.Booster:
        """A model of so many rounds on all rows; of an average its own part has so many."""
        if preset.partners:
            alone = self.fit(preset.alone(), question, rounds)
            other = symmetric.grow(self.X, question.y, question.offset, preset.partners, self.seed)
            return symmetric.average(alone, rounds, other, preset.partners)
        data = self._part(np.arange(len(self.X)), question)
        growth = Growth(preset.parameters(question.objective, self.seed), data)
        for _ in range(rounds):
            growth.update()
        return growth.finished()

    def score(self, booster: lgb.Booster, rows: Rows, rounds: int) -> Array:
        """Raw scores of some rows by the first `rounds` trees."""
        return predict_raw(booster, self.X[rows], rounds)

    def _run(self, preset: Preset, question: Question, folds: Sequence[Fold], sizes: NDArray[np.int64]) -> _Run:
        parameters = preset.parameters(question.objective, self.seed)
        growths = [
            Growth(parameters, self._part(train, question.teaching(number)), self._part(valid, question))
            for number, (train, valid) in enumerate(folds)
        ]
        # Patience is in units of the configured step: a step twice as large needs half the rounds.
        shrink = preset.learning_rate / self.options.learning_rate
        return _Run(
            preset,
            growths,
            sizes / sizes.sum(),
            patience=max(5, round(self.options.early_stopping_rounds / shrink)),
            limit=max(10, round(self.options.max_rounds / shrink)),
        )

    def _part(self, rows: Rows, question: Question) -> lgb.Dataset:
        asked = question.take(np.sort(rows))
        part = self._data.subset(np.sort(rows).tolist())
        # Otherwise every part would hold a copy of its rows of the matrix beside their bins.
        part.free_raw_data = True
        part.construct()
        part.set_label(asked.y)
        if asked.offset is not None:
            part.set_init_score(asked.offset)
        return part


def predict_raw(booster: lgb.Booster, X: Array, rounds: int | None = None) -> Array:
    """Raw scores (n,): log-odds, or log money; by the first `rounds` trees, or by all."""
    return np.asarray(booster.predict(X, raw_score=True, num_iteration=rounds or -1, num_threads=1), dtype=np.float64)


def quiet() -> None:
    """Keep LightGBM from writing to standard output in this thread: it holds its level of messages per thread."""
    lgb.Dataset(np.zeros((2, 1)), params={"verbosity": -1}).construct()


def workers(options: Options) -> int:
    """How many boosters grow side by side: the configured threads, or every core."""
    return options.threads or os.cpu_count() or 1


def scaled_rounds(rounds: int, fold_rows: float, rows: int) -> int:
    """Rounds for more rows than the folds had: more rows bear more trees, by the root of the ratio and at most half more."""
    return max(1, round(rounds * float(np.clip(np.sqrt(rows / max(fold_rows, 1.0)), 1.0, 1.5))))


def describe(preset: Preset) -> dict[str, Any]:
    """A preset as plain JSON values."""
    return asdict(preset)
