"""What is said of a model: metrics with intervals, floors beside them, calibration per period, seen and unseen customers.

The result is one target's part of ``metrics.json``. Nothing in it depends on the day or the machine: the same training set and
settings give the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.settings import Settings
from training import baselines, evaluate, shop
from training.bundle import ordinal_probabilities, sigmoid
from training.campaign import campaign, curve, profits
from training.dataset import Dataset
from training.evaluate import Weighted
from training.model import HeldOut
from training.questions import questions
from training.split import Rows, Split
from training.targets import Task
from training.targets.grid import iso
from training.targets.nps import classes

Array = NDArray[np.float64]

_MAIN: Final[dict[Task, tuple[str, str]]] = {
    "binary": ("auc", "log_loss"),
    "ordinal": ("log_loss", "rps"),
    "amount": ("mae", "spearman"),
}


def answers(dataset: Dataset, split: Split, margins: Array) -> Array:
    """Calibrated scores as what they mean: probabilities (n,), class probabilities (n, 3), or money (n,)."""
    if dataset.task == "amount":
        return np.asarray(np.exp(margins[:, 0]))
    chances = sigmoid(margins)
    if dataset.task == "ordinal":
        return ordinal_probabilities(chances[:, 0], chances[:, 1], rates(dataset, split.train))
    return np.asarray(chances[:, 0])


def rates(dataset: Dataset, rows: Rows) -> tuple[float, ...]:
    """Shares of detractors, passives and promoters among rows, none of them zero."""
    counts = np.bincount(classes(dataset.label[rows]), minlength=3) + 1.0
    return tuple((counts / counts.sum()).tolist())


def metrics(dataset: Dataset, split: Split, held: HeldOut, settings: Settings) -> dict[str, Any]:
    """One target's part of ``metrics.json``.

    Parameters
    ----------
    dataset, split
        The rows and how they were divided.
    held
        The held-out answers.
    settings
        Seed and number of bootstraps.
    """
    given = [answers(dataset, split, margins) for margins in held.margins]
    scorers = [_scorer(dataset, rows, answer, settings) for rows, answer in zip(held.rows, given, strict=True)]
    judged = held.rows[0]
    label = dataset.label[judged]
    customers = dataset.customers
    draws, seed = settings.validation.bootstraps, settings.seed
    found: dict[str, Any] = {
        "task": dataset.task,
        "validation": split.kind,
        "test_as_of": [iso(moment) for moment in split.test_as_of],
        "n_train": len(split.train),
        "n_test": len(judged),
        "customers": len(np.unique(customers[judged])),
        **_counts(dataset, label),
        **evaluate.intervals(scorers, customers[judged], draws, seed),
        "baselines": _baselines(dataset, split, settings),
        "inner": {
            "folds": len(split.folds),
            "repeats": split.repeats,
            "rolling": split.rolling,
            "losses": held.choice.losses,
            "form": held.form,
            "forms": held.forms,
            "leaves": held.choice.preset.leaves,
            "preset": held.choice.preset.name,
            "rounds": list(held.choice.rounds),
        },
        "calibration": [{"slopes": list(row[:-1]), "intercept": row[-1]} for row in held.calibration],
        "season": held.season,
        "dropped_rows": dict(dataset.dropped),
        "features": len(held.columns.kept),
    }
    if dataset.task == "binary":
        found["curve"] = evaluate.reliability(label, np.mean(given, axis=0))
        found["campaign"] = curve(campaign(dataset, judged, settings), label, np.mean(given, axis=0))
    if split.out_of_time:
        found["periods"] = _periods(dataset, judged, given[0])
        found["by_customer"] = _seen(dataset, split, given[0], settings)
        found["origins"] = _origins(dataset, split, held, settings)
    return found


def held_out_answers(dataset: Dataset, split: Split, held: HeldOut) -> tuple[Rows, Array]:
    """The judged rows and their answers, averaged over repeats."""
    return held.rows[0], np.mean([answers(dataset, split, margins) for margins in held.margins], axis=0)


def level(dataset: Dataset, answer: Array) -> Array:
    """One number per answer for percentiles: probability, promoter minus detractor, or money."""
    return np.asarray(answer[:, 2] - answer[:, 0]) if dataset.task == "ordinal" else answer


def _scorer(dataset: Dataset, rows: Rows, answer: Array, settings: Settings | None = None) -> Weighted:
    """The task's metrics on some rows; with the settings, churn in the configured money too."""
    label = dataset.label[rows]
    if dataset.task == "ordinal":
        return evaluate.ordinal(classes(label), answer)
    if dataset.task == "amount":
        return evaluate.amount(label, answer)
    if settings is None:
        return evaluate.binary(label, answer, answer)
    asked = campaign(dataset, rows, settings)
    quality, money = evaluate.binary(label, answer, answer, asked.terms), profits(asked, label, answer)
    return lambda w: {**quality(w), **money(w)}


def _counts(dataset: Dataset, label: Array) -> dict[str, Any]:
    if dataset.task == "ordinal":
        counts = np.bincount(classes(label), minlength=3)
        names = ("detractors", "passives", "promoters")
        return {name: int(count) for name, count in zip(names, counts, strict=True)}
    if dataset.task == "amount":
        return {"positives": int((label > 0).sum()), "mean": float(label.mean())}
    return {"positives": int(label.sum()), "base_rate": float(label.mean())}


def _baselines(dataset: Dataset, split: Split, settings: Settings) -> dict[str, dict[str, float | None]]:
    """The floors' metrics on the judged rows (with folds: on the first repeat)."""
    per = len(split.folds) // split.repeats
    folds = [(split.train, split.test)] if split.out_of_time else list(split.folds[:per])
    rows = np.concatenate([valid for _, valid in folds])

    def judge(parts: Sequence[Array]) -> dict[str, float | None]:
        return evaluate.values([_scorer(dataset, rows, np.concatenate(parts), settings)], len(rows))

    found: dict[str, dict[str, float | None]] = {}
    if dataset.task == "amount":
        found["prior"] = judge([np.full(len(valid), dataset.label[train].mean()) for train, valid in folds])
        again = baselines.same_again(dataset.X, dataset.catalog, int(dataset.spec.get("horizon_days", 365)))
        if again is not None:
            found["same_again"] = judge([again[valid] for _, valid in folds])
        return found
    is_category = np.array([feature.category for feature in dataset.catalog.features])
    labels = [question.y for question in questions(dataset)]
    fitted = baselines.logistic(dataset.X, labels, is_category, split.folds[-1], folds, settings.seed)
    if dataset.task == "ordinal":
        found["prior"] = judge([np.tile(rates(dataset, train), (len(valid), 1)) for train, valid in folds])
        found["logistic"] = judge(baselines.cumulative(fitted, rates(dataset, split.train)))
        return found
    found["prior"] = judge([np.full(len(valid), dataset.label[train].mean()) for train, valid in folds])
    found["logistic"] = judge(fitted[0])
    place = baselines.recency(dataset.catalog)
    if place is not None and not dataset.flat:
        never = np.nan_to_num(dataset.X[rows, place], nan=np.inf)
        found["recency"] = {"auc": evaluate.auc(dataset.label[rows], never)}
    silent = shop.silent(dataset, split.train, rows) if split.out_of_time else None
    if silent is not None:
        found["bgnbd"] = judge([silent])
    return found


def _periods(dataset: Dataset, rows: Rows, answer: Array) -> list[dict[str, Any]]:
    """Calibration in the large and the main metrics per judged period: as_of dates of a grid, months of dated answers."""
    moments = dataset.as_of[rows]
    periods = [iso(int(moment)) for moment in moments] if dataset.window else [iso(int(m))[:7] for m in moments]
    names, number = np.unique(periods, return_inverse=True)
    counts = np.bincount(number)
    found = []
    for place, name in enumerate(names):
        mine = number == place
        predicted, actual = _level_of(dataset, rows[mine], answer[mine])
        scored = _of(dataset, rows[mine], answer[mine])
        found.append(
            {"period": str(name), "rows": int(counts[place]), "predicted": predicted, "observed": actual, **scored}
        )
    return found


def _of(dataset: Dataset, rows: Rows, answer: Array) -> dict[str, float | None]:
    """The task's two main metrics on some of the judged rows."""
    names = _MAIN[dataset.task]
    if len(rows) < 2:
        return dict.fromkeys(names)
    found = evaluate.values([_scorer(dataset, rows, answer)], len(rows))
    return {name: found[name] for name in names}


def _level_of(dataset: Dataset, rows: Rows, answer: Array) -> tuple[float, float]:
    """Mean prediction and mean outcome: churn rate, NPS in points, or money."""
    label = dataset.label[rows]
    if dataset.task == "ordinal":
        category = classes(label)
        return float(100 * (answer[:, 2] - answer[:, 0]).mean()), float(100 * (category - 1).mean())
    return float(answer.mean()), float(label.mean())


def _seen(dataset: Dataset, split: Split, answer: Array, settings: Settings) -> dict[str, Any]:
    """The metrics on customers who were among the teaching rows, and on those who were not."""
    customers = dataset.customers
    known = np.isin(customers[split.test], customers[split.train])
    return {
        name: _with_intervals(dataset, split.test[mask], answer[mask], settings)
        for name, mask in (("seen", known), ("unseen", ~known))
    }


def _origins(dataset: Dataset, split: Split, held: HeldOut, settings: Settings) -> list[dict[str, Any]]:
    """The metrics at each rolling origin inside the teaching rows, oldest first: how steady the model would have been."""
    found = []
    for origin in held.origins:
        answer = answers(dataset, split, origin.margins)
        predicted, observed = _level_of(dataset, origin.rows, answer)
        found.append(
            {
                "as_of": iso(int(dataset.as_of[origin.rows].min())),
                "taught": origin.taught,
                "predicted": predicted,
                "observed": observed,
                **_with_intervals(dataset, origin.rows, answer, settings),
            }
        )
    return found


def _with_intervals(dataset: Dataset, rows: Rows, answer: Array, settings: Settings) -> dict[str, Any]:
    """Number of rows, and the task's two main metrics with their intervals over customers; None where nothing can be said."""
    names = _MAIN[dataset.task]
    nothing = {"value": None, "low": None, "high": None}
    if len(rows) < 2:
        return {"n": len(rows), **dict.fromkeys(names, nothing)}
    scorers = [_scorer(dataset, rows, answer)]
    found = evaluate.intervals(scorers, dataset.customers[rows], settings.validation.bootstraps, settings.seed)
    return {"n": len(rows), **{name: found[name] for name in names}}
