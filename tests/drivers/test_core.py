"""The whole analysis on arrays: planted drivers are found, null worlds declare nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivers.attribution import Problem
from drivers.core import analyse_arrays
from drivers.result import Result
from tests.drivers import worlds


def _declared(result: Result) -> set[str]:
    return {
        block.name
        for block, status in zip(result.problem.blocks, result.standing.status, strict=True)
        if status == "key_driver" and block.kind == "touchpoint"
    }


def _place(result: Result, name: str) -> int:
    return [block.name for block in result.problem.blocks].index(name)


@pytest.fixture(scope="module")
def found() -> tuple[worlds.World, Result]:
    """One world of points and what the analysis says of it."""
    world = worlds.make(11, rows=4000)
    return world, analyse_arrays(world.problem, worlds.options(), seed=1)


def test_planted_drivers_are_found(found: tuple[worlds.World, Result]) -> None:
    """Every true driver is declared; the proxy beside one and the noise are not."""
    assert _declared(found[1]) == set(worlds.TRUE)
    assert found[1].tests.gate.passed


def test_shares_are_the_planted_ones(found: tuple[worlds.World, Result]) -> None:
    """Half the sum of differences to the true shares is small."""
    world, result = found
    true = {name: float(np.abs(e - e.mean()).mean()) for name, e in world.effects.items()}
    total = sum(true.values())
    error = sum(
        abs(float(result.standing.share[_place(result, name)]) - true.get(name, 0.0) / total)
        for name in (*worlds.TRUE, *worlds.NULL)
    )
    assert error / 2 < 0.08


def test_shapes_are_the_planted_ones(found: tuple[worlds.World, Result]) -> None:
    """Breakers, makers and the straight line are told apart."""
    assert {name: found[1].shape[_place(found[1], name)] for name in worlds.TRUE} == worlds.SHAPES


def test_limits_hold_estimates(found: tuple[worlds.World, Result]) -> None:
    """Every estimate lies within its limits, ranks within their bands, shares sum to one."""
    result = found[1]
    for limits in (result.strength, result.depth, result.reach):
        assert (limits.low <= limits.value + 1e-9).all()
        assert (limits.value <= limits.high + 1e-9).all()
    stand = result.standing
    assert (stand.rank_low <= stand.rank).all()
    assert (stand.rank <= stand.rank_high).all()
    assert stand.share[result.problem.touchpoint].sum() == pytest.approx(1.0)


def test_dropping_a_driver_costs(found: tuple[worlds.World, Result]) -> None:
    """Models without the outage lose on customers they have not seen."""
    change, p_value = found[1].refit[_place(found[1], "outage")]
    assert change > 0.02
    assert p_value < 0.01


def test_dimensions_say_where_the_strength_comes_from(found: tuple[worlds.World, Result]) -> None:
    """The call's strength is in its wait, and shares of a touchpoint sum to one."""
    result = found[1]
    parts = result.dimensions[_place(result, "call")]
    assert next(iter(parts)) == "wait"
    assert sum(parts.values()) == pytest.approx(1.0)


def test_threads_and_runs_give_the_same_result() -> None:
    """The seed decides, not the order of work."""
    problem = worlds.make(12, rows=900).problem
    options = worlds.options(half_samples=2, bootstraps=20, repeats=1)
    one, two = (analyse_arrays(problem, options, seed=5, threads=threads) for threads in (1, 3))
    for field in ("strength", "depth", "reach"):
        for part in ("value", "low", "high"):
            np.testing.assert_array_equal(getattr(getattr(one, field), part), getattr(getattr(two, field), part))
    assert one.standing.status == two.standing.status


@pytest.mark.parametrize("seed", range(4))
def test_a_null_world_declares_nothing(seed: int) -> None:
    """Where only a control matters no touchpoint is declared, though the gate may open."""
    problem = worlds.make(100 + seed, rows=1500, size=0.0).problem
    assert _declared(analyse_arrays(problem, worlds.options(half_samples=4), seed=seed)) == set()


def test_nothing_at_all() -> None:
    """An outcome that nothing explains does not open the gate: everything is not distinguishable."""
    problem = worlds.make(7, rows=1500, size=0.0).problem
    shuffled = replace(problem, y=np.random.default_rng(1).permutation(problem.y))
    result = analyse_arrays(shuffled, worlds.options(half_samples=2), seed=1)
    assert not result.tests.gate.passed
    assert set(result.standing.status) == {"not_distinguishable"}
    assert result.refit == {}


def _short(world: worlds.World, seed: int) -> Problem:
    """Leaving early: a third of those who left, chosen blindly."""
    rng = np.random.default_rng(seed)
    return replace(world.problem, y=world.problem.y * (rng.random(len(world.problem.y)) < 0.4))


def test_drivers_of_churn_are_found_on_short_windows_and_sized_on_long_ones() -> None:
    """The tests are those of the finding problem, the strengths those of the sizing one, in points at its base rate."""
    world = worlds.make(13, rows=6000, kind="binary")
    options = worlds.options(half_samples=4)
    result = analyse_arrays(world.problem, options, seed=1, find=_short(world, 1), higher_is_better=False)
    assert _declared(result) >= {"outage", "bill", "visit"}
    assert not _declared(result) & set(worlds.NULL)
    assert result.base_rate == pytest.approx(world.problem.y.mean())
    assert result.shape[_place(result, "outage")] == "breaker"
    assert result.shape[_place(result, "visit")] == "maker"
    truth = world.effects["outage"] * 0.9
    points = 100 * result.base_rate * (1 - result.base_rate) * np.abs(truth - truth.mean()).mean()
    assert result.strength.value[_place(result, "outage")] == pytest.approx(points, rel=0.35)
    assert result.validation.measure == "auc"
    assert result.validation.value > 0.7


def test_a_rare_deep_breaker_is_a_moment_of_truth(found: tuple[worlds.World, Result]) -> None:
    """Only the outage can break it all."""
    result = found[1]
    assert {b.name: m for b, m in zip(result.problem.blocks, result.moment, strict=True) if m} in (
        {"outage": "break"},
        {},
    )


def test_progress_is_told() -> None:
    """Fractions rise to nearly one."""
    told: list[float] = []
    analyse_arrays(
        worlds.make(14, rows=300).problem,
        worlds.options(half_samples=2, bootstraps=20, repeats=1),
        seed=1,
        threads=1,
        progress=lambda _message, fraction: told.append(fraction),
    )
    assert told == sorted(told)
    assert 0.9 < told[-1] <= 1.0
