"""The columns of a training set's file: customer_id, as_of, label, then the features; one group of rows after the other.

A number is float64, null where it is missing; a category is text; as_of is null in a flat table. Ids, dates, categories and
counts are held by dictionary, which makes them small; other numbers hardly ever repeat and are written as they are. Nothing
depends on how the rows came: the same rows and features are the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.catalog import Catalog
from features.definition import AGGREGATES
from features.schema import AS_OF, CUSTOMER_ID, LABEL, NO_AS_OF

KEY: Final = b"moments"
FORMAT: Final = 1
GROUP_BYTES: Final = 80_000_000
"""Bytes of a group's features at most: what reading and writing hold at once."""

GROUP_ROWS: Final = 1 << 17
"""Rows of a group at most: more of them make no file smaller."""

Array = NDArray[np.float64]
_TIME: Final = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Content:
    """What a training set is of: told in the file's schema, so that a reader can turn it back.

    Parameters
    ----------
    target, task, spec
        Name of the target, ``binary`` | ``ordinal`` | ``amount`` | ``survival``, and its settings.
    catalog
        The features.
    dropped
        Rows left out, by reason.
    """

    target: str
    task: str
    spec: dict[str, Any]
    catalog: Catalog
    dropped: dict[str, int]

    def to_json(self) -> bytes:
        """For the schema."""
        content = {
            "format": FORMAT,
            "target": self.target,
            "task": self.task,
            "spec": self.spec,
            "catalog": self.catalog.to_dict(),
            "dropped": self.dropped,
        }
        return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        fields = [pa.field(CUSTOMER_ID, pa.string()), pa.field(AS_OF, _TIME), pa.field(LABEL, pa.float64())]
        fields += [
            pa.field(feature.name, pa.string() if feature.category else pa.float64())
            for feature in self.catalog.features
        ]
        return pa.schema(fields, metadata={KEY: self.to_json()})

    @property
    def group_rows(self) -> int:
        """Rows of each group but the last: a power of two."""
        most = max(1, GROUP_BYTES // (8 * max(1, len(self.catalog.features))))
        return int(min(GROUP_ROWS, 1 << (most.bit_length() - 1)))

    def writer(self, path: Path | pa.NativeFile, *, told: bool = True) -> pq.ParquetWriter:
        """A file of groups; write each with `group`. `told` says what the set is of: columns are the same bytes without."""
        repeated = [item.name for item in self.catalog.features if item.category or is_count(item.aggregate)]
        keys = [CUSTOMER_ID, AS_OF]
        return pq.ParquetWriter(
            path,
            self.schema if told else self.schema.remove_metadata(),
            store_schema=told,
            compression="zstd",
            compression_level=1,
            use_dictionary=[*keys, *repeated],
            write_statistics=[*keys, LABEL],
        )

    def group(self, ids: pa.Array, as_of: NDArray[np.int64], label: Array, features: Array) -> pa.Table:
        """One group of rows; `features` has the shape (features, rows), C order."""
        flat = as_of == NO_AS_OF
        times = pa.array(np.where(flat, 0, as_of), pa.int64(), mask=flat).cast(_TIME)
        arrays = [ids, times, pa.array(label)]
        for feature, values in zip(self.catalog.features, features, strict=True):
            if feature.category:
                arrays.append(texts_of(values, self.catalog.categories[feature.name]))
            else:
                arrays.append(pa.array(values, from_pandas=True))
        return pa.Table.from_arrays(arrays, schema=self.schema)


def is_count(aggregate: str) -> bool:
    """Whether an aggregate gives few different numbers."""
    return AGGREGATES[aggregate].unit in {"number", "flag"} and aggregate != "lines_per_occasion"


def texts_of(codes: Array, categories: tuple[str, ...]) -> pa.Array:
    """Codes as the categories' names, null where missing."""
    missing = np.isnan(codes)
    places = pa.array(np.where(missing, 0, codes).astype(np.int64), mask=missing)
    return pa.array(categories, type=pa.string()).take(places)


def codes_of(texts: pa.Array | pa.ChunkedArray, categories: tuple[str, ...]) -> Array:
    """Names of categories as codes, NaN where missing."""
    places = pc.index_in(texts, value_set=pa.array(categories, type=pa.string()))
    return np.asarray(places.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
