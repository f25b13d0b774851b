"""One contender in a process of its own: ``python -m benchmarks.contender NAME SMALL FOLDER OUT DATES`` prints one object.

It goes over a small company first, so that what is compiled or imported once is not counted; that start is told beside the rest.
CPU seconds are user and system time of this process and what it starts, so they do not depend on what else the machine does.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

CONTENDERS: Final = {
    "moments": ("ours", "write"),
    "moments, catalogue learnt first": ("ours", "learnt"),
    "DuckDB SQL": ("duckdb_sql", "windows"),
    "Polars": ("polars_frames", "windows"),
    "DuckDB SQL, intervals": ("duckdb_sql", "intervals"),
    "DuckDB SQL, join": ("duckdb_sql", "join"),
    "Polars, dates": ("polars_frames", "dates"),
}
"""Name to module and function; the first three are each one's best."""

SCAN: Final = "scan"
"""The unit: DuckDB reads the four columns and does next to nothing with them."""

_SCANS: Final = 5


def measure(name: str, small: Path, folder: Path, out: Path, dates: int) -> dict[str, Any]:
    """CPU seconds, elapsed seconds, peak memory, and the CPU seconds of the start."""
    if name == SCAN:
        return _scan(folder)
    module, function = CONTENDERS[name]
    work: Callable[[Path, Path, int], None] = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    work(small, out, dates)
    started, began = cpu_seconds(), time.perf_counter()
    work(folder, out, dates)
    return {
        "cpu_seconds": cpu_seconds() - started,
        "seconds": time.perf_counter() - began,
        "peak_memory_mb": peak_memory_mb(),
        "start_cpu_seconds": started,
        "file_mb": out.stat().st_size / 1e6,
    }


def cpu_seconds() -> float:
    """User and system time of this process and of those it started."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in spent)


def peak_memory_mb() -> float:
    """The most memory that this process held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _scan(folder: Path) -> dict[str, Any]:
    """The median of some scans: one of a tenth of a second is a rough unit.

    Counts and extremes would come from the file's statistics, without any value being read.
    """
    import duckdb

    spent = []
    for _ in range(_SCANS):
        with duckdb.connect() as con:
            con.execute("SET enable_progress_bar = false")
            before, began = cpu_seconds(), time.perf_counter()
            con.execute(
                "SELECT sum(strlen(customer_id)), bit_xor(epoch_us(occurred_at)), sum(strlen(touchpoint)), sum(wait) "
                f"FROM '{folder / 'events.parquet'}'"
            ).fetchall()
            spent.append((cpu_seconds() - before, time.perf_counter() - began))
    cpu, seconds = (median(column) for column in zip(*spent, strict=True))
    return {"cpu_seconds": cpu, "seconds": seconds, "peak_memory_mb": peak_memory_mb()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *map(Path, sys.argv[2:5]), int(sys.argv[5]))))
