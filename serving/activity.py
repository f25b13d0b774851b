"""Who is a customer still, as the churn target sees it: the model learnt from active customers only.

The same rule twice, for one journey and as SQL over all tables; `tests/serving/test_activity.py` holds them together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from features import schema
from features.customer import Journey

NOT_ACTIVE: Final = "not_active"


def is_active(journey: Journey, spec: Mapping[str, Any], present: Collection[str], as_of: int) -> bool:
    """Whether the target's rule counts the customer as active at `as_of` (microseconds UTC); a rule-less target always does.

    A time to churn has the rule of its label kind.

    *cancellation*: a subscription is running; *inactivity*: a transaction (an encounter, where there are no transactions)
    in the last ``active_within_days``. `present` names the tables that the company has.
    """
    if _rule(spec) == "cancellation":
        table = journey.tables.get(schema.SUBSCRIPTIONS, {})
        started = table.get(schema.STARTED_AT, [])
        ended = table.get(schema.ENDED_AT) or [None] * len(started)
        return any(
            first < as_of and (last is None or last >= as_of) for first, last in zip(started, ended, strict=True)
        )
    if _rule(spec) == "inactivity":
        name = schema.TRANSACTIONS if schema.TRANSACTIONS in present else schema.TOUCHPOINTS
        since = as_of - int(spec["active_within_days"]) * schema.MICROSECONDS_PER_DAY
        return any(since <= at < as_of for at in journey.tables.get(name, {}).get(schema.OCCURRED_AT, []))
    return True


def active_sql(spec: Mapping[str, Any], present: Collection[str], as_of: int) -> str | None:
    """A query for the ids of all customers who are active at `as_of`; None for a target without a rule."""
    if _rule(spec) == "cancellation" and schema.SUBSCRIPTIONS in present:
        return (
            f"SELECT DISTINCT customer_id FROM subscriptions "
            f"WHERE started_at < {as_of} AND (ended_at IS NULL OR ended_at >= {as_of})"
        )
    if _rule(spec) == "inactivity":
        name = schema.TRANSACTIONS if schema.TRANSACTIONS in present else schema.TOUCHPOINTS
        since = as_of - int(spec["active_within_days"]) * schema.MICROSECONDS_PER_DAY
        return f"SELECT DISTINCT customer_id FROM {name} WHERE occurred_at >= {since} AND occurred_at < {as_of}"
    return None


def _rule(spec: Mapping[str, Any]) -> str | None:
    return spec.get("label") if spec.get("kind") == "time_to_churn" else spec.get("kind")
