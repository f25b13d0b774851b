"""From a training set and its split to held-out answers and the bundle that ships.

A target is one or more questions to the learner: churn one, NPS two (at least passive? promoter?; Frank and Hall, 2001), spend
one. Every held-out answer comes from a model, a choice of preset and rounds, and a calibration that did not see the row's
label: out of time all three come from earlier rows; with folds, fold k's choice and calibration come from the other folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from configs.settings import Settings
from training import learner as lightgbm_learner
from training.bundle import Bundle
from training.calibration import fit_scale, fit_sigmoid
from training.dataset import Dataset
from training.learner import Columns, Curve, Learner, Objective, Preset, scaled_rounds, useful_columns
from training.level import seasonal_shifts
from training.split import Fold, Rows, Split
from training.targets.grid import iso
from training.targets.nps import classes

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]
Calibration = tuple[tuple[float, float], ...]
GOLDEN_ROWS = 8


@dataclass(frozen=True)
class Question:
    """One thing the learner is asked: labels (n,) and LightGBM's objective for them."""

    name: str
    objective: Objective
    y: Array

    def calibrate(self, score: Array, rows: Rows) -> tuple[float, float]:
        """(slope, intercept) that turn out-of-fold raw scores of these rows into calibrated ones."""
        if self.objective == "tweedie":
            return fit_scale(np.exp(score), self.y[rows])
        return fit_sigmoid(score, self.y[rows])


@dataclass(frozen=True)
class Choice:
    """The preset that won, its rounds per question, and the mean out-of-fold loss of every preset."""

    preset: Preset
    rounds: tuple[int, ...]
    losses: dict[str, float]


@dataclass(frozen=True)
class HeldOut:
    """Answers to rows whose labels nothing had seen.

    Parameters
    ----------
    rows
        Per repeat, the rows that were answered.
    margins
        Per repeat, their calibrated scores (rows, questions).
    calibration
        (slope, intercept) per question, for the model that ships.
    choice
        Preset and rounds, from all folds.
    fold_rows
        Mean number of teaching rows of the folds that chose.
    columns
        Which columns taught.
    season
        What was added to the log-odds of each judged as_of date for its season, by ISO date.
    """

    rows: tuple[Rows, ...]
    margins: tuple[Array, ...]
    calibration: Calibration
    choice: Choice
    fold_rows: float
    columns: Columns
    season: dict[str, float] = field(default_factory=dict)


def questions(dataset: Dataset) -> tuple[Question, ...]:
    """What the learner is asked about a target."""
    y = dataset.label
    if dataset.task == "ordinal":
        return (
            Question("at_least_passive", "binary", (y >= 7).astype(np.float64)),
            Question("promoter", "binary", (y >= 9).astype(np.float64)),
        )
    if dataset.task == "amount":
        # Tweedie takes no negative money: who gave back more than was bought spent nothing.
        return (Question("amount", "tweedie", np.clip(y, 0.0, None)),)
    return (Question("churn", "binary", y),)


def check_labels(dataset: Dataset) -> None:
    """Refuse labels from which nothing can be learnt.

    Raises
    ------
    DataError
        When every row has the same answer, or there are fewer than 20 rows.
    """
    for question in questions(dataset):
        kinds = np.unique(question.y)
        if len(dataset) < 20 or len(kinds) < 2:
            raise DataError(
                f"there is nothing to tell apart: {len(dataset)} rows, all labels {kinds.tolist()}"
                if len(kinds) < 2
                else f"{len(dataset)} rows are too few to learn from",
                where=f"training set of '{dataset.target}' ({question.name})",
                available=f"dropped rows: {dataset.dropped}",
                next_move="bring more customers or a longer time, or a horizon in which both answers occur",
            )


def hold_out(dataset: Dataset, split: Split, settings: Settings, progress: Progress | None = None) -> HeldOut:
    """Choose on the folds, answer the held-out rows, calibrate.

    Parameters
    ----------
    dataset, split
        The rows and how they are divided.
    settings
        Presets, seed and threads.
    progress
        Told a message and a fraction of this step.
    """
    asked = questions(dataset)
    columns = useful_columns(dataset.X[split.train], dataset.catalog.names)
    if not len(columns.kept):
        raise DataError(
            "no feature varies",
            where=f"training set of '{dataset.target}'",
            available=f"{len(columns.constant)} constant columns",
            next_move="look at 'moments check': the tables may hold no events before the as_of dates",
        )
    folds = tuple(
        (np.searchsorted(split.train, train), np.searchsorted(split.train, valid)) for train, valid in split.folds
    )
    X = np.ascontiguousarray(dataset.X[np.ix_(split.train, columns.kept)])
    fold_rows = float(np.mean([len(train) for train, _ in folds]))
    trainer = Learner(X, categories(dataset, columns), asked[0].objective, settings.learner, settings.seed)
    curves = _race(trainer, asked, split, folds, progress)
    choice = _choose(curves)
    ours = tuple(Question(q.name, q.objective, q.y[split.train]) for q in asked)
    if not split.out_of_time:
        rows, margins, calibration = _crosswise(trainer, ours, curves, folds, split.repeats)
        return HeldOut(rows, margins, calibration, choice, fold_rows, columns)
    test = np.ascontiguousarray(dataset.X[np.ix_(split.test, columns.kept)])
    judged, pairs = [], []
    for place, question in enumerate(ours):
        curve = curves[choice.preset, place]
        scores = [
            trainer.score(booster, valid, choice.rounds[place])
            for booster, (_, valid) in zip(curve.boosters, folds, strict=True)
        ]
        slope, intercept = question.calibrate(np.concatenate(scores), np.concatenate([valid for _, valid in folds]))
        booster = trainer.fit(
            question.y, choice.preset, scaled_rounds(choice.rounds[place], fold_rows, len(split.train))
        )
        judged.append(slope * lightgbm_learner.predict_raw(booster, test, threads=settings.learner.threads) + intercept)
        pairs.append((slope, intercept))
    season: dict[str, float] = {}
    if dataset.task == "binary" and split.rolling and dataset.window:
        dates, number = np.unique(dataset.as_of[split.test], return_inverse=True)
        known = pairs[0][0] * lightgbm_learner.predict_raw(booster, X, threads=settings.learner.threads) + pairs[0][1]
        shifts = seasonal_shifts(known, ours[0].y, dataset.as_of[split.train], dates.tolist())
        judged[0] = judged[0] + np.array(shifts)[number]
        season = {iso(date): shift for date, shift in zip(dates.tolist(), shifts, strict=True)}
    margins = (np.column_stack(judged),)
    return HeldOut((split.test,), margins, tuple(pairs), choice, fold_rows, columns, season)


def ship(
    dataset: Dataset, held: HeldOut, settings: Settings, *, answers: Array, details: dict[str, Any]
) -> tuple[Bundle, Array]:
    """Refit the choice on every labelled row; the bundle (unsaved) and its golden rows.

    `answers` are the held-out predictions that percentiles and bands refer to: what customers of the newest judged period
    got from a model that had not seen them.
    """
    columns = useful_columns(dataset.X, dataset.catalog.names)
    X = np.ascontiguousarray(dataset.X[:, columns.kept])
    asked = questions(dataset)
    trainer = Learner(X, categories(dataset, columns), asked[0].objective, settings.learner, settings.seed)
    boosters: list[lgb.Booster] = []
    rounds = tuple(scaled_rounds(count, held.fold_rows, len(dataset)) for count in held.choice.rounds)
    for question, count in zip(asked, rounds, strict=True):
        boosters.append(trainer.fit(question.y, held.choice.preset, count))
    calibration, shift = held.calibration, 0.0
    if held.season:
        # The first customers to be scored are those of the moment when the labels end.
        slope, intercept = calibration[0]
        known = slope * lightgbm_learner.predict_raw(boosters[0], X, threads=settings.learner.threads) + intercept
        until = int(dataset.as_of.max()) + dataset.window
        (shift,) = seasonal_shifts(known, asked[0].y, dataset.as_of, [until])
        calibration = ((slope, intercept + shift),)
    catalog = dataset.catalog.select(dataset.catalog.names[place] for place in columns.kept)
    rates = np.bincount(classes(dataset.label), minlength=3) / len(dataset) if dataset.task == "ordinal" else None
    levels = np.quantile(answers, np.linspace(0, 1, 101))
    bands = (
        {
            "medium": float(np.quantile(answers, settings.scores.medium_quantile)),
            "high": float(np.quantile(answers, settings.scores.high_quantile)),
        }
        if dataset.task == "binary"
        else {}
    )
    bundle = Bundle(
        target=dataset.target,
        task=dataset.task,
        spec=dataset.spec,
        catalog=catalog,
        models=tuple(booster.model_to_string() for booster in boosters),
        calibration=calibration,
        quantiles=tuple(float(level) for level in levels),
        reference=_usual(X, catalog.names, catalog.categories),
        base_rate=float(dataset.label.mean()) if dataset.task == "binary" else None,
        class_rates=None if rates is None else tuple(float(rate) for rate in rates),
        bands=bands,
        data_from=None if dataset.flat else iso(int(dataset.as_of.min())),
        data_until=None if dataset.flat else iso(int(dataset.as_of.max()) + dataset.window),
        details={
            **details,
            "preset": lightgbm_learner.describe(held.choice.preset, rounds[0]),
            "rounds": list(rounds),
            "left_out": columns.to_dict(),
            "rows": len(dataset),
            "season": shift,
            "dropped": dataset.dropped,
        },
    )
    return bundle, _golden(X, settings.seed)


def categories(dataset: Dataset, columns: Columns) -> list[int]:
    """Places, among the kept columns, of those that are categories."""
    return [place for place, column in enumerate(columns.kept) if dataset.catalog.features[column].category]


def _race(
    trainer: Learner, asked: tuple[Question, ...], split: Split, folds: tuple[Fold, ...], progress: Progress | None
) -> dict[tuple[Preset, int], Curve]:
    curves = {}
    steps = len(trainer.presets) * len(asked)
    for number, preset in enumerate(trainer.presets):
        for place, question in enumerate(asked):
            curves[preset, place] = trainer.race(question.y[split.train], folds, preset)
            if progress is not None:
                progress(f"{preset.leaves} leaves", (number * len(asked) + place + 1) / steps)
    return curves


def _choose(curves: dict[tuple[Preset, int], Curve], without: int | None = None, per: int = 1) -> Choice:
    """The preset whose questions' losses add up to the least; `without` leaves the folds of one part out."""
    found: dict[Preset, list[tuple[int, float]]] = {}
    for (preset, _), curve in curves.items():
        found.setdefault(preset, []).append(curve.best(without, per))
    losses = {preset: sum(loss for _, loss in best) for preset, best in found.items()}
    winner = min(losses, key=lambda preset: (losses[preset], preset.leaves))
    return Choice(
        winner,
        tuple(rounds for rounds, _ in found[winner]),
        {f"{preset.leaves} leaves": loss for preset, loss in losses.items()},
    )


def _crosswise(
    trainer: Learner,
    asked: tuple[Question, ...],
    curves: dict[tuple[Preset, int], Curve],
    folds: tuple[Fold, ...],
    repeats: int,
) -> tuple[tuple[Rows, ...], tuple[Array, ...], Calibration]:
    """Held-out answers of folds: each fold's choice and calibration come from the other folds of its repeat."""
    per = len(folds) // repeats
    n = len(asked[0].y)
    margins = []
    pooled: list[list[Array]] = [[] for _ in asked]
    for repeat in range(repeats):
        mine = range(repeat * per, (repeat + 1) * per)
        margin = np.empty((n, len(asked)))
        for place, question in enumerate(asked):
            raw = np.empty(n)
            for number in mine:
                own = _choose(curves, without=number, per=per)
                booster = curves[own.preset, place].boosters[number]
                raw[folds[number][1]] = trainer.score(booster, folds[number][1], own.rounds[place])
            for number in mine:
                train, valid = folds[number]
                slope, intercept = question.calibrate(raw[train], train)
                margin[valid, place] = slope * raw[valid] + intercept
            pooled[place].append(raw)
        margins.append(margin)
    every = np.arange(n)
    calibration = tuple(
        question.calibrate(np.concatenate(pooled[place]), np.tile(every, repeats))
        for place, question in enumerate(asked)
    )
    return tuple(every for _ in range(repeats)), tuple(margins), calibration


def _usual(X: Array, names: tuple[str, ...], texts: dict[str, tuple[str, ...]]) -> dict[str, float | str | None]:
    """The usual value of each feature: the median, the most frequent category, or None where all are missing."""
    usual: dict[str, float | str | None] = {}
    for place, name in enumerate(names):
        values = X[~np.isnan(X[:, place]), place]
        if not len(values):
            usual[name] = None
        elif name in texts:
            usual[name] = texts[name][int(np.bincount(values.astype(np.int64)).argmax())]
        else:
            usual[name] = float(np.median(values))
    return usual


def _golden(X: Array, seed: int) -> Array:
    """Rows for the bundle's self-test: every column drawn on its own, so that no row is a customer's; the last is all missing."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack([X[rng.integers(0, len(X), GOLDEN_ROWS - 1), column] for column in range(X.shape[1])])
    return np.vstack([rows, np.full(X.shape[1], np.nan)])
