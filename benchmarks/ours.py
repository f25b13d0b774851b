"""The product's way: open the tables, learn what there is, select the wanted features, write each part as it comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.wanted import Column, columns, moments
from configs.settings import load
from features.build import build_parts, learn_catalog
from features.catalog import Catalog
from features.definition import ANY, Feature
from features.rows import Rows
from features.tables import Tables, open_tables


def write(folder: Path, out: Path, dates: int) -> None:
    """From the events of a folder to a parquet file of customer_id, as_of and the wanted columns."""
    with open_tables(load(folder / "bench.yaml")) as tables:
        build(tables, learn_catalog(tables, tables.settings, moments(dates)[-1]), out, dates)


def build(tables: Tables, learnt: Catalog, out: Path, dates: int) -> None:
    """The wanted features of all customers, part by part into a file."""
    catalog = Catalog(tuple(map(feature, columns())), learnt.vocabulary)
    ids = tables.arrow("SELECT customer_id FROM customers ORDER BY 1").column(0).combine_chunks()
    times = np.array(moments(dates))
    numbers = np.tile(np.arange(len(ids), dtype=np.int32), dates)
    rows = Rows(pa.DictionaryArray.from_arrays(pa.array(numbers), ids), np.repeat(times, len(ids)))
    moment = pa.timestamp("us", tz="UTC")
    counted = [item.name for item in catalog.features if item.unit == "number" and item.empty == "zero"]
    schema = pa.schema(
        [
            ("customer_id", pa.dictionary(pa.int32(), pa.string())),
            ("as_of", moment),
            *((item.name, pa.int32() if item.name in counted else pa.float64()) for item in catalog.features),
        ]
    )
    # Counts are small integers, for which differences take a third of a dictionary's time and no more room.
    how = {
        "compression": "snappy",
        "use_dictionary": ["customer_id", "as_of"],
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
        "write_statistics": ["customer_id", "as_of"],
        "store_schema": False,
    }
    with pq.ParquetWriter(out, schema, **how) as writer:
        for lines, matrix in build_parts(tables, rows, catalog):
            who = pa.DictionaryArray.from_arrays(pa.array(numbers[lines]), ids)
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
