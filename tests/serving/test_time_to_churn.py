"""Churn by day: one curve per customer, in an answer and in the file of scores."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from serving.activity import is_active
from serving.answers import Subject, answer
from serving.batch import answers_of
from serving.scorer import Scorer
from tests.serving.conftest import NOW, Served
from training.bundle import Bundle

SPEC = {
    "kind": "time_to_churn", "label": "cancellation", "days": [30, 60, 90], "lead_days": 7, "active_within_days": 45,
    "horizon_days": 90,
}  # fmt: skip
MOMENT = int(NOW.timestamp()) * 1_000_000


def curve_of(served: Served, label: str) -> Bundle:
    """The company's churn model as hazards of three periods."""
    churn = Bundle.load(served.settings.output / "models" / "churn")
    levels = ((1.0, -1.5), (0.9, -1.0), (0.8, -2.0))
    return replace(
        churn,
        target="staying",
        task="survival",
        spec={**SPEC, "label": label},
        calibration=levels,
        bands={},
        base_rate=None,
    )


@pytest.mark.parametrize("label", ["cancellation", "inactivity"])
def test_one_customer_and_the_file_say_the_same(served: Served, label: str) -> None:
    """Points, days and reasons of an answer are those of the batch, and reasons that raise churn come first."""
    scorer = Scorer({"staying": curve_of(served, label)})
    subjects = [Subject(journey, MOMENT) for journey in list(served.journeys.values())[:5]]
    results = msgspec.to_builtins(answer(scorer, subjects, scored_at=MOMENT))
    rows = np.vstack([scorer.passes[0].online.row(subject.journey, MOMENT) for subject in subjects])
    table = answers_of(scorer, scorer.passes[0].matrices(rows)).to_pylist()
    for result, row in zip(results, table, strict=True):
        told = result["time_to_churn"]
        assert told["label"] == label
        assert told["lead_days"] == 7
        assert told["churn_by_day"] == row["churn_by_day"]
        assert [point["day"] for point in told["churn_by_day"]] == [30, 60, 90]
        chances = [point["probability"] for point in told["churn_by_day"]]
        assert chances == sorted(chances, reverse=label == "inactivity")
        assert [reason["code"] for reason in told["reasons"]] == [item["code"] for item in row["time_to_churn_reasons"]]
        directions = [reason["direction"] for reason in told["reasons"]]
        assert directions == sorted(directions, reverse=True)
        assert all(reason["text"] for reason in told["reasons"])
        assert result["churn"] is None
        assert row["churn_probability"] is None
    assert any(result["time_to_churn"]["reasons"] for result in results)
    (info,) = scorer.infos()
    assert (info.target, info.task, info.horizon_days) == ("time_to_churn", "survival", 90)


def test_a_curve_that_is_not_asked_for_is_null(served: Served) -> None:
    """Beside a churn model each answers for itself."""
    churn = Bundle.load(served.settings.output / "models" / "churn")
    scorer = Scorer({"churn": churn, "staying": curve_of(served, "cancellation")})
    subject = Subject(next(iter(served.journeys.values())), MOMENT)
    for targets in (("churn",), ("time_to_churn",), None):
        (result,) = msgspec.to_builtins(answer(scorer, [subject], scored_at=MOMENT, targets=targets))
        for name in ("churn", "time_to_churn"):
            assert (result[name] is not None) == (targets is None or name in targets)


def test_the_rule_of_activity_is_the_label_kinds(served: Served) -> None:
    """Who is a customer still is asked as for a churn target of that kind."""
    present = ("transactions", "touchpoints", "subscriptions")
    for journey in served.journeys.values():
        for label in ("cancellation", "inactivity"):
            alike = {"kind": label, "active_within_days": 45}
            assert is_active(journey, {**SPEC, "label": label}, present, MOMENT) == is_active(
                journey, alike, present, MOMENT
            )
