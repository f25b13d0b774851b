"""Who answers as drivers.json tells it, on a company whose unhappy customers keep silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import load
from drivers import content
from drivers.analysis import table
from drivers.answering.tell import tell
from features.tables import open_tables
from training import dataset

DAY = 86_400_000_000
START = 1_700_000_000_000_000 // DAY * DAY
CUSTOMERS = 700
QUESTIONS = 4


def _told(
    folder: Path, *, silent: float, later: float = 0.0, target: dict[str, Any] | None = None
) -> tuple[Any, float]:
    """What is told, and the NPS of all who were asked.

    Outages make unhappy. `silent` keeps those with outages from answering, `later` adds to it in the second half.
    """
    rng = np.random.default_rng(5)
    ids = np.array([f"c{n:04d}" for n in range(CUSTOMERS)])
    struck = rng.random(CUSTOMERS) < 0.45
    outages = [
        (name, float(day)) for name, hit in zip(ids, struck, strict=True) if hit for day in rng.uniform(0, 700, 8)
    ]
    calls = list(zip(rng.choice(ids, 2500).tolist(), rng.uniform(0, 720, 2500).tolist(), strict=True))
    events = [(*one, "outage") for one in outages] + [(*one, "call") for one in calls]
    rows, everyone = [], []
    for question in range(QUESTIONS):
        day = 200 + 130 * question + rng.uniform(0, 60, CUSTOMERS)
        score = np.clip(np.round(9 - 3.5 * struck + 1.3 * rng.normal(size=CUSTOMERS)), 0, 10)
        pull = silent + (later if question >= QUESTIONS / 2 else 0.0)
        said = rng.random(CUSTOMERS) < 1 / (1 + np.exp(-(0.6 - pull * struck)))
        everyone += score.tolist()
        rows += [(n, d, s if yes else None) for n, d, s, yes in zip(ids, day, score, said, strict=True)]

    def times(days: list[float]) -> pa.Array:
        return pa.array([int(START + day * DAY) for day in days], pa.timestamp("us", tz="UTC"))

    tables = {
        "customers": pa.table({"customer_id": ids}),
        "touchpoints": pa.table(
            {
                "customer_id": [one[0] for one in events],
                "occurred_at": times([one[1] for one in events]),
                "touchpoint": [one[2] for one in events],
            }
        ),
        "surveys": pa.table(
            {
                "customer_id": [one[0] for one in rows],
                "answered_at": times([one[1] for one in rows]),
                "metric": ["nps"] * len(rows),
                "score": pa.array([one[2] for one in rows], pa.float64()),
            }
        ),
    }
    for name, one in tables.items():
        pq.write_table(one, folder / f"{name}.parquet")
    config = {
        "data": {"tables": {name: {"path": f"{name}.parquet"} for name in tables}},
        "targets": {"nps": target or {"kind": "survey"}},
        "drivers": {"repeats": 2, "half_samples": 4, "bootstraps": 60},
    }
    path = folder / "company.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    settings = load(path)
    with open_tables(settings) as opened:
        data = dataset.read(dataset.make(opened, settings, "nps"))
        found = table(opened, settings, data, None, content.places(opened, settings))
        told = tell(opened, settings, data, found.prepared.rows, found.result, lambda _message, _part: None)
    points = np.array(everyone)
    return told, float(100 * ((points >= 9).mean() - (points <= 6).mean()))


def test_weights_bring_the_score_nearer_to_all_who_were_asked(tmp_path: Path) -> None:
    """Where those with outages keep silent the unweighted score is too high; weighted it is much nearer, and outages weigh more."""
    told, true = _told(tmp_path, silent=1.5)
    assert told["basis"] == "questions"
    assert told["foretold"]
    assert told["unweighted"]["value"] - true > 8
    assert abs(told["weighted"]["value"] - true) < 0.4 * (told["unweighted"]["value"] - true)
    assert told["distinguishable"]
    assert not told["shift"]["flagged"]
    (outage,) = (one for one in told["strengths"] if one["touchpoint"] == "outage")
    assert outage["unweighted"] > 0
    assert outage["weighted"] > 0
    json.dumps(told, allow_nan=False)


def test_a_score_that_rises_because_the_unhappy_fell_silent_is_flagged(tmp_path: Path) -> None:
    """From the first half to the second those with outages stop answering: the rise is put down to that, with dates."""
    told, _ = _told(tmp_path, silent=0.0, later=2.5)
    shift = told["shift"]
    assert shift["flagged"]
    whole = shift["changes"][-1]
    selection = next(part for part in whole["parts"] if part["name"] == "selection")
    assert selection["change"]["value"] > 4
    assert whole["earlier"] < whole["later"]
    assert whole["earlier"].endswith("Z")


def test_where_answering_is_chance_nothing_is_weighted(tmp_path: Path) -> None:
    """Weights are all one, and no shift is flagged."""
    told, true = _told(tmp_path, silent=0.0)
    assert told["weighted"] == told["unweighted"] or abs(told["difference"]["value"]) < 2
    assert abs(told["unweighted"]["value"] - true) < 4
    assert not told["shift"]["flagged"]


@pytest.mark.parametrize("target", [{"kind": "survey", "metric": "nps", "touchpoint": "call"}])
def test_only_the_relationship_is_asked_of(tmp_path: Path, target: dict[str, Any]) -> None:
    """What is said of a call has no such section; nothing is made up where nobody answered."""
    config = {
        "data": {"tables": {"customers": {"path": "customers.parquet"}, "surveys": {"path": "surveys.parquet"}}},
        "targets": {"nps": target},
    }
    pq.write_table(pa.table({"customer_id": [f"c{n}" for n in range(150)]}), tmp_path / "customers.parquet")
    answers = pa.table(
        {
            "customer_id": [f"c{n}" for n in range(150)],
            "answered_at": pa.array([START + n * DAY for n in range(150)], pa.timestamp("us", tz="UTC")),
            "metric": ["nps"] * 150,
            "score": [float(n % 11) for n in range(150)],
            "touchpoint": ["call"] * 150,
        }
    )
    pq.write_table(answers, tmp_path / "surveys.parquet")
    path = tmp_path / "company.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    settings = load(path)
    with open_tables(settings) as opened:
        data = dataset.read(dataset.make(opened, settings, "nps"))
        assert tell(opened, settings, data, np.arange(len(data)), None, lambda _message, _part: None) is None
