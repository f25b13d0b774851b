"""The log of scored vectors: what is in it, and what happens to it when the disk, the worker or the rush of requests ends it."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import LogVectors
from features.online import Online
from features.trace import event_hashes
from serving import metrics, vectors
from serving.answers import Subject, answer
from serving.intake import microseconds
from serving.keys import Keys
from serving.served import ServedLog
from serving.state import State
from tests.serving.conftest import KEY, NOW, Client, Served, client

QUICK = {"share": 1.0, "rows": 1000, "seconds": 600.0, "waiting": 5000, "keep_days": 0.0}
AS_OF = "2024-11-01T00:00:00Z"
Logged = Callable[..., tuple[State, Client, Path]]


@pytest.fixture
def logged(served: Served, tmp_path: Path) -> Iterator[Logged]:
    """Makes a state that keeps vectors under the test's own folder."""
    made: list[State] = []

    def make(**options: Any) -> tuple[State, Client, Path]:
        kept = LogVectors(**{**QUICK, **options})
        serving = served.settings.serving.model_copy(update={"log_vectors": kept})
        settings = served.settings.model_copy(update={"output": tmp_path, "serving": serving})
        state = State.of(settings, served.scorer, served.store, Keys.of(KEY), lambda: NOW)
        made.append(state)
        return state, client(state), tmp_path / vectors.FOLDER

    yield make
    for state in made:
        state.close()


def counted(outcome: str) -> float:
    """What the counter says."""
    text = metrics.exposition()[0].decode()
    name = f'moments_served_vectors_total{{outcome="{outcome}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


def ask(one: Client, *customers: Any, **more: Any) -> Any:
    """POST /v1/scores without reasons."""
    asked = [{"customer_id": item} if isinstance(item, str) else item for item in customers]
    answered = one.post("/v1/scores", json={"customers": asked, "as_of": AS_OF, "reasons": 0, **more})
    return answered.json()["results"]


def test_off_unless_asked_for(served: Served) -> None:
    """Without a share nothing is kept, and no thread is there."""
    assert served.settings.serving.log_vectors.share == 0
    assert served.state.log is None


def test_what_the_models_saw_is_written(served: Served, logged: Logged) -> None:
    """Each customer and target is a row: names, moments, the very features and answers, the events and the company's days."""
    state, one, folder = logged()
    results = ask(one, "c001", "c002", "nobody")
    state.close()
    (path,) = vectors.files(folder)
    table = pq.read_table(path)
    assert table.schema.equals(vectors.schema_of())
    rows = table.to_pylist()
    assert [(row["customer_id"], row["target"]) for row in rows] == [
        (name, target) for name in ("c001", "c002") for target in ("churn", "nps", "value")
    ]
    bundle = served.scorer.models["churn"].bundle
    names = json.loads(pq.read_schema(path).metadata[vectors.NAMES])
    assert tuple(names[bundle.sha256]) == bundle.catalog.names
    row, catalog = rows[0], served.scorer.passes[0].catalog
    journey, as_of = served.journeys["c001"], microseconds(row["as_of"])
    assert row["scored_at"] == NOW
    assert (row["version"], row["sha256"], row["origin"]) == (bundle.version, bundle.sha256, "store")
    saw = Online(catalog).row(journey, as_of)[[catalog.index(name) for name in bundle.catalog.names]]
    np.testing.assert_array_equal(np.array(row["features"]), saw)
    assert row["events"] == event_hashes(journey, as_of, catalog.vocabulary).tolist()
    calendars = json.loads(pq.read_schema(path).metadata[vectors.CALENDARS])
    assert calendars == {str(row["calendar"]): catalog.calendar.to_dict()}
    assert row["answer"] == [results[0]["churn"]["probability"]]
    assert rows[1]["answer"] == list(results[0]["nps"]["probabilities"].values())
    assert rows[2]["answer"] == [results[0]["value"]["expected"]]


def test_only_what_was_asked_for(logged: Logged) -> None:
    """A target that was not computed is not in the log; a journey that came in the request says so."""
    state, one, folder = logged()
    ask(one, {"customer_id": "new", "touchpoints": []}, targets=["nps"])
    state.close()
    rows = pq.read_table(vectors.files(folder)[0]).to_pylist()
    assert [(row["customer_id"], row["target"], row["origin"], row["events"]) for row in rows] == [
        ("new", "nps", "request", [])
    ]


def test_files_are_for_their_owner_alone(logged: Logged) -> None:
    """The ids are in there: nobody else may read the files or list the folder."""
    state, one, folder = logged()
    ask(one, "c001")
    state.close()
    assert [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())] == [0o700, 0o600]


def test_written_when_enough_are_there(logged: Logged) -> None:
    """A file is written as soon as it has its rows, without an end of the service."""
    state, one, folder = logged(rows=2)
    for name in ("c001", "c002", "c003"):
        ask(one, name)
    until(lambda: len(vectors.files(folder)) == 1)
    state.close()
    assert [pq.read_metadata(path).num_rows for path in vectors.files(folder)].count(6) == 1
    assert len(vectors.files(folder)) == 2


def test_written_when_the_time_is_over(logged: Logged) -> None:
    """A single vector does not wait for others for ever."""
    _, one, folder = logged(seconds=0.05)
    ask(one, "c001")
    until(lambda: len(vectors.files(folder)) == 1)


def test_a_share_is_drawn_by_customer_and_moment(served: Served, logged: Logged) -> None:
    """About the wanted share is kept, the same customers on every worker at the same moment; each with its own vector."""
    kept = []
    for _ in range(2):
        state, one, folder = logged(share=0.3)
        ask(one, *sorted(served.journeys))
        state.close()
        kept.append(pq.read_table(vectors.files(folder)[-1]).to_pylist())
    ids = [row["customer_id"] for row in kept[0]]
    assert ids == [row["customer_id"] for row in kept[1]]
    assert 3 * 6 <= len(ids) <= 3 * 32
    for row in kept[0]:
        if row["target"] == "churn":
            assert row["events"] == served_hashes(served, row["customer_id"])


def served_hashes(served: Served, name: str) -> list[int]:
    """The numbers of a customer's events at the moment that all tests ask for."""
    as_of = microseconds(NOW.replace(month=11, day=1, hour=0, minute=0))
    return event_hashes(served.journeys[name], as_of, served.scorer.passes[0].catalog.vocabulary).tolist()


def test_too_many_at_once_are_dropped_and_counted(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the writer does not keep up, requests are answered as ever, and what is not kept is counted."""
    gate = threading.Event()
    real = vectors.Rows.add
    monkeypatch.setattr(vectors.Rows, "add", lambda self, *given: (gate.wait(30), real(self, *given))[1])
    before = counted("dropped")
    state, one, folder = logged(waiting=2)
    answers = [ask(one, "c001")[0]["status"] for _ in range(5)]
    gate.set()
    state.close()
    assert answers == ["ok"] * 5
    assert counted("dropped") - before == 3
    assert pq.read_metadata(vectors.files(folder)[0]).num_rows == 6


def test_a_request_larger_than_the_queue_fits_an_empty_one(served: Served, logged: Logged) -> None:
    """A limit below the size of a request does not lose every such request."""
    state, one, folder = logged(waiting=2)
    ask(one, *sorted(served.journeys))
    state.close()
    assert pq.read_metadata(vectors.files(folder)[0]).num_rows == 180


def test_a_full_disk_ends_the_log_and_no_request(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the disk takes no more it is said once, without ids; vectors are counted as lost, scores go on, nothing lies about."""
    monkeypatch.setattr(pq, "write_table", full)
    before = counted("failed")
    state, one, folder = logged(rows=1)
    with caplog.at_level(logging.ERROR):
        assert ask(one, "c001")[0]["status"] == "ok"
        until(lambda: counted("failed") == before + 1)
        assert ask(one, "c002", "c003")[1]["status"] == "ok"
        state.close()
    assert counted("failed") == before + 3
    (record,) = caplog.records
    assert "no longer kept (No space left on device)" in record.message
    assert "c001" not in record.message
    assert list(folder.iterdir()) == []


def full(*_: Any, **__: Any) -> None:
    """A disk without space."""
    raise OSError(28, "No space left on device")


def test_a_fault_of_the_log_spoils_no_score(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while rows are made, the request has its answer."""

    def broken(*_: Any) -> None:
        raise KeyError("c001")

    monkeypatch.setattr(vectors, "event_hashes", broken)
    before = counted("failed")
    state, one, folder = logged()
    assert ask(one, "c001")[0]["status"] == "ok"
    state.close()
    assert counted("failed") == before + 1
    assert not folder.exists()


def test_old_files_are_forgotten(logged: Logged) -> None:
    """Files whose scores are older than the days to keep go when a new one is written; others stay."""
    state, one, folder = logged(keep_days=10)
    folder.mkdir()
    old, young = folder / "20241201T000000Z-1-a.parquet", folder / "20241215T000000Z-1-a.parquet"
    old.touch()
    young.touch()
    (folder / "notes.txt").touch()
    ask(one, "c001")
    state.close()
    assert not old.exists()
    assert len(vectors.files(folder)) == 2
    assert (folder / "notes.txt").exists()
    assert vectors.files(folder, microseconds(NOW))[0].name.startswith("20241220T103000Z-")


def test_writers_do_not_collide(tmp_path: Path) -> None:
    """Whoever writes at the same moment, each leaves a file of its own."""
    table = pa.table({"a": [1]})
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda moment: vectors.write(tmp_path, table, moment), [1_700_000_000_000_000] * 9))
    assert sorted(written) == vectors.files(tmp_path)
    assert len(set(written)) == 9


def test_nothing_is_lost_at_the_end(served: Served, tmp_path: Path) -> None:
    """A log that ends writes what was waiting, once; what comes after is counted as dropped."""
    log = ServedLog(tmp_path, LogVectors(**QUICK))
    subject = Subject(served.journeys["c001"], 0)
    before = counted("dropped")
    for _ in range(2):
        answer(served.scorer, [subject], scored_at=microseconds(NOW), reasons=0, seen=log.add)
        log.close()
    assert [pq.read_metadata(path).num_rows for path in vectors.files(tmp_path)] == [3]
    assert counted("dropped") == before + 1


def until(done: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)
