"""The same table for parts of the customers, with the test whether a driver really differs between them.

Evidence and ways to part customers -> per part how satisfied it is, and of every key driver how many met it, how deep it goes and how
strong it is there. That figures differ is no news: a driver is met more often here, goes worse there. Whether its *effect* differs is tested
once per driver and variable (`grouped.slopes_by_group`), Benjamini-Hochberg over all of them: a forest of small differences is what
chance looks like. Parts too small to be told apart are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivers import significance, strength
from drivers.questions.grouped import (
    FEWEST_CUSTOMERS,
    FEWEST_ROWS,
    Estimate,
    Evidence,
    Figures,
    Resamples,
    SlopesByGroup,
    estimate,
    figures,
    multiple,
    number,
    resample,
    slopes_by_group,
)
from drivers.questions.variables import Variable


@dataclass(frozen=True)
class InSegment:
    """A key driver in one segment; strength and depth in the told unit."""

    touchpoint: str
    reach: Estimate
    depth: Estimate
    strength: Estimate
    share: float

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        told = {name: getattr(self, name).facts() for name in ("strength", "reach", "depth")}
        return {"touchpoint": self.touchpoint, **told, "share": number(self.share)}


@dataclass(frozen=True)
class Segment:
    """One value of a variable: its rows and customers, the mean outcome (points, money, or percent) and the key drivers there."""

    value: str
    rows: int
    customers: int
    outcome: Estimate
    drivers: tuple[InSegment, ...]

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "value": self.value,
            "n": self.rows,
            "customers": self.customers,
            "outcome": self.outcome.facts(),
            "drivers": [driver.facts() for driver in self.drivers],
        }


@dataclass(frozen=True)
class Difference:
    """Whether a driver's effect differs between the values of a variable; `times` is each value's effect in multiples of the common one."""

    touchpoint: str
    differs: bool
    p_value: float
    q_value: float
    times: tuple[tuple[str, Estimate], ...]

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "touchpoint": self.touchpoint,
            "differs": self.differs,
            "p_value": number(self.p_value),
            "q_value": number(self.q_value),
            "times": [{"segment": value, **times.facts()} for value, times in self.times] if self.differs else None,
        }


@dataclass(frozen=True)
class ByVariable:
    """What one variable tells apart. `left_out` counts rows whose value is unknown or too rare."""

    variable: str
    segments: tuple[Segment, ...]
    differences: tuple[Difference, ...]
    left_out: int

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "variable": self.variable,
            "segments": [segment.facts() for segment in self.segments],
            "differences": [difference.facts() for difference in self.differences],
            "left_out": self.left_out,
        }


def segments(
    evidence: Evidence, variables: Sequence[Variable], *, false_discovery_rate: float, draws: int, seed: int
) -> tuple[ByVariable, ...]:
    """Tables and tests of every variable that has at least two values of enough rows; none without a key driver.

    Parameters
    ----------
    evidence
        What the analysis knows of each row.
    variables
        Ways to part customers, codes (rows,).
    false_discovery_rate
        Over all drivers and variables at once.
    draws, seed
        Resamples of customers.
    """
    blocks = np.flatnonzero(evidence.key & evidence.problem.touchpoint)
    usable = [(variable, _groups(evidence, variable)) for variable in variables]
    usable = [(variable, group) for variable, group in usable if group.max(initial=-1) >= 1]
    if not len(blocks) or not usable:
        return ()
    resamples = resample(evidence, draws, seed)
    tests = [[slopes_by_group(evidence, resamples, group, int(b)) for b in blocks] for _, group in usable]
    p = np.array([[one.p_value for one in row] for row in tests])
    q = np.full(p.shape, math.nan)
    known = np.isfinite(p)
    q[known] = significance.benjamini_hochberg(p[known])
    told = []
    for place, (variable, group) in enumerate(usable):
        kept = _kept(evidence, variable)
        names = tuple(variable.values[code] for code in kept)
        told.append(
            ByVariable(
                variable=variable.name,
                segments=tuple(
                    _segment(evidence, resamples, name, figures(evidence, resamples, group == g, blocks), blocks)
                    for g, name in enumerate(names)
                ),
                differences=tuple(
                    _difference(evidence, resamples, tests[place][k], names, int(b), q[place, k], false_discovery_rate)
                    for k, b in enumerate(blocks)
                ),
                left_out=int((group < 0).sum()),
            )
        )
    return tuple(told)


def _kept(evidence: Evidence, variable: Variable) -> list[int]:
    """Codes with enough rows and customers."""
    kept = []
    for code in range(len(variable.values)):
        inside = variable.code == code
        customers = len(np.unique(evidence.problem.customer[inside]))
        if int(inside.sum()) >= FEWEST_ROWS and customers >= FEWEST_CUSTOMERS:
            kept.append(code)
    return kept


def _groups(evidence: Evidence, variable: Variable) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Numbers (rows,) of the kept values in their order, -1 for others."""
    group = np.full(len(variable.code), -1, dtype=np.int64)
    for g, code in enumerate(_kept(evidence, variable)):
        group[variable.code == code] = g
    return group


def _segment(
    evidence: Evidence, resamples: Resamples, name: str, found: Figures, blocks: np.ndarray[Any, np.dtype[np.intp]]
) -> Segment:
    unit = strength.per_unit(evidence.problem)
    slope, drawn = evidence.slope[blocks] * unit, resamples.slope[:, blocks] * unit
    sizes = slope * found.size
    total = float(sizes.sum())
    told = tuple(
        InSegment(
            touchpoint=evidence.problem.blocks[b].name,
            reach=estimate(float(found.reach[k]), found.reach_draws[:, k]),
            depth=estimate(float(slope[k] * found.met_size[k]), drawn[:, k] * found.met_size_draws[:, k]),
            strength=estimate(float(sizes[k]), drawn[:, k] * found.size_draws[:, k]),
            share=float(sizes[k]) / total if total > 0 else math.nan,
        )
        for k, b in enumerate(blocks.tolist())
    )
    return Segment(name, found.rows, found.customers, found.outcome, told)


def _difference(
    evidence: Evidence,
    resamples: Resamples,
    found: SlopesByGroup,
    names: tuple[str, ...],
    block: int,
    q: float,
    false_discovery_rate: float,
) -> Difference:
    differs = bool(math.isfinite(q) and q <= false_discovery_rate)
    times: tuple[tuple[str, Estimate], ...] = ()
    if differs:
        ratios = multiple(found, evidence, resamples, block)
        times = tuple((names[g], ratio) for g, ratio in zip(found.groups.tolist(), ratios, strict=True))
    return Difference(evidence.problem.blocks[block].name, differs, found.p_value, float(q), times)
