"""The company's own figures go into the calculator as they are in its tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from drivers.claims import plan
from drivers.claims.size import pilot_size
from features.tables import open_tables
from tests.drivers.claims.test_pilot_rows import company
from training import dataset
from training.dataset import Dataset


@pytest.fixture
def made(tmp_path: Path) -> tuple[Settings, Dataset]:
    """A company with its training set of answers."""
    settings = company(tmp_path)
    with open_tables(settings) as tables:
        return settings, dataset.read(dataset.make(tables, settings, "nps"))


def test_outcome_and_intake_are_the_companys(made: tuple[Settings, Dataset]) -> None:
    """The spread of points, the customers who call in a week, four weeks until an answer, and the rate of answering."""
    settings, data = made
    with open_tables(settings) as tables:
        found = plan.figures(tables, settings, data, "call", answer_rate=0.4)
        everybody = plan.figures(tables, settings, data, None)
        (met,) = tables.con.execute(
            f"""SELECT count(DISTINCT customer_id) FROM touchpoints WHERE touchpoint = 'call'
                AND occurred_at > {tables.data_end} - 91 * 86400000000"""
        ).fetchall()[0]
    assert found is not None
    assert everybody is not None
    points = np.where(data.label <= 6, -100.0, np.where(data.label >= 9, 100.0, 0.0))
    assert found.outcome.sd == pytest.approx(points.std(ddof=1))
    assert found.terms.per_week == pytest.approx(met / 13)
    assert (found.terms.answer_rate, found.terms.variance_explained, found.terms.horizon_weeks) == (0.4, 0.0, 4.0)
    assert everybody.terms.per_week is None


def test_each_key_driver_gets_the_pilot_of_half_its_depth(made: tuple[Settings, Dataset]) -> None:
    """Only what is confirmed is planned for, and the size is the calculator's own."""
    settings, data = made
    told = {
        "answering": {"answer_rate": 0.5, "basis": "questions"},
        "validation": {"measure": "r2", "value": 0.1},
        "drivers": [
            {"touchpoint": "call", "status": "key_driver", "depth": {"value": 12.0}},
            {"touchpoint": "visit", "status": "candidate", "depth": {"value": 12.0}},
        ],
    }
    with open_tables(settings) as tables:
        (row,) = plan.for_drivers(tables, settings, data, told)
        found = plan.figures(tables, settings, data, "call", answer_rate=0.5)
    assert found is not None
    assert row == {"touchpoint": "call", **pilot_size(found.outcome, 6.0, found.terms).facts()}


def test_other_terms_and_impossible_effects(made: tuple[Settings, Dataset]) -> None:
    """Terms change by name, None leaves them; an effect of nothing has no size."""
    settings, data = made
    with open_tables(settings) as tables:
        found = plan.figures(tables, settings, data, None)
    assert found is not None
    assert plan.changed(found, power=0.9, share=None).terms.power == 0.9
    assert plan.changed(found, power=0.9, share=None).terms.share == 0.5
    assert plan.sizes(found, (0.0, 5.0))[0].effect == 5.0


def test_a_monthly_chance_to_answer_is_no_response_rate() -> None:
    """Only where questions are recorded is it known how many are answered; otherwise customers who answer are counted."""
    assert plan.answer_rate_of({"answering": {"basis": "questions", "answer_rate": 0.4}}) == 0.4
    assert plan.answer_rate_of({"answering": {"basis": "active", "answer_rate": 0.09}}) is None
    assert plan.answer_rate_of({}) is None
