"""Answers about the journey as a whole, from one target of drivers.json; None where an older analysis has none."""

from __future__ import annotations

from typing import Any

from drivers.report import parse
from drivers.report.facts import Journey, Pair


def read_journey(item: dict[str, Any]) -> Journey | None:
    """Pairs and verdicts of one target."""
    verdicts = {name: _verdict(item.get(name)) for name in ("peak_end", "weakest_link", "consistency")}
    found = item.get("interactions")
    if not isinstance(found, dict) and not any(verdicts.values()):
        return None
    pairs = found if isinstance(found, dict) else {}
    return Journey(
        pairs=tuple(_pair(pair) for pair in pairs.get("pairs") or []),
        considered=parse.whole(pairs.get("considered")),
        **verdicts,
    )


def _verdict(value: Any) -> str | None:
    return parse.text(value.get("verdict")) if isinstance(value, dict) else None


def _pair(item: dict[str, Any]) -> Pair:
    cells = item.get("cells") or {}
    names = str(item.get("first")), str(item.get("second"))
    split = parse.several(cells.get("split"))
    badly = tuple(name for name, how in zip(names, split, strict=False) if how == "went_badly")
    return Pair(*names, parse.interval(cells.get("alone")), parse.interval(cells.get("together")), badly)
