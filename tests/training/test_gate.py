"""The gate between challenger and champion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training import made
from tests.training.test_bundle import bundle_of
from training.bundle import Bundle
from training.gate import Answers, Verdict, judge
from training.periods import periods
from training.targets import Task


def truth(n: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 5, n)
    return p, (rng.random(n) < p).astype(float)


def answers(p: np.ndarray, y: np.ndarray) -> Answers:  # type: ignore[type-arg]
    ids = np.array([f"c{place}" for place in range(len(y))], dtype=object)
    return Answers("binary", ids, np.zeros(len(y), dtype=np.int64), y, p)


def decided(challenger: Answers, champion: Answers, bundle: Bundle | None = None) -> Verdict:
    own, _ = bundle_of("binary")
    rows = len(challenger.label)
    dataset = made.dataset(rows=rows)
    return judge(challenger, champion, dataset, bundle or own, np.arange(rows), draws=100, seed=1)


def test_a_better_model_takes_over() -> None:
    """The truth beats a noisy copy of it, and the figures say by how much."""
    p, y = truth()
    noisy = np.clip(p + np.random.default_rng(1).normal(0, 0.15, len(p)), 0.01, 0.99)
    verdict = decided(answers(p, y), answers(noisy, y))
    assert verdict.outcome == "promoted"
    assert verdict.figures["relative_loss"]["value"] < -0.05
    assert verdict.figures["rows"] == len(y)


def test_an_equal_model_takes_over() -> None:
    """Newer data and no worse: the challenger wins."""
    p, y = truth()
    assert decided(answers(p, y), answers(p, y)).promotes


def test_a_worse_model_does_not() -> None:
    """A noisy copy does not replace the truth, and the reason says how much worse it may be."""
    p, y = truth()
    noisy = np.clip(p + np.random.default_rng(1).normal(0, 0.15, len(p)), 0.01, 0.99)
    verdict = decided(answers(noisy, y), answers(p, y))
    assert verdict.outcome == "kept"
    assert "% higher" in verdict.reason


def test_a_model_that_is_badly_calibrated_does_not() -> None:
    """The same ranking with probabilities far off is kept out."""
    p, y = truth()
    verdict = decided(answers(np.clip(p * 0.6, 0.01, 0.99), y), answers(p, y))
    assert verdict.outcome == "kept"
    assert "calibration error" in verdict.reason


def test_a_lost_lift_keeps_the_champion() -> None:
    """Who no longer finds the customers at most risk does not take over."""
    p, y = truth(4000)
    blunted = p.copy()
    top = p > np.quantile(p, 0.8)
    blunted[top] = p[top].mean()
    verdict = decided(answers(blunted, y), answers(p, y))
    assert verdict.outcome == "kept"


def test_only_common_rows_are_compared() -> None:
    """Rows that one of them has not held out, or whose label has changed, do not count."""
    p, y = truth(600)
    every = answers(p, y)
    verdict = decided(every, every.take(np.arange(400)))
    assert verdict.figures["rows"] == 400


def test_a_segment_that_loses_keeps_the_champion() -> None:
    """Better on the whole, but clearly worse for one plan: the segment is named."""
    bundle, _ = bundle_of("binary")
    rng = np.random.default_rng(2)
    p, y = truth(3000)
    dataset = made.dataset(rows=3000)
    dataset.label[:] = y
    every = np.arange(3000)
    basic = dataset.X[:, -1] == 0
    noisy = np.clip(p + rng.normal(0, 0.2, 3000), 0.01, 0.99)
    ours, theirs = np.where(basic, noisy, p), np.where(basic, p, noisy)
    verdict = judge(
        Answers.of(dataset, every, ours), Answers.of(dataset, every, theirs), dataset, bundle, every, draws=100, seed=1
    )
    assert verdict.outcome == "kept"
    assert "worse for plan = basic" in verdict.reason
    assert list(verdict.figures["worse_segments"]) == ["plan = basic"]


def test_another_question_is_not_compared() -> None:
    """Another horizon makes another model; the old one is no measure."""
    p, y = truth(200)
    bundle, _ = bundle_of("binary")
    other = replace(bundle, spec={**bundle.spec, "positive": "no"})
    verdict = decided(answers(p, y), answers(p, y), other)
    assert verdict.promotes
    assert "question" in verdict.reason


def test_the_champion_answers_the_new_rows_where_nothing_is_common() -> None:
    """With dates and no common row, the champion is asked, if its labels ended before the judged rows."""
    bundle, _ = bundle_of("binary")
    dates = made.months(4)
    dataset = made.dataset(rows=1200, dates=dates)
    rows = np.flatnonzero(dataset.as_of == dates[-1])
    old = replace(bundle, spec=dataset.spec, data_until="2024-02-01T00:00:00Z")
    perfect = Answers.of(dataset, rows, np.clip(dataset.label[rows], 0.05, 0.95))
    empty = perfect.take(np.arange(0))
    verdict = judge(perfect, empty, dataset, old, rows, draws=50, seed=1)
    assert verdict.outcome == "promoted"
    assert "answers the challenger's judged rows" in verdict.figures["ground"]
    poor = replace(perfect, answer=np.full(len(rows), 0.5) + 0.4 * (0.5 - dataset.label[rows]))
    assert judge(poor, empty, dataset, old, rows, draws=50, seed=1).outcome == "kept"
    overlapping = replace(old, data_until="2024-12-01T00:00:00Z")
    assert "no row is held out for both" in judge(poor, empty, dataset, overlapping, rows, draws=50, seed=1).reason
    # The model that was judged in the champion's training has not seen them, and answers in its place.
    verdict = judge(poor, empty, dataset, overlapping, rows, judged=old, draws=50, seed=1)
    assert verdict.outcome == "kept"
    assert "as it was judged" in verdict.figures["ground"]
    both = judge(poor, empty, dataset, overlapping, rows, judged=overlapping, draws=50, seed=1)
    assert "no row is held out for both" in both.reason


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_answers_survive_their_file(tmp_path: Path, task: Task) -> None:
    """Held-out answers are written and read again, whatever the task."""
    dataset = made.dataset(task, rows=40)
    given = np.random.default_rng(0).random((40, 3) if task in {"ordinal", "survival"} else 40)
    ours = Answers.of(dataset, np.arange(40), given)
    ours.write(tmp_path / "answers.parquet")
    theirs = Answers.read(tmp_path / "answers.parquet", task, (30, 60, 90) if task == "survival" else ())
    np.testing.assert_array_equal(theirs.answer, given)
    np.testing.assert_array_equal(theirs.label, periods(dataset).code if task == "survival" else dataset.label)
    assert theirs.days == ours.days
    np.testing.assert_array_equal(theirs.as_of, dataset.as_of)
    assert theirs.customer_id.tolist() == dataset.customer_id.tolist()


@pytest.mark.parametrize("task", ["ordinal", "amount"])
def test_other_tasks_are_compared_by_their_loss(task: Task) -> None:
    """NPS by log-loss, money by absolute error."""
    bundle, _ = bundle_of(task)
    dataset = made.dataset(task, rows=400)
    good = (
        np.eye(3)[(dataset.label >= 7).astype(int) + (dataset.label >= 9)] * 0.7 + 0.1
        if task == "ordinal"
        else dataset.label
    )
    poor = np.full((400, 3), 1 / 3) if task == "ordinal" else dataset.label + 50
    every = np.arange(400)
    first, second = Answers.of(dataset, every, good), Answers.of(dataset, every, poor)
    assert judge(first, second, dataset, bundle, every, draws=50, seed=1).promotes
    assert not judge(second, first, dataset, bundle, every, draws=50, seed=1).promotes


def test_curves_are_compared_by_what_is_known() -> None:
    """Curves by the log-loss of what became of each row; other days are another question."""
    bundle, _ = bundle_of("survival")
    dataset = made.dataset("survival", rows=400)
    known = periods(dataset)
    good = np.clip(np.column_stack([(known.event > 0) & (known.event <= k) for k in (1, 2, 3)]) * 0.8 + 0.1, 0, 1)
    every = np.arange(400)
    first, second = Answers.of(dataset, every, good), Answers.of(dataset, every, np.tile([0.2, 0.4, 0.5], (400, 1)))
    assert judge(first, second, dataset, bundle, every, draws=50, seed=1).promotes
    assert not judge(second, first, dataset, bundle, every, draws=50, seed=1).promotes
    other = replace(bundle, spec={**bundle.spec, "days": [30, 90]})
    assert "question has changed" in judge(second, first, dataset, other, every, draws=50, seed=1).reason
