"""A pilot of the computed size shows its effect as often as was asked; known textbook sizes come out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from drivers.claims.size import Outcome, Terms, pilot_size, smallest_effect, smallest_effect_within


def test_sizes_of_textbooks() -> None:
    """Half a standard deviation needs 64 in each arm (Cohen, 1988); ten points off thirty per cent need about 294."""
    assert pilot_size(Outcome.money(100.0, 20.0), 10.0, Terms()).treated == 64
    churn = pilot_size(Outcome.churn(0.30), 10.0, Terms())
    assert churn.treated == churn.control
    assert churn.treated == pytest.approx(294, abs=3)


def test_power_holds_in_simulated_pilots() -> None:
    """NPS pilots of the computed size are significant about eight times in ten; without any effect one time in twenty."""
    rng = np.random.default_rng(1)
    points, chances = np.array([-100.0, 0.0, 100.0]), np.array([0.25, 0.35, 0.40])
    sd = float(np.sqrt(chances @ points**2 - (chances @ points) ** 2))
    size = pilot_size(Outcome.nps(sd), 12.0, Terms())
    lifted = chances + np.array([-0.06, 0.0, 0.06])
    shown = {}
    for name, reached in (("effect", lifted), ("none", chances)):
        found = 0
        for _ in range(600):
            one = rng.choice(points, size.treated, p=reached)
            other = rng.choice(points, size.control, p=chances)
            found += stats.ttest_ind(one, other).pvalue < 0.05
        shown[name] = found / 600
    assert shown["effect"] == pytest.approx(0.8, abs=0.06)
    assert shown["none"] == pytest.approx(0.05, abs=0.03)


def test_the_two_questions_are_each_others_inverse() -> None:
    """The effect that a size can show needs that size."""
    terms = Terms(answer_rate=0.4, variance_explained=0.2)
    outcome = Outcome.nps(78.0)
    size = pilot_size(outcome, 5.0, terms)
    back = smallest_effect(outcome, size.customers, terms)
    assert back is not None
    assert back.effect == pytest.approx(5.0, rel=1e-3)


def test_what_makes_pilots_larger() -> None:
    """Silence, whole branches and an uneven lot need more customers; a covariate from before needs fewer."""
    outcome, effect = Outcome.nps(78.0), 6.0
    plain = pilot_size(outcome, effect, Terms()).customers
    assert pilot_size(outcome, effect, Terms(answer_rate=0.25)).customers == pytest.approx(4 * plain, rel=0.01)
    assert pilot_size(outcome, effect, Terms(share=0.2)).customers > 1.4 * plain
    assert pilot_size(outcome, effect, Terms(variance_explained=0.3)).customers < 0.75 * plain
    branches = pilot_size(outcome, effect, Terms(lot=100.0, intra_lot=0.05))
    assert branches.customers > 5 * plain
    assert branches.lots is not None


def test_weeks_are_intake_and_waiting() -> None:
    """Customers come by at so many a week, and the last one's outcome is waited for."""
    terms = Terms(per_week=150.0, horizon_weeks=12.9)
    size = pilot_size(Outcome.churn(0.12), 3.0, terms)
    assert size.weeks_of_intake == -(-size.customers // 150)
    assert size.weeks == size.weeks_of_intake + 13
    facts = size.facts()
    assert facts["unit"] == "percentage points"
    assert facts["weeks"] == size.weeks
    within = smallest_effect_within(Outcome.churn(0.12), float(size.weeks or 0), terms)
    assert within is not None
    assert within.effect <= 3.0


def test_what_no_pilot_can_show_is_refused() -> None:
    """Less than no churn, no effect, an outcome that does not vary, a share of two: each is refused by its figure."""
    with pytest.raises(ValueError, match="cannot fall"):
        pilot_size(Outcome.churn(0.02), 3.0, Terms())
    with pytest.raises(ValueError, match="must be positive"):
        pilot_size(Outcome.nps(70.0), 0.0, Terms())
    with pytest.raises(ValueError, match="must vary"):
        Outcome.nps(0.0)
    with pytest.raises(ValueError, match=r"share 2\.0"):
        Terms(share=2.0)
    assert smallest_effect(Outcome.churn(0.05), 3, Terms()) is None
