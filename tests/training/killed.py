"""Builds a training set and stops at a point, for a test to kill it there: ``python -m tests.training.killed FOLDER POINT``.

It says ``here`` when it stands at the point and then waits for ever.
"""

from __future__ import annotations

import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.tables import open_tables
from tests.features import company
from training import columns, dataset

GROUP_ROWS = 32


def stop() -> None:
    """Say so and wait."""
    sys.stdout.write("here\n")
    sys.stdout.flush()
    threading.Event().wait()


def counted(work: Callable[..., Any], times: int) -> Callable[..., Any]:
    """The same function, which stops at the given call."""
    calls = 0

    def inner(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times:
            stop()
        return work(*args, **options)

    return inner


POINTS: dict[str, Callable[[], None]] = {
    # The second piece is half written.
    "half a piece": lambda: setattr(zlib, "crc32", counted(zlib.crc32, 9)),
    # The second piece has its name, and the manifest does not know it.
    "no manifest": lambda: setattr(Path, "replace", counted(Path.replace, 4)),
    # The file has one of its groups.
    "half a file": lambda: setattr(pq.ParquetWriter, "write_table", counted(pq.ParquetWriter.write_table, 2)),
}


def main(folder: Path, point: str) -> None:
    """Build the churn set up to a point."""
    columns.GROUP_ROWS = GROUP_ROWS  # type: ignore[misc] # so that a small company has several groups
    settings = company.settings(folder)
    with open_tables(settings) as tables:
        POINTS[point]()
        dataset.make(tables, settings, "churn")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
