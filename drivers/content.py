"""drivers.json and drivers.csv: the words and keys that results are told in.

Every driver has every key; null stands where a key has no meaning. Numbers carry six significant digits, nothing is NaN.
"""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from configs.settings import Settings, Survey, Target
from drivers.attribution import Floats, Kind, Problem
from drivers.dose_response import Knee
from drivers.result import Limits, Result
from drivers.timing import Timing
from features import schema
from features.tables import Tables
from training.dataset import Dataset
from training.targets.grid import iso

_CLAIM: Final = "association"
_UNITS: Final = {"survey": "NPS points", "spend": "money"}
_STEP_UNIT: Final = "percentage points of taking the step"
_CHURN_UNIT: Final = "percentage points of churn"
_LIMITS: Final = ("strength", "reach", "depth", "asymmetry")
_KEYS: Final = (
    "touchpoint", "stage", "department", "status", "strength", "share", "rank", "rank_low", "rank_high", "tier", "reach",
    "depth", "slope", "p_value", "q_value", "in_top", "refit_loss_change", "asymmetry", "shape", "moment_of_truth", "moment",
    "moved", "knee", "dimensions", "timing",
)  # fmt: skip
_CSV: Final = (
    "target", "family", "touchpoint", "stage", "department", "status", "rank", "rank_low", "rank_high", "tier", "share",
    "strength", "strength_low", "strength_high", "reach", "reach_low", "reach_high", "depth", "depth_low", "depth_high",
    "slope", "p_value", "q_value", "refit_loss_change", "refit_p_value", "asymmetry", "asymmetry_low", "asymmetry_high",
    "shape", "moment_of_truth", "moment", "knee_measure", "knee", "knee_low", "knee_high", "knee_unit", "dimensions",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Stage of the journey and department of a touchpoint."""

    stage: str | None = None
    department: str | None = None


def places(tables: Tables, settings: Settings) -> dict[str, Place]:
    """Stage and department of each touchpoint: the configuration's, else the data's most frequent."""
    found: dict[str, Place] = {}
    if tables.rows.get(schema.TOUCHPOINTS):
        rows = tables.con.execute(
            f"SELECT touchpoint, mode(stage ORDER BY stage), mode(department ORDER BY department) FROM {schema.TOUCHPOINTS} "
            "GROUP BY touchpoint ORDER BY touchpoint"
        ).fetchall()
        found = {name: Place(stage, department) for name, stage, department in rows}
    for name, info in settings.journey.items():
        own = found.get(name, Place())
        found[name] = Place(info.stage or own.stage, info.department or own.department)
    return found


def head(target: Target, data: Dataset, kind: Kind, y: Floats, timing: tuple[Timing, ...] | None) -> dict[str, Any]:
    """What is said of a target before its drivers."""
    mean = float(y.mean()) if len(y) else None
    return {
        "unit": _unit(target),
        "n": len(data),
        "as_of": None if data.flat or not len(data) else iso(int(data.as_of.max())),
        "claim": _CLAIM,
        "kind": target.kind,
        "customers": len(np.unique(data.customers)),
        "base_rate": mean if kind == "binary" else None,
        "mean": mean if kind == "linear" else None,
        "excluded": [{"touchpoint": one.touchpoint, **_when(one)} for one in timing or () if one.late],
        # For churn no interval tried covers the true size often enough: ranks and tiers are what can be relied on.
        "intervals": "indicative" if kind == "binary" else "nominal",
    }


def head_of_step(problem: Problem) -> dict[str, Any]:
    """What is said of a step between categories before its drivers."""
    return {
        "unit": _STEP_UNIT,
        "n": len(problem.y),
        "claim": _CLAIM,
        "customers": len(np.unique(problem.customer)),
        "base_rate": float(np.average(problem.y, weights=problem.weight)),
    }


def _unit(target: Target) -> str:
    """Unit of strength and depth."""
    if isinstance(target, Survey) and not target.relationship:
        return f"{target.metric.upper()} points"
    return _UNITS.get(target.kind, _CHURN_UNIT)


def told(
    start: dict[str, Any],
    result: Result,
    find: Problem | None,
    timing: tuple[Timing, ...] | None,
    where: dict[str, Place],
) -> dict[str, Any]:
    """A target's content from its result."""
    problem, validation, gate = result.problem, result.validation, result.tests.gate
    times = {one.touchpoint: one for one in timing or ()}
    entries = [_entry(result, b, times, where) for b in range(len(problem.blocks))]
    touch = problem.touchpoint.tolist()
    drivers = [entry for entry, mine in zip(entries, touch, strict=True) if mine]
    drivers += [_late(one, where) for one in timing or () if one.late]
    return {
        **start,
        "gate": {"z": gate.z, "p_value": gate.p_value, "passed": gate.passed},
        "validation": {
            "measure": validation.measure,
            "value": validation.value,
            "baseline": validation.baseline,
            "loss": validation.loss,
            "baseline_loss": validation.baseline_loss,
            "rounds": validation.rounds,
        },
        "sized_on": _facts(problem),
        "found_on": None if find is None else _facts(find),
        "drivers": _ordered(drivers),
        "controls": _ordered([entry for entry, mine in zip(entries, touch, strict=True) if not mine]),
    }


def nothing(
    start: dict[str, Any], problem: Problem, timing: tuple[Timing, ...] | None, where: dict[str, Place]
) -> dict[str, Any]:
    """A target's content where there is too little to analyse: everything is not distinguishable."""
    times = {one.touchpoint: one for one in timing or ()}
    entries = [_blank(block.name, where, times, touchpoint=block.kind == "touchpoint") for block in problem.blocks]
    for entry, block in zip(entries, problem.blocks, strict=True):
        entry["reach"] = {"value": float(np.average(block.met, weights=problem.weight)), "low": None, "high": None}
    touch = problem.touchpoint.tolist() if problem.blocks else []
    drivers = [entry for entry, mine in zip(entries, touch, strict=True) if mine]
    return {
        **start,
        "gate": None,
        "validation": None,
        "sized_on": _facts(problem),
        "found_on": None,
        "drivers": _ordered(drivers + [_late(one, where) for one in timing or () if one.late]),
        "controls": _ordered([entry for entry, mine in zip(entries, touch, strict=True) if not mine]),
    }


def _facts(problem: Problem) -> dict[str, Any]:
    binary = problem.kind == "binary"
    return {
        "rows": len(problem.y),
        "customers": len(np.unique(problem.customer)),
        "cases": int((problem.y > 0).sum()) if binary else None,
        "base_rate": float(np.average(problem.y, weights=problem.weight)) if binary else None,
    }


def _entry(result: Result, b: int, times: dict[str, Timing], where: dict[str, Place]) -> dict[str, Any]:
    block, stand, tests = result.problem.blocks[b], result.standing, result.tests
    touchpoint = block.kind == "touchpoint"
    entry = _blank(block.name, where, times, touchpoint=touchpoint)
    ranked = stand.rank[b] > 0
    met = touchpoint and block.met.any()
    entry.update(
        status=stand.status[b],
        strength=_limits(result.strength, b),
        share=float(stand.share[b]),
        rank=int(stand.rank[b]) if ranked else None,
        rank_low=int(stand.rank_low[b]) if ranked else None,
        rank_high=int(stand.rank_high[b]) if ranked else None,
        tier=int(stand.tier[b]) or None,
        reach=_limits(result.reach, b) if touchpoint else None,
        depth=_limits(result.depth, b) if met else None,
        slope=float(result.slope[b]),
        p_value=float(tests.p[b]),
        q_value=float(tests.q[b]),
        in_top=float(stand.in_top[b]),
        refit_loss_change=None,
        # The two tails of what does not matter have no shape.
        asymmetry=_limits(result.asymmetry, b)
        if touchpoint and stand.status[b] in {"key_driver", "candidate"}
        else None,
        moment_of_truth=result.moment[b] is not None,
        moment=result.moment[b],
        knee=_knee(result.knee[b]),
        dimensions=[{"dimension": name, "share": share} for name, share in result.dimensions[b].items()],
    )
    if entry["asymmetry"] is not None:
        entry["shape"] = result.shape[b]
    if b in result.refit:
        change, p_value = result.refit[b]
        entry["refit_loss_change"] = {"value": change, "p_value": p_value}
    if met:
        probability = float(result.moved.probability[b])
        entry["moved"] = {
            "category": float(result.moved.category[b]),
            "probability": None if math.isnan(probability) else probability,
        }
    return entry


def _blank(name: str, where: dict[str, Place], times: dict[str, Timing], *, touchpoint: bool) -> dict[str, Any]:
    place = where.get(name, Place()) if touchpoint else Place()
    entry: dict[str, Any] = dict.fromkeys(_KEYS)
    entry.update(
        touchpoint=name,
        stage=place.stage,
        department=place.department,
        status="not_distinguishable",
        moment_of_truth=False,
        dimensions=[],
    )
    if touchpoint and name in times:
        entry["timing"] = _when(times[name])
    return entry


def _when(one: Timing) -> dict[str, Any]:
    return {"moment": one.moment, "encounters": one.encounters, "share": one.share, "usual": one.usual}


def _late(one: Timing, where: dict[str, Place]) -> dict[str, Any]:
    return _blank(one.touchpoint, where, {one.touchpoint: one}, touchpoint=True) | {"status": "excluded_late"}


def _limits(limits: Limits, b: int) -> dict[str, float | None] | None:
    if math.isnan(float(limits.value[b])):
        return None
    return {"value": float(limits.value[b]), "low": float(limits.low[b]), "high": float(limits.high[b])}


def _knee(knee: Knee | None) -> dict[str, Any] | None:
    if knee is None:
        return None
    return {
        "measure": knee.measure,
        "unit": knee.unit,
        "value": knee.value,
        "low": knee.low,
        "high": knee.high,
        "best_fifth": knee.best_fifth,
    }


_ORDER: Final = {"key_driver": 0, "candidate": 1, "not_distinguishable": 2, "excluded_late": 3}


def _ordered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Key drivers by rank, then the others by name: what is not confirmed is not ranked."""
    return sorted(entries, key=lambda entry: (_ORDER[entry["status"]], entry["rank"] or 0, entry["touchpoint"]))


def as_json(content: dict[str, Any]) -> str:
    """The content as JSON text, keys in their told order, numbers with six significant digits, NaN as null."""
    return json.dumps(_rounded(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def as_csv(content: dict[str, Any]) -> str:
    """The content as one flat table, a row per target and driver, touchpoints before controls."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV, lineterminator="\n")
    writer.writeheader()
    for name, target in _rounded(content)["targets"].items():
        for family, key in (("touchpoint", "drivers"), ("control", "controls")):
            for entry in target[key]:
                writer.writerow({"target": name, "family": family, **_flat(entry)})
    return text.getvalue()


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {
        key: entry[key]
        for key in _CSV
        if key in entry and key not in {*_LIMITS, "knee", "dimensions", "refit_loss_change"}
    }
    for key in _LIMITS:
        limits = entry[key] or {}
        flat |= {key: limits.get("value"), f"{key}_low": limits.get("low"), f"{key}_high": limits.get("high")}
    refit, knee = entry["refit_loss_change"] or {}, entry["knee"] or {}
    flat |= {"refit_loss_change": refit.get("value"), "refit_p_value": refit.get("p_value")}
    flat |= {"knee_measure": knee.get("measure"), "knee": knee.get("value"), "knee_unit": knee.get("unit")}
    flat |= {"knee_low": knee.get("low"), "knee_high": knee.get("high")}
    flat["dimensions"] = " ".join(f"{part['dimension']}:{part['share']:.3g}" for part in entry["dimensions"])
    return flat
