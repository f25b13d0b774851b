"""From canonical tables to the columns that `features.encode` takes: the batch host and the cluster both come through here.

(n canonical rows as Arrow) -> n values per column: times int64 (`NULL` where missing), numbers float64 (NaN), texts as codes of
the vocabulary (-1 where missing or unseen).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features import schema
from features.comments import language_sql
from features.encode import NULL, Columns
from features.journey import METRIC_SQL, Vocabulary
from features.layout import COMMENT_LANGUAGE, COMMENT_LENGTH, MEASURE_PREFIX, Layout, text_columns
from features.sources import column


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


def columns_of(table: pa.Table, source: str, layout: Layout) -> Columns:
    """The columns of rows that hold what `selected` names."""
    types: dict[str, str] = {**schema.TABLES[source].types, COMMENT_LANGUAGE: "text"}
    if source == schema.CUSTOMERS:
        types |= {name: "text" if kind == "category" else kind for name, kind in layout.vocabulary.attributes.items()}
    columns: Columns = {}
    for name in selected(source, layout.vocabulary):
        values = table.column(name)
        kind = types.get(name, "number")
        if kind == "text":
            columns[name] = _codes(values, layout.text_codes(source, name))
        elif kind == "time":
            columns[name] = pc.fill_null(values.cast(pa.int64()), NULL).to_numpy()
        else:
            columns[name] = pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy()
    return columns


def _codes(values: pa.ChunkedArray, codes: dict[str, int]) -> NDArray[np.int64]:
    """Texts as codes, -1 where missing or unseen."""
    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    # One more place at the end, so that a missing text (index -1) finds -1.
    table = np.array([codes.get(text, -1) for text in encoded.dictionary.to_pylist()] + [-1], dtype=np.int64)
    places = pc.fill_null(encoded.indices.cast(pa.int64()), len(table) - 1).to_numpy()
    found: NDArray[np.int64] = table[places]
    return found
