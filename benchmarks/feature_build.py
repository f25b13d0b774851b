"""Features of generated events: our build against the obvious alternative, one SQL query in DuckDB. CPU seconds and memory.

Both start from the same parquet file and end with the same matrix (customers x as_of dates, columns for counts, recency and
a measure's sum, mean and highest per kind and window); the columns are compared, so neither may cheat. Each runs in
a process of its own, with the same number of threads, after a small run that compiles what has to be compiled. CPU seconds are
user and system time of that process; elapsed time depends on what else the machine does.

``python benchmarks/feature_build.py --events 1000000``
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

DAY: Final = 86_400_000_000
START: Final = 1_672_531_200_000_000  # 2023-01-01
DAYS: Final = 730
KINDS: Final = ("bill", "call", "chat", "delivery", "visit")
WINDOWS: Final = (30, 90, 180, 365)
EVENTS_PER_CUSTOMER: Final = 100
WARM: Final = 5_000


def main() -> int:
    """Measure both and print a table, or with `--side` one of them (that is how it calls itself)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="number of events")
    parser.add_argument("--dates", type=int, default=12, help="as_of dates per customer, a month apart")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--side", choices=("ours", "sql"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(measure(given.side, given.folder, given.dates, given.threads)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        results = {side: _in_a_process(side, Path(place), given) for side in ("ours", "sql")}
        ours, sql = (np.load(Path(place) / "large" / f"{side}.npy") for side in ("ours", "sql"))
        np.testing.assert_allclose(ours, sql, rtol=1e-9, atol=1e-9)
    answer = {"events": given.events, "rows": ours.shape[0], "columns": ours.shape[1], **results}
    if given.json:
        print(json.dumps(answer, indent=1))
        return 0
    print(f"{given.events:,} events -> {ours.shape[0]:,} rows x {ours.shape[1]} columns, equal to nine digits")
    for side, name in (("ours", "moments"), ("sql", "DuckDB SQL")):
        part = results[side]
        print(
            f"  {name:<11} {part['cpu_seconds']:7.1f} CPU s  {part['seconds']:7.1f} s  "
            f"{part['peak_memory_mb']:7.0f} MB  (reading alone {part['read_cpu_seconds']:.1f} CPU s)"
        )
    print(f"  DuckDB SQL needs {sql_ratio(results):.1f} times the CPU of moments")
    return 0


def sql_ratio(results: dict[str, Any]) -> float:
    """CPU of the alternative in units of ours."""
    return float(results["sql"]["cpu_seconds"] / max(results["ours"]["cpu_seconds"], 1e-9))


def generate(folder: Path, events: int) -> None:
    """Write `touchpoints.parquet`, `customers.csv` and a configuration for about so many events."""
    rng = np.random.default_rng(7)
    customers = max(events // EVENTS_PER_CUSTOMER, 10)
    folder.mkdir(parents=True, exist_ok=True)
    ids = np.char.add("c", np.char.zfill(np.arange(customers).astype(str), 8))
    table = pa.table(
        {
            "customer_id": pa.array(ids[rng.integers(0, customers, events)]),
            "occurred_at": pa.array(START + rng.integers(0, DAYS * DAY, events), pa.timestamp("us", tz="UTC")),
            "touchpoint": pa.array(np.array(KINDS)[rng.integers(0, len(KINDS), events)]),
            "wait": pa.array(np.round(rng.gamma(2.0, 6.0, events), 2)),
        }
    )
    pq.write_table(table, folder / "touchpoints.parquet")
    (folder / "customers.csv").write_text(
        "customer_id,left\n" + "".join(f"{name},0\n" for name in ids), encoding="utf-8"
    )
    content = {
        "data": {
            "tables": {
                "customers": {"path": "customers.csv"},
                "touchpoints": {
                    "path": "touchpoints.parquet",
                    "measures": {"wait": {"column": "wait", "unit": "minutes", "effort": "time"}},
                },
            }
        },
        "targets": {"churn": {"kind": "column", "column": "left", "positive": 1, "as_of": "2025-01-01"}},
    }
    (folder / "bench.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def measure(side: str, folder: Path, dates: int, threads: int) -> dict[str, float]:
    """Warm up on little, then run one side on all of it."""
    work = ours if side == "ours" else alternative
    work(folder / "small", dates, threads)
    cpu, began = _cpu(), time.perf_counter()
    matrix, read = work(folder / "large", dates, threads)
    spent = {"cpu_seconds": _cpu() - cpu, "seconds": time.perf_counter() - began, "read_cpu_seconds": read}
    np.save(folder / "large" / f"{side}.npy", matrix)
    return {**spent, "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def ours(folder: Path, dates: int, threads: int) -> tuple[NDArray[np.float64], float]:
    """The product's own way."""
    from configs.settings import load
    from features.build import build, learn_catalog
    from features.rows import Rows
    from features.tables import open_tables

    cpu = _cpu()
    with open_tables(load(folder / "bench.yaml")) as tables:
        tables.con.execute(f"SET threads = {threads}")
        catalog = learn_catalog(tables, tables.settings, tables.data_end)
        read = _cpu() - cpu
        catalog = catalog.select([item.name for item in catalog.features if _both_have(item)])
        ids = np.array(
            [row[0] for row in tables.con.execute("SELECT customer_id FROM customers").fetchall()], dtype=object
        )
        moments = _moments(dates)
        rows = Rows(np.tile(ids, dates), np.repeat(moments, len(ids)), None)
        matrix = build(tables, rows, catalog)
    order = np.lexsort((rows.customer_id.astype(str), rows.as_of))
    columns = [catalog.names.index(name) for name, *_ in _columns()]
    return matrix[order][:, columns], read


def alternative(folder: Path, dates: int, threads: int) -> tuple[NDArray[np.float64], float]:
    """What one would write first: join the dates to the events before them, and aggregate under conditions."""
    with duckdb.connect() as con:
        con.execute(f"SET threads = {threads}; SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        cpu = _cpu()
        con.execute(
            f"CREATE TABLE t AS SELECT customer_id, epoch_us(occurred_at) AS moment, touchpoint AS kind, wait "
            f"FROM read_parquet('{folder / 'touchpoints.parquet'}')"
        )
        read = _cpu() - cpu
        moments = ", ".join(f"({moment})" for moment in _moments(dates))
        selected = ", ".join(f"{sql} AS c{place}" for place, (_, sql) in enumerate(_columns()))
        found = con.sql(
            f"SELECT {selected} FROM read_csv('{folder / 'customers.csv'}', types = {{'customer_id': 'VARCHAR'}}) AS c "
            f"CROSS JOIN (VALUES {moments}) AS r(as_of) "
            "LEFT JOIN t ON t.customer_id = c.customer_id AND t.moment < r.as_of "
            "GROUP BY r.as_of, c.customer_id ORDER BY r.as_of, c.customer_id"
        ).to_arrow_table()
        matrix = np.column_stack([item.to_numpy().astype(np.float64) for item in found.columns])
    return matrix, read


def _columns() -> list[tuple[str, str]]:
    """Name of each column as we call it, and its SQL."""
    columns = []
    for kind in KINDS:
        for window in WINDOWS:
            within = f"FILTER (WHERE kind = '{kind}' AND t.moment >= r.as_of - {window * DAY})"
            columns.append((f"{kind}__count_{window}d", f"count(*) {within}"))
        for window, sql, name in ((90, "avg", "mean"), (365, "avg", "mean"), (90, "max", "max"), (365, "max", "max")):
            within = f"FILTER (WHERE kind = '{kind}' AND t.moment >= r.as_of - {window * DAY})"
            columns.append((f"{kind}__wait__{name}_{window}d", f"{sql}(wait) {within}"))
        for window in (30, 365):
            within = f"FILTER (WHERE kind = '{kind}' AND t.moment >= r.as_of - {window * DAY})"
            columns.append((f"{kind}__wait__sum_{window}d", f"coalesce(sum(wait) {within}, 0)"))
        columns.append(
            (f"{kind}__recency", f"(r.as_of - max(t.moment) FILTER (WHERE kind = '{kind}')) / {DAY}::DOUBLE")
        )
    return columns


def _both_have(feature: Any) -> bool:
    return feature.name in {name for name, _ in _columns()}


def _moments(dates: int) -> NDArray[np.int64]:
    last = START + DAYS * DAY
    return np.array([last - 30 * DAY * back for back in range(dates)][::-1], dtype=np.int64)


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _in_a_process(side: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    for name, events in (("small", WARM), ("large", given.events)):
        if not (folder / name / "bench.yaml").is_file():
            generate(folder / name, events)
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    command += ["--dates", str(given.dates), "--threads", str(given.threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    raise SystemExit(main())
