"""Rows hold an id once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.rows import Rows

IDS = ["b", "ä", "b", "a", "ä"]
AT = np.arange(5, dtype=np.int64)


@pytest.mark.parametrize(
    "ids",
    [
        np.array(IDS, dtype=object),
        pa.array(IDS),
        pa.array(IDS).dictionary_encode(),
        pa.chunked_array([IDS[:2], IDS[2:]]),
        pa.chunked_array([IDS[:2], IDS[2:]]).dictionary_encode(),
        pa.array(IDS, pa.large_string()),
        pa.array(["x", *IDS]).slice(1),
    ],
)
def test_ids_come_in_many_forms(ids: Any) -> None:
    """Objects and every form of Arrow's strings are the same rows: names sorted as bytes, one number per row."""
    rows = Rows(ids, AT)
    assert rows.names.to_pylist() == ["a", "b", "ä"]
    assert rows.number.tolist() == [1, 2, 1, 0, 2]
    assert rows.customer_id.tolist() == IDS
    assert rows.ids(1, 3).to_pylist() == ["ä", "b"]
    assert len(rows) == 5


def test_some_rows_name_their_customers_only() -> None:
    """A customer without a row is not among the names; labels go along."""
    rows = Rows(pa.array(IDS), AT, AT / 2).take(np.array([1, 3, 4]))
    assert rows.names.to_pylist() == ["a", "ä"]
    assert rows.customer_id.tolist() == ["ä", "a", "ä"]
    assert rows.as_of.tolist() == [1, 3, 4]
    assert rows.label is not None
    assert rows.label.tolist() == [0.5, 1.5, 2.0]
    assert Rows(pa.array(IDS), AT).take(np.array([0])).label is None


@pytest.mark.parametrize("ids", [np.array([], dtype=object), pa.chunked_array([], pa.string())])
def test_no_rows(ids: Any) -> None:
    """Nobody is a set of rows too."""
    rows = Rows(ids, np.array([], dtype=np.int64))
    assert len(rows) == len(rows.names) == len(rows.customer_id) == 0


def test_lengths_must_agree() -> None:
    """An id without a time is a fault."""
    with pytest.raises(ValueError, match="differ in length"):
        Rows(pa.array(IDS), AT[:2])
