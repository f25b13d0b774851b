"""Drivers by their part in the scores."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.test_bundle import bundle_of
from training.importance import ROWS, importances, sample


def test_parts_are_of_drivers_and_add_up() -> None:
    """Features of one driver are added up before their sizes are taken; the largest comes first."""
    bundle, dataset = bundle_of("ordinal")
    X = dataset.X[:50]
    found = importances(bundle, X)
    names = [feature.driver for feature in bundle.catalog.features]
    assert {item.driver for item in found} == set(names)
    assert sum(item.features for item in found) == len(names)
    assert sum(item.share for item in found) == pytest.approx(1.0)
    assert [item.size for item in found] == sorted((item.size for item in found), reverse=True)
    contributions = bundle.contributions(X)[:, :-1]
    for item in found:
        mine = [place for place, name in enumerate(names) if name == item.driver]
        assert item.size == pytest.approx(np.abs(contributions[:, mine].sum(axis=1)).mean())


def test_a_sample_is_enough() -> None:
    """The same rows for the same seed, in their order; few rows are all taken."""
    rows = np.arange(100, 3000)
    chosen = sample(rows, 3)
    assert len(chosen) == ROWS
    assert (np.diff(chosen) > 0).all()
    assert set(chosen) <= set(rows)
    np.testing.assert_array_equal(chosen, sample(rows, 3))
    np.testing.assert_array_equal(sample(rows[:50], 3), rows[:50])
