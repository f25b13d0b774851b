"""The batch host: the features of many rows, one part of the customers at a time, through the same kernel as the service.

DuckDB filters, joins and hands over the events of a part; memory is one part's events and rows, however many customers the
company has.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError
from features import schema
from features.catalog import Catalog
from features.columns import columns_of, selected
from features.encode import Events, encode
from features.learn import learn_catalog
from features.part import features_of
from features.rows import Rows
from features.sources import column
from features.tables import Tables

Progress = Callable[[str, float], None]

__all__ = ["build", "build_parts", "learn_catalog"]


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
    """Features of one part of the customers after the other: the lines of `rows`, and their features in that order."""
    _need(tables, catalog)
    ids = pa.array(rows.customer_id, type=pa.string()).dictionary_encode()
    # Parts are ranges of the sorted ids, so they do not depend on the order in which rows come.
    names = ids.dictionary
    order = pc.array_sort_indices(names).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    customer = rank[ids.indices.to_numpy().astype(np.int64)] if len(rows) else np.empty(0, dtype=np.int64)
    sorted_names = names.take(pa.array(order))
    parts = max(1, min(tables.settings.partitions, len(order)))
    limits = np.linspace(0, len(order), parts + 1).astype(np.int64)
    by_customer = np.argsort(customer, kind="stable")
    for number, (first, last) in enumerate(itertools.pairwise(limits)):
        lines = by_customer[
            np.searchsorted(customer[by_customer], first) : np.searchsorted(customer[by_customer], last)
        ]
        if len(lines):
            mine = customer[lines] - first
            part = _part(tables, sorted_names.slice(first, last - first), mine, rows.as_of[lines], catalog)
            yield lines, part
        if progress is not None:
            progress(f"features of {len(rows):,} rows", (number + 1) / parts)


def _need(tables: Tables, catalog: Catalog) -> None:
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


def _part(
    tables: Tables, names: pa.Array, customer: NDArray[np.int64], as_of: NDArray[np.int64], catalog: Catalog
) -> NDArray[np.float64]:
    con = tables.con
    members = pa.table({"customer_id": names, "customer_number": np.arange(len(names), dtype=np.int64)})
    con.register("members", members)
    try:
        latest = int(as_of.max()) if len(as_of) else 0
        events = {
            source: _events(tables, source, catalog, latest)
            for source in catalog.layout.sources
            if source in tables.present
        }
    finally:
        con.unregister("members")
    return features_of(catalog, events, len(names), customer, as_of)


def _events(tables: Tables, source: str, catalog: Catalog, latest: int) -> Events:
    """The events of the part's customers, without those that no row can see."""
    chosen = ", ".join(
        f"{expression} AS {column(name)}" for name, expression in selected(source, catalog.vocabulary).items()
    )
    time = schema.TABLES[source].time
    seen = f"WHERE {time} < {latest}" if time is not None else ""
    table = tables.arrow(f"SELECT customer_number, {chosen} FROM {source} JOIN members USING (customer_id) {seen}")
    customer = table.column("customer_number").to_numpy()
    return encode(source, columns_of(table, source, catalog.layout), customer, catalog.layout)
