"""Step 0, the timing gate: touchpoints that exist because of the outcome are named and left out.

A retention desk, a call-back to detractors: they rank first under every method, since they know the answer. No statistic on
rows shows it, event times do. Over all customers the share of a touchpoint's encounters that lie where consequences lie
(within days after a relationship answer; within a month before a contract's end with none running after it, or later) is held
against the share of all encounters there: after answers, near ends, and both together. A touchpoint that merely grows more
frequent before people leave stays in.

tables -> one `Timing` per touchpoint; None where the company has neither answers nor contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from configs.settings import Drivers
from features import schema
from features.schema import MICROSECONDS_PER_DAY
from features.tables import Tables

Moment = Literal["answer", "end", "either"]
_MOMENTS: Final[tuple[Moment, ...]] = ("answer", "end", "either")
_FEWEST: Final = 10  # encounters below which a share says nothing (and which could not become a driver either)


@dataclass(frozen=True)
class Timing:
    """Where a touchpoint's encounters lie: how many, the share where consequences lie, and that of all encounters.

    `moment` says which consequences the two shares are about: the ones that stand out most.
    """

    touchpoint: str
    encounters: int
    share: float
    usual: float
    late: bool
    moment: Moment


def timings(tables: Tables, options: Drivers) -> tuple[Timing, ...] | None:
    """The timing of every touchpoint, by name."""
    if not tables.rows.get(schema.TOUCHPOINTS):
        return None
    after_answer = bool(tables.rows.get(schema.SURVEYS)) and _any(tables, _ANSWERS)
    near_end = bool(tables.rows.get(schema.SUBSCRIPTIONS)) and _any(tables, _ends(tables))
    if not (after_answer or near_end):
        return None
    joins = []
    answer = end = "false"
    if after_answer:
        days = options.late_days_after_answer * MICROSECONDS_PER_DAY
        joins.append("ASOF LEFT JOIN answers AS a ON t.customer_id = a.customer_id AND t.occurred_at > a.at")
        answer = f"coalesce(t.occurred_at - a.at <= {days}, false)"
    if near_end:
        days = options.late_days_before_end * MICROSECONDS_PER_DAY
        joins += [
            "ASOF LEFT JOIN ends AS n ON t.customer_id = n.customer_id AND t.occurred_at <= n.at",
            "ASOF LEFT JOIN ends AS p ON t.customer_id = p.customer_id AND t.occurred_at > p.at",
            "ASOF LEFT JOIN starts AS s ON t.customer_id = s.customer_id AND t.occurred_at >= s.at",
        ]
        after = "(p.at IS NOT NULL AND (s.at IS NULL OR s.at <= p.at))"
        end = f"(coalesce(n.at - t.occurred_at <= {days}, false) OR {after})"
    found = tables.con.execute(
        f"""WITH answers AS ({_ANSWERS if after_answer else _NOTHING}),
              ends AS ({_ends(tables) if near_end else _NOTHING}),
              starts AS ({_STARTS if near_end else _NOTHING})
            SELECT t.touchpoint, count(*), count(*) FILTER ({answer}), count(*) FILTER ({end}),
              count(*) FILTER ({answer} OR {end})
            FROM {schema.TOUCHPOINTS} AS t {" ".join(joins)} GROUP BY t.touchpoint ORDER BY t.touchpoint"""
    ).fetchall()
    everything = sum(row[1] for row in found)
    usual = tuple(sum(row[2 + k] for row in found) / everything for k in range(len(_MOMENTS)))
    return tuple(_timing(name, count, inside, usual, options) for name, count, *inside in found)


_ANSWERS: Final = (
    f"SELECT customer_id, answered_at AS at FROM {schema.SURVEYS} "
    "WHERE metric = 'nps' AND touchpoint IS NULL AND score IS NOT NULL"
)
_STARTS: Final = f"SELECT customer_id, started_at AS at FROM {schema.SUBSCRIPTIONS}"
_NOTHING: Final = "SELECT NULL::VARCHAR AS customer_id, NULL::BIGINT AS at WHERE false"


def _ends(tables: Tables) -> str:
    """Ends after which no other contract was running; an end beyond the data is a plan, not an event."""
    return f"""SELECT DISTINCT e.customer_id, e.ended_at AS at FROM {schema.SUBSCRIPTIONS} AS e
      WHERE e.ended_at IS NOT NULL AND e.ended_at <= {tables.data_end} AND NOT EXISTS (
        SELECT 1 FROM {schema.SUBSCRIPTIONS} AS o WHERE o.customer_id = e.customer_id
        AND o.started_at <= e.ended_at AND (o.ended_at IS NULL OR o.ended_at > e.ended_at))"""


def _any(tables: Tables, query: str) -> bool:
    return bool(tables.con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])


def _timing(name: str, count: int, inside: list[int], usual: tuple[float, ...], options: Drivers) -> Timing:
    def judge(moment: Moment, late: int, everywhere: float) -> Timing:
        share = late / count
        stands_out = share > options.late_share and share >= options.late_ratio * everywhere
        return Timing(name, int(count), share, everywhere, stands_out and count >= _FEWEST, moment)

    judged = [judge(*parts) for parts in zip(_MOMENTS, inside, usual, strict=True)]
    return max(judged, key=lambda one: (one.late, one.share / one.usual if one.usual else 0.0))
