"""Random journeys for hypothesis: few distinct times, so that ties and exact edges are the rule and not the exception."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from features.catalog import Catalog
from features.customer import Journey
from features.journey import MeasureInfo, Vocabulary
from features.schema import MICROSECONDS_PER_DAY as DAY

Row = dict[str, Any]

VOCABULARY = Vocabulary(
    tables=("customers", "touchpoints", "surveys", "transactions", "subscriptions"),
    touchpoints=("bill", "call", "visit"),
    measures={
        "wait": MeasureInfo("minutes", "lower", "time", 3.0, within=4.0),
        "ride": MeasureInfo("hours", "lower", "time", 1.0),
        "tone": MeasureInfo("score", "higher", "emotion", 0.5),
        "fee": MeasureInfo("EUR", "lower", "money", 2.0),
        "solved": MeasureInfo("flag", "higher"),
    },
    measured={"bill": ("fee",), "call": ("wait", "tone", "solved"), "visit": ("ride", "tone")},
    metrics=(" nps_encounter", "ces", "nps"),
    attributes={"income": "number", "region": "category"},
    categories={
        "customers.region": ("north", "south"),
        "touchpoints.channel": ("phone", "web"),
        "touchpoints.department": ("service", "shop"),
        "touchpoints.stage": ("join", "use", "leave"),
        "transactions.category": ("bread", "milk"),
        "subscriptions.plan": ("basic", "plus"),
        "subscriptions.end_reason": ("moved", "price"),
    },
    columns={
        "customers": ("created_at", "valid_from"),
        "touchpoints": ("comment",),
        "surveys": ("comment", " (unanswered)"),
        "transactions": ("margin", "quantity"),
        "subscriptions": ("monthly_fee", "plan"),
    },
    usual={"call|wait": (3.0, 2.0), "call|tone": (0.5, 0.5), "visit|tone": (0.0, 1.0), "bill|fee": (2.0, 1.5)},
    places={"call": ("use", "service"), "visit": ("join", "shop")},
    costs={"call": 4.5, "visit": 20.0},
    sequences=(
        ("call", "bill"),
        ("call", "call"),
        ("visit", "call"),
        ("call", "call", "bill"),
        ("visit", "call", "call"),
    ),
    prices={"": (4.0, 6.0), "bread": (2.0, 2.5), "milk": (1.5, 0.0)},
)
CATALOG = Catalog.of(VOCABULARY, (2, 5, 10))

_DAYS = [-3, 0, 0.5, 1, 2, 3, 5, 7, 7.5, 8, 9, 10, 12, 14, 15, 30, 30.5, 31, 37, 38, 40]

moments = st.sampled_from(_DAYS).map(lambda days: int(days * DAY))
"""Few, before 1970 too, with windows, a week and thirty days between many of them."""

dates = st.sampled_from([0, 1, 5, 10, 12, 12, 14, 14, 15, 17, 37, 38, 40, 41, 41]).map(lambda days: days * DAY)
"""Moments at which features are asked for: mostly with something behind them."""

recorded = st.one_of(st.none(), st.none(), moments)
numbers = st.one_of(
    st.none(), st.integers(-30, 60).map(lambda n: n / 4), st.sampled_from([1e9, -1e9, 2e9, -3e9, float("nan")])
)
comments = st.sampled_from([None, None, "late", " spät ", "מאוחר", "поздно", "متأخر", "!?", " "])


def _rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(columns)


ROWS: dict[str, st.SearchStrategy[Row]] = {
    "touchpoints": _rows(
        occurred_at=moments,
        recorded_at=recorded,
        touchpoint=st.sampled_from(["call", "call", "visit", "bill", "hologram"]),
        channel=st.sampled_from([None, "phone", "web", "fax"]),
        department=st.sampled_from([None, None, "service", "shop", "bureau"]),
        stage=st.sampled_from([None, None, "join", "use", "leave", "limbo"]),
        comment=comments,
        m_wait=numbers,
        m_ride=numbers,
        m_tone=numbers,
        m_fee=numbers,
        m_solved=st.sampled_from([None, 0.0, 1.0]),
    ),
    "surveys": _rows(
        answered_at=moments,
        recorded_at=recorded,
        metric=st.sampled_from(["nps", "nps", "ces", "mood"]),
        score=st.sampled_from([None, 0.0, 3.0, 7.0, 10.0]),
        touchpoint=st.sampled_from([None, None, "call"]),
        comment=comments,
    ),
    "transactions": _rows(
        occurred_at=moments,
        recorded_at=recorded,
        amount=st.sampled_from([1.35, 1.8, 2.0, 2.04, 2.05, 2.5, 3.6, 4.0, 5.0, 6.0, 0.0, -2.0, -0.5, 2e9, 2e12]),
        margin=numbers,
        quantity=st.sampled_from([None, 0.0, 1.0, 1.0, 2.0, 3.0]),
        category=st.sampled_from([None, "bread", "bread", "milk", "caviar"]),
    ),
    "subscriptions": _rows(
        started_at=moments,
        ended_at=st.one_of(st.none(), moments),
        recorded_at=recorded,
        plan=st.sampled_from([None, "basic", "plus", "gold"]),
        monthly_fee=st.sampled_from([None, 9.99, 19.99]),
        end_reason=st.sampled_from([None, "moved", "price", "other"]),
    ),
    "customers": _rows(
        created_at=st.one_of(st.none(), moments),
        valid_from=st.one_of(st.none(), moments),
        income=st.sampled_from([None, 0.0, -0.0, 31.5, float("nan")]),
        region=st.sampled_from([None, "north", "south", "west"]),
    ),
}
MOST = {"touchpoints": 10, "surveys": 5, "transactions": 8, "subscriptions": 6, "customers": 3}
TIME = {
    "touchpoints": "occurred_at",
    "surveys": "answered_at",
    "transactions": "occurred_at",
    "subscriptions": "started_at",
}

tables = st.fixed_dictionaries({name: st.lists(row, max_size=MOST[name]) for name, row in ROWS.items()})
"""Rows of every table of one customer."""


def journey(rows: dict[str, list[Row]]) -> Journey:
    """Rows to columns."""
    return Journey(
        "c", {name: {key: [row[key] for row in some] for key in some[0]} for name, some in rows.items() if some}
    )
