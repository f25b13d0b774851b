"""The cluster host: the features of many rows, computed by Spark's executors with the kernel of every other host.

What is canonical, what is clean and what is learnt is decided once, by DuckDB, whichever engine computes (`features.tables`,
`features.learn`); the rows that a catalogue reads go to a staging folder as parquet. Spark encodes them, brings each customer
together (`repartition` by parts of equal weight, order within them), computes, and writes parquet again, which is read part
after part: no table and no matrix passes through the driver's heap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.build import PART_BYTES, PART_EVENTS, Progress, batches_of, need, numbered, sources_of
from features.catalog import Catalog
from features.columns import query
from features.company_learn import with_calendar
from features.rows import Rows
from features.spark.session import mapped, run
from features.spark.staging import Staging, staging
from features.spark.types import ddl, plain
from features.spark.work import (
    FEATURES,
    LINES,
    ROWS,
    Answer,
    Encoder,
    Parts,
    Worker,
    answer_features,
    cells_to_matrix,
    lines_of,
    strand_of,
)
from features.tables import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_EVENTS_PER_CELL: Final = 0.1
"""What a feature of a row costs, in events that have to be read: it only balances the parts."""

_ANSWERS: Final = "answers"
_ROWS: Final = "rows"
_BATCH: Final = 1 << 17
_EXPORTED: Final = 0.3
"""Share of the work that is done when the tables lie in the staging folder, for the progress."""


def spark_parts(
    spark: SparkSession, tables: Tables, rows: Rows, catalog: Catalog, progress: Progress | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """As `features.build.build_parts`: lines of `rows`, ascending, and their features, one part after the other.

    Parameters
    ----------
    spark
        An open session, see `features.spark.session`.
    tables, rows, catalog
        As in `features.build.build`.

    Raises
    ------
    ConfigError, DataError
        When the staging folder cannot be made, or the tables lack what the catalogue reads.
    """
    width = len(catalog.features)
    if not len(rows) or not width:
        yield np.arange(len(rows)), np.empty((len(rows), width))
        return
    with staging(tables.settings) as place:
        compute(spark, place, tables, [(catalog, rows)], answer_features, FEATURES, progress)
        for batch in answers_in(place, max(1, PART_BYTES // (8 * width))):
            yield batch.column("row").to_numpy(), cells_to_matrix(batch.column("features"), np.float64)


def spark_several(
    spark: SparkSession, tables: Tables, asked: Sequence[tuple[Catalog, Rows]], progress: Progress | None = None
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """As `features.build.build_several`, one set of rows after the other."""
    tell = progress or (lambda _message, _share: None)
    for place, (catalog, rows) in enumerate(asked):

        def told(message: str, share: float, place: int = place) -> None:
            tell(message, (place + share) / len(asked))

        for lines, found in spark_parts(spark, tables, rows, catalog, told):
            yield place, lines, found


def compute(
    spark: SparkSession,
    place: Staging,
    tables: Tables,
    asked: Sequence[tuple[Catalog, Rows]],
    answer: Answer,
    answers: str,
    progress: Progress | None = None,
) -> None:
    """Compute the features of the same customers by several catalogues, and write what `answer` says of them to `place`.

    Parameters
    ----------
    asked
        Catalogues, each with its rows; the n-th rows of all are of one customer.
    answer, answers
        What is said of features on the executors, and its schema in Spark's words.
    """
    rows = asked[0][1]
    tell = progress or (lambda _message, _share: None)
    message = f"features of {len(rows):,} rows"
    catalogs = []
    for catalog, _ in asked:
        need(tables, catalog)
        catalogs.append(with_calendar(catalog, tables))
    names, customer = numbered(rows)
    staged, weights = _export(
        place,
        tables,
        [(catalog, int(mine.as_of.max())) for catalog, mine in asked],
        names,
        lambda share: tell(message, _EXPORTED * share),
    )
    events = float(weights.sum())
    width = sum(len(catalog.features) for catalog in catalogs)
    weights += np.bincount(customer, minlength=len(names)) * (1.0 + _EVENTS_PER_CELL * width)
    parts = Parts.by_weight(weights, wanted_parts(spark, tables, events, len(rows) * width * 8, len(names)))
    _write_rows(place, customer, [mine.as_of for _, mine in asked], parts)
    with ExitStack() as stack:
        texts = []
        for catalog in catalogs:
            shared = spark.sparkContext.broadcast(json.dumps(catalog.to_dict()))
            stack.callback(shared.destroy)
            texts.append(shared)
        frame = spark.read.schema(LINES).parquet(place.url(_ROWS))
        for item in staged:
            strand = strand_of(item.catalogue, item.source)
            encoder = Encoder(texts[item.catalogue], strand, item.source, item.names, parts)
            frame = frame.unionAll(mapped(spark.read.schema(item.ddl).parquet(place.url(item.entry)), encoder, LINES))
        together = _together(frame, parts.count)
        result = mapped(together, Worker(tuple(texts), answer), answers)
        # Cells of bytes have no dictionary worth trying, and small row groups keep a task's heap small.
        writer = result.write.option("parquet.enable.dictionary", "false").option("parquet.block.size", 1 << 25)
        run(
            spark,
            lambda: writer.parquet(place.url(_ANSWERS)),
            lambda share: tell(message, _EXPORTED + (1.0 - _EXPORTED) * share),
        )


def answers_in(place: Staging, at_once: int) -> Iterator[pa.RecordBatch]:
    """What `compute` wrote, so many rows at a time, those with the first customers first; rows ascend within a batch."""
    for file in place.read(_ANSWERS, "row"):
        for batch in file.iter_batches(batch_size=at_once):
            yield batch.take(pc.sort_indices(batch, [("row", "ascending")]))


def wanted_parts(spark: SparkSession, tables: Tables, events: float, matrix_bytes: int, customers: int) -> int:
    """How many parts: what the configuration says, or as many as keep every core busy and each task's spill small."""
    given = tables.settings.spark.partitions
    cores = int(spark.sparkContext.defaultParallelism)
    fitting = max(cores, -(-matrix_bytes // (4 * PART_BYTES)), -(-int(events) // PART_EVENTS))
    return max(1, min(fitting if given == "auto" else given, customers))


def _together(frame: DataFrame, parts: int) -> DataFrame:
    """The lines of each customer in one place, in order."""
    moved = frame.repartitionById(parts, frame["part"])
    return moved.select("customer", "strand", "line").sortWithinPartitions("customer", "strand")


@dataclass(frozen=True)
class _Staged:
    """One source as one catalogue reads it: its entry in the staging folder, that entry's schema, its columns' own names."""

    catalogue: int
    source: str
    entry: str
    ddl: str
    names: tuple[str, ...]


def _export(
    place: Staging, tables: Tables, asked: Sequence[tuple[Catalog, int]], names: pa.Array, told: Callable[[float], None]
) -> tuple[list[_Staged], NDArray[np.float64]]:
    """Put the rows that the catalogues read into the staging folder, each query once, and count every customer's."""
    queries = {
        (number, source): query(source, catalog.vocabulary, {}, latest, by_hash=False)
        for number, (catalog, latest) in enumerate(asked)
        for source in sources_of(tables, catalog)
    }
    entries: dict[str, tuple[str, list[pa.Schema]]] = {}
    weights = np.zeros(len(names))
    staged = []
    for done, ((number, source), text) in enumerate(queries.items()):
        if text not in entries:
            schemas: list[pa.Schema] = []
            entries[text] = f"events-{len(entries)}", schemas
            place.write(entries[text][0], _plain(batches_of(tables, text, names), schemas, weights))
        entry, schemas = entries[text]
        if schemas:
            staged.append(_Staged(number, source, entry, ddl(_plain_names(schemas[0])), tuple(schemas[0].names[1:])))
        told((done + 1) / len(queries))
    return staged, weights


def _plain(
    batches: Iterator[pa.RecordBatch], schemas: list[pa.Schema], weights: NDArray[np.float64]
) -> Iterator[pa.RecordBatch]:
    """Batches of 64-bit numbers and texts under plain names; leaves their own schema, and adds up the customers' rows."""
    for batch in batches:
        target = pa.schema([(field.name, plain(field.type)) for field in batch.schema])
        if not schemas:
            schemas.append(target)
        columns = batch.cast(target).columns
        weights += np.bincount(columns[0].to_numpy(), minlength=len(weights))
        yield pa.RecordBatch.from_arrays(columns, schema=_plain_names(target))


def _plain_names(schema: pa.Schema) -> pa.Schema:
    return pa.schema([(f"c{place}", kind) for place, kind in enumerate(schema.types)])


def _write_rows(place: Staging, customer: NDArray[np.int64], as_of: Sequence[NDArray[np.int64]], parts: Parts) -> None:
    """The rows that are asked for, as lines."""
    content = np.column_stack([np.arange(len(customer)), *as_of])
    place.write(
        _ROWS,
        (
            lines_of(customer[start : start + _BATCH], ROWS, content[start : start + _BATCH], parts)
            for start in range(0, len(customer), _BATCH)
        ),
    )
