"""Slopes, their clustered errors, the gate and the false discovery rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from drivers import significance


def _values(seed: int, rows: int = 900, per_customer: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(rows // per_customer), per_customer)
    values = rng.normal(size=(rows, 3)) + rng.normal(size=(rows // per_customer, 1))[customer]
    noise = rng.normal(size=rows) + rng.normal(size=rows // per_customer)[customer]
    return values, values @ [1.0, 0.0, -0.5] + noise, customer


def test_linear_slopes_and_clustered_errors() -> None:
    """Slopes are least squares, errors the sandwich summed by customer, customers in any order."""
    values, y, customer = _values(1)
    shuffled = np.random.default_rng(0).permutation(len(y))
    fit = significance.regress(values[shuffled], y[shuffled], customer[shuffled] * 7 + 3, "linear")
    design = np.column_stack([np.ones(len(y)), values])
    beta, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ beta
    meat = sum(
        np.outer(s, s) for s in (design[customer == c].T @ residual[customer == c] for c in range(customer.max() + 1))
    )
    bread = np.linalg.inv(design.T @ design)
    count = customer.max() + 1
    errors = np.sqrt(np.diag(bread @ meat @ bread) * count / (count - 1))
    np.testing.assert_allclose(fit.slope, beta[1:], rtol=1e-6)
    np.testing.assert_allclose(fit.error, errors[1:], rtol=1e-6)
    assert fit.intercept == pytest.approx(beta[0], rel=1e-6)


def test_logistic_slopes() -> None:
    """Slopes of log-odds equal an unpenalised logistic regression."""
    values, latent, customer = _values(2, rows=3000)
    y = (latent > 1).astype(float)
    fit = significance.regress(values, y, customer, "binary")
    reference = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(values, y)
    np.testing.assert_allclose(fit.slope, reference.coef_[0], rtol=1e-3)
    assert fit.intercept == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_a_block_without_variation_has_no_slope() -> None:
    """Values that no tree ever gave get slope, error and z of zero, and disturb nobody else."""
    values, y, customer = _values(3)
    with_dead = np.column_stack([values, np.zeros(len(y))])
    fit = significance.regress(with_dead, y, customer, "linear")
    assert (fit.slope[3], fit.error[3], fit.z[3]) == (0.0, 0.0, 0.0)
    np.testing.assert_allclose(fit.slope[:3], significance.regress(values, y, customer, "linear").slope, rtol=1e-6)


def test_separated_classes_do_not_break_the_fit() -> None:
    """Where values tell the classes apart completely the slope stays finite."""
    values = np.repeat([-1.0, 1.0], 50)[:, None] * np.array([[1.0]])
    fit = significance.regress(values, (values[:, 0] > 0).astype(float), np.arange(100), "binary")
    assert np.isfinite(fit.slope).all()
    assert np.isfinite(fit.error).all()


def test_clustered_errors_see_that_rows_repeat() -> None:
    """Copying every row does not make a slope more certain."""
    values, y, _ = _values(4)
    alone = significance.regress(values, y, np.arange(len(y)), "linear")
    twice = significance.regress(
        np.repeat(values, 4, axis=0), np.repeat(y, 4), np.repeat(np.arange(len(y)), 4), "linear"
    )
    np.testing.assert_allclose(alone.error, twice.error, rtol=1e-6)


def test_strength_is_clipped_and_needs_two_standard_errors() -> None:
    """Slopes count up to the cap, not below 0, and not at all under two standard errors."""
    ones = np.ones(4)
    fit = significance.Regression(
        slope=np.array([5.0, 1.0, -3.0, 1.0]),
        error=np.array([0.1, 0.1, 0.1, 0.9]),
        intercept=0.0,
        curvature=ones,
        score=ones,
        inverse=np.eye(4),
    )
    assert significance.strengths(fit, ones).tolist() == [significance.SLOPE_CAP, 1.0, 0.0, 0.0]


def test_minimum_effect() -> None:
    """A slope must exceed the effect of the minimum share: a certain but tiny driver does not pass, a large one does."""
    ones = np.ones(3)
    fit = significance.Regression(
        slope=ones, error=np.full(3, 0.01), intercept=0.0, curvature=ones, score=ones, inverse=np.eye(3)
    )
    size = np.array([10.0, 0.1, 10.0])
    p = significance.exceedance(fit, size, np.array([True, True, False]), 0.02)
    assert p[0] < 1e-6
    assert p[1] > 0.9
    assert p[2] == 1.0


def test_benjamini_hochberg() -> None:
    """Adjusted values equal scipy's; an empty family stays empty."""
    p = np.random.default_rng(5).random(30) ** 3
    np.testing.assert_allclose(significance.benjamini_hochberg(p), stats.false_discovery_control(p))
    assert significance.benjamini_hochberg(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_the_gate(kind: str) -> None:
    """A model that knows something beats the prior; one that guesses does not."""
    rng = np.random.default_rng(6)
    raw = rng.normal(size=(3, 1500))
    chance = 1 / (1 + np.exp(-raw[0]))
    y = (rng.random(1500) < chance).astype(float) if kind == "binary" else raw[0] + rng.normal(size=1500)
    customer = np.repeat(np.arange(500), 3)
    knows = np.repeat(raw[:1], 3, axis=0)
    prior = np.zeros((3, 1500))
    assert significance.gate(knows, prior, y, customer, kind, 2.33).passed  # type: ignore[arg-type]
    assert not significance.gate(raw[::-1], prior, rng.permutation(y), customer, kind, 2.33).passed  # type: ignore[arg-type]


def test_auc() -> None:
    """The area equals scikit-learn's with ties; with one class only it is one half."""
    rng = np.random.default_rng(7)
    score, y = np.round(rng.normal(size=200), 1), (rng.random(200) < 0.3).astype(float)
    assert significance.auc(score, y) == pytest.approx(roc_auc_score(y, score))
    assert significance.auc(score, np.zeros(200)) == 0.5
