"""Standardised differences, of values and of what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.answering.balance import balance


def test_differences_are_in_standard_deviations_of_all() -> None:
    """The first of two columns differs by (0.5 - 0) over the spread of all, the second not at all."""
    column = np.array([-1.0, -1.0, 1.0, 1.0])
    matrix = np.column_stack([column, np.ones(4)])
    said = np.array([0.0, 1.0, 1.0, 0.0]) + np.array([0.0, 0.0, 0.0, 2.0])
    found = balance(matrix, ("a", "constant"), np.ones(4), said, np.array([0.0, 1.0, 1.0, 0.0]))
    (only,) = found.features
    assert (only.feature, only.of) == ("a", "value")
    assert only.before == pytest.approx(0.5)
    assert only.after == pytest.approx(0.0)
    assert (found.notable_before, found.notable_after) == (1, 0)


def test_missing_values_are_a_difference_of_their_own() -> None:
    """A column whose values are alike but whose gaps are not is named for its gaps."""
    rng = np.random.default_rng(1)
    column = rng.normal(size=2000)
    said = rng.random(2000) < 0.5
    column[said & (rng.random(2000) < 0.6)] = np.nan
    found = balance(column[:, None], ("a",), np.ones(2000), said.astype(float), said.astype(float))
    assert found.features[0].of == "missing"
    assert found.features[0].before > 0.4


def test_columns_without_any_value_and_features_shown() -> None:
    """A column that is missing everywhere has no difference; no more features are named than asked for."""
    rng = np.random.default_rng(2)
    matrix = np.column_stack([np.full(100, np.nan), rng.normal(size=(100, 5))])
    said = (rng.random(100) < 0.5).astype(float)
    found = balance(matrix, tuple("abcdef"), np.ones(100), said, said, shown=3)
    assert len(found.features) == 3
    assert "a" not in {one.feature for one in found.features}
