"""BG/NBD: how often and how long ago customers bought, and what that foretells."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.catalog import Catalog
from features.journey import Vocabulary
from tests.training import made
from training.shop import BetaGeometric, Purchases, fitted, purchases

TRUE = BetaGeometric(0.9, 30.0, 0.8, 2.5)
HORIZON = 60.0


def company(n: int, seed: int = 5) -> tuple[Purchases, NDArray[np.bool_], NDArray[np.bool_]]:
    """Customers drawn from the model: what was seen, who is alive at as_of, who bought nothing in the horizon."""
    rng = np.random.default_rng(seed)
    rate, chance = rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n)
    age = rng.uniform(60, 365, n)
    most = 400
    times = np.cumsum(rng.exponential(1, (n, most)) / rate[:, None], axis=1)
    # Nobody buys after the purchase that was the last one.
    last = rng.geometric(chance)
    bought = np.arange(1, most + 1) <= last[:, None]
    before = bought & (times <= age[:, None])
    repeats = before.sum(axis=1)
    recent = np.where(before, times, 0.0).max(axis=1)
    silent = ~(bought & (times > age[:, None]) & (times <= age[:, None] + HORIZON)).any(axis=1)
    return Purchases(repeats.astype(float), recent, age), repeats < last, silent


def test_the_parameters_come_back() -> None:
    """A company drawn from the model gives the model: its mean rate, and its mean chance to leave after a purchase."""
    seen, _, _ = company(8000)
    found = fitted(seen)
    assert found is not None
    assert found.r / found.alpha == pytest.approx(TRUE.r / TRUE.alpha, rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), rel=0.2)
    assert found.log_likelihood(seen).mean() >= TRUE.log_likelihood(seen).mean() - 1e-4


def test_probabilities_are_what_happens() -> None:
    """Being alive, and staying silent, come as often as the model says: in all and within each fifth of its answers."""
    seen, alive, silent = company(20000, seed=6)
    for chance, event in ((TRUE.alive(seen), alive), (TRUE.silent(seen, HORIZON), silent)):
        assert chance.mean() == pytest.approx(event.mean(), abs=0.015)
        for part in np.array_split(np.argsort(chance, kind="stable"), 5):
            assert chance[part].mean() == pytest.approx(event[part].mean(), abs=0.04)


def test_features_tell_the_purchases() -> None:
    """Within the longest window the first purchase starts the clock; before it the window does."""
    shop = Catalog.of(Vocabulary(tables=("customers", "transactions")), (30, 90))
    X = np.full((4, len(shop.names)), np.nan)
    for name, values in {
        "transactions__occasion__count_90d": [3, 3, 0, np.nan],
        "transactions__payment__recency": [10, 10, 200, np.nan],
        "transactions__payment__age": [70, 400, 500, np.nan],
    }.items():
        X[:, shop.names.index(name)] = values
    found = purchases(X, shop)
    assert found is not None
    assert found.repeats.tolist() == [2, 3, 0, 0]
    assert found.last.tolist() == [60, 80, 0, 0]
    assert found.age.tolist() == [70, 90, 90, 0]
    assert purchases(X, made.catalog(2)) is None


def test_too_few_who_came_back_give_no_model() -> None:
    """Four parameters are not fitted to a handful of customers."""
    few = np.zeros(100)
    few[:20] = 1.0
    assert fitted(Purchases(few, few * 5.0, np.full(100, 90.0))) is None
