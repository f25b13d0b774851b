"""The benchmark of a month more on little: a company a month ago, both ways, one table."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks import new_month
from features.schema import MICROSECONDS_PER_DAY as DAY


def test_a_month_more_gives_the_bytes_of_a_fresh_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of the old dates are taken over in every set, and the figures say so."""
    monkeypatch.chdir(Path(new_month.__file__).parents[1])
    found = new_month.compared(tmp_path, customers=150, runs=1)
    assert all("rows taken over" in item["told"] for item in found[new_month.MORE]["sets"].values())
    assert not any("taken over" in item["told"] for item in found[new_month.FRESH]["sets"].values())
    said = new_month.table(found)
    assert f"| all of it | {found[new_month.MORE]['cpu_seconds']:.1f} |" in said
    assert "- churn: " in said


def test_a_month_ago_nobody_knew_of_what_came() -> None:
    """Later contracts are not there yet; one that ended later runs, and nothing tells why it will end."""
    times = pa.array([0, 5 * DAY, 40 * DAY], pa.timestamp("us", tz="UTC"))
    ends = pa.array([20 * DAY, 40 * DAY, None], pa.timestamp("us", tz="UTC"))
    contracts = pa.table({"started_at": times, "ended_at": ends, "end_reason": ["price", "moved", None]})
    found = new_month.until(contracts, "started_at", date(1970, 1, 31)).to_pydict()
    assert found["end_reason"] == ["price", None]
    assert found["ended_at"][1] is None
