"""A pilot's table from a file, and what became of its customers, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.errors import ConfigError, DataError
from configs.settings import Settings, load
from drivers.claims.pilot_rows import outcomes, read
from drivers.claims.pilot_tell import tell
from features.tables import open_tables
from training import dataset

DAY = 86_400_000_000
START = 1_700_000_000_000_000 // DAY * DAY
SQL = "SELECT customer_id, assigned_at, reached FROM pilot"


def _times(days: list[float | None]) -> pa.Array:
    values = [None if day is None else int(START + day * DAY) for day in days]
    return pa.array(values, pa.timestamp("us", tz="UTC"))


def company(
    folder: Path, *, gain: float = 0.0, customers: int = 400, pilot: str | None = None, **source: Any
) -> Settings:
    """Customers with contracts, calls and an answer after day 400; half are reached at day 400, which lifts their score by `gain`."""
    rng = np.random.default_rng(3)
    ids = [f"c{n:04d}" for n in range(customers)]
    reached = rng.random(customers) < 0.5
    before = np.clip(np.round(7 + 2 * rng.normal(size=customers)), 0, 10)
    after = np.clip(np.round(7 + gain * reached + 2 * rng.normal(size=customers)), 0, 10)
    ends = [None if n % 10 else 430.0 for n in range(customers)]
    tables = {
        "customers": pa.table({"customer_id": ids, "region": [("north", "south")[n % 2] for n in range(customers)]}),
        "touchpoints": pa.table(
            {
                "customer_id": rng.choice(ids, 3000).tolist(),
                "occurred_at": _times(rng.uniform(0, 600, 3000).tolist()),
                "touchpoint": rng.choice(["call", "visit"], 3000).tolist(),
            }
        ),
        "surveys": pa.table(
            {
                "customer_id": [*ids, *ids],
                "answered_at": _times([*(300 + rng.uniform(0, 50, customers)), *(420 + rng.uniform(0, 30, customers))]),
                "metric": ["nps"] * 2 * customers,
                "score": [*before, *after],
            }
        ),
        "subscriptions": pa.table(
            {"customer_id": ids, "started_at": _times([0.0] * customers), "ended_at": _times(ends)}
        ),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    lines = ["customer_id,assigned_at,reached"]
    lines += [f"{name},2024-12-18,{'yes' if hit else 'no'}" for name, hit in zip(ids, reached, strict=True)]
    (folder / "pilot.csv").write_text(pilot or "\n".join(lines) + "\n", encoding="utf-8")
    config = {
        "data": {
            "tables": {name: {"path": f"{name}.parquet"} for name in tables},
            "sources": {"pilot": {"path": "pilot.csv"}},
        },
        "targets": {"nps": {"kind": "survey"}, "churn": {"kind": "cancellation", "horizon_days": 60}},
        "drivers": {"pilot": {"sql": SQL, **source}},
    }
    path = folder / "company.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return load(path)


def test_outcomes_are_looked_at_from_the_draw_on(tmp_path: Path) -> None:
    """The answer after the draw counts and not the one before; who ends within the horizon has left."""
    settings = company(tmp_path)
    assert settings.drivers.pilot is not None
    with open_tables(settings) as tables:
        found = read(tables, settings, settings.drivers.pilot)
        nps = outcomes(tables, settings.targets["nps"], found, 90)
        churn = outcomes(tables, settings.targets["churn"], found, 90)
    assert len(found.rows) == 400
    assert found.left_out == {"unknown_customer": 0, "no_time": 0, "not_said": 0, "drawn_again": 0}
    assert nps is not None
    assert churn is not None
    scores = pq.read_table(tmp_path / "surveys.parquet").column("score").to_numpy()[400:]
    points = np.where(scores <= 6, -100, np.where(scores >= 9, 100, 0))
    assert nps.value.tolist() == points.tolist()
    assert nps.over.all()
    left = np.array([n % 10 == 0 for n in range(400)])
    assert churn.value.tolist() == left.astype(float).tolist()
    assert churn.kind == "churn"


def test_rows_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    """Strangers, missing times and words, and customers who were drawn twice."""
    lines = ["customer_id,assigned_at,reached", "c0001,2024-12-18,1", "c0001,2024-12-20,0", "c0002,2024-12-18,0"]
    lines += ["nobody,2024-12-18,1", "c0003,,1", "c0004,2024-12-18,"]
    settings = company(tmp_path, pilot="\n".join(lines) + "\n")
    assert settings.drivers.pilot is not None
    with open_tables(settings) as tables:
        found = read(tables, settings, settings.drivers.pilot)
    assert found.left_out == {"unknown_customer": 1, "no_time": 1, "not_said": 1, "drawn_again": 1}
    assert found.rows.customer_id.tolist() == ["c0001", "c0002"]
    assert found.reached.tolist() == [True, False]


@pytest.mark.parametrize(
    ("sql", "pilot", "error", "said"),
    [
        ("SELECT customer_id, assigned_at FROM pilot", None, ConfigError, "gives no reached"),
        ("SELECT * FROM nowhere", None, ConfigError, "data.sources"),
        (SQL, "customer_id,assigned_at,reached\nc0001,2024-12-18,perhaps\n", DataError, "perhaps"),
        (SQL, "customer_id,assigned_at,reached\nstranger,2024-12-18,yes\n", DataError, "no row of the pilot"),
    ],
)
def test_faults_are_named(tmp_path: Path, sql: str, pilot: str | None, error: type[Exception], said: str) -> None:
    """A missing column, a missing table, words that say nothing, and a pilot of strangers."""
    settings = company(tmp_path, pilot=pilot, sql=sql)
    assert settings.drivers.pilot is not None
    with open_tables(settings) as tables, pytest.raises(error, match=said):
        read(tables, settings, settings.drivers.pilot)


def _told(settings: Settings) -> dict[str, dict[str, Any]]:
    with open_tables(settings) as tables:
        for name in settings.targets:
            dataset.make(tables, settings, name)
        return tell(tables, settings)


def test_a_planted_effect_is_shown_and_churn_is_left_alone(tmp_path: Path) -> None:
    """Two points of score more show in NPS points; churn, which the pilot did not touch, shows nothing."""
    told = _told(company(tmp_path, gain=2.0, touchpoint="call", planned_share=0.5))
    assert told["nps"]["status"] == "shown"
    assert told["nps"]["effect"]["low"] > 15
    assert (told["nps"]["claim"], told["nps"]["source"], told["nps"]["touchpoint"]) == ("experimental", "query", "call")
    assert told["churn"]["status"] == "not_shown"


def test_a_pilot_that_changed_nothing_shows_nothing(tmp_path: Path) -> None:
    """The interval holds zero, and what would have shown is told."""
    told = _told(company(tmp_path))["nps"]
    assert told["status"] == "not_shown"
    assert told["effect"]["low"] < 0 < told["effect"]["high"]
    assert told["smallest_effect"] > 0


def test_who_was_reached_by_region_was_not_drawn(tmp_path: Path) -> None:
    """Where what was known before tells the arms apart it is an association, and no effect is told."""
    lines = ["customer_id,assigned_at,reached", *(f"c{n:04d},2024-12-18,{n % 2}" for n in range(400))]
    told = _told(company(tmp_path, pilot="\n".join(lines) + "\n"))["nps"]
    assert told["status"] == "not_randomised"
    assert told["effect"] is None
