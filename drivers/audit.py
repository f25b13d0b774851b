"""What a sceptical statistician asks of a driver analysis: what was left out, what cannot be told apart, what nobody can see.

Result, training set -> plain facts. Nothing here changes a result. Twins are touchpoints whose encounters fall on the same customers or
whose held-out values move together: how their joint strength is split between them is not settled, the joint one is. Seeds are the
repeats of the folds, each with models of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import Any, Final

import numpy as np
from scipy import stats

from configs.settings import Drivers
from drivers import significance, strength
from drivers.attribution import LEAVES, Floats, Problem
from drivers.result import Result
from features.catalog import Catalog
from features.definition import Feature
from training.dataset import Dataset

TWINS: Final = 0.6  # correlation from which two touchpoints are shown together
_FEWEST_MET: Final = 20  # rows below which a touchpoint cannot be tested
_Z: Final = 1.959964


def audit(result: Result, data: Dataset, excluded: Collection[str], options: Drivers) -> dict[str, Any]:
    """Everything that is asked, as plain JSON values.

    Parameters
    ----------
    result
        The analysis.
    data
        The training set.
    excluded
        Touchpoints that follow from the outcome.
    options
        The rules that were followed.
    """
    problem = result.problem
    return {
        "rules": _rules(result, options),
        "rows": _rows(problem, data),
        "explained": _explained(result),
        "calibration": _calibration(result),
        "seeds": _seeds(result),
        "twins": _twins(result),
        "left_out": left_out(data.catalog, problem, options.window_days, excluded),
        "blind_spots": _blind_spots(problem, data),
    }


def left_out(catalog: Catalog, problem: Problem, window_days: int, excluded: Collection[str]) -> dict[str, list[str]]:
    """Features that no driver was looked for in, by reason.

    Reasons are ``earlier_answers`` (they carry what earlier encounters did), ``over_touchpoints`` (totals say not where),
    ``longer_window``, ``follows_outcome`` and ``constant`` (a block none of whose columns varies over the rows).
    """
    found: dict[str, list[str]] = {}
    blocks = {(block.kind, block.name) for block in problem.blocks}
    for feature in catalog.features:
        reason = _reason(feature, blocks, window_days, excluded)
        if reason is not None:
            found.setdefault(reason, []).append(feature.name)
    return dict(sorted(found.items()))


def _reason(
    feature: Feature, blocks: Collection[tuple[str, str]], window_days: int, excluded: Collection[str]
) -> str | None:
    if feature.role == "voice":
        return "earlier_answers"
    if feature.role not in {"touchpoint", "control"}:
        return "over_touchpoints"
    if feature.role == "touchpoint" and feature.driver in excluded:
        return "follows_outcome"
    if feature.window_days is not None and feature.window_days > window_days:
        return "longer_window"
    return None if (feature.role, feature.driver) in blocks else "constant"


def _rules(result: Result, options: Drivers) -> dict[str, Any]:
    problem = result.problem
    return {
        "tested": int(problem.touchpoint.sum()),
        "controls": int((~problem.touchpoint).sum()),
        "features": int(problem.X.shape[1]),
        "false_discovery_rate": options.false_discovery_rate,
        "minimum_share": options.minimum_share,
        "gate_z": options.gate_z,
        "window_days": options.window_days,
        "folds": options.folds,
        "repeats": options.repeats,
        "bootstraps": options.bootstraps,
        "half_samples": options.half_samples,
        "leaves": LEAVES,
        "rounds": result.validation.rounds,
    }


def _rows(problem: Problem, data: Dataset) -> dict[str, Any]:
    count = np.bincount(np.unique(problem.customer, return_inverse=True)[1])
    return {
        "all": len(data),
        "analysed": len(problem.y),
        "customers": len(count),
        "most_of_one_customer": int(count.max(initial=0)),
        "dropped": dict(data.dropped),
        "weighted": bool(np.ptp(problem.weight) > 0),
    }


def _explained(result: Result) -> dict[str, float]:
    """Variance of calibrated values over that of the raw prediction: touchpoints, circumstances, and both moving together."""
    problem = result.problem
    values = result.values * np.clip(result.slope, 0.0, significance.SLOPE_CAP)
    mass = problem.weight / problem.weight.sum()
    parts = [values[:, family].sum(axis=1) for family in (problem.touchpoint, ~problem.touchpoint)]
    centred = [part - mass @ part for part in parts]
    whole = float(mass @ (centred[0] + centred[1]) ** 2)
    touch, circumstances = (float(mass @ part**2) / whole if whole > 0 else 0.0 for part in centred)
    return {
        "touchpoints": touch,
        "controls": circumstances,
        "together": 1.0 - touch - circumstances if whole > 0 else 0.0,
    }


def _calibration(result: Result) -> dict[str, dict[str, float]]:
    """Slope of the outcome on all touchpoints' values together, and on all circumstances': 1 is honest."""
    problem = result.problem
    told = {}
    for name, family in (("touchpoints", problem.touchpoint), ("controls", ~problem.touchpoint)):
        if not family.any():
            continue
        total = np.column_stack([result.values[:, family].sum(axis=1), result.values[:, ~family].sum(axis=1)])
        fit = significance.regress(total, problem.y, problem.customer, problem.kind)
        slope, error = float(fit.slope[0]), float(fit.error[0])
        told[name] = {"value": slope, "low": slope - _Z * error, "high": slope + _Z * error}
    return told


def _seeds(result: Result) -> dict[str, Any]:
    """Shares of touchpoints in each repeat of the folds: the lowest and the highest, and how well ranks agree."""
    problem = result.problem
    touch = np.flatnonzero(problem.touchpoint)
    slope = np.clip(result.slope, 0.0, significance.SLOPE_CAP) * (result.strength.value > 0)
    sizes = np.array([slope * strength.spread(values, problem.weight) for values in result.repeats])[:, touch]
    total = sizes.sum(axis=1, keepdims=True)
    share = np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0)
    live = np.flatnonzero(share.max(axis=0, initial=0.0) > 0)
    agreement = None
    if len(share) > 1 and len(live) > 2:
        pairs = [stats.spearmanr(one[live], other[live]).statistic for one, other in combinations(share, 2)]
        agreement = float(np.mean(pairs))
    return {
        "rank_agreement": agreement,
        "shares": [
            {
                "touchpoint": problem.blocks[touch[place]].name,
                "low": float(share[:, place].min()),
                "high": float(share[:, place].max()),
            }
            for place in live.tolist()
        ],
    }


def _twins(result: Result) -> list[dict[str, Any]]:
    """Pairs of touchpoints that go together, the closest first, with the strength of both as one."""
    problem = result.problem
    touch = np.flatnonzero(problem.touchpoint)
    calibrated = result.values * np.clip(result.slope, 0.0, significance.SLOPE_CAP)
    met = _correlation(problem.met[:, touch].astype(np.float64))
    together = np.abs(_correlation(result.values[:, touch]))
    unit = strength.per_unit(problem)
    found = []
    for one, other in combinations(range(len(touch)), 2):
        closest = max(float(met[one, other]), float(together[one, other]))
        if closest < TWINS:
            continue
        first, second = touch[one], touch[other]
        joint = calibrated[:, [first]] + calibrated[:, [second]]
        found.append(
            {
                "touchpoints": [problem.blocks[first].name, problem.blocks[second].name],
                "met_together": float(met[one, other]),
                "values_together": float(together[one, other]),
                "joint_strength": float(strength.spread(joint, problem.weight)[0]) * unit,
            }
        )
    return sorted(found, key=lambda twin: -max(twin["met_together"], twin["values_together"]))


def _correlation(columns: Floats) -> Floats:
    """Correlations of (rows, k); 0 where a column does not vary."""
    centred = columns - columns.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    product = centred.T @ centred
    scale = np.outer(norm, norm)
    found: Floats = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return found


def _blind_spots(problem: Problem, data: Dataset) -> dict[str, Any]:
    """What the data cannot show: touchpoints hardly met or never measured, and customers met nowhere."""
    touch = [block for block in problem.blocks if block.kind == "touchpoint"]
    met = np.column_stack([block.met for block in touch]) if touch else np.zeros((len(problem.y), 0), dtype=bool)
    nowhere = ~met.any(axis=1)
    return {
        "hardly_met": [block.name for block in touch if int(block.met.sum()) < _FEWEST_MET],
        "not_measured": [block.name for block in touch if not data.catalog.vocabulary.measured.get(block.name)],
        "met_nowhere": float(np.average(nowhere, weights=problem.weight)) if touch else None,
    }
