"""Values that came since a training and that it never saw: of whom, how many, and whether that is worth watching.

A share of customers, not of rows: one customer with a hundred calls of a new kind is one customer.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from scipy import stats

from features import schema
from serving.unseen import SHOWN, Watched, unseen_sql, watched
from training.monitor.verdict import LEVEL, UNSEEN_SHARE, WATCH, Reason
from training.targets.grid import microseconds

if TYPE_CHECKING:
    from features.tables import Tables
    from training.bundle import Bundle

_DAY: Final = schema.MICROSECONDS_PER_DAY


def unseen(tables: Tables, bundle: Bundle, until: int | None) -> list[dict[str, Any]]:
    """Each column of categories that the model reads and that holds new values; empty where there is none.

    Returns
    -------
    list of dict
        source, column, customers (with rows since training), unseen (of them, with a new value), share, low (its lower limit)
        and values (the most frequent).
    """
    start = None if bundle.data_until is None else _taught(bundle)
    end = None if tables.timeless else tables.data_end + 1
    end = end if until is None else min(until, end or until)
    found = []
    for item in watched([bundle.catalog.vocabulary]):
        there = tables.attributes if item.source == schema.CUSTOMERS else schema.TABLES[item.source].types
        query = unseen_sql(item, tables.present, there, schema.NO_AS_OF if end is None else end)
        if query is None:
            continue
        since = "" if start is None or item.time is None else f" AND {item.time} >= {start}"
        if item.source == schema.CUSTOMERS and since:
            since = f" AND ({item.time} IS NULL OR {item.time} >= {start})"
        values = tables.con.execute(
            f"SELECT value, count(DISTINCT customer_id) AS n FROM ({query}{since}) GROUP BY value ORDER BY n DESC, value"
        ).fetchall()
        if values:
            (new,) = tables.con.execute(f"SELECT count(DISTINCT customer_id) FROM ({query}{since})").fetchall()[0]
            (everybody,) = tables.con.execute(
                f"SELECT count(DISTINCT customer_id) FROM {item.source} WHERE true{since}"
            ).fetchall()[0]
            found.append(_facts(item, int(new), int(everybody), [str(value) for value, _ in values]))
    return found


def reasons(found: list[dict[str, Any]]) -> list[Reason]:
    """Those of which at least one customer in a hundred surely has them."""
    return [
        Reason(
            "unseen",
            WATCH,
            {
                "column": f"{item['source']}.{item['column']}",
                "share": item["share"],
                "values": item["values"][:SHOWN],
            },
        )
        for item in found
        if item["low"] > UNSEEN_SHARE
    ]


def _facts(item: Watched, new: int, everybody: int, values: list[str]) -> dict[str, Any]:
    low = float(stats.beta.ppf(LEVEL, new, everybody - new + 1)) if new else 0.0
    return {
        "source": item.source,
        "column": item.column,
        "customers": everybody,
        "unseen": new,
        "share": new / max(everybody, 1),
        "low": low,
        "values": values[:SHOWN],
    }


def _taught(bundle: Bundle) -> int:
    """The last as_of that taught: the vocabulary was learnt from what was before it."""
    days = int(bundle.spec.get("lead_days") or 0) + int(bundle.spec.get("horizon_days") or 0)
    return microseconds(datetime.fromisoformat(str(bundle.data_until))) - days * _DAY
