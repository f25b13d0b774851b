"""Is it real? A joint regression of the outcome on held-out driver values, tests clustered by customer, a gate before them.

An honest driver's held-out values have slope 1, noise and proxies about 0. The regression is linear for points and money and
logistic for churn; standard errors are sandwich ones summed by customer (Liang and Zeger, 1986), since a customer's rows
share what no table shows. Declared is what exceeds the effect of a small share of all strength, after Benjamini and Hochberg
(1995), and nothing at all unless the whole model beats the prior on customers it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers.attribution import Floats, Ints, Kind

SLOPE_CAP: Final = 2.0  # proxies take a part of a driver's values, which its slope gives back; beyond this it is luck
_NEWTON_STEPS: Final = 25
_RIDGE: Final = 1e-9  # of the mean curvature: keeps blocks that no tree used from breaking the solution


@dataclass(frozen=True)
class Regression:
    """Slopes of the blocks: coefficient and clustered standard error (blocks,), and what a bootstrap needs.

    `curvature` is (rows,), the weight of a row in the Hessian; `score` (rows,) the residual; `inverse` the inverse Hessian of
    the design (intercept first).
    """

    slope: Floats
    error: Floats
    intercept: float
    curvature: Floats
    score: Floats
    inverse: Floats

    @property
    def z(self) -> Floats:
        """Slopes in standard errors; 0 for a block without any variation."""
        return np.divide(self.slope, self.error, out=np.zeros_like(self.slope), where=self.error > 0)


@dataclass(frozen=True)
class Gate:
    """Whether the whole model beats the prior held out."""

    z: float
    p_value: float
    passed: bool


def clusters(customer: Ints) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """An order that brings each customer's rows together, and where each customer starts in it."""
    order = np.argsort(customer, kind="stable")
    ordered = customer[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(order) else order
    return order, starts


def by_customer(rows: Floats, customer: Ints) -> Floats:
    """Sums of (rows, ...) over each customer's rows."""
    order, starts = clusters(customer)
    summed: Floats = np.add.reduceat(rows[order], starts, axis=0)
    return summed


def regress(values: Floats, y: Floats, customer: Ints, kind: Kind) -> Regression:
    """Joint regression of y (rows,) on values (rows, blocks) with customer-clustered standard errors.

    Blocks whose values do not vary get slope and error 0.
    """
    rows = len(values)
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    live = spread > max(1e-12, 1e-7 * float(spread.max(initial=0.0)))
    scale = np.where(live, spread, 1.0)
    design = np.column_stack([np.ones(rows), np.where(live, centred / scale, 0.0)])
    beta, curvature, score = _solve(design, y, kind)
    inverse = np.linalg.inv(_ridged(design.T @ (design * curvature[:, None])))
    influence = by_customer(design * score[:, None], customer)
    count = len(influence)
    covariance = inverse @ (influence.T @ influence) @ inverse * (count / max(count - 1, 1))
    unit = np.concatenate(([1.0], scale))
    slope = np.where(live, beta[1:] / scale, 0.0)
    error = np.where(live, np.sqrt(np.maximum(np.diag(covariance)[1:], 0.0)) / scale, 0.0)
    intercept = float(beta[0] - slope @ values.mean(axis=0))
    return Regression(slope, error, intercept, curvature, score, inverse / np.outer(unit, unit))


def _solve(design: Floats, y: Floats, kind: Kind) -> tuple[Floats, Floats, Floats]:
    rows = len(y)
    if kind == "linear":
        beta: Floats = np.asarray(np.linalg.solve(_ridged(design.T @ design), design.T @ y), dtype=np.float64)
        return beta, np.ones(rows), y - design @ beta
    mean = float(np.clip(y.mean(), 0.5 / rows, 1 - 0.5 / rows))
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(mean / (1 - mean))
    chance = np.full(rows, mean)
    for _ in range(_NEWTON_STEPS):
        curvature = chance * (1 - chance)
        step = np.linalg.solve(_ridged(design.T @ (design * curvature[:, None])), design.T @ (y - chance))
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))  # no leap out of the logistic's range
        beta = beta + step
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta, chance * (1 - chance), y - chance


def _ridged(hessian: Floats) -> Floats:
    ridged: Floats = hessian + np.eye(len(hessian)) * _RIDGE * max(float(np.trace(hessian)) / len(hessian), 1e-12)
    return ridged


def row_loss(raw: Floats, y: Floats, kind: Kind) -> Floats:
    """Loss of raw predictions per row: squared error, or log-loss in nats."""
    if kind == "linear":
        squared: Floats = (y - raw) ** 2
        return squared
    loss: Floats = np.logaddexp(0.0, raw) - y * raw
    return loss


def clustered_z(gain: Floats, customer: Ints) -> float:
    """Mean of a per-row gain in standard errors clustered by customer."""
    totals = by_customer(gain - gain.mean(), customer)
    error = float(np.sqrt((totals**2).sum()))
    return float(gain.sum()) / error if error > 0 else 0.0


def gate(raw: Floats, prior: Floats, y: Floats, customer: Ints, kind: Kind, needed: float) -> Gate:
    """The whole model against the prior, (repeats, rows) each; z is the median over repeats."""
    each = [
        clustered_z(row_loss(without, y, kind) - row_loss(model, y, kind), customer)
        for model, without in zip(raw, prior, strict=True)
    ]
    z = float(np.median(each))
    return Gate(z=z, p_value=float(stats.norm.sf(z)), passed=z > needed)


def strengths(fit: Regression, size: Floats) -> Floats:
    """Scaled strength: clip(slope, 0, cap) x mean |value - mean|; 0 where the slope is below two standard errors."""
    return np.where(fit.z >= 2.0, np.clip(fit.slope, 0.0, SLOPE_CAP) * size, 0.0)


def exceedance(fit: Regression, size: Floats, tested: npt.NDArray[np.bool_], minimum_share: float) -> Floats:
    """One-sided p of each block's slope against the effect of `minimum_share` of all tested strength; 1 where not tested."""
    total = float(strengths(fit, size)[tested].sum())
    needed = np.divide(minimum_share * total, size, out=np.zeros_like(size), where=size > 0)
    z = np.divide(fit.slope - needed, fit.error, out=np.full_like(size, -np.inf), where=fit.error > 0)
    return np.where(tested, stats.norm.sf(z), 1.0)


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjusted p-values (q) over one family."""
    count = len(p)
    if count == 0:
        return p.copy()
    order = np.argsort(p, kind="stable")
    raised = p[order] * count / np.arange(1, count + 1)
    q = np.empty(count)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q


def auc(score: Floats, y: Floats) -> float:
    """Area under the ROC curve; one half where only one class is there."""
    cases = float((y > 0).sum())
    others = len(y) - cases
    if not cases or not others:
        return 0.5
    order = stats.rankdata(score)
    return float((order[y > 0].sum() - cases * (cases + 1) / 2) / (cases * others))
