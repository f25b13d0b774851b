"""Texts that cross from the database as hashes mean the same numbers, and two of one hash are noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import build as host
from features import columns
from features.build import build
from features.hashing import HashTable, hash_table
from features.learn import learn_catalog
from features.rows import Rows
from features.tables import open_tables
from tests.features import company, full


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60), st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_a_table_finds_what_it_holds_and_nothing_else(known: list[int], others: list[int]) -> None:
    """Any hashes, those that share a slot among them."""
    # Hashes that differ in their upper bits alone all want the same slot.
    known = list(dict.fromkeys([*known, *(number << 32 for number in range(20))]))
    numbers = np.arange(len(known), dtype=np.int64) * 3
    table = HashTable.of(np.array(known, dtype=np.uint64), numbers)
    assert table is not None
    np.testing.assert_array_equal(table.find(np.array(known, dtype=np.uint64)), numbers)
    strange = [number for number in others if number not in known]
    assert (table.find(np.array(strange, dtype=np.uint64)) == -1).all()


def test_two_of_one_hash_are_noticed() -> None:
    """There is no table of hashes that two texts share; an empty one finds nothing."""
    assert HashTable.of(np.array([5, 9, 5], dtype=np.uint64), np.arange(3)) is None
    empty = HashTable.of(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))
    assert empty is not None
    assert empty.find(np.array([0, 5], dtype=np.uint64)).tolist() == [-1, -1]


def test_the_database_and_the_table_agree(tmp_path: Path) -> None:
    """Texts of any script, the empty one too, are found by the hash that the database gives them; NULL is not."""
    company.make(tmp_path)
    texts = ["a", "", "צפון", "A", "a ", "👍", "x" * 1000]
    with open_tables(company.settings(tmp_path)) as tables:
        table = hash_table(tables, texts, np.arange(len(texts), dtype=np.int64) + 10)
        assert table is not None
        asked = tables.con.execute("SELECT hash(unnest(?::VARCHAR[]))", [[*texts, "b", None]]).fetchall()
    hashes = np.array([row[0] for row in asked], dtype=np.uint64)
    assert table.find(hashes).tolist() == [*range(10, 17), -1, -1]


def test_without_hashes_the_features_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ids or categories share a hash they are looked up as texts, and every bit is the same."""
    full.make(tmp_path)
    found = []
    for collide in (False, True):
        if collide:
            monkeypatch.setattr(host, "hash_table", lambda *_: None)
            monkeypatch.setattr(columns, "hash_table", lambda *_: None)
        with open_tables(company.settings(tmp_path)) as tables:
            catalog = learn_catalog(tables, tables.settings, full.AT[-1])
            ids = [f"c{n:03d}" for n in range(0, 40, 3)]
            rows = Rows(np.array(ids * 2, dtype=object), np.repeat(np.array(full.AT[:2]), len(ids)))
            found.append(build(tables, rows, catalog).tobytes())
    assert found[0] == found[1]
