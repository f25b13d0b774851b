"""Sources: whatever a company's rows come in, they give the same table; what cannot be reached is named with the next move."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.errors import ConfigError, DataError
from configs.settings import load
from features.files import find, is_url
from features.quoting import quoted
from features.tables import Tables, open_tables

ROWS = [("007", 1_704_103_200_000_000, 1.5, "x"), ("b", 1_706_702_400_000_000, 2.5, None)]
TEXT = "customer_id,occurred_at,amount,category\n007,2024-01-01T12:00:00+02:00,1.5,x\nb,2024-01-31 12:00:00,2.5,\n"
LINES = (
    '{"customer_id": "007", "occurred_at": "2024-01-01T12:00:00+02:00", "amount": 1.5, "category": "x"}\n'
    '{"customer_id": "b", "occurred_at": "2024-01-31 12:00:00", "amount": 2.5}\n'
)


def read(folder: Path, source: dict[str, Any], **data: Any) -> Any:
    """Open a configuration with these transactions, and customers 007 and b."""
    (folder / "customers.csv").write_text("customer_id\n007\nb\n", encoding="utf-8")
    content = {
        "data": {"tables": {"customers": {"path": "customers.csv"}, "transactions": source}, **data},
        "targets": {"churn": {"kind": "inactivity", "horizon_days": 30}},
        "output": "out",
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return open_tables(load(folder / "c.yaml"))


def rows(tables: Tables) -> list[tuple[Any, ...]]:
    """The canonical transactions."""
    return tables.con.execute(
        "SELECT customer_id, occurred_at, amount, category FROM transactions ORDER BY customer_id"
    ).fetchall()


def put(path: Path, content: str | bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def as_csv(folder: Path) -> dict[str, Any]:
    """Commas."""
    put(folder / "t.csv", TEXT)
    return {"path": "t.csv"}


def as_gzip(folder: Path) -> dict[str, Any]:
    """Packed."""
    put(folder / "t.csv.gz", gzip.compress(TEXT.encode()))
    return {"path": "t.csv.gz"}


def as_zst(folder: Path) -> dict[str, Any]:
    """Packed in another way."""
    with pa.output_stream(str(folder / "t.csv.zst"), compression="zstd") as file:
        file.write(TEXT.encode())
    return {"path": "t.csv.zst"}


def as_zip(folder: Path) -> dict[str, Any]:
    """In an archive, beside something else."""
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr("inner/t.csv", TEXT)
        archive.writestr("readme.md", "x")
    put(folder / "t.zip", to.getvalue())
    return {"path": "t.zip"}


def as_german_csv(folder: Path) -> dict[str, Any]:
    """Semicolons, decimal commas, day before month, and a quoted header in Hebrew with a space."""
    text = '"לקוח מס";zeit;Betrag;category\n007;31/12/2023 10:00;"1.234,5";x\nb;31/01/2024;2,5;\n'
    put(folder / "t.csv", text)
    return {
        "path": "t.csv",
        "decimal": ",",
        "columns": {"customer_id": "לקוח מס", "occurred_at": "zeit", "amount": "Betrag"},
    }


def as_tabs(folder: Path) -> dict[str, Any]:
    """Tabs."""
    put(folder / "t.tsv", TEXT.replace(",", "\t"))
    return {"path": "t.tsv"}


def as_folder(folder: Path) -> dict[str, Any]:
    """A folder of files, with marks of the writer."""
    first, *others = TEXT.splitlines(keepends=True)
    for number, line in enumerate(others):
        put(folder / "t" / f"{number}.csv", first + line)
    put(folder / "t" / "_SUCCESS", "")
    return {"path": "t"}


def as_partitions(folder: Path) -> dict[str, Any]:
    """The customer's id stands in the folder's name, and keeps its leading zeros."""
    for name, text in (("007", "2024-01-01T10:00:00Z,1.5,x"), ("b", "2024-01-31 12:00:00,2.5,")):
        put(folder / "t" / f"customer_id={name}" / "0.csv", f"occurred_at,amount,category\n{text}\n")
    return {"path": "t/**/*.csv"}


def as_parquet_partitions(folder: Path) -> dict[str, Any]:
    """The same in parquet."""
    for name, time, amount, category in ROWS:
        table = pa.table(
            {
                "occurred_at": pa.array([time], pa.timestamp("us", tz="UTC")),
                "amount": [amount],
                "category": pa.array([category], pa.string()),
            }
        )
        path = folder / "t" / f"customer_id={name}" / "0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table, path)
    return {"path": "t"}


def as_json_lines(folder: Path) -> dict[str, Any]:
    """One object a line."""
    put(folder / "t.jsonl", LINES)
    return {"path": "t.jsonl"}


def as_json_array(folder: Path) -> dict[str, Any]:
    """One array."""
    put(folder / "t.json.gz", gzip.compress(f"[{LINES.strip().replace(chr(10), ',')}]".encode()))
    return {"path": "t.json.gz"}


def as_naive_parquet(folder: Path) -> dict[str, Any]:
    """Times without a zone, coarse and fine, and numbers as decimals."""
    con = duckdb.connect()
    con.execute(
        f"COPY (SELECT * FROM (VALUES ('007', TIMESTAMP_S '2024-01-01 10:00:00', 1.50::DECIMAL(9, 2), 'x'), "
        f"('b', '2024-01-31 12:00:00', 2.5, NULL)) AS t(customer_id, occurred_at, amount, category)) "
        f"TO '{folder / 't.parquet'}'"
    )
    con.close()
    return {"path": "t.parquet"}


@pytest.mark.parametrize(
    "make",
    [
        as_csv,
        as_gzip,
        as_zst,
        as_zip,
        as_tabs,
        as_folder,
        as_partitions,
        as_parquet_partitions,
        as_json_lines,
        as_json_array,
        as_naive_parquet,
    ],
)
def test_every_source_gives_the_same_rows(tmp_path: Path, make: Callable[[Path], dict[str, Any]]) -> None:
    """Times are UTC whatever they were written as, ids keep their zeros, blanks are missing."""
    with read(tmp_path, make(tmp_path)) as tables:
        assert rows(tables) == ROWS
        assert not [item for item in tables.findings if item.level != "note"]


def test_decimal_commas_and_dates_of_another_country(tmp_path: Path) -> None:
    """With a decimal comma a dot parts thousands; dates are read day first where some day says so, and that is noted."""
    with read(tmp_path, as_german_csv(tmp_path)) as tables:
        assert rows(tables) == [("007", 1_704_016_800_000_000, 1234.5, "x"), ("b", 1_706_659_200_000_000, 2.5, None)]
        assert [item.code for item in tables.findings] == ["time_format"]


@pytest.mark.parametrize("given", [{"table": "shop.sales"}, {"sql": "SELECT * FROM shop.sales"}])
def test_a_duckdb_file_is_read_where_it_lies(tmp_path: Path, given: dict[str, Any]) -> None:
    """A connection to a DuckDB file takes tables and queries, customers included, and leaves the file alone."""
    path = tmp_path / "company.duckdb"
    con = duckdb.connect(str(path))
    con.execute(
        "SET TimeZone = 'UTC'; CREATE SCHEMA shop; CREATE TABLE shop.sales AS SELECT * FROM (VALUES "
        "('007', TIMESTAMPTZ '2024-01-01 12:00:00+02', 1.5, 'x'), ('b', '2024-01-31 12:00:00', 2.5, NULL)) "
        "AS t(customer_id, occurred_at, amount, category)"
    )
    con.close()
    before = path.read_bytes()
    with read(tmp_path, given, connection=f"duckdb://{path}") as tables:
        assert rows(tables) == ROWS
    assert path.read_bytes() == before
    with (
        pytest.raises(DataError, match=r"did you mean 'shop\.sales'"),
        read(tmp_path, {"table": "shop.sale"}, connection=f"duckdb://{path}"),
    ):
        pass
    with pytest.raises(DataError, match="no DuckDB file"), read(tmp_path, given, connection="duckdb://nowhere.duckdb"):
        pass


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/t/*.parquet", True),
        ("https://example.org/t.csv?x=1", True),
        ("gs://b/t.json", True),
        ("/data/t.csv", False),
        ("C:/data/t.csv", False),
    ],
)
def test_urls_are_told_from_paths(tmp_path: Path, path: str, expected: bool) -> None:  # noqa: FBT001 - a value of the table
    """A URL is left to DuckDB; its kind is read off its ending."""
    assert is_url(path) is expected
    if expected:
        assert find(path, "here", tmp_path).paths == (path,)


def test_a_url_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    """The error names the URL, without what may be a password in it, and says what to do."""
    with (
        pytest.raises(DataError, match=r"https://\*\*\*@127\.0\.0\.1:9/t\.parquet cannot be read") as caught,
        read(tmp_path, {"path": "https://me:secret@127.0.0.1:9/t.parquet"}),
    ):
        pass
    assert "secret'" not in str(caught.value)
    assert "me:secret" not in str(caught.value)
    assert "httpfs" in caught.value.next_move


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("007,2024-01-01,1\n\nb,2024-01-02,2\n", None),
        (
            '007,2024-01-01,"1\nb,2024-01-02,2\nb,2024-01-03,3"\n007,2024-01-04,4\n',
            "4 lines of a remote file make 2 rows",
        ),
        ('007,2024-01-01,1,"a\nb"\n', "2 lines of a remote file make 1 rows"),
    ],
    ids=["as it should be", "a stray quote", "a line break in a cell"],
)
def test_lines_that_a_remote_file_may_have_lost_are_counted(tmp_path: Path, text: str, counts: str | None) -> None:
    """Nobody walks over a remote file's lines; where lines and rows differ, that is said aloud."""
    head = "customer_id,occurred_at,amount" + (",category" if "a\nb" in text else "")
    (tmp_path / "t.csv").write_text(f"{head}\n{text}", encoding="utf-8")
    with read(tmp_path, {"path": f"file://{tmp_path}/t.csv"}) as tables:
        found = [item.message for item in tables.findings if item.code == "remote_lines"]
    assert [message.split(":")[0] for message in found] == ([counts] if counts else [])


def test_several_remote_files_have_several_headers(tmp_path: Path) -> None:
    """Each file's first line is a header and no row."""
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("customer_id,occurred_at,amount\nb,2024-01-01,1\n", encoding="utf-8")
    with read(tmp_path, {"path": f"file://{tmp_path}/[ab].csv"}) as tables:
        assert tables.rows["transactions"] == 2
        assert "remote_lines" not in {item.code for item in tables.findings}


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_an_encoding_of_a_remote_file_is_refused(tmp_path: Path, name: str) -> None:
    """It would be passed over, and names would be read as something else."""
    given = {"path": f"file://{tmp_path}/{name}", "encoding": "latin-1"}
    with pytest.raises(ConfigError, match="'encoding: latin-1' is for files on this machine"), read(tmp_path, given):
        pass


def test_files_of_several_kinds_are_refused(tmp_path: Path) -> None:
    """A folder of CSV and JSON is not one table."""
    put(tmp_path / "t" / "1.csv", TEXT)
    put(tmp_path / "t" / "2.jsonl", LINES)
    with pytest.raises(DataError, match="several kinds"), read(tmp_path, {"path": "t"}):
        pass


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    """Tables are read several times from the company's own file, so it must stay what it was."""
    source = as_naive_parquet(tmp_path)
    with pytest.raises(DataError, match=r"t\.parquet changed"), read(tmp_path, source):
        os.utime(tmp_path / "t.parquet", ns=(1, 1))


def test_an_output_that_cannot_be_written_stops_no_reading(tmp_path: Path) -> None:
    """Rejected rows cannot be kept where 'output' is no folder: that is noted, and the rows are read."""
    put(tmp_path / "t.csv", TEXT + "b,never,1,\n")
    put(tmp_path / "out", "a file")
    with read(tmp_path, {"path": "t.csv"}) as tables:
        assert rows(tables) == ROWS
        assert {item.code for item in tables.findings} == {"bad_rows", "rejected_not_kept"}


def test_clean_parquet_is_read_where_it_lies(tmp_path: Path) -> None:
    """Nothing is copied: the table is a view over the file, and its columns are the file's own where they fit."""
    with read(tmp_path, as_naive_parquet(tmp_path)) as tables:
        ((sql,),) = tables.con.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'transactions'").fetchall()
        assert "customer_id AS customer_id" in sql
        assert "WHERE" not in sql
        assert tables.con.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_rows_are_read_alike_by_a_cursor(tmp_path: Path) -> None:
    """A cursor of the connection has no time zone of ours; it reads the same moments."""
    table = pa.table({"customer_id": ["007"], "occurred_at": ["2024-01-01 10:00:00"], "amount": [1.0]})
    pq.write_table(table, tmp_path / "t.parquet")
    with read(tmp_path, {"path": "t.parquet"}) as tables, tables.con.cursor() as cursor:
        cursor.execute("SET TimeZone = 'America/New_York'")
        assert cursor.execute("SELECT occurred_at FROM transactions").fetchall() == [(ROWS[0][1],)]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_names_with_brackets_and_stars_are_names(tmp_path: Path, kind: str) -> None:
    """A file that is there under its very name is that file and no pattern, in a folder, by itself and under a pattern."""
    folder = tmp_path / "exports [2024]"
    folder.mkdir()
    for name, amount in (("t1", 1.0), ("t[1]", 10.0), ("t*", 100.0)):
        table = pa.table({"customer_id": ["b"], "occurred_at": ["2024-01-01"], "amount": [amount]})
        path = quoted(f"{folder}/{name}.{kind}")
        duckdb.from_arrow(table).query("t", f"COPY (SELECT * FROM t) TO {path}")
    for path, total in (
        ("exports [2024]", 111),
        (f"exports [2024]/t[1].{kind}", 10),
        (f"exports [2024]/t[0-9].{kind}", 1),
    ):
        with read(tmp_path, {"path": path}) as tables:
            assert tables.con.execute("SELECT sum(amount) FROM transactions").fetchall() == [(total,)]


def test_the_partition_of_rows_without_a_value_is_empty(tmp_path: Path) -> None:
    """What writers call the folder of rows without a value is no value, in CSV as in Parquet."""
    for key in ("x", "__HIVE_DEFAULT_PARTITION__"):
        put(tmp_path / "t" / f"category={key}" / "t.csv", "customer_id,occurred_at,amount\nb,2024-01-01,1\n")
    with read(tmp_path, {"path": "t"}) as tables:
        found = tables.con.execute("SELECT category FROM transactions ORDER BY ALL").fetchall()
        assert found == [("x",), (None,)]


@pytest.mark.parametrize("unit", ["text", "us", "ms"])
def test_times_beyond_the_calendar_are_none(tmp_path: Path, unit: str) -> None:
    """A time before the year 1 or after 9999 sets its row aside; the first and the last year are read."""
    times = ["0001-01-01", "9999-12-31 23:59:59"]
    if unit == "text":
        rows = "".join(f"b,{time},1\n" for time in (*times, "10000-01-01", "0000-12-31", "294247-01-10"))
        put(tmp_path / "t.csv", f"customer_id,occurred_at,amount\n{rows}")
    else:
        scale = 1_000_000 if unit == "us" else 1_000
        numbers = [
            scale * second
            for second in (-62_135_596_800, 253_402_300_799, 253_402_300_800, -62_135_596_801, 9 * 10**12)
        ]
        occurred = pa.array(numbers, pa.timestamp(unit))
        pq.write_table(
            pa.table({"customer_id": ["b"] * 5, "occurred_at": occurred, "amount": [1.0] * 5}), tmp_path / "t.parquet"
        )
    with read(tmp_path, {"path": "t.csv" if unit == "text" else "t.parquet"}) as tables:
        found = tables.con.execute("SELECT occurred_at // 1000000 FROM transactions ORDER BY ALL").fetchall()
        assert found == [(-62_135_596_800,), (253_402_300_799,)]
        assert [(item.code, item.rows) for item in tables.findings] == [("bad_rows", 3)]
