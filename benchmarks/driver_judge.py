"""What an analysis said, held against what is true in a world: one row of figures per world, target and method.

A touchpoint that a hidden trait ties to the outcome counts neither as true nor as false where it has no effect of its own: association
shows it, and no method on these data could know better. Touchpoints that follow from the outcome belong to no method's list.
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
    """What is true of one target: drivers by name, names that only a hidden trait ties to the outcome, and what follows from it."""

    drivers: dict[str, dict[str, Any]]
    tied: frozenset[str]
    late: frozenset[str]

    @classmethod
    def of(cls, content: dict[str, Any], target: str) -> Truth:
        """From a world's truth.json."""
        found = content["targets"][target]
        drivers = {item["touchpoint"]: item for item in found["drivers"]}
        tied = frozenset(item["touchpoint"] for item in found.get("confounded", ())) - drivers.keys()
        late = frozenset(item["touchpoint"] for item in found.get("consequences", ()))
        return cls(drivers, tied, late)

    @property
    def shares(self) -> dict[str, float]:
        """True shares."""
        return {name: float(item["share"]) for name, item in self.drivers.items()}


def ranking(truth: Truth, importance: dict[str, float]) -> dict[str, float]:
    """Share error (half the sum of differences), rank correlation over true drivers, and precision at as many as are true."""
    counted = {name: value for name, value in importance.items() if name not in truth.tied | truth.late}
    total = sum(counted.values())
    share = {name: value / total if total > 0 else 0.0 for name, value in counted.items()}
    names = share.keys() | truth.shares.keys()
    error = sum(abs(share.get(name, 0.0) - truth.shares.get(name, 0.0)) for name in names) / 2
    first = sorted(share, key=lambda name: -share[name])[: len(truth.drivers)]
    true = list(truth.drivers)
    order = stats.spearmanr([share.get(name, 0.0) for name in true], [truth.shares[name] for name in true]).statistic
    return {
        "share_error": error,
        "rank_correlation": float(np.nan_to_num(order)),
        "precision_at_k": len(truth.drivers.keys() & set(first)) / len(truth.drivers),
    }


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
        "declared": len(key - truth.tied),
        "false": len(key - true - truth.tied),
        "true": len(true),
        "found": len(key & true),
        "tied_declared": len(key & truth.tied),
        "late": len(truth.late),
        "late_excluded": len(late & truth.late),
        "wrongly_excluded": len(late - truth.late),
        "moments": len(moments - truth.tied),
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
