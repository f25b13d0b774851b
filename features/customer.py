"""One customer's journey as plain columns: what a request or the journey store holds, and what the online host reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Journey:
    """All that is known of one customer.

    Parameters
    ----------
    customer_id
        The customer.
    tables
        Canonical table name to column name to values, all of one length within a table, rows in any order. Times are
        microseconds UTC (int), numbers float or None, text str or None. A measure stands under its configured name with
        the prefix ``m_``; an attribute under its own name in ``customers``.
    """

    customer_id: str
    tables: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
