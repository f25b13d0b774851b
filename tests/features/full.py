"""The small company with everything that its tables can hold: what the features of every family are tested on.

Comments in four languages, unanswered questions, categories and prices, plans that change, attributes with versions, late
records, repeated events, ties, and events exactly at the edges of windows.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.features import company
from tests.features.company import DAY, START, micros

AT = [START + days * DAY for days in (90, 200, 330, 401)]
"""Moments of the tests: midnights, which are edges of windows for the events made below."""

CONFIG = copy.deepcopy(company.CONFIG)
CONFIG["data"]["tables"]["touchpoints"]["measures"]["wait"]["within"] = 15
CONFIG["data"]["tables"]["touchpoints"]["measures"]["solved"] = {"column": "solved", "unit": "flag"}
CONFIG["journey"] = {
    "visit": {"stage": "join", "department": "shop", "cost": 20},
    "call": {"stage": "use", "department": "service", "cost": 4.5},
    "bill": {"stage": "pay", "cost": 0.3},
}

COMMENTS = [
    "waited too long",
    "  très bien ",
    "השירות היה מצוין",
    "خدمة سيئة",
    "Очень долго ждал",
    "12345 !?",
    "👍🏽",
    "   ",
    "iPhone לא עובד",
    None,
    None,
]


def make(folder: Path, *, customers: int = 40, seed: int = 0, order: int | None = None) -> dict[str, pa.Table]:
    """Write the company's tables and its configuration; `order` shuffles rows and columns."""
    tables = company.make(folder, customers=customers, seed=seed)
    rng = np.random.default_rng([seed, 1])
    ids = tables["customers"]["customer_id"].to_numpy(zero_copy_only=False)
    tables = {
        "customers": _customers(tables["customers"], rng),
        "touchpoints": _touchpoints(tables["touchpoints"], rng, ids),
        "surveys": _surveys(tables["surveys"], rng),
        "transactions": _transactions(rng, ids),
        "subscriptions": _subscriptions(tables["subscriptions"], rng),
    }
    company.write(folder, tables, order, CONFIG)
    return tables


def some(values: list[Any], rng: np.random.Generator, n: int, kind: pa.DataType | None = None) -> pa.Array:
    """Values drawn at random."""
    return pa.array([values[place] for place in rng.integers(0, len(values), n)], kind)


def late(at: np.ndarray[Any, Any], rng: np.random.Generator) -> pa.Array:
    """Recording times: none, at once, hours or weeks later."""
    n = len(at)
    return micros(at + rng.integers(0, 30 * 24, n) * (DAY // 24) * (rng.random(n) < 0.5), rng.random(n) < 0.6)


def _times(rng: np.random.Generator, n: int) -> np.ndarray[Any, Any]:
    """Hours, and every third time a midnight: ties and edges."""
    at = START + rng.integers(0, 400 * 24, n) * (DAY // 24)
    return np.where(rng.random(n) < 0.3, at // DAY * DAY, at)


def _touchpoints(table: pa.Table, rng: np.random.Generator, ids: np.ndarray[Any, Any]) -> pa.Table:
    n = len(table)
    at = _times(rng, n)
    # Exactly at as_of, exactly a window before it, and twice the window before it.
    edges = [moment - days * DAY for moment in AT for days in (0, 30, 60, 90, 180, 365, 730)]
    at[: 4 * len(edges)] = np.tile(edges, 4)
    changed = {
        "customer_id": pa.array(np.concatenate([np.repeat(ids[:4], len(edges)), rng.choice(ids, n - 4 * len(edges))])),
        "occurred_at": micros(at),
        "recorded_at": late(at, rng),
        "channel": some(["phone", "web", "app", None], rng, n),
        "department": some(["service", "shop", "back office", None, None, None], rng, n),
        "stage": some(["join", "use", "pay", "leave", None, None, None, None], rng, n),
        "comment": some(COMMENTS, rng, n, pa.string()),
        "solved": some([0.0, 1.0, 1.0, None], rng, n),
    }
    for name, values in changed.items():
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, values)
    return pa.concat_tables([table, table.slice(100, 7)])  # an event sent twice


def _surveys(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    n = len(table)
    at = _times(rng, n)
    return pa.table(
        {
            "customer_id": table["customer_id"],
            "answered_at": micros(at),
            "recorded_at": late(at, rng),
            "metric": some(["nps", "nps", "csat", "ces"], rng, n),
            "score": some([1, 2, 3, 4, 5, None], rng, n),
            "touchpoint": table["touchpoint"],
            "comment": some(COMMENTS, rng, n, pa.string()),
        }
    )


def _transactions(rng: np.random.Generator, ids: np.ndarray[Any, Any]) -> pa.Table:
    n = 15 * len(ids)
    at = _times(rng, n)
    category = rng.integers(0, 6, n)
    pieces = rng.integers(1, 6, n)
    price = np.array([2.0, 3.5, 5.0, 10.0, 24.0, 80.0])[category] * rng.choice([0.8, 0.9, 1, 1, 1, 1.02, 1.05, 1.5], n)
    amount = np.round(price * pieces, 2) * np.where(rng.random(n) < 0.1, -1, 1)
    names = np.array(["bread", "milk", "חלב", "oil", "tea", "rare"])
    return pa.table(
        {
            "customer_id": rng.choice(ids, n),
            "occurred_at": micros(at),
            "recorded_at": late(at, rng),
            "amount": amount,
            "margin": pa.array(np.round(amount * rng.random(n), 2), mask=rng.random(n) < 0.2),
            "quantity": pa.array(pieces * (rng.random(n) > 0.05), mask=rng.random(n) < 0.1),
            "category": pa.array(names[category], pa.string(), mask=rng.random(n) < 0.1),
            "event_id": [f"s{k}" for k in range(n)],
        }
    )


def _subscriptions(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    n = len(table)
    started = _times(rng, n)
    return pa.table(
        {
            "customer_id": table["customer_id"],
            "started_at": micros(started),
            "ended_at": micros(started + rng.integers(-5, 300, n) * DAY, rng.random(n) < 0.4),
            "recorded_at": late(started, rng),
            "plan": some(["basic", "plus", "max", None], rng, n),
            "monthly_fee": some([9.99, 19.99, 29.99, None], rng, n),
            "end_reason": some(["price", "service", "moved", None], rng, n),
        }
    )


def _customers(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """One to three versions of each customer; the first of some always held."""
    versions = []
    for place in range(len(table)):
        row = {name: table[name][place].as_py() for name in table.column_names}
        times = sorted(rng.choice(np.arange(400), size=rng.integers(1, 4), replace=False).tolist())
        for number, day in enumerate(times):
            always = number == 0 and rng.random() < 0.5
            income = None if rng.random() < 0.1 else float(np.round(rng.normal(3e4, 1e4), 2)) * (day % 7 > 0)
            region = [row["region"], "north", "south", None][int(rng.integers(0, 4))]
            valid = None if always else START + day * DAY
            versions.append({**row, "region": region, "income": income, "valid_from": valid})
    found = pa.Table.from_pylist(versions, table.schema.append(pa.field("valid_from", pa.int64())))
    valid = found["valid_from"].cast(pa.timestamp("us", tz="UTC"))
    return found.drop_columns("valid_from").append_column("valid_from", valid)
