"""The BG/NBD model: a floor for shops that needs no labels, only how often and how long ago each customer bought.

Customers buy at a Poisson rate of their own while they are alive, and after each purchase leave for good with a chance of their own;
rates are gamma, chances beta distributed (Fader, Hardie and Lee 2005, "Counting Your Customers" the Easy Way, Marketing Science 24).
Time starts with the first purchase, or where the longest window of the features does, if that is later: they count what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, gammaln

from features.catalog import Catalog
from features.journey import OCCASION, PAYMENT
from features.schema import TRANSACTIONS
from training.dataset import Dataset
from training.split import Rows

Array = NDArray[np.float64]

LEAST: Final = 30
"""Customers below which four parameters are not fitted."""
_BOUND: Final = 12.0


@dataclass(frozen=True)
class Purchases:
    """Of each customer, (n,): repeat purchases, days from the start to the last of them, days from the start to as_of."""

    repeats: Array
    last: Array
    age: Array


@dataclass(frozen=True)
class BetaGeometric:
    """Parameters in the notation of the paper: rates are gamma (r, alpha; days), chances to leave beta (a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, seen: Purchases) -> Array:
        """Probability that a customer has not left, (n,)."""
        x, again = seen.repeats, seen.repeats > 0
        odds = np.log(self.a / (self.b + np.where(again, x, 1.0) - 1.0)) + (self.r + x) * np.log(
            (self.alpha + seen.age) / (self.alpha + seen.last)
        )
        return np.asarray(np.where(again, expit(-odds), 1.0))

    def silent(self, seen: Purchases, days: float) -> Array:
        """Probability of no purchase in the `days` after as_of, (n,): left, or alive and not back yet."""
        waiting = np.exp((self.r + seen.repeats) * np.log((self.alpha + seen.age) / (self.alpha + seen.age + days)))
        alive = self.alive(seen)
        return np.asarray(1.0 - alive + alive * waiting)

    def log_likelihood(self, seen: Purchases) -> Array:
        """Of what each customer did, (n,)."""
        x, r, a, b = seen.repeats, self.r, self.a, self.b
        again = x > 0
        bought = gammaln(r + x) - gammaln(r) + r * np.log(self.alpha)
        stayed = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        here = -(r + x) * np.log(self.alpha + seen.age)
        gone = np.log(a) - np.log(b + np.where(again, x, 1.0) - 1.0) - (r + x) * np.log(self.alpha + seen.last)
        return np.asarray(bought + stayed + np.where(again, np.logaddexp(here, gone), here))


def silent(dataset: Dataset, train: Rows, test: Rows) -> Array | None:
    """Probability that customers of rows `test` buy nothing in the horizon, (n,); None where churn is not that, or nothing tells.

    The parameters are those of the customers of the newest as_of of rows `train`; labels are not looked at.
    """
    if dataset.spec.get("kind") != "inactivity":
        return None
    newest = train[dataset.as_of[train] == dataset.as_of[train].max()]
    known, asked = (purchases(dataset.X[rows], dataset.catalog) for rows in (newest, test))
    model = fitted(known) if known is not None else None
    return model.silent(asked, float(dataset.spec["horizon_days"])) if model is not None and asked is not None else None


def purchases(X: Array, catalog: Catalog) -> Purchases | None:
    """What features (n, p) tell of purchases; None where the company has no payments. Occasions of one day are one purchase."""
    ours = [
        (place, feature)
        for place, feature in enumerate(catalog.features)
        if feature.source == TRANSACTIONS and feature.measure is None
    ]
    counts = {
        feature.window_days: place
        for place, feature in ours
        if feature.kind == OCCASION and feature.aggregate == "count" and feature.window_days is not None
    }
    payments = {feature.aggregate: place for place, feature in ours if feature.kind == PAYMENT}
    if not counts or not {"recency", "age"} <= payments.keys():
        return None
    window = max(counts)
    count, recency, age = (X[:, place] for place in (counts[window], payments["recency"], payments["age"]))
    bought = np.isfinite(age) & np.isfinite(recency)
    whole = np.where(bought, age, 0.0)
    span = np.minimum(whole, window)
    # Whoever started within the window has made the first purchase inside it, which starts the clock and is no repeat.
    repeats = np.where(bought & (np.nan_to_num(count) > 0), np.nan_to_num(count) - (whole <= window), 0.0)
    repeats = np.maximum(repeats, 0.0)
    last = np.where(repeats > 0, np.clip(span - np.nan_to_num(recency), 0.0, span), 0.0)
    return Purchases(repeats, last, span)


def fitted(seen: Purchases) -> BetaGeometric | None:
    """The likeliest model of what customers did; None where too few came back to tell."""
    if int((seen.repeats > 0).sum()) < LEAST:
        return None
    # Days are scaled so that the search moves about as far in each of the four logarithms.
    scale = float(np.mean(seen.age)) or 1.0
    scaled = Purchases(seen.repeats, seen.last / scale, seen.age / scale)

    def loss(logs: Array) -> float:
        r, alpha, a, b = np.exp(np.clip(logs, -_BOUND, _BOUND))
        # A weak pull to one keeps parameters that the data do not tell finite.
        return -float(BetaGeometric(r, alpha, a, b).log_likelihood(scaled).mean()) + 1e-4 * float(logs @ logs)

    found = minimize(loss, np.zeros(4), method="L-BFGS-B")
    r, alpha, a, b = np.exp(np.clip(found.x, -_BOUND, _BOUND))
    return BetaGeometric(float(r), float(alpha * scale), float(a), float(b))
