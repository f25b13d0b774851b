"""Value: money of a customer in the label window ``[as_of + lead, as_of + lead + horizon)``.

The money is the sum of transactions, refunds included; a company that has contracts but no transactions gives the monthly
fee for the time that its contracts run inside the window.
"""

from __future__ import annotations

from configs.errors import DataError
from configs.settings import Settings, Spend
from features.schema import MICROSECONDS_PER_DAY, MONTHLY_FEE, SUBSCRIPTIONS, TRANSACTIONS
from features.tables import Tables
from training.targets.grid import active_sql, grid, grid_dates, has_rows, one
from training.targets.labelled import LabelledRows

_MONTH = 365.25 / 12 * MICROSECONDS_PER_DAY


def spend(tables: Tables, settings: Settings, target: Spend) -> LabelledRows:
    """Customers active at as_of (a running contract; without contracts, a recent transaction) and their money in the window.

    Raises
    ------
    DataError
        When there are neither transactions nor contracts with a fee.
    """
    if has_rows(tables, TRANSACTIONS):
        money = f"""SELECT a.as_of, a.customer_id, {_exact_sum("t.amount")} AS amount FROM active AS a
            JOIN {TRANSACTIONS} AS t ON t.customer_id = a.customer_id
              AND t.occurred_at >= a.opens AND t.occurred_at < a.closes GROUP BY ALL"""
    elif has_rows(tables, SUBSCRIPTIONS) and MONTHLY_FEE in tables.columns[SUBSCRIPTIONS]:
        overlap = "least(coalesce(s.ended_at, a.closes), a.closes) - greatest(s.started_at, a.opens)"
        fee = f"s.{MONTHLY_FEE} * greatest({overlap}, 0) / {_MONTH}"
        money = f"""SELECT a.as_of, a.customer_id, {_exact_sum(fee)} AS amount
            FROM active AS a JOIN {SUBSCRIPTIONS} AS s USING (customer_id) GROUP BY ALL"""
    else:
        raise DataError(
            "spend needs the table 'transactions', or 'subscriptions' with a monthly_fee",
            where=f"{settings.source.name}: targets",
            available=", ".join(sorted(tables.present)),
            next_move="add transactions, or leave the target out",
        )
    dates = grid(tables, settings, target)
    with grid_dates(tables, dates):
        tables.con.execute(
            f"""CREATE OR REPLACE TEMP TABLE active AS SELECT g.*, a.customer_id
                FROM ({active_sql(tables, settings)}) AS a JOIN grid_dates AS g USING (as_of)
                WHERE a.customer_id IN (SELECT customer_id FROM customers)"""
        )
        (censored,) = one(tables, "SELECT count(*) FROM active WHERE NOT known")
        table = tables.arrow(
            f"""WITH money AS ({money})
                SELECT a.customer_id, a.as_of, coalesce(m.amount, 0) AS label
                FROM active AS a LEFT JOIN money AS m USING (as_of, customer_id)
                WHERE a.known ORDER BY a.as_of, a.customer_id"""
        )
        tables.con.execute("DROP TABLE active")
    return LabelledRows.of(table, {"censored": censored})


def _exact_sum(amount: str) -> str:
    # A sum of integers: sums of floats depend on the order in which threads add them up.
    return f"CAST(sum(CAST(round(({amount}) * 1e4) AS HUGEINT)) AS DOUBLE) / 1e4"
