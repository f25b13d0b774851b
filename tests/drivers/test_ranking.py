"""Standing: what is declared, and who may be ranked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivers import ranking
from drivers.result import SlopeTests
from drivers.significance import Gate
from drivers.uncertainty import Draws
from tests.drivers import worlds

PROBLEM = worlds.make(1, rows=60).problem  # bill, call, echo, mail, outage, poll, visit; price
SIZE = np.array([1.0, 3.0, 0.0, 0.5, 10.0, 0.0, 2.0, 4.0])
Q = np.array([0.001, 0.001, 0.9, 0.9, 0.001, 0.9, 0.04, 0.001])


def _tests(*, passed: bool = True) -> SlopeTests:
    gate = Gate(5.0 if passed else 0.0, 0.0, passed)
    any_effect = Q.copy()
    any_effect[3] = 0.03
    return SlopeTests(gate, np.ones(8), Q, Q, any_effect, any_effect)


def _draws(strength: np.ndarray) -> Draws:
    zeros = np.zeros_like(strength)
    return Draws(strength, zeros, zeros, zeros, zeros)


def _steady(noise: float = 0.0) -> Draws:
    return _draws(SIZE + noise * np.random.default_rng(1).normal(size=(40, 8)))


def test_declared_and_stable_drivers_are_ranked() -> None:
    """Key drivers are ranked by strength among themselves; candidates and the rest are not."""
    found = ranking.standing(PROBLEM, SIZE, _tests(), _steady(0.1), _steady(0.1), worlds.options())
    assert found.status[:7] == (
        "key_driver", "key_driver", "not_distinguishable", "candidate", "key_driver", "not_distinguishable", "key_driver",
    )  # fmt: skip
    assert found.rank.tolist() == [4, 2, 0, 0, 1, 0, 3, 1]
    assert found.rank_low[4] == found.rank_high[4] == 1
    assert (found.rank_low[found.rank > 0] <= found.rank[found.rank > 0]).all()
    assert found.tier.tolist() == [3, 2, 0, 3, 1, 0, 2, 1]


def test_shares_are_within_families() -> None:
    """Shares of touchpoints sum to one, and those of controls do."""
    found = ranking.standing(PROBLEM, SIZE, _tests(), _steady(), _steady(), worlds.options())
    assert abs(found.share[:7].sum() - 1) < 1e-12
    assert found.share[7] == 1.0


def test_a_closed_gate_declares_nothing() -> None:
    """Where the whole model does not beat the prior, nothing is distinguishable, whatever single tests say."""
    found = ranking.standing(PROBLEM, SIZE, _tests(passed=False), _steady(), _steady(), worlds.options())
    assert set(found.status) == {"not_distinguishable"}
    assert not found.rank.any()


def test_unstable_drivers_are_candidates() -> None:
    """Passing the test but not being among the top k in most half-samples makes a candidate."""
    shaky = SIZE.copy()
    shaky[6] = 0.0
    shaky[3] = 5.0
    found = ranking.standing(PROBLEM, SIZE, _tests(), _steady(), _draws(np.tile(shaky, (20, 1))), worlds.options())
    assert found.status[6] == "candidate"
    assert found.in_top[6] == 0.0


def test_ranks() -> None:
    """The strongest has rank one in each draw."""
    assert ranking.ranks(np.array([[1.0, 3.0, 2.0], [9.0, 1.0, 5.0]])).tolist() == [[3, 1, 2], [1, 3, 2]]


def test_a_family_without_members() -> None:
    """A flat table has controls only; a survey without attributes has touchpoints only."""
    only = replace(PROBLEM, blocks=PROBLEM.blocks[-1:])
    tests = SlopeTests(Gate(5.0, 0.0, True), np.ones(1), np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    draws = _draws(np.ones((5, 1)))
    found = ranking.standing(only, np.ones(1), tests, draws, draws, worlds.options())
    assert found.status == ("key_driver",)
