"""What a model's answers were worth once the truth is known, and what they promise before it is.

A loss has three parts that ask for different work. *Expected* is what the scores themselves announce: the loss of calibrated
answers to these customers; it grows when the customers are harder to tell apart, and no training mends that. *Level* is what
moving all answers by one constant would win: recalibrate. What is left beyond the expected loss after the level is right is
*unmended*: the relation between features and outcome has changed, so train again. For probabilities the unmended part is the
slope's score (answers too bold or too shy), which is zero for calibrated answers whatever the mix of customers.

For money the loss is the absolute error, the level a factor, and unmended the error of levelled answers as a share of the
error of the mean alone; nothing can be expected of money from the answers alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training import evaluate
from training.evaluate import Interval, Weighted
from training.targets.nps import classes

Array = NDArray[np.float64]

LOSS: Final = {"binary": "log_loss", "ordinal": "log_loss", "amount": "mae"}
_SHOWN: Final = {
    "binary": ("auc", "lift_at_10", "average_precision"),
    "ordinal": ("rps", "macro_auc"),
    "amount": ("spearman",),
}
_LEAST: Final = 1e-15
_STEPS: Final = 6
_BLOCK: Final = 1_500_000
_Z95: Final = 1.959963984540054


def measures(
    task: str,
    label: Array,
    answer: Array,
    prior: tuple[float, ...],
    customers: NDArray[np.int64],
    *,
    draws: int,
    seed: int,
) -> dict[str, Interval]:
    """Every measure with its 95 % interval over customers.

    Parameters
    ----------
    task
        ``binary``, ``ordinal`` or ``amount``.
    label, answer
        Labels (n,) and the model's answers, (n,) or (n, 3).
    prior
        What is answered without a model: class shares of the training rows, or (mean money,).
    customers
        Number of each row's customer, (n,).
    draws, seed
        Of the bootstrap over customers.

    Returns
    -------
    loss, expected, surprise (loss - expected), unmended, level_gain, shift (of the log-odds; money: log factor), predicted,
    observed, gap (predicted - observed; of money relative to the observed), prior_loss, advantage (prior loss - loss),
    levelled_advantage (the same after both have the right level) and the task's own.
    """
    own = _money(label, answer, prior) if task == "amount" else _chances(task, label, answer, prior)
    found = evaluate.intervals([own], customers, draws, seed)
    shown = evaluate.intervals([_evaluated(task, label, answer)], customers, draws, seed)
    return found | {name: shown[name] for name in _SHOWN[task]}


def announced(task: str, answer: Array) -> dict[str, Any]:
    """What calibrated answers promise of rows whose labels are not known: loss, level, and for churn the ranking.

    The limits of ``loss`` are those of chance in the labels (95 %); all of it holds only as long as the relation between
    features and outcome does (confidence-based performance estimation).
    """
    if task == "amount":
        return {"predicted": float(answer.mean()), "loss": None, "auc": None, "lift_at_10": None}
    P = _matrix(answer)
    minus_log = -np.log(P)
    entropy = (P * minus_log).sum(axis=1)
    spread = float(np.sqrt(((P * minus_log**2).sum(axis=1) - entropy**2).sum())) / len(P)
    value = float(entropy.mean())
    out: dict[str, Any] = {
        "predicted": level_of(task, answer),
        "loss": {"value": value, "low": value - _Z95 * spread, "high": value + _Z95 * spread},
        "auc": None,
        "lift_at_10": None,
    }
    if task == "binary":
        out |= {"auc": _expected_auc(P[:, 1]), "lift_at_10": _expected_lift(P[:, 1])}
    return out


def level_of(task: str, answer: Array) -> float:
    """Mean answer: a churn rate, an NPS in points, or money."""
    return float(100 * (answer[:, 2] - answer[:, 0]).mean()) if task == "ordinal" else float(answer.mean())


def _chances(task: str, label: Array, answer: Array, prior: tuple[float, ...]) -> Weighted:
    P = _matrix(answer)
    category = classes(label) if task == "ordinal" else label.astype(np.int64)
    logs, truth = np.log(P), np.eye(P.shape[1])[category]
    losses = -logs[np.arange(len(P)), category]
    entropy = -(P * logs).sum(axis=1)
    before = -np.log(np.clip(np.array(prior), _LEAST, 1.0))[category]
    points = np.array([-100.0, 0.0, 100.0]) if task == "ordinal" else np.array([0.0, 1.0])
    told, seen = P @ points, truth @ points

    def block(w: Array) -> dict[str, Array]:
        total = w.sum(axis=1)
        loss, expected = (w @ losses) / total, (w @ entropy) / total
        shift, levelled, left = _level(logs, truth, w)
        shares = (w @ truth) / total[:, None]
        alone = -(shares * np.log(np.clip(shares, _LEAST, 1.0))).sum(axis=1)
        predicted, observed, prior_loss = (w @ told) / total, (w @ seen) / total, (w @ before) / total
        return {
            "loss": loss,
            "expected": expected,
            "surprise": loss - expected,
            "unmended": levelled - left,
            "level_gain": loss - levelled,
            "shift": shift,
            "predicted": predicted,
            "observed": observed,
            "gap": predicted - observed,
            "prior_loss": prior_loss,
            "advantage": prior_loss - loss,
            "levelled_advantage": alone - levelled,
        }

    def compute(w: Array) -> dict[str, Array]:
        size = max(1, _BLOCK // P.size)
        parts = [block(w[first : first + size]) for first in range(0, len(w), size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return compute


def _level(logs: Array, truth: Array, w: Array) -> tuple[Array, Array, Array]:
    """The best constant added to each class's log-odds under each weighting (Newton): its size, the loss and the expected loss.

    Half a row per class keeps a class that did not occur finite. The size is that of the last class against the first.
    """
    total = w.sum(axis=1, keepdims=True)
    k = truth.shape[1]
    goal = (w @ truth + 0.5) / (total + 0.5 * k)
    mean = (w @ np.exp(logs)) / total
    constant = np.log(goal / mean)
    for _ in range(_STEPS):
        p = _softmax(logs[None] + constant[:, None, :])
        weighted = w[:, :, None] * p
        hessian = -np.einsum("bnk,bnl->bkl", weighted, p) / total[:, :, None]
        at = weighted.sum(axis=1) / total
        hessian[:, np.arange(k), np.arange(k)] += at
        step = np.linalg.solve(hessian[:, 1:, 1:] + 1e-9 * np.eye(k - 1), (goal - at)[:, 1:, None])[:, :, 0]
        constant[:, 1:] += np.clip(step, -2.0, 2.0)
    p = _softmax(logs[None] + constant[:, None, :])
    levelled = np.log(np.clip(p, _LEAST, 1.0))
    loss = -np.einsum("bn,nk,bnk->b", w, truth, levelled) / total[:, 0]
    expected = -np.einsum("bn,bnk->b", w, p * levelled) / total[:, 0]
    return constant[:, -1] - constant[:, 0], loss, expected


def _softmax(z: Array) -> Array:
    z = np.exp(z - z.max(axis=2, keepdims=True))
    return np.asarray(z / z.sum(axis=2, keepdims=True))


def _money(label: Array, answer: Array, prior: tuple[float, ...]) -> Weighted:
    errors, alone = np.abs(answer - label), np.abs(label - prior[0])

    def compute(w: Array) -> dict[str, Array]:
        total = w.sum(axis=1)
        predicted, observed = (w @ answer) / total, (w @ label) / total
        factor = np.clip(observed, 1e-9, None) / np.clip(predicted, 1e-9, None)
        # Draw by draw: the levelled errors of all draws at once would be a second matrix of weights.
        levelled = np.array([row @ np.abs(label - f * answer) for row, f in zip(w, factor, strict=True)]) / total
        mean = np.array([row @ np.abs(label - m) for row, m in zip(w, observed, strict=True)]) / total
        loss, prior_loss = (w @ errors) / total, (w @ alone) / total
        return {
            "loss": loss,
            "unmended": levelled / mean,
            "level_gain": loss - levelled,
            "shift": np.log(factor),
            "predicted": predicted,
            "observed": observed,
            "gap": predicted / observed - 1.0,
            "prior_loss": prior_loss,
            "advantage": prior_loss - loss,
            "levelled_advantage": mean - levelled,
        }

    return compute


def _evaluated(task: str, label: Array, answer: Array) -> Weighted:
    if task == "ordinal":
        return evaluate.ordinal(classes(label), answer)
    return evaluate.amount(label, answer) if task == "amount" else evaluate.binary(label, answer, answer)


def _matrix(answer: Array) -> Array:
    """Probabilities as one column per class, none of them 0."""
    P = answer if answer.ndim == 2 else np.column_stack([1.0 - answer, answer])
    P = np.clip(P, 1e-12, 1.0)
    return np.asarray(P / P.sum(axis=1, keepdims=True))


def _expected_auc(p: Array) -> float:
    """The area under the ROC curve that probabilities expect of themselves, ties counted half."""
    values, place = np.unique(p, return_inverse=True)
    leave = np.bincount(place, weights=p, minlength=len(values))
    stay = np.bincount(place, weights=1 - p, minlength=len(values))
    below = np.cumsum(stay) - stay
    return float((leave * (below + 0.5 * stay)).sum() / max(leave.sum() * stay.sum(), _LEAST))


def _expected_lift(p: Array) -> float:
    top = max(1, round(evaluate.TOP_SHARE * len(p)))
    return float(np.sort(p)[-top:].mean() / max(float(p.mean()), _LEAST))
