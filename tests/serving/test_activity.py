from __future__ import annotations

import pytest

from features.tables import open_tables
from serving.activity import active_sql, is_active
from tests.features import company
from tests.serving.conftest import Served

SPECS = [
    {"kind": "cancellation", "horizon_days": 60},
    {"kind": "inactivity", "horizon_days": 60, "active_within_days": 20},
    {"kind": "column", "column": "left", "positive": True},
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec["kind"]))
@pytest.mark.parametrize("days", [5, 200, 400, 500])
def test_one_rule_for_one_and_for_all(served: Served, spec: dict[str, object], days: int) -> None:
    """A customer alone is active exactly when the query over all tables finds them."""
    as_of = company.START + days * company.DAY
    with open_tables(served.settings) as tables:
        query = active_sql(spec, tables.present, as_of)
        found = set(served.journeys) if query is None else {row[0] for row in tables.con.execute(query).fetchall()}
        alone = {name for name, one in served.journeys.items() if is_active(one, spec, tables.present, as_of)}
    assert alone == found


def test_the_edges_of_a_contract() -> None:
    """A contract runs from after its start to its end: it started before as_of and has not ended before it."""
    from features.customer import Journey

    journey = Journey("a", {"subscriptions": {"started_at": [10], "ended_at": [20]}})
    active = [at for at in range(30) if is_active(journey, SPECS[0], ("subscriptions",), at)]
    assert active == list(range(11, 21))
