"""The parts of a change of score: they add up in every draw, and stand for what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.answering.components import Active, draws, parts
from drivers.attribution import Floats


def _world(seed: int, *, asked: bool) -> tuple[dict[str, Floats], Floats]:
    rng = np.random.default_rng(seed)
    customer, period = np.tile(np.arange(400), 2), np.repeat([0, 1], 400)
    predicted = 20 * rng.normal(size=800) + 5 * period
    # In the second period the unhappy half is asked less.
    chance = np.where((period == 1) & (predicted < 0), 0.3, 0.8)
    was_asked = rng.random(800) < chance
    said = was_asked & (rng.random(800) < 0.6)
    points = predicted + 10 * rng.normal(size=800)
    active = Active(period, predicted, customer, said, was_asked if asked else None)
    return draws(np.array([0, 1]), period[said], predicted[said], points[said], customer[said], active, 50, seed)


@pytest.mark.parametrize("asked", [True, False])
def test_parts_add_up_to_the_change_in_every_draw(asked: bool) -> None:  # noqa: FBT001 - a case of the test
    """Whatever is drawn, the parts of a change sum to the change of the mean points."""
    means, slope = _world(1, asked=asked)
    found = parts(means, slope, 0, 1)
    summed = sum(values for name, values in found.items() if not name.endswith("_rate"))
    assert np.allclose(summed, means["score"][:, 1] - means["score"][:, 0])
    assert ("asked" in found) == asked
    assert ("selection" in found) == (not asked)


def test_asking_fewer_of_the_unhappy_raises_the_score() -> None:
    """The part of asking is positive, its rate falls, and customers who fare better have their own part."""
    means, slope = _world(2, asked=True)
    found = parts(means, slope, 0, 1)
    assert found["asked"][0] > 2
    assert found["asked_rate"][0] < -10
    assert found["customers"][0] > 2
    assert abs(found["answered"][0]) < 2


def test_the_first_draw_is_the_data() -> None:
    """Means of the first draw are those of the rows; a prediction without spread explains nothing."""
    period, customer = np.array([0, 0, 1, 1]), np.arange(4)
    points = np.array([100.0, 0.0, -100.0, 100.0])
    means, slope = draws(np.array([0, 1]), period, np.zeros(4), points, customer, None, 5, 0)
    assert means["score"][0].tolist() == [50.0, 0.0]
    assert slope[0] == 0.0
    assert set(parts(means, slope, 0, 1)) == {"profile", "rest"}
