"""Drivers over time: how strong each was in every period, and what changed from the first to the last.

Evidence and the rows' dates -> equal periods with enough rows each, the strength, reach and depth of every key driver in them, and the change
with its interval. A change is told only when it holds after Benjamini and Hochberg (1995) over drivers, and it is parted: met by more
customers (reach), gone deeper (depth), or minded more (effect: the slope of the outcome on held-out values differs). The
values are of one model over all periods, so a driver that only counts in some has strength in proportion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers import significance, strength
from drivers.attribution import Floats, Ints
from drivers.questions.grouped import (
    Estimate,
    Evidence,
    Figures,
    Resamples,
    estimate,
    figures,
    number,
    resample,
    slopes_by_group,
)

_MOST: Final = 6  # periods
_FEWEST_ROWS: Final = 300  # of a period: below it strengths of a period are mostly chance
_SHORTEST: Final = 30 * 86_400 * 1_000_000  # microseconds of a period


@dataclass(frozen=True)
class Period:
    """From and to (microseconds UTC, exclusive), rows, and the mean outcome (points, money, or percent)."""

    start: int
    stop: int
    rows: int
    outcome: Estimate


@dataclass(frozen=True)
class Changed:
    """One key driver over time: per period, and last less first; strength and depth in the told unit."""

    touchpoint: str
    strength: tuple[Estimate, ...]
    reach: tuple[Estimate, ...]
    depth: tuple[Estimate, ...]
    change: Estimate
    change_of_reach: Estimate
    change_of_depth: Estimate
    p_value: float
    q_value: float
    effect_p_value: float
    changed: bool

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        series = {name: [one.facts() for one in getattr(self, name)] for name in ("strength", "reach", "depth")}
        changes = {name: getattr(self, name).facts() for name in ("change", "change_of_reach", "change_of_depth")}
        tests = {name: number(getattr(self, name)) for name in ("p_value", "q_value", "effect_p_value")}
        return {"touchpoint": self.touchpoint, **series, **changes, **tests, "changed": self.changed}


@dataclass(frozen=True)
class Changes:
    """Periods in their order and every key driver over them."""

    periods: tuple[Period, ...]
    drivers: tuple[Changed, ...]

    def facts(self, iso: Any) -> dict[str, Any]:
        """Plain JSON values; `iso` writes microseconds as a text."""
        return {
            "periods": [
                {"from": iso(one.start), "to": iso(one.stop), "n": one.rows, "outcome": one.outcome.facts()}
                for one in self.periods
            ],
            "drivers": [driver.facts() for driver in self.drivers],
        }


def changes(
    evidence: Evidence,
    as_of: npt.NDArray[np.int64],
    *,
    false_discovery_rate: float,
    draws: int,
    seed: int,
    since: int | None = None,
) -> Changes | None:
    """Key drivers over time; None without a key driver, or where the rows do not fill two periods.

    Parameters
    ----------
    evidence
        What the analysis knows of each row.
    as_of
        (rows,) dates in microseconds UTC.
    false_discovery_rate
        Over drivers.
    draws, seed
        Resamples of customers.
    since
        Rows before it (microseconds UTC) take no part: their windows begin before the data do, and all would seem to be met more
        often as time goes by.
    """
    blocks = np.flatnonzero(evidence.key & evidence.problem.touchpoint)
    whole = np.ones(len(as_of), dtype=bool) if since is None else as_of >= since
    edges = _edges(as_of[whole])
    if not len(blocks) or len(edges) < 3:
        return None
    group = np.clip(np.searchsorted(edges, as_of, side="right") - 1, 0, len(edges) - 2)
    group[~whole] = -1
    resamples = resample(evidence, draws, seed)
    found = [figures(evidence, resamples, group == g, blocks) for g in range(len(edges) - 1)]
    told = [_driver(evidence, resamples, found, k, int(b), group) for k, b in enumerate(blocks)]
    p = np.array([one.p_value for one in told])
    q = np.full(len(p), math.nan)
    q[np.isfinite(p)] = significance.benjamini_hochberg(p[np.isfinite(p)])
    return Changes(
        periods=tuple(Period(int(edges[g]), int(edges[g + 1]), one.rows, one.outcome) for g, one in enumerate(found)),
        drivers=tuple(_judged(one, float(q[k]), false_discovery_rate) for k, one in enumerate(told)),
    )


def _edges(as_of: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Edges of as many equal periods as have enough rows each; fewer than three where there are not two."""
    if not len(as_of):
        return np.zeros(0, dtype=np.int64)
    first, last = int(as_of.min()), int(as_of.max()) + 1
    for count in range(_MOST, 1, -1):
        edges = np.linspace(first, last, count + 1).astype(np.int64)
        rows = np.histogram(as_of, edges)[0]
        if int(np.diff(edges).min()) >= _SHORTEST and int(rows.min()) >= _FEWEST_ROWS:
            return edges
    return np.array([first, last], dtype=np.int64)


def _driver(evidence: Evidence, resamples: Resamples, found: list[Figures], k: int, block: int, group: Ints) -> Changed:
    unit = strength.per_unit(evidence.problem)
    slope, drawn = float(evidence.slope[block]) * unit, resamples.slope[:, block] * unit
    sizes = [(slope * float(one.size[k]), drawn * one.size_draws[:, k]) for one in found]
    depths = [(slope * float(one.met_size[k]), drawn * one.met_size_draws[:, k]) for one in found]
    reaches = [(float(one.reach[k]), one.reach_draws[:, k]) for one in found]
    change = _less(sizes)
    error = float(change[1][np.isfinite(change[1])].std()) if np.isfinite(change[1]).any() else 0.0
    ends = np.where(group == 0, 0, np.where(group == len(found) - 1, 1, -1)).astype(np.int64)
    return Changed(
        touchpoint=evidence.problem.blocks[block].name,
        strength=tuple(estimate(*one) for one in sizes),
        reach=tuple(estimate(*one) for one in reaches),
        depth=tuple(estimate(*one) for one in depths),
        change=estimate(*change),
        change_of_reach=estimate(*_less(reaches)),
        change_of_depth=estimate(*_less(depths)),
        p_value=float(2 * stats.norm.sf(abs(change[0]) / error)) if error > 0 else math.nan,
        q_value=math.nan,
        effect_p_value=slopes_by_group(evidence, resamples, ends, block).p_value,
        changed=False,
    )


def _less(series: list[tuple[float, Floats]]) -> tuple[float, Floats]:
    """The last less the first."""
    return series[-1][0] - series[0][0], series[-1][1] - series[0][1]


def _judged(one: Changed, q: float, false_discovery_rate: float) -> Changed:
    apart = one.change.low > 0 or one.change.high < 0
    holds = bool(apart and math.isfinite(q) and q <= false_discovery_rate)
    return replace(one, q_value=q, changed=holds)
