"""The split in time beside a random one: what is known of a date's customers and not of later ones is a leak, and is named.

A column that was written after the label was known (a status of today, say) tells of old rows and not yet of the newest. A model
judged on customers of the same dates then looks better than one judged on later dates. Both areas under the curve are taken
within dates, so that the drifting level of churn has no part in it; the random split is by customer, since a customer's rows
are alike. A difference above `LIMIT` and above its noise is refused only where attributes of customers can be named, which may be
overwritten later: they tell much less of the judged rows, without them most of the difference goes and later dates are answered
no worse. Otherwise, as with features of dated events, the world may have changed, and the figures say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.errors import LeakageError
from features.schema import CUSTOMERS
from training.choose import Contest, category_places
from training.dataset import Dataset
from training.evaluate import auc
from training.learner import Learner, predict_raw
from training.split import Rows, Split, grouped_folds

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

LIMIT: Final = 0.03
"""By how much the random split may look better."""
MOST_ROWS: Final = 50_000
"""Teaching rows of a random split; of more, some customers are taken."""
GROUPS: Final = 25
"""Groups of customers left out in turn for a standard error."""
NOISE: Final = 2.0
"""Standard errors by which a difference must exceed nothing."""
WORSE: Final = 0.005
"""By how much later dates may be answered worse without a column that is refused."""
FALL: Final = 0.1
"""By how much a column must tell less of the judged rows to be suspected, and `SURE` standard errors."""
SURE: Final = 4.0
MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Compared:
    """Areas under the curve within dates: of a random split by customer, out of time, and the standard error of their difference.

    `fallen` names columns that alone tell much less of the judged rows, where the difference is suspicious.
    """

    random: float
    out_of_time: float
    error: float
    fallen: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """By how much the random split looks better."""
        return self.random - self.out_of_time

    @property
    def suspicious(self) -> bool:
        """Whether that is more than may be, and more than noise."""
        return self.gap > LIMIT and self.gap > NOISE * self.error

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, the difference with its 95 % limits."""
        width = 1.96 * self.error
        gap = {"value": self.gap, "low": self.gap - width, "high": self.gap + width}
        return {
            "auc": self.random,
            "out_of_time_auc": self.out_of_time,
            "difference": gap,
            "limit": LIMIT,
            "fallen": list(self.fallen),
        }


def random_split(dataset: Dataset, split: Split, found: Contest, margins: Array, seed: int) -> Compared | None:
    """Compare the two splits; None where there is no time, no churn label, or too few customers.

    Parameters
    ----------
    dataset, split, found
        The rows, their division, and the contest on the teaching rows.
    margins
        Scores of the judged rows, (n,).
    seed
        Of the draw.

    Raises
    ------
    LeakageError
        Naming the columns that tell of teaching rows what they do not tell of later ones.
    """
    if dataset.task != "binary" or not split.out_of_time:
        return None
    places = _some(dataset.customers[split.train], seed)
    y, customers = dataset.label[split.train], dataset.customers[split.train]
    folds = grouped_folds(customers[places], y[places].astype(np.int64), 2, seed)
    if len(folds) < 2 or any(np.ptp(y[places[side]]) == 0 for fold in folds for side in fold):
        return None
    folds = tuple((places[ours], places[theirs]) for ours, theirs in folds)
    random = _answered(found.learner, found, folds)
    inside, later = _Area(dataset, split.train[places]), _Area(dataset, split.test)
    if not inside.pairs or not later.pairs:
        return None
    compared = _compare(inside, random[places], later, margins)
    if not compared.suspicious:
        return compared
    X, test = found.learner.X, dataset.X[np.ix_(split.test, found.columns.kept)]
    fallen = _fallen(X[places], inside, test, later)
    features = [dataset.catalog.features[found.columns.kept[place]] for place in fallen]
    written = [place for place, feature in zip(fallen, features, strict=True) if feature.source == CUSTOMERS]
    kept = np.setdiff1d(np.arange(X.shape[1]), written)
    if written and len(kept):
        codes = np.flatnonzero(np.isin(kept, category_places(dataset, found.columns)))
        learner = Learner(np.ascontiguousarray(X[:, kept]), codes.tolist(), found.learner.options, found.learner.seed)
        booster = learner.fit(found.choice.preset.alone(), found.asked[0], found.choice.rounds[0])
        answered = predict_raw(booster, np.ascontiguousarray(test[:, kept]))
        without = _compare(inside, _answered(learner, found, folds)[places], later, answered)
        if without.gap <= max(LIMIT, compared.gap / 2) and without.out_of_time >= compared.out_of_time - WORSE:
            raise _leak(
                dataset, [dataset.catalog.names[found.columns.kept[place]] for place in written], compared, without
            )
    return replace(compared, fallen=tuple(feature.name for feature in features))


def _leak(dataset: Dataset, names: Sequence[str], compared: Compared, without: Compared) -> LeakageError:
    several = len(names) > 1
    return LeakageError(
        f"{', '.join(map(repr, names))} {'tell' if several else 'tells'} of earlier customers what is not told of later ones: "
        f"judged on customers of the same dates the AUC is {compared.random:.3f}, on later dates {compared.out_of_time:.3f}; "
        f"without {'them' if several else 'it'} {without.random:.3f} and {without.out_of_time:.3f}",
        where=f"training set of '{dataset.target}'",
        available=f"{len(dataset.catalog.features) - len(names)} other features",
        next_move="the column may have been written after the outcome: list it under 'ignore' of its table, or date its values "
        "(valid_from)",
    )


def _answered(learner: Learner, found: Contest, folds: Sequence[tuple[Rows, Rows]]) -> Array:
    """The winner's preset on other folds of the teaching rows: raw scores, (n,), NaN for rows that no fold answers."""
    (question,), preset = found.asked, found.choice.preset.alone()
    (curve,) = learner.race([(preset, question)], folds)
    rounds = curve.best()[0]
    scores = np.full(len(question.y), np.nan)
    for booster, (_, valid) in zip(curve.boosters, folds, strict=True):
        scores[valid] = learner.score(booster, valid, rounds)
    return scores


def _some(customers: Codes, seed: int) -> Rows:
    """Rows of as many customers, drawn at random, as keep within `MOST_ROWS`."""
    names, number = np.unique(customers, return_inverse=True)
    share = min(1.0, MOST_ROWS / len(customers))
    drawn = np.random.default_rng(seed).permutation(len(names)) < share * len(names)
    return np.flatnonzero(drawn[number])


class _Area:
    """The area under the curve within dates, every pair of a churner and one who stayed counting once, and without groups of customers."""

    def __init__(self, dataset: Dataset, rows: Rows) -> None:
        self.y = dataset.label[rows]
        _, number = np.unique(dataset.as_of[rows], return_inverse=True)
        self._dates = [np.flatnonzero(number == place) for place in range(number.max(initial=-1) + 1)]
        self._group = dataset.customers[rows] % GROUPS
        self.pairs = sum(self._weight(rows) for rows in self._dates)

    def _weight(self, rows: Rows) -> float:
        churned = float(self.y[rows].sum())
        return churned * (len(rows) - churned)

    def of(self, score: Array) -> float:
        """Area of a score, (n,), higher meaning churn."""
        return self._over(score, self._dates)

    def without(self, score: Array) -> Array:
        """Areas with each group of customers left out, (groups,)."""
        return np.array(
            [self._over(score, [rows[self._group[rows] != group] for rows in self._dates]) for group in range(GROUPS)]
        )

    def _over(self, score: Array, parts: Sequence[Rows]) -> float:
        weights = [self._weight(rows) for rows in parts]
        found = [weight * auc(self.y[rows], score[rows]) for rows, weight in zip(parts, weights, strict=True) if weight]
        return sum(found) / sum(weights) if found else 0.5


def _compare(inside: _Area, random: Array, later: _Area, margins: Array) -> Compared:
    error = np.hypot(_error(inside.without(random)), _error(later.without(margins)))
    return Compared(inside.of(random), later.of(margins), float(error))


def _error(left_out: Array) -> float:
    """Standard error from a jackknife over groups."""
    return float(np.sqrt((len(left_out) - 1) * left_out.var()))


def _fallen(X: Array, inside: _Area, test: Array, later: _Area) -> list[int]:
    """Columns that alone tell much less of the judged rows than of the teaching ones, the most fallen first."""
    found = []
    for place in range(X.shape[1]):
        # Categories by their codes: coarse, but a status that gives itself away is one against the others.
        for ours, theirs in _looks(X[:, place], test[:, place]):
            before, after = inside.of(ours), later.of(theirs)
            fall = abs(before - 0.5) - abs(after - 0.5)
            if fall > FALL and fall > SURE * np.hypot(_error(inside.without(ours)), _error(later.without(theirs))):
                found.append((fall, place))
                break
    return [place for _, place in sorted(found, reverse=True)[:MOST_NAMED]]


def _looks(ours: Array, theirs: Array) -> list[tuple[Array, Array]]:
    """A column as numbers with what is missing at the bottom, and as whether it is missing."""
    looks = [(np.nan_to_num(ours, nan=-np.inf), np.nan_to_num(theirs, nan=-np.inf))]
    if np.isnan(ours).any() or np.isnan(theirs).any():
        looks.append((np.isnan(ours).astype(np.float64), np.isnan(theirs).astype(np.float64)))
    return looks
