"""The contest of the presets on the folds, and the out-of-fold scores that come out of it.

Presets are tried from the smallest trees up, and wider ones only as long as width pays, then near the best one with less to hold
them, and the best of all with categories split one at a time. Out of time, the choice of preset, rounds and calibration is made on
earlier rows than those judged. With folds, fold k is answered with the choice and the calibration that the other folds would have
made, so that judging costs no second round of training and is not flattered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from configs.settings import Settings
from training.averaging import average
from training.dataset import Dataset
from training.date_levels import beside_dates, parts_of, slopes_of
from training.extras import require
from training.learner import Curve, Learner, Preset
from training.left_out import Columns, summary, useful_columns
from training.level import apart
from training.questions import Calibration, Form, Question, calibrate, calibrated, forms, questions
from training.search import FOLDER, search
from training.split import Fold, Split

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]
Curves = dict[Preset, tuple[Curve, ...]]


@dataclass(frozen=True)
class Choice:
    """The preset that won, its rounds per question, and the mean out-of-fold loss of every preset that was tried."""

    preset: Preset
    rounds: tuple[int, ...]
    losses: dict[str, float]


@dataclass(frozen=True)
class Contest:
    """What the folds gave: row numbers are places within the teaching part.

    Parameters
    ----------
    learner
        With the teaching rows' bins.
    asked
        The questions about the teaching rows.
    folds
        (train, valid) within the teaching part.
    curves
        Per preset, one curve per question.
    choice
        Made on all folds.
    columns
        Which columns taught.
    form
        How the target was asked.
    """

    learner: Learner
    asked: tuple[Question, ...]
    folds: tuple[Fold, ...]
    curves: Curves
    choice: Choice
    columns: Columns
    form: Form = "plain"

    @property
    def fold_rows(self) -> float:
        """Mean number of teaching rows of the folds."""
        return float(np.mean([len(train) for train, _ in self.folds]))

    def scores(self, choice: Choice, number: int) -> Array:
        """Raw scores of one fold's valid rows by a choice (rows, questions)."""
        valid = self.folds[number][1]
        curves = self.curves[choice.preset]
        return np.column_stack(
            [
                self.learner.score(curve.boosters[number], valid, curve.trees(rounds))
                for curve, rounds in zip(curves, choice.rounds, strict=True)
            ]
        )

    def calibration(self, without: int | None = None) -> Calibration:
        """From the choice's scores of all valid rows together; `without` leaves out one fold's."""
        kept = [number for number in range(len(self.folds)) if number != without]
        scores = [self.scores(self.choice, number) for number in kept]
        return calibrate(self.asked, np.concatenate(scores), np.concatenate([self.folds[number][1] for number in kept]))

    def slopes(self, as_of: NDArray[np.int64], parts: int = 1) -> tuple[float, ...]:
        """Of the choice's scores of all valid rows together, each date (of the teaching rows, (n,)) with a level of its own.

        One slope for each part of the question (`training.date_levels`).
        """
        valid = np.concatenate([valid for _, valid in self.folds])
        scores = np.concatenate([self.scores(self.choice, number) for number in range(len(self.folds))])
        return slopes_of(scores[:, 0], parts_of(self.asked[0].take(valid), parts), as_of[valid])

    def in_turn(self) -> list[Array]:
        """Calibrated scores (rows, answers) of each fold's valid rows, the calibration made on the other folds."""
        return [
            calibrated(self.calibration(without=number), self.scores(self.choice, number))
            for number in range(len(self.folds))
        ]

    def crosswise(self, repeats: int) -> tuple[tuple[Array, ...], Calibration]:
        """Held-out calibrated scores (n, answers) of each repeat, and the calibration of all of them together.

        Fold k's choice comes from the folds of the other parts, its calibration from the other folds of its repeat.
        """
        per = len(self.folds) // repeats
        n = len(self.asked[0].y)
        margins, pooled = [], []
        for repeat in range(repeats):
            mine = range(repeat * per, (repeat + 1) * per)
            raw, parts = np.empty((n, len(self.asked))), {}
            for number in mine:
                raw[self.folds[number][1]] = self.scores(_choose(self.curves, without=number, per=per), number)
            for number in mine:
                train, valid = self.folds[number]
                parts[number] = calibrated(calibrate(self.asked, raw[train], train), raw[valid])
            margin = np.empty((n, parts[mine[0]].shape[1]))
            for number in mine:
                margin[self.folds[number][1]] = parts[number]
            margins.append(margin)
            pooled.append(raw)
        every = np.tile(np.arange(n), repeats)
        return tuple(margins), calibrate(self.asked, np.concatenate(pooled), every)


def contest(
    dataset: Dataset,
    split: Split,
    settings: Settings,
    progress: Progress | None = None,
    *,
    form: Form | None = None,
    levels: bool = True,
) -> Contest:
    """Race the portfolio on the folds of a split.

    Parameters
    ----------
    dataset, split, settings, progress
        As in `training.model.fit`.
    form
        One of the target's forms; None: the first.
    levels
        Whether the dates' levels are kept from the trees where that can be (`training.level.apart`).

    Raises
    ------
    DataError
        When no feature varies among the customers of the teaching rows.
    ConfigError
        When trials or an average are asked for and Optuna or CatBoost is not installed.
    """
    trials = settings.learner.trials
    if trials:
        require("optuna", "Optuna", "learner.trials", "tune", "the portfolio of presets, with learner.trials at 0")
    if settings.learner.catboost:
        without = "LightGBM's presets, with learner.catboost at false"
        require("catboost", "CatBoost", "learner.catboost", "catboost", without)
    columns = useful_columns(dataset.X[split.train], dataset.catalog.names, dataset.as_of[split.train])
    if not len(columns.kept):
        raise DataError(
            "no feature varies among customers",
            where=f"training set of '{dataset.target}'",
            available=f"left out: {summary(columns.dropped)}",
            next_move="look at 'moments check': the tables may hold no events before the as_of dates",
        )
    asked = tuple(question.take(split.train) for question in questions(dataset, form, split))
    if levels and apart(dataset, split):
        asked = tuple(beside_dates(item, dataset.as_of[split.train]) for item in asked)
    folds = tuple(
        (np.searchsorted(split.train, train), np.searchsorted(split.train, valid)) for train, valid in split.folds
    )
    X = np.ascontiguousarray(dataset.X[np.ix_(split.train, columns.kept)])
    learner = Learner(X, category_places(dataset, columns), settings.learner, settings.seed)
    part = len(learner.presets) / (len(learner.presets) + trials)
    curves = _race(learner, asked, folds, progress and (lambda message, share: progress(message, part * share)))
    if trials:
        place = settings.output / FOLDER / "-".join(filter(None, (dataset.target, form)))
        curves |= search(
            learner,
            asked,
            folds,
            place,
            progress and (lambda message, share: progress(message, part + (1 - part) * share)),
        )
    if settings.learner.catboost and all(question.objective == "binary" for question in asked):
        curves |= average(learner, asked, folds, dataset.customers[split.train], curves[_choose(curves).preset])
    return Contest(learner, asked, folds, curves, _choose(curves), columns, form or forms(dataset.task)[0])


def category_places(dataset: Dataset, columns: Columns) -> list[int]:
    """Places, among the kept columns, of those that are categories."""
    return [place for place, column in enumerate(columns.kept) if dataset.catalog.features[column].category]


def _race(learner: Learner, asked: Sequence[Question], folds: Sequence[Fold], progress: Progress | None) -> Curves:
    """Tight ones: the two smallest, then wider ones while each is better than the one before. Then light ones, near the best.

    Of the light ones as many leaves as won and the next fewer, then neighbours until the best one has none that was not tried.
    """
    curves: Curves = {}
    tight = learner.presets
    light = tuple(preset.lighter() for preset in tight)
    most = 2 * len(tight) + learner.has_sets

    def run(batch: Sequence[Preset]) -> None:
        done, names = len(curves) / most, " and ".join(preset.name for preset in batch)

        def tell(share: float) -> None:
            if progress is not None:
                progress(f"trees of {names}", done + share * len(batch) / most)

        found = learner.race([(preset, question) for preset in batch for question in asked], folds, tell)
        for place, preset in enumerate(batch):
            curves[preset] = tuple(found[place * len(asked) : (place + 1) * len(asked)])

    def best(presets: Sequence[Preset]) -> int:
        losses = [_loss(curves[preset]) if preset in curves else np.inf for preset in presets]
        return int(np.argmin(losses))

    run(tight[:2])
    while best(tight) == len(curves) - 1 and len(curves) < len(tight):
        run([tight[len(curves)]])
    place = best(tight)
    run(light[max(0, place - 1) : place + 1])
    while beside := [
        light[at] for at in (best(light) - 1, best(light) + 1) if 0 <= at < len(light) and light[at] not in curves
    ]:
        run(beside[:1])
    if learner.has_sets:
        # Sets of categories divide better, and overfit rare ones: the best preset is tried with one at a time as well.
        everything = tuple(curves)
        run([everything[best(everything)].apart()])
    return curves


def _loss(curves: Sequence[Curve]) -> float:
    return sum(curve.best()[1] for curve in curves)


def _choose(curves: Curves, without: int | None = None, per: int = 1) -> Choice:
    """The preset whose questions' losses add up to the least; `without` leaves the folds of one part out."""
    found = {preset: [curve.best(without, per) for curve in own] for preset, own in curves.items()}
    losses = {preset: sum(loss for _, loss in best) for preset, best in found.items()}
    winner = min(losses, key=lambda preset: (losses[preset], preset.kind, preset.leaves))
    return Choice(
        winner,
        tuple(rounds for rounds, _ in found[winner]),
        {preset.name: loss for preset, loss in losses.items()},
    )
