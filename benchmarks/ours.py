"""The product's way: open the tables, compute the wanted features, write each part of the customers as it comes.

`write` is told the kinds of events, as all contenders are; `learnt` finds out by itself what there is, as the product does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.events import KINDS
from benchmarks.wanted import Column, columns, moments
from configs.settings import load
from features.build import build_parts, learn_catalog
from features.catalog import Catalog
from features.definition import ANY, Feature
from features.journey import MeasureInfo, Vocabulary
from features.rows import Rows
from features.schema import TOUCHPOINTS
from features.tables import Tables, open_tables


def write(folder: Path, out: Path, dates: int) -> None:
    """From the events of a folder to a parquet file of customer_id, as_of and the wanted columns."""
    wait = MeasureInfo(unit="minutes", better="lower", effort="time")
    told = Vocabulary(tables=(TOUCHPOINTS,), touchpoints=KINDS, measures={"wait": wait})
    with open_tables(load(folder / "bench.yaml")) as tables:
        build(tables, told, out, dates)


def learnt(folder: Path, out: Path, dates: int) -> None:
    """The same, with all that a catalogue needs learnt first."""
    with open_tables(load(folder / "bench.yaml")) as tables:
        build(tables, learn_catalog(tables, tables.settings, moments(dates)[-1]).vocabulary, out, dates)


def build(tables: Tables, vocabulary: Vocabulary, out: Path, dates: int) -> None:
    """The wanted features of all customers, part by part into a file."""
    catalog = Catalog(tuple(map(feature, columns())), vocabulary)
    ids = tables.arrow("SELECT customer_id FROM customers ORDER BY 1").column(0).combine_chunks()
    times = np.array(moments(dates))
    numbers = np.repeat(np.arange(len(ids), dtype=np.int32), dates)
    rows = Rows(pa.DictionaryArray.from_arrays(pa.array(numbers), ids), np.tile(times, len(ids)))
    moment = pa.timestamp("us", tz="UTC")
    counted = [item.name for item in catalog.features if item.unit == "number" and item.empty == "zero"]
    schema = pa.schema(
        [
            ("customer_id", pa.dictionary(pa.int32(), pa.string())),
            ("as_of", moment),
            *((item.name, pa.int32() if item.name in counted else pa.float64()) for item in catalog.features),
        ]
    )
    # Counts are small integers, for which differences take a third of a dictionary's time and no more room; times and means
    # hardly ever repeat and are written as they are.
    how = {
        "compression": {item.name: "snappy" if item.name in counted else "none" for item in catalog.features},
        "use_dictionary": ["customer_id", "as_of"],
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
        "write_statistics": ["customer_id", "as_of"],
        "store_schema": False,
    }
    with pq.ParquetWriter(out, schema, **how) as writer:
        for lines, matrix in build_parts(tables, rows, catalog):
            mine = numbers[lines]
            first, last = int(mine[0]), int(mine[-1])
            who = pa.DictionaryArray.from_arrays(pa.array(mine - first), ids.slice(first, last - first + 1))
            arrays = [who, pa.array(rows.as_of[lines]).cast(moment)]
            for place, item in enumerate(catalog.features):
                values = matrix[:, place]
                arrays.append(
                    pa.array(values.astype(np.int32)) if item.name in counted else pa.array(values, from_pandas=True)
                )
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def feature(column: Column) -> Feature:
    """A wanted column as one of the product's features."""
    role = "overall" if column.kind is None else "touchpoint"
    measure = "wait" if column.what in {"mean", "max", "trend"} else None
    return Feature("bench", "touchpoints", column.kind or ANY, measure, column.what, column.window, role=role)
