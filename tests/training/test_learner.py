"""The LightGBM portfolio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.settings import Learner as Options
from tests.training import made
from training.dataset import Dataset
from training.learner import Learner, Preset, portfolio, predict_raw, scaled_rounds
from training.questions import Question, questions
from training.split import grouped_folds

OPTIONS = Options(
    leaves=(8, 4),
    learning_rate=0.1,
    max_rounds=80,
    early_stopping_rounds=10,
    max_depth=6,
    rows_per_leaf=20,
    trials=0,
    catboost=False,
    threads=2,
    sample_rows=500_000,
    dask=None,
)


def folds(rows: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:  # type: ignore[type-arg]
    return grouped_folds(np.arange(rows), np.zeros(rows, dtype=np.int64), 3, 1)


def asked(dataset: Dataset) -> Question:
    (question,) = questions(dataset)
    return question


def test_the_portfolio_follows_the_table() -> None:
    """Leaves rise; rows per leaf and the step grow with the rows; wide tables show a tree fewer columns."""
    small, large = portfolio(OPTIONS, 2000, 20), portfolio(OPTIONS, 40_000, 300)
    assert [preset.leaves for preset in small] == [4, 8]
    assert small[0].rows_per_leaf == 20
    assert large[0].rows_per_leaf == 100
    assert small[0].learning_rate == 0.1
    assert large[0].learning_rate == pytest.approx(0.2)
    assert small[0].column_share > large[0].column_share


def test_no_class_is_weighted() -> None:
    """No parameter weights or resamples classes; training is deterministic and shallow enough for exact reasons."""
    parameters = portfolio(OPTIONS, 2000, 20)[0].parameters("binary", 7)
    assert not {"scale_pos_weight", "is_unbalance", "class_weight"} & parameters.keys()
    assert parameters["deterministic"]
    assert parameters["max_depth"] <= 6


def test_early_stopping_finds_a_round_before_the_limit() -> None:
    """On a signal the mean curve has its lowest point inside, and the loss there beats the prior's."""
    dataset = made.dataset(rows=1500)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    (curve,) = learner.race([(learner.presets[0], asked(dataset))], folds(1500))
    rounds, loss = curve.best()
    rate = dataset.label.mean()
    assert 5 < rounds <= curve.losses.shape[1]
    assert loss < 0.9 * -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))


def test_noise_stops_early() -> None:
    """Where nothing can be learnt the race is over soon."""
    dataset = made.dataset(rows=1500, signal=0.0)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    (curve,) = learner.race([(learner.presets[0], asked(dataset))], folds(1500))
    assert curve.losses.shape[1] < 60
    assert curve.best()[0] < 25


def test_the_number_of_threads_changes_nothing() -> None:
    """One worker or three: the same curves to the last bit, and the same model."""
    dataset = made.dataset(rows=800)
    texts, curves = [], []
    for threads in (1, 3):
        learner = Learner(dataset.X, [5], OPTIONS.model_copy(update={"threads": threads}), 7)
        jobs = [(preset, asked(dataset)) for preset in learner.presets]
        curves.append([curve.losses for curve in learner.race(jobs, folds(800))])
        texts.append(learner.fit(learner.presets[0], asked(dataset), 20).model_to_string())
    for one, other in zip(*curves, strict=True):
        np.testing.assert_array_equal(one, other)
    assert texts[0] == texts[1]


def test_a_limit_that_is_no_multiple_of_the_look_is_kept() -> None:
    """The folds end together at the limit, whatever it is."""
    dataset = made.dataset(rows=600)
    options = OPTIONS.model_copy(update={"max_rounds": 37, "early_stopping_rounds": 50})
    learner = Learner(dataset.X, [5], options, 7)
    (curve,) = learner.race([(learner.presets[0], asked(dataset))], folds(600))
    assert curve.losses.shape == (3, 37)


def test_leaving_folds_out_changes_the_choice_of_rounds() -> None:
    """`best` without a part looks at the other folds only."""
    dataset = made.dataset(rows=900)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    (curve,) = learner.race([(learner.presets[0], asked(dataset))], folds(900))
    kept = [0, 2]
    shares = curve.sizes[kept] / curve.sizes[kept].sum()
    assert curve.best(without=1, per=3)[1] == pytest.approx((shares @ curve.losses[kept]).min())


def test_first_trees_only() -> None:
    """Scores by the first rounds are those of a shorter model."""
    dataset = made.dataset(rows=600)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    long, short = (learner.fit(learner.presets[0], asked(dataset), rounds) for rounds in (30, 10))
    np.testing.assert_allclose(predict_raw(long, dataset.X, 10), predict_raw(short, dataset.X))


def test_money_is_learnt_on_the_log_scale() -> None:
    """Tweedie's raw scores are logs of expectations."""
    dataset = made.dataset("amount", rows=1500)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    expected = np.exp(predict_raw(learner.fit(learner.presets[0], asked(dataset), 60), dataset.X))
    assert expected.mean() == pytest.approx(dataset.label.mean(), rel=0.1)
    assert np.corrcoef(expected, dataset.label)[0, 1] > 0.3


def test_more_rows_bear_somewhat_more_rounds() -> None:
    """By the root of the ratio, at most half more, at least one."""
    assert scaled_rounds(100, 1000, 1000) == 100
    assert scaled_rounds(100, 1000, 1440) == 120
    assert scaled_rounds(100, 1000, 9000) == 150
    assert scaled_rounds(1, 1000, 100) == 1


def test_training_is_silent(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """LightGBM writes nothing to the terminal, from whichever thread."""
    dataset = made.dataset(rows=400)
    learner = Learner(dataset.X, [5], OPTIONS, 7)
    learner.race([(Preset(64, 0.5, 200, 6), asked(dataset))], folds(400))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""
