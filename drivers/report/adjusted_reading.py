"""The adjusted tier as facts, from one target of drivers.json; None where an older analysis has none."""

from __future__ import annotations

from typing import Any

from drivers.interval import Interval
from drivers.report import parse
from drivers.report.claim_facts import Adjusted, AdjustedEffect


def read_adjusted(value: Any, better: dict[str, bool]) -> Adjusted | None:
    """Effects, what would be without them, and why there is none; `better` says of which measures more is better."""
    if not isinstance(value, dict):
        return None
    effects = [one for one in value.get("effects") or [] if isinstance(one, dict)]
    return Adjusted(
        status=str(value.get("status")),
        drawn=value.get("graph") is not None,
        rows=parse.whole(value.get("rows")) or 0,
        effects=tuple(_effect(one, better) for one in effects),
        placebos=len({one.get("touchpoint") for one in effects if one.get("placebo")}),
    )


def _effect(one: dict[str, Any], better: dict[str, bool]) -> AdjustedEffect:
    without, overlap, hidden = (one.get(key) or {} for key in ("without", "overlap", "hidden"))
    measure = parse.text(one.get("measure"))
    low, high = parse.number(hidden.get("low")), parse.number(hidden.get("high"))
    effect = parse.interval(one.get("effect"))
    return AdjustedEffect(
        touchpoint=str(one.get("touchpoint")),
        status=str(one.get("status")),
        reason=parse.text(one.get("reason")),
        measure=measure,
        level=parse.number(one.get("level")),
        unit=str(one.get("unit") or ""),
        higher_is_better=better.get(measure or "", False),
        effect=effect,
        everyone=parse.interval(without.get("all")),
        concerned=parse.interval(without.get("concerned")),
        foretold=parse.number(overlap.get("foretold")),
        certain=parse.number(overlap.get("certain")),
        like=parse.text(hidden.get("like")),
        hidden=None if effect is None or low is None else Interval(effect.value, low, high),
    )
