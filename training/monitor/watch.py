"""One model under watch: its rows since training, their features and answers, and what they say beside the baseline.

Features are built by the product's own kernel with the bundle's own catalogue, one part of the customers after the other; of
each part only counts and answers are kept, so that memory is one part's however many customers and months there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.settings import Settings
from features.build import build_parts
from features.schema import NO_AS_OF
from features.tables import Tables
from training.bundle import Bundle
from training.monitor import realised
from training.monitor.baseline import SCORE_HABIT, Baseline, level_bins
from training.monitor.drift import LEAST_CUSTOMERS, Counts, Shift, count, q_values, shift
from training.monitor.limits import Contact, limits_of
from training.monitor.periods import Periods, check_question, since_training
from training.monitor.verdict import KEEP, LEAST_LABELS, LEAST_PER_CLASS, LEVEL, WATCH, Reason, of_labels, verdict
from training.targets.grid import iso
from training.targets.nps import classes

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]

SHOWN: Final = 5
"""Features that a reason names."""
MOST_CONTACTS: Final = 10


@dataclass(frozen=True)
class Seen:
    """What was computed of the rows since a training: the model's answers, and counts of its features per period."""

    periods: Periods
    answer: Array
    counts: Counts | None


def watch(
    tables: Tables,
    settings: Settings,
    bundle: Bundle,
    baseline: Baseline | None,
    *,
    until: int | None = None,
    beside: Sequence[Reason] = (),
    contact: Contact | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What can be told of one target's model: a part of ``monitor.json``.

    Parameters
    ----------
    tables, settings
        The company and its configuration.
    bundle, baseline
        The model, and what was kept at its training; None for a bundle made before that was done.
    until
        Nothing later is known, microseconds UTC; None for the end of the data.
    beside
        Reasons found elsewhere, such as values that training never saw.
    contact
        The column that says who was contacted, where there is one.
    progress
        Told a message and the fraction of this target that is done.

    Raises
    ------
    DataError
        A bundle that answers another question, or tables that lack what it reads.
    """
    tell = progress or (lambda _message, _share: None)
    tell("finding the rows since training", 0.0)
    check_question(bundle, settings, bundle.target)
    periods = since_training(tables, settings, bundle.target, bundle, until)
    seen = compute(tables, bundle, baseline, periods, lambda message, share: tell(message, 0.1 + 0.7 * share))
    tell("comparing", 0.8)
    draws, seed = settings.validation.bootstraps, settings.seed
    facts = compare(bundle, baseline, seen, draws=draws, seed=seed, beside=beside, contact=contact)
    tell("compared", 1.0)
    return facts


def compute(
    tables: Tables, bundle: Bundle, baseline: Baseline | None, periods: Periods, progress: Progress | None = None
) -> Seen:
    """Features and answers of the rows, part after part."""
    groups = max(1, len(periods.names))
    answer = np.empty((len(periods), 3) if bundle.task == "ordinal" else len(periods))
    counts = None
    if len(periods):
        for lines, X in build_parts(tables, periods.rows, bundle.catalog, progress):
            found = bundle.predict(X)
            answer[lines] = found[:, -1] if bundle.task == "survival" else found
            if baseline is not None:
                there = count(baseline.bins, X, periods.number[lines], groups)
                counts = there if counts is None else counts + there
    return Seen(periods, answer, counts)


def compare(
    bundle: Bundle,
    baseline: Baseline | None,
    seen: Seen,
    *,
    draws: int,
    seed: int,
    beside: Sequence[Reason] = (),
    contact: Contact | None = None,
) -> dict[str, Any]:
    """Everything that can be told of one model from what was computed; plain JSON values. Parameters are those of `watch`."""
    periods, task = seen.periods, _task(bundle)
    reasons, limits = list(beside), limits_of(bundle, baseline, periods, contact)
    current = _current(periods)
    facts: dict[str, Any] = {
        "task": task,
        "model": {key: getattr(bundle, key) for key in ("version", "sha256", "trained_at", "data_from", "data_until")},
        "reference": _reference(baseline),
        "current": None,
        "features": None,
        "scores": None,
        "announced": None,
        "realised": None,
        "periods": [],
    }
    if current is not None:
        rows = np.isin(periods.number, current)
        facts["current"] = _named(periods, current) | {"rows": int(rows.sum()), "customers": _customers(periods, rows)}
        facts["announced"] = realised.announced(task, seen.answer[rows])
        if baseline is not None and seen.counts is not None:
            features, scores, found = _drift(bundle, baseline, seen, current, rows)
            facts |= {"features": features, "scores": scores}
            reasons += found
    labelled = np.flatnonzero(~np.isnan(periods.label))
    if _enough(task, periods.label[labelled]):
        customers = periods.customers
        now = realised.measures(
            task,
            periods.label[labelled],
            seen.answer[labelled],
            _prior(bundle, baseline),
            customers[labelled],
            draws=draws,
            seed=seed,
        )
        figures, found = of_labels(task, now, None if baseline is None else baseline.held)
        facts["realised"] = {
            **_named(periods, np.unique(periods.number[labelled])),
            "rows": len(labelled),
            "customers": len(np.unique(customers[labelled])),
            "measures": now,
            "promised": None if baseline is None else baseline.held,
            "by_contact": _by_contact(task, seen, labelled, contact),
            **figures,
        }
        reasons += found
    elif len(labelled):
        limits.append(Reason("few_labels", "limit", {"rows": len(labelled), "least": LEAST_LABELS}))
    facts["periods"] = [
        _period(bundle, baseline, seen, number, draws=draws, seed=seed) for number in range(len(periods.names))
    ]
    if not reasons:
        told = len(periods) and baseline is not None
        reasons.append(Reason("quiet", KEEP) if told else Reason("untold", WATCH if baseline is None else KEEP))
    facts["verdict"] = verdict(reasons)
    facts["advice"] = "recalibrate" if any(reason.code == "level" for reason in reasons) else None
    facts["reasons"] = [reason.to_dict() for reason in reasons]
    facts["limits"] = [reason.to_dict() for reason in limits]
    return facts


def _current(periods: Periods) -> NDArray[np.int64] | None:
    """The newest periods that together hold enough customers to compare."""
    sizes = np.bincount(periods.number, minlength=len(periods.names))[::-1].cumsum()
    if not len(sizes) or sizes[-1] < LEAST_CUSTOMERS:
        return None
    taken = int(np.searchsorted(sizes, LEAST_LABELS)) + 1
    return np.arange(len(periods.names))[-taken:]


def _drift(
    bundle: Bundle, baseline: Baseline, seen: Seen, current: NDArray[np.int64], rows: NDArray[np.bool_]
) -> tuple[dict[str, Any], dict[str, Any], list[Reason]]:
    """Features and answers of the newest rows beside the judged ones."""
    if seen.counts is None:  # pragma: no cover - asked for only with counts
        raise LookupError(bundle.target)
    size = _customers(seen.periods, rows)
    found = _shifts(baseline, seen.counts[current].sum(axis=0), size, _stretch(baseline, seen, current))
    q = q_values([value for item in found for value in (item.p_value, item.nulls_p)]).reshape(-1, 2)
    weight = _weights(bundle)
    alone = LEVEL / max(1, 2 * len(found))
    listed = [
        {
            "feature": name,
            "weight": float(weight[place]),
            "psi": item.psi,
            "critical": item.critical(alone),
            "usual": item.usual,
            "p_value": item.p_value,
            "q_value": float(q[place, 0]),
            "nulls": item.nulls,
            "nulls_before": item.nulls_before,
            "nulls_q": float(q[place, 1]),
            "moved": bool(q[place].min() < LEVEL),
        }
        for place, (name, item) in enumerate(zip(baseline.names, found, strict=True))
    ]
    listed.sort(key=lambda item: (not item["moved"], -float(str(item["weight"])), str(item["feature"])))
    moved = [item for item in listed if item["moved"]]
    score = _score_shift(baseline, seen, rows, size, _stretch(baseline, seen, current))
    reasons = []
    if moved:
        figures = {
            "moved": len(moved),
            "tested": len(listed),
            "weight": float(sum(float(str(item["weight"])) for item in moved)),
            "names": [item["feature"] for item in moved[:SHOWN]],
        }
        reasons.append(Reason("features", WATCH, figures))
    critical = score.critical(LEVEL)
    score_moved = score.p_value < LEVEL
    if score_moved:
        reasons.append(Reason("scores", WATCH, {"psi": score.psi, "critical": critical}))
    features = {"tested": len(listed), "moved": len(moved), "false_discovery_rate": LEVEL, "habit": baseline.habit}
    scores = {
        "psi": score.psi,
        "critical": critical,
        "usual": score.usual,
        "p_value": score.p_value,
        "moved": score_moved,
    }
    return {**features, "list": listed}, scores, reasons


def _stretch(baseline: Baseline, seen: Seen, numbers: NDArray[np.int64]) -> float:
    """How far the habit reaches: up to the newest of these periods."""
    name = seen.periods.names[int(numbers[-1])]
    return baseline.stretch(None if name == NO_AS_OF else iso(name))


def _shifts(baseline: Baseline, counts: Counts, customers: int, stretch: float) -> list[Shift]:
    sizes = (baseline.customers, customers)
    return [
        shift(before, now, sizes, usual * stretch**2, nulls * stretch)
        for before, now, usual, nulls in zip(baseline.counts, counts, baseline.usual, baseline.usual_nulls, strict=True)
    ]


def _score_shift(baseline: Baseline, seen: Seen, rows: NDArray[np.bool_], customers: int, stretch: float) -> Shift:
    answer = seen.answer[rows]
    level = np.asarray(answer[:, 2] - answer[:, 0]) if answer.ndim == 2 else answer
    now = level_bins(baseline, level, np.zeros(len(level), dtype=np.int64), 1)[0]
    return shift(
        baseline.score_counts, now, (baseline.customers, customers), max(SCORE_HABIT, baseline.score_usual * stretch**2)
    )


def _task(bundle: Bundle) -> str:
    """What is looked at: of a curve over time, churn by its last day."""
    return "binary" if bundle.task == "survival" else bundle.task


def _period(
    bundle: Bundle, baseline: Baseline | None, seen: Seen, number: int, *, draws: int, seed: int
) -> dict[str, Any]:
    """One as_of date, or one span of answers."""
    periods = seen.periods
    mine = periods.number == number
    label = periods.label[mine]
    known = ~np.isnan(label)
    name = periods.names[number]
    customers = _customers(periods, mine)
    out: dict[str, Any] = {
        "as_of": None if name == NO_AS_OF else iso(name),
        "rows": int(mine.sum()),
        "customers": customers,
        "labelled": int(known.sum()),
        "features_moved": None,
        "score_psi": None,
        "score_critical": None,
        "announced": realised.announced(_task(bundle), seen.answer[mine]) if mine.any() else None,
        "realised": None,
    }
    if baseline is not None and seen.counts is not None and customers >= LEAST_CUSTOMERS:
        stretch = _stretch(baseline, seen, np.array([number]))
        found = _shifts(baseline, seen.counts[number], customers, stretch)
        q = q_values([value for item in found for value in (item.p_value, item.nulls_p)]).reshape(-1, 2)
        score = _score_shift(baseline, seen, mine, customers, stretch)
        out |= {
            "features_moved": int((q.min(axis=1) < LEVEL).sum()) if len(q) else 0,
            "score_psi": score.psi,
            "score_critical": score.critical(LEVEL),
        }
    if _enough(_task(bundle), label[known]):
        rows = np.flatnonzero(mine)[known]
        out["realised"] = realised.measures(
            _task(bundle),
            periods.label[rows],
            seen.answer[rows],
            _prior(bundle, baseline),
            periods.customers[rows],
            draws=draws,
            seed=seed,
        )
    return out


def _by_contact(task: str, seen: Seen, rows: NDArray[np.int64], contact: Contact | None) -> list[dict[str, Any]] | None:
    """Predicted and observed level of contacted and other customers, where a column tells them apart."""
    if contact is None:
        return None
    label, answer = seen.periods.label[rows], seen.answer[rows]
    values = np.array([contact.value.get(name, "") for name in seen.periods.customer_id[rows]])
    truth = np.eye(3)[classes(label)] if task == "ordinal" else label
    names, number = np.unique(values, return_inverse=True)
    return [
        {
            "value": str(name),
            "rows": int((number == place).sum()),
            "predicted": realised.level_of(task, answer[number == place]),
            "observed": realised.level_of(task, truth[number == place]),
        }
        for place, name in enumerate(names[:MOST_CONTACTS])
    ]


def _reference(baseline: Baseline | None) -> dict[str, Any] | None:
    if baseline is None:
        return None
    return {key: getattr(baseline, key) for key in ("rows", "customers", "first", "last")}


def _named(periods: Periods, numbers: NDArray[np.int64]) -> dict[str, Any]:
    names = [periods.names[number] for number in numbers.tolist()]
    return {"as_of": [iso(name) for name in names if name != NO_AS_OF]}


def _customers(periods: Periods, rows: NDArray[np.bool_]) -> int:
    return len(np.unique(periods.customers[rows]))


def _prior(bundle: Bundle, baseline: Baseline | None) -> tuple[float, ...]:
    if baseline is not None:
        return baseline.prior
    if bundle.class_rates is not None:
        return bundle.class_rates
    rate = bundle.base_rate
    return (0.0,) if rate is None else (1.0 - rate, rate)


def _enough(task: str, label: Array) -> bool:
    """Whether labels are enough to hold a model against: a hundred, ten of each of two classes."""
    if len(label) < LEAST_LABELS:
        return False
    if task == "amount":
        return True
    category = classes(label) if task == "ordinal" else label.astype(np.int64)
    return int((np.bincount(category) >= LEAST_PER_CLASS).sum()) >= 2


def _weights(bundle: Bundle) -> Array:
    """Share of each feature in what the model's splits won: how much it matters that it moved."""
    gain = np.sum([booster.feature_importance("gain") for booster in bundle.boosters], axis=0)
    return np.asarray(gain / max(float(gain.sum()), 1e-12), dtype=np.float64)
