"""Metrics of curves over time: of every customer as far as it could be followed, under customer weights as in `training.evaluate`.

What is judged is the chance that it has happened by the end of each period. Time is counted in periods, which is what the model
speaks of: of two customers to whom it happened in one period neither was first.

- ``ibs``: the Brier score of each day, each row weighted by one over the chance of having been followed so far (IPCW; Graf et
  al., 1999), integrated over the days from the first to the last by the trapezoid rule and divided by their span.
- ``concordance``: of all pairs of which is known who was first, how often the one with the higher chance by the last day was
  (Harrell et al., 1982); half where chances are equal.
- ``log_loss``: minus the log of the chance of what is known of a row, nats: censored rows by their having waited so long.
- by day, on the rows of which that day was over: ``auc``, ``log_loss``, ``brier`` and ``calibration_in_the_large`` of churn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from training import evaluate
from training.gate import Answers
from training.hazards import HALF, curve_losses
from training.periods import Periods, periods, waits_for_return

if TYPE_CHECKING:
    from training.dataset import Dataset
    from training.evaluate import Interval, Weighted
    from training.split import Rows

Array = NDArray[np.float64]
Under = Callable[[Array], Array]
"""A figure per draw, of weights (draws, n)."""

BY_DAY: Final = ("auc", "log_loss", "brier", "calibration_in_the_large")
"""Metrics that every day has of its own."""


def scorer(known: Periods, happened: Array, *, of_return: bool = False) -> Weighted:
    """Metrics of curves.

    Parameters
    ----------
    known
        What became of n rows.
    happened
        Chance that it has happened by the end of each period, (n, periods).
    of_return
        Whether it is a return, so that churn is its not having come.

    Returns
    -------
    A function of weights (draws, n) that gives ibs, concordance and log_loss, and for each day of `BY_DAY` ``<name>@<day>``.
    """
    losses = curve_losses(1.0 - happened, known.code)
    daily = [_daily(known, period, happened[:, period - 1], of_return=of_return) for period in _numbers(known)]
    ranked = _pairs(known, happened[:, -1])
    squares = _squares(known, happened)

    def compute(w: Array) -> dict[str, Array]:
        brier = squares(w)
        found = {
            "ibs": _integrated(brier, known.days),
            "concordance": ranked(w),
            "log_loss": (w @ losses) / w.sum(axis=1),
        }
        for day, metrics in zip(known.days, daily, strict=True):
            found |= {f"{name}@{day}": values for name, values in metrics(w).items()}
        return found

    return compute


def nested(found: Mapping[str, Interval | float | None], days: Sequence[int]) -> dict[str, Any]:
    """Metrics as metrics.json holds them: those of a day in ``by_day``, a list with a ``day`` each."""
    whole: dict[str, Any] = {name: value for name, value in found.items() if "@" not in name}
    whole["by_day"] = [{"day": day, **{name: found[f"{name}@{day}"] for name in BY_DAY}} for day in days]
    return whole


def followed(known: Periods, w: Array | None = None) -> Array:
    """Chance of not having been censored before the end of each period, (draws, periods), by Kaplan and Meier (1958).

    `w` are weights (draws, n), one for each row where there are none. A row is censored after the last period that was over.
    """
    w = np.ones((1, len(known.event))) if w is None else w
    found = np.ones((len(w), len(known.days)))
    for period in _numbers(known)[:-1]:
        # At risk of being lost after this period: those to whom it happened later, or who were followed through it.
        left = w @ ((known.event > period) | ((known.event == 0) & (known.over >= period)))
        lost = w @ ((known.event == 0) & (known.over == period))
        found[:, period] = found[:, period - 1] * (1.0 - np.divide(lost, left, out=np.zeros_like(lost), where=left > 0))
    return found


def kaplan_meier(known: Periods) -> Array:
    """Chance that it has happened by the end of each period, (periods,), alike for all; half a row either way is added to each."""
    hazard = np.array(
        [
            ((known.event == period).sum() + HALF) / ((known.risk >= period).sum() + 2 * HALF)
            for period in _numbers(known)
        ]
    )
    return np.asarray(1.0 - np.cumprod(1.0 - hazard))


def churned(known: Periods, period: int, *, of_return: bool) -> tuple[Rows, Array]:
    """Rows of which a period was over, and whether they had churned by its end, 0/1."""
    rows, happened = known.by(period)
    return rows, 1.0 - happened if of_return else happened


def by_last_day(dataset: Dataset, rows: Rows, answer: Array) -> tuple[Rows, Answers]:
    """Judged rows whose days were all over, with churn by the last day as a plain yes or no and its chance.

    Parameters
    ----------
    dataset, rows, answer
        The training set, the judged rows, and the chance that it has happened by each day (rows, days).
    """
    of_return = waits_for_return(dataset.spec)
    known = periods(dataset).take(rows)
    whole, label = churned(known, len(known.days), of_return=of_return)
    chance = answer[whole, -1]
    kept = rows[whole]
    return kept, Answers(
        "binary", dataset.customer_id[kept], dataset.as_of[kept], label, 1.0 - chance if of_return else chance
    )


def as_churn(dataset: Dataset, rows: Rows, answer: Array) -> tuple[Dataset, Rows, Array]:
    """The rows whose days were all over as a churn set of its own, the judged ones among them, and their chance of churn by the last day.

    Parameters are those of `by_last_day`.
    """
    of_return = waits_for_return(dataset.spec)
    known = periods(dataset)
    whole, label = churned(known, len(known.days), of_return=of_return)
    there = np.isin(rows, whole)
    chance = answer[there, -1]
    view = replace(dataset.take(whole), task="binary", label=label)
    return view, np.searchsorted(whole, rows[there]), 1.0 - chance if of_return else chance


def _numbers(known: Periods) -> range:
    return range(1, len(known.days) + 1)


def _integrated(brier: Array, days: Sequence[int]) -> Array:
    """Of Brier scores (draws, days); of one day its own."""
    if len(days) == 1:
        return brier[:, 0]
    return np.asarray(np.trapezoid(brier, np.array(days, dtype=np.float64), axis=1) / (days[-1] - days[0]))


def _squares(known: Periods, happened: Array) -> Under:
    """Brier score of each day under weights, (draws, days)."""
    missed, said = (1.0 - happened) ** 2, happened**2
    cases = [np.column_stack([missed[:, k - 1] * (known.event == j) for j in range(1, k + 1)]) for k in _numbers(known)]
    others = np.column_stack(
        [said[:, k - 1] * ((known.event > k) | ((known.event == 0) & (known.over >= k))) for k in _numbers(known)]
    )

    def compute(w: Array) -> Array:
        chance = followed(known, w)
        total = (w @ others) / chance
        for k, mine in enumerate(cases):
            total[:, k] += ((w @ mine) / chance[:, : k + 1]).sum(axis=1)
        return np.asarray(total / w.sum(axis=1, keepdims=True))

    return compute


def _pairs(known: Periods, score: Array) -> Under:
    """Harrell's concordance under weights, (draws,)."""
    order, starts = evaluate.groups_of(-score)
    event, over = known.event[order], known.over[order]
    # Who was followed through a period was later than those to whom it happened in it.
    sides = [(event == k, (event > k) | ((event == 0) & (over >= k))) for k in _numbers(known)]

    def compute(w: Array) -> Array:
        ranked = w[:, order]
        right, pairs = np.zeros(len(w)), np.zeros(len(w))
        for first, later in sides:
            pos = np.add.reduceat(ranked * first, starts, axis=1)
            neg = np.add.reduceat(ranked * later, starts, axis=1)
            right += evaluate.won(pos, neg)
            pairs += pos.sum(axis=1) * neg.sum(axis=1)
        return np.asarray(right / pairs)

    return compute


def _daily(known: Periods, period: int, happened: Array, *, of_return: bool) -> Weighted:
    """The metrics of `BY_DAY` for churn by the end of a period, on the rows of which it was over."""
    rows, y = churned(known, period, of_return=of_return)
    p = 1.0 - happened[rows] if of_return else happened[rows]
    if not len(rows):
        return lambda w: dict.fromkeys(BY_DAY, np.full(len(w), np.nan))
    order, starts = evaluate.groups_of(-p)
    losses = evaluate.log_losses(y, p)
    positive = y[order]

    def compute(w: Array) -> dict[str, Array]:
        mine = w[:, rows]
        total, ranked = mine.sum(axis=1), mine[:, order]
        pos = np.add.reduceat(ranked * positive, starts, axis=1)
        neg = np.add.reduceat(ranked * (1.0 - positive), starts, axis=1)
        return {
            "auc": evaluate.area_of(pos, neg),
            "log_loss": (mine @ losses) / total,
            "brier": (mine @ (p - y) ** 2) / total,
            "calibration_in_the_large": (mine @ (p - y)) / total,
        }

    return compute
