"""A randomised pilot in a training set: the rows, who was reached, and whether chance alone decided that.

An attribute of customers says who was reached (`campaign.treatment`). Of dated rows each customer counts once, with the first as_of
at which it is known. If features foretell who was reached better than chance, it was not drawn by lot, and nothing that follows
would be an effect of the campaign: only a lot makes those who were not reached a fair picture of those who were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from configs.errors import ConfigError, nearest
from configs.settings import Settings
from features.schema import CUSTOMERS
from training.dataset import Dataset
from training.evaluate import auc
from training.left_out import useful_columns
from training.split import Rows, grouped_folds

Array = NDArray[np.float64]

USUAL: Final = "treatment"
"""What such an attribute is called unless the configuration says otherwise; a table need not have it."""
REACHED: Final = frozenset({"1", "yes", "y", "true", "t", "treated", "treatment", "reached", "contacted"})
NOT_REACHED: Final = frozenset(
    {"0", "no", "n", "false", "f", "untreated", "control", "none", "holdout", "not contacted"}
)
LEAST: Final = 100
"""Customers on either side below which nothing is learnt of an effect."""
FOLDS: Final = 5
NOT_BY_CHANCE: Final = 3.5
"""Standard errors above one half from which the area under the curve says that chance did not decide who was reached."""
MOST_SHOWN: Final = 20
_ROUNDS: Final = 60


@dataclass(frozen=True)
class Pilot:
    """Rows of a training set, one per customer; who was reached (n,) 0/1; features (n, p) without that, and which are categories.

    `column` and `value` say which attribute tells it. `foretold` is the held-out area under the curve of who was reached, by the
    features; `error` its standard error if chance decided.
    """

    rows: Rows
    reached: Array
    X: Array
    categories: tuple[int, ...]
    column: str
    value: str
    foretold: float
    error: float

    @property
    def share(self) -> float:
        """Share of the customers who were reached."""
        return float(self.reached.mean())

    @property
    def by_chance(self) -> bool:
        """Whether nothing contradicts that chance decided who was reached."""
        return self.foretold - 0.5 <= NOT_BY_CHANCE * self.error

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "treatment": self.column,
            "treated": self.value,
            "customers": len(self.rows),
            "reached": int(self.reached.sum()),
            "randomised": self.by_chance,
            "foretold_auc": self.foretold,
        }


@dataclass(frozen=True)
class Unclear:
    """An attribute of the usual name, of whose values it is not clear which says that a customer was reached."""

    column: str
    values: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"treatment": self.column, "unclear": list(self.values)}


def pilot(dataset: Dataset, settings: Settings) -> Pilot | Unclear | None:
    """The pilot in a training set of churn; None where there is none, or one side of it is too small.

    Raises
    ------
    ConfigError
        When the configured attribute does not exist, or does not divide customers into two.
    """
    column = settings.campaign.treatment
    if dataset.task != "binary" or column is None:
        return None
    place = _place(dataset, column, settings)
    if place is None:
        return None
    values = dataset.X[:, place]
    if not len(np.unique(values[~np.isnan(values)])):
        return None
    known = np.flatnonzero(~np.isnan(values))
    # Rows are sorted by date: of each customer the first that knows.
    _, first = np.unique(dataset.customers[known], return_index=True)
    rows = np.sort(known[first])
    found = _reached(dataset, place, values[rows], settings)
    if isinstance(found, Unclear):
        return found
    reached, value = found
    if min(reached.sum(), len(reached) - reached.sum()) < LEAST:
        return None
    part = dataset.X[rows]
    kept = useful_columns(part, dataset.catalog.names, dataset.as_of[rows]).kept
    kept = kept[kept != place]
    if not len(kept):
        return None
    categories = tuple(np.flatnonzero([dataset.catalog.features[column].category for column in kept]).tolist())
    X = np.ascontiguousarray(part[:, kept])
    foretold = _foretold(X, categories, reached, settings.seed)
    n, treated = len(reached), float(reached.sum())
    # Mann and Whitney's (1947) standard error where nothing is foretold.
    error = float(np.sqrt((n + 1) / (12 * treated * (n - treated))))
    return Pilot(rows, reached, X, categories, column, value, foretold, error)


def _place(dataset: Dataset, column: str, settings: Settings) -> int | None:
    attributes = {
        str(feature.measure): place
        for place, feature in enumerate(dataset.catalog.features)
        if feature.source == CUSTOMERS
    }
    if column in attributes:
        return attributes[column]
    if column == USUAL:
        return None
    close = nearest(column, list(attributes))
    raise ConfigError(
        f"no attribute of customers is called '{column}'",
        where=f"{settings.source.name}: campaign.treatment",
        available=", ".join(sorted(attributes)) or "no attribute",
        next_move=f"did you mean '{close}'?" if close else "name the attribute that says who was reached, or null",
    )


def _reached(dataset: Dataset, place: int, values: Array, settings: Settings) -> tuple[Array, str] | Unclear:
    """Who was reached (n,) 0/1, and the value that says so."""
    names = dataset.catalog.categories.get(dataset.catalog.names[place])
    found = [names[int(code)] if names else f"{code:g}" for code in np.unique(values)]
    given = settings.campaign.treated
    if given is None:
        yes = [name for name in found if name.strip().lower() in REACHED]
        rest = [name for name in found if name not in yes]
        if len(yes) != 1 or not all(name.strip().lower() in NOT_REACHED for name in rest):
            yes = []
    else:
        # YAML reads yes, true and 1 as it likes; a table may have written them in another way.
        spelt = {str(given).strip().lower()} | ({f"{given:g}"} if isinstance(given, bool | int | float) else set())
        yes = [name for name in found if name.strip().lower() in spelt][:1]
    if not yes and given is None and settings.campaign.treatment == USUAL:
        return Unclear(USUAL, tuple(found[:MOST_SHOWN]))
    if not yes:
        raise ConfigError(
            f"'{settings.campaign.treatment}' does not say who was reached"
            if given is None
            else f"'{settings.campaign.treatment}' is never '{given}'",
            where=f"{settings.source.name}: campaign.{'treatment' if given is None else 'treated'}",
            available=", ".join(found[:MOST_SHOWN]),
            next_move="name the value of those who were reached under campaign.treated; all others count as not reached; or, if this "
            "is no randomised campaign, campaign.treatment: null",
        )
    code = names.index(yes[0]) if names else float(yes[0])
    return (values == code).astype(np.float64), yes[0]


def _foretold(X: Array, categories: tuple[int, ...], reached: Array, seed: int) -> float:
    """Held-out area under the curve of who was reached, mean over folds."""
    areas = []
    for train, valid in grouped_folds(np.arange(len(X)), reached.astype(np.int64), FOLDS, seed):
        data = lgb.Dataset(X[train], reached[train], categorical_feature=list(categories), params={"verbosity": -1})
        booster = lgb.train(parameters("binary", len(X), seed), data, num_boost_round=_ROUNDS)
        areas.append(auc(reached[valid], np.asarray(booster.predict(X[valid], num_threads=1))))
    return float(np.mean(areas))


def parameters(objective: str, rows: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters for faint signals: four leaves, small steps, many rows per leaf."""
    return {
        "objective": objective,
        "num_leaves": 4,
        "learning_rate": 0.05,
        "min_data_in_leaf": max(20, min(200, rows // 50)),
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
