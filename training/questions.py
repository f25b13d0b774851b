"""What the learner is asked about a target: churn is one question, NPS two, spend one.

NPS is ordinal: is the customer at least passive, is the customer a promoter (Frank and Hall, 2001). Each question has its own
model; the answers are calibrated together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from training.calibration import fit_scale, fit_sigmoid
from training.dataset import Dataset
from training.learner import Objective
from training.split import Rows

Array = NDArray[np.float64]
Calibration = tuple[tuple[float, ...], ...]

LEAST_ROWS = 20


@dataclass(frozen=True)
class Question:
    """One thing the learner is asked: labels (n,) and LightGBM's objective for them."""

    name: str
    objective: Objective
    y: Array

    def take(self, rows: Rows) -> Question:
        """The question about some of the rows."""
        return Question(self.name, self.objective, self.y[rows])


def questions(dataset: Dataset) -> tuple[Question, ...]:
    """The questions about a target's rows."""
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
    """Slopes and intercept per question from out-of-fold raw scores (rows, questions) of these rows."""
    if asked[0].objective == "tweedie":
        return (fit_scale(np.exp(scores[:, 0]), asked[0].y[rows]),)
    return tuple(fit_sigmoid(scores, question.y[rows], place) for place, question in enumerate(asked))


def calibrated(calibration: Calibration, scores: Array) -> Array:
    """Raw scores (n, questions) as calibrated ones, as `Bundle.margins` does it."""
    table = np.array(calibration)
    return np.asarray(scores @ table[:, :-1].T + table[:, -1])
