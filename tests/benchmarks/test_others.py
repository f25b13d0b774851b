"""The other benchmarks on little: curves, one customer online, families on a shop. What they say, never how long it takes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks import online, online_retail, scaling
from configs.settings import load
from tests.features import company


def test_one_customer_has_500_events(tmp_path: Path) -> None:
    """All ways answer for the same customer, a prepared journey as one that is read."""
    catalog, journey, moment = online.company(tmp_path, 150)
    found = online.measure(catalog, journey, moment, 20)
    assert found["events"] == online.EVENTS
    assert next(iter(found["ways"].values()))["features"] == len(catalog.features) > 300
    assert online.table(found).count("\n") == 3 + 1 + len(found["ways"])


def test_curves_are_drawn(tmp_path: Path) -> None:
    """Figures become tables and a picture."""
    point = {"events": 10, "customers": 5, "dates": 2, "cpu_seconds": 0.1, "peak_memory_mb": 100.0}
    found = {name: [point, {**point, name: 20}] for name in ("events", "dates", "customers")}
    found["catalogue"] = scaling.catalogue(tmp_path / "world", 120)
    assert found["catalogue"]["features"] > 300
    assert "ns per cell" in scaling.table(found)
    scaling.draw(found, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small company of which half stop buying; its configuration has one date for the test."""
    company.make(tmp_path, customers=60)
    table = pq.read_table(tmp_path / "transactions.parquet")
    pq.write_table(pa.concat_tables([table, table]), tmp_path / "transactions.parquet")
    content = yaml.safe_load(next(tmp_path.glob("*.yaml")).read_text(encoding="utf-8"))
    content["targets"] = {"churn": {"kind": "inactivity", "horizon_days": 20, "active_within_days": 90}}
    content["snapshots"] = {"every_days": 30, "first": "2024-03-01", "last": "2024-11-01"}
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_each_family_is_left_out_in_turn(shop: Path) -> None:
    """With all families and without each there is a figure for each date; nobody learns from rows that are not over."""
    found = online_retail.run(load(shop), ("2024-11-01",), rounds=3, seeds=1)
    assert list(found["without"])[0] == online_retail.ALL
    assert len(found["without"]) > 8
    ((train, test),) = found["rows"]
    assert train > test > 0
    assert online_retail.table(found).count("\n") == 2 + len(found["without"])
