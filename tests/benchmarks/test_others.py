"""The other benchmarks on little: curves, one customer online, families on a shop. What they say, never how long it takes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks import online, online_retail, scaling
from configs.settings import load
from features.tables import open_tables
from tests.features import company
from training.targets import rows_for

DATA = Path(os.environ.get("MOMENTS_DATA", online_retail.ROOT.parent / "shared" / "data"))


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
    assert list(found["without"])[:2] == [online_retail.ALL, online_retail.LEVELS]
    assert len(found["without"]) > 8
    ((train, test),) = found["rows"]
    assert train > test > 0
    text = online_retail.table(found)
    assert all(f"| {name} |" in text for name in list(found["without"])[2:])
    assert all(f"| {name} |" in text or f"| **{name}** |" in text for name in online_retail.PRESETS)


def test_what_only_tells_the_date_is_left_out(shop: Path) -> None:
    """The company's own levels teach nothing, as in training, but on the line that shows what they would."""
    found = online_retail.run(load(shop), ("2024-11-01",), rounds=2, seeds=1)
    (levels,) = found["only_the_date"]
    assert any(name.endswith("company_change_30d") for name in levels)
    counts = [found["without"][name][0]["features"] for name in (online_retail.ALL, online_retail.LEVELS)]
    assert counts[1] - counts[0] == len(levels)


def test_the_learner_is_chosen_without_the_judged_rows(shop: Path) -> None:
    """Other judged rows and other answers to them choose the same learner."""
    with open_tables(load(shop)) as tables:
        labelled = rows_for(tables, tables.settings, "churn").rows
        fold = online_retail.fold_at(tables, tables.settings, labelled, "2024-11-01")
    other = replace(fold, test=fold.test[::-1] * 2, truth=1 - fold.truth)
    assert online_retail.choose(fold, 4) == online_retail.choose(other, 4)


@pytest.mark.skipif(
    not (DATA / "online_retail_II.parquet").is_file(), reason="the data folder is not beside the project"
)
def test_the_real_shop_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the shop of the benchmark a little learning ranks the customers of the first date far better than chance."""
    monkeypatch.setenv("MOMENTS_DATA", str(DATA))
    monkeypatch.setattr(online_retail, "PRESETS", {"8 leaves": online_retail.PRESETS["8 leaves"]})
    settings = load(online_retail.ROOT / "configs" / "online_retail.yaml")
    found = online_retail.run(settings, online_retail.DATES[:1], rounds=10, seeds=1)
    assert found["rows"] == [[24_218, 3_382]]
    assert found["only_the_date"] == [
        ["company__encounter_quality__company_change_30d", "company__price__company_change_30d"]
    ]
    assert found["without"][online_retail.ALL][0]["auc"] > 0.75
