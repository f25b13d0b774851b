"""A pilot's table as the configuration names it, and what became of its customers: from a query to arrays.

``drivers.pilot.sql`` selects customer_id, assigned_at and reached, and where there are any lot (a branch or team that was drawn as a whole) and
stratum (within which was drawn), from files under ``data.sources`` or from the company's tables. Outcomes are looked at from assigned_at
on, so that nothing before it counts. Rows that cannot be used are counted by reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.errors import ConfigError, DataError
from configs.models import PilotSource
from configs.settings import Cancellation, Settings, Spend, Survey, Target
from drivers.answering.asked import points
from drivers.attribution import Floats, Ints
from drivers.claims.pilot import Bools
from drivers.claims.size import OutcomeKind
from drivers.row_table import joined, row_table
from features import schema
from features.rows import Rows
from features.schema import MICROSECONDS_PER_DAY
from features.tables import Tables
from training.uplift.pilot import NOT_REACHED, REACHED

_NEEDED: Final = (schema.CUSTOMER_ID, "assigned_at", "reached")
_ROWS: Final = "pilot_rows"
_SHOWN: Final = 10


@dataclass(frozen=True)
class PilotRows:
    """Who was drawn, sorted by moment and customer: `reached` (rows,), codes of lots and strata or None, and rows left out by reason."""

    rows: Rows
    reached: Bools
    lot: Ints | None
    strata: Ints | None
    left_out: dict[str, int]


@dataclass(frozen=True)
class Outcomes:
    """An outcome of each row (rows,), NaN where it never became known; and the rows of which it could have (rows,)."""

    kind: OutcomeKind
    value: Floats
    over: Bools


def read(tables: Tables, settings: Settings, source: PilotSource) -> PilotRows:
    """The pilot's rows; of a customer drawn twice the first counts.

    Raises
    ------
    ConfigError
        When the query fails, or lacks a column.
    DataError
        When nobody can tell who was reached, or no row can be used.
    """
    where = f"{settings.source.name}: drivers.pilot.sql"
    try:
        found = tables.con.sql(f"SELECT * FROM ({source.sql.rstrip().rstrip(';')})")
    except duckdb.Error as error:
        raise ConfigError(
            f"the query fails: {str(error).splitlines()[0]}",
            where=where,
            available=", ".join([*settings.data.sources, *sorted(tables.present)]),
            next_move="select from a file named under data.sources, or from one of the company's tables",
        ) from None
    lacking = [name for name in _NEEDED if name not in found.columns]
    if lacking:
        raise ConfigError(
            f"the query gives no {', '.join(lacking)}",
            where=where,
            available=", ".join(found.columns),
            next_move=f"rename its columns: SELECT ... AS {lacking[0]}",
        )
    more = [name for name in ("lot", "stratum") if name in found.columns]
    texts = "".join(f", CAST({name} AS VARCHAR) AS {name}" for name in more)
    query = f"""SELECT CAST(customer_id AS VARCHAR) AS customer_id,
          epoch_us(TRY_CAST(CAST(assigned_at AS VARCHAR) AS TIMESTAMPTZ)) AS at,
          lower(trim(CAST(reached AS VARCHAR))) AS reached{texts} FROM ({source.sql.rstrip().rstrip(";")})"""
    told = tables.arrow(
        f"SELECT p.*, p.customer_id IN (SELECT customer_id FROM customers) AS known FROM ({query}) AS p"
    )
    return _usable(told, where)


def _usable(told: pa.Table, where: str) -> PilotRows:
    words = told.column("reached").combine_chunks()
    yes, no = (pc.is_in(words, value_set=pa.array(sorted(some))) for some in (REACHED, NOT_REACHED))
    odd = sorted(pc.unique(words.filter(pc.invert(pc.or_(pc.or_(yes, no), words.is_null())))).to_pylist())
    if odd:
        raise DataError(
            f"'reached' says neither yes nor no: {', '.join(odd[:_SHOWN])}",
            where=where,
            available=", ".join(sorted(REACHED | NOT_REACHED)),
            next_move="turn it into true and false in the query",
        )
    known = told.column("known").to_numpy(zero_copy_only=False).astype(bool)
    timed = np.array(told.column("at").is_valid(), dtype=bool)
    said = np.array(words.is_valid(), dtype=bool)
    good = np.flatnonzero(known & timed & said)
    left_out = {
        "unknown_customer": int((~known).sum()),
        "no_time": int((known & ~timed).sum()),
        "not_said": int((known & timed & ~said).sum()),
    }
    if not len(good):
        raise DataError(
            "no row of the pilot can be used",
            where=where,
            available=", ".join(f"{name} {count}" for name, count in left_out.items()),
            next_move="ids must be those of the table customers, times ISO dates or times",
        )
    table = told.take(pa.array(good)).sort_by([("at", "ascending"), ("customer_id", "ascending")])
    names = table.column("customer_id").to_numpy(zero_copy_only=False).astype(object)
    _, first = np.unique(names, return_index=True)
    kept = np.sort(first)
    left_out["drawn_again"] = len(names) - len(kept)
    table = table.take(pa.array(kept))
    reached = np.array(pc.is_in(table.column("reached"), value_set=pa.array(sorted(REACHED))), dtype=bool)
    return PilotRows(
        rows=Rows(table.column("customer_id"), table.column("at").to_numpy().astype(np.int64)),
        reached=reached,
        lot=_codes(table, "lot"),
        strata=_codes(table, "stratum"),
        left_out=left_out,
    )


def _codes(table: pa.Table, name: str) -> Ints | None:
    if name not in table.column_names:
        return None
    # What is not said is a lot or a stratum of its own.
    coded = table.column(name).fill_null("").combine_chunks().dictionary_encode()
    codes: Ints = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def outcomes(tables: Tables, target: Target, found: PilotRows, within_days: int) -> Outcomes | None:
    """What became of the pilot's customers by one target; None for targets that a pilot cannot be judged by.

    Answers are the first to the relationship survey within the days, as points; a cancellation or a quiet horizon is 1; money is the sum
    over the horizon. Whose time is not over by the end of the data, or who had left before, has no outcome to wait for.
    """
    if isinstance(target, Survey):
        return _answers(tables, found, within_days) if target.relationship else None
    if isinstance(target, Spend):
        value = _joined(tables, found, schema.TRANSACTIONS, "occurred_at", target.horizon_days, "sum(t.amount)")
        return (
            None
            if value is None
            else Outcomes("money", np.nan_to_num(value), _over(tables, found, target.horizon_days))
        )
    if isinstance(target, Cancellation):
        return _cancelled(tables, found, target)
    return None


def _over(tables: Tables, found: PilotRows, days: int) -> Bools:
    over: Bools = found.rows.as_of + days * MICROSECONDS_PER_DAY <= tables.data_end
    return over


def _answers(tables: Tables, found: PilotRows, within_days: int) -> Outcomes | None:
    score = _joined(
        tables,
        found,
        schema.SURVEYS,
        "answered_at",
        within_days,
        "arg_min(t.score, t.answered_at)",
        "lower(t.metric) = 'nps' AND nullif(trim(t.touchpoint), '') IS NULL AND t.score BETWEEN 0 AND 10",
    )
    return None if score is None else Outcomes("nps", points(score), _over(tables, found, within_days))


def _cancelled(tables: Tables, found: PilotRows, target: Cancellation) -> Outcomes | None:
    if not tables.rows.get(schema.SUBSCRIPTIONS):
        return None
    days = target.lead_days + target.horizon_days
    running = "t.started_at <= {at} AND (t.ended_at IS NULL OR t.ended_at > {at})"
    shift = days * MICROSECONDS_PER_DAY
    told = _asked(
        tables,
        found,
        f"""SELECT r.row, coalesce(bool_or({running.format(at="r.as_of")}), false) AS before,
              coalesce(bool_or({running.format(at=f"(r.as_of + {shift})")}), false) AS after
            FROM {_ROWS} AS r JOIN {schema.SUBSCRIPTIONS} AS t USING (customer_id) GROUP BY r.row""",
    )
    before, after = np.zeros(len(found.rows), dtype=bool), np.zeros(len(found.rows), dtype=bool)
    place = told.column("row").to_numpy()
    before[place] = told.column("before").to_numpy(zero_copy_only=False)
    after[place] = told.column("after").to_numpy(zero_copy_only=False)
    value = np.where(before, (~after).astype(np.float64), np.nan)
    return Outcomes("churn", value, _over(tables, found, days) & before)


def _joined(
    tables: Tables, found: PilotRows, table: str, time: str, days: int, what: str, condition: str = "TRUE"
) -> Floats | None:
    """An aggregate (rows,) over each row's events within the days after it, NaN where there are none; None without the table."""
    if not tables.rows.get(table):
        return None
    told = _asked(
        tables,
        found,
        f"""SELECT r.row, CAST({what} AS DOUBLE) AS value FROM {_ROWS} AS r JOIN {table} AS t
              ON t.customer_id = r.customer_id AND t.{time} > r.as_of
                AND t.{time} <= r.as_of + {days * MICROSECONDS_PER_DAY} AND {condition} GROUP BY r.row""",
    )
    value = np.full(len(found.rows), np.nan)
    value[told.column("row").to_numpy()] = told.column("value").to_numpy()
    return value


def _asked(tables: Tables, found: PilotRows, query: str) -> pa.Table:
    with joined(tables, _ROWS, row_table(found.rows.customer_id, found.rows.as_of)):
        return tables.con.sql(query).to_arrow_table()
