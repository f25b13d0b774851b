"""What is asked besides the table: every question has an answer, or none where nothing is confirmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivers.core import analyse_arrays
from drivers.questions.ask import QUESTIONS, ask
from tests.drivers import worlds

NAMES = set(QUESTIONS)


def test_questions_of_an_additive_world_are_answered_with_no() -> None:
    """Effects that add up: no pair, no weakest link; without single encounters nothing is said of peak and end."""
    options = worlds.options(half_samples=2, bootstraps=20)
    result = analyse_arrays(worlds.make(22, rows=2500).problem, options, seed=1)
    told = ask(result, options, None, seed=1, threads=2, progress=lambda _message, _fraction: None)
    assert set(told) == NAMES
    assert told["interactions"]["pairs"] == ()
    assert told["interactions"]["considered"] > 5
    assert told["weakest_link"]["verdict"] == "not_shown"
    assert told["peak_end"] is None


def test_where_nothing_is_confirmed_nothing_is_asked() -> None:
    """A model that does not beat the average is not asked for more."""
    options = worlds.options(half_samples=2, bootstraps=20, repeats=1)
    problem = worlds.make(7, rows=800, size=0.0).problem
    shuffled = replace(problem, y=np.random.default_rng(1).permutation(problem.y))
    told = ask(
        analyse_arrays(shuffled, options, seed=1), options, None, seed=1, threads=2, progress=lambda _m, _f: None
    )
    assert told == dict.fromkeys(NAMES)
