"""JSON files, arrays or one object a line: texts stay texts, and an object that is broken costs its own line only."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.compute as pc

from configs.errors import DataError
from features.encodings import Utf8Check, codec_of, mark, not_utf8, opened, transcode
from features.files import BadLine, Files
from features.quoting import quoted

_CHUNK: Final = 1 << 22
_LINES: Final = 50_000
_LONGEST: Final = 16_000_000
_TEXTS: Final = ("VARCHAR", "JSON", "UUID", "DATE", "TIME", "TIMESTAMP")


def json_query(
    con: duckdb.DuckDBPyConnection,
    files: Files,
    encoding: str | None,
    scratch: Path,
    where: str,
    bad_lines: list[BadLine],
) -> str:
    """A query over JSON files; lines that are no objects are left out of it and added to `bad_lines`.

    Raises
    ------
    DataError
        When a file is empty, not in its encoding, or broken and not one object a line.
    duckdb.Error
        When they cannot be read at all.
    """
    paths = list(files.paths)
    if not files.remote:
        paths = [str(_utf8(Path(path), encoding, scratch, where)) for path in paths]
    try:
        return _query(con, paths, files)
    except duckdb.Error as error:
        if files.remote:
            raise
        for place, path in enumerate(paths):
            paths[place] = str(_whole(con, Path(path), files.names[place], scratch, where, bad_lines, error))
        return _query(con, paths, files)


def _query(con: duckdb.DuckDBPyConnection, paths: list[str], files: Files) -> str:
    """The query, with the types that the whole of the files has; what only looks like a time stays the text it is."""
    options = f"{files.listing(paths)}, maximum_object_size = {_LONGEST}"
    if any(files.partitions()):
        options += ", hive_partitioning = true, hive_types_autocast = false"
    found = con.execute(
        f"DESCRIBE SELECT * FROM read_json_auto({options}, union_by_name = true, sample_size = -1)"
    ).fetchall()
    parts = files.partitions()[0]
    types = {
        name: "VARCHAR" if str(kind).startswith(_TEXTS) and "[" not in kind else kind
        for name, kind, *_ in found
        if name not in parts
    }
    shape = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items())
    return f"SELECT * FROM read_json({options}, columns = {{{shape}}}, format = 'auto', records = 'auto')"


def _utf8(path: Path, encoding: str | None, scratch: Path, where: str) -> Path:
    """The file where it is UTF-8 without a mark, otherwise a copy that is."""
    codec = mark(path, where) or (codec_of(encoding, where) if encoding else "utf-8")
    check, empty = Utf8Check(), True
    with opened(path, where) as file:
        while piece := file.read(_CHUNK):
            empty = empty and not piece.strip()
            check(piece)
        check(b"")
    if empty:
        raise DataError(f"{path.name} is empty", where=where, next_move="export it again; no rows are written as []")
    if codec == "utf-8":
        if check.fault:
            raise not_utf8(path, check.fault, where)
        return path
    if not check.fault and not codec.startswith(("utf-16", "utf-32", "utf-8-sig")):
        return path
    to = scratch / f"{len(list(scratch.iterdir()))}.json"
    transcode(path, codec, to, where)
    return to


def _whole(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    scratch: Path,
    where: str,
    bad_lines: list[BadLine],
    error: duckdb.Error,
) -> Path:
    """A copy with the lines that are objects; the others are told."""
    with opened(path, where) as file:
        start = file.read(_CHUNK).lstrip()
    if not start.startswith(b"{"):
        message = " ".join(str(error).split())
        raise DataError(
            f"{name} is broken ({re.sub(r'Try setting .*', '', message)[:300]})",
            where=where,
            next_move="the array is cut off or an object in it is not JSON: export it again, or one object a line (.jsonl)",
        )
    to = scratch / f"{len(list(scratch.iterdir()))}.jsonl"
    before = 0
    with opened(path, where) as file, to.open("w", encoding="utf-8") as target:
        while lines := [line.decode("utf-8").rstrip("\r\n") for line in itertools.islice(file, _LINES)]:
            text = con.sql(
                "SELECT place, line, coalesce(json_type(CASE WHEN json_valid(line) THEN line END) = 'OBJECT', false) AS whole "
                "FROM (SELECT unnest(range(1, len(?) + 1)) AS place, unnest(?) AS line) WHERE trim(line) <> ''",
                params=[lines, lines],
            ).to_arrow_table()
            bad = text.filter(pc.invert(text.column("whole")))
            bad_lines += [
                BadLine("the line is not a JSON object", name, before + place, line)
                for place, line in zip(bad.column("place").to_pylist(), bad.column("line").to_pylist(), strict=True)
            ]
            target.writelines(f"{line}\n" for line in text.filter(text.column("whole")).column("line").to_pylist())
            before += len(lines)
    return to
