"""A churn model in money: what a campaign wins, where it stops, and the measure that others use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from empulse.metrics import empc_score
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import ConfigError
from configs.settings import Settings
from tests.training import made
from training import campaign_words, evaluate
from training.campaign import Campaign, campaign, curve, profits
from training.evaluate import Terms

TERMS = Terms(value=100.0, offer=10.0, contact=2.0, alpha=3.0, beta=7.0)


def asked(value: list[float] | float, n: int, size: float = 0.5) -> Campaign:
    return Campaign(np.full(n, value) if isinstance(value, float) else np.array(value), TERMS, size)


@given(
    seed=st.integers(0, 2**16),
    value=st.floats(30, 500),
    offer=st.floats(0, 20),
    contact=st.floats(0, 5),
)
def test_expected_maximum_profit_is_that_of_a_published_package(
    seed: int, value: float, offer: float, contact: float
) -> None:
    """`empulse` finds the same money per customer under any terms, to four digits and more."""
    rng = np.random.default_rng(seed)
    y = (rng.random(200) < 0.3).astype(np.float64)
    y[:2] = 0.0, 1.0
    score = np.round(np.clip(0.3 + 0.2 * (y - 0.3) + rng.normal(0, 0.2, 200), 0.01, 0.99), 2)
    found = evaluate.values([evaluate.binary(y, score, score, Terms(value, offer, contact))], 200)["empc"]
    theirs = empc_score(y, score, clv=value, incentive_cost=offer, contact_cost=contact)
    assert found == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_money_by_hand() -> None:
    """Two of four are reached: one leaver (30 % held: 0.3 x 90 - 2 = 25) and one who would have stayed (-12)."""
    y, p = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.3, 0.01])
    found = evaluate.values([profits(asked(100.0, 4), y, p)], 4)
    assert found["profit_at_size"] == pytest.approx((25 - 12) / 4)
    # From 12 / (0.3 x 90 + 10) = 0.324 on it pays: the third is not reached.
    assert asked(100.0, 4).break_even() == pytest.approx(12 / 37)
    assert found["profit_at_stop"] == pytest.approx((25 - 12) / 4)


def test_who_is_worth_more_is_reached_first() -> None:
    """With each customer's own value a likely leaver of little worth comes after a less likely one of great worth."""
    y, p = np.array([1.0, 1.0]), np.array([0.9, 0.5])
    found = evaluate.values([profits(asked([20.0, 500.0], 2), y, p)], 2)
    assert found["profit_at_size"] == pytest.approx((0.3 * 490 - 2) / 2)


def test_the_curve_ends_at_everybody_and_its_stop_is_its_top() -> None:
    """With calibrated probabilities the expected curve is highest where it says to stop; reaching all is the sum of all."""
    rng = np.random.default_rng(3)
    p = rng.beta(1, 4, 5000)
    y = (rng.random(5000) < p).astype(np.float64)
    terms = asked(100.0, 5000)
    found = curve(terms, y, p)
    points = found["curve"]
    assert points[0] == {"share": 0.0, "expected": 0.0, "realised": 0.0}
    assert points[-1]["realised"] == pytest.approx(terms.won(y).mean())
    best = max(points, key=lambda point: point["expected"])
    assert best["share"] == pytest.approx(found["stop_share"], abs=0.05)
    assert found["empc_is_noise"] is False


def test_equal_promises_are_reached_in_part() -> None:
    """Where everyone promises the same, half of the campaign wins half of the money, whatever the order of the rows."""
    y = np.array([1.0, 0.0, 0.0, 0.0])
    for order in (slice(None), slice(None, None, -1)):
        found = evaluate.values([profits(asked(100.0, 4), y[order], np.full(4, 0.25))], 4)
        assert found["profit_at_size"] == pytest.approx((25 - 3 * 12) / 4 / 2)


def test_weights_are_repeated_rows() -> None:
    """A customer drawn twice counts as two."""
    rng = np.random.default_rng(4)
    y, p, w = (rng.random(50) < 0.3).astype(np.float64), rng.random(50), rng.integers(0, 3, 50)
    weighted = profits(asked(100.0, 50), y, p)(w[None, :].astype(float))
    repeated = evaluate.values([profits(asked(100.0, int(w.sum())), np.repeat(y, w), np.repeat(p, w))], int(w.sum()))
    for name, value in repeated.items():
        assert weighted[name][0] == pytest.approx(value)


def test_values_may_be_a_feature(tmp_path: Path) -> None:
    """A feature's name gives each customer's own value, none where it is missing; a name that is no feature's is refused."""
    dataset = made.dataset(rows=30)
    settings = _settings(tmp_path, dataset.catalog.names[0])
    found = campaign(dataset, np.arange(30), settings)
    np.testing.assert_allclose(found.value, np.clip(np.nan_to_num(dataset.X[:, 0]), 0, None))
    with pytest.raises(ConfigError, match="no feature is called 'nothing'"):
        campaign(dataset, np.arange(30), _settings(tmp_path, "nothing"))


def test_terms_that_never_pay_are_said() -> None:
    """An offer that costs more than a customer brings: no break-even, nobody is reached, and the card says so."""
    never = Campaign(np.full(10, 5.0), Terms(5.0, 10.0, 1.0), 0.1)
    y = np.array([1.0, *[0.0] * 9])
    found = curve(never, y, np.full(10, 0.1))
    assert found["break_even"] is None
    assert found["stop_share"] == 0.0
    value = {"value": 0.0, "low": 0.0, "high": 0.0}
    told = " ".join(campaign_words.campaign({"campaign": found, "profit_at_size": value, "profit_at_stop": value}))
    assert "never pays" in told
    assert campaign_words.campaign({}) == []


def _settings(folder: Path, value: str) -> Settings:
    found = made.settings(folder, {"churn": {"kind": "column", "column": "left", "positive": "y"}})
    return found.model_copy(update={"campaign": found.campaign.model_copy(update={"value": value})})
