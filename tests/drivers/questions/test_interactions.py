"""Planted pairs are found and read; touchpoints whose effects add up are no pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drivers.attribution import Block, Kind, Problem
from drivers.questions.interactions import Interactions, interactions
from tests.drivers import worlds

SHARES = {"apology": 0.3, "bill": 0.9, "call": 0.5, "delivery": 0.5, "mail": 0.4, "visit": 0.2}


def _world(seed: int, *, planted: float = 1.0, rows: int = 4000, kind: Kind = "linear") -> Problem:
    """A late delivery costs 1.3 of a score, an apology gives `planted` back; bill, call and visit add up."""
    rng = np.random.default_rng(seed)
    met = {name: rng.random(rows) < share for name, share in SHARES.items()}
    wait = {name: rng.gamma(2.0, 8.0, rows) for name in SHARES}
    late = met["delivery"] & (wait["delivery"] > 16)
    total = np.where(met["bill"], (20 - wait["bill"]) / 16, 0.0) + 0.8 * met["visit"]
    total -= np.where(met["call"], np.clip((wait["call"] - 20) / 8, 0, 4), 0.0)
    total += np.where(late, -1.3, 0.0) + np.where(late & met["apology"], planted, 0.0)
    total -= total.mean()
    if kind == "linear":
        score = np.clip(np.round(8.0 + total + rng.normal(size=rows) * 1.4), 0, 10)
        y = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    else:
        y = (rng.random(rows) < 1 / (1 + np.exp(1.0 + 1.2 * total))).astype(float)
    columns, blocks = [], []
    for name in SHARES:
        columns += [met[name].astype(float), np.where(met[name], wait[name], np.nan)]
        place = np.array([len(columns) - 2, len(columns) - 1])
        blocks.append(Block(name, "touchpoint", place, ("frequency", "wait"), met[name]))
    return Problem(
        X=np.ascontiguousarray(np.column_stack(columns), dtype=np.float32),
        blocks=tuple(blocks),
        y=y,
        customer=np.arange(rows),
        kind=kind,
        weight=np.ones(rows),
    )


def _ask(problem: Problem, **changes: Any) -> Interactions:
    return interactions(
        problem, **{"folds": 3, "repeats": 2, "false_discovery_rate": 0.05, "seed": 1, "threads": 1, **changes}
    )


def _names(found: Interactions) -> list[set[str]]:
    return [{pair.first, pair.second} for pair in found.pairs]


@pytest.fixture(scope="module")
def found() -> Interactions:
    """What is said of the world with a planted pair."""
    return _ask(_world(1))


def test_the_planted_pair_is_found(found: Interactions) -> None:
    """The late delivery and its apology are told first, with a strength above zero, out of all fifteen pairs."""
    assert _names(found)[0] == {"delivery", "apology"}
    assert len(found.pairs) <= 2
    assert found.considered == 15
    assert found.pairs[0].strength.low is not None
    assert found.pairs[0].strength.low > 1.0
    assert found.pairs[0].q < 0.001


def test_the_pair_is_read_from_the_data(found: Interactions) -> None:
    """A late delivery costs clearly without an apology and hardly with one; cells hold every customer once."""
    pair = found.pairs[0]
    assert pair.cells is not None
    assert (pair.first, pair.cells.split) == ("delivery", ("went_badly", "met"))
    assert pair.cells.alone.value == pytest.approx(-38, abs=10)
    assert pair.cells.together.value == pytest.approx(-8, abs=12)
    assert pair.cells.difference.value == pytest.approx(pair.cells.together.value - pair.cells.alone.value)
    assert pair.cells.difference.low is not None
    assert pair.cells.difference.low > 5
    assert sum(pair.cells.customers) == 4000


def test_facts_are_plain(found: Interactions) -> None:
    """Facts survive JSON, and estimates are triples."""
    facts = json.loads(json.dumps(found.facts()))
    assert set(facts["pairs"][0]["cells"]["alone"]) == {"value", "low", "high"}


def test_additive_effects_are_no_pairs() -> None:
    """In three worlds without the pair nothing is told."""
    assert [_names(_ask(_world(seed, planted=0.0, rows=3000))) for seed in (2, 3, 4)] == [[], [], []]


def test_a_floor_and_a_ceiling_make_no_pair() -> None:
    """Strong drivers that push answers to both ends of the scale interact in points, and are not told as pairs."""
    assert _names(_ask(worlds.make(5, rows=4000, size=2.0).problem)) == []


def test_churn_is_read_in_percentage_points() -> None:
    """In log-odds the pair is found, and a late delivery raises churn more without an apology."""
    problem = _world(6, rows=7000, planted=1.3, kind="binary")
    pair = _ask(problem, higher_is_better=False).pairs[0]
    assert {pair.first, pair.second} == {"delivery", "apology"}
    assert pair.cells is not None
    assert 10 < pair.cells.alone.value < 50
    assert pair.cells.difference.value < -8


def test_copies_of_rows_add_no_certainty() -> None:
    """With every row there three times under one customer the limits of a cell contrast stay about as wide as with it once."""
    problem = _world(7, rows=2500)
    times = np.repeat(np.arange(2500), 3)
    blocks = tuple(replace(block, met=block.met[times]) for block in problem.blocks)
    copied = Problem(problem.X[times], blocks, problem.y[times], times, "linear", np.ones(7500))
    once, thrice = (_ask(one).pairs[0].cells for one in (problem, copied))
    assert once is not None
    assert thrice is not None
    widths = [(cells.difference.high or 0) - (cells.difference.low or 0) for cells in (once, thrice)]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_only_pairs_with_a_touchpoint_in_focus_are_considered() -> None:
    """Where one touchpoint is in focus its five pairs are considered; controls never are."""
    problem = _world(8, rows=1500)
    focus = np.array([block.name == "delivery" for block in problem.blocks])
    assert _ask(problem, focus=focus).considered == 5
    alone = (problem.blocks[0], *(replace(block, kind="control") for block in problem.blocks[1:]))
    assert _ask(replace(problem, blocks=alone)) == Interactions((), 0, 0.05)


def test_threads_do_not_change_the_answer() -> None:
    """The same seed gives the same pairs on one thread and on two."""
    problem = _world(9, rows=1500)
    assert _ask(problem).facts() == _ask(problem, threads=2).facts()


def test_an_outcome_without_variation_has_no_pairs() -> None:
    """Where all answers are the same nothing is considered."""
    problem = _world(10, rows=300)
    assert _ask(replace(problem, y=np.zeros(300))).considered == 0
