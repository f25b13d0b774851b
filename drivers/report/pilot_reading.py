"""Pilots as facts, from one target of drivers.json; None where an older analysis has none."""

from __future__ import annotations

from typing import Any

from drivers.interval import Interval
from drivers.report import parse
from drivers.report.pilot_facts import Experiment, Needed, Shown


def read_experiment(item: dict[str, Any]) -> Experiment | None:
    """What a pilot showed, and what pilots of key drivers would need."""
    shown, sizes = item.get("pilot"), item.get("pilot_size")
    if not isinstance(shown, dict) and not sizes:
        return None
    needed = [_needed(one) for one in sizes or [] if isinstance(one, dict)]
    return Experiment(_shown(shown) if isinstance(shown, dict) else None, tuple(one for one in needed if one))


def _shown(value: dict[str, Any]) -> Shown:
    customers, lost, bounds = (value.get(key) or {} for key in ("customers", "lost", "bounds"))
    effect = parse.interval(value.get("effect"))
    difference = parse.interval(value.get("adjusted")) or parse.interval(value.get("difference_of_means"))
    low, high = parse.number(bounds.get("low")), parse.number(bounds.get("high"))
    return Shown(
        status=str(value.get("status")),
        touchpoint=parse.text(value.get("touchpoint")),
        effect=effect,
        difference=difference,
        smallest=parse.number(value.get("smallest_effect")),
        customers=(parse.whole(customers.get("reached")) or 0, parse.whole(customers.get("not_reached")) or 0),
        lost=(parse.number(lost.get("reached")) or 0.0, parse.number(lost.get("not_reached")) or 0.0),
        bounds=None if difference is None or low is None or high is None else Interval(difference.value, low, high),
    )


def _needed(one: dict[str, Any]) -> Needed | None:
    effect, customers = parse.number(one.get("effect")), parse.whole(one.get("customers"))
    if effect is None or customers is None:
        return None
    answering = one.get("kind") == "nps" and parse.number(one.get("answer_rate")) == 1.0
    return Needed(str(one.get("touchpoint")), effect, customers, parse.whole(one.get("weeks")), answering)
