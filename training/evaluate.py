"""Metrics with intervals: every one is computed under customer weights, so a bootstrap is one more row of weights.

A resample of customers gives each customer a count, and a row the count of its customer; row 0 of the weights is all ones and
gives the value, the other rows give the interval (2.5 to 97.5 %). Scores are sorted once; a draw costs a few cumulative sums.
What cannot be computed (one class only) is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betainc
from scipy.stats import rankdata

Array = NDArray[np.float64]
Interval = dict[str, float | None]
Weighted = Callable[[Array], dict[str, Array]]

BINS: Final = 10
TOP_SHARE: Final = 0.1
CLASSES: Final = 3
_BLOCK: Final = 4_000_000
_LEAST: Final = 1e-15


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign costs and brings: customer value, offer, contact (money), acceptance ~ Beta(alpha, beta)."""

    value: float = 200.0
    offer: float = 10.0
    contact: float = 1.0
    alpha: float = 6.0
    beta: float = 14.0


CUSTOMARY: Final = Terms()
"""Those of Verbraken et al. (2013), which make figures comparable."""

# Resampling noise adds to a distance, so that its resampled values lie above it: its interval is the reflected one.
_DISTANCES: Final = frozenset({"ece"})


def weights(customers: NDArray[np.int64], draws: int, seed: int) -> Iterator[Array]:
    """Blocks of customer weights, (draws, n) in all with a first row of ones; a block is a few million numbers at most."""
    names, number = np.unique(customers, return_inverse=True)
    rng = np.random.default_rng(seed)
    yield np.ones((1, len(customers)))
    size = max(1, _BLOCK // max(len(customers), 1))
    for start in range(0, draws, size):
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=min(size, draws - start))
        yield counts.astype(np.float64)[:, number]


def intervals(metrics: Sequence[Weighted], customers: NDArray[np.int64], draws: int, seed: int) -> dict[str, Interval]:
    """Value and 95 % interval of each metric, by a bootstrap over customers.

    Parameters
    ----------
    metrics
        One function of weights per repeat of the folds (one in all for a split in time); repeats are averaged.
    customers
        Number of each row's customer, (n,).
    draws
        Resamples.
    seed
        Of the draws.
    """
    found: dict[str, list[Array]] = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for block in weights(customers, draws, seed):
            repeats = [metric(block) for metric in metrics]
            for name in repeats[0]:
                found.setdefault(name, []).append(np.mean([repeat[name] for repeat in repeats], axis=0))
    return {name: _interval(np.concatenate(values), distance=name in _DISTANCES) for name, values in found.items()}


def values(metrics: Sequence[Weighted], n: int) -> dict[str, float | None]:
    """The metrics without their intervals."""
    ones = np.ones((1, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        repeats = [metric(ones) for metric in metrics]
    return {name: _plain(float(np.mean([repeat[name][0] for repeat in repeats]))) for name in repeats[0]}


def binary(y: Array, score: Array, probability: Array, terms: Terms = CUSTOMARY) -> Weighted:
    """Metrics of a churn model: labels 0/1 (n,), raw score for ranking (n,), calibrated probability (n,).

    auc, average_precision, log_loss (nats), brier, ece (ten bins of equal mass), lift_at_10, empc (money per customer),
    calibration_in_the_large (mean probability minus churn rate).
    """
    order, starts = groups_of(-score)
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    losses = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    squares = (p - y) ** 2
    membership = _equal_mass(p)
    positive = y[order]

    def compute(w: Array) -> dict[str, Array]:
        total = w.sum(axis=1)
        ranked = w[:, order]
        pos = np.add.reduceat(ranked * positive, starts, axis=1)
        neg = np.add.reduceat(ranked * (1 - positive), starts, axis=1)
        gaps = (w * (p - y)) @ membership
        return {
            "auc": area_of(pos, neg),
            "average_precision": _average_precision(pos, neg),
            "log_loss": (w @ losses) / total,
            "brier": (w @ squares) / total,
            "ece": np.abs(gaps).sum(axis=1) / total,
            "lift_at_10": _lift(pos, neg),
            "empc": np.array([empc_of(a, b, terms) for a, b in zip(pos, neg, strict=True)]),
            "calibration_in_the_large": gaps.sum(axis=1) / total,
        }

    return compute


def ordinal(category: NDArray[np.int64], probabilities: Array) -> Weighted:
    """Metrics of an NPS model: category 0, 1, 2 (n,), probabilities (n, 3).

    log_loss (nats), rps (over K - 1), qwk (most likely category), macro_f1, macro_auc (each category against the rest),
    nps_points_error (absolute, of the aggregate NPS), nps_points_bias (predicted minus actual).
    """
    truth = np.eye(CLASSES)[category]
    p = np.clip(probabilities, _LEAST, 1.0)
    losses = -np.log(p[np.arange(len(p)), category])
    ranked = ((np.cumsum(probabilities - truth, axis=1)[:, :-1]) ** 2).sum(axis=1) / (CLASSES - 1)
    confusion = np.eye(CLASSES * CLASSES)[category * CLASSES + probabilities.argmax(axis=1)]
    points = 100 * ((probabilities[:, 2] - probabilities[:, 0]) - (truth[:, 2] - truth[:, 0]))
    sides = [(*groups_of(-probabilities[:, k]), truth[:, k]) for k in range(CLASSES)]

    def compute(w: Array) -> dict[str, Array]:
        total = w.sum(axis=1)
        table = (w @ confusion).reshape(-1, CLASSES, CLASSES)
        areas = []
        for order, starts, side in sides:
            sorted_w = w[:, order]
            pos = np.add.reduceat(sorted_w * side[order], starts, axis=1)
            areas.append(area_of(pos, np.add.reduceat(sorted_w * (1 - side[order]), starts, axis=1)))
        bias = (w @ points) / total
        return {
            "log_loss": (w @ losses) / total,
            "rps": (w @ ranked) / total,
            "qwk": _qwk(table),
            "macro_f1": _macro_f1(table),
            "macro_auc": np.mean(areas, axis=0),
            "nps_points_error": np.abs(bias),
            "nps_points_bias": bias,
        }

    return compute


def amount(y: Array, prediction: Array) -> Weighted:
    """Metrics of a spend model: money (n,), expectation (n,). mae, rmse (money), spearman, bias_ratio (predicted / actual)."""
    errors, squares = np.abs(prediction - y), (prediction - y) ** 2
    # Ranks are those of the whole sample: a resample weights them instead of ranking again.
    a, b = rankdata(y), rankdata(prediction)
    products = np.column_stack([a, b, a * a, b * b, a * b])

    def compute(w: Array) -> dict[str, Array]:
        total = w.sum(axis=1)
        ma, mb, maa, mbb, mab = (w @ products / total[:, None]).T
        return {
            "mae": (w @ errors) / total,
            "rmse": np.sqrt((w @ squares) / total),
            "spearman": (mab - ma * mb) / np.sqrt((maa - ma**2) * (mbb - mb**2)),
            "bias_ratio": (w @ prediction) / (w @ y),
        }

    return compute


def log_losses(y: Array, probability: Array) -> Array:
    """Log-loss of each row (n,), nats: 0/1 labels with probabilities (n,), or categories with probabilities (n, 3)."""
    if probability.ndim == 2:
        chosen = probability[np.arange(len(y)), y.astype(np.int64)]
        return np.asarray(-np.log(np.clip(chosen, _LEAST, 1.0)))
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))


def auc(y: Array, score: Array) -> float:
    """Area under the ROC curve, ties counted half; NaN when there is one class only."""
    order, starts = groups_of(-score)
    pos = np.add.reduceat(y[order], starts)[None, :]
    neg = np.add.reduceat(1 - y[order], starts)[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(area_of(pos, neg)[0])


def empc_of(pos: Array, neg: Array, terms: Terms = CUSTOMARY) -> float:
    """Expected maximum profit for churn (Verbraken et al., 2013), money per customer.

    `pos` and `neg` are the weights of churners and others per group of equal scores, best score first. Only the convex hull
    of the ROC curve matters, which is what pooling adjacent violators gives; a segment of the hull is worth targeting once
    the acceptance rate exceeds the one at which it breaks even, so each adds one integral of the Beta density.
    """
    both = pos + neg
    held = both > 0
    if not pos.sum() > 0 or not neg.sum() > 0:
        return math.nan
    fit = isotonic_regression(pos[held] / both[held], weights=both[held], increasing=False)
    first = fit.blocks[:-1]
    dy = np.add.reduceat(pos[held], first) / both.sum()
    dx = np.add.reduceat(neg[held], first) / both.sum()
    offer, contact = terms.offer / terms.value, terms.contact / terms.value
    worth = dy > 0
    dy, dx = dy[worth], dx[worth]
    if offer >= 1:
        return 0.0
    even = np.clip(((offer + contact) * dx / dy + contact) / (1 - offer), 0, 1)
    chance = 1 - betainc(terms.alpha, terms.beta, even)
    mean = terms.alpha / (terms.alpha + terms.beta) * (1 - betainc(terms.alpha + 1, terms.beta, even))
    gain = (1 - offer) * dy * mean - (contact * dy + (offer + contact) * dx) * chance
    return float(terms.value * gain.sum())


def reliability(y: Array, probability: Array, bins: int = BINS) -> list[dict[str, float]]:
    """The calibration curve: mean probability, observed rate and rows of bins of equal mass."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [
        {"predicted": float(probability[part].mean()), "observed": float(y[part].mean()), "rows": len(part)}
        for part in parts
    ]


def groups_of(score: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order by score (n,), and where each group of equal scores starts in it (groups,)."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    return order, starts


def area_of(pos: Array, neg: Array) -> Array:
    """Area under the ROC curve (draws,) from the weights of positives and negatives per group, the best score first."""
    return np.asarray(won(pos, neg) / (pos.sum(axis=1) * neg.sum(axis=1)))


def won(pos: Array, neg: Array) -> Array:
    """Weight of the pairs (draws,) that positives win: over every negative of a later group, and half over those of their own."""
    below = neg[:, ::-1].cumsum(axis=1)[:, ::-1] - neg
    return np.asarray((pos * (below + 0.5 * neg)).sum(axis=1))


def _average_precision(pos: Array, neg: Array) -> Array:
    hits = pos.cumsum(axis=1)
    seen = hits + neg.cumsum(axis=1)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    return np.asarray((pos * precision).sum(axis=1) / pos.sum(axis=1))


def _lift(pos: Array, neg: Array) -> Array:
    """Churn rate of the tenth with the highest scores over the churn rate; a group on the edge counts in part."""
    both = pos + neg
    total = both.sum(axis=1, keepdims=True)
    room = TOP_SHARE * total - (both.cumsum(axis=1) - both)
    share = np.divide(np.clip(room, 0, both), both, out=np.zeros_like(both), where=both > 0)
    top = (pos * share).sum(axis=1) / (TOP_SHARE * total[:, 0])
    return np.asarray(top / (pos.sum(axis=1) / total[:, 0]))


def _equal_mass(p: Array) -> Array:
    """Membership (n, bins) in bins of equal mass; equal probabilities stay together."""
    low = rankdata(p, method="min") - 1
    place = np.minimum((low * BINS / len(p)).astype(np.int64), BINS - 1)
    membership: Array = np.eye(BINS)[place]
    return membership


def _qwk(table: Array) -> Array:
    """Quadratic weighted kappa (Cohen, 1968) of confusion tables (draws, K, K)."""
    place = np.arange(CLASSES)
    cost = (place[:, None] - place[None, :]) ** 2
    total = table.sum(axis=(1, 2))
    expected = table.sum(axis=2)[:, :, None] * table.sum(axis=1)[:, None, :] / total[:, None, None]
    return np.asarray(1 - (table * cost).sum(axis=(1, 2)) / (expected * cost).sum(axis=(1, 2)))


def _macro_f1(table: Array) -> Array:
    hits = np.einsum("bkk->bk", table)
    sizes = table.sum(axis=2) + table.sum(axis=1)
    return np.asarray(np.divide(2 * hits, sizes, out=np.zeros_like(hits), where=sizes > 0).mean(axis=1))


def _interval(drawn: Array, *, distance: bool) -> Interval:
    value, rest = float(drawn[0]), drawn[1:][np.isfinite(drawn[1:])]
    if not math.isfinite(value) or not len(rest):
        return {"value": _plain(value), "low": None, "high": None}
    low, high = np.quantile(rest, [0.025, 0.975])
    if distance:
        low, high = max(2 * value - high, 0.0), 2 * value - low
    return {"value": value, "low": min(float(low), value), "high": max(float(high), value)}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
