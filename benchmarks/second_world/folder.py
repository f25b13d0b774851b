"""A company's folder: five tables, `world.yaml` and `truth.json`, as the product reads them.

Questions that were not answered are rows of surveys without a score. Times are UTC; a number of days since START.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from pyarrow import csv

from benchmarks.second_world.journey import Flags
from benchmarks.second_world.outcomes import Company
from benchmarks.second_world.people import PLANS, REGIONS, SEGMENTS, Ints
from benchmarks.second_world.plan import MEASURES, Floats
from benchmarks.second_world.scene import HORIZON, SNAPSHOT

CONFIG: Final = "world.yaml"
TRUTH: Final = "truth.json"
TABLES: Final = {
    "customers": "customers.csv",
    "touchpoints": "touchpoints.parquet",
    "surveys": "surveys.csv",
    "transactions": "transactions.parquet",
    "subscriptions": "subscriptions.parquet",
}
START: Final = np.datetime64("2022-01-01T00:00:00", "us")
_DAY: Final = 86_400_000_000


def _time(days: Floats, missing: Flags | None = None) -> pa.Array:
    # whole seconds: CSV and Parquet then say the same
    safe = days if missing is None else np.where(missing, 0.0, days)
    moments = START.astype(np.int64) + np.floor(safe * 86_400).astype(np.int64) * 1_000_000
    return pa.array(moments, mask=missing).cast(pa.timestamp("us", tz="UTC"))


def _ids(customer: Ints) -> pa.Array:
    return pc.binary_join_element_wise("K", pc.utf8_lpad(pa.array(customer + 1).cast(pa.string()), 6, "0"), "")


def _words(words: tuple[str, ...], codes: Ints) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes))


def _touchpoints(company: Company) -> pa.Table:
    kinds = sorted(company.plan.kinds, key=lambda kind: kind.name)
    batches = [company.journey[kind.name] for kind in kinds]
    code = np.repeat(np.arange(len(kinds)), [len(events) for events in batches])
    at = np.concatenate([events.at for events in batches])
    customer = np.concatenate([events.customer for events in batches])
    order = np.lexsort((code, customer, at))
    columns = {
        "customer_id": _ids(customer[order]),
        "occurred_at": _time(at[order]),
        "touchpoint": _words(tuple(kind.name for kind in kinds), code[order]),
    }
    for name, info in MEASURES.items():
        parts = [events.measured.get(name, np.full(len(events), np.nan)) for events in batches]
        value = np.concatenate(parts)[order]
        columns[info["column"]] = pa.array(value, mask=np.isnan(value))
    return pa.table(columns)


def _transactions(company: Company, rng: np.random.Generator) -> pa.Table:
    """A payment a month while the contract runs, now and then with something beside the fee."""
    people, plan = company.people, company.plan
    months = np.arange(int(np.ceil(plan.days / 30)))
    at = 30.0 * months[None, :] + rng.uniform(0, 30, (len(people), 1))
    good = (at >= people.entry[:, None]) & (at < np.minimum(company.end, plan.days)[:, None])
    customer = np.nonzero(good)[0]
    extra = (rng.random(len(customer)) < 0.1) * rng.gamma(2.0, 8.0, len(customer))
    return pa.table(
        {
            "customer_id": _ids(customer),
            "occurred_at": _time(at[good]),
            "amount": pa.array(np.round(people.fee[customer] + extra, 2)),
        }
    )


def tables(company: Company, rng: np.random.Generator) -> dict[str, pa.Table]:
    """The five tables by name."""
    people, asked = company.people, company.questions
    everyone = np.arange(len(people))
    order = np.lexsort((asked.customer, asked.at))
    running = ~np.isfinite(company.end)
    return {
        "customers": pa.table(
            {
                "customer_id": _ids(everyone),
                "created_at": _time(people.created),
                "segment": _words(SEGMENTS, people.segment),
                "region": _words(REGIONS, people.region),
            }
        ),
        "touchpoints": _touchpoints(company),
        "surveys": pa.table(
            {
                "customer_id": _ids(asked.customer[order]),
                "answered_at": _time(asked.at[order]),
                "metric": pa.array(np.full(len(order), "nps"), pa.string()),
                "score": pa.array(asked.score[order], mask=~asked.answered[order]),
            }
        ),
        "transactions": _transactions(company, rng),
        "subscriptions": pa.table(
            {
                "customer_id": _ids(everyone),
                "started_at": _time(people.created),
                "ended_at": _time(company.end, running),
                "plan": _words(tuple(PLANS), people.plan),
                "monthly_fee": pa.array(people.fee),
            }
        ),
    }


def config(seed: int) -> dict[str, Any]:
    """The configuration that reads the tables, with all paths relative to its file."""
    entries: dict[str, Any] = {name: {"path": path} for name, path in TABLES.items()}
    entries["touchpoints"]["measures"] = MEASURES
    return {
        "name": "second-world",
        "data": {"tables": entries},
        "snapshots": {"every_days": SNAPSHOT},
        "targets": {
            "churn": {"kind": "cancellation", "horizon_days": HORIZON},
            "nps": {"kind": "survey", "metric": "nps"},
            "value": {"kind": "spend", "horizon_days": 180, "drivers": False},
        },
        "seed": seed,
        "output": "out",
    }


def free(out: Path) -> None:
    """Refuse a place that holds something else than an earlier world.

    Raises
    ------
    FileExistsError
        `out` is a file, or a folder with content and without a truth.json.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / TRUTH).is_file()):
        raise FileExistsError(f"{out} holds something else than an earlier world: give a new or empty folder")


def write(out: Path, company: Company, facts: dict[str, Any], rng: np.random.Generator) -> None:
    """Write the folder, the truth last: a folder that has it is whole."""
    out.mkdir(parents=True, exist_ok=True)
    (out / TRUTH).unlink(missing_ok=True)
    for name, table in tables(company, rng).items():
        path = out / TABLES[name]
        if path.suffix == ".csv":
            plain = [
                column.cast(pa.timestamp("s", tz="UTC")) if pa.types.is_timestamp(column.type) else column
                for column in table.columns
            ]
            csv.write_csv(pa.table(plain, names=table.column_names), path)
        else:
            pq.write_table(table, path, compression="zstd")
    settings = yaml.safe_dump(config(facts["seed"]), sort_keys=False, width=120)
    (out / CONFIG).write_text(settings, encoding="utf-8", newline="\n")
    (out / TRUTH).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8", newline="\n")
