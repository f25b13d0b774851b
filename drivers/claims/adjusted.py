"""The effect of one treatment on an outcome with all that is measured held fixed: double machine learning, on arrays.

The outcome and the treatment are each foretold from what is held fixed, by LightGBM on customers that the models have not seen, and the
effect is the slope of what remains of one on what remains of the other (Robinson, 1988; Chernozhukov et al., 2018), by econml's
`LinearDML`. Its intervals take rows for independent; ours are summed by customer (Liang and Zeger, 1986), since customers repeat.

A slope needs a treatment that could have been otherwise. Where those concerned were nearly sure to be treated, or others' journeys foretell
nearly all of it, there is no overlap, and no effect is told. What nothing measured tells of is not held fixed: `drivers.claims.sensitivity`.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers.attribution import Floats, Ints, Kind
from drivers.significance import by_customer

Bools = npt.NDArray[np.bool_]

EXTRA: Final = "adjusted"
FEWEST: Final = 200  # customers below which nothing is fitted
FEWEST_CONCERNED: Final = 50  # customers with a treatment above 0
FORETOLD: Final = 0.95  # share of a treatment's variance that others' journeys may foretell
CERTAIN: Final = 0.95  # chance of a treatment above which it had no alternative
UNMATCHED: Final = 1 / 3  # share of those concerned who may have had no alternative
_FOLDS: Final = 3
_Z: Final = float(stats.norm.isf(0.025))
_COLUMNS: Final = 100  # that a tree may choose from: of few columns all, of many a draw
_MODEL: Final[dict[str, Any]] = {
    "n_estimators": 160,
    "learning_rate": 0.07,
    "num_leaves": 8,
    "max_bin": 31,
    "subsample": 0.7,
    "subsample_freq": 1,
    "reg_lambda": 5.0,
    "min_child_samples": 20,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Study:
    """What effects are looked for in.

    Parameters
    ----------
    outcome
        (rows,) points, money, or 0/1.
    customer
        (rows,) whose row it is.
    weight
        (rows,) how many rows of the population each stands for.
    kind
        ``linear`` or ``binary``; the effect on 0/1 is told in percentage points.
    """

    outcome: Floats
    customer: Ints
    weight: Floats
    kind: Kind

    @property
    def scale(self) -> float:
        """The told unit in units of the outcome."""
        return 100.0 if self.kind == "binary" else 1.0


@dataclass(frozen=True)
class Overlap:
    """Whether the treatment could have been otherwise.

    `foretold` is the share of its variance that what is held fixed foretells, held out; `certain` the share of those concerned whose
    chance of it was above .95, None where they differ in how much of it they got; `reason` why there is no overlap, None where there is.
    """

    foretold: float
    certain: float | None
    reason: str | None


@dataclass(frozen=True)
class Left:
    """What nothing that is held fixed foretold: of the outcome and of the treatment (rows,); and each column's part in it (columns,)."""

    outcome: Floats
    treatment: Floats
    importance: Floats


@dataclass(frozen=True)
class Effect:
    """The slope per unit of treatment in the told unit, its clustered standard error, and the residuals that it was made of."""

    value: float
    error: float
    overlap: Overlap
    left: Left

    @property
    def low(self) -> float:
        """Lower 95 % limit."""
        return self.value - _Z * self.error

    @property
    def high(self) -> float:
        """Upper 95 % limit."""
        return self.value + _Z * self.error

    def times(self, factor: float) -> dict[str, float]:
        """The effect of `factor` units, as plain JSON values."""
        low, high = sorted((self.low * factor, self.high * factor))
        return {"value": self.value * factor, "low": low, "high": high}

    def excludes_zero(self, level: float = 0.05) -> bool:
        """Whether the two-sided test at this level says that there is an effect."""
        return self.error > 0 and abs(self.value) / self.error > float(stats.norm.isf(level / 2))


def available() -> bool:
    """Whether econml, which the extra `adjusted` brings, is there."""
    return importlib.util.find_spec("econml") is not None


def enough(study: Study, treatment: Floats) -> bool:
    """Whether enough customers, treated and not, are there to fit anything."""
    concerned = len(np.unique(study.customer[treatment > 0]))
    return len(np.unique(study.customer)) >= FEWEST and concerned >= FEWEST_CONCERNED and float(np.ptp(treatment)) > 0


def effect(study: Study, treatment: Floats, fixed: npt.NDArray[np.float32], *, seed: int, threads: int = 1) -> Effect:
    """The effect of a treatment.

    Parameters
    ----------
    study
        Outcome, customers, weights.
    treatment
        (rows,) how much of it: encounters, or encounters beyond a level.
    fixed
        (rows, columns) what is held fixed; NaN is a value of its own.
    seed, threads
        The result depends on the seed, not on the threads.

    Raises
    ------
    ValueError
        When the treatment does not vary or there are too few customers.
    ImportError
        Without econml.
    """
    if not enough(study, treatment):
        raise ValueError("too few customers, or a treatment that does not vary")
    left = partialled(study, treatment, fixed, seed=seed, threads=threads)
    value, error = slope(left.outcome, left.treatment, study.weight, study.customer)
    overlap = _overlap(study, treatment, left.treatment, fixed, seed, threads)
    return Effect(study.scale * value, study.scale * error, overlap, left)


def slope(outcome: Floats, treatment: Floats, weight: Floats, customer: Ints) -> tuple[float, float]:
    """Weighted slope of residuals on residuals (rows,), and its standard error summed by customer."""
    mass = float(weight @ treatment**2)
    value = float(weight @ (treatment * outcome)) / mass
    influence = by_customer(weight * treatment * (outcome - value * treatment), customer) / mass
    count = len(influence)
    return value, float(np.sqrt((influence**2).sum() * count / max(count - 1, 1)))


def _dealt(customer: Ints, seed: int) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Rows to fit on and rows to foretell, customers whole, once per fold."""
    _, code = np.unique(customer, return_inverse=True)
    part = np.random.default_rng([seed, 11]).permutation(int(code.max()) + 1) % _FOLDS
    return [(np.flatnonzero(part[code] != k), np.flatnonzero(part[code] == k)) for k in range(_FOLDS)]


def partialled(study: Study, treatment: Floats, fixed: npt.NDArray[np.float32], *, seed: int, threads: int = 2) -> Left:
    """Residuals of outcome and treatment by models that never saw the customer; arguments as of `effect`."""
    from econml.dml import LinearDML  # an extra, and seconds to import

    binary = study.kind == "binary"
    common = _model(fixed.shape[1], seed, threads)
    learner = LinearDML(
        model_y=lgb.LGBMClassifier(**common) if binary else lgb.LGBMRegressor(**common),
        model_t=lgb.LGBMRegressor(**common),
        discrete_outcome=binary,
        cv=_dealt(study.customer, seed),
        random_state=seed,
    )
    learner.fit(
        study.outcome, treatment, W=_told_apart(fixed), sample_weight=study.weight, cache_values=True, inference=None
    )
    outcome_left, treatment_left, _, _ = learner.residuals_
    importance = np.ones(fixed.shape[1])
    for models in (learner.models_y, learner.models_t):
        gain = np.mean([model.booster_.feature_importance("gain") for model in models[0]], axis=0)
        importance *= gain / max(float(gain.sum()), 1e-12)
    return Left(np.ravel(outcome_left).astype(np.float64), np.ravel(treatment_left).astype(np.float64), importance)


def _model(columns: int, seed: int, threads: int) -> dict[str, Any]:
    share = min(1.0, max(_COLUMNS / columns, 0.15))
    return {**_MODEL, "colsample_bytree": share, "random_state": seed, "n_jobs": threads}


def _told_apart(fixed: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Missing values as one below all others: trees tell them apart as well, and econml warns of every NaN."""
    missing = np.isnan(fixed)
    lowest = np.where(missing, np.inf, fixed).min(axis=0)
    lowest[np.isinf(lowest)] = 0.0  # a column without any value
    told: npt.NDArray[np.float32] = np.where(missing, lowest - np.abs(lowest) - 1.0, fixed).astype(np.float32)
    return told


def _overlap(
    study: Study, treatment: Floats, left: Floats, fixed: npt.NDArray[np.float32], seed: int, threads: int
) -> Overlap:
    centred = treatment - np.average(treatment, weights=study.weight)
    foretold = max(0.0, 1.0 - float(study.weight @ left**2) / float(study.weight @ centred**2))
    concerned = treatment > 0
    if foretold > FORETOLD:
        return Overlap(foretold, None, "foretold")
    if concerned.all() or _varies_in_amount(treatment[concerned], study.weight[concerned]):
        return Overlap(foretold, None, None)  # amounts are compared, not having it at all
    chance = np.zeros(len(treatment))
    for train, test in _dealt(study.customer, seed):
        # As a regression of log-odds: a fold in which all were treated has one class only.
        model = lgb.LGBMRegressor(**_model(fixed.shape[1], seed, threads), objective="binary")
        model.fit(fixed[train], concerned[train].astype(np.float64), sample_weight=study.weight[train])
        chance[test] = model.booster_.predict(fixed[test])
    certain = float(np.average(chance[concerned] > CERTAIN, weights=study.weight[concerned]))
    return Overlap(foretold, certain, "certain" if certain > UNMATCHED else None)


def _varies_in_amount(amount: Floats, weight: Floats) -> bool:
    """Whether those concerned differ in how much of it they got: by a fifth of the mean at least."""
    mean = float(np.average(amount, weights=weight))
    return float(np.average((amount - mean) ** 2, weights=weight)) > 0.04 * mean**2
