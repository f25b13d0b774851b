"""Intervals cover, nulls stay silent, a broken lot and lost customers are seen, a prediction narrows what is told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from drivers.claims.pilot import PilotTable, from_training, measure, measure_all
from drivers.claims.size import Outcome, Terms, pilot_size
from training.uplift.pilot import Pilot


def points(seed: int, effect: float = 0.0, customers: int = 600, rows: int = 1, *, known: float = 1.0) -> PilotTable:
    """NPS answers of customers drawn by lot; whoever is reached answers 100 instead of -100 in `effect` / 200 of the cases."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), rows)
    prior = rng.normal(size=customers)
    reached = rng.permutation(customers) < customers // 2
    latent = (1.2 * prior + rng.normal(size=customers))[customer] + 0.7 * rng.normal(size=len(customer))
    y = np.select([latent < -0.8, latent < 0.5], [-100.0, 0.0], 100.0)
    lifted = reached[customer] & (rng.random(len(y)) < effect / 200)
    y = np.where(lifted, np.minimum(y + 200, 100.0), y)
    y[rng.random(len(y)) > known] = np.nan
    return PilotTable("nps", y, reached[customer], customer, prior=prior[customer])


def money(seed: int, effect: float, *, per_branch: int, branches: int = 30) -> PilotTable:
    """Money of customers whose branches were drawn by lot; a branch has much in common."""
    rng = np.random.default_rng(seed)
    branch = np.repeat(np.arange(branches), per_branch)
    reached = (rng.permutation(branches) < branches // 2)[branch]
    y = 100 + 20 * rng.normal(size=len(branch)) + 10 * rng.normal(size=branches)[branch] + effect * reached
    return PilotTable("money", y, reached, np.arange(len(branch)), lot=branch)


def test_plain_and_adjusted_estimates() -> None:
    """The plain difference is Welch's, the adjusted one Lin's interacted regression."""
    api = pytest.importorskip("statsmodels.api")
    table = points(1, 40.0)
    found = measure(table)
    y, arm = table.outcome, table.reached
    welch = stats.ttest_ind(y[arm], y[~arm], equal_var=False)
    assert found.plain is not None
    assert found.adjusted is not None
    assert found.plain.value == pytest.approx(y[arm].mean() - y[~arm].mean())
    assert found.plain.p_value == pytest.approx(welch.pvalue, rel=0.02)
    assert (found.plain.low, found.plain.high) == pytest.approx(tuple(welch.confidence_interval()), abs=0.05)
    assert table.prior is not None
    centred = table.prior - table.prior.mean()
    lin = api.OLS(y, np.column_stack([np.ones(len(y)), arm, centred, arm * centred])).fit(cov_type="HC1")
    assert found.adjusted.value == pytest.approx(lin.params[1])
    assert found.adjusted.error == pytest.approx(lin.bse[1], rel=0.02)
    assert found.difference is found.adjusted


def test_intervals_cover_and_a_prediction_narrows_them() -> None:
    """Of 300 null pilots with three answers per customer 95 % cover nought and say "not shown"; the adjusted ones are narrower."""
    found = [measure(points(seed, customers=300, rows=3)) for seed in range(300)]
    for which in ("plain", "adjusted"):
        inside = np.mean([getattr(one, which).low <= 0 <= getattr(one, which).high for one in found])
        assert 0.92 <= inside <= 0.98, which
    assert 0.92 <= np.mean([one.status == "not_shown" for one in found]) <= 0.985
    narrower = [one.adjusted.error / one.plain.error for one in found if one.adjusted and one.plain]
    assert max(narrower) < 1.0
    assert np.mean(narrower) < 0.85
    assert np.mean([one.status == "not_randomised" for one in found]) < 0.02


def test_branches_that_were_drawn_are_the_clusters() -> None:
    """Where branches were drawn the interval covers a planted effect; taken as a draw of customers it does not."""
    tables = [money(seed, 8.0, per_branch=20) for seed in range(300)]
    right = [measure(table).plain for table in tables]
    wrong = [measure(replace(table, lot=None)).plain for table in tables]
    assert 0.92 <= np.mean([one.low <= 8.0 <= one.high for one in right if one]) <= 0.985
    assert np.mean([one.low <= 8.0 <= one.high for one in wrong if one]) < 0.75


@pytest.mark.parametrize("explained", [0.0, 0.5])
def test_pilots_of_the_computed_size_show_the_effect(explained: float) -> None:
    """Pilots of the computed size show it about eight times in ten: churn, and money with a prediction, which needs fewer."""
    with_prior = explained > 0
    rng = np.random.default_rng(5)
    terms = Terms(variance_explained=explained)
    outcome = Outcome.money(100.0, 40.0) if with_prior else Outcome.churn(0.15)
    size = pilot_size(outcome, 8.0 if with_prior else 4.0, terms)
    shown, smallest = 0, []
    for _ in range(300):
        arm = rng.permutation(size.customers) < size.treated
        prior = rng.normal(size=size.customers) if with_prior else None
        if prior is None:
            y = (rng.random(size.customers) < np.where(arm, 0.11, 0.15)).astype(np.float64)
        else:
            y = 100 + 40 * np.sqrt(0.5) * (prior + rng.normal(size=size.customers)) + 8 * arm
        found = measure(PilotTable(outcome.kind, y, arm, np.arange(len(y)), prior=prior))
        shown += found.status == "shown"
        assert found.difference is not None
        smallest.append(found.difference.smallest)
    assert shown / 300 == pytest.approx(0.8, abs=0.07)
    assert np.mean(smallest) == pytest.approx(size.effect, rel=0.05)


def test_strata_with_unlike_shares() -> None:
    """Where more of the good customers are drawn the plain means mislead; within strata nothing is found. One-armed strata go."""
    rng = np.random.default_rng(6)
    stratum = np.repeat([0, 1, 2], [800, 800, 50])
    arm = rng.random(1650) < np.array([0.2, 0.8, 2.0])[stratum]
    y = 50.0 * stratum + 20 * rng.normal(size=1650)
    table = PilotTable("money", y, arm, np.arange(1650))
    within = measure(replace(table, strata=stratum))
    assert measure(table).status == "shown"
    assert within.status == "not_shown"
    assert within.left_out == 50
    assert within.plain is not None
    assert abs(within.plain.value) < 4


def test_what_was_known_before_tells_a_lot() -> None:
    """Arms that differ in what was known before, in their planned sizes, or by another check are no lot, and have no effect."""
    rng = np.random.default_rng(7)
    fair = points(7, 60.0)
    before = rng.normal(size=(len(fair.outcome), 4))
    before[rng.random(before.shape) < 0.1] = np.nan
    assert measure(replace(fair, before=before, planned=0.5)).status == "shown"
    chosen = before + 0.5 * fair.reached[:, None]
    missing = np.where(fair.reached[:, None] & (rng.random(before.shape) < 0.3), np.nan, before)
    for broken in (
        replace(fair, before=chosen),
        replace(fair, before=missing),
        replace(fair, planned=0.7),
        replace(fair, by_chance=False),
    ):
        found = measure(broken)
        assert found.status == "not_randomised"
        assert found.facts()["effect"] is None
        assert found.facts()["difference_of_means"] is not None
    wide = rng.normal(size=(len(fair.outcome), 200))
    assert measure(replace(fair, before=wide)).status == "shown"
    wide[:, 3] += fair.reached
    assert measure(replace(fair, before=wide)).status == "not_randomised"


def test_the_lot_is_seldom_doubted_without_reason() -> None:
    """The test of balance has the level it says: its p is even over fair pilots, rows repeated or not."""
    rng = np.random.default_rng(8)
    p = []
    for seed in range(200):
        table = points(seed, customers=200, rows=2)
        before = rng.normal(size=(200, 5))[table.customer]
        p.append(measure(replace(table, before=before)).balance_p)
    assert stats.kstest(np.array(p, dtype=np.float64), "uniform").pvalue > 0.001


def test_lost_customers_widen_the_interval() -> None:
    """Where the unhappy among the reached keep silent a false effect is not shown; losses alike in both arms change nothing."""
    table = points(9, customers=3000)
    rng = np.random.default_rng(9)
    silent = table.reached & (table.outcome < 0) & (rng.random(3000) < 0.5)
    biased = measure(replace(table, outcome=np.where(silent, np.nan, table.outcome)))
    assert biased.plain is not None
    assert biased.plain.low > 0
    assert biased.lost_p is not None
    assert biased.lost_p < 1e-6
    assert biased.bounds is not None
    assert biased.bounds[0] < 0 < biased.bounds[1]
    assert biased.status == "not_shown"
    alike = measure(points(10, 60.0, customers=3000, known=0.4))
    assert alike.bounds is None
    assert alike.lost == pytest.approx((0.6, 0.6), abs=0.05)
    assert alike.status == "shown"


def test_who_was_drawn_counts_as_reached() -> None:
    """A lot found in both arms counts by its first row, and is counted."""
    table = points(11, 60.0, rows=2)
    strayed = table.reached.copy()
    strayed[[1, 3, 5]] ^= True
    found = measure(replace(table, reached=strayed))
    assert found.crossed == 3
    assert found.plain == measure(table).plain


def test_too_few_to_say() -> None:
    """Few customers, few branches, few who left, or nobody whose outcome is known: no estimate at all."""
    rng = np.random.default_rng(12)
    arm = np.arange(400) % 2 == 0
    few = np.zeros(400)
    few[:6] = 1.0
    for table in (
        points(12, customers=80),
        money(12, 8.0, per_branch=60, branches=16),
        PilotTable("churn", few, arm, np.arange(400)),
        PilotTable("money", np.full(400, np.nan), arm, np.arange(400)),
        PilotTable("money", np.ones(400), arm, np.arange(400)),
        PilotTable("money", rng.normal(size=400), np.ones(400, dtype=bool), np.arange(400)),
    ):
        found = measure(table)
        assert found.status == "too_few"
        assert found.difference is None
        assert found.facts()["effect"] is None


def test_several_outcomes_are_one_family() -> None:
    """Of null outcomes one is shown when each is taken alone, none when they are taken together; a real one among them is."""
    tables = {f"null_{seed}": points(100 + seed) for seed in range(20)}
    assert "shown" in {measure(table).status for table in tables.values()}
    assert "shown" not in {one.status for one in measure_all(tables).values()}
    found = measure_all({**tables, "real": points(13, 90.0), "none": points(14, customers=80)})
    assert [name for name, one in found.items() if one.status == "shown"] == ["real"]
    assert found["none"].status == "too_few"
    assert found["real"].q_value is not None


def test_a_pilot_of_a_training_set() -> None:
    """The pilot that training finds brings its arms and what it says of the lot; facts are plain JSON values."""
    rng = np.random.default_rng(15)
    arm = (rng.random(2000) < 0.5).astype(np.float64)
    y = (rng.random(2000) < np.where(arm, 0.1, 0.2)).astype(np.float64)
    columns = rng.normal(size=(2000, 2))
    for foretold, status in ((0.51, "shown"), (0.7, "not_randomised")):
        pilot = Pilot(np.arange(2000), arm, columns, (), "treatment", "1", foretold, 0.013)
        found = measure(from_training(pilot, "churn", y))
        assert found.status == status
        told = json.loads(json.dumps(found.facts(), allow_nan=False))
        assert told["unit"] == "percentage points"
    assert found.plain is not None
    assert found.plain.value == pytest.approx(-10.0, abs=4.0)


def test_impossible_tables_are_refused() -> None:
    """An NPS of nine, churn of two, money without end, columns of unlike length."""
    arm, who = np.array([True, False]), np.arange(2)
    for kind, value in (("nps", 9.0), ("churn", 2.0), ("money", np.inf)):
        with pytest.raises(ValueError, match="does not have"):
            PilotTable(kind, np.array([value, 0.0]), arm, who)
    with pytest.raises(ValueError, match="of one length"):
        PilotTable("money", np.ones(3), arm, who)
