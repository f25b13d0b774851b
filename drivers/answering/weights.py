"""What the score would be if all who could answer had: weights by the chance to answer, with the unweighted score beside it.

Arrays in: features (rows, columns) of who could have answered, who did (rows,), what they said in points, whose row it is and,
where the rows are of several dates or waves, which of them (`stratum`). A regularised model gives every row the chance that its
customer answers, from models that never saw the customer; those chances are calibrated. If they do not foretell who answers, all
weights are 1 and the result says so. Otherwise each answer counts for the customers like its own who kept silent: its weight is the
share of answers in its stratum over its chance (stabilised inverse propensity weights; Robins, Hernan and Brumback, 2000), cut
at two quantiles and then calibrated on the features that still differ (`drivers.answering.raking`), for a regularised model
leaves a part of every difference standing. Strata keep their shares among the answers: the weights are about who answers, not when.

Missing features stay missing. Intervals resample customers and hold the weights fixed. What the weights cannot see: an opinion
that decides on answering and left no trace in the journey, and a weak pull among few answers, which is not told from chance.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drivers.answering.balance import Balance, balance
from drivers.answering.raking import raked
from drivers.attribution import Block, Fitter, Floats, Ints, Problem
from training.bundle import sigmoid
from training.calibration import fit_sigmoid
from training.evaluate import groups_of, weights, won

TRIM: Final = (0.01, 0.99)
FEWEST: Final = 50
"""Answers, and rows without one, below which nothing is learnt of who answers."""
_FOLDS: Final = 5
_REPEATS: Final = 2
_LEAST_CHANCE: Final = 1e-4
_LEVEL: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Limits:
    """An estimate and its 95 % interval over customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Answering:
    """Who answers, and the score with and without weights.

    Parameters
    ----------
    rows, answers, customers
        How many there are: rows and customers who could have answered, answers.
    auc
        How well the journey foretells who answers among rows of one stratum, held out.
    foretold
        Whether the interval of `auc` lies above one half. If not, all weights are 1.
    weight
        (rows,) of each answer, mean 1; 0 where none came.
    chance
        (rows,) held-out, calibrated chance to answer.
    effective
        Number of equal answers that are worth the weighted ones (Kish, 1965).
    trimmed
        Share of the answers whose weight was cut at the quantiles `trim`, before the calibration.
    unweighted, weighted, difference
        The score in points, and weighted minus unweighted, paired.
    balance
        On which features answers differ from all who could answer, before and after weights.
    """

    rows: int
    answers: int
    customers: int
    auc: Limits
    foretold: bool
    weight: Floats
    chance: Floats
    effective: float
    trim: tuple[float, float]
    trimmed: float
    unweighted: Limits
    weighted: Limits
    difference: Limits
    balance: Balance

    @property
    def distinguishable(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.difference.low > 0 or self.difference.high < 0

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        if min(self.answers, self.rows - self.answers) < FEWEST:
            return f"Too few rows to tell who answers ({self.answers} answers of {self.rows}): all weights are 1."
        if not self.foretold:
            return (
                f"That the journey foretells who answers is not shown here (AUC {self.auc.value:.2f}, {self.auc.low:.2f} to "
                f"{self.auc.high:.2f}): all weights are 1."
            )
        gap = f"{self.difference.value:+.1f} points ({self.difference.low:+.1f} to {self.difference.high:+.1f})"
        if not self.distinguishable:
            return f"Who answers is foretold by the journey; that it moves the score is not shown here: {gap} with weights."
        side = "less" if self.difference.value > 0 else "more"
        return f"Those who answer are {side} pleased than all who could: the score moves by {gap} with weights."

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        used = self.weight[self.weight > 0]
        return {
            "rows": self.rows,
            "answers": self.answers,
            "customers": self.customers,
            "answer_rate": self.answers / self.rows if self.rows else None,
            "auc": asdict(self.auc),
            "foretold": self.foretold,
            "effective_answers": self.effective,
            "trim_quantiles": list(self.trim),
            "trimmed_share": self.trimmed,
            "weight_range": [float(used.min()), float(used.max())] if len(used) else None,
            "unweighted": asdict(self.unweighted),
            "weighted": asdict(self.weighted),
            "difference": asdict(self.difference),
            "distinguishable": self.distinguishable,
            "balance": self.balance.facts(),
            "claim": "association",
            "sentence": self.sentence,
        }


def answering(
    matrix: Floats,
    names: tuple[str, ...],
    answered: npt.NDArray[np.bool_],
    points: Floats,
    customer: Ints,
    *,
    stratum: Ints | None = None,
    trim: tuple[float, float] = TRIM,
    bootstraps: int,
    threads: int,
    seed: int,
) -> Answering:
    """Weights for who answers, and what they do to the score.

    Parameters
    ----------
    matrix, names
        (rows, columns) numbers known before each row's moment, NaN where missing, and the columns' names.
    answered, points
        (rows,) whether an answer came, and -100, 0 or 100 (or any other points) of those that did.
    customer, stratum
        (rows,) whose row it is, and of which date or wave, as any integers; None: all of one.
    trim
        Quantiles of the answers' weights beyond which weights are cut.
    bootstraps, threads, seed
        Resamples of customers, fits at a time, and the seed of everything drawn.

    Raises
    ------
    ValueError
        When nobody answered.
    """
    if not answered.any():
        raise ValueError("nobody answered: there is no score to weight")
    strata = np.zeros(len(answered), dtype=np.int64) if stratum is None else np.unique(stratum, return_inverse=True)[1]
    share = np.bincount(strata, answered) / np.bincount(strata)
    rate = share[strata]
    if min(int(answered.sum()), int((~answered).sum())) < FEWEST or not matrix.shape[1]:
        chance, area = rate, Limits(0.5, 0.0, 1.0)
    else:
        chance = propensity(matrix, answered, customer, threads=threads, seed=seed)
        area = within_auc(chance, answered, strata, customer, bootstraps, seed)
    foretold = area.low > 0.5
    weight, trimmed = answered.astype(np.float64), 0.0
    if foretold:
        weight, trimmed = _stabilised(chance, rate, answered, trim)
        weight = raked(matrix, rate, weight)
    said = np.flatnonzero(answered)
    plain, weighted, gap = _scores(points[said], weight[said], customer[said], bootstraps, seed)
    return Answering(
        rows=len(answered),
        answers=len(said),
        customers=len(np.unique(customer)),
        auc=area,
        foretold=foretold,
        weight=weight,
        chance=chance,
        effective=effective_size(weight[said]),
        trim=trim,
        trimmed=trimmed,
        unweighted=plain,
        weighted=weighted,
        difference=gap,
        balance=balance(matrix, names, rate, answered.astype(np.float64), weight),
    )


def propensity(matrix: Floats, answered: npt.NDArray[np.bool_], customer: Ints, *, threads: int, seed: int) -> Floats:
    """(rows,) chance to answer by models that never saw the customer, averaged over two deals of folds, then calibrated."""
    columns = matrix.shape[1]
    everything = Block(
        "journey", "control", np.arange(columns), ("journey",) * columns, np.ones(len(answered), dtype=bool)
    )
    problem = Problem(
        X=np.ascontiguousarray(matrix, dtype=np.float32),
        blocks=(everything,),
        y=answered.astype(np.float64),
        customer=customer,
        kind="binary",
        weight=np.ones(len(answered)),
    )
    fitter = Fitter(problem, seed, threads)
    fitter.choose_rounds()
    deals = fitter.parallel(
        lambda repeat: fitter.held_out(fitter.deal(_FOLDS, 1, repeat), 1, repeat)[1], range(_REPEATS)
    )
    raw = np.mean(deals, axis=0)
    slope, intercept = fit_sigmoid(raw[:, None], problem.y)
    return np.clip(sigmoid(slope * raw + intercept), _LEAST_CHANCE, 1.0)


def within_auc(
    chance: Floats, answered: npt.NDArray[np.bool_], strata: Ints, customer: Ints, bootstraps: int, seed: int
) -> Limits:
    """Share of the pairs of one stratum, one answered and one not, that the chance orders rightly, ties counted half."""
    order = np.argsort(strata, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)
    sorted_parts = [(part[groups_of(-chance[part])[0]], groups_of(-chance[part])[1]) for part in parts]
    positive = answered.astype(np.float64)
    drawn = []
    for block in weights(customer, bootstraps, seed):
        right, pairs = np.zeros(len(block)), np.zeros(len(block))
        for part, starts in sorted_parts:
            mine = block[:, part]
            pos = np.add.reduceat(mine * positive[part], starts, axis=1)
            neg = np.add.reduceat(mine * (1 - positive[part]), starts, axis=1)
            right += won(pos, neg)
            pairs += pos.sum(axis=1) * neg.sum(axis=1)
        drawn.append(np.divide(right, pairs, out=np.full_like(right, 0.5), where=pairs > 0))
    found = np.concatenate(drawn)
    # Every pair of folds counts twice, each foretelling the other, and resamples of fixed chances do not see it: where nothing is
    # foretold the spread is the square root of two larger.
    found[1:] = np.clip(found[0] + np.sqrt(2.0) * (found[1:] - found[0]), 0.0, 1.0)
    return _limits(found)


def effective_size(weight: Floats) -> float:
    """(sum of weights) squared over the sum of their squares (Kish, 1965)."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def _stabilised(
    chance: Floats, rate: Floats, answered: npt.NDArray[np.bool_], trim: tuple[float, float]
) -> tuple[Floats, float]:
    weight = np.where(answered, rate / chance, 0.0)
    low, high = np.quantile(weight[answered], trim)
    beyond = (weight[answered] < low) | (weight[answered] > high)
    weight[answered] = np.clip(weight[answered], low, high)
    weight[answered] /= weight[answered].mean()
    return weight, float(beyond.mean())


def _scores(
    points: Floats, weight: Floats, customer: Ints, bootstraps: int, seed: int
) -> tuple[Limits, Limits, Limits]:
    """The mean of points, the weighted mean, and the second minus the first, over the same resamples of customers."""
    plain, weighted = [], []
    for block in weights(customer, bootstraps, seed):
        plain.append(block @ points / block.sum(axis=1))
        weighted.append(block @ (points * weight) / (block @ weight))
    one, other = np.concatenate(plain), np.concatenate(weighted)
    return _limits(one), _limits(other), _limits(other - one)


def _limits(drawn: Floats) -> Limits:
    """The first draw is the estimate, the others are resamples."""
    low, high = np.quantile(drawn[1:], _LEVEL)
    return Limits(float(drawn[0]), float(low), float(high))
