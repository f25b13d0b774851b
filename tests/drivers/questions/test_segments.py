"""A driver that really differs between segments is found; random parts of the customers do not differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivers.attribution import Fitter, cross_fit
from drivers.questions.grouped import Evidence, evidence_of
from drivers.questions.segments import segments
from drivers.questions.variables import Variable
from tests.drivers import worlds


def _evidence(seed: int, rows: int, business: np.ndarray | None = None) -> Evidence:
    """A world's evidence; in the segment `business` (rows,) waiting for a call harms three times as much."""
    world = worlds.make(seed, rows=rows)
    problem = world.problem
    if business is not None:
        rng = np.random.default_rng(seed)
        times = np.where(business, 3.0, 1.0)
        total = sum(effect * (times if name == "call" else 1.0) for name, effect in world.effects.items())
        score = np.clip(np.round(8.3 + total - np.mean(total) + rng.normal(size=rows) * 1.2), 0, 10)
        problem = replace(problem, y=np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0)))
    fitter = Fitter(problem, seed, 2)
    fitter.choose_rounds()
    key = np.array([block.name in worlds.TRUE for block in problem.blocks], dtype=bool)
    return evidence_of(problem, cross_fit(fitter, 3, 2), key)


def _random(rng: np.random.Generator, rows: int, name: str) -> Variable:
    return Variable(name, ("a", "b", "c"), rng.integers(0, 3, rows))


def test_a_driver_that_differs_is_found() -> None:
    """Only the call differs, only by business, where its effect is the larger multiple."""
    rows = 4000
    rng = np.random.default_rng(1)
    business = rng.random(rows) < 0.3
    variable = Variable("segment", ("private", "business"), business.astype(np.int64))
    told = segments(
        _evidence(2, rows, business),
        [variable, _random(rng, rows, "region")],
        false_discovery_rate=0.05,
        draws=100,
        seed=1,
    )
    differing = {(one.variable, d.touchpoint) for one in told for d in one.differences if d.differs}
    assert differing == {("segment", "call")}
    (call,) = [d for d in told[0].differences if d.touchpoint == "call"]
    times = {value: estimate.value for value, estimate in call.times}
    assert times["business"] > 1.5 * times["private"]
    facts = told[0].facts()
    assert [segment["value"] for segment in facts["segments"]] == ["private", "business"]
    for segment in facts["segments"]:
        assert segment["outcome"]["low"] <= segment["outcome"]["value"] <= segment["outcome"]["high"]
        assert sum(driver["share"] for driver in segment["drivers"]) == pytest.approx(1.0)


def test_random_parts_do_not_differ() -> None:
    """Four drivers by six random variables, in three worlds: at most one false difference, where a plain 5 % would give four."""
    false = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        variables = [_random(rng, 1800, f"v{number}") for number in range(6)]
        told = segments(_evidence(30 + seed, 1800), variables, false_discovery_rate=0.05, draws=30, seed=seed)
        false += sum(difference.differs for one in told for difference in one.differences)
    assert false <= 1


def test_small_parts_are_left_out_and_counted() -> None:
    """A value of thirty rows and unknown values take no part; a variable with one usable value tells nothing."""
    evidence = _evidence(4, 1200)
    code = np.zeros(1200, dtype=np.int64)
    code[:400], code[400:430], code[430:450] = 1, 2, -1
    usable = Variable("plan", ("basic", "plus", "rare"), code)
    alone = Variable("flag", ("yes",), np.zeros(1200, dtype=np.int64))
    told = segments(evidence, [usable, alone], false_discovery_rate=0.05, draws=20, seed=1)
    assert [one.variable for one in told] == ["plan"]
    assert told[0].left_out == 50
    assert [segment.value for segment in told[0].segments] == ["basic", "plus"]


def test_without_a_key_driver_there_is_no_table() -> None:
    """Nothing is confirmed, nothing is told apart."""
    evidence = _evidence(5, 900)
    none = replace(evidence, key=np.zeros_like(evidence.key))
    variable = Variable("plan", ("basic", "plus"), np.arange(900) % 2)
    assert segments(none, [variable], false_discovery_rate=0.05, draws=20, seed=1) == ()
