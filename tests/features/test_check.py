"""`check`: each kind of fault is found, under its own code, and a clean company has none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pydantic import TypeAdapter

from configs.errors import ManyFaultsError
from configs.settings import Target
from features.check import check_tables
from features.tables import open_tables
from tests.features import company

Tables = dict[str, pa.Table]
NOW = company.START + 900 * company.DAY


def put(tables: Tables, name: str, column: str, values: pa.Array) -> None:
    """Replace a column."""
    table = tables[name]
    tables[name] = table.set_column(table.column_names.index(column), column, values)


def strangers(tables: Tables) -> None:
    """Most of the touchpoints speak of nobody we know."""
    put(tables, "touchpoints", "customer_id", pa.array([f"x{n}" for n in range(len(tables["touchpoints"]))]))


def future(tables: Tables) -> None:
    """A transaction in the future."""
    times = np.array(tables["transactions"]["occurred_at"].cast(pa.int64())).copy()
    times[0] = NOW + company.DAY
    put(tables, "transactions", "occurred_at", company.micros(times))


def ancient(tables: Tables) -> None:
    """A placeholder date."""
    times = np.array(tables["transactions"]["occurred_at"].cast(pa.int64())).copy()
    times[0] = 0
    put(tables, "transactions", "occurred_at", company.micros(times))


def backwards(tables: Tables) -> None:
    """Contracts that end before they start."""
    times = np.array(tables["subscriptions"]["started_at"].cast(pa.int64()))
    put(tables, "subscriptions", "ended_at", company.micros(times - company.DAY))


def out_of_range(tables: Tables) -> None:
    """An NPS of 11, the code of many surveys for no answer."""
    put(tables, "surveys", "score", pa.array([11] * len(tables["surveys"])))


def no_nps(tables: Tables) -> None:
    """A survey table without the metric that the target asks for."""
    put(tables, "surveys", "metric", pa.array(["csat"] * len(tables["surveys"])))


def spelling(tables: Tables) -> None:
    """Two spellings of one touchpoint."""
    kinds = ["Call" if n % 2 else "call" for n in range(len(tables["touchpoints"]))]
    put(tables, "touchpoints", "touchpoint", pa.array(kinds))


def no_measure(tables: Tables) -> None:
    """A measure without any value."""
    put(tables, "touchpoints", "wait_min", pa.nulls(len(tables["touchpoints"]), pa.float64()))


def repeated(tables: Tables) -> None:
    """The same event twice."""
    tables["touchpoints"] = pa.concat_tables([tables["touchpoints"], tables["touchpoints"].slice(0, 3)])


def twice(tables: Tables) -> None:
    """One customer with two different rows."""
    put(tables, "customers", "customer_id", pa.array(["c000", *tables["customers"]["customer_id"].to_pylist()[:-1]]))


def emails(tables: Tables) -> None:
    """An attribute that names customers."""
    people = tables["customers"]
    many = pa.concat_tables([people] * 3)
    many = many.set_column(0, "customer_id", pa.array([f"c{n:03d}" for n in range(len(many))]))
    tables["customers"] = many.append_column("email", pa.array([f"{n}@x.y" for n in range(len(many))]))


def changing(tables: Tables) -> None:
    """An attribute that must change with time, without the times."""
    tables["customers"] = tables["customers"].append_column("current_balance", pa.array(np.arange(40.0)))


def empty(tables: Tables) -> None:
    """No customers at all."""
    tables["customers"] = tables["customers"].slice(0, 0)


def hole(tables: Tables) -> None:
    """Two months without a single touchpoint."""
    times = np.array(tables["touchpoints"]["occurred_at"].cast(pa.int64()))
    keep = (times < company.START + 100 * company.DAY) | (times > company.START + 170 * company.DAY)
    tables["touchpoints"] = tables["touchpoints"].filter(pa.array(keep))


def test_the_time_to_churn_of_a_column_is_refused_by_name(tmp_path: Path) -> None:
    """A column has no times: the target is named, and what to write instead."""
    company.make(tmp_path)
    targets = {"staying": {"kind": "time_to_churn", "label": "column"}}
    settings = company.settings(tmp_path).model_copy(
        update={"targets": {name: TypeAdapter(Target).validate_python(item) for name, item in targets.items()}}
    )
    with open_tables(settings) as tables:
        (found,) = (item for item in check_tables(tables, NOW) if item.code == "time_to_churn_of_column")
    assert found.level == "error"
    assert "'staying'" in found.message
    assert "targets.staying.label" in found.next


def test_contracts_side_by_side_are_counted(tmp_path: Path) -> None:
    """Of three contracts of one customer one starts while another runs; one that starts where it ends does not."""
    tables = company.make(tmp_path)
    days = company.START + np.array([0, 10, 20, 0]) * company.DAY
    ends = company.START + np.array([10, 90, 0, 0]) * company.DAY
    tables["subscriptions"] = pa.table(
        {
            "customer_id": ["c000", "c000", "c000", "c001"],
            "started_at": company.micros(days),
            "ended_at": company.micros(ends, np.array([False, False, True, True])),
        }
    )
    company.write(tmp_path, tables)
    with open_tables(company.settings(tmp_path)) as opened:
        (found,) = [item for item in check_tables(opened, NOW) if item.code == "contracts_side_by_side"]
    assert (found.level, found.rows) == ("note", 1)


@pytest.mark.parametrize(
    ("fault", "code", "level"),
    [
        (strangers, "unknown_customer", "error"),
        (future, "future_date", "error"),
        (ancient, "placeholder_date", "warning"),
        (backwards, "time_order", "error"),
        (out_of_range, "score_range", "error"),
        (no_nps, "no_relationship_answers", "error"),
        (spelling, "similar_touchpoints", "warning"),
        (no_measure, "blind_spot", "warning"),
        (repeated, "duplicate_event", "warning"),
        (twice, "duplicate_customer", "error"),
        (emails, "identifier", "warning"),
        (changing, "fixed_attribute", "warning"),
        (empty, "empty_table", "error"),
        (hole, "gap", "warning"),
    ],
    ids=lambda part: part.__name__ if callable(part) else None,
)
def test_each_fault_is_found(tmp_path: Path, fault: Callable[[Tables], None], code: str, level: str) -> None:
    """A planted fault is found under its own code and level, with a next move; the clean company lacks the code."""
    tables = company.make(tmp_path)
    with open_tables(company.settings(tmp_path)) as opened:
        assert code not in {item.code for item in check_tables(opened, NOW)}
    fault(tables)
    company.write(tmp_path, tables)
    with open_tables(company.settings(tmp_path)) as opened:
        found = {item.code: item for item in check_tables(opened, NOW)}
    assert found[code].level == level
    assert found[code].next
    assert found[code].message


def test_a_misspelt_journey_names_the_nearest(tmp_path: Path) -> None:
    """A touchpoint that only the journey knows is answered with the one that was probably meant."""
    company.make(tmp_path)
    path = tmp_path / "small.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["journey"] = {"cal": {"stage": "service"}}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with open_tables(company.settings(tmp_path)) as opened:
        found = [item for item in check_tables(opened, NOW) if item.code == "journey_without_data"]
    assert "did you mean 'call'" in found[0].next


def test_errors_come_first(tmp_path: Path) -> None:
    """What stops a run stands at the top."""
    tables = company.make(tmp_path)
    backwards(tables)
    spelling(tables)
    company.write(tmp_path, tables)
    with open_tables(company.settings(tmp_path)) as opened:
        levels = [item.level for item in check_tables(opened, NOW)]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)


def test_everything_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    """A missing file, two missing columns and a column that is no time stand in one list, beside the findings on the rest."""
    tables = company.make(tmp_path)
    backwards(tables)
    tables["transactions"] = tables["transactions"].rename_columns(
        ["who" if name == "customer_id" else name for name in tables["transactions"].column_names]
    )
    put(tables, "transactions", "occurred_at", pa.array([1.5] * len(tables["transactions"])))
    company.write(tmp_path, tables)
    (tmp_path / "surveys.parquet").unlink()
    settings = company.settings(tmp_path)
    with open_tables(settings, partial=True) as opened:
        found = [(item.code, item.table, item.column) for item in check_tables(opened, NOW) if item.level == "error"]
    assert found[:4] == [
        ("time_order", "subscriptions", "ended_at"),
        ("unreadable_table", "surveys", None),
        ("missing_column", "transactions", "customer_id"),
        ("missing_column", "transactions", "occurred_at"),
    ]
    with pytest.raises(ManyFaultsError, match=r"surveys\.parquet") as caught, open_tables(settings):
        pass
    assert len(caught.value.errors) == 3
    assert "customer_id" in str(caught.value)


def test_kinds_that_would_share_columns_are_an_error(tmp_path: Path) -> None:
    """'a b' and 'a,b' would give features of one name: the check says so, before the features do."""
    tables = company.make(tmp_path)
    kinds = ["a b" if n % 2 else "a,b" for n in range(len(tables["touchpoints"]))]
    put(tables, "touchpoints", "touchpoint", pa.array(kinds))
    company.write(tmp_path, tables)
    with open_tables(company.settings(tmp_path)) as opened:
        found = {item.code: item for item in check_tables(opened, NOW)}
    assert found["similar_touchpoints"].level == "error"
    assert "would share their columns" in found["similar_touchpoints"].message


def late(tables: Tables) -> None:
    """Everything was recorded ten days after it happened."""
    times = np.array(tables["touchpoints"]["occurred_at"].cast(pa.int64()))
    put(tables, "touchpoints", "recorded_at", company.micros(times + 10 * company.DAY))


def shifted(tables: Tables) -> None:
    """Recorded two hours before it happened, as where one of two times is not UTC."""
    times = np.array(tables["touchpoints"]["occurred_at"].cast(pa.int64()))
    put(tables, "touchpoints", "recorded_at", company.micros(times - 2 * company.DAY // 24))


def given_up(tables: Tables) -> None:
    """A back-office touchpoint that stops half way."""
    times = np.array(tables["touchpoints"]["occurred_at"].cast(pa.int64()))
    kinds = np.array(tables["touchpoints"]["touchpoint"].to_pylist())
    put(
        tables,
        "touchpoints",
        "touchpoint",
        pa.array(np.where(times < company.START + 200 * company.DAY, "bill", kinds)),
    )
    keep = (np.array(tables["touchpoints"]["touchpoint"].to_pylist()) != "bill") | (
        times < company.START + 200 * company.DAY
    )
    tables["touchpoints"] = tables["touchpoints"].filter(pa.array(keep))


def dried_up(tables: Tables) -> None:
    """A measure that the export stops to fill."""
    times = np.array(tables["touchpoints"]["occurred_at"].cast(pa.int64()))
    values = np.array(tables["touchpoints"]["wait_min"].to_pylist(), dtype=float)
    values[times > company.START + 200 * company.DAY] = np.nan
    put(tables, "touchpoints", "wait_min", pa.array(values, from_pandas=True))


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (
            late,
            "late_data",
            "100.0% of the rows were recorded a day or more after they happened (100.0% a week, 0.0% a",
        ),
        (shifted, "recorded_early", "of them by whole hours"),
        (given_up, "blind_spot", "'bill' has no row since"),
        (dried_up, "blind_spot", "the measure 'wait' has no value since"),
    ],
)
def test_what_is_seen_late_or_no_more(tmp_path: Path, fault: Callable[[Tables], None], code: str, words: str) -> None:
    """Late records, shifted clocks, and touchpoints and measures that went silent are told with how much and since when."""
    tables = company.make(tmp_path)
    fault(tables)
    company.write(tmp_path, tables)
    with open_tables(company.settings(tmp_path)) as opened:
        found = [item for item in check_tables(opened, NOW) if item.code == code and words in item.message]
    assert len(found) == 1
    assert found[0].next


def test_a_journey_without_any_encounter_is_a_blind_spot(tmp_path: Path) -> None:
    """Where 'journey' is described and no touchpoints are given, the check says so."""
    company.make(tmp_path)
    path = tmp_path / "small.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["journey"] = {"billing run": {"department": "back office"}}
    del content["data"]["tables"]["touchpoints"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with open_tables(company.settings(tmp_path)) as opened:
        codes = [item.code for item in check_tables(opened, NOW)]
    assert codes.count("journey_without_data") == 1


def test_a_flag_holds_no_and_yes_alone(tmp_path: Path) -> None:
    """A flag of 0, 1 and 2 is an error: how often it was no would be counted wrong."""
    tables = company.make(tmp_path)
    values = [(0.0, 1.0, 2.0, None)[n % 4] for n in range(len(tables["touchpoints"]))]
    put(tables, "touchpoints", "tone", pa.array(values))
    content = copy.deepcopy(company.CONFIG)
    content["data"]["tables"]["touchpoints"]["measures"]["tone"] = {"column": "tone", "unit": "flag"}
    company.write(tmp_path, tables, None, content)
    with open_tables(company.settings(tmp_path)) as opened:
        (found,) = [item for item in check_tables(opened) if item.code == "flag_values"]
    assert (found.level, found.column, found.rows) == ("error", "tone", values.count(2.0))
    assert "e.g. 2" in found.message


def test_attributes_that_would_share_a_column_are_an_error(tmp_path: Path) -> None:
    """Attributes that differ in signs only are named by check, not only when features are built."""
    tables = company.make(tmp_path)
    people = tables["customers"]
    for name in ("home town", "home-town"):
        people = people.append_column(name, people["region"])
    company.write(tmp_path, tables | {"customers": people})
    with open_tables(company.settings(tmp_path)) as opened:
        (found,) = [item for item in check_tables(opened) if item.code == "similar_attributes"]
    assert found.level == "error"
    assert found.message == "'home-town' and 'home town' would share the column 'home_town'"
