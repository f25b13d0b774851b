"""Gain, lift and calibration of held-out answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.curves import Side, calibration, gain, gains, sides, top
from training.gate import Answers


def answers(task: str, label: Any, answer: Any) -> Answers:
    label = np.asarray(label, dtype=float)
    ids = np.array([f"c{k}" for k in range(len(label))], dtype=object)
    return Answers(task, ids, np.zeros(len(label), dtype=np.int64), label, np.asarray(answer, dtype=float))


def test_gain_counts_from_the_highest_prediction() -> None:
    """Half of the outcome in the best tenth is a lift of five; knowing all is the best there is."""
    outcome = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=float)
    found = gain(Side("churn", outcome, np.linspace(1.0, 0.1, 10)), steps=10)
    assert found is not None
    np.testing.assert_allclose(found.captured, [0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0])
    np.testing.assert_allclose(found.best[:4], [0, 0.5, 1, 1])
    assert found.lift[0] == pytest.approx(5.0)
    assert found.lift[-1] == pytest.approx(1.0)


def test_equal_predictions_gain_what_chance_does() -> None:
    """Ties spread the outcome evenly, in whatever order the rows are."""
    outcome = np.array([1, 1, 0, 0, 0], dtype=float)
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]):
        found = gain(Side("churn", outcome[order], np.full(5, 0.3)))
        assert found is not None
        np.testing.assert_allclose(found.captured, found.shares)


def test_nothing_gained_where_nothing_happened() -> None:
    """Without any outcome there is no curve."""
    assert gain(Side("churn", np.zeros(4), np.arange(4.0))) is None
    assert gains(answers("binary", [0, 0], [0.1, 0.2])) == ()


def test_each_task_has_its_sides() -> None:
    """Churn has one side, NPS detractors and promoters, money itself; each has a calibration curve."""
    nps = answers("ordinal", [0, 7, 10, 9], [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0, 0.1, 0.9], [0.2, 0.2, 0.6]])
    assert [side.name for side in sides(nps)] == ["detractors", "promoters"]
    assert sides(nps)[1].outcome.tolist() == [0, 0, 1, 1]
    assert calibration(nps).keys() == {"detractors", "promoters"}
    assert [side.name for side in sides(answers("amount", [5.0, 0.0], [4.0, 1.0]))] == ["money"]
    assert [side.name for side in sides(answers("binary", [1, 0], [0.4, 0.1]))] == ["churn"]


def test_the_top_tenth_cuts_equal_scores_in_part() -> None:
    """The parts add up to a tenth of the rows; rows of one score have one part."""
    score = np.array([0.9] * 4 + [0.1] * 16)
    part = top(score)
    assert part.sum() == pytest.approx(2.0)
    assert set(part[:4]) == {0.5}
    assert part[4:].sum() == 0
