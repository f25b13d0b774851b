"""How large a pilot of this company must be: its own outcome, answers and customers put into the calculator of `drivers.claims.size`.

A training set says how the outcome varies; the tables say how many customers come by in a week; an
analysis says how many answer. Nothing is taken off for a prediction: that of the driver model knows the journey up to the answer, a pilot's
only what came before the draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from configs.settings import Settings, Spend, Survey
from drivers.claims.size import Outcome, OutcomeKind, PilotSize, Terms, pilot_size
from drivers.problems import kind_of, outcome_of
from features import schema
from features.quoting import one
from features.schema import MICROSECONDS_PER_DAY
from features.tables import Tables
from training.dataset import Dataset

_RECENT_DAYS: Final = 91  # thirteen weeks: how many come by lately
_ANSWER_WEEKS: Final = 4.0  # until an answer is in


@dataclass(frozen=True)
class Figures:
    """What the calculator needs to know of one target: how its outcome varies, and how a pilot would run."""

    outcome: Outcome
    terms: Terms


def kind_for(target: Any) -> OutcomeKind | None:
    """Which kind of outcome a target is; None for ratings of one encounter, which the calculator does not know."""
    if isinstance(target, Survey):
        return "nps" if target.relationship else None
    if isinstance(target, Spend):
        return "money"
    return "churn" if kind_of(target) == "binary" else None


def figures(
    tables: Tables,
    settings: Settings,
    data: Dataset,
    touchpoint: str | None,
    *,
    answer_rate: float | None = None,
) -> Figures | None:
    """The company's own figures; None where the outcome does not vary or is of no kind that the calculator knows.

    Parameters
    ----------
    tables, settings, data
        The company and the training set of a target.
    touchpoint
        Whose customers are drawn as they meet it; None: all active customers at once.
    answer_rate
        Share of questions that are answered, where an analysis knows it; None: customers who answer are counted.
    """
    target = settings.targets[data.target]
    kind = kind_for(target)
    values = outcome_of(target, data.label)
    if kind is None or len(values) < 2 or float(np.ptp(values)) == 0:
        return None
    days = (
        _ANSWER_WEEKS * 7
        if kind == "nps"
        else float(getattr(target, "horizon_days", 0)) + float(getattr(target, "lead_days", 0))
    )
    terms = Terms(
        answer_rate=answer_rate if kind == "nps" and answer_rate else 1.0,
        per_week=None if touchpoint is None else _per_week(tables, touchpoint),
        horizon_weeks=days / 7,
    )
    return Figures(Outcome.of(kind, values), terms)


def answer_rate_of(told: dict[str, Any]) -> float | None:
    """Share of questions that were answered, of a told target; None where questions are not recorded.

    How often an active customer happens to answer in a month says nothing of how many answer when a pilot asks them.
    """
    answering = told.get("answering") or {}
    return answering.get("answer_rate") if answering.get("basis") == "questions" else None


def _per_week(tables: Tables, touchpoint: str) -> float | None:
    """Customers who meet a touchpoint in a week, each once in thirteen; None where nobody did lately."""
    since = tables.data_end - _RECENT_DAYS * MICROSECONDS_PER_DAY
    (met,) = one(
        tables.con,
        f"SELECT count(DISTINCT customer_id) FROM {schema.TOUCHPOINTS} WHERE touchpoint = ? AND occurred_at > {since}",
        [touchpoint],
    )
    return float(met) * 7 / _RECENT_DAYS if met else None


def sizes(found: Figures, effects: tuple[float, ...]) -> tuple[PilotSize, ...]:
    """Sizes for some effects; those that no pilot can show are left out."""
    told = []
    for effect in effects:
        try:
            told.append(pilot_size(found.outcome, effect, found.terms))
        except ValueError:  # more churn than there is, or beyond any size
            continue
    return tuple(told)


def for_drivers(tables: Tables, settings: Settings, data: Dataset, told: dict[str, Any]) -> list[dict[str, Any]]:
    """For each key driver of a told target: the pilot that would show half of its depth among those who meet it."""
    rows = []
    for entry in told["drivers"]:
        depth = (entry.get("depth") or {}).get("value")
        if entry["status"] != "key_driver" or not depth:
            continue
        found = figures(
            tables,
            settings,
            data,
            entry["touchpoint"],
            answer_rate=answer_rate_of(told),
        )
        if found is None:
            return []
        rows += [{"touchpoint": entry["touchpoint"], **size.facts()} for size in sizes(found, (depth / 2,))]
    return rows


def changed(found: Figures, **terms: Any) -> Figures:
    """The same with other terms; None leaves one as it is."""
    return replace(
        found, terms=replace(found.terms, **{name: value for name, value in terms.items() if value is not None})
    )
