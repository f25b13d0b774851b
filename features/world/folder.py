"""The world's folder: five tables, `world.yaml` and `truth.json`, written beside it first and moved into place when whole."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pyarrow import csv

from configs.errors import DataError
from features.world import journey, tables
from features.world.company import Company, Progress

CONFIG: Final = "world.yaml"
TRUTH: Final = "truth.json"
TABLES: Final = {
    "touchpoints": "touchpoints.parquet",
    "customers": "customers.csv",
    "surveys": "surveys.csv",
    "transactions": "transactions.parquet",
    "subscriptions": "subscriptions.parquet",
}
FILES: Final = (*TABLES.values(), CONFIG, TRUTH)
_HEADER: Final = """\
# A synthetic telecom company whose drivers are known: see truth.json. Try: moments run {name}
"""


def check_free(out: Path) -> None:
    """Refuse a place that holds something else than an earlier world.

    Raises
    ------
    DataError
        `out` is a file, or a folder with content and without a truth.json.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if out.is_dir() and (out / TRUTH).is_file():
        return
    what = (
        f"the folder is not empty and is not an earlier world (it has no {TRUTH})" if out.is_dir() else "this is a file"
    )
    raise DataError(what, where=str(out), next_move="give a new or empty folder to --out")


def config(seed: int) -> dict[str, Any]:
    """The configuration that reads the tables, with all paths relative to its file."""
    entries: dict[str, Any] = {name: {"path": path} for name, path in TABLES.items()}
    entries["touchpoints"]["measures"] = journey.MEASURES
    return {
        "name": "world",
        "data": {"tables": entries},
        "journey": {
            kind.name: kind.info for kind in sorted(journey.KINDS, key=lambda kind: journey.STAGES.index(kind.stage))
        },
        "targets": {
            "churn": {"kind": "cancellation", "horizon_days": 90},
            "nps": {"kind": "survey", "metric": "nps"},
            "value": {"kind": "spend", "horizon_days": 180},
        },
        "languages": list(journey.LANGUAGES),
        "seed": seed,
        "output": "out",
    }


def _write_csv(table: pa.Table, path: Path) -> None:
    # times as ISO 8601 in UTC, which every reader of CSV understands
    columns = {
        name: table[name].cast(pa.timestamp("s", tz="UTC")) if pa.types.is_timestamp(table[name].type) else table[name]
        for name in table.column_names
    }
    csv.write_csv(pa.table(columns), path)


def _write_tables(company: Company, folder: Path, rng: np.random.Generator, progress: Progress) -> None:
    touching, surveying = rng.spawn(2)
    _write_csv(tables.customers_table(company), folder / TABLES["customers"])
    _write_csv(tables.surveys_table(company, surveying), folder / TABLES["surveys"])
    for name, table in (
        ("transactions", tables.transactions_table(company)),
        ("subscriptions", tables.subscriptions_table(company)),
    ):
        pq.write_table(table, folder / TABLES[name], compression="zstd", row_group_size=tables.CHUNK)
    total = sum(len(batch) for batch in company.encounters.values())
    writer: pq.ParquetWriter | None = None
    done = 0
    try:
        for chunk in tables.touchpoint_chunks(company, touching):
            if writer is None:
                writer = pq.ParquetWriter(folder / TABLES["touchpoints"], chunk.schema, compression="zstd")
            writer.write_table(chunk)
            done += len(chunk)
            progress("touchpoints", 0.6 + 0.4 * done / total)
    finally:
        if writer is not None:
            writer.close()


def write(company: Company, truth: dict[str, Any], out: Path, rng: np.random.Generator, progress: Progress) -> None:
    """Write the whole folder under a temporary name beside `out`, then rename; what else lay in an earlier world stays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    fresh, earlier = scratch / "new", scratch / "old"
    try:
        fresh.mkdir()
        _write_tables(company, fresh, rng, progress)
        settings = yaml.safe_dump(config(truth["seed"]), sort_keys=False, allow_unicode=True, width=120)
        (fresh / CONFIG).write_text(_HEADER.format(name=CONFIG) + settings, encoding="utf-8", newline="\n")
        text = json.dumps(truth, indent=2, ensure_ascii=False) + "\n"
        (fresh / TRUTH).write_text(text, encoding="utf-8", newline="\n")
        _swap(fresh, out, earlier)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        # what could not be moved back into place is never deleted: the scratch folder then stays
        for folder in (earlier, scratch):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _swap(fresh: Path, out: Path, earlier: Path) -> None:
    if out.exists():
        out.rename(earlier)
    try:
        fresh.rename(out)
    except OSError:
        if earlier.exists():
            earlier.rename(out)
        raise
    if earlier.exists():
        for item in sorted(earlier.iterdir()):
            if item.name in FILES:
                item.unlink()
            else:
                item.rename(out / item.name)
