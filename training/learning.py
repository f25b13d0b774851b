"""How the portfolio learnt: the out-of-fold loss of each preset after so many rounds, over all folds and in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.learner import Curve, Preset
from training.questions import Question

Array = NDArray[np.float64]

EVERY: Final = 10
"""Rounds between two points of a curve."""


@dataclass(frozen=True)
class Learning:
    """What one preset did for one question.

    Parameters
    ----------
    preset, question
        The member of the portfolio and what it was asked.
    rounds
        Rounds at which it was looked at (k,): every tenth and the last.
    mean
        Loss over all folds, weighted by their rows, (k,).
    folds
        Loss of each fold, (folds, k).
    best
        The round of the lowest mean loss, and that loss.
    """

    preset: Preset
    question: str
    rounds: NDArray[np.int64]
    mean: Array
    folds: Array
    best: tuple[int, float]


def learning(curves: Mapping[Preset, Sequence[Curve]], asked: Sequence[Question]) -> tuple[Learning, ...]:
    """The curves of every preset that was tried, in the order of trial."""
    return tuple(
        _of(curve, question.name) for own in curves.values() for curve, question in zip(own, asked, strict=True)
    )


def _of(curve: Curve, question: str) -> Learning:
    count = curve.losses.shape[1]
    rounds = np.unique(np.append(np.arange(EVERY, count + 1, EVERY), count))
    folds = curve.losses[:, rounds - 1]
    return Learning(curve.preset, question, rounds, curve.sizes / curve.sizes.sum() @ folds, folds, curve.best())
