"""The core table of features by the product, by the best SQL and the best frames we could write: CPU seconds and memory.

All start from the same parquet file of events and end with the same table in another; every cell is compared. Each runs in a
process of its own. The unit is what DuckDB needs to read the four columns. What comes out is printed and written to
``benchmarks/results/feature_build.json`` and ``.md``.

``python -m benchmarks.feature_build --events 1000000``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.compare import compare
from benchmarks.contender import CONTENDERS, SCAN
from benchmarks.events import CUSTOMERS, generate
from benchmarks.wanted import columns

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results"
BEST: Final = ("moments", "DuckDB SQL", "Polars")
_WARM: Final = 20_000
_WARM_CUSTOMERS: Final = 500


def main() -> int:
    """Measure, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--dates", type=int, default=12, help="as_of dates, thirty days apart")
    parser.add_argument("--all", action="store_true", help="the slower ways of SQL and of frames, too")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="moments-bench-") as place:
        found = run(Path(place), given.events, given.customers, given.dates, tuple(CONTENDERS) if given.all else BEST)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "feature_build.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "feature_build.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def run(place: Path, events: int, customers: int, dates: int, names: tuple[str, ...] = BEST) -> dict[str, Any]:
    """The figures of every contender, once all have been found to say the same as the first."""
    folder, small = place / "company", place / "small"
    generate(folder, events, customers)
    generate(small, _WARM, _WARM_CUSTOMERS)
    found: dict[str, Any] = {
        "events": events, "customers": customers, "dates": dates, "columns": len(columns()), "cells_compared": 0,
    }  # fmt: skip
    found["contenders"] = {SCAN: contender(SCAN, small, folder, place / "nothing", dates)}
    first = place / "0.parquet"
    for number, name in enumerate(names):
        out = place / f"{number}.parquet"
        found["contenders"][name] = contender(name, small, folder, out, dates)
        if number:
            found["cells_compared"] += compare(first, out)
            out.unlink()
    return found


def contender(name: str, small: Path, folder: Path, out: Path, dates: int) -> dict[str, Any]:
    """One contender's figures, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.contender", name, *map(str, (small, folder, out, dates))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment())
    return dict(json.loads(done.stdout.splitlines()[-1]))


def environment() -> dict[str, str]:
    """Ours, with this copy of the project before any that is installed."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def table(found: dict[str, Any]) -> str:
    """The figures as a table of markdown."""
    parts = found["contenders"]
    unit, ours = parts[SCAN]["cpu_seconds"], parts["moments"]["cpu_seconds"]
    size = f"{found['events']:,} events of {found['customers']:,} customers, {found['dates']} dates, {found['columns']} features"
    lines = [
        f"{size}, from parquet to parquet; {found['cells_compared']:,} cells compared, none differs.",
        "",
        "| | CPU seconds | of a bare scan | of moments | elapsed seconds | peak memory, MB | start, CPU seconds |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, part in parts.items():
        shown = "bare scan of the four columns (DuckDB)" if name == SCAN else name
        cpu = part["cpu_seconds"]
        start = f"{part['start_cpu_seconds']:.1f}" if "start_cpu_seconds" in part else ""
        lines.append(
            f"| {shown} | {cpu:.2f} | {cpu / unit:.1f} | {cpu / ours:.2f} | {part['seconds']:.1f} "
            f"| {part['peak_memory_mb']:,.0f} | {start} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
