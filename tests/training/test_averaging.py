"""The mean with CatBoost: in the contest where it is surely better, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from tests.training import made
from training import averaging, model
from training.bundle import sigmoid
from training.choose import contest
from training.dataset import Dataset
from training.learner import AVERAGED
from training.split import split


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A flat table's, with the average allowed."""
    found = made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})
    return found.model_copy(update={"learner": found.learner.model_copy(update={"catboost": True})})


def crossed(rows: int, dates: tuple[int, ...] = ()) -> Dataset:
    """Labels that follow products of several features, which symmetric trees divide well and small trees slowly."""
    dataset = made.dataset(rows=rows, numbers=6, dates=dates)
    sign = np.sign(np.nan_to_num(dataset.X[:, :5]) + 0.3)
    chance = sigmoid(2.5 * sign[:, 0] * sign[:, 1] * sign[:, 2] + 2.0 * sign[:, 3] * sign[:, 4])
    return replace(dataset, label=(np.random.default_rng(1).random(len(dataset)) < chance).astype(np.float64))


@pytest.mark.parametrize("dates", [(), made.months(8)], ids=["flat", "dated"])
def test_where_it_is_better_it_answers(settings: Settings, dates: tuple[int, ...]) -> None:
    """The mean wins, ships as one model with exact reasons, and is named in the losses."""
    dataset = crossed(2400, dates)
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    assert fitted.held.choice.preset.name.endswith(AVERAGED)
    assert min(fitted.held.choice.losses, key=lambda name: fitted.held.choice.losses[name]).endswith(AVERAGED)
    bundle, golden = model.ship(dataset, fitted, settings, answers=np.linspace(0, 1, 101), validation=division.kind)
    np.testing.assert_allclose(bundle.contributions(golden).sum(axis=1), bundle.raw(golden), atol=1e-9)
    assert bundle.predict(golden).shape == (len(golden),)


def test_where_it_is_not_surely_better_nothing_changes(settings: Settings) -> None:
    """On noise the contest is that without the average."""
    dataset = made.dataset(rows=900, signal=0.0)
    division = split(dataset, settings.validation, 7)
    without = settings.model_copy(update={"learner": settings.learner.model_copy(update={"catboost": False})})
    assert contest(dataset, division, settings).choice == contest(dataset, division, without).choice


def test_a_customer_counts_once() -> None:
    """A gain that comes from one customer's many rows is no sure one."""
    gained = np.concatenate([np.full(100, 0.1), np.random.default_rng(2).normal(0, 0.1, 50)])
    assert averaging._surely(gained, np.arange(150))
    assert not averaging._surely(gained, np.concatenate([np.zeros(100, dtype=np.int64), np.arange(1, 51)]))
