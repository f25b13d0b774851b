"""A driver that grows over time is told, with what grew; a steady company has no changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivers.attribution import Fitter, cross_fit
from drivers.questions.changes import changes
from drivers.questions.grouped import Evidence, evidence_of
from tests.drivers import worlds

DAY = 86_400 * 1_000_000


def _evidence(seed: int, rows: int, as_of: np.ndarray, growing: float = 0.0) -> Evidence:
    """A world's evidence; outages grow `growing` times as deep from the first day to the last, more than before."""
    world = worlds.make(seed, rows=rows)
    problem = world.problem
    if growing:
        rng = np.random.default_rng(seed)
        late = as_of >= np.median(as_of)
        met = rng.random(rows) < np.where(late, 0.3, 0.06)
        place = [block.name for block in problem.blocks].index("outage")
        matrix = problem.X.copy()
        matrix[:, problem.blocks[place].columns[0]] = met
        matrix[:, problem.blocks[place].columns[1]] = np.where(met, rng.gamma(2.0, 8.0, rows), np.nan)
        total = sum(effect for name, effect in world.effects.items() if name != "outage") - growing * met
        score = np.clip(np.round(8.3 + total - total.mean() + rng.normal(size=rows) * 1.2), 0, 10)
        blocks = list(problem.blocks)
        blocks[place] = replace(blocks[place], met=met)
        y = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
        problem = replace(problem, X=matrix, blocks=tuple(blocks), y=y)
    fitter = Fitter(problem, seed, 2)
    fitter.choose_rounds()
    key = np.array([block.name in worlds.TRUE for block in problem.blocks], dtype=bool)
    return evidence_of(problem, cross_fit(fitter, 3, 2), key)


def _dates(rows: int, days: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, days, rows) * DAY


def test_a_driver_that_is_met_more_often_has_changed() -> None:
    """Outages met by five times as many: their strength rose, because their reach did."""
    as_of = _dates(4000, 360)
    told = changes(_evidence(3, 4000, as_of, growing=3.0), as_of, false_discovery_rate=0.05, draws=100, seed=1)
    assert told is not None
    changed = {driver.touchpoint: driver for driver in told.drivers if driver.changed}
    assert "outage" in changed
    # A company that many resent has fewer to lose by a bill: others change too, by less.
    assert max(told.drivers, key=lambda driver: abs(driver.change.value)).touchpoint == "outage"
    assert changed["outage"].change.low > 0
    assert changed["outage"].change_of_reach.low > 0.1
    assert len(told.periods) == 6
    assert sum(period.rows for period in told.periods) == 4000
    facts = told.facts(str)
    assert [len(driver["strength"]) for driver in facts["drivers"]] == [6] * len(facts["drivers"])


def test_a_steady_company_has_no_changes() -> None:
    """Four drivers in four worlds without any change: at most one is told to have changed."""
    false = 0
    for seed in range(4):
        as_of = _dates(2000, 360, seed)
        told = changes(_evidence(40 + seed, 2000, as_of), as_of, false_discovery_rate=0.05, draws=100, seed=seed)
        assert told is not None
        false += sum(driver.changed for driver in told.drivers)
    assert false <= 1


def test_too_little_time_or_too_few_rows_are_not_told_over_time() -> None:
    """Rows of one month, or three hundred rows, fill no two periods; nor is there anything without a key driver."""
    month = _dates(1200, 30)
    evidence = _evidence(5, 1200, month)
    assert changes(evidence, month, false_discovery_rate=0.05, draws=20, seed=1) is None
    year = _dates(1200, 360)
    assert changes(evidence, year, false_discovery_rate=0.05, draws=20, seed=1) is not None
    none = replace(evidence, key=np.zeros_like(evidence.key))
    assert changes(none, year, false_discovery_rate=0.05, draws=20, seed=1) is None


def test_the_start_of_the_data_is_no_change() -> None:
    """Rows whose windows begin before the data do have met everything less often; left out, nothing has changed."""
    rows = 3600
    as_of = _dates(rows, 720, 7)
    evidence = _evidence(7, rows, as_of)
    problem = evidence.problem
    seen = np.random.default_rng(1).random(rows) < np.minimum(as_of / (365 * DAY), 1.0)
    blocks = tuple(replace(block, met=block.met & seen) for block in problem.blocks)
    values = np.where(seen[:, None] | ~problem.touchpoint, evidence.values, 0.0)
    young = replace(evidence, problem=replace(problem, blocks=blocks), values=values)
    growing = changes(young, as_of, false_discovery_rate=0.05, draws=100, seed=1)
    assert growing is not None
    assert any(driver.changed for driver in growing.drivers)
    told = changes(young, as_of, false_discovery_rate=0.05, draws=100, seed=1, since=365 * DAY)
    assert told is not None
    assert not any(driver.changed for driver in told.drivers)
    assert told.periods[0].start >= 365 * DAY
