"""In which form a target is asked: the one with the lower ranked probability score on rows held out.

NPS has two forms (`training.questions`); both race on the same folds. With folds that judge, the form that answers a fold is the
one that won on the folds of the other parts, so that judging is not flattered by the choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.settings import Settings
from training.bundle import ordinal_probabilities, sigmoid
from training.choose import Contest, Progress, contest
from training.dataset import Dataset
from training.questions import Calibration, Form, forms
from training.split import Split
from training.targets.nps import classes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rivals:
    """The contest of each form on the same folds, and what each form lost on every fold's held-out rows.

    Parameters
    ----------
    contests
        By form; the first wins ties.
    losses
        By form: sum over a fold's rows of the ranked probability score, (folds,); empty where there is one form only.
    rows
        Held-out rows of each fold, (folds,).
    answers
        By form: what `Contest.crosswise` gave, where folds judge.
    """

    contests: dict[Form, Contest]
    losses: dict[Form, Array]
    rows: Array
    answers: dict[Form, tuple[tuple[Array, ...], Calibration]]

    @property
    def winner(self) -> Contest:
        """The contest of the form that lost least over all folds."""
        return self.contests[self._best()]

    @property
    def scores(self) -> dict[str, float]:
        """Mean ranked probability score of each form, over (classes - 1)."""
        return {form: float(lost.sum() / self.rows.sum()) for form, lost in self.losses.items()}

    def crosswise(self, repeats: int) -> tuple[tuple[Array, ...], Calibration]:
        """Held-out calibrated scores (n, answers) of each repeat, fold by fold those of the form that won elsewhere."""
        folds = self.winner.folds
        per = len(folds) // repeats
        margins = tuple(margin.copy() for margin in self.answers[self.winner.form][0])
        for number, (_, valid) in enumerate(folds):
            form = self._best(np.arange(len(folds)) % per != number % per)
            margins[number // per][valid] = self.answers[form][0][number // per][valid]
        return margins, self.answers[self.winner.form][1]

    def _best(self, kept: NDArray[np.bool_] | None = None) -> Form:
        if not self.losses:
            return next(iter(self.contests))
        chosen = np.ones(len(self.rows), dtype=bool) if kept is None else kept
        return min(self.losses, key=lambda form: float(self.losses[form][chosen].sum()))


def rivals(dataset: Dataset, split: Split, settings: Settings, progress: Progress | None = None) -> Rivals:
    """Race every form of a target on the folds of a split."""
    asked = forms(dataset.task)
    contests: dict[Form, Contest] = {}
    for place, form in enumerate(asked):

        def tell(message: str, share: float, place: int = place) -> None:
            if progress is not None:
                progress(message, (place + share) / len(asked))

        contests[form] = contest(dataset, split, settings, tell, form=form)
    folds = contests[asked[0]].folds
    rows = np.array([len(valid) for _, valid in folds], dtype=np.float64)
    judging = not split.out_of_time
    answers = {form: found.crosswise(split.repeats) for form, found in contests.items()} if judging else {}
    losses: dict[Form, Array] = {}
    if len(asked) > 1:
        category = classes(dataset.label[split.train])
        per = len(folds) // split.repeats
        for form, found in contests.items():
            margins = (
                [answers[form][0][number // per][valid] for number, (_, valid) in enumerate(folds)]
                if judging
                else found.in_turn()
            )
            losses[form] = np.array(
                [_ranked(margin, category[valid]) for margin, (_, valid) in zip(margins, folds, strict=True)]
            )
    return Rivals(contests, losses, rows, answers)


def _ranked(margins: Array, category: NDArray[np.int64]) -> float:
    """Sum of the ranked probability scores (Epstein, 1969) of calibrated cumulative scores (rows, 2)."""
    chances = sigmoid(margins)
    rates = tuple(((np.bincount(category, minlength=3) + 1.0) / (len(category) + 3.0)).tolist())
    below = np.cumsum(ordinal_probabilities(chances[:, 0], chances[:, 1], rates), axis=1)[:, :-1]
    truth = category[:, None] <= np.arange(2)
    return float(((below - truth) ** 2).sum() / 2)
