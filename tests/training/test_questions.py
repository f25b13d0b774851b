"""Questions to the learner."""

from __future__ import annotations

import numpy as np
import pytest

from configs.errors import DataError
from tests.training import made
from training.questions import calibrate, calibrated, check_labels, questions


def test_churn_is_one_question_nps_two_and_money_is_never_negative() -> None:
    """Cumulative questions for NPS; negative money counts as none."""
    assert [question.name for question in questions(made.dataset(rows=50))] == ["churn"]
    nps = made.dataset("ordinal", rows=50)
    passive, promoter = questions(nps)
    np.testing.assert_array_equal(passive.y, nps.label >= 7)
    np.testing.assert_array_equal(promoter.y, nps.label >= 9)
    money = made.dataset("amount", rows=50)
    money.label[0] = -5.0
    (spent,) = questions(money)
    assert spent.objective == "tweedie"
    assert spent.y[0] == 0.0


@pytest.mark.parametrize("rows", [10, 100])
def test_labels_without_a_difference_are_refused(rows: int) -> None:
    """One answer only, or a handful of rows, cannot be learnt from; the message says which."""
    dataset = made.dataset(rows=rows)
    if rows == 100:
        dataset.label[:] = 0.0
    with pytest.raises(DataError, match="nothing to tell apart" if rows == 100 else "too few"):
        check_labels(dataset)


def test_the_questions_of_nps_are_calibrated_together() -> None:
    """Two models have two slopes and an intercept each; the margins are their combinations."""
    rng = np.random.default_rng(0)
    nps = made.dataset("ordinal", rows=400)
    scores = rng.normal(size=(400, 2)) + nps.X[:, :1]
    table = calibrate(questions(nps), scores, np.arange(400))
    assert [len(row) for row in table] == [3, 3]
    (a, b, c), _ = table
    np.testing.assert_allclose(calibrated(table, scores)[:, 0], a * scores[:, 0] + b * scores[:, 1] + c)
