"""A text file with separated cells, made ready to be read: its encoding, its separator, its header, the lines that fit.

A file in order is read where it lies. Otherwise a copy is made: in UTF-8, without the lines that do not fit, with one kind of line
end. (file) -> query over it with every cell as text, records, lines left out.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from configs.errors import DataError
from features.csv_lines import LONGEST, Records, walk
from features.encodings import Utf8Check, codec_of, mark, not_utf8, opened, transcode, unpacked
from features.findings import Finding
from features.quoting import column, file_literal, quoted

_SEPARATORS: Final = (",", ";", "\t", "|")
_HEAD: Final = 1 << 20
_CHUNK: Final = 1 << 22


@dataclass(frozen=True, eq=False)
class TextFile:
    """A file that can be read.

    Attributes
    ----------
    path
        Where the company has it.
    readable
        It, or the copy that is read in its place.
    columns
        Names of its columns, each once.
    separator
        Between cells.
    found
        What a walk over its lines found; the header is record 0.
    """

    path: Path
    readable: Path
    columns: tuple[str, ...]
    separator: str
    found: Records

    @property
    def rows(self) -> int:
        """Records without the header."""
        return self.found.records - 1

    def query(self, columns: list[str]) -> str:
        """A query over the file, every cell text; columns that it lacks are empty."""
        shape = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in self.columns)
        select = ", ".join(
            column(name) if name in self.columns else f"CAST(NULL AS VARCHAR) AS {column(name)}" for name in columns
        )
        return (
            f"SELECT {select} FROM read_csv({file_literal(str(self.readable))}, auto_detect = false, "
            f"delim = {quoted(self.separator)}, quote = '\"', escape = '\"', header = true, columns = {{{shape}}}, "
            f"max_line_size = {4 * LONGEST}, hive_partitioning = false)"
        )


def prepare(path: Path, encoding: str | None, scratch: Path, where: str, findings: list[Finding]) -> TextFile:
    """Look at a whole file and make it readable.

    Parameters
    ----------
    path
        The file, packed or not.
    encoding
        Its encoding where it is not UTF-8 and does not say so itself.
    scratch
        A folder for copies.
    where
        The key of the configuration that names it.
    findings
        What is noteworthy is added here.

    Raises
    ------
    DataError, ConfigError
        When it is empty, damaged, has no usable header, or is not in its encoding.
    """
    table = where.rsplit(".", 1)[-1]
    readable, marked = unpacked(path, _new(scratch), where), mark(path, where)
    codec = marked or (codec_of(encoding, where) if encoding else "utf-8")
    if codec in {"utf-8-sig", "ascii"}:
        codec = "utf-8"
    wide = codec.startswith(("utf-16", "utf-32"))
    if wide:
        readable = _copy(path, codec, scratch, where)
        findings.append(_read_as(path, codec, table))
    # A named encoding is for files that are not UTF-8: in a folder of both, those that are are read as what they are.
    found, columns, separator, fault = _look(readable, path, where)
    if fault:
        if codec == "utf-8" or wide:
            raise not_utf8(path, fault, where)
        readable = _copy(path, codec, scratch, where)
        findings.append(_read_as(path, codec, table))
        found, columns, separator, _ = _look(readable, path, where)
    if found.records == 0 or (found.bad and found.bad[0][1] < found.lines(np.zeros(1, dtype=np.int64))[0]):
        raise DataError(
            f"the header of {path.name} is broken: {found.bad[0][0] if found.bad else 'a quote is not closed'}",
            where=where,
            next_move="mend the first line: names of columns, separated like the cells",
        )
    if not found.tidy:
        readable = _without(readable, found, scratch, where)
    names, twice = _once(columns)
    if twice:
        findings.append(
            Finding(
                "warning",
                "duplicate_header",
                table,
                twice[0],
                0,
                f"{path.name} names {', '.join(repr(name) for name in twice)} more than once; the first keeps its name, "
                f"others are called {', '.join(repr(name) for name in names if name not in columns)}",
                "give every column a name of its own, or check that the right one is used",
            )
        )
    return TextFile(path, readable, names, separator, found)


def _look(readable: Path, path: Path, where: str) -> tuple[Records, tuple[str, ...], str, tuple[int, int] | None]:
    """Records, header and separator of a file, and where it stops being UTF-8."""
    with opened(readable, where) as file:
        head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf")
    check = Utf8Check()
    check(head[: -4 or None] if len(head) == _HEAD else head)
    if check.fault:
        return Records(), (), ",", check.fault
    if not head.strip():
        raise DataError(
            f"{path.name} is empty",
            where=where,
            next_move="export it again; a table without rows still has a header",
        )
    if b"\0" in head:
        raise DataError(
            f"{path.name} holds zero bytes: it is UTF-16 without a mark, or no text",
            where=where,
            next_move="name the encoding, e.g. 'encoding: utf-16-le', or export it as UTF-8",
        )
    separator, columns = _header(head.decode("utf-8", "ignore"), path)
    check = Utf8Check()
    with opened(readable, where) as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        found = walk(file, separator, len(columns), check)
    return found, columns, separator, check.fault


def _header(head: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """The separator that the header has most of, and the names in it."""
    lines = head.lstrip("\r\n")
    first = lines.split("\n", 1)[0].split("\r", 1)[0]
    bare = "".join(first.split('"')[::2])
    counts = {separator: bare.count(separator) for separator in _SEPARATORS}
    likely = "\t" if ".tsv" in path.name.lower() and counts["\t"] else max(counts, key=lambda key: counts[key])
    separator = likely if counts[likely] else ","
    row = next(csv.reader(io.StringIO(lines, newline=""), delimiter=separator), [])
    return separator, tuple(name.strip() or f"column{place + 1}" for place, name in enumerate(row))


def _once(columns: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Names of which each is there once, whatever its case, and those that were there more than once."""
    taken: set[str] = set()
    names, twice = [], []
    for name in columns:
        unique, number = name, 0
        while unique.lower() in taken:
            number += 1
            unique = f"{name}_{number}"
        if number:
            twice.append(name)
        taken.add(unique.lower())
        names.append(unique)
    return tuple(names), list(dict.fromkeys(twice))


def _new(scratch: Path) -> Path:
    return scratch / f"{len(list(scratch.iterdir()))}.csv"


def _copy(path: Path, codec: str, scratch: Path, where: str) -> Path:
    to = _new(scratch)
    transcode(path, codec, to, where)
    return to


def _without(readable: Path, found: Records, scratch: Path, where: str) -> Path:
    """A copy with the lines that fit, all ending alike."""
    to = _new(scratch)
    with opened(readable, where) as source, to.open("wb") as target:
        if source.read(3) != b"\xef\xbb\xbf":
            source.seek(0)
        at = 0
        for first, last in [*found.ranges, (-1, -1)]:
            left = first - at
            while left and (piece := source.read(min(_CHUNK, left) if left > 0 else _CHUNK)):
                left -= len(piece) if left > 0 else 0
                if piece.endswith(b"\r"):
                    more = source.read(1) if left else b""
                    left -= len(more) if left > 0 else 0
                    piece += more
                target.write(piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
            source.seek(last - first, io.SEEK_CUR) if last > first else None
            at = last
    return to


def _read_as(path: Path, codec: str, table: str) -> Finding:
    return Finding(
        "note",
        "encoding",
        table,
        None,
        0,
        f"{path.name} is not UTF-8 and was read as {codec}",
        "nothing, if names look right; otherwise name another 'encoding' beside 'path'",
    )
