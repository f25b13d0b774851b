"""Touchpoints that exist because of the outcome are caught; those that merely precede it are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import Settings, load
from drivers.timing import Timing, timings
from features.tables import open_tables

DAY = 86_400_000_000
START = 1_700_000_000_000_000 // DAY * DAY
SPAN = 700


def _times(days: Any) -> pa.Array:
    return pa.array((START + np.asarray(days) * DAY).astype("int64"), pa.timestamp("us", tz="UTC"))


def _company(folder: Path, *, surveys: bool = True, subscriptions: bool = True) -> Settings:
    """Two hundred customers: half leave, all answer twice; calls at random, complaints more often before an end."""
    rng = np.random.default_rng(1)
    ids = np.array([f"c{n:03d}" for n in range(200)])
    end = rng.uniform(200, 600, 100)
    events: list[tuple[str, float, str]] = []

    def add(customer: str, day: float, kind: str) -> None:
        if 0 <= day < SPAN:
            events.append((customer, float(day), kind))

    answered = {c: [rng.uniform(50, 300), rng.uniform(350, 650)] for c in ids}
    for number, customer in enumerate(ids):
        for day in rng.uniform(0, end[number] if number < 100 else SPAN, 12):
            add(customer, day, "call")
        for day in rng.uniform(0, end[number] if number < 100 else SPAN, 2):
            add(customer, day, "complaint")
        for day in answered[customer]:
            if rng.random() < 0.5:
                add(customer, day + rng.uniform(0.1, 5), "callback")
        if number < 100:
            add(customer, end[number] - rng.uniform(0, 60), "complaint")
            add(customer, end[number] - rng.uniform(0, 25), "retention")
            add(customer, end[number] + rng.uniform(1, 40), "goodbye")
    for customer in ids[:4]:
        add(customer, answered[customer][0] + 1, "rare")
    rng.shuffle(events)
    names, days, kinds = zip(*events, strict=True)
    tables = {
        "customers": pa.table({"customer_id": ids}),
        "touchpoints": pa.table({"customer_id": names, "occurred_at": _times(days), "touchpoint": kinds}),
    }
    if surveys:
        who = np.repeat(ids, 2)
        tables["surveys"] = pa.table(
            {
                "customer_id": who,
                "answered_at": _times([day for c in ids for day in answered[c]]),
                "metric": ["nps"] * len(who),
                "score": rng.integers(0, 11, len(who)),
            }
        )
    if subscriptions:
        # Everybody changes the plan at day 100 without leaving; those who left at `end` do not come back.
        mask = np.concatenate([np.zeros(200, dtype=bool), np.arange(200) >= 100])
        last = np.concatenate([np.full(200, 100.0), np.concatenate([end, np.zeros(100)])])
        tables["subscriptions"] = pa.table(
            {
                "customer_id": np.concatenate([ids, ids]),
                "started_at": _times(np.concatenate([np.zeros(200), np.full(200, 100.0)])),
                "ended_at": pa.array((START + last * DAY).astype("int64"), pa.timestamp("us", tz="UTC"), mask=mask),
            }
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


def _timings(settings: Settings) -> dict[str, Timing] | None:
    with open_tables(settings) as tables:
        found = timings(tables, settings.drivers)
    return None if found is None else {one.touchpoint: one for one in found}


def test_consequences_are_caught_and_causes_are_not(tmp_path: Path) -> None:
    """A call-back to answers, a retention desk and what follows an end are late; calls and complaints are not."""
    found = _timings(_company(tmp_path))
    assert found is not None
    assert {name for name, one in found.items() if one.late} == {"callback", "retention", "goodbye"}
    assert found["complaint"].share > found["call"].share
    assert found["callback"].share == 1.0


def test_too_few_encounters_are_not_judged(tmp_path: Path) -> None:
    """Four encounters after answers prove nothing."""
    found = _timings(_company(tmp_path))
    assert found is not None
    assert found["rare"].share == 1.0
    assert not found["rare"].late


def test_changing_the_plan_is_no_end(tmp_path: Path) -> None:
    """What lies before or after a contract's end counts only if no other contract runs then."""
    found = _timings(_company(tmp_path, surveys=False))
    assert found is not None
    # Were the change of plan at day 100 an end, most calls would lie after one.
    assert found["call"].share < 0.2
    assert not found["callback"].late


@pytest.mark.parametrize("kept", ["surveys", "subscriptions"])
def test_one_kind_of_moment_is_enough(tmp_path: Path, kept: str) -> None:
    """With answers only, call-backs are caught; with contracts only, the retention desk is."""
    found = _timings(_company(tmp_path, surveys=kept == "surveys", subscriptions=kept == "subscriptions"))
    assert found is not None
    late = {name for name, one in found.items() if one.late}
    assert late == ({"callback"} if kept == "surveys" else {"retention", "goodbye"})


def test_without_moments_there_is_no_gate(tmp_path: Path) -> None:
    """A company without answers and without contracts has nothing to be late for."""
    folder = tmp_path
    settings = _company(folder, surveys=False, subscriptions=False)
    assert _timings(settings) is None
