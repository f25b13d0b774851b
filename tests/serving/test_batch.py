from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from configs.errors import BundleError, NotReadyError
from features.schema import NO_AS_OF
from features.tables import open_tables
from serving import batch
from serving.answers import Subject, answer
from serving.intake import microseconds
from serving.moment import midnight_after
from serving.scorer import Scorer
from tests.serving.conftest import Served


@pytest.fixture(scope="module")
def rows(served: Served) -> list[dict[str, Any]]:
    """The batch's rows."""
    path = batch.score(served.settings)
    assert path == served.settings.output / "scores.parquet"
    return pq.read_table(path).to_pylist()


def test_every_customer_once(served: Served, rows: list[dict[str, Any]]) -> None:
    """The file holds every customer of the tables once, in order of the ids, in the promised columns."""
    assert [row["customer_id"] for row in rows] == sorted(served.journeys)
    table = pq.read_schema(served.settings.output / "scores.parquet")
    assert table.names == batch.SCHEMA.names
    assert json.loads(rows[0]["model_version"]) == {"churn": "1", "nps": "1", "value": "1"}


def test_the_default_moment_is_the_midnight_after_the_data(served: Served, rows: list[dict[str, Any]]) -> None:
    """All data lie strictly before the default moment."""
    with open_tables(served.settings) as tables:
        assert {microseconds(row["as_of"]) for row in rows} == {midnight_after(tables.data_end)}


def test_batch_equals_online_bit_for_bit(served: Served, rows: list[dict[str, Any]]) -> None:
    """A customer scored alone over the store gets the very numbers, reasons and warnings of the batch."""
    as_of = rows[0]["as_of"]
    subjects = [Subject(served.journeys[row["customer_id"]], microseconds(as_of)) for row in rows]
    for row, subject in zip(rows, subjects, strict=True):
        (one,) = msgspec.to_builtins(answer(served.scorer, [subject], scored_at=0))
        assert one["churn"]["probability"] == row["churn_probability"]
        assert one["churn"]["band"] == row["churn_band"]
        assert one["nps"]["category"] == row["nps_category"]
        assert list(one["nps"]["probabilities"].values()) == [
            row[f"p_{c}"] for c in ("detractor", "passive", "promoter")
        ]
        assert one["value"] == {"expected": row["expected_value"], "at_risk": row["value_at_risk"]}
        assert [warning["code"] for warning in one["warnings"]] == row["warnings"]
        for slot in ("churn", "nps"):
            told = [
                {**reason, "value": reason["category"] if reason["category"] is not None else reason["value"]}
                for reason in row[f"{slot}_reasons"]
            ]
            for reason in told:
                del reason["category"]
            assert told == [{k: v for k, v in reason.items() if k != "text"} for reason in one[slot]["reasons"]]


def test_a_block_equals_its_single_rows(served: Served, rows: list[dict[str, Any]]) -> None:
    """Many customers of one request get the same bits as each of them alone."""
    as_of = microseconds(rows[0]["as_of"])
    subjects = [Subject(journey, as_of) for journey in served.journeys.values()]
    together = answer(served.scorer, subjects, scored_at=0)
    assert together == [answer(served.scorer, [subject], scored_at=0)[0] for subject in subjects]


def test_an_earlier_moment(served: Served, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Scores as of an earlier moment see less, and equal those of the service for it."""
    as_of = datetime(2024, 6, 1, tzinfo=UTC)
    with open_tables(served.settings) as tables:
        path = batch.write(served.scorer, tables, tmp_path, as_of=as_of)
    earlier = pq.read_table(path).to_pylist()
    assert [row["churn_probability"] for row in earlier] != [row["churn_probability"] for row in rows]
    answers = served.post(
        {"customers": [{"customer_id": row["customer_id"]} for row in earlier], "as_of": "2024-06-01T00:00:00Z"}
    ).json()["results"]
    assert [one["churn"]["probability"] for one in answers] == [row["churn_probability"] for row in earlier]
    assert [[w["code"] for w in one["warnings"]] for one in answers] == [row["warnings"] for row in earlier]


def test_long_after_the_data(served: Served, tmp_path: Path) -> None:
    """A moment long after the last event is scored with a warning."""
    with open_tables(served.settings) as tables:
        path = batch.write(served.scorer, tables, tmp_path, as_of=datetime(2026, 1, 1, tzinfo=UTC))
    assert all("stale_data" in row["warnings"] for row in pq.read_table(path).to_pylist())


def test_blocks_do_not_change_the_file(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many customers are held at once changes nothing."""
    with open_tables(served.settings) as tables:
        whole = pq.read_table(batch.write(served.scorer, tables, tmp_path / "a"))
        monkeypatch.setattr(batch, "BLOCK", 7)
        parts = pq.read_table(batch.write(served.scorer, tables, tmp_path / "b"))
    assert whole.equals(parts)


def test_nothing_is_left_behind_on_failure(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that fails leaves the old file as it was and no half of a new one."""
    (tmp_path / batch.FILE).write_text("old")
    monkeypatch.setattr(batch, "_table", lambda *_: 1 / 0)
    with open_tables(served.settings) as tables, pytest.raises(ZeroDivisionError):
        batch.write(served.scorer, tables, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [batch.FILE]
    assert (tmp_path / batch.FILE).read_text() == "old"


def test_no_model_no_scores(served: Served, tmp_path: Path) -> None:
    """Without a model the step says what to run first."""
    empty = served.settings.model_copy(update={"output": tmp_path})
    with pytest.raises(NotReadyError, match="moments run"):
        batch.score(empty)


def test_a_moment_that_never_ends_is_no_time() -> None:
    """The as_of of a flat table lies beyond what a timestamp column could show, so it is written as null."""
    assert microseconds(datetime(9999, 1, 1, tzinfo=UTC)) < NO_AS_OF


def test_a_model_in_another_targets_folder_is_refused(served: Served, output: Path) -> None:
    """Two targets' models that were swapped are refused by name, and one of a target no longer configured answers nothing."""
    settings = served.settings.model_copy(update={"output": output})
    shutil.copytree(served.settings.output / "models", output / "models", dirs_exist_ok=True)
    fewer = {name: target for name, target in settings.targets.items() if name != "value"}
    assert set(Scorer.open(settings.model_copy(update={"targets": fewer})).models) == {"churn", "nps"}
    shutil.rmtree(output / "models" / "churn")
    shutil.copytree(output / "models" / "nps", output / "models" / "churn")
    with pytest.raises(BundleError, match="of the target 'nps', not of 'churn'"):
        Scorer.open(settings)
