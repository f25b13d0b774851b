"""Reading: whatever a company's files look like, what cannot be used is counted by reason and never mended in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.errors import ConfigError, DataError
from configs.settings import load
from features.check import check_tables
from features.findings import Finding
from features.journey import UNANSWERED
from features.learn import learn_vocabulary
from features.tables import Tables, open_tables


def read(folder: Path, tables: dict[str, Any], targets: dict[str, Any] | None = None, **data: Any) -> Any:
    """Open the tables of a configuration written on the spot."""
    content = {
        "data": {"tables": tables, **data},
        "targets": targets or {"churn": {"kind": "inactivity", "horizon_days": 30}},
    }
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return open_tables(load(path))


def codes(tables: Tables) -> dict[str, int]:
    """Finding code to rows."""
    found: list[Finding] = tables.findings
    return {item.code: item.rows for item in found}


def write(path: Path, text: str, encoding: str = "utf-8") -> str:
    """A text file, and its name."""
    path.write_bytes(text.encode(encoding))
    return path.name


def test_ids_keep_their_leading_zeros(tmp_path: Path) -> None:
    """An id in a text file is text, so 007 stays 007 and meets the 007 of another table."""
    customers = write(tmp_path / "c.csv", "customer_id,region\n007,north\n011,south\n")
    pq.write_table(
        pa.table({"customer_id": ["007"], "occurred_at": ["2024-01-01T10:00:00Z"], "amount": [3.5]}),
        tmp_path / "t.parquet",
    )
    with read(tmp_path, {"customers": {"path": customers}, "transactions": {"path": "t.parquet"}}) as tables:
        joined = tables.con.execute("SELECT count(*) FROM transactions JOIN customers USING (customer_id)").fetchone()
    assert joined == (1,)


def test_a_float_id_meets_the_whole_number(tmp_path: Path) -> None:
    """An id column that became a float because of gaps (13085.0) is the same id as 13085."""
    pq.write_table(pa.table({"customer_id": pa.array([13085.0, None])}), tmp_path / "c.parquet")
    with read(tmp_path, {"customers": {"path": "c.parquet"}}) as tables:
        assert tables.con.execute("SELECT customer_id FROM customers").fetchall() == [("13085",)]
        assert codes(tables) == {"bad_rows": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01 12:00:00", 1_709_294_400_000_000),
        ("2024-03-01T12:00:00Z", 1_709_294_400_000_000),
        ("2024-03-01T14:00:00+02:00", 1_709_294_400_000_000),
        ("2024-03-01", 1_709_251_200_000_000),
    ],
)
def test_times_are_utc(tmp_path: Path, text: str, expected: int) -> None:
    """A time without a zone is UTC; one with a zone is turned into it."""
    write(tmp_path / "c.csv", "customer_id\na\n")
    pq.write_table(pa.table({"customer_id": ["a"], "occurred_at": [text], "amount": [1.0]}), tmp_path / "t.parquet")
    with read(tmp_path, {"customers": {"path": "c.csv"}, "transactions": {"path": "t.parquet"}}) as tables:
        assert tables.con.execute("SELECT occurred_at FROM transactions").fetchone() == (expected,)


def test_bad_rows_are_counted_by_reason(tmp_path: Path) -> None:
    """Rows without a customer, with a broken time or amount, and lines with too many fields are set aside and counted."""
    write(tmp_path / "c.csv", "customer_id\na\nb\n")
    lines = ["customer_id,occurred_at,amount"]
    lines += [f"a,2024-01-0{day} 00:00:00,{day}.5" for day in range(1, 9)]
    lines += [",2024-01-01 00:00:00,1", "b,not a time,1", "b,2024-01-01 00:00:00,abc", "b,2024-01-01 00:00:00,1,9,9"]
    write(tmp_path / "t.csv", "\n".join(lines) + "\n")
    with read(tmp_path, {"customers": {"path": "c.csv"}, "transactions": {"path": "t.csv"}}) as tables:
        reasons = {(item.code, item.column): item.rows for item in tables.findings}
        assert tables.rows["transactions"] == 8
        assert sum(reasons.values()) == 4
        assert ("bad_rows", "customer_id") in reasons
        assert ("bad_rows", "amount") in reasons


def test_one_bad_cell_costs_a_value_not_a_line(tmp_path: Path) -> None:
    """A measure that is not a number is missing; the encounter itself stays."""
    write(tmp_path / "c.csv", "customer_id\na\n")
    write(tmp_path / "t.csv", "customer_id,occurred_at,touchpoint,w\na,2024-01-01,call,5\na,2024-01-02,call,oops\n")
    touchpoints = {"path": "t.csv", "measures": {"wait": {"column": "w", "unit": "minutes", "effort": "time"}}}
    with read(tmp_path, {"customers": {"path": "c.csv"}, "touchpoints": touchpoints}) as tables:
        assert tables.con.execute("SELECT m_wait FROM touchpoints ORDER BY 1").fetchall() == [(5.0,), (None,)]


def test_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    """One row stays per event_id."""
    write(tmp_path / "c.csv", "customer_id\na\n")
    write(
        tmp_path / "t.csv",
        "customer_id,occurred_at,amount,event_id\na,2024-01-01,1,x\na,2024-01-01,1,x\na,2024-01-02,1,\n",
    )
    with read(tmp_path, {"customers": {"path": "c.csv"}, "transactions": {"path": "t.csv"}}) as tables:
        assert tables.rows["transactions"] == 2
        assert codes(tables) == {"duplicate_event": 1}


def test_of_an_event_sent_twice_the_one_known_first_stays(tmp_path: Path) -> None:
    """A later correction does not change what was known before it, however it sorts; a contract keeps its end."""
    write(tmp_path / "c.csv", "customer_id\na\n")
    write(
        tmp_path / "t.csv",
        "customer_id,occurred_at,recorded_at,amount,event_id\na,2024-01-02,2024-01-03,9,x\na,2024-01-01,2024-02-01,1,x\n",
    )
    write(
        tmp_path / "s.csv",
        "customer_id,started_at,ended_at,recorded_at,event_id\na,2024-01-02,,2024-01-02,x\n"
        "a,2024-01-02,2024-05-01,2024-05-01,x\n",
    )
    given = {"customers": "c.csv", "transactions": "t.csv", "subscriptions": "s.csv"}
    with read(tmp_path, {name: {"path": path} for name, path in given.items()}) as tables:
        assert tables.con.execute("SELECT amount FROM transactions").fetchall() == [(9.0,)]
        assert tables.con.execute("SELECT count(ended_at) FROM subscriptions").fetchall() == [(1,)]


def test_a_question_that_was_not_answered_stays(tmp_path: Path) -> None:
    """A survey without a score was asked and not answered: it is kept, and is no answer; a score that is no number is set aside."""
    write(tmp_path / "c.csv", "customer_id\na\nb\n")
    lines = ["a,2024-01-01,nps,9", "a,2024-01-02,nps,", "b,2024-01-03,ces,", "a,2024-01-04,nps,many"]
    write(tmp_path / "s.csv", "\n".join(["customer_id,answered_at,metric,score", *lines]) + "\n")
    given = {"customers": {"path": "c.csv"}, "surveys": {"path": "s.csv"}}
    with read(tmp_path, given, {"nps": {"kind": "survey"}}) as tables:
        assert tables.rows["surveys"] == 3
        assert codes(tables) == {"bad_rows": 1, "unanswered": 2}
        assert [item.code for item in check_tables(tables) if item.level == "error"] == []
        vocabulary = learn_vocabulary(tables, 2**60)
        assert vocabulary.metrics == ("nps",)
        assert vocabulary.has("surveys", UNANSWERED)


@pytest.mark.parametrize(("encoding", "declared"), [("latin-1", "latin-1"), ("cp1255", "cp1255"), ("utf-16", None)])
def test_other_encodings_are_read(tmp_path: Path, encoding: str, declared: str | None) -> None:
    """A file in another encoding is read, and the check says as what."""
    text = "customer_id,region\na,שלום\n" if encoding != "latin-1" else "customer_id,region\na,Orléans\n"
    name = write(tmp_path / "c.csv", text, encoding)
    source = {"path": name} | ({"encoding": declared} if declared else {})
    with read(tmp_path, {"customers": source}) as tables:
        assert tables.con.execute("SELECT region FROM customers").fetchone() == (
            text.rsplit(",", maxsplit=1)[-1].strip(),
        )
        assert "encoding" in codes(tables)


def test_globs_json_and_gzip(tmp_path: Path) -> None:
    """Several files, lines of JSON, and compressed text are one table."""
    write(tmp_path / "c.jsonl", '{"customer_id": "a"}\n{"customer_id": "b"}\n')
    (tmp_path / "tx").mkdir()
    for month in (1, 2):
        table = pa.table({"customer_id": ["a"], "occurred_at": [f"2024-0{month}-01"], "amount": [1.0]})
        pq.write_table(table, tmp_path / "tx" / f"{month}.parquet")
    with read(tmp_path, {"customers": {"path": "c.jsonl"}, "transactions": {"path": "tx/*.parquet"}}) as tables:
        assert tables.rows == {"customers": 2, "transactions": 2}


def test_text_that_is_all_numbers_is_a_number(tmp_path: Path) -> None:
    """Blanks do not turn a column of charges into categories; codes with leading zeros are not numbers."""
    write(tmp_path / "c.csv", "customer_id,total,code,plan\na,10.5,0123,x\nb, ,0007,y\nc,3,0001,x\n")
    with read(tmp_path, {"customers": {"path": "c.csv"}}) as tables:
        assert tables.attributes == {"code": "category", "plan": "category", "total": "number"}
        assert tables.con.execute("SELECT total FROM customers ORDER BY customer_id").fetchall() == [
            (10.5,),
            (None,),
            (3.0,),
        ]


def test_a_label_is_never_an_attribute(tmp_path: Path) -> None:
    """The column a target names is kept apart, and so are ignored ones."""
    write(tmp_path / "c.csv", "customer_id,left,email,age\na,Yes,a@x,3\nb,No,b@x,4\n")
    target = {"churn": {"kind": "column", "column": "left", "positive": "Yes"}}
    with read(tmp_path, {"customers": {"path": "c.csv", "ignore": ["email"]}}, target) as tables:
        assert tables.attributes == {"age": "number"}
        assert tables.labels == {"left": "label_left"}


@pytest.mark.parametrize(
    ("tables", "error", "words"),
    [
        ({"customers": {"path": "custmers.csv"}}, DataError, "did you mean 'customers.csv'"),
        ({"customers": {"path": "customers.csv", "columns": {"customer_id": "customerid"}}}, DataError, "did you mean"),
        ({"customers": {"path": "customers.csv", "ignore": ["emial"]}}, DataError, "did you mean 'email'"),
        ({"customers": {"path": "notes.docx"}}, ConfigError, "cannot be read"),
        ({"customers": {"sql": "SELEC 1"}}, DataError, "the query"),
        ({"surveys": {"path": "customers.csv"}}, DataError, "'customers' is needed"),
        (
            {"customers": {"path": "customers.csv"}, "transactions": {"path": "epoch.csv"}},
            DataError,
            "not a time",
        ),
        (
            {
                "customers": {"path": "customers.csv"},
                "touchpoints": {"path": "customers.csv", "columns": {"chanel": "email"}},
            },
            DataError,
            "did you mean 'channel'",
        ),
    ],
)
def test_errors_name_the_next_move(tmp_path: Path, tables: dict[str, Any], error: type[Exception], words: str) -> None:
    """A wrong path, column, query, kind of file or time says what was found and what to do."""
    write(tmp_path / "customers.csv", "customer_id,email\na,x\n")
    write(tmp_path / "notes.docx", "")
    pq.write_table(
        pa.table({"customer_id": ["a"], "occurred_at": [1_700_000_000], "amount": [1.0]}), tmp_path / "e.parquet"
    )
    if "transactions" in tables:
        tables = {**tables, "transactions": {"path": "e.parquet"}}
    with pytest.raises(error, match=words), read(tmp_path, tables):
        pass


def test_sql_reads_files_beside_the_configuration(tmp_path: Path) -> None:
    """Relative paths inside sql start from the configuration's folder, and named sources can be selected from."""
    write(tmp_path / "wide.csv", "id,a,b\n1,5,3\n2,4,\n")
    write(tmp_path / "latin.csv", "id,town\n1,Orléans\n", "latin-1")
    touchpoints = {
        "sql": "SELECT id AS customer_id, TIMESTAMP '2024-01-01' AS occurred_at, touchpoint, rating FROM "
        "(UNPIVOT (SELECT * FROM read_csv('wide.csv')) ON a, b INTO NAME touchpoint VALUE rating)",
        "measures": {"rating": {"column": "rating"}},
    }
    customers = {"sql": "SELECT id AS customer_id, town FROM answers"}
    with read(
        tmp_path,
        {"customers": customers, "touchpoints": touchpoints},
        sources={"answers": {"path": "latin.csv", "encoding": "latin-1"}},
    ) as t:
        assert t.rows == {"customers": 1, "touchpoints": 3}
        assert t.con.execute("SELECT town FROM customers").fetchone() == ("Orléans",)


def test_a_few_dates_far_off_do_not_stretch_the_data(tmp_path: Path) -> None:
    """One event typed into 2099 and one into 1970 leave the span of the data as it is; a real year of silence does not."""
    write(tmp_path / "c.csv", "customer_id\na\n")
    days = [f"a,2024-{month:02}-{day:02},1" for month in range(1, 13) for day in range(1, 28)]
    write(tmp_path / "t.csv", "\n".join(["customer_id,occurred_at,amount", *days, "a,2099-01-01,1", "a,1970-01-01,1"]))
    with read(tmp_path, {"customers": {"path": "c.csv"}, "transactions": {"path": "t.csv"}}) as tables:
        assert tables.data_end - tables.data_start == 361 * 86_400_000_000
    write(
        tmp_path / "t.csv",
        "\n".join(["customer_id,occurred_at,amount", *days, *days[:40]]).replace("2024-02", "2021-02"),
    )
    with read(tmp_path, {"customers": {"path": "c.csv"}, "transactions": {"path": "t.csv"}}) as tables:
        assert tables.data_end - tables.data_start > 1000 * 86_400_000_000


def test_a_renamed_column_is_another_input(tmp_path: Path) -> None:
    """The digest of a table holds the names of its columns: a renamed attribute is a change, although no value is."""
    digests = []
    for name in ("region", "area"):
        write(tmp_path / "customers.csv", f"customer_id,{name}\na,north\n")
        with read(tmp_path, {"customers": {"path": "customers.csv"}}) as tables:
            digests.append(tables.digests()["customers"])
    assert digests[0] != digests[1]


def test_an_attribute_with_quotes_gets_a_name_that_a_request_can_carry(tmp_path: Path) -> None:
    """Quotes and backslashes in an attribute's name become underscores; its values stay."""
    (tmp_path / "customers.csv").write_text('customer_id,"j""{s\\}"\na,5\n', encoding="utf-8")
    with read(tmp_path, {"customers": {"path": "customers.csv"}}) as tables:
        assert tables.attributes == {"j_{s_}": "number"}


def test_what_is_asked_again_is_answered_once(tmp_path: Path) -> None:
    """The tables do not change while they are open: the second answer is the first one."""
    write(tmp_path / "customers.csv", "customer_id\na\nb\n")
    with read(tmp_path, {"customers": {"path": "customers.csv"}}) as tables:
        first = tables.asked_again("SELECT count(*) AS n FROM customers")
        assert first.to_pydict() == {"n": [2]}
        assert tables.asked_again("SELECT count(*) AS n FROM customers") is first
