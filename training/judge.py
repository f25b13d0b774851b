"""What is said of a model: metrics with intervals, floors beside them, calibration per period, seen and unseen customers.

The result is one target's part of ``metrics.json``. Nothing in it depends on the day or the machine: the same training set and
settings give the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.settings import Settings
from training import baselines, evaluate, shop
from training import survival as curves
from training.bundle import ordinal_probabilities, sigmoid, survival
from training.campaign import campaign, curve, profits
from training.dataset import Dataset
from training.evaluate import Weighted
from training.model import HeldOut, class_rates
from training.periods import days_of, periods, waits_for_return
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
    "survival": ("concordance", "ibs"),
}


def answers(dataset: Dataset, split: Split, margins: Array) -> Array:
    """Calibrated scores as what they mean: probabilities (n,), class probabilities (n, 3), or money (n,).

    Of a survival the chance that it has happened by each day (n, days): churn, or a return.
    """
    if dataset.task == "amount":
        return np.asarray(np.exp(margins[:, 0]))
    if dataset.task == "survival":
        return 1.0 - survival(margins)
    chances = sigmoid(margins)
    if dataset.task == "ordinal":
        return ordinal_probabilities(chances[:, 0], chances[:, 1], class_rates(dataset.label[split.train]))
    return np.asarray(chances[:, 0])


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
        **_counts(dataset, judged),
        **_told(dataset, evaluate.intervals(scorers, customers[judged], draws, seed)),
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
        "season": {date: moves[0] if len(moves) == 1 else list(moves) for date, moves in held.season.items()},
        "dropped_rows": dict(dataset.dropped),
        "features": len(held.columns.kept),
    }
    if dataset.task == "binary":
        found["curve"] = evaluate.reliability(label, np.mean(given, axis=0))
        found["campaign"] = curve(campaign(dataset, judged, settings), label, np.mean(given, axis=0))
    if dataset.task == "survival":
        found |= _curves(dataset, judged, np.mean(given, axis=0))
    if split.out_of_time:
        found["periods"] = _periods(dataset, judged, given[0])
        found["by_customer"] = _seen(dataset, split, given[0], settings)
        found["origins"] = _origins(dataset, split, held, settings)
    return found


def held_out_answers(dataset: Dataset, split: Split, held: HeldOut) -> tuple[Rows, Array]:
    """The judged rows and their answers, averaged over repeats."""
    return held.rows[0], np.mean([answers(dataset, split, margins) for margins in held.margins], axis=0)


def level(dataset: Dataset, answer: Array) -> Array:
    """One number per answer for percentiles: probability, promoter minus detractor, money, or churn by the last day."""
    if dataset.task == "survival":
        return np.asarray(1.0 - answer[:, -1] if waits_for_return(dataset.spec) else answer[:, -1])
    return np.asarray(answer[:, 2] - answer[:, 0]) if dataset.task == "ordinal" else answer


def _scorer(dataset: Dataset, rows: Rows, answer: Array, settings: Settings | None = None) -> Weighted:
    """The task's metrics on some rows; with the settings, churn in the configured money too."""
    label = dataset.label[rows]
    if dataset.task == "survival":
        return curves.scorer(periods(dataset).take(rows), answer, of_return=waits_for_return(dataset.spec))
    if dataset.task == "ordinal":
        return evaluate.ordinal(classes(label), answer)
    if dataset.task == "amount":
        return evaluate.amount(label, answer)
    if settings is None:
        return evaluate.binary(label, answer, answer)
    asked = campaign(dataset, rows, settings)
    quality, money = evaluate.binary(label, answer, answer, asked.terms), profits(asked, label, answer)
    return lambda w: {**quality(w), **money(w)}


def _told(dataset: Dataset, found: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as ``metrics.json`` holds them."""
    return curves.nested(found, days_of(dataset.spec)) if dataset.task == "survival" else dict(found)


def _curves(dataset: Dataset, rows: Rows, answer: Array) -> dict[str, Any]:
    """Of a survival: the calibration curve of churn by the last day, and the mean curve beside Kaplan and Meier's."""
    of_return = waits_for_return(dataset.spec)
    _, last = curves.by_last_day(dataset, rows, answer)
    known = periods(dataset).take(rows)
    predicted, observed = answer.mean(axis=0), curves.kaplan_meier(known)
    return {
        "event": "return" if of_return else "churn",
        "churn_by_day": [
            {
                "day": day,
                "predicted": float(1.0 - predicted[place] if of_return else predicted[place]),
                "observed": float(1.0 - observed[place] if of_return else observed[place]),
                "rows": int((known.over > place).sum()),
            }
            for place, day in enumerate(known.days)
        ],
        "curve": evaluate.reliability(last.label, last.answer),
    }


def _counts(dataset: Dataset, rows: Rows) -> dict[str, Any]:
    label = dataset.label[rows]
    if dataset.task == "survival":
        _, churned = curves.churned(
            periods(dataset).take(rows), len(days_of(dataset.spec)), of_return=waits_for_return(dataset.spec)
        )
        return {"positives": int(churned.sum()), "base_rate": float(churned.mean()), "followed": len(churned)}
    if dataset.task == "ordinal":
        counts = np.bincount(classes(label), minlength=3)
        names = ("detractors", "passives", "promoters")
        return {name: int(count) for name, count in zip(names, counts, strict=True)}
    if dataset.task == "amount":
        return {"positives": int((label > 0).sum()), "mean": float(label.mean())}
    return {"positives": int(label.sum()), "base_rate": float(label.mean())}


def _baselines(dataset: Dataset, split: Split, settings: Settings) -> dict[str, dict[str, Any]]:
    """The floors' metrics on the judged rows (with folds: on the first repeat)."""
    per = len(split.folds) // split.repeats
    folds = [(split.train, split.test)] if split.out_of_time else list(split.folds[:per])
    rows = np.concatenate([valid for _, valid in folds])

    def judge(parts: Sequence[Array]) -> dict[str, Any]:
        return _told(dataset, evaluate.values([_scorer(dataset, rows, np.concatenate(parts), settings)], len(rows)))

    found: dict[str, dict[str, Any]] = {}
    if dataset.task == "survival":
        ends = [split.ends(dataset)] if split.out_of_time else [None] * len(folds)
        taught = [periods(dataset, end).take(train) for (train, _), end in zip(folds, ends, strict=True)]
        alike = [
            np.tile(curves.kaplan_meier(item), (len(valid), 1)) for item, (_, valid) in zip(taught, folds, strict=True)
        ]
        found["kaplan_meier"] = judge(alike)
        found["logistic_hazard"] = judge(baselines.hazards(dataset, split, folds, settings.seed))
        return found
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
        found["prior"] = judge([np.tile(class_rates(dataset.label[train]), (len(valid), 1)) for train, valid in folds])
        found["logistic"] = judge(baselines.cumulative(fitted, class_rates(dataset.label[split.train])))
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
    """Calibration in the large and the main metrics per judged period: as_of dates of a grid, months of dated answers.

    Of a survival only the dates whose every day is over: its level is that of churn by the last day.
    """
    if dataset.task == "survival":
        whole = periods(dataset).over[rows] == len(days_of(dataset.spec))
        rows, answer = rows[whole], answer[whole]
    moments = dataset.as_of[rows]
    named = [iso(int(moment)) for moment in moments] if dataset.window else [iso(int(m))[:7] for m in moments]
    names, number = np.unique(named, return_inverse=True)
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
    if dataset.task == "survival":
        _, last = curves.by_last_day(dataset, rows, answer)
        return float(last.answer.mean()), float(last.label.mean())
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
