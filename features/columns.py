"""From canonical tables to the columns that `features.encode` takes: the batch host and the cluster both come through here.

(n canonical rows as Arrow) -> n values per column: times int64 (`NULL` where missing), numbers float64 (NaN), texts as codes of
the vocabulary (-1 where missing or unseen).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features import schema
from features.comments import language_sql
from features.encode import NULL, Columns
from features.hashing import HashTable, hash_table
from features.journey import METRIC_SQL, Vocabulary
from features.layout import COMMENT_LANGUAGE, COMMENT_LENGTH, MEASURE_PREFIX, Layout, text_columns
from features.sources import column
from features.tables import Tables

HashTables = Mapping[str, HashTable]


def selected(source: str, vocabulary: Vocabulary) -> dict[str, str]:
    """The columns of a canonical table that its features read: name to SQL expression."""
    select = {item.name: item.name for item in schema.TABLES[source].columns if item.type != "text"}
    if source == schema.TOUCHPOINTS:
        select[schema.TOUCHPOINT] = schema.TOUCHPOINT
        select |= {MEASURE_PREFIX + name: column(MEASURE_PREFIX + name) for name in vocabulary.measures}
    elif source == schema.SURVEYS:
        select[schema.METRIC] = METRIC_SQL
    elif source == schema.SUBSCRIPTIONS:
        select[schema.PLAN] = schema.PLAN
    elif source == schema.CUSTOMERS:
        select |= {name: column(name) for name in vocabulary.attributes}
    texts = text_columns(source, vocabulary)
    select |= {name: name for name in texts if name != COMMENT_LANGUAGE}
    if COMMENT_LANGUAGE in texts:
        select |= {COMMENT_LENGTH: f"length({schema.COMMENT})", COMMENT_LANGUAGE: language_sql(schema.COMMENT)}
    return select


def query(
    source: str, vocabulary: Vocabulary, hashed: HashTables, latest: int, *, by_hash: bool, recorded: bool = True
) -> str:
    """SQL that reads the rows of a canonical table that happened before `latest`, customers and texts by their hash.

    Where `by_hash` is false the customer's number comes from joining the relation `members`. Where `recorded` is false the
    table has no recording times, and none are read.
    """
    names = ", ".join(
        f"{f'hash({expression})' if name in hashed else expression} AS {column(name)}"
        for name, expression in selected(source, vocabulary).items()
        if recorded or name != schema.RECORDED_AT
    )
    time = schema.TABLES[source].time
    seen = f"WHERE {time} < {latest}" if time is not None else ""
    if by_hash:
        return f"SELECT hash(customer_id) AS customer_number, {names} FROM {source} {seen}"
    return f"SELECT customer_number, {names} FROM {source} JOIN members USING (customer_id) {seen}"


def hashed_texts(tables: Tables, source: str, layout: Layout) -> HashTables:
    """Tables of the hashes of a source's texts; a text that cannot be told by its hash is left out."""
    found = {}
    for name in selected(source, layout.vocabulary):
        if _types(source, layout).get(name) == "text":
            codes = layout.text_codes(source, name)
            table = hash_table(tables, list(codes), np.fromiter(codes.values(), dtype=np.int64, count=len(codes)))
            if table is not None:
                found[name] = table
    return found


def columns_of(
    table: pa.Table | pa.RecordBatch, source: str, layout: Layout, hashed: HashTables | None = None
) -> Columns:
    """The columns of rows that hold what `selected` names; a text may come as its hash, if `hashed` knows it."""
    types = _types(source, layout)
    columns: Columns = {}
    for name in selected(source, layout.vocabulary):
        if name == schema.RECORDED_AT and name not in table.schema.names:
            continue
        values = table.column(name)
        kind = types.get(name, "number")
        if kind == "text" and hashed is not None and name in hashed:
            columns[name] = hashed[name].find(values.to_numpy())
        elif kind == "text":
            columns[name] = _codes(values, layout.text_codes(source, name))
        elif kind == "time":
            columns[name] = _plain(_filled(values.cast(pa.int64()), NULL))
        else:
            columns[name] = _plain(_filled(values.cast(pa.float64()), np.nan))
    return columns


def _types(source: str, layout: Layout) -> dict[str, str]:
    types: dict[str, str] = {**schema.TABLES[source].types, COMMENT_LANGUAGE: "text"}
    if source == schema.CUSTOMERS:
        types |= {name: "text" if kind == "category" else kind for name, kind in layout.vocabulary.attributes.items()}
    return types


def _filled(values: pa.Array | pa.ChunkedArray, missing: float) -> pa.Array | pa.ChunkedArray:
    return pc.fill_null(values, missing) if values.null_count else values


def _plain(values: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    found: NDArray[np.int64] = values.to_numpy()
    return found


def _codes(values: pa.Array | pa.ChunkedArray, codes: dict[str, int]) -> NDArray[np.int64]:
    """Texts as codes, -1 where missing or unseen."""
    encoded = values.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    # One more place at the end, so that a missing text (index -1) finds -1.
    table = np.array([codes.get(text, -1) for text in encoded.dictionary.to_pylist()] + [-1], dtype=np.int64)
    places = pc.fill_null(encoded.indices.cast(pa.int64()), len(table) - 1).to_numpy()
    found: NDArray[np.int64] = table[places]
    return found
