"""Time to churn: in which of the periods after as_of + lead it happens, and how far a customer could be followed.

The periods end at the configured days. A period of *cancellation* sees a churn where the label of `churn.cancellation` would
with the period as its label window: a contract ends inside and none runs when the period is over. So the first period's churners
are those of a churn target with that horizon, a renewal after a gap inside a period is none, and of a period nothing is used that
became true after its end. Who has churned stays churned, though a contract may start later. A period of *inactivity* sees the
first transaction of the customer: a return.

The label is a number of days from as_of + lead: how long it took (zero or above), or, below zero, how many days were over without
it. Only periods that are over count; a customer of whom no period is over is dropped and counted.
"""

from __future__ import annotations

from configs.errors import DataError
from configs.settings import Settings, TimeToChurn
from features.schema import MICROSECONDS_PER_DAY, SUBSCRIPTIONS
from features.tables import Tables
from training.targets.grid import Grid, activity, grid, grid_dates, has_rows, one
from training.targets.labelled import LabelledRows


def time_to_churn(tables: Tables, settings: Settings, target: TimeToChurn) -> LabelledRows:
    """Customers active at as_of, and days to what ends the waiting, or days without it below zero.

    Raises
    ------
    DataError
        When the label kind is `column`, which has no times, or there are no subscriptions for `cancellation`.
    """
    if target.label == "column":
        raise DataError(
            "a column says that customers left, not when: there is no time to churn in it",
            where=f"{settings.source.name}: targets (kind time_to_churn, label column)",
            available="label: cancellation, inactivity",
            next_move="use one of them, or a target of kind 'column'",
        )
    if target.label == "cancellation" and not has_rows(tables, SUBSCRIPTIONS):
        raise DataError(
            "time to churn by cancellation needs the table 'subscriptions'",
            where=f"{settings.source.name}: targets",
            available=", ".join(sorted(tables.present)),
            next_move="add subscriptions, or use label 'inactivity'",
        )
    dates = grid(tables, settings, target, known_days=target.days[0])
    with grid_dates(tables, dates):
        tables.con.execute(_periods(dates, target, tables.data_end))
        if target.label == "cancellation":
            return _cancellation(tables)
        return _return(tables, target)


def _periods(dates: Grid, target: TimeToChurn, data_end: int) -> str:
    """The table ``grid_periods``: as_of, number (from 1), starts and ends of each period that is over."""
    ends = [day * MICROSECONDS_PER_DAY for day in target.days]
    rows = ", ".join(
        f"({number}, {start}, {end})" for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False), 1)
    )
    return f"""CREATE OR REPLACE TEMP TABLE grid_periods AS
        SELECT g.as_of, p.number::BIGINT AS number, (g.as_of + {dates.lead} + p.start)::BIGINT AS starts,
          (g.as_of + {dates.lead} + p.stop)::BIGINT AS ends
        FROM grid_dates AS g, (VALUES {rows}) AS p(number, start, stop) WHERE g.as_of + {dates.lead} + p.stop <= {data_end}"""


_DAYS = f"::DOUBLE / {MICROSECONDS_PER_DAY}"
_OVER = f"(SELECT as_of, max(ends - opens){_DAYS} AS followed FROM grid_periods JOIN grid_dates USING (as_of) GROUP BY as_of)"
_KNOWN = "customer_id IN (SELECT customer_id FROM customers)"


def _cancellation(tables: Tables) -> LabelledRows:
    tables.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE population AS SELECT * FROM (
              SELECT g.as_of, s.customer_id, g.opens, g.known,
                bool_or(s.started_at < g.opens AND (s.ended_at IS NULL OR s.ended_at >= g.opens)) AS there_at_opening
              FROM grid_dates AS g JOIN {SUBSCRIPTIONS} AS s ON s.started_at < g.opens
              GROUP BY ALL
              HAVING bool_or(s.started_at < g.as_of AND (s.ended_at IS NULL OR s.ended_at >= g.as_of)))
            WHERE {_KNOWN}"""
    )
    dropped = one(
        tables,
        "SELECT count(*) FILTER (NOT known), count(*) FILTER (known AND NOT there_at_opening) FROM population",
    )
    table = tables.arrow(
        f"""WITH of_periods AS (
              SELECT p.as_of, p.number, s.customer_id,
                max(s.ended_at) FILTER (s.ended_at >= p.starts AND s.ended_at < p.ends) AS ended_at,
                bool_or(s.started_at <= p.ends AND (s.ended_at IS NULL OR s.ended_at >= p.ends)) AS there_at_end
              FROM grid_periods AS p JOIN {SUBSCRIPTIONS} AS s ON s.started_at <= p.ends
              GROUP BY ALL),
            first_churn AS (
              SELECT as_of, customer_id, arg_min(ended_at, number) AS ended_at FROM of_periods
              WHERE ended_at IS NOT NULL AND NOT there_at_end GROUP BY ALL)
            SELECT customer_id, as_of, coalesce((c.ended_at - opens){_DAYS}, -followed) AS label
            FROM population JOIN {_OVER} USING (as_of) LEFT JOIN first_churn AS c USING (as_of, customer_id)
            WHERE known AND there_at_opening ORDER BY as_of, customer_id"""
    )
    _drop(tables)
    return LabelledRows.of(table, dict(zip(("censored", "left_during_lead"), dropped, strict=True)))


def _return(tables: Tables, target: TimeToChurn) -> LabelledRows:
    events = activity(tables)
    within = target.active_within_days * MICROSECONDS_PER_DAY
    tables.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE population AS
            SELECT DISTINCT g.as_of, e.customer_id, g.opens, g.known FROM grid_dates AS g JOIN {events} AS e
              ON e.occurred_at >= g.as_of - {within} AND e.occurred_at < g.as_of
            WHERE {_KNOWN}"""
    )
    dropped = one(tables, "SELECT count(*) FILTER (NOT known) FROM population")
    table = tables.arrow(
        f"""WITH first_return AS (
              SELECT p.as_of, e.customer_id, min(e.occurred_at) AS came_at FROM grid_periods AS p JOIN {events} AS e
                ON e.occurred_at >= p.starts AND e.occurred_at < p.ends GROUP BY ALL)
            SELECT customer_id, as_of, coalesce((r.came_at - opens){_DAYS}, -followed) AS label
            FROM population JOIN {_OVER} USING (as_of) LEFT JOIN first_return AS r USING (as_of, customer_id)
            WHERE known ORDER BY as_of, customer_id"""
    )
    _drop(tables)
    return LabelledRows.of(table, {"censored": dropped[0]})


def _drop(tables: Tables) -> None:
    tables.con.execute("DROP TABLE population")
    tables.con.execute("DROP TABLE grid_periods")
