"""Interactions: pairs of touchpoints that do together what neither does alone ("a late delivery hurts only without an apology").

Rows x features with blocks go in; out come the pairs of touchpoints whose held-out SHAP interaction values, summed by pair of
blocks, explain the outcome. Models see some customers and value the others. Pairs are chosen by the size of their values on the
models' training rows; no outcome takes part. Tested is the slope of the outcome on a pair's values beside all main values, with
errors clustered by customer, one-sided; p is the median over repeats, Benjamini-Hochberg is over all pairs considered.

A floor and a ceiling make any two strong drivers interact: whoever is a detractor already cannot become one again. That says
nothing of the pair, so interactions that a bent scale removes (Loftus, 1978) are not told: a bounded outcome is tested on its
logistic scale (fractional logit; Papke and Wooldridge, 1996), and main values and their sum may bend (Tukey, 1949). Strengths
and cells are on the outcome's own scale all the same. Association throughout. Missing features go where the trees send them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers import significance
from drivers.attribution import LEAVES, Fitter, Floats, Ints, Problem
from drivers.dose_response import partial_response
from drivers.interval import Interval
from drivers.questions import pair_trees
from drivers.questions.weakest_link import additive
from drivers.strength import per_unit, quantiles, spread

Bools = npt.NDArray[np.bool_]
Split = Literal["met", "went_badly"]

_FEATURE_FRACTION: Final = 0.6  # at the driver model's .2 two touchpoints seldom meet in one tree
_MOST_PAIRS: Final = 30
_CHOICE_ROWS: Final = 3000  # training rows on which the size of pairs is looked at
_FEWEST_IN_CELL: Final = 20  # customers
_Z: Final = 1.959964


@dataclass(frozen=True)
class Cells:
    """How a pair reads in four cells, in the told unit: points, money, or percentage points at the base rate.

    Parameters
    ----------
    split
        What "happened" means for the first and the second touchpoint: it was met, or met and went worse than for most.
    mean
        Neither, first only, second only, both: the outcome less what all other drivers explain, from its mean over all rows.
    customers
        In each of these cells.
    alone, together
        What the first touchpoint does without the second, and with it.
    difference
        `together` - `alone`: the same for the second touchpoint.
    """

    split: tuple[Split, Split]
    mean: tuple[Interval, Interval, Interval, Interval]
    customers: tuple[int, int, int, int]
    alone: Interval
    together: Interval
    difference: Interval


@dataclass(frozen=True)
class Pair:
    """One pair: `strength` is slope x mean |value| in the told unit, `cells` None where some cell has too few customers.

    The first touchpoint is the one that moves more by itself. `slope` is on the outcome's own scale; trees that see a pair
    seldom understate it, so slopes above 1 are usual.
    """

    first: str
    second: str
    strength: Interval
    slope: float
    p: float
    q: float
    cells: Cells | None


@dataclass(frozen=True)
class Interactions:
    """The pairs that pass, the strongest first, and how many were considered."""

    pairs: tuple[Pair, ...]
    considered: int
    false_discovery_rate: float

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


class PairFitter(Fitter):
    """The driver model for this question: columns are drawn more generously, so that touchpoints meet in a tree."""

    def __init__(self, problem: Problem, seed: int, threads: int) -> None:
        super().__init__(problem, seed, threads)
        self._parameters = {**self._parameters, "feature_fraction": _FEATURE_FRACTION}
        self._block = np.zeros(problem.X.shape[1], dtype=np.int32)
        for b, block in enumerate(problem.blocks):
            self._block[block.columns] = b

    def fit_pairs(self, train: npt.NDArray[np.intp], *key: int) -> pair_trees.PairEnsemble:
        """A model of some rows, as tables of blocks and of pairs of blocks."""
        data: Any = self._data  # LightGBM takes an array of rows, though its types say list
        model = lgb.train({**self._parameters, "seed": self._draw(*key)}, data.subset(train), self.rounds)
        return pair_trees.pair_ensemble(model.model_to_string(), self._block, LEAVES)


def interactions(
    problem: Problem,
    *,
    folds: int,
    repeats: int,
    false_discovery_rate: float,
    seed: int,
    threads: int = 2,
    focus: Bools | None = None,
    higher_is_better: bool = True,
    most: int = _MOST_PAIRS,
) -> Interactions:
    """The pairs of touchpoints that interact.

    Parameters
    ----------
    problem
        The arrays of the analysis.
    folds, repeats
        Parts of the customers, and how often they are dealt.
    false_discovery_rate
        Of the pairs that are told.
    seed, threads
        The result depends on the seed, not on the threads.
    focus
        (blocks,) a pair needs one of these (key drivers and candidates); its other touchpoint may be any. All by default.
    higher_is_better
        False for churn: turns "went badly" over.
    most
        How many pairs are considered at most, the largest first.
    """
    focus = problem.touchpoint if focus is None else focus & problem.touchpoint
    low, high = np.triu_indices(len(problem.blocks), 1)
    allowed = problem.touchpoint[low] & problem.touchpoint[high] & (focus[low] | focus[high])
    pairs = np.column_stack([low, high])[allowed].astype(np.int64)
    if not len(pairs) or np.ptp(problem.y) == 0:
        return Interactions((), 0, false_discovery_rate)
    pairs, main, value = _held_out(PairFitter(problem, seed, threads), pairs, folds, repeats, most)
    if not len(pairs):
        return Interactions((), 0, false_discovery_rate)
    count = len(pairs)
    p = np.median([_test(problem, m, v, count) for m, v in zip(main, value, strict=True)], axis=0)
    q = significance.benjamini_hochberg(p)
    main, value = main.mean(axis=0), value.mean(axis=0)
    joint = np.column_stack([value, main])
    fit = significance.regress(joint, problem.y, problem.customer, problem.kind)
    raw = fit.intercept + joint @ fit.slope
    size = spread(value, problem.weight) * per_unit(problem)
    alone = spread(main, problem.weight)
    told = []
    for i in np.flatnonzero((q <= false_discovery_rate) & (fit.slope[:count] > 0)).tolist():
        a, b = sorted(pairs[i].tolist(), key=lambda block: -alone[block])
        columns = [i, count + 1 + a, count + 1 + b]
        own = joint[:, columns] @ fit.slope[columns]
        told.append(
            Pair(
                first=problem.blocks[a].name,
                second=problem.blocks[b].name,
                strength=_limits(fit.slope[i] * size[i], fit.error[i] * size[i]),
                slope=float(fit.slope[i]),
                p=float(p[i]),
                q=float(q[i]),
                cells=_cells(
                    problem, raw, own, main[:, [a, b]], value[:, i], (a, b), higher_is_better=higher_is_better
                ),
            )
        )
    told.sort(key=lambda pair: (-pair.strength.value, pair.first, pair.second))
    return Interactions(tuple(told), count, false_discovery_rate)


def _held_out(fitter: PairFitter, pairs: Ints, folds: int, repeats: int, most: int) -> tuple[Ints, Floats, Floats]:
    """Pairs considered (n, 2), main values (repeats, rows, blocks), pair values and those of all others (.., n + 1)."""
    problem = fitter.problem
    fitter.choose_rounds()
    parts = [fitter.deal(folds, 1, repeat) for repeat in range(repeats)]

    def one(job: tuple[int, int]) -> tuple[pair_trees.PairEnsemble, Floats]:
        repeat, part = job
        train = np.flatnonzero(parts[repeat] != part)
        model = fitter.fit_pairs(train, 1, repeat, part)
        some = train[:: max(1, len(train) // _CHOICE_ROWS)]
        return model, np.abs(pair_trees.pair_values(model, problem.X, some, pairs)[:, :-1]).mean(axis=0)

    jobs = [(repeat, part) for repeat in range(repeats) for part in range(folds)]
    models = fitter.parallel(one, jobs)
    size = np.sum([seen for _, seen in models], axis=0)
    order = np.argsort(-size, kind="stable")[:most]
    chosen = pairs[order[size[order] > 0]]
    main = np.zeros((repeats, len(problem.y), len(problem.blocks)))
    value = np.zeros((repeats, len(problem.y), len(chosen) + 1))
    for (repeat, part), (model, _) in zip(jobs, models, strict=True):
        test = np.flatnonzero(parts[repeat] == part)
        main[repeat, test] = pair_trees.main_values(model, problem.X, test)
        value[repeat, test] = pair_trees.pair_values(model, problem.X, test, chosen)
    return chosen, main, value


def _test(problem: Problem, main: Floats, value: Floats, count: int) -> Floats:
    """One-sided p (count,) of the pairs' slopes in one repeat, beside main values that may bend."""
    base, y, kind = additive(main, problem.y, problem.customer, problem.kind)
    design = np.column_stack([value, base])
    p: Floats = stats.norm.sf(significance.regress(design, y, problem.customer, kind).z[:count])
    return p


def _cells(
    problem: Problem,
    raw: Floats,
    own: Floats,
    main: Floats,
    value: Floats,
    place: tuple[int, int],
    *,
    higher_is_better: bool,
) -> Cells | None:
    """Read the pair in the two-by-two split that its held-out values (not the outcome) follow most closely."""
    response = partial_response(problem, raw, own)
    weight = problem.weight * response.weight
    best: tuple[float, tuple[Split, Split], Floats] | None = None
    happened = [
        _splits(problem.blocks[b].met, main[:, k], higher_is_better=higher_is_better) for k, b in enumerate(place)
    ]
    for first, a in happened[0].items():
        for second, b in happened[1].items():
            inside = (2 * b.astype(np.int64) + a)[:, None] == np.arange(4)
            if _customers(problem.customer, inside).min() < _FEWEST_IN_CELL:
                continue
            followed = float(((value @ inside) ** 2 / inside.sum(axis=0)).sum())
            if best is None or followed > best[0]:
                best = (followed, (first, second), inside.astype(np.float64))
    if best is None:
        return None
    _, split, cell = best
    mass = cell * weight[:, None]
    total = mass.sum(axis=0)
    mean = response.value @ mass / total
    influence = significance.by_customer(mass * (response.value[:, None] - mean) / total, problem.customer)
    covariance = influence.T @ influence * (len(influence) / max(len(influence) - 1, 1))
    unit = per_unit(problem)
    centre = float(np.average(response.value, weights=weight))
    contrasts = np.array([*np.eye(4), [-1, 1, 0, 0], [0, 0, -1, 1], [1, -1, -1, 1]])
    middle = contrasts @ mean - np.array([centre] * 4 + [0.0] * 3)
    error = np.sqrt(np.einsum("ci,ij,cj->c", contrasts, covariance, contrasts))
    limits = [_limits(m * unit, e * unit) for m, e in zip(middle, error, strict=True)]
    counts = _customers(problem.customer, cell > 0).tolist()
    return Cells(
        split=split,
        mean=(limits[0], limits[1], limits[2], limits[3]),
        customers=(counts[0], counts[1], counts[2], counts[3]),
        alone=limits[4],
        together=limits[5],
        difference=limits[6],
    )


def _splits(met: Bools, main: Floats, *, higher_is_better: bool) -> dict[Split, Bools]:
    """What it can mean that a touchpoint happened: it was met, or met with a value on the bad side of the median."""
    if not met.any():
        return {"met": met}
    middle = quantiles(main[met], np.ones(int(met.sum())), (0.5,))[0]
    return {"met": met, "went_badly": met & ((main < middle) if higher_is_better else (main > middle))}


def _customers(customer: Ints, inside: Bools) -> Ints:
    """How many customers have a row in each cell (rows, cells)."""
    counts: Ints = (significance.by_customer(inside.astype(np.float64), customer) > 0).sum(axis=0)
    return counts


def _limits(value: float, error: float) -> Interval:
    return Interval(float(value), float(value - _Z * error), float(value + _Z * error))
