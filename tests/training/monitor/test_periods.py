from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import DataError
from tests.training import made
from training.bundle import Bundle
from training.monitor.periods import check_question, since_training, spec_of
from training.targets.grid import iso

CHURN = {"churn": {"kind": "cancellation", "horizon_days": 60}}
NPS = {"nps": {"kind": "survey"}}


def rows(**surveys: list[Any]) -> dict[str, dict[str, list[Any]]]:
    """Three customers under contract from January on; c1 ends in September, the tables end with the year."""
    found: dict[str, dict[str, list[Any]]] = {
        "customers": {"customer_id": ["c0", "c1", "c2"]},
        "subscriptions": {
            "customer_id": ["c0", "c1", "c2"],
            "started_at": ["2024-01-01"] * 3,
            "ended_at": [None, "2024-09-15", None],
        },
        "touchpoints": {
            "customer_id": ["c0", "c1", "c2", "c0"],
            "occurred_at": ["2024-01-02", "2024-01-03", "2024-06-01", "2024-12-31"],
            "touchpoint": ["call"] * 4,
        },
    }
    return found | ({"surveys": surveys} if surveys else {})


def bundle(target: str, spec: dict[str, Any], until: str | None) -> Bundle:
    """As much of a bundle as says what it was taught and until when."""
    return Bundle(target, "binary", spec, made.catalog(1), (), (), (), {}, data_until=until)


def day(moment: int) -> str:
    return iso(moment)[:10]


def known(found: Any) -> dict[tuple[str, str], float]:
    there = np.flatnonzero(~np.isnan(found.label))
    return {(found.customer_id[row], day(found.as_of[row])): float(found.label[row]) for row in there}


def test_dates_go_on_from_the_last_that_taught(tmp_path: Path) -> None:
    """Dates follow in the configuration's steps; labels count from the end of the training labels on, once their window is over."""
    with made.company(tmp_path, CHURN, rows()) as tables:
        settings = tables.settings
        found = since_training(
            tables, settings, "churn", bundle("churn", spec_of(settings, "churn"), "2024-08-01T00:00:00Z"), None
        )
    assert [day(name) for name in found.names] == [
        "2024-07-02",
        "2024-08-01",
        "2024-08-31",
        "2024-09-30",
        "2024-10-30",
        "2024-11-29",
        "2024-12-29",
    ]
    assert np.bincount(found.number).tolist() == [3, 3, 3, 2, 2, 2, 2]
    labels = known(found)
    assert {date for _, date in labels} == {"2024-08-01", "2024-08-31", "2024-09-30", "2024-10-30"}
    assert {key for key, value in labels.items() if value} == {("c1", "2024-08-01"), ("c1", "2024-08-31")}
    assert day(found.first_label) == "2024-09-30"


def test_a_past_moment_knows_no_more_than_was_known(tmp_path: Path) -> None:
    """Looked at as of October, later dates are not there and windows that were open have no labels."""
    with made.company(tmp_path, CHURN, rows()) as tables:
        settings = tables.settings
        taught = bundle("churn", spec_of(settings, "churn"), "2024-08-01T00:00:00Z")
        found = since_training(tables, settings, "churn", taught, made.at("2024-10-05"))
        early = since_training(tables, settings, "churn", taught, made.at("2024-06-15"))
    assert day(found.names[-1]) == "2024-09-30"
    assert {date for _, date in known(found)} == {"2024-08-01"}
    assert len(early) == 0


def test_answers_are_new_after_the_last_that_taught(tmp_path: Path) -> None:
    """Dated answers are put into spans; the answer that taught last is not among them."""
    tables_rows = rows(
        customer_id=["c0", "c1", "c2", "c0"],
        answered_at=["2024-08-01", "2024-08-05", "2024-08-20", "2024-10-15"],
        metric=["nps"] * 4,
        score=[9, 3, 8, 10],
    )
    with made.company(tmp_path, NPS, tables_rows) as tables:
        settings = tables.settings
        found = since_training(
            tables, settings, "nps", bundle("nps", spec_of(settings, "nps"), "2024-08-01T00:00:00Z"), None
        )
    assert [day(name) for name in found.names] == ["2024-08-31", "2024-10-30"]
    assert found.label.tolist() == [3.0, 8.0, 10.0]
    assert found.number.tolist() == [0, 0, 1]


def test_a_flat_table_is_one_period_without_labels(tmp_path: Path) -> None:
    """Nothing says who came after the training, so everybody is looked at and no label counts."""
    target = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}
    customers = {"customers": {"customer_id": ["a", "b"], "left": ["yes", "no"], "age": [1, 2]}}
    with made.company(tmp_path, target, customers) as tables:
        settings = tables.settings
        found = since_training(tables, settings, "churn", bundle("churn", spec_of(settings, "churn"), None), None)
    assert len(found.names) == 1
    assert found.customer_id.tolist() == ["a", "b"]
    assert np.isnan(found.label).all()


def test_a_model_of_another_question_is_refused(tmp_path: Path) -> None:
    """Where the horizon was changed since, labels would answer another question: the setting is named."""
    settings = made.settings(tmp_path, CHURN)
    check_question(bundle("churn", spec_of(settings, "churn"), None), settings, "churn")
    other = bundle("churn", spec_of(settings, "churn") | {"horizon_days": 90}, None)
    with pytest.raises(DataError, match=r"horizon_days = 90.*says 60.*moments train"):
        check_question(other, settings, "churn")
