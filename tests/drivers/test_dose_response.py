"""Knees: found where they are, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.attribution import Kind, Problem
from drivers.dose_response import Encounters, knee, partial_response


def _company(
    seed: int, effect: str, *, rows: int = 3000, kind: Kind = "linear", higher: bool = False, strength: float = 2.0
) -> tuple[Problem, np.ndarray, list[Encounters]]:
    """Rows with 0 to 4 fading encounters each; the response is their summed effect, the rest is noise."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(1.2, rows)
    row = np.repeat(np.arange(rows), count)
    value = rng.gamma(2.0, 10.0, len(row))
    age = rng.uniform(0, 365, len(row))
    bad = -value if higher else value
    dose = {
        "hinge": np.maximum(bad - (-25.0 if higher else 20.0), 0.0) / 10,
        "line": bad / 10,
        "flag": np.zeros(len(row)),
        "none": np.zeros(len(row)),
    }[effect]
    if effect == "flag":
        value = (rng.random(len(row)) < 0.5).astype(float)
        dose = 1.0 - value
    own = -strength * np.bincount(row, weights=dose * np.exp2(-age / 150), minlength=rows)
    if kind == "linear":
        own = 20 * own
        y = own + rng.normal(size=rows) * 70
        raw = own
    else:
        own = -own
        raw = own - 1.5
        y = (rng.random(rows) < 1 / (1 + np.exp(-raw))).astype(float)
    problem = Problem(np.zeros((rows, 0), dtype=np.float32), (), y, np.arange(rows), kind, np.ones(rows))
    rough = own * 0.8  # what a model knows of it
    return problem, raw - own + rough, [Encounters("wait", "minutes", higher, row.astype(np.intp), value, age)]


def _knee(seed: int, effect: str, **how: object) -> object:
    problem, raw, met = _company(seed, effect, **how)  # type: ignore[arg-type]
    own = raw - (0.0 if problem.kind == "linear" else -1.5)
    response = partial_response(problem, raw, own)
    return knee(problem, response, met, 60, 1, higher_is_better=problem.kind == "linear")


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_knee_is_found(seed: int) -> None:
    """Twenty minutes are found as twenty within a fifth, and the interval holds them."""
    found = _knee(seed, "hinge")
    assert found is not None
    assert (found.measure, found.unit) == ("wait", "minutes")  # type: ignore[attr-defined]
    assert found.value == pytest.approx(20.0, rel=0.2)  # type: ignore[attr-defined]
    assert found.low <= found.value <= found.high  # type: ignore[attr-defined]
    assert found.low < 22  # type: ignore[attr-defined]
    assert found.high > 18  # type: ignore[attr-defined]


def test_a_knee_of_churn_is_found() -> None:
    """The same for leaving, where the response is log-odds."""
    found = _knee(5, "hinge", kind="binary", rows=8000)
    assert found is not None
    assert found.value == pytest.approx(20.0, rel=0.25)  # type: ignore[attr-defined]


def test_where_more_is_better_the_knee_is_seen_from_above() -> None:
    """A measure whose low values harm has its knee where harm begins, low below high."""
    found = _knee(6, "hinge", higher=True)
    assert found is not None
    assert found.value == pytest.approx(25.0, rel=0.2)  # type: ignore[attr-defined]
    assert found.low <= found.value <= found.high  # type: ignore[attr-defined]


@pytest.mark.parametrize("effect", ["line", "none", "flag"])
@pytest.mark.parametrize("seed", range(3))
def test_no_knee_without_one(effect: str, seed: int) -> None:
    """A straight line, an unimportant measure and a flag have no knee."""
    assert _knee(seed, effect) is None


def test_the_wrong_direction_is_no_knee() -> None:
    """If longer waits went with better answers, no knee is told."""
    problem, raw, met = _company(7, "hinge", strength=-2.0)
    assert knee(problem, partial_response(problem, raw, raw), met, 30, 1, higher_is_better=True) is None


def test_the_best_fifth() -> None:
    """The level that the best fifth of customers get lies at the low end of waits."""
    found = _knee(0, "hinge")
    assert 5 < found.best_fifth < 15  # type: ignore[attr-defined]


def test_too_few_encounters() -> None:
    """Under a hundred measured encounters no knee is looked for, nor without any measure."""
    problem, raw, met = _company(8, "hinge", rows=60)
    response = partial_response(problem, raw, raw)
    assert knee(problem, response, met, 30, 1, higher_is_better=True) is None
    assert knee(problem, response, [], 30, 1, higher_is_better=True) is None
