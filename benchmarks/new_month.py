"""A month more: what the training sets of a company cost when its tables grow by a month, against a fresh start.

The demo company is cut a month before its end and its sets are built; then the whole of it is there, and they are built once more
beside the old ones, and from nothing. Every run is a process of its own that reads the tables and makes the sets of all targets, as
`moments features` does; CPU seconds are of that, without the start of the interpreter. Both ways must give the same bytes. Figures
are the least of some runs, which take turns; they go to ``benchmarks/results/new_month.json`` and ``.md``.

``python -m benchmarks.new_month --customers 25000``
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from pyarrow import csv

from benchmarks.contender import cpu_seconds
from benchmarks.feature_build import RESULTS
from features.world import make_world

MONTH: Final = timedelta(days=30)
LABEL_WINDOW: Final = timedelta(days=90)
"""Of churn: the newest date of the grid lies so long before the end of the data."""

MORE, FRESH = "a month more", "from scratch"
_TIMES: Final = {
    "touchpoints.parquet": "occurred_at",
    "transactions.parquet": "occurred_at",
    "subscriptions.parquet": "started_at",
    "surveys.csv": "answered_at",
    "customers.csv": "created_at",
}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=25_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs=2, metavar=("CONFIG", "OUTPUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(Path(given.one[0]), Path(given.one[1]))))
        return 0
    with tempfile.TemporaryDirectory(prefix="moments-bench-") as place:
        found = compared(Path(place), given.customers, given.runs)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "new_month.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "new_month.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def compared(place: Path, customers: int, runs: int) -> dict[str, Any]:
    """CPU seconds of both ways, and what was told of the sets.

    Raises
    ------
    ValueError
        When the two ways give different bytes.
    """
    companies(place, customers)
    run(place / "before", place / "old")  # what is compiled once is compiled here
    least: dict[str, dict[str, Any]] = {}
    for _ in range(runs):
        shutil.rmtree(place / MORE, ignore_errors=True)
        shutil.rmtree(place / FRESH, ignore_errors=True)
        shutil.copytree(place / "old", place / MORE)
        for way in (MORE, FRESH):
            found = run(place / "after", place / way)
            if way not in least or found["cpu_seconds"] < least[way]["cpu_seconds"]:
                least[way] = found
    for path in sorted((place / FRESH / "training").glob("*.parquet")):
        if path.read_bytes() != (place / MORE / "training" / path.name).read_bytes():
            raise ValueError(f"{path.name} is not what a fresh start gives")
    return {
        "customers": customers,
        "runs": runs,
        **least,
        "share": least[MORE]["cpu_seconds"] / least[FRESH]["cpu_seconds"],
    }


def run(company: Path, output: Path) -> dict[str, Any]:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.new_month", "--one", str(company / "world.yaml"), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(config: Path, output: Path) -> dict[str, Any]:
    """CPU seconds of opening the tables and of everything, and a line per set."""
    from configs.settings import load
    from features.online import warm
    from features.tables import open_tables
    from training.dataset import make

    settings = load(config).model_copy(update={"output": output})
    warm()
    sets: dict[str, dict[str, Any]] = {}
    started = cpu_seconds()
    with open_tables(settings) as tables:
        opened = cpu_seconds() - started
        for name in settings.targets:
            told: list[str] = []
            before = cpu_seconds()
            make(tables, settings, name, told=told.append)
            sets[name] = {"cpu_seconds": cpu_seconds() - before, "told": told[0]}
    return {"cpu_seconds": cpu_seconds() - started, "opening_cpu_seconds": opened, "sets": sets}


def companies(place: Path, customers: int) -> None:
    """The demo company in `after`, and as it was a month before in `before`; the grids of both name their last date."""
    after, before = place / "after", place / "before"
    make_world(after, customers=customers, seed=7)
    before.mkdir()
    last = pc.max(pq.read_table(after / "touchpoints.parquet", columns=["occurred_at"]).column(0)).as_py().date()
    for name, time in _TIMES.items():
        # Whole days: the data reach as far beyond the last date of the grid as a month later.
        _written(until(_read(after / name), time, last - MONTH + timedelta(days=1)), before / name)
    config = yaml.safe_load((after / "world.yaml").read_text("utf-8"))
    for folder, moment in ((before, last - MONTH), (after, last)):
        config["snapshots"] = {"every_days": MONTH.days, "last": str(moment - LABEL_WINDOW)}
        (folder / "world.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")


def until(table: pa.Table, time: str, day: date) -> pa.Table:
    """What had happened and was recorded before a day; a contract that ended later runs, for no reason told."""
    moment = pa.scalar(datetime(day.year, day.month, day.day, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
    for name in {time, "recorded_at"} & set(table.column_names):
        table = table.filter(pc.fill_null(pc.less(table.column(name), moment), True))
    if "ended_at" in table.column_names:
        over = pc.fill_null(pc.less(table.column("ended_at"), moment), False)
        for place, name in enumerate(table.column_names):
            if name in {"ended_at", "end_reason"}:
                column = table.column(name)
                table = table.set_column(place, name, pc.if_else(over, column, pa.scalar(None, column.type)))
    return table


def table(found: dict[str, Any]) -> str:
    """The figures as a table of markdown."""
    more, fresh = found[MORE], found[FRESH]
    lines = [
        f"The demo company of {found['customers']:,} customers, the least of {found['runs']} runs; the sets are the same bytes.",
        "",
        f"| CPU seconds | {MORE} | {FRESH} | of a fresh start |",
        "|---|--:|--:|--:|",
    ]
    pairs = {"opening the tables": (more["opening_cpu_seconds"], fresh["opening_cpu_seconds"])}
    pairs |= {name: (item["cpu_seconds"], fresh["sets"][name]["cpu_seconds"]) for name, item in more["sets"].items()}
    pairs["all of it"] = more["cpu_seconds"], fresh["cpu_seconds"]
    lines += [f"| {name} | {mine:.1f} | {whole:.1f} | {mine / whole:.0%} |" for name, (mine, whole) in pairs.items()]
    lines += ["", *(f"- {name}: {item['told']}" for name, item in more["sets"].items())]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    found = csv.read_csv(path)
    # Times with a zone are read as seconds.
    times = {field.name for field in found.schema if pa.types.is_timestamp(field.type)}
    for place, name in enumerate(found.column_names):
        if name in times:
            found = found.set_column(place, name, found.column(name).cast(pa.timestamp("us", tz="UTC")))
    return found


def _written(table: pa.Table, path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        csv.write_csv(table, path)


if __name__ == "__main__":
    raise SystemExit(main())
