"""What an analysis said, held against what is true in a world: one row of figures per world, target and method.

All methods here tell associations, so the true share of a touchpoint that a hidden trait ties to the outcome is what association shows of
it; it counts neither as found nor as false, and neither does one that matters only by what it takes back of another's harm. Both
have their true shares. Touchpoints that follow from the outcome belong to no method's list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import stats

_SIDED: Final = 0.33
_NEAR: Final = 0.2  # of a knee


@dataclass(frozen=True)
class Truth:
    """What is true of one target: drivers by name, true shares, names that are neither true nor false, and what follows the outcome."""

    drivers: dict[str, dict[str, Any]]
    shares: dict[str, float]
    neither: frozenset[str]
    late: frozenset[str]

    @classmethod
    def of(cls, content: dict[str, Any]) -> Truth:
        """From one target of a world's truth.json."""
        tied = {item["touchpoint"]: item["association"]["strength"] for item in content["confounded"]}
        healers = {
            item["healed_by"]: item["healer"]["strength"] for item in content["interactions"] if "healer" in item
        }
        drivers = {item["touchpoint"]: item for item in content["drivers"] if item["touchpoint"] not in tied}
        strengths = {name: item["strength"] for name, item in drivers.items()} | healers | tied
        total = sum(strengths.values())
        return cls(
            drivers=drivers,
            shares={name: value / total for name, value in strengths.items()} if total > 0 else {},
            neither=frozenset(tied) | frozenset(healers),
            late=frozenset(content["consequences"]),
        )


def ranking(truth: Truth, importance: dict[str, float]) -> dict[str, Any]:
    """Share error (half the sum of differences), rank correlation over true drivers, and precision at as many as are true.

    Shares are among what is true or false; `share_error_all` is with those that are neither. The importances are kept as they are.
    """
    counted = {name: value for name, value in importance.items() if name not in truth.late}
    clear = {name: value for name, value in counted.items() if name not in truth.neither}
    clearly = {name: value for name, value in truth.shares.items() if name not in truth.neither}
    first = sorted(clear, key=lambda name: (-clear[name], name))[: len(truth.drivers)]
    true = list(clearly)
    order = stats.spearmanr([clear.get(name, 0.0) for name in true], [clearly[name] for name in true]).statistic
    return {
        "share_error": _apart(clear, clearly),
        "share_error_all": _apart(counted, truth.shares),
        "rank_correlation": float(np.nan_to_num(order)),
        "precision_at_k": len(truth.drivers.keys() & set(first)) / len(truth.drivers),
        "importance": importance,
    }


def _apart(one: dict[str, float], other: dict[str, float]) -> float:
    """Half the sum of differences between shares."""
    totals = [sum(part.values()) or 1.0 for part in (one, other)]
    names = one.keys() | other.keys()
    return sum(abs(one.get(name, 0.0) / totals[0] - other.get(name, 0.0) / totals[1]) for name in names) / 2


def declared(truth: Truth, target: dict[str, Any]) -> dict[str, Any]:
    """What ours claims beyond a ranking, from a target of drivers.json: counts, of which rates are made over worlds."""
    told = {entry["touchpoint"]: entry for entry in target["drivers"]}
    key = {name for name, entry in told.items() if entry["status"] == "key_driver"}
    true = truth.drivers.keys()
    late = {name for name, entry in told.items() if entry["status"] == "excluded_late"}
    moments = {name for name, entry in told.items() if entry["moment_of_truth"]}
    deep = {name for name, item in truth.drivers.items() if item.get("moment")}
    sided = [name for name in key & true if truth.drivers[name]["shape"]]
    knees = [name for name in key & true if truth.drivers[name].get("knee")]
    near = [name for name in knees if _near(told[name]["knee"], truth.drivers[name]["knee"])]
    # Strengths of churn are true in log-odds and told in percentage points at the base rate.
    rate = target.get("base_rate")
    unit = 1.0 if rate is None else 100.0 * rate * (1.0 - rate)
    held = [name for name in key & true if _holds(told[name]["strength"], unit * truth.drivers[name]["strength"])]
    return {
        "declared": len(key - truth.neither),
        "false": len(key - true - truth.neither),
        "true": len(true),
        "found": len(key & true),
        "neither_declared": len(key & truth.neither),
        "late": len(truth.late),
        "late_excluded": len(late & truth.late),
        "wrongly_excluded": len(late - truth.late),
        "moments": len(moments - truth.neither),
        "true_moments": len(deep),
        "moments_found": len(moments & deep),
        "shapes": len(sided),
        "shapes_right": sum(told[name]["shape"] == truth.drivers[name]["shape"] for name in sided),
        "knees": len(knees),
        "knees_near": len(near),
        "intervals": len(key & true),
        "intervals_hold": len(held),
    }


def shape_of(low: float, high: float) -> str:
    """Shape by penalty and reward: what the worst fifth costs beside what the best fifth brings."""
    penalty, reward = abs(low), abs(high)
    asymmetry = (reward - penalty) / (reward + penalty) if reward + penalty > 0 else 0.0
    if asymmetry < -_SIDED:
        return "breaker"
    return "maker" if asymmetry > _SIDED else "linear"


def _near(told: dict[str, Any] | None, true: dict[str, Any]) -> bool:
    return (
        told is not None
        and told["measure"] == true["measure"]
        and abs(told["value"] - true["value"]) <= _NEAR * true["value"]
    )


def _holds(told: dict[str, float], true: float) -> bool:
    return told["low"] <= true <= told["high"]
