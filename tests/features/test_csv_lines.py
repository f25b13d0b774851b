"""The walk over a text file's lines: nothing is lost, whatever stands in them, and pieces do not matter."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import csv_lines
from features.csv_lines import Records, walk
from features.text_files import prepare

CELLS = st.lists(st.lists(st.text(alphabet='ab ,"\né', max_size=6), min_size=3, max_size=3).filter(any), max_size=8)


def found(text: str, width: int = 3) -> Records:
    """What a walk finds in a text."""
    return walk(io.BytesIO(text.encode()), ",", width)


def flat(records: Records) -> tuple[object, ...]:
    """All of it, to compare."""
    steps = [step for part in records.steps for step in part.tolist()]
    return records.records, records.bad, records.ranges, steps, records.line_ends


@settings(max_examples=100, deadline=None)
@given(CELLS)
def test_what_a_writer_wrote_fits(rows: list[list[str]]) -> None:
    """Every record of a writer who quotes as he should is a record, on the line where it begins."""
    to = io.StringIO(newline="")
    csv.writer(to, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    records = found(to.getvalue())
    assert (records.records, records.bad) == (len(rows), [])
    starts = np.cumsum([1, *(1 + "".join(row).count("\n") for row in rows)])[:-1]
    assert records.lines(np.arange(len(rows))).tolist() == starts.tolist()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='a,"\n\r ', max_size=40), st.integers(1, 5))
def test_pieces_do_not_matter_and_no_line_is_lost(text: str, size: int) -> None:
    """A file read a few bytes at a time gives what it gives as a whole; each line is in a record, bad, or empty."""
    whole = found(text)
    chunk = csv_lines._CHUNK
    try:
        csv_lines._CHUNK = size  # type: ignore[misc]
        assert flat(found(text)) == flat(whole)
    finally:
        csv_lines._CHUNK = chunk  # type: ignore[misc]
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line]
    assert whole.records + len(whole.bad) <= len(lines)
    if '"' not in text:
        assert whole.records + len(whole.bad) == len(lines)
    assert {line for _, _, line in whole.bad} <= set(lines)


def test_there_is_room_for_any_number_of_bad_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bad lines than one look has room for are found in several."""
    monkeypatch.setattr(csv_lines, "_ROOM", 3)
    records = found("a,b,c\n" + "1,2\n" * 20 + "1,2,3\n")
    assert (records.records, len(records.bad)) == (2, 20)
    assert records.lines(np.array([0, 1])).tolist() == [1, 22]


def test_a_stray_quote_in_a_long_file_costs_one_line(tmp_path: Path) -> None:
    """A reader that trusts the quote loses everything up to the next one, in silence; here one line is set aside."""
    lines = [f"{number},{'z' * 30},c" for number in range(100_000)]
    lines[50_000] = '50000,"z,c'
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "\n".join(lines) + "\n", encoding="utf-8")
    text = prepare(path, None, tmp_path, "here", [])
    assert text.rows == 99_999
    assert text.found.bad == [(csv_lines.REASONS[2], 50_002, '50000,"z,c')]
    copy = text.readable.read_bytes()
    assert copy.count(b"\n") == 100_000
    assert b'"' not in copy
