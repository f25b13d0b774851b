"""The learning curves of the portfolio."""

from __future__ import annotations

import numpy as np

from training.learner import Curve, Preset
from training.learning import learning
from training.questions import Question


def test_a_curve_is_looked_at_every_tenth_round_and_at_the_end() -> None:
    """The mean is weighted by the folds' rows; the best round is the curve's own, also between two points."""
    losses = np.vstack([np.abs(np.arange(1, 26) - 13) + 1.0, np.abs(np.arange(1, 26) - 13) + 5.0])
    curve = Curve(Preset(8, 0.1, 20, 6), losses, np.array([300, 100]), ())
    (found,) = learning({curve.preset: (curve,)}, [Question("churn", "binary", np.zeros(3))])
    assert found.rounds.tolist() == [10, 20, 25]
    assert found.question == "churn"
    np.testing.assert_allclose(found.folds, losses[:, [9, 19, 24]])
    np.testing.assert_allclose(found.mean, losses[0, [9, 19, 24]] + 1.0)
    assert found.best == (13, 2.0)
