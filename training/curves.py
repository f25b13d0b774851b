"""What a ranking is worth and how honest a prediction is, as points to draw: gain, lift and calibration of held-out answers.

Each is of one side of a target: churn, detractors and promoters, or money. Nothing is drawn here, see `training.figures`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training import evaluate
from training.gate import Answers
from training.targets.nps import classes

Array = NDArray[np.float64]

STEPS: Final = 20
"""Points of a gain curve: every twentieth of the customers."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a target: its name, what happened (0/1, or money) and what was predicted of it, both (n,)."""

    name: str
    outcome: Array
    predicted: Array


@dataclass(frozen=True, slots=True)
class Gain:
    """How much of the outcome lies among the customers with the highest predictions.

    Parameters
    ----------
    name
        The side.
    shares
        Shares of the customers, from 0 to 1.
    captured
        Share of the outcome among them.
    best
        The same if what happened had been known.
    lift
        `captured` over `shares`, from the first step on.
    """

    name: str
    shares: tuple[float, ...]
    captured: tuple[float, ...]
    best: tuple[float, ...]
    lift: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def sides(answers: Answers) -> tuple[Side, ...]:
    """The sides of a target, the one that is acted on first."""
    if answers.task == "ordinal":
        category = classes(answers.label)
        names = ((0, "detractors"), (2, "promoters"))
        return tuple(Side(name, (category == k).astype(np.float64), answers.answer[:, k]) for k, name in names)
    if answers.task == "amount":
        return (Side("money", answers.label, answers.answer),)
    return (Side("churn", answers.label, answers.answer),)


def gain(side: Side, steps: int = STEPS) -> Gain | None:
    """The gain and lift curves of a side; None where nothing happened at all.

    Within equal predictions the outcome is spread evenly. A refund takes away from what is gained.
    """
    total = float(side.outcome.sum())
    if not total > 0:
        return None
    shares = np.linspace(0.0, 1.0, steps + 1)
    captured = _captured(side.outcome, side.predicted, shares) / total
    best = _captured(side.outcome, side.outcome, shares) / total
    lift = captured[1:] / shares[1:]
    return Gain(side.name, *(tuple(float(x) for x in part) for part in (shares, captured, best, lift)))


def gains(answers: Answers) -> tuple[Gain, ...]:
    """The curves of every side that has any."""
    found = (gain(side) for side in sides(answers))
    return tuple(item for item in found if item is not None)


def calibration(answers: Answers) -> dict[str, list[dict[str, float]]]:
    """Side to its calibration curve: mean prediction, what happened, and rows, in ten bins of equal mass."""
    return {side.name: evaluate.reliability(side.outcome, side.predicted) for side in sides(answers)}


def top(score: Array, share: float = evaluate.TOP_SHARE) -> Array:
    """How far each row (n,) is among the `share` with the highest scores: 0 or 1, and a part where equal scores are cut."""
    names, number, sizes = np.unique(-score, return_inverse=True, return_counts=True)
    before = np.cumsum(sizes) - sizes
    part = np.clip(share * len(score) - before, 0.0, sizes) / sizes
    return np.asarray(part[number]) if len(names) else np.empty(0)


def _captured(outcome: Array, score: Array, shares: Array) -> Array:
    """Sum of the outcome among each share of the highest scores."""
    _, number, sizes = np.unique(-score, return_inverse=True, return_counts=True)
    reached = np.concatenate([[0.0], np.cumsum(sizes) / len(score)])
    sums = np.concatenate([[0.0], np.cumsum(np.bincount(number, weights=outcome))])
    return np.asarray(np.interp(shares, reached, sums))
