"""The rows of a table that can be used, and those that cannot: told apart in one walk, counted by reason, kept for whoever mends them.

(raw rows, how each canonical column is made) -> a relation with the table's name, rows of it, findings, a file of rejected rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from features import rejected, schema
from features.findings import Finding, Level
from features.layout import MEASURE_PREFIX
from features.quoting import column, file_literal, identifier, one, quoted
from features.raw import FILE, ROW, Raw
from features.reading import BAD, CELLS, FAILED, Reading
from features.sources import Sources

if TYPE_CHECKING:
    from features.tables import Tables

_PLACE: Final = '"·place"'
_RANK: Final = '"·rank"'


def set_aside(tables: Tables, sources: Sources, reading: Reading) -> int:
    """Make the relation of a table and say what is not in it.

    Returns
    -------
    Its rows.

    Raises
    ------
    DataError
        When they cannot be read.
    """
    con, name = tables.con, reading.name
    checked = f"checked_{name}"
    if reading.cheap:
        con.execute(f"CREATE OR REPLACE VIEW {checked} AS {reading.checked()}")
    else:
        sources.store(reading.checked(), checked, reading.raw, reading.where)
        con.execute(
            f"CREATE OR REPLACE VIEW {checked} AS SELECT *, file_row_number AS {_PLACE} "
            f"FROM read_parquet({file_literal(sources.file(checked))})"
        )
    counts: dict[str, int] = sources.guard(lambda: _count(tables, reading, checked), reading.where)
    bad = sum(counts[f"bad {place}"] for place in range(len(reading.reasons())))
    _say(tables, reading, checked, counts)
    asides = [_aside(tables, reading, checked, f"{BAD} IS NOT NULL", _reason(reading))] if bad else []
    names = ", ".join(map(column, reading.select))
    # Where every cell is as it should be, nothing stands between the reader and the file.
    tidy = frozenset(key for key, cast in reading.casts.items() if not counts.get(f"untidy {key}", 1))
    if reading.cheap and not bad:
        usable = f"SELECT {reading.canonical(tidy)} FROM {identifier(reading.raw.name)}"
    else:
        usable = f"SELECT {names} FROM {checked}" + (f" WHERE {BAD} IS NULL" if bad else "")
    dropped = _rank_repeats(tables, reading, checked)
    if dropped:
        single, (_, key) = f"single_{name}", _key(reading)
        asides.append(
            _aside(
                tables, reading, f"ranked_{name}", f"{_RANK} > 1", quoted(f"another row has the same {_words(reading)}")
            )
        )
        sources.store(
            f"SELECT {names} FROM {checked} WHERE {BAD} IS NULL AND NOT coalesce({key} IN (SELECT h FROM twice_{name}), false) "
            f"UNION ALL SELECT {names} FROM ranked_{name} WHERE {_RANK} = 1",
            single,
            Raw(name),
            reading.where,
        )
        usable = f"SELECT * FROM read_parquet({file_literal(sources.file(single))})"
    con.execute(f"CREATE OR REPLACE VIEW {name} AS {usable}")
    keep(tables, name, reading.raw, asides)
    return counts["rows"] - bad - dropped


def keep(tables: Tables, name: str, raw: Raw, asides: list[str]) -> None:
    """Count the lines of a relation that are no rows, and keep all that is set aside."""
    for reason, count in sorted(Counter(line.reason for line in raw.bad_lines).items()):
        tables.findings.append(
            Finding(
                "warning",
                "bad_lines",
                name,
                None,
                count,
                f"{count} lines of the file do not fit and are left out: {reason}",
                f"mend the lines (a missing quote or separator is the usual cause); {_kept(name)}",
            )
        )
    trouble = rejected.write(tables.con, tables.settings.output, name, list(raw.types), asides, raw.bad_lines)
    if trouble:
        tables.findings.append(trouble)


def _kept(name: str) -> str:
    return f"they are kept in {rejected.FOLDER}/{name}.csv under 'output'"


def _count(tables: Tables, reading: Reading, checked: str) -> dict[str, int]:
    """Everything that is counted, in one walk over the rows."""
    tests = {f"bad {place}": f"{BAD} = {place}" for place in range(len(reading.reasons()))}
    tests["failed"] = f"{BAD} IS NULL AND {FAILED} IS NOT NULL"
    if reading.name == schema.SURVEYS:
        tests["unanswered"] = f"{BAD} IS NULL AND {schema.SCORE} IS NULL"
    for item, limit in reading.limits().items():
        tests[f"beyond {item}"] = f"{BAD} IS NULL AND abs({column(item)}) > {limit}"
    source = checked
    clear = reading.clear()
    if clear is not None and not _doubtful(tables, reading, clear):
        return _nothing(tables, reading, tests)
    if reading.cheap:
        untidy = {name: cast.untidy for name, cast in reading.casts.items() if cast.untidy}
        tests |= {f"untidy {name}": column(f"·untidy {name}") for name in untidy}
        more = "".join(f", {test} AS {column(f'·untidy {name}')}" for name, test in untidy.items())
        source = f"({reading.checked(more=more)})"
    parts = "".join(f", count(*) FILTER ({test})" for test in tests.values())
    found = one(tables.con, f"SELECT count(*){parts} FROM {source}")
    return dict(zip(("rows", *tests), map(int, found), strict=True))


def _doubtful(tables: Tables, reading: Reading, clear: str) -> bool:
    """Whether some row needs a second look; the walk ends at the first."""
    raw = identifier(reading.raw.name)
    return bool(tables.con.execute(f"SELECT 1 FROM {raw} WHERE NOT coalesce({clear}, false) LIMIT 1").fetchall())


def _nothing(tables: Tables, reading: Reading, tests: Mapping[str, str]) -> dict[str, int]:
    """The counts of a table in which every row is as it should be."""
    score = reading.casts.get(schema.SCORE) if "unanswered" in tests else None
    silent = f"count(*) - count({column(score.source)})" if score is not None else "0"
    rows, unanswered = one(tables.con, f"SELECT count(*), {silent} FROM {identifier(reading.raw.name)}")
    untidy = {f"untidy {name}": 0 for name, cast in reading.casts.items() if cast.untidy}
    return dict.fromkeys(tests, 0) | untidy | {"rows": int(rows), "unanswered": int(unanswered)}


def _say(tables: Tables, reading: Reading, checked: str, counts: dict[str, int]) -> None:
    reasons = reading.reasons()
    if any(counts[f"bad {place}"] for place in range(len(reasons))):
        examples = one(
            tables.con,
            f"SELECT {', '.join(f'min({reading.cell(name)}) FILTER ({BAD} = {n})' for n, (name, _, _) in enumerate(reading.why()))} "
            f"FROM {checked} WHERE {BAD} IS NOT NULL",
        )
        for place, ((name, what, _), example) in enumerate(zip(reading.why(), examples, strict=True)):
            if count := counts[f"bad {place}"]:
                shown = f", e.g. {_short(example)}" if example and "empty" not in what else ""
                otherwise = "mend them at the source"
                if "beyond" in what:
                    otherwise = "give them in a larger unit (thousands) with 'sql', or " + otherwise
                tables.findings.append(
                    Finding(
                        "warning",
                        "bad_rows",
                        reading.name,
                        name,
                        count,
                        f"{count} rows are set aside: {name} {what}{shown}",
                        f"{_mend(example, otherwise)}; {_kept(reading.name)}",
                    )
                )
    if counts["failed"]:
        failed = list(reading.optional())
        parts = ", ".join(
            f"count(*) FILTER (list_contains({FAILED}, {quoted(name)})), "
            f"min({reading.cell(name)}) FILTER (list_contains({FAILED}, {quoted(name)}))"
            for name in failed
        )
        found = one(tables.con, f"SELECT {parts} FROM {checked} WHERE {BAD} IS NULL AND {FAILED} IS NOT NULL")
        for name, count, example in zip(failed, found[::2], found[1::2], strict=True):
            if count:
                shown = name.removeprefix(MEASURE_PREFIX) if reading.name == schema.TOUCHPOINTS else name
                tables.findings.append(
                    Finding(
                        "warning",
                        "bad_values",
                        reading.name,
                        shown,
                        int(count),
                        f"{count} cells of '{reading.casts[name].source}' cannot be read and count as missing, "
                        f"e.g. {_short(example)}",
                        _mend(example, "mend them at the source, or convert the column with 'sql'"),
                    )
                )
    if counts.get("unanswered"):
        tables.findings.append(
            Finding(
                "note",
                "unanswered",
                reading.name,
                schema.SCORE,
                counts["unanswered"],
                f"{counts['unanswered']} questions were asked and not answered (no score)",
                "nothing, if that is so: silence is a feature, and no label",
            )
        )
    for name, limit in reading.limits().items():
        if count := counts[f"beyond {name}"]:
            measure = name.removeprefix(MEASURE_PREFIX)
            tables.findings.append(
                Finding(
                    "warning",
                    "out_of_range",
                    reading.name,
                    measure,
                    count,
                    f"{count} values of '{measure}' are beyond {limit:g} and count as missing",
                    "use a larger unit",
                )
            )


def _mend(example: str | None, otherwise: str) -> str:
    """The next move for a number that may be written with a comma."""
    if example and re.fullmatch(r"\s*[+-]?[\d.]*\d,\d+\s*", example):
        return (
            "if the comma is the decimal sign, set 'decimal: \",\"' for the table; if it parts thousands, " + otherwise
        )
    return otherwise


def _short(example: str) -> str:
    return repr(example if len(example) <= 40 else example[:40] + "...")


def _reason(reading: Reading) -> str:
    cases = " ".join(f"WHEN {n} THEN {quoted(reason)}" for n, reason in enumerate(reading.reasons()))
    return f"CASE {BAD} {cases} END"


def _aside(tables: Tables, reading: Reading, relation: str, test: str, reason: str) -> str:
    """A query over rows that are set aside: reason, file, line, cells."""
    con, raw = tables.con, reading.raw
    if raw.texts:
        rows = con.sql(f"SELECT {_PLACE} AS place FROM {relation} WHERE {test}").to_arrow_table()["place"].to_numpy()
        file, line = raw.places(rows.astype(np.int64))
        told = pa.table({"place": rows, "file": file, "line": line})
        con.register("told", told)
        con.execute(f"CREATE OR REPLACE TABLE places_{relation} AS SELECT * FROM told")
        con.unregister("told")
        return (
            f"SELECT {reason} AS reason, file, line, {CELLS} AS cells FROM {relation} "
            f"JOIN places_{relation} ON place = {_PLACE} WHERE {test}"
        )
    if raw.located:
        return (
            f'SELECT {reason} AS reason, replace("{FILE}", {quoted(raw.root)}, \'\') AS file, "{ROW}" + 1 AS line, '
            f"{CELLS} AS cells FROM {relation} WHERE {test}"
        )
    nowhere = "CAST(NULL AS VARCHAR) AS file, CAST(NULL AS BIGINT) AS line"
    return f"SELECT {reason} AS reason, {nowhere}, {CELLS} AS cells FROM {relation} WHERE {test}"


def _key(reading: Reading) -> tuple[str, str]:
    """SQL of which rows have a key, and of its hash, which is missing where the key is."""
    if reading.key == (schema.EVENT_ID,):
        there = f"{schema.EVENT_ID} IS NOT NULL"
        return there, f"CASE WHEN {there} THEN hash({schema.EVENT_ID}) END"
    return "true", f"hash({', '.join(reading.key)})"


def _known(reading: Reading) -> str:
    """SQL of what orders rows of one key: the first stays.

    What was known first does: an event that is sent again later must not change what was known before. A contract that is sent
    again is the same one with its end.
    """
    if reading.name == schema.CUSTOMERS:
        return schema.VALID_FROM
    if reading.name == schema.SUBSCRIPTIONS:
        return schema.ENDED_AT
    time = schema.TABLES[reading.name].time
    return f"greatest({time}, coalesce({schema.RECORDED_AT}, {time}))"


def _words(reading: Reading) -> str:
    return "customer (and time)" if reading.name == schema.CUSTOMERS else " and ".join(reading.key)


def _rank_repeats(tables: Tables, reading: Reading, checked: str) -> int:
    """Rows whose key others have too, in `ranked_<name>`: the first of each stays, whatever their order in the file.

    Returns
    -------
    Rows that do not stay.
    """
    if not reading.key:
        return 0
    con, name, raw = tables.con, reading.name, reading.raw
    there, key = _key(reading)
    table = con.sql(f"SELECT {key} AS h FROM {checked} WHERE {BAD} IS NULL AND {there}").to_arrow_table()
    # Sorted numbers find repeats in a tenth of the memory that a grouping of texts takes.
    hashes = np.sort(table["h"].to_numpy())
    twice = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del table, hashes
    if not len(twice):
        return 0
    found = pa.table({"h": twice})
    con.register("found", found)
    con.execute(f"CREATE OR REPLACE TABLE twice_{name} AS SELECT h FROM found")
    con.unregister("found")
    source = identifier(raw.name)
    if raw.texts:
        source = f"(SELECT *, row_number() OVER () - 1 AS {_PLACE} FROM {source})"
    places = f", {_PLACE}" if raw.texts else f', "{FILE}", "{ROW}"' if raw.located else ""
    every = reading.checked(source, cells=True, more=f", {_PLACE}" if raw.texts else "")
    con.execute(
        f"CREATE OR REPLACE TABLE ranked_{name} AS SELECT *, row_number() OVER (PARTITION BY {', '.join(reading.key)} "
        f"ORDER BY {_known(reading)}, {', '.join(map(column, reading.select))}, {CELLS}{places}) AS {_RANK} FROM ({every}) "
        f"WHERE {BAD} IS NULL AND {there} AND {key} IN (SELECT h FROM twice_{name})"
    )
    names = ", ".join(map(column, reading.select))
    (dropped,) = one(con, f"SELECT count(*) FROM ranked_{name} WHERE {_RANK} > 1")
    (differ,) = one(
        con,
        f"SELECT count(*) FROM (SELECT 1 FROM (SELECT DISTINCT {names} FROM ranked_{name}) "
        f"GROUP BY {', '.join(reading.key)} HAVING count(*) > 1)",
    )
    if dropped:
        _say_repeats(tables, reading, int(dropped), int(differ))
    return int(dropped)


def _say_repeats(tables: Tables, reading: Reading, dropped: int, differ: int) -> None:
    level: Level = "warning"
    if reading.name == schema.CUSTOMERS:
        level = "error" if differ else "warning"
        code, message = "duplicate_customer", "rows repeat a customer (at the same time)"
        move = "keep one row per customer, or date the versions with valid_from"
    else:
        code, message, move = "duplicate_event", "rows repeat an event_id and were dropped", "send each event once"
    if differ:
        message += f"; {differ} of them differ in other columns"
    tables.findings.append(
        Finding(level, code, reading.name, None, dropped, f"{dropped} {message}", f"{move}; {_kept(reading.name)}")
    )
