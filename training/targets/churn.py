"""Churn: cancellation (a contract ends and none runs after), inactivity (no more transactions), or a column that says it.

A row is (customer, as_of); the label looks at ``[as_of + lead, as_of + lead + horizon)`` and uses what happened, whenever it
became known. Rows of dates whose label window is not over are censored: dropped and counted.
"""

from __future__ import annotations

from configs.errors import DataError, nearest
from configs.settings import Cancellation, Column, Inactivity, Settings
from features.schema import MICROSECONDS_PER_DAY, NO_AS_OF, SUBSCRIPTIONS, VALID_FROM
from features.sources import column as quoted_column
from features.sources import quoted
from features.tables import Tables
from training.targets.grid import Grid, activity, grid, grid_dates, has_rows, microseconds, one
from training.targets.labelled import LabelledRows

_TRUE = {"true", "yes", "y", "t", "1", "1.0"}
_FALSE = {"false", "no", "n", "f", "0", "0.0"}


def cancellation(tables: Tables, settings: Settings, target: Cancellation) -> LabelledRows:
    """Customers under contract at as_of; 1 where one ends in the label window and none runs when the window is over.

    Who is no longer under contract when the label window opens left during the lead: that row is dropped and counted.

    Raises
    ------
    DataError
        When there are no subscriptions.
    """
    if not has_rows(tables, SUBSCRIPTIONS):
        raise DataError(
            "churn by cancellation needs the table 'subscriptions'",
            where=f"{settings.source.name}: targets",
            available=", ".join(sorted(tables.present)),
            next_move="add subscriptions, or use kind 'inactivity' or 'column'",
        )
    dates = grid(tables, settings, target)
    return _on_grid(
        tables,
        dates,
        f"""SELECT g.as_of, s.customer_id, g.known,
              bool_or(s.started_at < g.opens AND (s.ended_at IS NULL OR s.ended_at >= g.opens)) AS there_at_opening,
              bool_or(s.started_at < g.closes AND s.ended_at >= g.opens AND s.ended_at < g.closes) AS ended_inside,
              bool_or(s.started_at <= g.closes AND (s.ended_at IS NULL OR s.ended_at >= g.closes)) AS there_at_close
            FROM grid_dates AS g JOIN {SUBSCRIPTIONS} AS s ON s.started_at <= g.closes
            GROUP BY ALL
            HAVING bool_or(s.started_at < g.as_of AND (s.ended_at IS NULL OR s.ended_at >= g.as_of))""",
        reasons={"censored": "NOT known", "left_during_lead": "known AND NOT there_at_opening"},
        label="ended_inside AND NOT there_at_close",
    )


def inactivity(tables: Tables, settings: Settings, target: Inactivity) -> LabelledRows:
    """Customers with a transaction within `active_within_days` before as_of; 1 where none falls into the label window.

    Where the company has no transactions, touchpoints count.
    """
    events = activity(tables)
    dates = grid(tables, settings, target)
    within = target.active_within_days * MICROSECONDS_PER_DAY
    return _on_grid(
        tables,
        dates,
        f"""SELECT g.as_of, e.customer_id, g.known,
              bool_or(e.occurred_at >= g.opens AND e.occurred_at < g.closes) AS came_back
            FROM grid_dates AS g JOIN {events} AS e
              ON e.occurred_at >= g.as_of - {within} AND e.occurred_at < g.closes
            GROUP BY ALL
            HAVING bool_or(e.occurred_at < g.as_of)""",
        reasons={"censored": "NOT known"},
        label="NOT came_back",
    )


def column(tables: Tables, settings: Settings, target: Column) -> LabelledRows:
    """Customers with a value in the label column; 1 where it is the positive one. One row each, at the target's as_of.

    Raises
    ------
    DataError
        When no value is the positive one, or all are; it names the values that are there.
    """
    label = quoted_column(tables.labels[target.column])
    counted = tables.con.execute(
        f"SELECT trim({label}) AS v, count(*) AS n FROM customers WHERE nullif(trim({label}), '') IS NOT NULL "
        "GROUP BY v ORDER BY n DESC, v"
    ).fetchall()
    values = [str(value) for value, _ in counted]
    positive = [value for value in values if _is_positive(value, positive=target.positive)]
    if not positive or len(positive) == len(values):
        close = nearest(str(target.positive), values) if not positive else None
        raise DataError(
            f"no value of '{target.column}' is {target.positive!r}"
            if not positive
            else f"every value of '{target.column}' is {target.positive!r}: there is nobody to compare with",
            where=f"{settings.source.name}: targets (positive)",
            available=", ".join(f"{value!r} ({count} rows)" for value, count in counted[:10]),
            next_move=f"did you mean '{close}'?"
            if close
            else "bring customers who stayed too"
            if positive
            else "set 'positive' to the value that means: has left",
        )
    as_of = NO_AS_OF if target.as_of is None else microseconds(target.as_of)
    # Of several versions of a customer the newest says how it ended.
    table = tables.arrow(
        f"""WITH newest AS (SELECT customer_id, trim({label}) AS v FROM customers
              WHERE nullif(trim({label}), '') IS NOT NULL
              QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY {VALID_FROM} DESC NULLS LAST, v) = 1)
            SELECT customer_id, {as_of}::BIGINT AS as_of,
              CAST(v IN ({", ".join(quoted(value) for value in positive)}) AS DOUBLE) AS label
            FROM newest ORDER BY customer_id"""
    )
    (everybody,) = one(tables, "SELECT count(DISTINCT customer_id) FROM customers")
    return LabelledRows.of(table, {"no_label": everybody - table.num_rows})


def _is_positive(value: str, *, positive: str | float | bool) -> bool:
    """Whether a value of the company's is the one the configuration calls positive; YAML reads a bare Yes as true."""
    text = value.strip()
    if isinstance(positive, bool):
        return text.lower() in (_TRUE if positive else _FALSE)
    if isinstance(positive, (int, float)):
        try:
            return float(text) == float(positive)
        except ValueError:
            return False
    return text == positive.strip()


def _on_grid(tables: Tables, dates: Grid, population: str, *, reasons: dict[str, str], label: str) -> LabelledRows:
    """Rows of a query over `grid_dates`: those of no reason to drop, with their label; the others counted by reason."""
    with grid_dates(tables, dates):
        tables.con.execute(
            f"CREATE OR REPLACE TEMP TABLE population AS "
            f"SELECT * FROM ({population}) WHERE customer_id IN (SELECT customer_id FROM customers)"
        )
        counts = ", ".join(f"count(*) FILTER ({test}) AS {reason}" for reason, test in reasons.items())
        dropped = one(tables, f"SELECT {counts} FROM population")
        kept = " AND ".join(f"NOT ({test})" for test in reasons.values())
        table = tables.arrow(
            f"""SELECT customer_id, as_of, CAST({label} AS DOUBLE) AS label FROM population
                WHERE {kept} ORDER BY as_of, customer_id"""
        )
        tables.con.execute("DROP TABLE population")
    return LabelledRows.of(table, dict(zip(reasons, dropped, strict=True)))
