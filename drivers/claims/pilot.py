"""What a randomised pilot did to an outcome: the average effect, whether chance drew the arms, who was lost, what could have shown.

In goes a `PilotTable`: one row per outcome asked for, all of them, also those that never became known (NaN). Out comes a
`PilotEffect` in NPS points, percentage points of churn, or money. The comparison is by intention to treat: who was drawn to be reached
counts as reached. Effects are differences of means within strata, weighed by the strata (Miratrix, Sekhon and Yu, 2013), and, where a
prediction of the outcome from before the pilot is given, adjusted for it with a slope in each arm (Deng et al., 2013, CUPED; Lin,
2013). Which of the two counts is settled beforehand: the adjusted one where there is a prediction. Errors are clustered by
customer and by whatever was drawn (Cameron, Gelbach and Miller, 2011). A missing prediction stands for the mean one.

An effect is claimed only of a lot. Where what was known before tells the arms apart, or their sizes are not the planned ones, the
difference is an association. Where the arms lost unlike shares of their outcomes the interval is widened by the bounds of Lee (2009).
Every row weighs the same: a customer with several outcomes counts several times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers.attribution import Floats, Ints
from drivers.claims.size import FEWEST_LOTS, UNITS, OutcomeKind
from drivers.significance import benjamini_hochberg, by_customer
from training.uplift.pilot import Pilot

_T = TypeVar("_T")
Bools = npt.NDArray[np.bool_]
Status = Literal["shown", "not_shown", "not_randomised", "too_few"]

FEWEST_CUSTOMERS: Final = 50  # with an outcome, in either arm
FEWEST_CASES: Final = 10  # who left, and who stayed, in the whole pilot
LEVEL: Final = 0.05
POWER: Final = 0.8
_NOT_A_LOT: Final = (
    0.001  # below it chance did not draw the arms: a check that cries at 5 % condemns one good pilot in twenty
)


@dataclass(frozen=True)
class PilotTable:
    """The rows of a pilot.

    Parameters
    ----------
    kind
        ``nps`` (-100, 0, 100), ``churn`` (0/1) or ``money``.
    outcome
        (rows,) NaN where it never became known.
    reached
        (rows,) true where the row was drawn to be reached. Of a lot with both, its first row counts for all.
    customer
        (rows,) whose row it is.
    lot
        (rows,) what was drawn: a branch, a team, an encounter; None: the customer.
    strata
        (rows,) within which lots were drawn; None without.
    prior
        (rows,) prediction of the outcome that neither the arm nor the row's own outcome took part in.
    before
        (rows, columns) what was known before the draw, for the check of the lot; NaN is a value of its own.
    planned
        Share of the lots that should have been reached; None if not known.
    by_chance
        What another check of the lot said; None without.
    """

    kind: OutcomeKind
    outcome: Floats
    reached: Bools
    customer: Ints
    lot: Ints | None = None
    strata: Ints | None = None
    prior: Floats | None = None
    before: Floats | None = None
    planned: float | None = None
    by_chance: bool | None = None

    def __post_init__(self) -> None:
        """Refuse columns of unlike length, and values that the kind of outcome does not have."""
        columns = (self.reached, self.customer, self.lot, self.strata, self.prior, self.before)
        if any(column is not None and len(column) != len(self.outcome) for column in columns):
            raise ValueError("the columns of a pilot must be of one length")
        allowed = {"nps": (-100.0, 0.0, 100.0), "churn": (0.0, 1.0)}.get(self.kind)
        known = self.outcome[~np.isnan(self.outcome)]
        if not np.isfinite(known).all() or (allowed and not np.isin(known, allowed).all()):
            raise ValueError(f"values that an outcome of kind '{self.kind}' does not have")


@dataclass(frozen=True)
class Estimate:
    """A difference between the arms, reached less not reached, with its 95 % interval, standard error and two-sided p."""

    value: float
    low: float
    high: float
    error: float
    p_value: float
    freedom: float

    @property
    def smallest(self) -> float:
        """The smallest effect that so precise a pilot shows in four cases of five."""
        return float(stats.t.isf(LEVEL / 2, self.freedom) + stats.t.isf(1 - POWER, self.freedom)) * self.error

    def facts(self) -> dict[str, float]:
        """Plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high, "p_value": self.p_value}


@dataclass(frozen=True)
class PilotEffect:
    """What a pilot shows. Pairs are (reached, not reached); estimates are None where the arms are too few to compare.

    `lost` is the share of rows without outcome and `lost_p` the test of their difference; `bounds` the interval that holds whatever
    kept the lost away, given only where the arms lost unlike shares; `balance_p` and `planned_p` the tests of the lot, None
    where nothing was known to test with; `crossed` the lots found in both arms; `left_out` rows of strata that lack an arm;
    `q_value` the p among all outcomes that were looked at together.
    """

    status: Status
    kind: OutcomeKind
    customers: tuple[int, int]
    rows: tuple[int, int]
    plain: Estimate | None
    adjusted: Estimate | None
    lost: tuple[float, float]
    lost_p: float | None
    bounds: tuple[float, float] | None
    balance_p: float | None
    planned_p: float | None
    crossed: int
    left_out: int
    q_value: float | None

    @property
    def difference(self) -> Estimate | None:
        """The estimate that counts: the adjusted one where there is a prediction. An effect only where chance drew the arms."""
        return self.adjusted or self.plain

    @property
    def variance_explained(self) -> float | None:
        """Share of the variance that the prediction took away, as a next pilot's size asks for it."""
        if self.adjusted is None or self.plain is None or self.plain.error <= 0:
            return None
        return max(0.0, 1.0 - (self.adjusted.error / self.plain.error) ** 2)

    def facts(self) -> dict[str, Any]:
        """Plain JSON values; `effect` is null unless chance drew the arms."""
        found = self.difference
        arms = ("reached", "not_reached")
        return {
            "status": self.status,
            "kind": self.kind,
            "unit": UNITS[self.kind],
            "effect": found.facts() if found and self.status != "not_randomised" else None,
            "difference_of_means": self.plain and self.plain.facts(),
            "adjusted": self.adjusted and self.adjusted.facts(),
            "variance_explained": self.variance_explained,
            "smallest_effect": found and found.smallest,
            "q_value": self.q_value,
            "customers": dict(zip(arms, self.customers, strict=True)),
            "rows": dict(zip(arms, self.rows, strict=True)),
            "lost": {**dict(zip(arms, self.lost, strict=True)), "p_value": self.lost_p},
            "bounds": None if self.bounds is None else {"low": self.bounds[0], "high": self.bounds[1]},
            "lot": {"balance_p": self.balance_p, "planned_p": self.planned_p, "crossed": self.crossed},
            "left_out": self.left_out,
        }


def from_training(found: Pilot, kind: OutcomeKind, outcome: Floats, prior: Floats | None = None) -> PilotTable:
    """The table of a pilot found in a training set; outcome and prior (n,) belong to its customers."""
    return PilotTable(kind, outcome, found.reached > 0, np.arange(len(outcome)), prior=prior, by_chance=found.by_chance)


def measure(table: PilotTable) -> PilotEffect:
    """What the pilot did to the outcome."""
    lot = table.customer if table.lot is None else table.lot
    _, first, place = np.unique(lot, return_index=True, return_inverse=True)
    reached = table.reached[first][place]
    crossed = len(np.unique(place[reached != table.reached]))
    inside, strata = _strata(table.strata, reached, place)
    known = ~np.isnan(table.outcome)
    base = PilotEffect(
        "too_few",
        table.kind,
        customers=_pair(lambda arm: len(np.unique(table.customer[known & (reached == arm)]))),
        rows=_pair(lambda arm: int((known & (reached == arm)).sum())),
        plain=None,
        adjusted=None,
        lost=_pair(lambda arm: float((~known[reached == arm]).mean()) if (reached == arm).any() else 0.0),
        lost_p=None,
        bounds=None,
        balance_p=None,
        planned_p=_planned(reached[first], table.planned),
        crossed=crossed,
        left_out=int((~inside).sum()),
        q_value=None,
    )
    seen, told = _strata(table.strata, reached, place, known)
    y = table.outcome[seen]
    drawn = _pair(lambda arm: len(np.unique(place[seen & (reached == arm)])))
    people = _pair(lambda arm: len(np.unique(table.customer[seen & (reached == arm)])))
    cases = min(y.sum(), len(y) - y.sum()) if table.kind == "churn" else FEWEST_CASES
    if min(people) < FEWEST_CUSTOMERS or min(drawn) < FEWEST_LOTS or cases < FEWEST_CASES or np.ptp(y) == 0:
        return base

    whole = (reached[inside], strata[inside], table.customer[inside], place[inside])
    some = (reached[seen], told[seen], table.customer[seen], place[seen])
    scale = 100.0 if table.kind == "churn" else 1.0
    plain = _estimate(_compare(scale * y[:, None], *some))
    adjusted = None
    if table.prior is not None:
        prior = _filled(table.prior[seen])
        if min(np.ptp(prior[some[0]]), np.ptp(prior[~some[0]])) > 0:
            adjusted = _estimate(_compare(scale * y[:, None], some[0], np.column_stack([some[1], prior]), *some[2:]))
    lost = _estimate(_compare((~known[inside]).astype(np.float64)[:, None], *whole))
    best = adjusted or plain
    bounds = None
    if lost.p_value < LEVEL:
        down, up = _trimming(scale * y, some[0], base.lost)
        bounds = (best.low + down, best.high + up)
    balance = _balance(table, inside, whole)
    checks = [p for p in (balance, base.planned_p) if p is not None]
    low, high = bounds or (best.low, best.high)
    status: Status = "shown" if low > 0 or high < 0 else "not_shown"
    if min(checks, default=1.0) < _NOT_A_LOT or table.by_chance is False:
        status = "not_randomised"
    return replace(
        base,
        status=status,
        plain=plain,
        adjusted=adjusted,
        lost_p=lost.p_value,
        bounds=bounds,
        balance_p=balance,
        q_value=None if status == "not_randomised" else best.p_value,
    )


def measure_all(tables: Mapping[str, PilotTable]) -> dict[str, PilotEffect]:
    """Several outcomes of one pilot; shown is what stands after Benjamini and Hochberg (1995) over those that could be compared."""
    found = {name: measure(table) for name, table in tables.items()}
    tested = [name for name, one in found.items() if one.status in {"shown", "not_shown"}]
    q = benjamini_hochberg(np.array([found[name].q_value for name in tested], dtype=np.float64))
    for name, value in zip(tested, q.tolist(), strict=True):
        stands: Status = "shown" if found[name].status == "shown" and value <= LEVEL else "not_shown"
        found[name] = replace(found[name], status=stands, q_value=value)
    return found


def _pair(of: Callable[[bool], _T]) -> tuple[_T, _T]:
    return of(True), of(False)


def _strata(strata: Ints | None, reached: Bools, lot: Ints, among: Bools | None = None) -> tuple[Bools, Floats]:
    """Rows of strata that have two lots or more in either arm, and indicators (rows, strata - 1) of these strata."""
    rows = np.ones(len(lot), dtype=bool) if among is None else among.copy()
    if strata is None:
        return rows, np.zeros((len(lot), 0))
    names, code = np.unique(strata, return_inverse=True)
    enough = np.ones(len(names), dtype=bool)
    for arm in (True, False):
        pairs = np.unique(np.column_stack([code, lot])[rows & (reached == arm)], axis=0)
        enough &= np.bincount(pairs[:, 0], minlength=len(names)) >= 2
    return rows & enough[code], (code[:, None] == np.flatnonzero(enough)[1:]).astype(np.float64)


def _compare(y: Floats, reached: Bools, covariates: Floats, customer: Ints, lot: Ints) -> tuple[Floats, Floats, float]:
    """Differences (q,) of y (rows, q) between the arms at the mean of covariates (rows, k), their covariance, degrees of freedom.

    Each arm has a regression of its own (Lin, 2013); that the mean of covariates is an estimate too is counted (Negi and Wooldridge, 2021).
    """
    coarse = min(customer, lot, key=lambda codes: len(np.unique(codes)))
    centred = covariates - covariates.mean(axis=0)
    influence, fitted = np.zeros_like(y), []
    spread, rest = np.zeros(2), np.zeros(2)
    for a, rows in enumerate((reached, ~reached)):
        design = np.column_stack([np.ones(int(rows.sum())), centred[rows]])
        bread = np.linalg.pinv(design.T @ design)
        beta = bread @ (design.T @ y[rows])
        groups = len(np.unique(coarse[rows]))
        rest[a] = max(groups - int(np.linalg.matrix_rank(design)), 1)
        weight = (1 - 2 * a) * np.sqrt(groups / rest[a]) * (design @ bread[:, 0])
        influence[rows] = weight[:, None] * (y[rows] - design @ beta)
        spread[a] = (by_customer(influence[rows], coarse[rows]) ** 2).sum()
        fitted.append(beta)
    influence += centred @ (fitted[0][1:] - fitted[1][1:]) / len(y)
    # Welch's (1947) degrees of freedom.
    freedom = (
        float(spread.sum() ** 2 / max((spread**2 / rest).sum(), 1e-300)) if spread.sum() > 0 else float(rest.sum())
    )
    return fitted[0][0] - fitted[1][0], _covariance(influence, customer, lot), freedom


def _covariance(influence: Floats, customer: Ints, lot: Ints) -> Floats:
    """Clustered both ways; where one kind of cluster holds the other whole, by the larger one."""
    both = np.unique(np.column_stack([customer, lot]), axis=0, return_inverse=True)[1].ravel()
    by = [(total := by_customer(influence, codes)).T @ total for codes in (customer, lot, both)]
    summed: Floats = by[0] + by[1] - by[2]
    # Both ways the sum need not be positive.
    return summed if np.diag(summed).min() > 0 else max(by[:2], key=lambda one: float(np.trace(one)))


def _estimate(compared: tuple[Floats, Floats, float]) -> Estimate:
    value, error, freedom = float(compared[0][0]), float(np.sqrt(compared[1][0, 0])), compared[2]
    half = float(stats.t.isf(LEVEL / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom)) if error > 0 else float(value == 0)
    return Estimate(value, value - half, value + half, error, p, freedom)


def _planned(reached: Bools, share: float | None) -> float | None:
    """Whether as many lots were reached as planned (sample ratio mismatch; Fabijan et al., 2019)."""
    return None if share is None else float(stats.binomtest(int(reached.sum()), len(reached), share).pvalue)


def _balance(table: PilotTable, rows: Bools, compared: tuple[Bools, Floats, Ints, Ints]) -> float | None:
    """Joint test that what was known before does not tell the arms apart (Hansen and Bowers, 2008); None if nothing was known."""
    known = [part.reshape(len(rows), -1) for part in (table.prior, table.before) if part is not None]
    if not known:
        return None
    columns = np.column_stack(known)[rows]
    columns = np.column_stack([*(_filled(column) for column in columns.T), np.isnan(columns).astype(np.float64)])
    columns = columns[:, np.ptp(columns, axis=0) > 0]
    if not columns.shape[1]:
        return None
    value, covariance, freedom = _compare((columns - columns.mean(axis=0)) / columns.std(axis=0), *compared)
    error = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    if (np.abs(value) > 1e6 * error).any():
        return 0.0  # a column that is one thing in one arm and another in the other: it has no spread to be tested with
    width = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if 10 * width <= freedom:
        joint = float(value @ np.linalg.pinv(covariance, rcond=1e-9, hermitian=True) @ value)
        rest = freedom - width + 1
        return float(stats.f.sf(joint * rest / (freedom * width), width, rest))
    # Too many columns for a joint test: the one that tells the most, for as many as were tried (Bonferroni).
    return min(1.0, float(len(value) * 2 * stats.t.sf(np.abs(value) / error, freedom).min()))


def _trimming(y: Floats, reached: Bools, lost: tuple[float, float]) -> tuple[float, float]:
    """By how much an effect may lie lower or higher if the arm that kept more kept only its worst, or its best, as well."""
    arm = lost[0] < lost[1]
    values = np.sort(y[reached == arm])
    mass = len(values) * (1 - max(lost)) / (1 - min(lost))
    part = np.clip(mass - np.arange(len(values)), 0.0, 1.0)
    lowest, highest = (float(part @ one) / mass - float(values.mean()) for one in (values, values[::-1]))
    return (lowest, highest) if arm else (-highest, -lowest)


def _filled(column: Floats) -> Floats:
    """Missing values stand for the mean; 0 where none is known."""
    missing = np.isnan(column)
    return np.where(missing, 0.0 if missing.all() else column[~missing].mean(), column)
