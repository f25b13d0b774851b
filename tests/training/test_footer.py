"""The footer of a parquet file, taken apart and put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.footer import Footer, footer_of


def written(table: pa.Table, rows: int, **options: Any) -> memoryview:
    """A file as Arrow writes it, with groups of some rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=rows, **options)
    return memoryview(sink.getvalue())


def table(columns: int = 20, rows: int = 90) -> pa.Table:
    """Numbers with gaps, a text, a time and a truth."""
    rng = np.random.default_rng(0)
    numbers = {f"n{place}": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1) for place in range(columns)}
    return pa.table(
        {
            **numbers,
            "text": pa.array([f"c{line % 7}" for line in range(rows)]),
            "at": pa.array(np.arange(rows), pa.timestamp("us", tz="UTC")),
            "yes": pa.array(np.arange(rows) % 2 == 0),
        },
        metadata={"told": "x" * 300},
    )


@pytest.mark.parametrize("rows", [5, 30, 200])
@pytest.mark.parametrize("options", [{}, {"use_dictionary": False, "compression": "zstd", "write_statistics": False}])
def test_a_footer_put_together_again_is_the_same(rows: int, options: dict[str, Any]) -> None:
    """Few groups and many, with and without dictionaries and statistics: to the byte, the end of the file among it."""
    data = written(table(), rows, **options)
    footer = footer_of(data)
    again = footer.written(footer.groups)
    assert bytes(data[-len(again) :]) == again
    assert sum(group.rows for group in footer.groups) == 90


def test_columns_lie_one_after_the_other() -> None:
    """Each begins where the one before ends: what lies between two places is those columns."""
    columns = [column for group in footer_of(written(table(), 30)).groups for column in group.columns]
    ends = [4, *(column.start + column.size for column in columns)]
    assert [column.start for column in columns] == ends[:-1]


def test_a_moved_column_says_where_it_lies() -> None:
    """Both of its places move; its size and the rest of what is said of it stay."""
    column = footer_of(written(table(), 90)).groups[0].columns[20]
    moved = column.moved(column.start + 1_000_000)
    assert len(column.places) == 2
    assert moved.places == tuple(place + 1_000_000 for place in column.places)
    assert (moved.size, moved.parts) == (column.size, column.parts)
    assert moved.moved(column.start).described() == column.described()


@pytest.mark.parametrize(
    "options",
    [
        {"write_page_index": True},
        {"sorting_columns": [pq.SortingColumn(0)]},
        {"bloom_filter_options": {"text": {"ndv": 10, "fpp": 0.1}}},
    ],
)
def test_what_would_have_to_move_with_a_column_is_refused(options: dict[str, Any]) -> None:
    """Indexes elsewhere in the file, filters, an order of groups: we write none of them."""
    with pytest.raises(ValueError, match=r"a (column|group)"):
        footer_of(written(table(), 30, **options))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"\xff\xff\0\0PAR1", b"not a parquet file at all"])
def test_other_files_are_refused(data: bytes) -> None:
    """Too short, another word at the end, or a length that does not fit."""
    with pytest.raises(ValueError, match="not a parquet file"):
        footer_of(memoryview(data))


def test_a_footer_without_groups_is_refused() -> None:
    """A structure that ends at once is none."""
    with pytest.raises(ValueError, match="without groups"):
        Footer.of(b"\0")
