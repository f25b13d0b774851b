"""Adjusted effects on made-up rows whose effect is known."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.claims.adjusted import Study, effect, enough, slope

pytest.importorskip("econml", reason="the adjusted tier needs the extra 'adjusted'")

POINTS = -9.0


def confounded(seed: int, *, hidden: bool = False, binary: bool = False) -> tuple[Study, np.ndarray, np.ndarray]:
    """3,000 rows of 1,500 customers; a trait makes encounters frequent and opinions good, each encounter takes nine points."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(1500), 2)
    fixed = rng.normal(size=(3000, 12))
    fixed[:, 0] = np.repeat(rng.normal(size=1500), 2)
    treatment = rng.poisson(np.exp(-0.3 + 0.5 * fixed[:, 0] + 0.3 * fixed[:, 1])).astype(np.float64)
    mood = np.repeat(rng.normal(size=1500), 2)
    latent = 18 * fixed[:, 0] + 9 * np.maximum(fixed[:, 2], 0) + 15 * mood + 30 * rng.normal(size=3000)
    outcome = latent + POINTS * treatment
    if binary:
        chance = np.clip(0.3 - 0.1 * np.clip(fixed[:, 0], -2, 2) + 0.04 * np.minimum(treatment, 5), 0.01, 0.99)
        outcome = (rng.random(3000) < chance).astype(np.float64)
    seen = fixed[:, 1:] if hidden else fixed
    study = Study(outcome, customer, np.ones(3000), "binary" if binary else "linear")
    return study, treatment, seen.astype(np.float32)


def test_the_effect_is_found_where_the_common_cause_is_measured() -> None:
    """In ten worlds the intervals hold the true effect nearly always, and the comparison that adjusts for nothing never does."""
    held, plain = 0, 0
    for seed in range(10):
        study, treatment, fixed = confounded(seed)
        found = effect(study, treatment, fixed, seed=1)
        held += found.low <= POINTS <= found.high
        centred = treatment - treatment.mean()
        value, error = slope(study.outcome - study.outcome.mean(), centred, study.weight, study.customer)
        plain += abs(value - POINTS) <= 1.96 * error
    assert held >= 7
    assert plain == 0


def test_a_hidden_cause_misleads() -> None:
    """Where the common cause is not measured the interval is as narrow, and wrong: no statistic of these rows could tell."""
    study, treatment, fixed = confounded(1, hidden=True)
    found = effect(study, treatment, fixed, seed=1)
    assert found.low > POINTS
    assert found.overlap.reason is None


def test_churn_is_told_in_percentage_points() -> None:
    """Four points more chance of leaving per encounter come out as about four."""
    study, treatment, fixed = confounded(3, binary=True)
    found = effect(study, treatment, fixed, seed=1)
    assert found.low < 4.0 < found.high
    assert 1.0 < found.value < 6.0


def test_a_treatment_without_alternative_is_refused() -> None:
    """What others' journeys foretell wholly has no effect that could be told apart; what some were sure to get neither."""
    study, _, fixed = confounded(4)
    copy = (fixed[:, 3] > 0.0).astype(np.float64) + (fixed[:, 3] > 1.0)
    assert effect(study, copy, fixed, seed=1).overlap.reason == "foretold"
    rng = np.random.default_rng(4)
    sure = fixed[:, 3] > 0.3
    once = np.where(sure, 1.0, (rng.random(len(sure)) < 0.12)).astype(np.float64)
    found = effect(study, once, fixed, seed=1).overlap
    assert found.reason == "certain"
    assert found.certain is not None
    assert found.certain > 0.5


def test_errors_are_of_customers_not_of_rows() -> None:
    """Rows that repeat a customer add nothing: twice the same rows have the same error."""
    rng = np.random.default_rng(5)
    outcome, treatment = rng.normal(size=400), rng.normal(size=400)
    once = slope(outcome, treatment, np.ones(400), np.arange(400))
    twice = slope(np.tile(outcome, 2), np.tile(treatment, 2), np.ones(800), np.tile(np.arange(400), 2))
    assert twice == pytest.approx(once)


def test_threads_do_not_matter_and_few_customers_are_refused() -> None:
    """The same on one thread and on two; a handful of customers is no study."""
    study, treatment, fixed = confounded(6)
    assert (
        effect(study, treatment, fixed, seed=1, threads=1).value
        == effect(study, treatment, fixed, seed=1, threads=2).value
    )
    few = Study(study.outcome[:100], study.customer[:100], study.weight[:100], "linear")
    assert not enough(few, treatment[:100])
    with pytest.raises(ValueError, match="too few"):
        effect(few, treatment[:100], fixed[:100], seed=1)


def test_what_is_missing_is_held_fixed_too() -> None:
    """A common cause that only shows in a gap of a column is adjusted for, and gaps draw no warning."""
    rng = np.random.default_rng(7)
    gap = rng.random(3000) < 0.5
    fixed = rng.normal(size=(3000, 4)).astype(np.float32)
    fixed[gap, 1] = np.nan
    treatment = rng.poisson(np.where(gap, 1.5, 0.5)).astype(np.float64)
    study = Study(POINTS * treatment + 30 * gap + 20 * rng.normal(size=3000), np.arange(3000), np.ones(3000), "linear")
    found = effect(study, treatment, fixed, seed=1)
    assert found.low < POINTS < found.high
