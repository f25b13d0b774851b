"""Small made-up companies and training sets: tables written by hand, and matrices with a known signal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from configs.settings import Settings, load
from features.catalog import Catalog
from features.journey import Vocabulary
from features.schema import NO_AS_OF
from features.tables import Tables, open_tables
from training.dataset import Dataset
from training.targets import Task

DAY = 86_400_000_000
NOW = datetime(2026, 1, 15, tzinfo=UTC)
QUICK: dict[str, Any] = {
    "validation": {"data_size": False, "inner_folds": 2, "folds": 3, "repeats": 2, "bootstraps": 40},
    "learner": {
        "trials": 0,
        "leaves": [4, 8],
        "learning_rate": 0.1,
        "max_rounds": 60,
        "early_stopping_rounds": 10,
        "threads": 2,
    },
}
PLANS = ("basic", "max", "plus")


def at(text: str) -> int:
    """A date as microseconds UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def settings(folder: Path, targets: dict[str, Any], tables: dict[str, Any] | None = None, **keys: Any) -> Settings:
    """A configuration beside which tables lie as parquet files."""
    named = tables if tables is not None else {"customers": {"path": "customers.parquet"}}
    content = {"name": "made", "data": {"tables": named}, "targets": targets, "output": "out", **QUICK, **keys}
    path = folder / "made.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load(path)


@contextmanager
def company(
    folder: Path, targets: dict[str, Any], rows: dict[str, dict[str, list[Any]]], **keys: Any
) -> Iterator[Tables]:
    """Open a company written as columns of values; columns called *_at or valid_from are ISO dates."""
    for name, columns in rows.items():
        written = {
            column: pa.array([None if value is None else at(value) for value in values], pa.timestamp("us", tz="UTC"))
            if column.endswith("_at") or column == "valid_from"
            else pa.array(values)
            for column, values in columns.items()
        }
        pq.write_table(pa.table(written), folder / f"{name}.parquet")
    with open_tables(settings(folder, targets, {name: {"path": f"{name}.parquet"} for name in rows}, **keys)) as tables:
        yield tables


def catalog(numbers: int) -> Catalog:
    """Features n0, n1, ... and, last, the category `plan`."""
    attributes: dict[str, Any] = {f"n{place}": "number" for place in range(numbers)} | {"plan": "category"}
    vocabulary = Vocabulary(tables=("customers",), attributes=attributes, categories={"customers.plan": PLANS})
    return Catalog.of(vocabulary, (30,))


def dataset(
    task: Task = "binary",
    *,
    rows: int = 1200,
    numbers: int = 5,
    dates: tuple[int, ...] = (),
    seed: int = 0,
    spec: dict[str, Any] | None = None,
    signal: float = 1.5,
) -> Dataset:
    """Rows in which n0, n1 and the plan matter; as many customers as rows, or on a grid as rows / dates."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, numbers + 1))
    X[:, -1] = rng.integers(0, len(PLANS), rows)
    X[rng.random(rows) < 0.2, 1] = np.nan
    z = signal * (X[:, 0] + 0.5 * np.nan_to_num(X[:, 1]) + 0.5 * (X[:, -1] == 1)) / 1.3 + rng.logistic(size=rows)
    if task == "binary":
        label = (z > 1.0).astype(float)
    elif task == "survival":
        # Days until it happens: soon where z is high.
        label = np.exp(5.0 - 0.8 * z)
    elif task == "ordinal":
        label = np.clip(np.round(7.5 + 1.2 * z), 0, 10)
    else:
        label = np.where(rng.random(rows) < 0.2, 0.0, np.exp(3 + 0.4 * z))
    customers = max(1, rows // len(dates)) if dates else rows
    ids = np.array([f"c{number:05d}" for number in range(customers)], dtype=object)
    if dates:
        as_of = np.repeat(np.array(dates, dtype=np.int64), customers)
        ids = np.tile(ids, len(dates))
        X, label = X[: len(as_of)], label[: len(as_of)]
    else:
        as_of = np.full(rows, NO_AS_OF, dtype=np.int64)
    kinds: dict[str, dict[str, Any]] = {
        "binary": {"kind": "column", "column": "left", "positive": "yes"},
        "ordinal": {"kind": "survey", "metric": "nps"},
    }
    grid = {"kind": "inactivity" if task == "binary" else "spend", "horizon_days": 60, "lead_days": 0}
    chosen = spec or (grid if dates and task != "ordinal" else kinds.get(task, grid))
    if task == "survival":
        chosen = waiting(as_of[-1] if dates else 0, **(spec or {}))
        as_of = as_of if dates else np.full(rows, 0, dtype=np.int64)
        label = cut(label, as_of, chosen)
    name = {"binary": "churn", "ordinal": "nps", "amount": "value", "survival": "staying"}[task]
    return Dataset(
        name, task, {"name": name, **chosen}, ids, as_of, label, np.ascontiguousarray(X), catalog(numbers), {}, "d" * 64
    )


def waiting(last: int, **keys: Any) -> dict[str, Any]:
    """A target's settings of time to churn whose labels know all of the last date but one, and of the last one its first period."""
    days = keys.get("days", [30, 60, 90])
    chosen = {"kind": "time_to_churn", "label": "cancellation", "days": days, "lead_days": 0, "active_within_days": 180}
    known = int(last) + (days[0] if last else days[-1]) * DAY
    return {**chosen, "horizon_days": days[-1], "known_until": known, **keys}


def cut(label: Any, as_of: Any, spec: dict[str, Any]) -> Any:
    """Days until it happened, or minus the end of the last period that was over without it."""
    days = np.array([0, *spec["days"]], dtype=float)
    followed = days[np.searchsorted(days, (spec["known_until"] - as_of) / DAY - spec["lead_days"], side="right") - 1]
    return np.where(label < followed, label, -followed)


def months(count: int, every_days: int = 30, start: str = "2024-01-01") -> tuple[int, ...]:
    """As_of dates."""
    return tuple(at(start) + place * every_days * DAY for place in range(count))
