"""What the learner is asked about a target: churn is one question, NPS two, spend one, time to churn one.

NPS is ordinal, and asked in two forms of which the better one ships (`training.forms`): is the customer at least passive, is the
customer a promoter (Frank and Hall, 2001), each with its own model and both calibrated together; or how happy is the customer, one
score that two thresholds cut (McCullagh, 1980).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from training.calibration import fit_hazards, fit_scale, fit_sigmoid
from training.cumulative import likeliest
from training.dataset import Dataset
from training.periods import periods
from training.split import Rows, Split
from training.targets import Task
from training.targets.nps import classes

Array = NDArray[np.float64]
Objective = Literal["binary", "tweedie", "cumulative", "hazards"]
Form = Literal["plain", "cumulative_binaries", "cumulative_link"]
Calibration = tuple[tuple[float, ...], ...]

LEAST_ROWS = 20


@dataclass(frozen=True)
class Question:
    """One thing the learner is asked: labels (n,), LightGBM's objective for them, and what is known of each row beforehand.

    `offset` (n,) is added to the raw scores while teaching and is no part of the model. `taught` holds the labels (n,) that were
    known when each fold's teaching ended, where waiting goes on: what became known later may judge, not teach.
    """

    name: str
    objective: Objective
    y: Array
    offset: Array | None = None
    taught: tuple[Array, ...] = ()

    def take(self, rows: Rows) -> Question:
        """The question about some of the rows."""
        return Question(
            self.name,
            self.objective,
            self.y[rows],
            None if self.offset is None else self.offset[rows],
            tuple(known[rows] for known in self.taught),
        )

    def teaching(self, fold: int) -> Question:
        """The question as the teaching rows of a fold know it."""
        return replace(self, y=self.taught[fold], taught=()) if self.taught else self

    def beside(self, offset: Array) -> Question:
        """The question with what is known of each row beforehand."""
        return replace(self, offset=offset)


def forms(task: Task) -> tuple[Form, ...]:
    """The ways in which a target can be asked."""
    return ("cumulative_binaries", "cumulative_link") if task == "ordinal" else ("plain",)


def questions(dataset: Dataset, form: Form | None = None, split: Split | None = None) -> tuple[Question, ...]:
    """The questions about a target's rows, asked in one of its `forms` (the first, unless another is named).

    With a split, waiting is known as far as it was when the teaching of the split, and of each of its folds, ended.
    """
    y = dataset.label
    if dataset.task == "survival":
        known = periods(dataset, None if split is None else split.ends(dataset)).code.astype(np.float64)
        folds = range(0 if split is None else len(split.folds))
        taught = (periods(dataset, split.ends(dataset, fold)).code for fold in folds) if split is not None else ()
        return (Question("hazard", "hazards", known, taught=tuple(item.astype(np.float64) for item in taught)),)
    if form == "cumulative_link":
        return (Question("category", "cumulative", classes(y).astype(np.float64)),)
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
        # Of those who wait, what counts is whether it happened.
        kinds = np.unique(question.y % 2 if question.objective == "hazards" else question.y)
        if len(dataset) < LEAST_ROWS or len(kinds) < 2:
            raise DataError(
                f"there is nothing to tell apart: {len(dataset)} rows, all labels {kinds.tolist()}"
                if len(kinds) < 2
                else f"{len(dataset)} rows are too few to learn from",
                where=f"training set of '{dataset.target}' ({question.name})",
                available=f"dropped rows: {dataset.dropped}",
                next_move="bring more customers or a longer time, or a horizon in which both answers occur, "
                f"or remove targets.{dataset.target}",
            )


def calibrate(asked: Sequence[Question], scores: Array, rows: Rows) -> Calibration:
    """Slopes and intercept per answer from out-of-fold raw scores (rows, questions) of these rows.

    A question has one answer; a cumulative link has two, at least passive and promoter, which differ in the intercept only.
    """
    if asked[0].objective == "cumulative":
        slope, thresholds = likeliest(scores[:, 0], asked[0].y[rows].astype(np.int64))
        return tuple((slope, -float(threshold)) for threshold in thresholds)
    if asked[0].objective == "hazards":
        return fit_hazards(scores[:, 0], asked[0].y[rows].astype(np.int64))
    if asked[0].objective == "tweedie":
        return (fit_scale(np.exp(scores[:, 0]), asked[0].y[rows]),)
    return tuple(fit_sigmoid(scores, question.y[rows], place) for place, question in enumerate(asked))


def calibrated(calibration: Calibration, scores: Array) -> Array:
    """Raw scores (n, questions) as calibrated ones (n, answers), as `Bundle.margins` does it."""
    table = np.array(calibration)
    return np.asarray(scores @ table[:, :-1].T + table[:, -1])
