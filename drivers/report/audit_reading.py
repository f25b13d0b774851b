"""The audit of a driver analysis as facts, from its part of drivers.json; None where an older analysis has none."""

from __future__ import annotations

from typing import Any

from drivers.report import parse
from drivers.report.facts import Audit, Twins


def read_audit(value: Any) -> Audit | None:
    """Facts of one target's audit."""
    if not isinstance(value, dict):
        return None
    rows, explained, spots = (value.get(name) or {} for name in ("rows", "explained", "blind_spots"))
    parts = [parse.number(explained.get(name)) for name in ("touchpoints", "controls", "together")]
    return Audit(
        rules={
            name: known
            for name, rule in (value.get("rules") or {}).items()
            if (known := parse.number(rule)) is not None
        },
        rows=parse.whole(rows.get("all")),
        analysed=parse.whole(rows.get("analysed")),
        customers=parse.whole(rows.get("customers")),
        explained=None if None in parts else (parts[0] or 0.0, parts[1] or 0.0, parts[2] or 0.0),
        slope=parse.interval((value.get("calibration") or {}).get("touchpoints")),
        rank_agreement=parse.number((value.get("seeds") or {}).get("rank_agreement")),
        twins=tuple(twins for item in value.get("twins") or [] if (twins := _twins(item)) is not None),
        left_out=tuple((str(reason), len(names)) for reason, names in (value.get("left_out") or {}).items()),
        dropped=tuple(
            (str(reason), count)
            for reason, number in (rows.get("dropped") or {}).items()
            if (count := parse.whole(number))
        ),
        hardly_met=parse.several(spots.get("hardly_met")),
        not_measured=parse.several(spots.get("not_measured")),
        met_nowhere=parse.number(spots.get("met_nowhere")),
    )


def _twins(item: dict[str, Any]) -> Twins | None:
    names = parse.several(item.get("touchpoints"))
    figures = [parse.number(item.get(name)) for name in ("met_together", "values_together", "joint_strength")]
    if len(names) != 2 or None in figures:
        return None
    return Twins((names[0], names[1]), figures[0] or 0.0, figures[1] or 0.0, figures[2] or 0.0)
