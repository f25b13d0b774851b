"""Levels of dates, of one question and of a time to churn's periods."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.training import made
from training import hazards, judge, model
from training.bundle import sigmoid
from training.date_levels import Part, beside_dates, learn, parts_of, slopes_of, windows_of
from training.level import offsets
from training.questions import Question, questions
from training.split import split

DAY = 86_400_000_000


def waited(shift: np.ndarray, as_of: np.ndarray, score: np.ndarray, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Codes of three periods with hazards sigmoid(-2 + shift + score), everything followed to the end."""
    rng = np.random.default_rng(seed)
    happened = rng.random((len(as_of), 3)) < sigmoid(-2.0 + shift + score)[:, None]
    risk = np.where(happened.any(axis=1), happened.argmax(axis=1) + 1, 3)
    return hazards.encode(risk, happened.any(axis=1))


def grid(rows: int = 3000, dates: int = 6) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Dates of rows, and what each date adds to the log-odds."""
    number = np.repeat(np.arange(dates), rows)
    return number * 30 * DAY, np.linspace(-0.6, 0.6, dates)[number]


def test_churn_is_one_part_and_a_wait_one_for_each_period() -> None:
    """At risk in a period is who has not left before it and was followed to its end."""
    y = np.array([0.0, 1.0, 1.0])
    (only,) = parts_of(Question("churn", "binary", y), 1)
    np.testing.assert_array_equal(only.y, y)
    code = hazards.encode(np.array([1, 2, 3, 1]), np.array([True, True, False, False]))
    first, second, third = parts_of(Question("hazard", "hazards", code.astype(float)), 3)
    assert first.rows.tolist() == [0, 1, 2, 3]
    assert first.y.tolist() == [1, 0, 0, 0]
    assert second.rows.tolist() == [1, 2]
    assert second.y.tolist() == [1, 0]
    assert third.rows.tolist() == [2]
    assert not third.tells


def test_dates_are_told_beforehand_for_waiting_too() -> None:
    """The offset of a date is how much sooner its customers left, whichever periods were seen of it; of churn it is the log-odds."""
    as_of, shift = grid()
    code = waited(shift, as_of, np.zeros(len(as_of)))
    risk, hit = hazards.decode(code)
    # Of the newest date only the first period is known.
    newest = as_of == as_of.max()
    code = np.where(newest, hazards.encode(np.ones_like(risk), hit & (risk == 1)), code)
    asked = beside_dates(Question("hazard", "hazards", code.astype(float)), as_of)
    assert asked.offset is not None
    found = asked.offset[::3000]
    np.testing.assert_allclose(found - found.mean(), np.linspace(-0.6, 0.6, 6), atol=0.15)
    y = (np.arange(len(as_of)) % 3 == 0).astype(float)
    plain = beside_dates(Question("churn", "binary", y), as_of)
    np.testing.assert_array_equal(plain.offset, offsets(y, as_of))


def test_slopes_and_levels_of_each_period_are_found() -> None:
    """With the true score every period's slope is one, and its levels are what the dates added."""
    as_of, shift = grid()
    score = np.random.default_rng(1).normal(size=len(as_of))
    question = Question("hazard", "hazards", waited(shift, as_of, score).astype(float))
    parts = parts_of(question, 3)
    slopes = slopes_of(score, parts, as_of)
    np.testing.assert_allclose(slopes, 1.0, atol=0.12)
    known = learn(score, (1.0, 1.0, 1.0), parts, as_of, (30 * DAY, 60 * DAY, 90 * DAY))
    for levels in known.known:
        np.testing.assert_allclose(levels.intercepts + 2.0, np.linspace(-0.6, 0.6, 6), atol=0.25)
    recent, moves = known.foreseen([7 * 30 * DAY, 8 * 30 * DAY])
    assert recent.shape == (3,)
    assert moves.shape == (2, 3)
    assert (recent > -2.0).all()


def test_a_period_that_tells_nothing_takes_the_one_before() -> None:
    """No rows, or one answer only: the slope and the levels of the period before."""
    as_of = np.repeat([0, DAY], 50)
    y = (np.arange(100) % 4 == 0).astype(float)
    score = np.random.default_rng(0).normal(size=100)
    empty = Part(np.empty(0, dtype=np.int64), np.empty(0))
    parts = (Part(np.arange(100), y), empty)
    slopes = slopes_of(score, parts, as_of)
    assert slopes[0] == slopes[1]
    known = learn(score, slopes, parts, as_of, (DAY, DAY))
    assert known.known[0] is known.known[1]


def test_a_wait_whose_level_drifts_is_foreseen(tmp_path: Path) -> None:
    """Customers leave sooner and sooner: churn by the last day is nearer to what happened than the mean of all dates."""
    settings = made.settings(tmp_path, {"staying": {"kind": "time_to_churn", "label": "cancellation"}})
    dates = made.months(16)
    dataset = made.dataset("survival", rows=16 * 500, dates=dates)
    assert windows_of(dataset) == (30 * DAY, 60 * DAY, 90 * DAY)
    rng = np.random.default_rng(5)
    drift = np.linspace(-1.0, 1.0, 16)[np.searchsorted(np.array(dates), dataset.as_of)]
    days = np.exp(4.6 - 0.8 * (dataset.X[:, 0] + drift) + 0.6 * rng.logistic(size=len(dataset)))
    dataset.label[:] = made.cut(days, dataset.as_of, dataset.spec)
    division = split(dataset, settings.validation, 7)
    held = model.fit(dataset, division, settings).held
    assert len(held.calibration) == 3
    assert all(len(moves) == 3 for moves in held.season.values())
    rows, answer = judge.held_out_answers(dataset, division, held)
    last = answer[:, -1].mean()
    happened = (days[rows] < 90).mean()
    usual = (days[division.train] < 90).mean()
    assert abs(last - happened) < abs(usual - happened)
    metrics = judge.metrics(dataset, division, held, settings)
    assert all(len(moves) == 3 for moves in metrics["season"].values())
    assert questions(dataset)[0].objective == "hazards"
