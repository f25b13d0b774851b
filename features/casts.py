"""From a company's column to a canonical type, in SQL: what the value is, when a cell is blank, whether the cast costs anything.

Times end as microseconds UTC (a time without a zone is UTC), text trimmed and never blank, numbers finite. What cannot be cast
is NULL, and whoever asks can tell it from a blank cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import duckdb

from configs.errors import DataError
from features.quoting import column, one, quoted

_FIRST: Final = -62_135_596_800_000_000
_LAST: Final = 253_402_300_799_999_999
"""The first and the last microsecond of the years 1 to 9999, since 1970."""

_BLANK: Final = "('', 'NA', 'N/A', 'NaN', 'nan', 'NULL', 'null', 'None', 'none', 'NaT')"
_SAMPLE: Final = 20_000
_CLOCKS: Final = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_PARTS: Final = r"^(\d{1,2})([/.\-])(\d{1,2})[/.\-]\d{4}"

_NUMERIC: Final = r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\)"

STORED: Final = {"text": "VARCHAR", "time": "BIGINT", "number": "DOUBLE"}
"""Canonical type to the type it is stored as."""


@dataclass(frozen=True)
class Cast:
    """A column on its way to a canonical type.

    Attributes
    ----------
    source
        The company's column.
    parsed
        SQL of the value; NULL where the cell is blank or cannot be cast.
    blank
        SQL that is true where the cell says nothing.
    finite
        Whether a value may be infinite or no number, and then is missing.
    fails
        Whether a cell may say something that cannot be cast.
    cheap
        Whether casting anew at every reading costs next to nothing.
    plain, untidy
        SQL of the value where no cell is `untidy`, and of that; None where there is no shorter way.
    sure
        SQL that is quick, and true only where the cell says something that needs no second look; None where there is none.
    note
        What should be said about how it is read.
    """

    source: str
    parsed: str
    blank: str
    finite: bool = False
    fails: bool = False
    cheap: bool = True
    plain: str | None = None
    untidy: str | None = None
    sure: str | None = None
    note: str | None = None

    def value(self, parsed: str) -> str:
        """SQL of the canonical value, from that of the parsed one."""
        return f"CASE WHEN isfinite({parsed}) THEN {parsed} END" if self.finite else parsed

    def empty(self, parsed: str) -> str:
        """SQL that is true where the cell says nothing."""
        return f"CASE WHEN {self._none(parsed)} THEN {self.blank} ELSE false END"

    def failed(self, parsed: str) -> str:
        """SQL that is true where the cell says something that is no value."""
        return f"CASE WHEN {self._none(parsed)} THEN NOT {self.blank} ELSE false END"

    def _none(self, parsed: str) -> str:
        """SQL that is true where there is no value: only those cells are looked at again."""
        return f"{parsed} IS NULL" + (f" OR NOT isfinite({parsed})" if self.finite else "")


def to_text(name: str, kind: str) -> Cast:
    """An id or a category."""
    source = column(name)
    if kind == "VARCHAR":
        # What begins with a plain letter is not blank: that is seen without trimming.
        odd = f"{source} < '!' OR {source} >= chr(128)"
        blank = f"(CASE WHEN {source} IS NULL THEN true WHEN {odd} THEN trim({source}) = '' ELSE false END)"
        # As cases, which are looked at one after the other: a function of every text costs more than reading it.
        untidy = (
            f"(CASE WHEN {source} < '!' OR ends_with({source}, ' ') THEN true "
            f"WHEN strlen({source}) <> length({source}) THEN trim({source}) <> {source} ELSE false END)"
        )
        sure = f"({source} >= '!' AND NOT ends_with({source}, ' ') AND strlen({source}) = length({source}))"
        return Cast(name, f"nullif(trim({source}), '')", blank, plain=source, untidy=untidy, sure=sure)
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        # 13085.0 and 13085 are one id: a column with gaps often arrives as a float.
        whole = f"abs({source}) < 9e15 AND {source} = floor({source})"
        value = f"CASE WHEN {whole} THEN CAST(CAST({source} AS BIGINT) AS VARCHAR) ELSE CAST({source} AS VARCHAR) END"
        if not kind.startswith("DECIMAL"):
            value = f"CASE WHEN NOT isnan({source}) THEN {value} END"
        return Cast(name, value, f"({value} IS NULL)", cheap=False)
    value = f"nullif(trim(CAST({source} AS VARCHAR)), '')"
    return Cast(name, value, f"({value} IS NULL)", cheap=False)


def to_number(name: str, kind: str, decimal: str = ".") -> Cast:
    """A number; NaN is a gap, infinity is none. `decimal` is the sign between whole and broken in text."""
    source = column(name)
    if kind == "VARCHAR":
        text = f"trim({source})"
        number = f"coalesce({_parsed(text, decimal)}, CAST(TRY_CAST({text} AS BOOLEAN) AS DOUBLE))"
        return Cast(name, number, f"({source} IS NULL OR {text} IN {_BLANK})", finite=True, fails=True, cheap=False)
    if kind in {"DOUBLE", "FLOAT"}:
        number = source if kind == "DOUBLE" else f"CAST({source} AS DOUBLE)"
        blank = f"({source} IS NULL OR isnan({source}))"
        sure = f"isfinite({source})"
        return Cast(name, number, blank, finite=True, fails=True, plain=number, untidy=f"(NOT {sure})", sure=sure)
    if re.fullmatch(_NUMERIC, kind) or kind == "BOOLEAN":
        return Cast(name, f"CAST({source} AS DOUBLE)", f"({source} IS NULL)", sure=f"({source} IS NOT NULL)")
    if kind in {'"NULL"', "NULL"}:
        return Cast(name, "CAST(NULL AS DOUBLE)", "true")
    return Cast(name, f"TRY_CAST({source} AS DOUBLE)", f"({source} IS NULL)", finite=True, fails=True, cheap=False)


def _parsed(text: str, decimal: str) -> str:
    """The number that a text is, NULL where it is none."""
    if decimal == ".":
        return f"TRY_CAST({text} AS DOUBLE)"
    # 1.234,5 is one thousand two hundred and thirty-four and a half, 1.234 is without the half, 12.34 is nothing.
    shaped = f"regexp_full_match({text}, '[+-]?(\\d+|\\d{{1,3}}(\\.\\d{{3}})+)?(,\\d+)?([eE][+-]?\\d+)?')"
    return f"CASE WHEN {shaped} THEN TRY_CAST(replace(replace({text}, '.', ''), ',', '.') AS DOUBLE) END"


def to_time(con: duckdb.DuckDBPyConnection, raw: str, name: str, kind: str, where: str) -> Cast:
    """A moment.

    Raises
    ------
    DataError
        When the column holds no times, or text that can be read as two different days.
    """
    source = column(name)
    if kind == "VARCHAR":
        return _time_in_text(con, raw, name, where)
    blank = f"({source} IS NULL)"
    if kind in {'"NULL"', "NULL"}:
        return Cast(name, "CAST(NULL AS BIGINT)", "true")
    # An infinite time gives no number.
    if kind in {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"}:
        number = f"epoch_us({source})"
        sure = f"({number} BETWEEN {_FIRST} AND {_LAST})"
        return Cast(
            name,
            _in_calendar(number),
            blank,
            fails=True,
            plain=number,
            untidy=f"(NOT coalesce({sure}, true))",
            sure=sure,
        )
    if kind.startswith(("TIMESTAMP", "DATE")):
        return Cast(name, _in_calendar(f"epoch_us(TRY_CAST({source} AS TIMESTAMP))"), blank, fails=True)
    raise _no_time(con, raw, name, kind, where)


def _in_calendar(number: str) -> str:
    """SQL of microseconds since 1970, NULL outside the years 1 to 9999: no calendar knows those, and sums of them leave 64 bits."""
    # The number stands in it once: of texts, it is dear.
    return f"nullif(nullif(greatest(least({number}, {_LAST + 1}), {_FIRST - 1}), {_LAST + 1}), {_FIRST - 1})"


def _time_in_text(con: duckdb.DuckDBPyConnection, raw: str, name: str, where: str) -> Cast:
    source, text = column(name), f"trim({column(name)})"
    blank = f"({source} IS NULL OR {text} IN {_BLANK})"
    # The offset counts only in a cast WITH TIME ZONE.
    stamp = f"TRY_CAST({text} AS TIMESTAMPTZ)"
    filled, digits, day_first, month_first, parted, dotted, signs = one(
        con,
        f"""SELECT count(*), count(*) FILTER (regexp_full_match(x, '\\d{{8,}}(\\.\\d*)?')),
              count(*) FILTER (one > 12 AND two <= 12), count(*) FILTER (two > 12 AND one <= 12),
              count(*) FILTER (p.sign <> ''), count(*) FILTER (p.sign = '.'), list(DISTINCT p.sign) FILTER (p.sign <> '')
            FROM (SELECT *, TRY_CAST(p.one AS INTEGER) AS one, TRY_CAST(p.two AS INTEGER) AS two FROM (
                  SELECT {text} AS x, regexp_extract({text}, {quoted(_PARTS)}, ['one', 'sign', 'two']) AS p
                  FROM (SELECT {source} FROM {raw} LIMIT {_SAMPLE}) WHERE NOT {blank}))""",
    )
    if filled and digits > filled / 2:
        raise _no_time(con, raw, name, "text of digits", where)
    note = None
    if parted:
        if (day_first and month_first) or not (day_first or month_first or dotted == parted):
            what = (
                "mixes day/month/year and month/day/year"
                if day_first
                else "does not say whether day or month come first"
            )
            raise _of_column(
                name,
                DataError(
                    f"the column '{name}' {what}",
                    where=where,
                    available="ISO 8601 (2024-03-01), or dates of which some day is beyond 12",
                    next_move=f"say it with 'sql', e.g. strptime({column(name)}, '%d/%m/%Y')",
                ),
            )
        order = ("%m", "%d") if month_first else ("%d", "%m")
        formats = [f"{order[0]}{sign}{order[1]}{sign}%Y{clock}" for sign in sorted(signs) for clock in _CLOCKS]
        stamp = (
            f"coalesce(make_timestamp(epoch_us({stamp})), try_strptime({text}, [{', '.join(map(quoted, formats))}]))"
        )
        note = f"'{name}' is read as {'month/day/year' if month_first else 'day/month/year'}"
    return Cast(name, _in_calendar(f"epoch_us({stamp})"), blank, fails=True, cheap=False, note=note)


def _no_time(con: duckdb.DuckDBPyConnection, raw: str, name: str, kind: str, where: str) -> DataError:
    """What to say of a column of numbers where times should be: seconds, milliseconds or something else since 1970."""
    source = column(name)
    (largest,) = one(
        con,
        f"SELECT max(TRY_CAST(CAST({source} AS VARCHAR) AS DOUBLE)) FROM (SELECT {source} FROM {raw} LIMIT {_SAMPLE})",
    )
    move = f"convert it with 'sql', e.g. to_timestamp({source}) for seconds since 1970"
    if largest is not None and 19_000_101 <= largest <= 99_991_231:
        move = f"convert it with 'sql': strptime(CAST({source} AS VARCHAR), '%Y%m%d')"
    elif largest is not None and largest >= 1e8:
        unit, call = (
            ("seconds", f"to_timestamp(CAST({source} AS BIGINT))")
            if largest < 1e11
            else ("milliseconds", f"epoch_ms(CAST({source} AS BIGINT))")
            if largest < 1e14
            else ("microseconds", f"make_timestamp(CAST({source} AS BIGINT))")
        )
        move = f"it looks like {unit} since 1970; convert it with 'sql': {call}"
    return _of_column(
        name,
        DataError(
            f"the column '{name}' is {kind}, not a time",
            where=where,
            available="timestamps, dates, ISO 8601 text",
            next_move=move,
        ),
    )


def _of_column(name: str, error: DataError) -> DataError:
    error.column = name
    return error


def attribute_kind(
    con: duckdb.DuckDBPyConnection, raw: str, name: str, kind: str, decimal: str
) -> Literal["number", "category"] | None:
    """Text whose every value reads as a number is a number; a code with leading zeros is text; dates are not used."""
    source = column(name)
    if kind == "VARCHAR":
        text, blank = f"trim({source})", f"({source} IS NULL OR trim({source}) IN {_BLANK})"
        filled, words, codes, days = one(
            con,
            f"""SELECT count(*) FILTER (NOT {blank}),
                       count(*) FILTER (NOT {blank} AND {_parsed(text, decimal)} IS NULL),
                       count(*) FILTER (regexp_matches({text}, '^0[0-9]+$')),
                       count(*) FILTER (NOT {blank} AND TRY_CAST({text} AS TIMESTAMPTZ) IS NOT NULL)
                FROM {raw}""",
        )
        if filled and days == filled and words:
            return None
        return "number" if filled and not words and not codes else "category"
    if kind == "BOOLEAN" or kind.startswith("ENUM"):
        return "category"
    return "number" if re.fullmatch(_NUMERIC, kind) else None
