"""One number per encounter, from whatever was measured there."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.dose_response import Encounters
from drivers.questions.badness import badness


def _measure(name: str, row: list[int], value: list[float], age: list[float], *, higher: bool = False) -> Encounters:
    return Encounters(name, "number", higher, np.array(row), np.array(value), np.array(age))


def test_measures_of_one_encounter_are_one_number() -> None:
    """A long wait in a bad tone is twice bad; what has one measure only has that one."""
    wait = _measure("wait", [0, 0, 1], [10.0, 30.0, 20.0], [5.0, 2.0, 9.0])
    tone = _measure("tone", [0, 0], [1.0, -1.0], [5.0, 2.0], higher=True)
    found = badness([[wait, tone]], [3.0])
    assert found.row.tolist() == [0, 0, 1]
    assert found.age_days.tolist() == [2.0, 5.0, 9.0]
    spread = float(np.std([10, 30, 20]))
    np.testing.assert_allclose(found.badness, [(10 / spread + 1) / 2, (-10 / spread - 1) / 2, 0.0])


def test_touchpoints_weigh_as_deep_as_they_go() -> None:
    """The deepest touchpoint weighs one, another its part, one without any effect is left out."""
    one, other, none = (_measure("wait", [0, 1], [0.0, 2.0], [1.0, 1.0]) for _ in range(3))
    found = badness([[one], [other], [none]], [4.0, 1.0, 0.0])
    assert sorted(found.badness.tolist()) == [-1.0, -0.25, 0.25, 1.0]


@pytest.mark.parametrize("measures", [[], [_measure("wait", [0, 1], [3.0, 3.0], [1.0, 1.0])]])
def test_what_does_not_vary_has_no_badness(measures: list[Encounters]) -> None:
    """Nothing measured, or always the same: no encounter is better or worse than another."""
    assert len(badness([measures], [1.0]).row) == 0
