"""What was known of a customer before each row, as one number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.known import columns_read, known_of
from features.rows import Rows
from features.tables import open_tables
from tests.features import company

DATES = company.START + np.array([0, 100, 200, 300, 500]) * company.DAY
IDS = [f"c{n:03d}" for n in range(12)] + ["nobody"]


def rows() -> Rows:
    """Some customers at some dates."""
    return Rows(np.array(IDS * len(DATES), dtype=object), np.repeat(DATES, len(IDS)))


def known(folder: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """Numbers by date and customer."""
    with open_tables(company.settings(folder)) as tables:
        found = known_of(tables, rows())
    assert found is not None
    return found.reshape(len(DATES), len(IDS))


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, pa.Table]:
    """The tables of a small company, written under `base`."""
    return company.make(tmp_path / "base", customers=12)


def test_order_is_all_the_same(tmp_path: Path, tables: dict[str, pa.Table]) -> None:
    """Rows and columns in another order give the same numbers; different dates give different ones."""
    company.write(tmp_path / "shuffled", tables, order=5)
    base = known(tmp_path / "base")
    np.testing.assert_array_equal(known(tmp_path / "shuffled"), base)
    assert len(np.unique(base[:, :-1])) == base[:, :-1].size
    assert not base[:, -1].any()


def test_an_event_counts_from_when_it_was_known(tmp_path: Path, tables: dict[str, pa.Table]) -> None:
    """It happened on day 50 and was recorded on day 250: rows until day 200 know nothing of it, nor does anybody else."""
    table = tables["touchpoints"].slice(0, 1)
    new = {"customer_id": pa.array(["c003"]), "event_id": pa.array(["new"])}
    new |= {
        name: company.micros(np.array([company.START + day * company.DAY]))
        for name, day in (("occurred_at", 50), ("recorded_at", 250))
    }
    for name, value in new.items():
        table = table.set_column(table.column_names.index(name), name, value)
    more = {**tables, "touchpoints": pa.concat_tables([tables["touchpoints"], table])}
    company.write(tmp_path / "more", more)
    differs = known(tmp_path / "more") != known(tmp_path / "base")
    assert differs.any(axis=1).tolist() == [False, False, False, True, True]
    assert np.flatnonzero(differs.any(axis=0)).tolist() == [3]


def test_an_end_counts_from_when_it_came(tmp_path: Path, tables: dict[str, pa.Table]) -> None:
    """A contract that ends on day 250, for a reason that nobody knew before, is the same contract before."""
    for name, ended in (("running", None), ("ended", 250)):
        contract = tables["subscriptions"].slice(0, 1).drop_columns(["customer_id", "started_at", "ended_at"])
        times = {"started_at": 10, "ended_at": ended}
        for place, (column, day) in enumerate(times.items()):
            at = company.micros(np.array([company.START + (day or 0) * company.DAY]), np.array([day is None]))
            contract = contract.add_column(place, column, at)
        contract = contract.add_column(0, "customer_id", pa.array(["c003"]))
        subscriptions = pa.concat_tables([tables["subscriptions"].slice(1), contract])
        reasons = [None] * (len(subscriptions) - 1) + [None if ended is None else "price"]
        subscriptions = subscriptions.append_column("end_reason", pa.array(reasons, pa.string()))
        company.write(tmp_path / name, {**tables, "subscriptions": subscriptions})
    differs = known(tmp_path / "ended") != known(tmp_path / "running")
    assert differs[:, 3].tolist() == [False, False, False, True, True]
    assert differs.any(axis=0).sum() == 1


def test_the_columns_are_told(tmp_path: Path, tables: dict[str, pa.Table]) -> None:
    """Ids of events are no part of what is known, everything else is."""
    with open_tables(company.settings(tmp_path / "base")) as opened:
        found = columns_read(opened)
    assert found.keys() == tables.keys()
    assert "event_id" not in found["touchpoints"]
    assert {"m_wait", "recorded_at", "touchpoint"} <= set(found["touchpoints"])
