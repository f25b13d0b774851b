"""The company's calendar: what was known of everybody before as_of, by days that were over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import DataError
from features.catalog import Catalog
from features.check import check_tables
from features.company import COLUMNS, Calendar, add_company
from features.company_learn import learn_calendar, with_calendar
from features.definition import ANY, Feature
from features.families import shocks
from features.journey import OCCASION, Vocabulary
from features.learn import learn_catalog
from features.schema import MICROSECONDS_PER_DAY as DAY
from features.tables import Tables, open_tables
from tests.features import company, full

ROOM = {name: place for place, name in enumerate(COLUMNS)}


def calendar(days: dict[int, dict[str, int]]) -> Calendar:
    """Days and what they hold."""
    amounts = np.zeros((len(days), len(COLUMNS)), dtype=np.int64)
    for line, held in enumerate(days.values()):
        for name, number in held.items():
            amounts[line, ROOM[name]] = number
    return Calendar(np.array([(day + 1) * DAY for day in days], dtype=np.int64), amounts)


def change(measure: str, window: int, against: int) -> Feature:
    """A level of the company against a longer one."""
    return Feature("shocks", "company", ANY, measure, "company_change", window, against_days=against)


def computed(feature: Feature, days: Calendar, as_of: list[int], own: float = 0.0) -> list[float]:
    """A feature's values at moments, where the customer's own side is `own`."""
    catalog = Catalog((feature,), Vocabulary(), days)
    out = np.full((1, len(as_of)), own)
    add_company(catalog, out, np.array(as_of, dtype=np.int64))
    return [float(value) for value in out[0]]


QUIET = calendar({day: {"encounters": 10, "encounter_quality": 5_000_000, "judged": 10} for day in range(100)})
BUSY = calendar({day: {"encounters": 10 if day < 90 else 30} for day in range(100)})


def test_a_busy_week_shows_and_a_usual_one_is_one() -> None:
    """Encounters per day of the last ten days in units of those of the last hundred."""
    feature = change("encounters", 10, 100)
    assert computed(feature, QUIET, [100 * DAY]) == [1.0]
    assert computed(feature, BUSY, [100 * DAY, 90 * DAY]) == [30 / 12, 1.0]


def test_quality_is_told_as_a_difference() -> None:
    """Mean quality of the last days minus that of many, in points of quality; the customer's own minus the company's."""
    bad = calendar({day: {"encounter_quality": -(10**6) if day > 7 else 10**6, "judged": 1} for day in range(10)})
    assert computed(change("encounter_quality", 2, 10), bad, [10 * DAY]) == [pytest.approx(-1 - 0.6)]
    columns = {"touchpoints": (), "transactions": ("quantity",)}
    shop = Vocabulary(tables=tuple(columns), columns=columns, touchpoints=("call",), usual={"call|wait": (8.0, 4.0)})
    units = {item.measure: item.unit for item in shocks.features(shop, (30, 365)) if item.aggregate == "company_change"}
    assert units == {"encounter_quality": "score", "price": "ratio"}
    own = Feature("shocks", "touchpoints", ANY, "encounter_quality", "company_relative", 10)
    assert computed(own, bad, [10 * DAY], own=0.5) == [pytest.approx(0.5 - 0.6)]


def test_a_pace_is_told_in_units_of_the_companys() -> None:
    """A customer who comes as much more often as everybody does has a pace of one."""
    feature = Feature("shocks", "touchpoints", ANY, None, "company_pace", 10, against_days=100)
    assert computed(feature, BUSY, [100 * DAY], own=2.5) == [1.0]
    paid = replace(feature, source="transactions", kind=OCCASION)
    assert np.isnan(computed(paid, BUSY, [100 * DAY], own=2.5)[0])


def test_a_pace_in_the_companys_first_year_is_one_for_who_comes_as_everybody_does() -> None:
    """Where the data began a hundred days ago, a year's window is as empty for the customer as for the company."""
    feature = Feature("shocks", "touchpoints", ANY, None, "company_pace", 10, against_days=365)
    own = (10 / 10) / (100 / 365)  # ten of a hundred encounters in the last ten days: an even pace
    assert computed(feature, QUIET, [100 * DAY], own=own) == [pytest.approx(1.0)]


def test_a_day_counts_once_it_is_over() -> None:
    """At noon nothing of the day is known; at midnight all of it; before the first day nothing at all."""
    days = calendar({0: {"encounters": 1}, 1: {"encounters": 9}})
    feature = change("encounters", 1, 2)
    noon, midnight, early = computed(feature, days, [DAY + DAY // 2, 2 * DAY, DAY - 1])
    assert noon == 1.0
    assert midnight == 9 / 5
    assert np.isnan(early)


def test_dates_in_any_order_and_again() -> None:
    """A row's value does not depend on the rows around it."""
    moments = [100 * DAY, 90 * DAY, 100 * DAY, 95 * DAY]
    together = computed(change("encounters", 10, 100), BUSY, moments)
    assert together == [computed(change("encounters", 10, 100), BUSY, [moment])[0] for moment in moments]


def test_what_comes_later_changes_no_level(tmp_path: Path) -> None:
    """Encounters and payments that happen, or become known, from as_of's day on leave the calendar before it as it was."""
    tables = full.make(tmp_path / "a")
    moment = full.AT[1]
    more = dict(tables)
    for name in ("touchpoints", "transactions"):
        later = tables[name].slice(0, 40)
        happened = company.micros(moment - company.DAY + np.arange(40) * (company.DAY // 20))
        known = company.micros(moment + np.arange(40) * 1000)
        for column, values in (
            ("occurred_at", happened),
            ("recorded_at", known),
            ("event_id", pa.array([f"later {name} {k}" for k in range(40)])),
        ):
            later = later.set_column(later.column_names.index(column), column, values)
        more[name] = pa.concat_tables([tables[name], later])
    company.write(tmp_path / "b", more, config=full.CONFIG)
    found = []
    for place in ("a", "b"):
        with open_tables(company.settings(tmp_path / place)) as opened:
            days = learn_calendar(opened, learn_catalog(opened, opened.settings, moment).vocabulary)
            known = days.until <= moment
            found.append((days.until[known].tolist(), days.amounts[known].tolist(), int(days.amounts[:, 0].sum())))
    assert found[0][:2] == found[1][:2]
    assert found[0][2] < found[1][2]


def _calendar_of(
    folder: Path, times: list[int], amounts: list[float], pieces: list[float | None] | None = None
) -> Calendar:
    """The calendar of a company with these payments."""
    people = pa.table({"customer_id": ["a", "b"]})
    paid = pa.table(
        {
            "customer_id": ["a", "b"] * (len(times) // 2),
            "occurred_at": company.micros(np.array(times)),
            "amount": amounts,
            "quantity": pa.array(pieces or [1.0] * len(times), type=pa.float64()),
        }
    )
    config = {
        **company.CONFIG,
        "data": {"tables": {name: {"path": f"{name}.parquet"} for name in ("customers", "transactions")}},
        "targets": {"value": company.CONFIG["targets"]["value"]},
    }
    company.write(folder, {"customers": people, "transactions": paid}, config=config)
    with open_tables(company.settings(folder)) as tables:
        return learn_calendar(tables, Vocabulary(tables=("customers", "transactions")))


def test_days_before_1970_are_days(tmp_path: Path) -> None:
    """The last moment of 1969 and the first of 1970 are two days; each customer pays once a day."""
    days = _calendar_of(tmp_path, [-1, -DAY, 0, DAY - 1], [1.0, 2.0, 4.0, -8.0])
    assert days.until.tolist() == [0, DAY]
    assert days.amounts[:, ROOM["occasions"]].tolist() == [2, 1]
    assert days.amounts[:, ROOM["paid"]].tolist() == [30_000, 40_000]
    assert days.amounts[:, ROOM["quantity"]].tolist() == [2_000_000, 1_000_000]


def test_a_payment_without_pieces_is_no_price_rise(tmp_path: Path) -> None:
    """Of payments that do not tell their pieces, or tell none, the amount is in no price; who made them still paid that day."""
    days = _calendar_of(tmp_path, [0, 1, 2, 3], [6.0, 100.0, 8.0, 100.0], pieces=[3.0, None, 4.0, 0.0])
    assert days.amounts[:, ROOM["paid"]].tolist() == [140_000]
    assert days.amounts[:, ROOM["quantity"]].tolist() == [7_000_000]
    assert days.amounts[:, ROOM["occasions"]].tolist() == [2]


def test_who_is_no_customer_is_in_the_company_and_nobodys_journey(tmp_path: Path) -> None:
    """A payment of somebody who is not in customers stands in the company's calendar, and the check says so."""
    days = _calendar_of(tmp_path, [0, 1], [6.0, 8.0])
    pq.write_table(pa.table({"customer_id": ["a"]}), tmp_path / "customers.parquet")
    with open_tables(company.settings(tmp_path)) as tables:
        alone = learn_calendar(tables, Vocabulary(tables=("customers", "transactions")))
        (said,) = [item.message for item in check_tables(tables) if item.code == "unknown_customer"]
    assert alone == days
    assert "nobody's journey" in said
    assert "whole company" in said


def test_a_calendar_is_learnt_only_where_a_feature_looks_at_it(tmp_path: Path) -> None:
    """A bundle without features of the company carries no calendar; one that went through JSON is the same."""
    full.make(tmp_path)
    with open_tables(company.settings(tmp_path)) as tables:
        catalog = learn_catalog(tables, tables.settings, full.AT[-1])
        assert len(_learnt(catalog, tables, "call__count_30d").until) == 0
        days = _learnt(catalog, tables, next(name for name in catalog.names if "company_pace" in name))
    again = Calendar.from_dict(days.to_dict())
    assert len(days.until) > 300
    assert (again.until.tolist(), again.amounts.tolist()) == (days.until.tolist(), days.amounts.tolist())


def _learnt(catalog: Catalog, tables: Tables, name: str) -> Calendar:
    return with_calendar(catalog.select([name]), tables).calendar


def test_a_company_may_be_as_large_as_its_currency_is_small() -> None:
    """A thousand days of 9e14 rials each: the running total is more than 64 bits hold, the price is what it is."""
    paid, pieces = 9 * 10**18, 10**6
    days = calendar({day: {"paid": paid, "quantity": pieces * (2 if day > 997 else 1)} for day in range(1000)})
    assert days.totals[-1, ROOM["paid"]] == pytest.approx(1000 * paid)
    assert computed(change("price", 2, 100), days, [1000 * DAY]) == [pytest.approx(1.02 / 2)]


def test_a_day_beyond_64_bits_is_refused_by_name(tmp_path: Path) -> None:
    """What nobody can count exactly is said, with what could be counted."""
    tables = company.make(tmp_path)
    sales = tables["transactions"]
    n = len(sales)
    tables["transactions"] = pa.table(
        {
            "customer_id": [f"c{k}" for k in range(2 * n)],
            "occurred_at": company.micros(np.full(2 * n, company.START)),
            "amount": np.full(2 * n, 1e12),
            "quantity": np.ones(2 * n),
        }
    )
    assert 2 * n * 1e16 > 2**63
    company.write(tmp_path, tables)
    with (
        open_tables(company.settings(tmp_path)) as opened,
        pytest.raises(DataError, match="'paid' of all customers together is more on one day"),
    ):
        learn_calendar(opened, Vocabulary(tables=("customers", "transactions")))
