"""The grid of as_of dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.errors import DataError
from tests.training.made import DAY, at, company
from training.targets.grid import grid, iso, one

TARGET = {"churn": {"kind": "inactivity", "horizon_days": 60, "active_within_days": 100}}


def rows(*days: str) -> dict[str, dict[str, list[Any]]]:
    return {
        "customers": {"customer_id": ["a"]},
        "transactions": {"customer_id": ["a"] * len(days), "occurred_at": list(days), "amount": [1.0] * len(days)},
    }


def test_auto_dates_lie_between_history_and_label_window(tmp_path: Path) -> None:
    """The last date is the last midnight with a whole label window, the first leaves the activity span before it."""
    with company(tmp_path, TARGET, rows("2024-01-01", "2024-12-31 10:00")) as tables:
        found = grid(tables, tables.settings, tables.settings.targets["churn"])
    assert iso(found.dates[-1]) == "2024-11-01T00:00:00Z"
    assert found.dates[0] >= at("2024-01-01") + 100 * DAY
    assert {b - a for a, b in zip(found.dates[:-1], found.dates[1:], strict=True)} == {30 * DAY}


def test_dates_after_the_last_are_kept_as_censored(tmp_path: Path) -> None:
    """With an automatic last date the later dates up to the end of the data are there to be counted."""
    with company(tmp_path, TARGET, rows("2024-01-01", "2024-12-31")) as tables:
        found = grid(tables, tables.settings, tables.settings.targets["churn"])
    assert [iso(date)[:10] for date in found.censored] == ["2024-12-01", "2024-12-31"]


def test_a_given_last_date_anchors_the_grid(tmp_path: Path) -> None:
    """Dates go back from the given last one; one whose window is not over is censored."""
    keys = {"snapshots": {"last": "2024-11-20", "first": "2024-09-01"}}
    with company(tmp_path, TARGET, rows("2024-01-01", "2024-12-31"), **keys) as tables:
        found = grid(tables, tables.settings, tables.settings.targets["churn"])
    assert [iso(date)[:10] for date in found.dates] == ["2024-09-21", "2024-10-21"]
    assert [iso(date)[:10] for date in found.censored] == ["2024-11-20"]


def test_too_short_data_are_refused_with_the_span(tmp_path: Path) -> None:
    """Without a date that has history and label window the message says how long the data are."""
    with (
        company(tmp_path, TARGET, rows("2024-01-01", "2024-03-01")) as tables,
        pytest.raises(DataError, match=r"2024-01-01T00:00:00Z to 2024-03-01"),
    ):
        grid(tables, tables.settings, tables.settings.targets["churn"])


def test_old_contracts_do_not_stretch_the_grid(tmp_path: Path) -> None:
    """A contract of 1999 does not make dates before the first record of an encounter."""
    made = rows("2024-01-01", "2024-12-31")
    made["subscriptions"] = {"customer_id": ["a"], "started_at": ["1999-01-01"], "ended_at": [None]}
    with company(tmp_path, {"churn": {"kind": "cancellation", "horizon_days": 60}}, made) as tables:
        found = grid(tables, tables.settings, tables.settings.targets["churn"])
    assert found.dates[0] >= at("2024-01-01") + 90 * DAY


def test_a_placeholder_does_not_stretch_the_grid(tmp_path: Path) -> None:
    """One payment of the year 1, as programs write where they know no time, does not make a date of each month since."""
    real = [f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    with company(tmp_path, TARGET, rows("0001-01-01", *real)) as tables:
        found = grid(tables, tables.settings, tables.settings.targets["churn"])
    assert found.dates[0] >= at("2024-01-01") + 100 * DAY


def test_one_reads_its_result_to_the_end(tmp_path: Path) -> None:
    """After `one` the connection takes other work."""
    with company(tmp_path, TARGET, rows("2024-01-01")) as tables:
        assert one(tables, "SELECT 1, 2") == (1, 2)
        tables.con.register("free", tables.arrow("SELECT 1 AS x"))
