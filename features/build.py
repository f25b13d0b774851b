"""The batch host: the features of many rows, one part of the customers at a time, through the same kernel as the service.

DuckDB filters and hands over each table once; its events are encoded and put with their customers' parts (`features.spool`).
Memory is one part's events and rows, however many customers the company has.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError
from features import schema
from features.catalog import Catalog
from features.columns import columns_of, hashed_texts, query
from features.company_learn import with_calendar
from features.encode import Events, encode
from features.hashing import hash_table
from features.layout import wanted_of
from features.learn import learn_catalog
from features.part import features_of
from features.rows import Rows
from features.spool import Spool, spool
from features.tables import Tables

Progress = Callable[[str, float], None]

PART_BYTES: Final = 64_000_000
"""Bytes of a part's matrix at most: what a host holds at once."""

PART_EVENTS: Final = 250_000
"""Events of a part at most, for the same reason."""

_BATCH: Final = 500_000
_FEW_PARTS: Final = 1 << 16

__all__ = ["build", "build_parts", "build_several", "learn_catalog"]


def build(tables: Tables, rows: Rows, catalog: Catalog, progress: Progress | None = None) -> NDArray[np.float64]:
    """Features of every row.

    Parameters
    ----------
    tables
        The company's canonical tables.
    rows
        Which customers at which moments; a customer without any data gets the values of empty windows.
    catalog
        Which features, in which order.

    Returns
    -------
    Shape (rows, features), float64: codes for categories, NaN for what is missing.
    """
    out = np.empty((len(rows), len(catalog.features)), dtype=np.float64)
    for lines, part in build_parts(tables, rows, catalog, progress):
        out[lines] = part
    return out


def build_parts(
    tables: Tables, rows: Rows, catalog: Catalog, progress: Progress | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Features of one part of the customers after the other: the lines of `rows`, ascending, and their features.

    Parts are ranges of the sorted ids, so they do not depend on the order in which rows come.
    """
    for _, lines, found in build_several(tables, [(catalog, rows)], progress):
        yield lines, found


def build_several(
    tables: Tables, asked: Sequence[tuple[Catalog, Rows]], progress: Progress | None = None
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """Features of several sets of rows, each by a catalogue of its own, in one reading of the events.

    Parameters
    ----------
    tables
        The company's canonical tables.
    asked
        Catalogues of one vocabulary, each with its rows.

    Yields
    ------
    Place in `asked`, lines of its rows (ascending) and their features, one part of the customers after the other.
    """
    tell = progress or (lambda _message, _share: None)
    message = f"features of {sum(len(rows) for _, rows in asked):,} rows"
    catalogs = _alike(tables, [catalog for catalog, _ in asked])
    names, numbers = _together([rows for _, rows in asked])
    size = sum(len(rows) * len(catalog.features) * 8 for catalog, rows in asked)
    limits = part_limits(tables, size, len(names))
    parts = [_by_part(limits, number) for number in numbers]
    with spool(limits) as events:
        latest = max((int(rows.as_of.max()) for _, rows in asked if len(rows)), default=0)
        _fill(tables, catalogs[0], names, latest, events, lambda share: tell("reading events", 0.4 * share))
        for part, (first, last) in enumerate(itertools.pairwise(limits.tolist())):
            found = events.part(part)
            for place, ((_, rows), number, (lines_of, starts)) in enumerate(zip(asked, numbers, parts, strict=True)):
                lines = lines_of[starts[part] : starts[part + 1]]
                if len(lines):
                    mine = number[lines] - first
                    yield place, lines, features_of(catalogs[place], found, last - first, mine, rows.as_of[lines])
            tell(message, 0.4 + 0.6 * (part + 1) / (len(limits) - 1))


def _alike(tables: Tables, catalogs: Sequence[Catalog]) -> list[Catalog]:
    """Catalogues that read the same encoded events: all that one of them has computed of an event is laid out for each."""
    if any(catalog.vocabulary != catalogs[0].vocabulary for catalog in catalogs):
        raise ValueError("catalogues of several vocabularies read events differently")
    for catalog in catalogs:
        need(tables, catalog)
    wanted = frozenset[str]().union(*(wanted_of(catalog.features) for catalog in catalogs))
    return [replace(with_calendar(catalog, tables), beside=wanted) for catalog in catalogs]


def _together(several: Sequence[Rows]) -> tuple[pa.Array, list[NDArray[np.int64]]]:
    """The different ids of several sets of rows, sorted, and the number of each row's among them."""
    if len(several) == 1:
        names, number = numbered(several[0])
        return names, [number]
    names = pc.unique(pa.concat_arrays([rows.names for rows in several]))
    names = names.take(pc.array_sort_indices(names))
    places = [pc.index_in(rows.names, value_set=names).to_numpy().astype(np.int64) for rows in several]
    return names, [place[rows.number] for place, rows in zip(places, several, strict=True)]


def _by_part(limits: NDArray[np.int64], customer: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines of rows by the part of their customers, and where each part's begin."""
    # Sorting 16 bits by their digits is many times cheaper than comparing.
    by_part = (np.searchsorted(limits, customer, side="right") - 1).astype(
        np.uint16 if len(limits) < _FEW_PARTS else np.int64
    )
    starts = np.concatenate([[0], np.cumsum(np.bincount(by_part, minlength=len(limits)))])
    return np.argsort(by_part, kind="stable"), starts


def numbered(rows: Rows) -> tuple[pa.Array, NDArray[np.int64]]:
    """The different ids of rows, sorted, and the number of each row's among them."""
    return rows.names, rows.number


def part_limits(tables: Tables, matrix_bytes: int, customers: int) -> NDArray[np.int64]:
    """First customer of each part and one past the last: as many parts as keep memory flat, at least those configured."""
    events = sum(tables.rows.get(name, 0) for name in tables.present)
    wanted = max(tables.settings.partitions, -(-matrix_bytes // PART_BYTES), -(-events // PART_EVENTS))
    parts = max(1, min(wanted, customers))
    return np.unique(np.linspace(0, customers, parts + 1).astype(np.int64))


def need(tables: Tables, catalog: Catalog) -> None:
    """Refuse, by name, tables that lack what the catalogue reads: a model of other columns would score nonsense."""
    source = tables.settings.source.name
    for kind, needed, there in (
        (schema.CUSTOMERS, catalog.vocabulary.attributes, tables.attributes),
        (schema.TOUCHPOINTS, catalog.vocabulary.measures, _measures(tables)),
    ):
        missing = sorted(set(needed) - set(there))
        if kind in tables.present and missing:
            raise DataError(
                f"the model reads {', '.join(repr(name) for name in missing)} of {kind}, which the tables no longer have",
                where=f"{source}: data.tables.{kind}",
                available=", ".join(sorted(there)),
                next_move="bring it back, or build the features and train again",
            )


def _measures(tables: Tables) -> tuple[str, ...]:
    table = tables.settings.data.tables.get(schema.TOUCHPOINTS)
    return () if table is None else tuple(table.measures)


def _fill(
    tables: Tables, catalog: Catalog, names: pa.Array, latest: int, events: Spool, told: Callable[[float], None]
) -> None:
    """Every event that some row can see, encoded, with its customer's part."""
    sources = sources_of(tables, catalog)
    customers = hash_table(tables, names)
    total = max(1, sum(tables.rows.get(source, 0) for source in sources))
    done = 0
    for source in sources:
        hashed = hashed_texts(tables, source, catalog.layout)
        recorded = schema.RECORDED_AT in tables.columns[source]
        dated = recorded or source == schema.CUSTOMERS
        text = query(source, catalog.vocabulary, hashed, latest, by_hash=customers is not None, recorded=recorded)
        for batch in batches_of(tables, text, names):
            done += batch.num_rows
            found = (
                batch.column("customer_number").to_numpy().astype(np.int64)
                if customers is None
                else customers.find(batch.column("customer_number").to_numpy())
            )
            if (known := found >= 0).all():
                events.add(source, _encoded(batch, source, found, catalog, hashed), dated=dated)
            elif known.any():
                mine = batch.filter(pa.array(known))
                events.add(source, _encoded(mine, source, found[known], catalog, hashed), dated=dated)
            told(min(1.0, done / total))
    told(1.0)


def _encoded(
    batch: pa.RecordBatch, source: str, customer: NDArray[np.int64], catalog: Catalog, hashed: object
) -> Events:
    return encode(source, columns_of(batch, source, catalog.layout, hashed), customer, catalog.layout)  # type: ignore[arg-type]


def sources_of(tables: Tables, catalog: Catalog) -> list[str]:
    """The tables that a catalogue reads and that are there."""
    return [source for source in catalog.layout.sources if source in tables.present]


def batches_of(tables: Tables, text: str, names: pa.Array) -> Iterator[pa.RecordBatch]:
    """The result of a query in batches; `members` holds the ids in order, for a query that joins by the id itself."""
    members = pa.table({"customer_id": names, "customer_number": np.arange(len(names), dtype=np.int64)})
    # A cursor of its own: the connection takes no other work while a result is half read.
    with tables.con.cursor() as cursor:
        cursor.register("members", members)
        yield from cursor.sql(text).to_arrow_reader(_BATCH)
