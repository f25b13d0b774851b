"""Malformed inputs: files as companies send them, each with what has to be said of it and what has to be kept.

The tests hold every case; docs/reference/malformed.md tells users what each of them gets.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

HEAD = "customer_id,occurred_at,amount\n"
GOOD = "a,2024-01-01 10:00:00,1.5\nb,2024-01-02 11:00:00,2.5\n"
MEASURED = {"measures": {"wait": {"column": "wait", "unit": "minutes", "effort": "time"}}}


def parquet(**columns: Any) -> bytes:
    """A parquet file's bytes."""
    to = io.BytesIO()
    pq.write_table(pa.table(columns), to)
    return to.getvalue()


def zipped(**members: str) -> bytes:
    """An archive's bytes."""
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)
    return to.getvalue()


@dataclass(frozen=True)
class Case:
    """One malformed input.

    `said` is code to rows of the findings that must be there (0: any number); `rows` what is kept, None where the table cannot be
    read; `rejected` the lines of the rejected file (None: of rows without a place) and what their reason says.
    """

    name: str
    files: dict[str, str | bytes]
    said: dict[str, int] = field(default_factory=dict)
    words: str = ""
    rows: int | None = None
    rejected: tuple[tuple[int | None, str], ...] = ()
    table: str = "transactions"
    source: dict[str, Any] = field(default_factory=lambda: {"path": "t.csv"})


CASES = (
    Case(
        "a line with a cell too many, one with a cell too few",
        {"t.csv": HEAD + "a,2024-01-01,1,9\n" + GOOD + "b,2024-01-03\n"},
        {"bad_lines": 2},
        rows=2,
        rejected=((2, "number of cells"), (5, "number of cells")),
    ),
    Case(
        "a quote that is never closed costs its own line",
        {"t.csv": HEAD + 'a,"2024-01-01,1\n' + GOOD},
        {"bad_lines": 1},
        rows=2,
        rejected=((2, "quote is not closed"),),
    ),
    Case(
        "a quote that swallows the next line's quote",
        {"t.csv": HEAD + 'a,"2024-01-01,1\nb,"2024-01-02 11:00:00",2.5\n' + GOOD},
        {"bad_lines": 1},
        rows=3,
        rejected=((2, "quote is not closed"),),
    ),
    Case(
        "text after a closing quote",
        {"t.csv": HEAD + 'a,"2024-01-01"x,1\n' + GOOD},
        {"bad_lines": 1},
        rows=2,
        rejected=((2, "text follows it"),),
    ),
    Case(
        "line breaks inside quotes are no fault, and lines after them are counted on",
        {"t.csv": "customer_id,occurred_at,amount,category\n" + 'a,2024-01-01,1,"x\ny"\nb,2024-01-01,oops,z\n'},
        {"bad_rows": 1},
        words="amount is not a number, e.g. 'oops'",
        rows=1,
        rejected=((4, "amount is not a number"),),
    ),
    Case(
        "line ends of two kinds and empty lines",
        {"t.csv": (HEAD + "a,2024-01-01,1\r\n\n" + GOOD + "\n\n")},
        rows=3,
    ),
    Case(
        "required cells that are empty or no time",
        {"t.csv": HEAD + ",2024-01-01,1\na,,1\na,yesterday,1\na,2024-02-30,1\n" + GOOD},
        {"bad_rows": 0},
        words="occurred_at is not a time, e.g. '2024-02-30'",
        rows=2,
        rejected=(
            (2, "customer_id is empty"),
            (3, "occurred_at is empty"),
            (4, "occurred_at is not a time"),
            (5, "occurred_at is not a time"),
        ),
    ),
    Case(
        "an amount too large to be added up exactly",
        {"t.csv": HEAD + "a,2024-01-01,1000000000000\na,2024-01-02,-1.5e12\n" + GOOD},
        {"bad_rows": 1},
        words="amount is beyond 1e+12, e.g. '-1.5e12'",
        rows=3,
        rejected=((3, "amount is beyond 1e+12"),),
    ),
    Case(
        "a margin and a quantity too large to be added up exactly",
        {
            "t.csv": "customer_id,occurred_at,amount,margin,quantity\n"
            "a,2024-01-01,1,2e12,1\na,2024-01-02,1,1e12,2e9\na,2024-01-03,1,1,3e9\n"
        },
        {"out_of_range": 0},
        words="2 values of 'quantity' are beyond 1e+09 and count as missing",
        rows=3,
    ),
    Case(
        "blanks under other names",
        {"t.csv": HEAD + "a,NULL,1\na,2024-01-01,N/A\n" + GOOD},
        {"bad_rows": 0},
        rows=2,
        rejected=((2, "occurred_at is empty"), (3, "amount is empty")),
    ),
    Case(
        "a thousands separator in a required number",
        {"t.csv": HEAD + 'a,2024-01-01,"1,234"\n' + GOOD},
        {"bad_rows": 1},
        words="decimal sign",
        rows=2,
        rejected=((2, "amount is not a number"),),
    ),
    Case(
        "a measure that is no number is missing; the encounter stays",
        {
            "t.csv": "customer_id,occurred_at,touchpoint,wait\na,2024-01-01,call,abc\na,2024-01-02,call,5\na,2024-01-03,call,\n"
        },
        {"bad_values": 1},
        words="'abc'",
        rows=3,
        table="touchpoints",
        source={"path": "t.csv", **MEASURED},
    ),
    Case(
        "an infinite measure in parquet is missing, a gap is a gap",
        {
            "t.parquet": parquet(
                customer_id=["a"] * 3,
                occurred_at=["2024-01-01"] * 3,
                touchpoint=["call"] * 3,
                wait=[1.0, float("inf"), float("nan")],
            )
        },
        {"bad_values": 1},
        rows=3,
        table="touchpoints",
        source={"path": "t.parquet", **MEASURED},
    ),
    Case(
        "an event that was sent twice",
        {
            "t.csv": HEAD.replace("\n", ",event_id\n")
            + "a,2024-01-01,1,x\nb,2024-01-01,2,y\na,2024-01-01,1,x\na,2024-01-02,1,\n"
        },
        {"duplicate_event": 1},
        rows=3,
        rejected=((4, "the same event_id"),),
    ),
    Case(
        "one event_id with two contents: said, and one of them kept aside",
        {"t.csv": HEAD.replace("\n", ",event_id\n") + "a,2024-01-01,2,x\na,2024-01-01,1,x\n"},
        {"duplicate_event": 1},
        words="1 of them differ",
        rows=1,
        rejected=((2, "the same event_id"),),
    ),
    Case(
        "a customer twice with different attributes",
        {"t.csv": "customer_id,region\na,north\na,south\nb,east\n"},
        {"duplicate_customer": 1},
        rows=2,
        rejected=((3, "the same customer"),),
        table="customers",
    ),
    Case(
        "a survey without a score was not answered; a score of 'ten' is no score",
        {
            "t.csv": "customer_id,answered_at,metric,score\na,2024-01-01,nps,\na,2024-01-02,nps,ten\nb,2024-01-03,nps,9\n"
        },
        {"unanswered": 1, "bad_rows": 1},
        rows=2,
        rejected=((3, "score is not a number"),),
        table="surveys",
    ),
    Case(
        "UTF-8 with a mark",
        {"t.csv": b"\xef\xbb\xbf" + (HEAD + GOOD).encode()},
        rows=2,
    ),
    Case(
        "UTF-16",
        {"t.csv": (HEAD + GOOD).encode("utf-16")},
        {"encoding": 0},
        rows=2,
    ),
    Case(
        "UTF-16 without a mark",
        {"t.csv": (HEAD + GOOD).encode("utf-16-le")},
        {"unreadable_table": 0},
        words="encoding: utf-16-le",
    ),
    Case(
        "a file that is not UTF-8 and does not say what it is",
        {"t.csv": "customer_id,region\na,שלום\n".encode("cp1255")},
        {"unreadable_table": 0},
        words="cp1255 (Hebrew)",
        table="customers",
    ),
    Case(
        "the wrong encoding",
        {"t.csv": b"customer_id,region\na,\x81\n"},
        {"unreadable_table": 0},
        words="is not cp1252",
        table="customers",
        source={"path": "t.csv", "encoding": "cp1252"},
    ),
    Case(
        "one file of several in another encoding",
        {
            "t1.csv": "customer_id,region\na,שלום\n".encode("cp1255"),
            "t2.csv": "customer_id,region\nb,שלום\n",
        },
        {"encoding": 0},
        rows=2,
        table="customers",
        source={"path": "t*.csv", "encoding": "cp1255"},
    ),
    Case(
        "seconds since 1970 as text",
        {"t.csv": HEAD + "a,1704103200,1\nb,1704103260,2\n"},
        {"missing_column": 0},
        words="seconds since 1970; convert it with 'sql': to_timestamp",
    ),
    Case(
        "milliseconds since 1970 as numbers",
        {"t.parquet": parquet(customer_id=["a"], occurred_at=[1704103200000], amount=[1.0])},
        {"missing_column": 0},
        words="milliseconds since 1970; convert it with 'sql': epoch_ms",
        source={"path": "t.parquet"},
    ),
    Case(
        "days and months that may be either",
        {"t.csv": HEAD + "a,03/04/2024,1\nb,05/06/2024,2\n"},
        {"missing_column": 0},
        words="whether day or month come first",
    ),
    Case(
        "days and months in both orders",
        {"t.csv": HEAD + "a,31/04/2024,1\nb,05/26/2024,2\n"},
        {"missing_column": 0},
        words="mixes day/month/year and month/day/year",
    ),
    Case(
        "ISO and day-first dates in one column",
        {"t.csv": HEAD + "a,2024-01-01T10:00:00+02:00,1\nb,31/01/2024 08:30,2\nb,31.01.2024,2\nb,13/13/2024,2\n"},
        {"time_format": 0, "bad_rows": 1},
        words="day/month/year",
        rows=3,
        rejected=((5, "occurred_at is not a time"),),
    ),
    Case("no byte at all", {"t.csv": ""}, {"unreadable_table": 0}, words="t.csv is empty"),
    Case("a header and nothing else", {"t.csv": HEAD}, {"empty_table": 0}, rows=0),
    Case(
        "a broken header",
        {"t.csv": 'customer_id,"occurred_at,amount\n' + GOOD},
        {"unreadable_table": 0},
        words="the header of t.csv is broken",
    ),
    Case(
        "a name twice in the header",
        {"t.csv": "customer_id,occurred_at,amount,amount\na,2024-01-01,1,2\n"},
        {"duplicate_header": 0},
        words="amount_1",
        rows=1,
    ),
    Case(
        "a folder without data",
        {"t/notes.docx": "x"},
        {"unreadable_table": 0},
        words="folder without a file that can be read",
        source={"path": "t"},
    ),
    Case(
        "a parquet file that is cut off",
        {"t.parquet": parquet(customer_id=["a"], occurred_at=["2024-01-01"], amount=[1.0])[:-20]},
        {"unreadable_table": 0},
        words="t.parquet",
        source={"path": "t.parquet"},
    ),
    Case(
        "a gzip file that is cut off",
        {"t.csv.gz": gzip.compress((HEAD + GOOD * 200).encode())[:-20]},
        {"unreadable_table": 0},
        words="cut off or damaged",
        source={"path": "t.csv.gz"},
    ),
    Case(
        "an archive that is none",
        {"t.zip": "PK no"},
        {"unreadable_table": 0},
        words="the archive t.zip cannot be unpacked",
        source={"path": "t.zip"},
    ),
    Case(
        "files that differ in their columns",
        {"t1.csv": HEAD + GOOD, "t2.csv": "customer_id,occurred_at,amount,category\na,2024-01-03,1,x\n"},
        {"files_differ": 0},
        words="is not in 1 of 2 files (t1.csv)",
        rows=3,
        source={"path": "t*.csv"},
    ),
    Case(
        "broken lines of JSON",
        {
            "t.jsonl": '{"customer_id": "a", "occurred_at": "2024-01-01", "amount": 1}\n{"customer_id": "b", \n[1]\n{"customer_id": "b", "occurred_at": "2024-01-02", "amount": 2}\n'
        },
        {"bad_lines": 2},
        rows=2,
        rejected=((2, "not a JSON object"), (3, "not a JSON object")),
        source={"path": "t.jsonl"},
    ),
    Case(
        "an array of JSON that is cut off",
        {"t.json": '[{"customer_id": "a", "occurred_at": "2024-01-01", "amount": 1}, {"customer_id"'},
        {"unreadable_table": 0},
        words="t.json is broken",
        source={"path": "t.json"},
    ),
    Case(
        "a required column that is not there, misspelt",
        {"t.csv": "customer_id,occured_at,amount\na,2024-01-01,1\n"},
        {"missing_column": 0},
        words="did you mean 'occured_at'?",
    ),
    Case(
        "one bad file among partitions is named with its folder",
        {
            "t/region=eu/1.parquet": parquet(
                customer_id=["a", None], occurred_at=["2024-01-01"] * 2, amount=[1.0, 2.0]
            ),
            "t/region=us/1.parquet": parquet(customer_id=["b"], occurred_at=["2024-01-01"], amount=[1.0]),
        },
        {"bad_rows": 1},
        rows=2,
        rejected=((2, "customer_id is empty"),),
        source={"path": "t/**/*.parquet", "columns": {"category": "region"}},
    ),
)


def make(folder: Path, case: Case) -> Path:
    """Write the files of a case and its configuration."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "people.csv").write_text("customer_id\na\nb\n", encoding="utf-8")
    tables = {"customers": {"path": "people.csv"}, case.table: case.source}
    content = {
        "data": {"tables": tables},
        "targets": {"churn": {"kind": "inactivity", "horizon_days": 30}},
        "output": "out",
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder / "c.yaml"
