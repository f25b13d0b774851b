"""Targets: one module per question, each turning the tables into labelled rows.

A new target is one module here with one line in `KINDS`; what it gives is always `LabelledRows`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from configs.errors import ConfigError, DataError
from configs.settings import Settings, Target
from features.tables import Tables
from training.targets import churn, nps, time_to_churn, value
from training.targets.labelled import LabelledRows

Task = Literal["binary", "ordinal", "amount", "survival", "rating"]
Maker = Callable[[Tables, Settings, Any], LabelledRows]

KINDS: Final[dict[str, tuple[Task, Maker]]] = {
    "cancellation": ("binary", churn.cancellation),
    "inactivity": ("binary", churn.inactivity),
    "column": ("binary", churn.column),
    "survey": ("ordinal", nps.survey),
    "spend": ("amount", value.spend),
    "time_to_churn": ("survival", time_to_churn.time_to_churn),
}
"""Kind of a target to what is predicted and to the function that makes its rows."""

__all__ = ["KINDS", "LabelledRows", "Task", "rows_for", "target_of", "task_of"]


def task_of(target: Target) -> Task:
    """What a target asks for.

    A chance (binary), an ordered category (ordinal), money (amount), a curve over time (survival), or what an answer owes to the
    journey (rating), which no model answers.
    """
    return KINDS[target.kind][0] if target.trains else "rating"


def rows_for(tables: Tables, settings: Settings, name: str) -> LabelledRows:
    """The labelled rows of one configured target.

    Raises
    ------
    ConfigError
        When there is no target of this name.
    DataError
        When the tables give no label to learn from.
    """
    target = target_of(settings, name)
    found = KINDS[target.kind][1](tables, settings, target)
    if not len(found.rows):
        dropped = ", ".join(f"{count} {reason}" for reason, count in found.dropped.items() if count) or "none"
        raise DataError(
            "there is no labelled row",
            where=f"{settings.source.name}: targets.{name}",
            available=f"dropped: {dropped}",
            next_move="look at 'moments check', the horizon and the snapshots",
        )
    return found


def target_of(settings: Settings, name: str) -> Target:
    """A configured target by its name."""
    if name not in settings.targets:
        raise ConfigError.unknown_key(name, settings.targets, where=f"{settings.source.name}: targets")
    return settings.targets[name]
