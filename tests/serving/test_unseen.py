"""Kinds and categories that training did not see: counted, warned of, without their values in the metrics."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.customer import Journey
from features.journey import MAX_CATEGORIES, Vocabulary
from features.journeys import journeys
from features.schema import NO_AS_OF
from features.tables import open_tables
from serving import batch, metrics
from serving.scorer import Scorer
from serving.unseen import UNKNOWN_TOUCHPOINT, UNSEEN_CATEGORY, notes, queries, unseen, watched
from tests.features import company
from tests.serving.conftest import Served

AS_OF = company.START + 350 * company.DAY


@pytest.fixture
def odd(served: Served, tmp_path: Path) -> Path:
    """The company with a region, a plan, a channel and a kind of encounter that training did not see."""
    shutil.copytree(served.settings.root, tmp_path, dirs_exist_ok=True)
    for table, column, rows in (
        ("customers", "region", {3: "moon", 4: "moon", 5: 'it\'s "odd"'}),
        ("touchpoints", "touchpoint", dict.fromkeys(range(40), "hologram")),
        ("touchpoints", "channel", dict.fromkeys(range(5), "telepathy")),
        ("subscriptions", "plan", dict.fromkeys(range(9), "ultra")),
    ):
        path = tmp_path / f"{table}.parquet"
        content = pq.read_table(path)
        values = content.column(column).to_pylist()
        for row, value in rows.items():
            values[row] = value
        place = content.column_names.index(column)
        pq.write_table(content.set_column(place, column, pa.array(values, pa.string())), path)
    return tmp_path


def test_a_warning_and_a_counter(served: Served) -> None:
    """Values that training did not see stand in the warnings of the customer's score; the counter has columns alone."""
    customer = {
        "customer_id": "new",
        "attributes": {"region": "a-secret-place"},
        "touchpoints": [{"touchpoint": "call", "occurred_at": "2024-11-01", "channel": "fax"}] * 2,
        "subscriptions": [{"started_at": "2024-01-01", "plan": "basic"}, {"started_at": "2099-01-01", "plan": "ultra"}],
    }
    before = metrics.exposition()[0].decode()
    one = served.post({"customers": [customer], "as_of": "2024-12-01"}).json()["results"][0]
    warnings = {warning["code"]: warning for warning in one["warnings"]}
    assert UNKNOWN_TOUCHPOINT not in warnings
    assert warnings[UNSEEN_CATEGORY]["counts"] == {"customers.region: a-secret-place": 1, "touchpoints.channel: fax": 2}
    text = metrics.exposition()[0].decode()
    assert counter(text, "touchpoints", "channel") == counter(before, "touchpoints", "channel") + 2
    assert counter(text, "customers", "region") == counter(before, "customers", "region") + 1
    assert "a-secret-place" not in text


def counter(text: str, source: str, column: str) -> float:
    """The counter of a column."""
    name = f'moments_unseen_total{{column="{column}",source="{source}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


def test_the_rule_for_one_is_the_rule_for_all(odd: Path) -> None:
    """The query over the tables finds the very rows that are found in each customer's journey."""
    settings = company.settings(odd)
    scorer = Scorer.open(settings)
    with open_tables(settings) as tables:
        for as_of in (AS_OF, NO_AS_OF):
            alone = {
                (journey.customer_id, item.column, value): count
                for journey in journeys(tables)
                for item, counts in unseen(scorer.watched, journey, as_of)
                for value, count in counts.items()
            }
            found = {
                (customer, item.column, value): count
                for item, query in queries(scorer.watched, tables, as_of)
                for customer, value, count in tables.con.execute(
                    f"SELECT customer_id, value, count(*) FROM ({query}) GROUP BY ALL"
                ).fetchall()
            }
            assert alone == found
            assert {column for _, column, _ in found} == {"region", "touchpoint", "channel", "plan"}


def test_in_the_batch(odd: Path) -> None:
    """The batch carries the codes of the warnings, and a line per column says what training did not see."""
    settings = company.settings(odd)
    path = batch.score(settings)
    warned = {row["customer_id"]: row["warnings"] for row in pq.read_table(path).to_pylist()}
    assert UNSEEN_CATEGORY in warned["c003"]
    assert any(UNKNOWN_TOUCHPOINT in codes for codes in warned.values())
    with open_tables(settings) as tables:
        said = batch.notes(Scorer.open(settings), tables)
    assert said == [
        "customers.region: 2 values that training did not see ('moon', 'it's \"odd\"') in 3 rows",
        "subscriptions.plan: 1 value that training did not see ('ultra') in 9 rows",
        "touchpoints.channel: 1 value that training did not see ('telepathy') in 5 rows",
        "touchpoints.touchpoint: 1 value that training did not see ('hologram') in 40 rows",
    ]


def test_nothing_to_say_of_known_values(served: Served) -> None:
    """Where training saw everything there is neither a warning nor a note."""
    with open_tables(served.settings) as tables:
        assert notes(served.scorer.watched, tables, NO_AS_OF) == []
    for journey in served.journeys.values():
        assert list(unseen(served.scorer.watched, journey, NO_AS_OF)) == []


def test_what_some_model_did_not_see() -> None:
    """A value must be known to all models that read the column; a list that is full tells nothing of what is not in it."""
    full = tuple(str(n) for n in range(MAX_CATEGORIES))
    models = [
        Vocabulary(touchpoints=("call", "visit"), categories={"customers.region": ("a", "b"), "customers.town": full}),
        Vocabulary(touchpoints=("call",), categories={"customers.region": ("b", "c"), "customers.kind": ("x",)}),
    ]
    known = {f"{item.source}.{item.column}": item.known for item in watched(models)}
    assert known == {"touchpoints.touchpoint": {"call"}, "customers.region": {"b"}, "customers.kind": {"x"}}
    assert watched([])[0].known == frozenset()
    journey = Journey("c", {"customers": {"region": ["b", None], "town": ["else", None]}})
    assert list(unseen(watched(models), journey, 0)) == []
