"""How well a model answers for groups of customers: every category of every attribute that has enough held-out rows.

Per group: rows, customers, what happened and what was predicted, the difference, ranking and loss with intervals, and the share of
its rows among the tenth of all rows with the highest scores. Intervals are 95 %, from influence values added up per customer:
for the area under the curve those of DeLong, DeLong and Clarke-Pearson (1988), clustered as by Obuchowski (1997). All
groups of an attribute are computed in one pass over sorted rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training import evaluate
from training.curves import Side, sides, top
from training.dataset import Dataset
from training.gate import SEGMENT_ROWS, Answers, losses
from training.split import Rows

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MISSING: Final = "(missing)"
CURRENT: Final = "current_category"
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Segment:
    """One group of customers.

    Parameters
    ----------
    feature, category
        The attribute and its value; ``(missing)`` where it is unknown.
    rows, customers
        Held-out rows and how many customers they are of.
    observed, predicted
        Mean outcome and mean prediction: churn rate, share of detractors, or money.
    gap
        Predicted minus observed.
    auc
        Area under the ROC curve within the group; None for money, and where there is one class only.
    loss
        Log-loss in nats (money: absolute error).
    selected
        Share of its rows among the top tenth of all.
    """

    feature: str
    category: str
    rows: int
    customers: int
    observed: float
    predicted: float
    gap: evaluate.Interval
    auc: evaluate.Interval
    loss: evaluate.Interval
    selected: float

    @property
    def surely_off(self) -> bool:
        """Whether the predicted level differs from what happened by more than chance."""
        low, high = self.gap["low"], self.gap["high"]
        return low is not None and high is not None and (low > 0 or high < 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def segments(dataset: Dataset, rows: Rows, answers: Answers, least: int = SEGMENT_ROWS) -> tuple[Segment, ...]:
    """The groups with at least `least` held-out rows, in the order of the catalogue and its categories.

    Parameters
    ----------
    dataset, rows
        The training set, with the attributes that the model does without too, and the judged rows.
    answers
        The held-out answers to those rows.
    """
    side = sides(answers)[0]
    loss = losses(answers)
    chosen = top(side.predicted)
    customers = dataset.customers[rows]
    found: list[Segment] = []
    for place, feature in enumerate(dataset.catalog.features):
        if feature.aggregate != CURRENT:
            continue
        names = (*dataset.catalog.categories[feature.name], MISSING)
        values = dataset.X[rows, place]
        codes = np.where(np.isnan(values), len(names) - 1, values).astype(np.int64)
        found += _of(feature.name, names, codes, side, loss, chosen, customers, least, ranked=answers.task != "amount")
    return tuple(found)


def _of(
    feature: str,
    names: tuple[str, ...],
    codes: Codes,
    side: Side,
    loss: Array,
    chosen: Array,
    customers: Codes,
    least: int,
    *,
    ranked: bool,
) -> list[Segment]:
    count = len(names)
    sizes = np.bincount(codes, minlength=count)
    kept = np.flatnonzero(sizes >= least)
    if not len(kept):
        return []
    mine = sizes[codes]

    def means(values: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return np.asarray(np.bincount(codes, weights=values, minlength=count) / sizes)

    gap_values = side.predicted - side.outcome
    gap, mean_loss = means(gap_values), means(loss)
    area, pull = _areas(codes, count, side.outcome, side.predicted) if ranked else (np.full(count, np.nan), loss * 0)
    influences = ((gap_values - gap[codes]) / mine, (loss - mean_loss[codes]) / mine, pull)
    errors, groups = _errors(codes, count, customers, influences)
    observed, predicted, selected = means(side.outcome), means(side.predicted), means(chosen)
    return [
        Segment(
            feature,
            names[code],
            int(sizes[code]),
            int(groups[code]),
            float(observed[code]),
            float(predicted[code]),
            _interval(gap[code], errors[0][code]),
            _interval(area[code], errors[2][code], 0.0, 1.0),
            _interval(mean_loss[code], errors[1][code], 0.0),
            float(selected[code]),
        )
        for code in kept
    ]


def _areas(codes: Codes, count: int, outcome: Array, score: Array) -> tuple[Array, Array]:
    """Area under the curve of each group (count,), and the influence of each row (n,) on its group's."""
    order = np.lexsort((score, codes))
    code, ranked, positive = codes[order], score[order], outcome[order]
    starts = np.flatnonzero(np.concatenate([[True], (code[1:] != code[:-1]) | (ranked[1:] != ranked[:-1])]))
    tie = np.cumsum(np.isin(np.arange(len(code)), starts)) - 1
    pos, neg = np.add.reduceat(positive, starts), np.add.reduceat(1 - positive, starts)
    pos_all, neg_all = (
        np.bincount(codes, weights=side, minlength=count)[code[starts]] for side in (outcome, 1 - outcome)
    )
    first = np.concatenate([[True], code[starts][1:] != code[starts][:-1]])
    pos_before, neg_before = (_before(part, first) for part in (pos, neg))
    with np.errstate(invalid="ignore", divide="ignore"):
        beaten = ((neg_before + 0.5 * neg) / neg_all)[tie]
        beating = ((pos_all - pos_before - 0.5 * pos) / pos_all)[tie]
        weight = positive / pos_all[tie]
        area = np.bincount(code, weights=np.nan_to_num(weight * beaten), minlength=count)
        both = (
            np.bincount(code, weights=positive, minlength=count),
            np.bincount(code, weights=1 - positive, minlength=count),
        )
        area = np.where((both[0] > 0) & (both[1] > 0), area, np.nan)
        pull = np.where(positive > 0, (beaten - area[code]) / pos_all[tie], (beating - area[code]) / neg_all[tie])
    back = np.empty_like(pull)
    back[order] = np.nan_to_num(pull)
    return np.asarray(area, dtype=np.float64), np.asarray(back, dtype=np.float64)


def _before(part: Array, first: NDArray[np.bool_]) -> Array:
    """Running sum of what came before within each group of tie groups; `first` marks where a group begins."""
    running = np.cumsum(part) - part
    return np.asarray(running - running[np.maximum.accumulate(np.where(first, np.arange(len(part)), 0))])


def _errors(
    codes: Codes, count: int, customers: Codes, influences: tuple[Array, ...]
) -> tuple[tuple[Array, ...], NDArray[np.int64]]:
    """Standard error per group for each influence, added up per customer; and the customers of each group."""
    keys, number = np.unique(codes * (int(customers.max()) + 1) + customers, return_inverse=True)
    group = keys // (int(customers.max()) + 1)
    held = np.bincount(group, minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        correction = held / (held - 1.0)
    found = []
    for values in influences:
        sums = np.bincount(number, weights=values)
        found.append(np.sqrt(correction * np.bincount(group, weights=sums**2, minlength=count)))
    return tuple(found), held


def _interval(value: float, error: float, lowest: float = -np.inf, highest: float = np.inf) -> evaluate.Interval:
    if not np.isfinite(value):
        return {"value": None, "low": None, "high": None}
    if not np.isfinite(error):
        return {"value": float(value), "low": None, "high": None}
    low, high = max(value - _Z * error, lowest), min(value + _Z * error, highest)
    return {"value": float(value), "low": float(low), "high": float(high)}
