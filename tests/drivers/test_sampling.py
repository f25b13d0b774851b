"""Samples stand for the population they were drawn from."""

from __future__ import annotations

import numpy as np

from drivers import significance
from drivers.sampling import draw


def test_small_sets_are_taken_whole() -> None:
    """Where rows are few nothing is drawn and every row counts once."""
    y = np.tile([0.0, 1.0], 100)
    for kind in ("linear", "binary"):
        sample = draw(y, np.arange(200), kind, 1000, 1)  # type: ignore[arg-type]
        assert sample.rows.tolist() == list(range(200))
        assert set(sample.weight) == {1.0}


def test_points_are_drawn_by_whole_customers() -> None:
    """At most the wanted rows, every customer with all rows or none, the same ones for the same seed."""
    customer = np.repeat(np.arange(500), 4)
    sample, again, other = (draw(np.zeros(2000), customer, "linear", 1001, seed) for seed in (1, 1, 2))
    assert len(sample.rows) == 1000
    assert set(np.bincount(customer[sample.rows], minlength=500)) == {0, 4}
    assert sample.rows.tolist() == again.rows.tolist() != other.rows.tolist()


def test_churn_keeps_every_case_and_weights_back() -> None:
    """All who left, twelve others for each of them, and weights that give the true base rate."""
    rng = np.random.default_rng(3)
    y = (rng.random(50_000) < 0.04).astype(float)
    sample = draw(y, np.arange(50_000), "binary", 30_000, 1)
    drawn = y[sample.rows]
    assert drawn.sum() == y.sum()
    assert len(drawn) == 13 * int(y.sum())
    assert abs(np.average(drawn, weights=sample.weight) - y.mean()) < 1e-12
    assert abs(sample.weight.mean() - 1) < 1e-12


def test_churn_respects_the_limit_when_cases_are_many() -> None:
    """With more cases than rows wanted, half the rows are cases."""
    y = np.tile([0.0, 1.0], 20_000)
    sample = draw(y, np.arange(40_000), "binary", 5_000, 1)
    assert len(sample.rows) == 5_000
    assert y[sample.rows].mean() == 0.5


def test_slopes_survive_the_draw() -> None:
    """Log-odds slopes of the drawn rows are those of all rows; only the level moves."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60_000, 2))
    y = (rng.random(60_000) < 1 / (1 + np.exp(3.5 - x @ [0.8, -0.4]))).astype(float)
    sample = draw(y, np.arange(60_000), "binary", 20_000, 1)
    fit = significance.regress(x[sample.rows], y[sample.rows], sample.rows, "binary")
    np.testing.assert_allclose(fit.slope, [0.8, -0.4], atol=4 * fit.error.max())
