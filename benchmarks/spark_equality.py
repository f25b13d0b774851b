"""Spark against this machine: every cell of every target's full catalogue, compared bit by bit, with what each side cost.

``python benchmarks/spark_equality.py configs/demo.yaml configs/online_retail.yaml`` (or ``make spark``) prints one line per target;
the exit status is 1 when a cell differs. Spark runs where the first configuration's section `spark` says.

CPU seconds are user and system time: of this process for the local side; of this process, the Java machine and its Python
workers for Spark. The peak of a worker is the high-water mark of its resident memory.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from configs.settings import load
from features.build import build_parts, learn_catalog
from features.catalog import Catalog
from features.rows import Rows
from features.spark.host import spark_parts
from features.spark.session import session
from features.tables import Tables, open_tables
from moments.environment import set_environment
from training.targets import rows_for

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Compare all targets of the configurations."""
    set_environment()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", type=Path, nargs="+", help="configurations")
    given = parser.parse_args()
    cells = differing = 0
    with session(load(given.configs[0])) as spark:
        for config in given.configs:
            settings = load(config)
            with open_tables(settings) as tables:
                for target in settings.targets:
                    rows = rows_for(tables, settings, target).rows
                    catalog = learn_catalog(tables, settings, int(rows.as_of.max()))
                    found = compare(spark, tables, rows, catalog)
                    cells, differing = cells + found.cells, differing + found.differing
                    print(
                        f"{settings.name} {target}: {len(rows):,} rows x {len(catalog.features)} features; {found}",
                        flush=True,
                    )
        print(f"one Python worker held {peak_mb():,.0f} MB at most")
    print(f"{cells:,} cells, {differing:,} differ")
    return 1 if differing else 0


@dataclass(frozen=True)
class Compared:
    """Cells, how many differ, and (seconds, CPU seconds) of each side."""

    cells: int
    differing: int
    local: tuple[float, float]
    spark: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"{self.cells:,} cells, {self.differing:,} differ; local {self.local[0]:.1f} s ({self.local[1]:.1f} CPU s), "
            f"Spark {self.spark[0]:.1f} s ({self.spark[1]:.1f} CPU s)"
        )


def compare(spark: object, tables: Tables, rows: Rows, catalog: Catalog) -> Compared:
    """Both matrices, one after the other."""
    shape = len(rows), len(catalog.features)
    sides, spent = [], []
    for engine in (build_parts, lambda *asked: spark_parts(spark, *asked)):
        matrix = np.full(shape, 7.0)
        began, cpu = time.perf_counter(), cpu_seconds()
        for lines, part in engine(tables, rows, catalog):
            matrix[lines] = part
        spent.append((time.perf_counter() - began, cpu_seconds() - cpu))
        sides.append(matrix.view(np.uint64))
    return Compared(matrix.size, int((sides[0] != sides[1]).sum()), *spent)


def family() -> list[Path]:
    """Our process and all that descend from it, in /proc."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[path] = (path / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
    found = [Path("/proc") / str(os.getpid())]
    for path in found:
        found += [child for child, parent in parents.items() if parent == path.name]
    return found


def cpu_seconds() -> float:
    """User and system time of the family, with that of members who have left."""
    total = 0
    for path in family():
        try:
            total += sum(map(int, (path / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return total / _TICKS


def peak_mb() -> float:
    """The largest high-water mark of the Python workers that are still there."""
    found = [0.0]
    for path in family()[1:]:
        try:
            if b"pyspark" in (path / "cmdline").read_bytes() and b"java" not in (path / "cmdline").read_bytes():
                (line,) = [line for line in (path / "status").read_text().splitlines() if line.startswith("VmHWM")]
                found.append(int(line.split()[1]) / 1024)
        except (OSError, ValueError):
            continue
    return max(found)


if __name__ == "__main__":
    raise SystemExit(main())
