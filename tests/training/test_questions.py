"""Questions to the learner."""

from __future__ import annotations

import numpy as np
import pytest

from configs.errors import DataError
from configs.settings import Validation
from tests.training import made
from training.periods import periods
from training.questions import calibrate, calibrated, check_labels, questions
from training.split import split


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


def test_waiting_is_taught_by_what_was_known() -> None:
    """Labels of the teaching rows, and of each fold's, are those of the moment when its teaching ended."""
    dataset = made.dataset("survival", rows=2400, dates=made.months(12))
    division = split(
        dataset,
        Validation(data_size=False, test_periods=1, test_share=0.2, inner_folds=3, folds=5, repeats=2, bootstraps=20),
        7,
    )
    (asked,) = questions(dataset, split=division)
    first = division.ends(dataset)
    np.testing.assert_array_equal(asked.y, periods(dataset, first).code)
    for number in range(3):
        known = asked.teaching(number).take(division.folds[number][0])
        expected = periods(dataset, division.ends(dataset, number)).code[division.folds[number][0]]
        np.testing.assert_array_equal(known.y, expected)
        assert (known.y > 1).all()
    (whole,) = questions(dataset)
    np.testing.assert_array_equal(whole.y, periods(dataset).code)
    assert whole.teaching(0) is whole
