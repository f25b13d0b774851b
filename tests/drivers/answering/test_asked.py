"""Who could have answered: questions where silence is recorded, active customers where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import Settings, load
from drivers.answering import asked
from features.build import learn_catalog
from features.tables import open_tables

DAY = 86_400_000_000
START = 1_700_000_000_000_000 // DAY * DAY
SPAN = 600
Row = tuple[str, float, float | None]


def _company(folder: Path, rows: Sequence[Row], *, contracts: bool = True, customers: int = 40) -> Settings:
    """Customers who call now and then over six hundred days; some answer; the last ten leave after half of the time."""
    rng = np.random.default_rng(1)
    ids = [f"c{n:02d}" for n in range(customers)]

    def times(days: Sequence[float | None]) -> pa.Array:
        values = [None if day is None else int(START + day * DAY) for day in days]
        return pa.array(values, pa.timestamp("us", tz="UTC"))

    calls = rng.uniform(0, SPAN, 600)
    calls[:2] = 0, SPAN
    tables = {
        "customers": pa.table({"customer_id": ids, "region": [("north", "south")[n % 2] for n in range(customers)]}),
        "touchpoints": pa.table(
            {"customer_id": rng.choice(ids, 600), "occurred_at": times(calls.tolist()), "touchpoint": ["call"] * 600}
        ),
    }
    if rows:
        tables["surveys"] = pa.table(
            {
                "customer_id": [row[0] for row in rows],
                "answered_at": times([row[1] for row in rows]),
                "metric": ["nps"] * len(rows),
                "score": pa.array([row[2] for row in rows], pa.float64()),
            }
        )
    if contracts:
        ends = [None if n < customers - 10 else SPAN / 2 for n in range(customers)]
        tables["subscriptions"] = pa.table(
            {"customer_id": ids, "started_at": times([0.0] * customers), "ended_at": times(ends)}
        )
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    config = {
        "data": {"tables": {name: {"path": f"{name}.parquet"} for name in tables}},
        "targets": {"nps": {"kind": "survey"}},
    }
    path = folder / "company.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return load(path)


def _who(settings: Settings) -> asked.Asked | None:
    with open_tables(settings) as tables:
        return asked.who_could_answer(tables, settings)


def _told(found: asked.Asked) -> list[tuple[str, float, float | None]]:
    days = ((found.rows.as_of - START) / DAY).tolist()
    scores = [None if np.isnan(score) else score for score in found.score.tolist()]
    return sorted(zip(found.rows.customer_id.tolist(), days, scores, strict=True))


def test_a_question_its_reminder_and_its_answer_are_one_row(tmp_path: Path) -> None:
    """A row stands at the first asking: with the answer that ends it, or none; the next question is a row of its own."""
    rows: list[Row] = [
        ("c00", 100, None), ("c00", 107, None), ("c00", 110, 9.0),  # asked, reminded, answered
        ("c00", 115, None),  # asked again after the answer
        ("c01", 100, None), ("c01", 107, None),  # reminded in vain
        ("c01", 200, None),  # much later: another question
        ("c02", 100, 3.0),  # an answer whose question has no row
        ("c03", 590, None),  # may still be answered
        ("c04", 100, 55.0),  # no score of this scale
        ("stranger", 100, 9.0),
    ]  # fmt: skip
    found = _who(_company(tmp_path, rows))
    assert found is not None
    assert found.basis == "questions"
    assert _told(found) == [
        ("c00", 100, 9.0), ("c00", 115, None), ("c01", 100, None), ("c01", 200, None), ("c02", 100, 3.0),
    ]  # fmt: skip
    assert found.left_out == {"time_not_over": 1}
    assert found.asked is not None
    assert found.asked.all()
    assert found.answered.tolist() == (~np.isnan(found.score)).tolist()
    assert (np.diff(found.rows.as_of) >= 0).all()


def test_two_answers_in_one_moment_are_one_row(tmp_path: Path) -> None:
    """The lower score is kept, as in the training set."""
    found = _who(_company(tmp_path, [("c00", 100, 9.0), ("c00", 100, 2.0), ("c01", 90, None)]))
    assert found is not None
    assert _told(found) == [("c00", 100, 2.0), ("c01", 90, None)]


def _waves(blank: float = 0.0) -> list[Row]:
    """Half of the customers answer in two waves, day 250 and 450; a share of blank rows among the others."""
    rng = np.random.default_rng(2)
    rows: list[Row] = []
    for wave in (250, 450):
        for n in range(40):
            if n % 2 == 0:
                rows.append((f"c{n:02d}", wave + rng.uniform(0, 5), float(rng.integers(0, 11))))
            elif rng.random() < blank:
                rows.append((f"c{n:02d}", float(wave), None))
    return rows


def test_without_recorded_silence_active_customers_are_the_reference(tmp_path: Path) -> None:
    """Dates of the two waves only, customers with a running contract only; half of them answer, and their scores are theirs."""
    rows = _waves()
    found = _who(_company(tmp_path, rows))
    assert found is not None
    assert (found.basis, found.asked) == ("active", None)
    assert len(np.unique(found.rows.as_of)) == 2
    per_date = [int((found.rows.as_of == date).sum()) for date in np.unique(found.rows.as_of)]
    assert per_date == [40, 30]
    assert int(found.answered.sum()) == 20 + 15
    assert found.left_out["answers_outside"] == 5  # those who had left and answered nevertheless
    assert found.left_out["no_survey_then"] > 0
    scores = {(row[0], row[1] > 350): row[2] for row in rows}
    late = found.rows.as_of > START + 350 * DAY
    said = found.answered
    theirs = [scores[who, bool(when)] for who, when in zip(found.rows.customer_id[said], late[said], strict=True)]
    assert found.score[said].tolist() == theirs


def test_active_customers_tell_who_was_asked_where_silence_is_recorded(tmp_path: Path) -> None:
    """Rows are all active customers at all dates; asked are those with an answer or a blank row in the days after."""
    settings = _company(tmp_path, _waves(blank=1.0))
    with open_tables(settings) as tables:
        chosen = asked.who_could_answer(tables, settings)
        found = asked.active(tables, settings)
    assert chosen is not None
    assert chosen.basis == "questions"
    assert found.asked is not None
    assert len(np.unique(found.rows.as_of)) > 10
    assert (found.asked | ~found.answered).all()
    assert int(found.asked.sum()) == 40 + 30
    assert int(found.answered.sum()) == 20 + 15


def test_a_few_blanks_are_slips(tmp_path: Path) -> None:
    """One blank row among many answers does not make everybody else silent."""
    found = _who(_company(tmp_path, [*_waves(), ("c01", 250, None)]))
    assert found is not None
    assert found.basis == "active"
    assert found.asked is None


def test_without_contracts_events_tell_who_is_active(tmp_path: Path) -> None:
    """Customers who called in the last half-year count as active."""
    found = _who(_company(tmp_path, _waves(), contracts=False))
    assert found is not None
    assert 0.3 < found.answered.mean() < 0.7


@pytest.mark.parametrize("rows", [[], [("c00", 100.0, None), ("c01", 120.0, None)]])
def test_without_answers_there_is_nothing(tmp_path: Path, rows: list[Row]) -> None:
    """No surveys, or only blank ones: nobody answered."""
    assert _who(_company(tmp_path, rows)) is None


def test_journeys_know_nothing_of_surveys(tmp_path: Path) -> None:
    """Features of rows come from the product's builder; categories become columns, answers of their own none."""
    settings = _company(tmp_path, _waves())
    with open_tables(settings) as tables:
        found = asked.who_could_answer(tables, settings)
        assert found is not None
        catalog = learn_catalog(tables, settings, tables.data_end)
        made = asked.journeys(tables, found.rows, catalog)
    assert made.matrix.shape == (len(found), len(made.names))
    assert any(feature.source == "surveys" for feature in catalog.features)
    surveys = {feature.name for feature in catalog.features if feature.source == "surveys"}
    assert not surveys & set(made.names)
    place = made.names.index("region = north")
    even = np.array([int(who[1:]) % 2 == 0 for who in found.rows.customer_id])
    np.testing.assert_array_equal(made.matrix[:, place], even.astype(float))


def test_rows_are_drawn_by_customer(tmp_path: Path) -> None:
    """A draw keeps whole customers and about as many rows as asked for."""
    found = _who(_company(tmp_path, _waves()))
    assert found is not None
    some = found.drawn(30, seed=1)
    assert 15 < len(some) <= 30
    whole = np.isin(found.rows.customer_id, some.rows.customer_id)
    assert int(whole.sum()) == len(some)


def test_points() -> None:
    """Detractors, passives, promoters, and those who said nothing."""
    told = asked.points(np.array([0.0, 6.0, 7.0, 8.0, 9.0, 10.0, np.nan]))
    np.testing.assert_array_equal(told, [-100, -100, 0, 0, 100, 100, np.nan])
