"""The log in lots of bounded size: the vectors that are computed again together, and the reading of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from configs.errors import DataError
from features.company import Calendar
from serving.vectors import CALENDARS, schema_of

AT_ONCE: Final = 20_000_000
"""Values of vectors that are held at once (160 MB): each lot reads the tables once."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lot:
    """Vectors that are held at once, as they were logged, and the lines of those that differ."""

    table: pa.Table
    calendars: dict[int, Calendar]
    differing: set[int] = field(default_factory=set)

    def matrix(self, lines: NDArray[np.int64]) -> Array:
        """The features of vectors of one model, (n, p)."""
        column = self.table.column("features").take(pa.array(lines)).combine_chunks()
        values: Array = column.flatten().to_numpy(zero_copy_only=False)
        return values.reshape(len(lines), -1)

    def times(self, name: str) -> NDArray[np.int64]:
        """A column of moments in microseconds UTC."""
        found: NDArray[np.int64] = self.table.column(name).cast(pa.int64()).to_numpy()
        return found


def lots(paths: list[Path], since: int | None) -> Iterator[tuple[Lot, float, float]]:
    """The files in lots of bounded size, each with the share that is behind and the share that the lot is."""
    tables: list[pa.Table] = []
    calendars: dict[int, Calendar] = {}
    size = behind = 0
    for number, path in enumerate(paths):
        try:
            table = pq.read_table(path)
            right = table.schema.equals(schema_of())
        except (pa.ArrowInvalid, OSError):
            right = False
        if not right:
            raise DataError(
                "this is not a file of scored vectors",
                where=str(path),
                next_move="delete it, or bring back what the service wrote",
            )
        if since is not None:
            table = table.filter(pc.greater_equal(table.column("scored_at").cast(pa.int64()), since))
        described = json.loads(table.schema.metadata.get(CALENDARS, b"{}"))
        calendars |= {int(name): Calendar.from_dict(content) for name, content in described.items()}
        tables.append(table)
        size += pc.sum(pc.list_value_length(table.column("features"))).as_py() or 0
        if size >= AT_ONCE or number == len(paths) - 1:
            whole = pa.concat_tables([item.replace_schema_metadata() for item in tables])
            if len(whole):
                yield Lot(whole, calendars), behind / len(paths), (number + 1 - behind) / len(paths)
            tables, size, behind = [], 0, number + 1
