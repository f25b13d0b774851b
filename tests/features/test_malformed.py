"""What a user gets for malformed input: every kind of it, what is kept, what is set aside, and what is said.

One table of cases; each goes through reading and checking as `moments check` does.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from configs.settings import load
from features.check import check_tables
from features.tables import open_tables
from moments.cli import app
from tests.features.malformed import CASES, GOOD, HEAD, Case, make


def rejected(folder: Path, table: str) -> list[dict[str, str]]:
    """The lines of a table's rejected file; none where there is no file."""
    path = folder / "out" / "rejected" / f"{table}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_malformed_input(tmp_path: Path, case: Case) -> None:
    """What is wrong is said under its code, what is good is kept, and what is not is in a file with its reason and line."""
    with open_tables(load(make(tmp_path, case)), partial=True) as tables:
        findings = [item for item in check_tables(tables) if item.table in {case.table, None}]
        rows = tables.rows.get(case.table)
        if rows is not None:
            assert tables.con.execute(f"SELECT count(*) FROM {case.table}").fetchall() == [(rows,)]
    found: dict[str, int] = {}
    for item in findings:
        found[item.code] = found.get(item.code, 0) + item.rows
    assert case.said.items() <= {code: count if case.said.get(code) else 0 for code, count in found.items()}.items()
    assert rows == case.rows
    if case.words:
        assert case.words in " ".join(f"{item.message} {item.next}" for item in findings)
    lines = rejected(tmp_path, case.table)
    told = sorted((int(line["line"]) if line["line"] else None, line["reason"]) for line in lines)
    assert len(told) == len(case.rejected), told
    for (line, reason), (where, words) in zip(told, case.rejected, strict=True):
        assert line == where
        assert words in reason


def test_the_command_keeps_rejected_rows_and_forgets_them_when_they_are_mended(tmp_path: Path) -> None:
    """`moments check` leaves the company's own cells beside reason, file and line; once they are mended, the file is gone."""
    case = CASES[0]
    config = make(tmp_path, case)
    answer = CliRunner().invoke(app, ["check", str(config), "--json"])
    assert "bad_lines" in {item["code"] for item in json.loads(answer.stdout)["findings"]}
    path = tmp_path / "out" / "rejected" / "transactions.csv"
    first, second = rejected(tmp_path, "transactions")
    assert (first["file"], first["whole line"]) == ("t.csv", "a,2024-01-01,1,9")
    assert second["whole line"] == "b,2024-01-03"
    (tmp_path / "t.csv").write_text(HEAD + GOOD, encoding="utf-8")
    CliRunner().invoke(app, ["check", str(config), "--json"])
    assert not path.parent.exists()
