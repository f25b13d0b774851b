"""What the service knows of the whole company: as fresh as its journeys, and the same bits as the batch's."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from serving import batch
from serving.keys import Keys
from serving.run import fill_store
from serving.scorer import Scorer
from serving.state import State
from serving.store import Store
from tests.features import company
from tests.serving.conftest import KEY, NOW, Served, client


@pytest.fixture
def grown(served: Served, tmp_path: Path) -> State:
    """The company ten days after training: another tenth of encounters, and payments at other prices."""
    shutil.copytree(served.settings.root, tmp_path, dirs_exist_ok=True)
    for name in ("touchpoints", "transactions"):
        path = tmp_path / f"{name}.parquet"
        table = pq.read_table(path)
        new = table.slice(0, len(table) // 10)
        shift = pa.array(np.full(len(new), 10 * company.DAY), pa.duration("us"))
        for column in {"occurred_at", "recorded_at"} & set(table.column_names):
            place = table.column_names.index(column)
            new = new.set_column(place, column, pc.add(new.column(column), shift).cast(table.schema.field(column).type))
        if "event_id" in table.column_names:
            place = table.column_names.index("event_id")
            new = new.set_column(place, "event_id", pa.array([f"new{n}" for n in range(len(new))]))
        pq.write_table(pa.concat_tables([table, new]), path)
    settings = company.settings(tmp_path)
    scorer = Scorer.open(settings)
    fill_store(settings, lambda _: None, scorer.vocabularies)
    return State.of(settings, scorer, Store.at(settings.output, None), Keys.of(KEY), lambda: NOW)


def test_batch_and_service_agree_when_the_data_have_grown(grown: State) -> None:
    """Every customer's score of the batch is the service's, bit for bit, though the models learnt before the new data."""
    rows = pq.read_table(batch.score(grown.settings)).to_pylist()
    asked = {"as_of": rows[0]["as_of"].isoformat(), "reasons": 0}
    asked["customers"] = [{"customer_id": row["customer_id"]} for row in rows]
    results = client(grown).post("/v1/scores", json=asked).json()["results"]
    for row, result in zip(rows, results, strict=True):
        assert result["churn"]["probability"] == row["churn_probability"]
        assert result["nps"]["probabilities"]["detractor"] == row["p_detractor"]
        assert result["value"]["expected"] == row["expected_value"]


def test_the_calendar_is_the_stores(grown: State, served: Served) -> None:
    """The store's calendar takes the place of the one that the models learnt with, and counts what came since."""
    mine, old = (scorer.passes[0].catalog.calendar for scorer in (grown.scorer, served.scorer))
    assert mine.amounts.sum() > old.amounts.sum()


def test_new_models_get_a_calendar_without_a_loading(grown: State) -> None:
    """A vocabulary that the store has no calendar for gets one, while the journeys stay as they are."""
    vocabulary = grown.scorer.vocabularies[0]
    store = grown.store
    other = type(vocabulary)(
        **{**{name: getattr(vocabulary, name) for name in vocabulary.__slots__}, "costs": {"call": 9.0}}
    )
    said: list[str] = []
    fill_store(grown.settings, said.append, (vocabulary, other))
    assert said == []
    assert set(store.calendars()) == {vocabulary.digest, other.digest}
    assert (store.calendars()[other.digest].amounts == store.calendars()[vocabulary.digest].amounts).all()


def test_calendars_travel_with_the_journeys(grown: State, tmp_path: Path) -> None:
    """A copied store holds the calendars too; an empty one holds none."""
    copy = Store.at(tmp_path / "copy", None)
    assert copy.calendars() == {}
    copy.copy_from(grown.store)
    assert set(copy.calendars()) == set(grown.store.calendars())
