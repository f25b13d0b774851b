"""Metrics by group of customers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training import made
from training import evaluate
from training.gate import Answers
from training.segments import MISSING, segments
from training.targets import Task


def judged(task: Task = "binary", rows: int = 3000, dates: int = 3) -> tuple[made.Dataset, np.ndarray, Answers]:
    dataset = made.dataset(task, rows=rows, dates=made.months(dates))
    every = np.arange(len(dataset))
    rng = np.random.default_rng(5)
    p = 1 / (1 + np.exp(-(dataset.X[:, 0] + 0.3 * rng.normal(size=len(dataset)) - 0.8)))
    answer = p.round(3)
    if task == "ordinal":
        answer = np.column_stack([p * 0.6, np.full(len(p), 0.2), 0.8 - p * 0.6])
    if task == "amount":
        answer = 40 * p
    return dataset, every, Answers.of(dataset, every, answer)


def test_a_group_has_the_metrics_of_its_rows() -> None:
    """Rows, rates, area and loss are those that the group alone would get; the picked ones add up to a tenth of all."""
    dataset, rows, answers = judged()
    found = segments(dataset, rows, answers)
    assert [item.category for item in found] == list(made.PLANS)
    for code, item in enumerate(found):
        mine = dataset.X[:, -1] == code
        y, p = answers.label[mine], answers.answer[mine]
        assert item.rows == mine.sum()
        assert item.customers == len(set(answers.customer_id[mine]))
        assert item.observed == pytest.approx(y.mean())
        assert item.predicted == pytest.approx(p.mean())
        assert item.gap["value"] == pytest.approx(p.mean() - y.mean())
        assert item.auc["value"] == pytest.approx(evaluate.auc(y, p))
        assert item.loss["value"] == pytest.approx(evaluate.log_losses(y, p).mean())
    assert sum(item.selected * item.rows for item in found) == pytest.approx(0.1 * len(dataset))


def test_intervals_agree_with_a_bootstrap_over_customers() -> None:
    """Rows of one customer go together: the limits are those that resampling customers gives."""
    dataset, rows, answers = judged()
    item = segments(dataset, rows, answers)[0]
    mine = dataset.X[:, -1] == 0
    scorer = evaluate.binary(answers.label[mine], answers.answer[mine], answers.answer[mine])
    drawn = evaluate.intervals([scorer], dataset.customers[mine], 600, 1)
    for name, ours in (("auc", item.auc), ("log_loss", item.loss), ("calibration_in_the_large", item.gap)):
        width = (drawn[name]["high"] or 0) - (drawn[name]["low"] or 0)
        assert (ours["high"] or 0) - (ours["low"] or 0) == pytest.approx(width, rel=0.15)


def test_copied_rows_make_no_interval_narrower() -> None:
    """Twice the same rows of the same customers tell no more than once."""
    dataset, rows, answers = judged()
    twice = np.concatenate([rows, rows])
    once, double = segments(dataset, rows, answers)[1], segments(dataset, twice, answers.take(twice))[1]
    assert double.rows == 2 * once.rows
    for name in ("auc", "loss", "gap"):
        assert getattr(double, name)["low"] == pytest.approx(getattr(once, name)["low"])


def test_small_groups_are_not_told_and_missing_is_a_group() -> None:
    """Below the least number of rows nothing is said; rows without the attribute are a group of their own."""
    dataset, rows, answers = judged()
    dataset.X[:400, -1] = np.nan
    dataset.X[400:420, -1] = 0
    found = {item.category: item for item in segments(dataset, rows[:800], answers.take(rows[:800]), least=300)}
    assert MISSING in found
    assert found[MISSING].rows == 400
    assert segments(dataset, rows[:100], answers.take(rows[:100])) == ()


@pytest.mark.parametrize("task", ["ordinal", "amount"])
def test_every_task_has_groups(task: Task) -> None:
    """NPS looks at detractors, money at its absolute error and no ranking of two classes."""
    dataset, rows, answers = judged(task)
    found = segments(dataset, rows, answers)
    assert len(found) == 3
    assert all((item.auc["value"] is None) == (task == "amount") for item in found)
    assert all((item.loss["low"] or 0) <= (item.loss["value"] or 0) <= (item.loss["high"] or 0) for item in found)


def test_a_group_of_one_class_has_no_ranking() -> None:
    """Where nobody left there is no area, and no fault; the level has its interval all the same."""
    dataset, rows, answers = judged()
    mine = dataset.X[:, -1] == 1
    answers.label[mine] = 0.0
    item = segments(dataset, rows, answers)[1]
    assert item.auc == {"value": None, "low": None, "high": None}
    assert item.surely_off
    assert item.to_dict()["category"] == "max"
