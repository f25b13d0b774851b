"""Labelled rows of every kind of target, on tables small enough to be labelled by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import ConfigError, DataError
from features.schema import NO_AS_OF
from tests.training.made import at, company
from training.targets import KINDS, LabelledRows, rows_for, task_of
from training.targets.nps import classes

ONE_DATE: dict[str, Any] = {"snapshots": {"first": "2024-06-01", "last": "2024-06-01"}}
CLOCK = {"customer_id": ["z", "z"], "occurred_at": ["2024-01-01", "2024-12-31"], "touchpoint": ["visit", "visit"]}


def labels(found: LabelledRows) -> dict[str, float]:
    assert found.rows.label is not None
    return dict(zip(found.rows.customer_id.tolist(), found.rows.label.tolist(), strict=True))


def people(*names: str) -> dict[str, list[Any]]:
    return {"customer_id": list(names)}


def contracts(*rows: tuple[str, str, str | None]) -> dict[str, dict[str, list[Any]]]:
    names, starts, ends = ([row[place] for row in rows] for place in range(3))
    return {
        "customers": people(*dict.fromkeys([*names, "z"])),
        "touchpoints": CLOCK,
        "subscriptions": {"customer_id": names, "started_at": starts, "ended_at": ends},
    }


def test_cancellation_labels(tmp_path: Path) -> None:
    """1 only where a contract ends inside the window and none runs when it closes; the edges are [opens, closes)."""
    rows = contracts(
        ("runs", "2024-01-01", None),
        ("leaves", "2024-01-01", "2024-06-20"),
        ("leaves_at_opening", "2024-01-01", "2024-06-01"),
        ("leaves_at_close", "2024-01-01", "2024-07-31"),
        ("renews", "2024-01-01", "2024-06-20"),
        ("renews", "2024-06-21", None),
        ("comes_back_later", "2024-01-01", "2024-06-20"),
        ("comes_back_later", "2024-09-01", None),
        ("left_before", "2024-01-01", "2024-05-31"),
        ("not_yet", "2024-06-01", None),
        ("comes_and_goes", "2024-01-01", "2024-06-10"),
        ("comes_and_goes", "2024-06-15", "2024-07-01"),
    )
    targets = {"churn": {"kind": "cancellation", "horizon_days": 60}}
    with company(tmp_path, targets, rows, **ONE_DATE) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert labels(found) == {
        "runs": 0.0,
        "leaves": 1.0,
        "leaves_at_opening": 1.0,
        "leaves_at_close": 0.0,
        "renews": 0.0,
        "comes_back_later": 1.0,
        "comes_and_goes": 1.0,
    }
    assert found.dropped == {"censored": 0, "left_during_lead": 0}


def test_cancellation_drops_who_left_during_the_lead(tmp_path: Path) -> None:
    """With a lead, who is gone when the label window opens is dropped and counted."""
    rows = contracts(
        ("gone", "2024-01-01", "2024-06-10"), ("late", "2024-01-01", "2024-07-10"), ("runs", "2024-01-01", None)
    )
    targets = {"churn": {"kind": "cancellation", "horizon_days": 60, "lead_days": 14}}
    with company(tmp_path, targets, rows, **ONE_DATE) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert labels(found) == {"late": 1.0, "runs": 0.0}
    assert found.dropped["left_during_lead"] == 1


def test_censored_rows_are_counted(tmp_path: Path) -> None:
    """Customers at a date whose label window is not over are no rows, and the count says how many."""
    rows = contracts(("runs", "2024-01-01", None), ("also", "2024-02-01", None))
    targets = {"churn": {"kind": "cancellation", "horizon_days": 60}}
    keys = {"snapshots": {"first": "2024-10-01", "last": "2024-12-01", "every_days": 61}}
    with company(tmp_path, targets, rows, **keys) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert set(found.rows.as_of.tolist()) == {at("2024-10-01")}
    assert found.dropped["censored"] == 2


def test_inactivity_labels(tmp_path: Path) -> None:
    """Active before as_of (the moment itself is after it), 1 where no transaction falls into the window."""
    events = {
        "stays": ["2024-05-20", "2024-06-20"],
        "leaves": ["2024-05-20", "2024-08-20"],
        "at_as_of": ["2024-05-20", "2024-06-01"],
        "at_close": ["2024-05-20", "2024-07-31"],
        "too_long_ago": ["2024-01-01", "2024-06-20"],
        "edge_of_activity": ["2024-05-02", "2024-06-20"],
        "new": ["2024-06-02", "2024-12-31"],
    }
    rows = {
        "customers": people(*events),
        "transactions": {
            "customer_id": [name for name, days in events.items() for _ in days],
            "occurred_at": [day for days in events.values() for day in days],
            "amount": [1.0 for days in events.values() for _ in days],
        },
    }
    targets = {"churn": {"kind": "inactivity", "horizon_days": 60, "active_within_days": 30}}
    with company(tmp_path, targets, rows, **ONE_DATE) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert labels(found) == {"stays": 0.0, "leaves": 1.0, "at_as_of": 0.0, "at_close": 1.0, "edge_of_activity": 0.0}


def test_inactivity_counts_touchpoints_where_there_are_no_transactions(tmp_path: Path) -> None:
    """Without transactions an encounter is the sign of life."""
    rows = {"customers": people("z"), "touchpoints": {**CLOCK, "occurred_at": ["2024-05-20", "2024-12-31"]}}
    targets = {"churn": {"kind": "inactivity", "horizon_days": 60, "active_within_days": 30}}
    with company(tmp_path, targets, rows, **ONE_DATE) as tables:
        assert labels(rows_for(tables, tables.settings, "churn")) == {"z": 1.0}


WAITING = {"kind": "time_to_churn", "days": [30, 60], "active_within_days": 30}


def test_time_to_churn_labels(tmp_path: Path) -> None:
    """Days until a contract ended with none running when its period was over; minus the days that were over without."""
    rows = contracts(
        ("runs", "2024-01-01", None),
        ("first", "2024-01-01", "2024-06-20"),
        ("second", "2024-01-01", "2024-07-20"),
        ("at_opening", "2024-01-01", "2024-06-01"),
        ("at_close", "2024-01-01", "2024-07-31"),
        ("renews", "2024-01-01", "2024-06-20"),
        ("renews", "2024-06-21", None),
        ("comes_back_later", "2024-01-01", "2024-06-20"),
        ("comes_back_later", "2024-07-10", None),
        ("comes_and_goes", "2024-01-01", "2024-06-10"),
        ("comes_and_goes", "2024-06-15", "2024-06-25"),
        ("left_before", "2024-01-01", "2024-05-31"),
        ("not_yet", "2024-06-01", None),
    )
    with company(tmp_path, {"churn": {**WAITING, "label": "cancellation"}}, rows, **ONE_DATE) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert labels(found) == {
        "runs": -60.0,
        "first": 19.0,
        "second": 49.0,
        "at_opening": 0.0,
        "at_close": -60.0,
        "renews": -60.0,
        "comes_back_later": 19.0,
        "comes_and_goes": 24.0,
    }


def test_the_first_period_is_the_churn_target(tmp_path: Path) -> None:
    """Who churned in the first period is who a churn target of that horizon says, dates and the lead included."""
    rng = np.random.default_rng(5)
    day = np.datetime64("2024-01-01")
    spells = [
        (f"c{number:03d}", str(day + start), None if end > 330 else str(day + start + end))
        for number in range(120)
        for start, end in zip(rng.integers(0, 300, 3).tolist(), rng.integers(5, 400, 3).tolist(), strict=True)
    ]
    targets = {
        "churn": {"kind": "cancellation", "horizon_days": 30, "lead_days": 7},
        "curve": {**WAITING, "label": "cancellation", "lead_days": 7},
    }
    with company(
        tmp_path, targets, contracts(*spells), snapshots={"first": "2024-05-01", "last": "2024-10-28"}
    ) as tables:
        churn, curve = (rows_for(tables, tables.settings, name) for name in targets)
    assert churn.rows.label is not None
    assert curve.rows.label is not None
    np.testing.assert_array_equal(churn.rows.as_of, curve.rows.as_of)
    np.testing.assert_array_equal(churn.rows.label > 0, (curve.rows.label >= 0) & (curve.rows.label < 30))
    assert 0 < churn.rows.label.sum() < len(churn.rows.label)


def test_waiting_is_followed_as_far_as_the_data_go(tmp_path: Path) -> None:
    """A date of which one period is over gives rows that know that one; a date of which none is, counted rows."""
    rows = contracts(("runs", "2024-01-01", None), ("leaves", "2024-01-01", "2024-12-20"))
    keys = {"snapshots": {"first": "2024-10-01", "last": "2024-12-10", "every_days": 35}}
    with company(tmp_path, {"churn": {**WAITING, "label": "cancellation"}}, rows, **keys) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert found.rows.as_of.tolist() == [at("2024-10-01")] * 2 + [at("2024-11-05")] * 2
    # In December nobody had left by the end of the period that was over; what came after is not told.
    assert found.rows.label is not None
    assert found.rows.label.tolist() == [-60.0, -60.0, -30.0, -30.0]
    assert found.dropped["censored"] == 2


def test_time_to_return_labels(tmp_path: Path) -> None:
    """For inactivity what ends the waiting is the next transaction in a period that was over."""
    events = {
        "soon": ["2024-05-20", "2024-06-03"],
        "at_as_of": ["2024-05-20", "2024-06-01"],
        "later": ["2024-05-20", "2024-07-20", "2024-07-22"],
        "never": ["2024-05-20", "2024-08-20"],
        "too_long_ago": ["2024-01-01", "2024-06-20"],
        "new": ["2024-06-02", "2024-12-31"],
    }
    rows = {
        "customers": people(*events),
        "transactions": {
            "customer_id": [name for name, days in events.items() for _ in days],
            "occurred_at": [day for days in events.values() for day in days],
            "amount": [1.0 for days in events.values() for _ in days],
        },
    }
    with company(tmp_path, {"churn": {**WAITING, "label": "inactivity"}}, rows, **ONE_DATE) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert labels(found) == {"soon": 2.0, "at_as_of": 0.0, "later": 49.0, "never": -60.0}


def test_a_column_has_no_times(tmp_path: Path) -> None:
    """Time to churn of a column is refused by name."""
    rows = {"customers": {"customer_id": ["a"], "left": ["y"]}}
    with (
        company(tmp_path, {"churn": {**WAITING, "label": "column"}}, rows) as tables,
        pytest.raises(DataError, match="not when"),
    ):
        rows_for(tables, tables.settings, "churn")


@pytest.mark.parametrize(
    ("positive", "values", "expected"),
    [
        ("Yes", ["Yes", "No", None, "Yes"], [1.0, 0.0, 1.0]),
        (True, ["yes", "NO", "y", "0"], [1.0, 0.0, 1.0, 0.0]),
        (False, ["true", "false", "true", "false"], [0.0, 1.0, 0.0, 1.0]),
        (1, ["1", "0", "1.0", "2"], [1.0, 0.0, 1.0, 0.0]),
    ],
)
def test_column_labels(tmp_path: Path, positive: Any, values: list[Any], expected: list[float]) -> None:
    """The positive value is found as text, as a number, or as what YAML makes of a bare Yes; no label is no row."""
    rows = {"customers": {"customer_id": list("abcd"), "left": values, "age": [1, 2, 3, 4]}}
    targets = {"churn": {"kind": "column", "column": "left", "positive": positive}}
    with company(tmp_path, targets, rows) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert list(labels(found).values()) == expected
    assert set(found.rows.as_of.tolist()) == {NO_AS_OF}
    assert found.dropped == {"no_label": values.count(None)}


def test_column_labels_with_a_moment(tmp_path: Path) -> None:
    """With `as_of` every row stands at that moment; of several versions the newest says how it ended."""
    rows = {
        "customers": {
            "customer_id": ["a", "a", "b"],
            "valid_from": ["2024-01-01", "2024-05-01", "2024-01-01"],
            "left": list("nyn"),
        }
    }
    targets = {"churn": {"kind": "column", "column": "left", "positive": "y", "as_of": "2024-06-01"}}
    with company(tmp_path, targets, rows) as tables:
        found = rows_for(tables, tables.settings, "churn")
    assert labels(found) == {"a": 1.0, "b": 0.0}
    assert set(found.rows.as_of.tolist()) == {at("2024-06-01")}


def test_a_positive_value_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    """The message lists the values and proposes the closest."""
    rows = {"customers": {"customer_id": ["a", "b"], "left": ["Attrited Customer", "Existing Customer"]}}
    targets = {"churn": {"kind": "column", "column": "left", "positive": "Atrited Customer"}}
    with company(tmp_path, targets, rows) as tables, pytest.raises(DataError, match="did you mean 'Attrited Customer'"):
        rows_for(tables, tables.settings, "churn")


def test_survey_rows(tmp_path: Path) -> None:
    """One row per answer on the relationship; answers about an encounter and impossible scores are counted out."""
    rows = {
        "customers": people("a", "b"),
        "surveys": {
            "customer_id": ["b", "a", "a", "a", "b", "b", "a", "a"],
            "answered_at": [
                "2024-01-02",
                "2024-01-01",
                "2024-02-01",
                "2024-03-01",
                "2024-03-01",
                "2024-04-01",
                "2024-04-01",
                "2024-05-01",
            ],
            "metric": ["nps", "nps", "nps", "nps", "csat", "nps", "nps", "nps"],
            "score": [10.0, 0.0, 11.0, 9.0, 5.0, 6.5, 7.0, None],
            "touchpoint": [None, None, None, "call", None, None, "", None],
        },
    }
    with company(tmp_path, {"nps": {"kind": "survey"}}, rows) as tables:
        found = rows_for(tables, tables.settings, "nps")
    assert found.rows.customer_id.tolist() == ["a", "b", "a"]
    assert found.rows.as_of.tolist() == [at("2024-01-01"), at("2024-01-02"), at("2024-04-01")]
    assert found.rows.label is not None
    assert found.rows.label.tolist() == [0.0, 10.0, 7.0]
    assert found.dropped == {
        "about_an_encounter": 1,
        "not_answered": 1,
        "score_out_of_range": 2,
        "same_moment": 0,
    }


def test_ratings_are_apart_from_the_relationship(tmp_path: Path) -> None:
    """A rating of one encounter has rows of its own, within its own scale, and no model; another touchpoint is named."""
    rows = {
        "customers": people("a", "b"),
        "surveys": {
            "customer_id": ["a", "a", "b", "b"],
            "answered_at": ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"],
            "metric": ["csat", "csat", "csat", "nps"],
            "score": [5.0, 6.0, 2.0, 9.0],
            "touchpoint": ["call", "call", "visit", "call"],
        },
    }
    targets = {
        "call": {"kind": "survey", "metric": "csat", "touchpoint": "call"},
        "chat": {"kind": "survey", "metric": "csat", "touchpoint": "chat"},
        "recommended_after_call": {"kind": "survey", "metric": "nps", "touchpoint": "call"},
    }
    with company(tmp_path, targets, rows) as tables:
        found = rows_for(tables, tables.settings, "call")
        assert rows_for(tables, tables.settings, "recommended_after_call").rows.customer_id.tolist() == ["b"]
        with pytest.raises(DataError, match="is about 'chat'") as refused:
            rows_for(tables, tables.settings, "chat")
        assert not tables.settings.trained
        assert task_of(tables.settings.targets["call"]) == "rating"
    assert refused.value.available == "call, visit"
    assert found.rows.label is not None
    assert found.rows.label.tolist() == [5.0]
    assert found.dropped == {"about_something_else": 1, "not_answered": 0, "score_out_of_range": 1, "same_moment": 0}


def test_two_answers_in_one_moment_are_one_row(tmp_path: Path) -> None:
    """Of two answers at the same time the lower one stays, and the other is counted."""
    rows = {
        "customers": people("a"),
        "surveys": {
            "customer_id": ["a", "a"],
            "answered_at": ["2024-01-01", "2024-01-01"],
            "metric": ["nps", "nps"],
            "score": [9.0, 3.0],
        },
    }
    with company(tmp_path, {"nps": {"kind": "survey"}}, rows) as tables:
        found = rows_for(tables, tables.settings, "nps")
    assert labels(found) == {"a": 3.0}
    assert found.dropped["same_moment"] == 1


def test_scores_become_categories() -> None:
    """0-6 detractor, 7-8 passive, 9-10 promoter."""
    assert classes(np.arange(11.0)).tolist() == [0] * 7 + [1] * 2 + [2] * 2


def test_spend_sums_the_window_exactly(tmp_path: Path) -> None:
    """Refunds count, the edges are [opens, closes), and who bought nothing spent nothing."""
    rows = {
        "customers": people("a", "b"),
        "transactions": {
            "customer_id": ["a", "a", "a", "a", "b", "z"],
            "occurred_at": ["2024-05-01", "2024-06-01", "2024-06-20", "2024-07-31", "2024-05-01", "2024-12-31"],
            "amount": [5.0, 0.1, 0.2, 99.0, 7.0, 1.0],
        },
    }
    with company(tmp_path, {"value": {"kind": "spend", "horizon_days": 60}}, rows, **ONE_DATE) as tables:
        found = rows_for(tables, tables.settings, "value")
    assert labels(found) == {"a": 0.3, "b": 0.0}


def test_spend_of_contracts_without_transactions(tmp_path: Path) -> None:
    """Where there are contracts but no transactions, the fee for the time they run inside the window is the money."""
    rows = contracts(("all", "2024-01-01", None), ("half", "2024-01-01", "2024-07-01"))
    rows["subscriptions"]["monthly_fee"] = [10.0, 10.0]
    with company(tmp_path, {"value": {"kind": "spend", "horizon_days": 60}}, rows, **ONE_DATE) as tables:
        found = labels(rows_for(tables, tables.settings, "value"))
    assert found["all"] == pytest.approx(10 * 60 / (365.25 / 12), abs=1e-3)
    assert found["half"] == pytest.approx(10 * 30 / (365.25 / 12), abs=1e-3)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"kind": "cancellation", "horizon_days": 30}, "needs the table 'subscriptions'"),
        ({"kind": "survey"}, "needs the table 'surveys'"),
        ({"kind": "spend", "horizon_days": 30}, "needs the table 'transactions'"),
        ({"kind": "time_to_churn", "label": "cancellation"}, "needs the table 'subscriptions'"),
        ({"kind": "inactivity", "horizon_days": 30}, "nothing says when a customer was active"),
    ],
)
def test_a_missing_table_is_named(tmp_path: Path, target: dict[str, Any], message: str) -> None:
    """A target without its table says which table it needs."""
    with (
        company(tmp_path, {"t": target}, {"customers": {"customer_id": ["a"], "age": [1]}}) as tables,
        pytest.raises(DataError, match=message),
    ):
        rows_for(tables, tables.settings, "t")


def test_an_unknown_target_is_named(tmp_path: Path) -> None:
    """A target that is not configured is answered with the nearest that is."""
    rows = {"customers": {"customer_id": ["a"], "left": ["y"]}}
    targets = {"churn": {"kind": "column", "column": "left", "positive": "y"}}
    with company(tmp_path, targets, rows) as tables, pytest.raises(ConfigError, match="did you mean 'churn'"):
        rows_for(tables, tables.settings, "chrun")


def test_every_kind_has_a_task(tmp_path: Path) -> None:
    """Each kind of target that a configuration can name is in the registry."""
    assert set(KINDS) == {"cancellation", "inactivity", "column", "survey", "spend", "time_to_churn"}
    with company(tmp_path, {"nps": {"kind": "survey"}}, {"customers": {"customer_id": ["a"]}}) as tables:
        assert task_of(tables.settings.targets["nps"]) == "ordinal"
