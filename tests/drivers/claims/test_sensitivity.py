"""What a hidden cause would do: limits that hold the truth where the hidden one is as strong as the measured one."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.claims.adjusted import Study, effect
from drivers.claims.sensitivity import bounded, sensitivity, strongest

pytest.importorskip("econml", reason="the adjusted tier needs the extra 'adjusted'")


def test_limits_hold_the_truth_under_a_hidden_twin() -> None:
    """A hidden cause as strong as the measured one halves the estimate; the limits still reach the true effect in most worlds."""
    held, wrong = 0, 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        fixed, twin = rng.normal(size=(2500, 6)), rng.normal(size=2500)
        treatment = rng.poisson(np.exp(-0.3 + 0.35 * fixed[:, 0] + 0.35 * twin)).astype(np.float64)
        outcome = 30 * (-0.3 * treatment + 0.5 * fixed[:, 0] + 0.5 * twin + rng.normal(size=2500))
        study, seen = Study(outcome, np.arange(2500), np.ones(2500), "linear"), fixed.astype(np.float32)
        found = effect(study, treatment, seen, seed=1)
        groups = {f"group {column}": np.array([column]) for column in range(6)}
        like = strongest(found.left.importance, groups)
        assert like == "group 0"
        limits = sensitivity(study, treatment, seen, found, like, groups[like], seed=1)
        wrong += not found.low <= -9.0 <= found.high
        held += limits.low <= -9.0 <= limits.high
    assert wrong >= 7
    assert held >= 5


def test_a_cause_that_explains_nothing_moves_nothing() -> None:
    """Without a share of either side the limits are the interval's own; more of both widens them."""
    rng = np.random.default_rng(1)
    fixed, treatment = rng.normal(size=(600, 3)).astype(np.float32), rng.poisson(1.0, 600).astype(np.float64)
    study = Study(treatment + rng.normal(size=600), np.arange(600), np.ones(600), "linear")
    found = effect(study, treatment, fixed, seed=1)
    none = bounded(study, found, "nothing", 0.0, 0.2)
    assert (none.low, none.high, none.bias) == (found.low, found.high, 0.0)
    widths = [bounded(study, found, "x", share, share).bias for share in (0.05, 0.1, 0.2)]
    assert widths == sorted(widths)
    assert none.excludes_zero


def test_without_circumstances_there_is_nothing_to_compare_with() -> None:
    """No group, or none that foretells anything, is no benchmark."""
    assert strongest(np.zeros(2), {"price": np.array([0])}) is None
    assert strongest(np.ones(2), {}) is None
