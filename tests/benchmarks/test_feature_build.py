"""The benchmark of the feature builder on little: every contender says the same, and the table is printed."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks import duckdb_sql, feature_build, ours
from benchmarks.compare import compare
from benchmarks.events import generate
from benchmarks.wanted import columns

EVENTS, CUSTOMERS, DATES = 4_000, 60, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bench")
    generate(place, EVENTS, CUSTOMERS)
    ours.write(place, place / "ours.parquet", DATES)
    return place


def test_the_table_is_what_was_asked_for(folder: Path) -> None:
    """One row per customer and date, 55 features."""
    found = pq.read_table(folder / "ours.parquet")
    assert found.num_rows == CUSTOMERS * DATES
    assert found.column_names == ["customer_id", "as_of", *(item.name for item in columns())]
    assert len(columns()) == 55


def test_what_is_learnt_first_changes_nothing(folder: Path) -> None:
    """Whether the product is told the kinds or finds them, the table is the same."""
    ours.learnt(folder, folder / "learnt.parquet", DATES)
    assert pq.read_table(folder / "learnt.parquet").equals(pq.read_table(folder / "ours.parquet"))


@pytest.mark.parametrize("way", duckdb_sql.WAYS)
def test_sql_says_the_same(folder: Path, way: str) -> None:
    """Each way of SQL gives our table, cell by cell."""
    duckdb_sql.WAYS[way](folder, folder / f"{way}.parquet", DATES)
    assert compare(folder / "ours.parquet", folder / f"{way}.parquet") == CUSTOMERS * DATES * 55


@pytest.mark.parametrize("way", ["dates", "windows"])
def test_frames_say_the_same(folder: Path, way: str) -> None:
    """Each way of Polars gives our table, cell by cell."""
    pytest.importorskip(
        "polars", reason="polars is in the dependency group 'bench', which a plain environment leaves out"
    )
    from benchmarks import polars_frames

    polars_frames.WAYS[way](folder, folder / f"polars-{way}.parquet", DATES)
    assert compare(folder / "ours.parquet", folder / f"polars-{way}.parquet") == CUSTOMERS * DATES * 55


def test_a_cell_that_differs_is_named(folder: Path, tmp_path: Path) -> None:
    """A table that is not the same is refused, by column."""
    table = pq.read_table(folder / "ours.parquet")
    place = table.column_names.index("bill__recency")
    pq.write_table(table.set_column(place, "bill__recency", table.column("chat__recency")), tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="bill__recency"):
        compare(folder / "ours.parquet", tmp_path / "other.parquet")


def test_figures_are_told_per_contender(tmp_path: Path) -> None:
    """The front runs each contender in a process of its own and shows a line for it."""
    found = feature_build.run(tmp_path, EVENTS, CUSTOMERS, 2, ("moments", "DuckDB SQL"))
    assert found["cells_compared"] == CUSTOMERS * 2 * 55
    shown = feature_build.table(found)
    assert [line.split("|")[1].strip() for line in shown.splitlines()[4:]] == [
        "bare scan of the four columns (DuckDB)", "moments", "DuckDB SQL",
    ]  # fmt: skip
