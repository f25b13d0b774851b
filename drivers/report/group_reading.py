"""Segments and changes over time as facts, from one target of drivers.json; empty where an older analysis has none."""

from __future__ import annotations

from typing import Any

from drivers.report import parse
from drivers.report.facts import Change, Difference, Groups


def read_groups(item: dict[str, Any]) -> Groups | None:
    """What differs between segments and what changed."""
    differences = item.get("segment_differences")
    over_time = item.get("changes")
    if not isinstance(differences, list) and not isinstance(over_time, dict):
        return None
    rows = differences if isinstance(differences, list) else []
    time = over_time if isinstance(over_time, dict) else {}
    periods = time.get("periods") or []
    return Groups(
        variables=tuple(dict.fromkeys(str(row.get("variable")) for row in rows)),
        tested=len(rows),
        differences=tuple(_difference(row) for row in rows if row.get("differs")),
        start=parse.text(periods[0].get("from")) if periods else None,
        stop=parse.text(periods[-1].get("to")) if periods else None,
        periods=len(periods),
        changes=tuple(_change(row) for row in time.get("drivers") or [] if row.get("changed")),
    )


def read_steps(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names of the key drivers of each step between categories, by rank."""
    return tuple(
        (str(name), tuple(str(one["touchpoint"]) for one in step["drivers"] if one.get("status") == "key_driver"))
        for name, step in (value or {}).items()
    )


def _difference(row: dict[str, Any]) -> Difference:
    times = [
        (str(one.get("segment")), limits)
        for one in row.get("times") or []
        if (limits := parse.interval(one)) is not None
    ]
    return Difference(str(row.get("touchpoint")), str(row.get("variable")), tuple(times))


def _change(row: dict[str, Any]) -> Change:
    return Change(
        touchpoint=str(row.get("touchpoint")),
        strength=parse.interval(row.get("change")),
        reach=parse.interval(row.get("change_of_reach")),
        depth=parse.interval(row.get("change_of_depth")),
    )
