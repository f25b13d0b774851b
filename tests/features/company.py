"""A small random company for the tests of features: every table, ties, late records, refunds, versions, gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from configs.settings import Settings, load

DAY = 86_400_000_000
START = 1_700_000_000_000_000 // DAY * DAY

CONFIG: dict[str, Any] = {
    "name": "small",
    "data": {
        "tables": {
            "customers": {"path": "customers.parquet"},
            "touchpoints": {
                "path": "touchpoints.parquet",
                "measures": {
                    "wait": {"column": "wait_min", "unit": "minutes", "effort": "time"},
                    "fee": {"column": "fee", "unit": "EUR", "effort": "money"},
                    "tone": {"column": "tone", "unit": "score", "effort": "emotion", "better": "higher"},
                },
            },
            "surveys": {"path": "surveys.parquet"},
            "transactions": {"path": "transactions.parquet"},
            "subscriptions": {"path": "subscriptions.parquet"},
        }
    },
    "targets": {
        "churn": {"kind": "cancellation", "horizon_days": 60},
        "nps": {"kind": "survey"},
        "value": {"kind": "spend", "horizon_days": 60},
    },
    "partitions": 3,
}


def micros(values: np.ndarray[Any, Any], missing: np.ndarray[Any, Any] | None = None) -> pa.Array:
    """Times as Arrow timestamps in UTC."""
    return pa.array(values.astype("int64"), pa.timestamp("us", tz="UTC"), mask=missing)


def make(folder: Path, *, customers: int = 40, seed: int = 0, order: int | None = None) -> dict[str, pa.Table]:
    """Write the company's tables and its configuration; `order` shuffles rows and columns."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"c{n:03d}" for n in range(customers)])

    def times(n: int) -> np.ndarray[Any, Any]:
        # Whole hours, so that ties and exact window edges are common.
        return START + rng.integers(0, 400 * 24, n) * (DAY // 24)

    n = customers * 30
    at = times(n)
    touchpoints = pa.table(
        {
            "customer_id": rng.choice(ids, n),
            "occurred_at": micros(at),
            "recorded_at": micros(at + rng.integers(0, 40 * 24, n) * (DAY // 24), rng.random(n) < 0.5),
            "touchpoint": rng.choice(["call", "visit", "bill"], n, p=[0.5, 0.3, 0.2]),
            "channel": rng.choice(["phone", "web"], n),
            "wait_min": pa.array(np.round(rng.gamma(2, 7, n), 2), mask=rng.random(n) < 0.3),
            "fee": pa.array(np.round(rng.normal(5, 3, n), 2), mask=rng.random(n) < 0.6),
            "tone": pa.array(np.round(rng.normal(0, 1, n), 3), mask=rng.random(n) < 0.4),
            "event_id": [f"t{k}" for k in range(n)],
        }
    )
    n = customers * 5
    surveys = pa.table(
        {
            "customer_id": rng.choice(ids, n),
            "answered_at": micros(times(n)),
            "metric": rng.choice(["nps", "csat"], n, p=[0.8, 0.2]),
            "score": rng.integers(1, 6, n),
            "touchpoint": pa.array(["call"] * n, mask=rng.random(n) < 0.8),
        }
    )
    n = customers * 12
    transactions = pa.table(
        {
            "customer_id": rng.choice(ids, n),
            "occurred_at": micros(times(n)),
            "amount": np.round(rng.normal(30, 25, n), 2),
            "margin": pa.array(np.round(rng.normal(5, 2, n), 2), mask=rng.random(n) < 0.2),
            "quantity": rng.integers(1, 9, n),
        }
    )
    n = customers * 2
    started = times(n)
    subscriptions = pa.table(
        {
            "customer_id": rng.choice(ids, n),
            "started_at": micros(started),
            "ended_at": micros(started + rng.integers(1, 300, n) * DAY, rng.random(n) < 0.5),
            "plan": rng.choice(["basic", "plus", "max"], n),
            "monthly_fee": np.round(rng.uniform(10, 60, n), 2),
        }
    )
    people = pa.table(
        {
            "customer_id": ids,
            "created_at": micros(START - rng.integers(0, 500, customers) * DAY),
            "region": pa.array(rng.choice(["north", "south", "צפון"], customers), mask=rng.random(customers) < 0.1),
            "income": pa.array(rng.normal(3e4, 1e4, customers), mask=rng.random(customers) < 0.1),
        }
    )
    tables = {
        "customers": people,
        "touchpoints": touchpoints,
        "surveys": surveys,
        "transactions": transactions,
        "subscriptions": subscriptions,
    }
    write(folder, tables, order)
    return tables


def write(
    folder: Path, tables: dict[str, pa.Table], order: int | None = None, config: dict[str, Any] | None = None
) -> None:
    """Write tables beside a configuration that reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    shuffle = None if order is None else np.random.default_rng(order)
    for name, table in tables.items():
        if shuffle is not None:
            table = table.take(pa.array(shuffle.permutation(len(table))))  # noqa: PLW2901 - the shuffled one is what is written
            table = table.select(list(shuffle.permutation(table.column_names)))  # noqa: PLW2901
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "small.yaml").write_text(
        yaml.safe_dump(config or CONFIG, allow_unicode=True, sort_keys=config is None), encoding="utf-8"
    )


def settings(folder: Path, **overrides: Any) -> Settings:
    """The configuration of a written company."""
    return load(folder / "small.yaml", **overrides)
