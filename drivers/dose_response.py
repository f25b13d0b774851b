"""Dose and response: up to which wait, delay or charge a customer does not mind, and what the best fifth already get.

For a measure of a key driver's encounters the response is explained by a hinge: nothing up to the knee, then a loss for every
unit. Each encounter counts with its own value and fades with time, so that a customer with five calls is not their average.
What is explained is the outcome less what all other drivers explain (a partial residual): the model's own values are smooth
and would pull the knee down. A knee is told only when a hinge explains clearly more than a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Problem
from drivers.strength import quantiles

_HALF_LIVES: Final = (60.0, 120.0, 240.0, 480.0)  # days: the data choose how fast encounters fade
_GRID: Final = tuple(np.linspace(0.04, 0.96, 47).tolist())  # quantiles of the measure at which a knee is looked for
_SUP_F: Final = 8.85  # 5 % point of the largest of many F tests for one break (Andrews, 1993)
_FEWEST: Final = 100  # encounters below which no knee is looked for
_FEWEST_LEVELS: Final = 4  # different values of a measure: a flag has no knee
_FEW_LEVELS: Final = 12  # up to which a knee is one of the levels (ratings)
_BEST_FIFTH: Final = 0.2


@dataclass(frozen=True)
class Encounters:
    """One measure of a touchpoint's encounters, (encounters,) each.

    `row` is the position of the row it precedes, `value` how it went, `age_days` how long before as_of it was. An encounter
    stands once for every row it precedes.
    """

    measure: str
    unit: str
    higher_is_better: bool
    row: npt.NDArray[np.intp]
    value: Floats
    age_days: Floats


@dataclass(frozen=True)
class Response:
    """What one touchpoint has to explain: (rows,) response in the raw unit, and the weight of each row."""

    value: Floats
    weight: Floats


@dataclass(frozen=True)
class Knee:
    """A knee with its 95 % limits, the level that the best fifth of customers get, and how clear it is (F)."""

    measure: str
    unit: str
    value: float
    low: float
    high: float
    best_fifth: float
    clarity: float


def partial_response(problem: Problem, raw: Floats, own: Floats) -> Response:
    """The outcome less what all other drivers explain; for log-odds the working response of a Newton step."""
    if problem.kind == "linear":
        return Response(problem.y - raw + own, np.ones(len(raw)))
    chance = 1 / (1 + np.exp(-np.clip(raw, -30, 30)))
    weight = np.maximum(chance * (1 - chance), 1e-3)
    return Response(own + (problem.y - chance) / weight, weight)


def knee(
    problem: Problem,
    response: Response,
    measures: Sequence[Encounters],
    draws: int,
    seed: int,
    *,
    higher_is_better: bool,
) -> Knee | None:
    """The clearest knee among a touchpoint's measures, or None.

    Parameters
    ----------
    problem, response
        Rows and what is to be explained.
    measures
        The touchpoint's encounters, one entry per measure.
    draws, seed
        Resamples of customers for the limits.
    higher_is_better
        Whether a higher response is the better outcome; a hinge in the wrong direction is no knee.
    """
    found = [_knee(problem, response, one, draws, seed, higher_is_better=higher_is_better) for one in measures]
    clear = [one for one in found if one is not None]
    return max(clear, key=lambda one: one.clarity, default=None)


def _knee(
    problem: Problem, response: Response, met: Encounters, draws: int, seed: int, *, higher_is_better: bool
) -> Knee | None:
    known = ~np.isnan(met.value)
    row, value, age = met.row[known], met.value[known], met.age_days[known]
    if len(value) < _FEWEST or len(np.unique(value)) < _FEWEST_LEVELS:
        return None
    # Turned so that more is worse, both for the measure and for the response.
    bad = -value if met.higher_is_better else value
    harm = -response.value if higher_is_better else response.value
    grid = np.unique(np.quantile(bad, _GRID))
    rows = np.unique(row)
    place = np.searchsorted(rows, row)
    harm, weight = harm[rows], response.weight[rows]
    if len(grid) < _FEWEST_LEVELS - 1:
        return None
    hinges, lines, designs = [], [], []
    for half_life in _HALF_LIVES:
        columns = _columns(place, bad, np.exp2(-age / half_life), grid, len(rows))
        loss, slope = _losses(columns, harm, weight)
        hinges.append(np.where(slope > 0, loss, np.inf)[1:])
        lines.append(loss[0])
        designs.append(columns)
    profile = np.array(hinges)
    if not np.isfinite(profile).any():
        return None
    best = int(np.argmin(profile.min(axis=1)))
    noise = float(profile.min()) / max(len(rows) - 4, 1)
    clarity = (float(lines[best]) - float(profile.min())) / noise if noise > 0 else 0.0
    if clarity < _SUP_F:
        return None
    columns = designs[best]
    at = _likeliest(profile, grid, noise, levels=len(np.unique(value)))
    low, high = _limits(problem.customer[rows], columns, harm, weight, grid, draws, seed)
    low, high = min(low, at), max(high, at)
    sign = -1.0 if met.higher_is_better else 1.0
    customers = _per_customer(problem.customer[row], value)
    share = 1 - _BEST_FIFTH if met.higher_is_better else _BEST_FIFTH
    return Knee(
        measure=met.measure,
        unit=met.unit,
        value=float(sign * at),
        low=float(min(sign * low, sign * high)),
        high=float(max(sign * low, sign * high)),
        best_fifth=float(quantiles(customers, np.ones(len(customers)), (share,))[0]),
        clarity=float(clarity),
    )


def _likeliest(profile: Floats, grid: Floats, noise: float, *, levels: int) -> float:
    """The knee: mean of the likelihood over half-lives and knees (half_lives, knees); the best one of a few levels."""
    if levels <= _FEW_LEVELS:
        return float(grid[int(np.argmin(profile.min(axis=0)))])
    likelihood = np.exp(-(profile - profile.min()) / (2 * noise)) * np.gradient(grid)
    return float((likelihood * grid).sum() / likelihood.sum())


def _columns(place: npt.NDArray[np.intp], bad: Floats, fade: Floats, grid: Floats, rows: int) -> Floats:
    """(2 + knees, rows): faded number of encounters, faded total of the measure, faded excess over each knee."""
    columns = np.empty((2 + len(grid), rows))
    columns[0] = np.bincount(place, weights=fade, minlength=rows)
    columns[1] = np.bincount(place, weights=fade * bad, minlength=rows)
    for k, at in enumerate(grid):
        columns[2 + k] = np.bincount(place, weights=fade * np.maximum(bad - at, 0.0), minlength=rows)
    return columns


def _losses(columns: Floats, harm: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Residual sum of squares and slope of harm on (1, number, column) for the line and each knee."""
    moments = _moments(columns, harm) @ weight
    loss, slope = _solve(moments[None, :], len(columns) - 1)
    return loss[0], slope[0]


def _moments(columns: Floats, harm: Floats) -> Floats:
    """Products whose weighted sums decide every regression: (products, rows)."""
    number, doses = columns[0], columns[1:]
    shared = np.stack([np.ones_like(harm), number, number**2, harm, number * harm, harm**2])
    return np.concatenate([shared, doses, doses**2, doses * number, doses * harm])


def _solve(sums: Floats, count: int) -> tuple[Floats, Floats]:
    """From weighted sums (draws, products): loss and slope per draw and column, intercept and number swept out."""
    one, n, nn, y, ny, yy = (sums[:, i, None] for i in range(6))
    d, dd, dn, dy = (sums[:, 6 + i * count : 6 + (i + 1) * count] for i in range(4))
    one = np.maximum(one, 1e-12)
    vnn, vny, vyy = nn - n * n / one, ny - n * y / one, yy - y * y / one
    vdd, vdn, vdy = dd - d * d / one, dn - d * n / one, dy - d * y / one
    # Below this the number of encounters does not vary: there is nothing to sweep out.
    varies = vnn > 1e-9 * np.maximum(nn, 1e-12)
    by = np.divide(vny, vnn, out=np.zeros_like(vny), where=varies)
    bd = np.divide(
        vdn, np.broadcast_to(vnn, vdn.shape), out=np.zeros_like(vdn), where=np.broadcast_to(varies, vdn.shape)
    )
    left = vyy - by * vny
    own = vdd - bd * vdn
    cross = vdy - bd * vny
    usable = own > 1e-9 * np.maximum(dd, 1e-12)
    slope = np.divide(cross, own, out=np.zeros_like(cross), where=usable)
    loss = left - slope * cross
    return loss, slope


def _limits(
    customer: npt.NDArray[np.int64], columns: Floats, harm: Floats, weight: Floats, grid: Floats, draws: int, seed: int
) -> tuple[float, float]:
    rng = np.random.default_rng([seed, 6])
    _, code = np.unique(customer, return_inverse=True)
    count = int(code.max()) + 1
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)[:, code]
    loss, slope = _solve((times * weight) @ _moments(columns, harm).T, len(columns) - 1)
    loss = np.where(slope > 0, loss, np.inf)[:, 1:]
    low, high = np.quantile(grid[np.argmin(loss, axis=1)], (0.025, 0.975))
    return float(low), float(high)


def _per_customer(customer: npt.NDArray[np.int64], value: Floats) -> Floats:
    """Mean of the measure per customer."""
    _, code = np.unique(customer, return_inverse=True)
    mean: Floats = np.bincount(code, weights=value) / np.bincount(code)
    return mean
