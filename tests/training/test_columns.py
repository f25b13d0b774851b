"""The columns of a training set's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.training import made
from training.columns import GROUP_BYTES, GROUP_ROWS, Content, codes_of, is_count, texts_of
from training.dataset import write


def content(numbers: int) -> Content:
    """A set of some numbers and a plan."""
    return Content("churn", "binary", {}, made.catalog(numbers), {})


def test_groups_hold_a_bounded_number_of_bytes() -> None:
    """The wider the set, the fewer rows of a group: a power of two, never more than the most."""
    for numbers in (0, 5, 575, 5000):
        rows = content(numbers).group_rows
        assert rows & (rows - 1) == 0
        assert rows == GROUP_ROWS or rows * (numbers + 1) * 8 <= GROUP_BYTES < 2 * rows * (numbers + 1) * 8


def test_numbers_are_written_as_they_are(tmp_path: Path) -> None:
    """Dictionaries only where values repeat: ids, dates and categories here."""
    path = tmp_path / "churn.parquet"
    write(made.dataset(rows=40, dates=made.months(2)), path)
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    assert {name for name, column in columns.items() if column.has_dictionary_page} == {"customer_id", "as_of", "plan"}
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_what_counts_as_a_count() -> None:
    """Counts and flags have few values; means have many, even of numbers."""
    assert [is_count(name) for name in ("count", "recovered", "mean", "lines_per_occasion")] == [
        True,
        True,
        False,
        False,
    ]


def test_texts_and_codes_are_inverse() -> None:
    """A missing category is null, and NaN again."""
    codes = np.array([1.0, np.nan, 0.0])
    texts = texts_of(codes, ("a", "b"))
    assert texts.to_pylist() == ["b", None, "a"]
    np.testing.assert_array_equal(codes_of(texts, ("a", "b")), codes)
