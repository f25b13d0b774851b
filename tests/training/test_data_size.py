"""Whether more customers would make a model better: fewer of them teach it, the same rows judge it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from tests.training import made
from training import card_words, model
from training.choose import contest
from training.data_size import Sizes, data_size
from training.dataset import Dataset
from training.split import split


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})


def sized(dataset: Dataset, settings: Settings) -> Sizes | None:
    division = split(dataset, settings.validation, 7)
    return data_size(contest(dataset, division, settings), dataset.customers[division.train], settings.seed)


def test_less_data_teach_less(settings: Settings) -> None:
    """On a signal that takes rows to learn, a quarter of the customers loses more than all; the last size is the contest's own."""
    dataset = made.dataset(rows=3000, numbers=8)
    found = sized(dataset, settings)
    assert found is not None
    assert found.customers[-1] == len(np.unique(dataset.customers))
    assert found.mean[0] > found.mean[-1]
    whole = contest(dataset, split(dataset, settings.validation, 7), settings)
    assert found.mean[-1] == pytest.approx(whole.choice.losses[whole.choice.preset.name])


def test_it_is_the_same_every_time(settings: Settings) -> None:
    """Seeded: the same customers are drawn."""
    dataset = made.dataset(rows=800)
    one, two = sized(dataset, settings), sized(dataset, settings)
    assert one is not None
    assert two is not None
    assert one.to_dict() == two.to_dict()


def test_few_customers_say_nothing(settings: Settings) -> None:
    """A quarter of a hundred customers teaches nothing, so nothing is said."""
    assert sized(made.dataset(rows=100), settings) is None


def test_a_doubling_by_hand() -> None:
    """Steps of .04 and .02 foresee .01; folds that all agree leave no doubt, folds that do not leave much."""
    rows = np.array([50, 50])
    sure = Sizes((0.25, 0.5, 1.0), (25, 50, 100), np.array([[0.5, 0.46, 0.44]] * 2), rows, rows)
    assert sure.doubling() == pytest.approx({"value": 0.01, "low": 0.01, "high": 0.01})
    losses = np.array([[0.5, 0.46, 0.40], [0.5, 0.46, 0.48]])
    unsure = Sizes((0.25, 0.5, 1.0), (25, 50, 100), losses, rows, rows).doubling()
    assert unsure["value"] == pytest.approx(0.01)
    assert unsure["low"] is not None
    assert unsure["low"] < 0
    worse = Sizes((0.25, 0.5, 1.0), (25, 50, 100), np.array([[0.4, 0.41, 0.42]] * 2), rows, rows)
    assert worse.doubling()["value"] == pytest.approx(-0.01)


def test_one_fold_foresees_nothing() -> None:
    """Without a second fold there is no spread, and no figure is given without one."""
    one = Sizes((0.25, 0.5, 1.0), (25, 50, 100), np.array([[0.5, 0.46, 0.44]]), np.array([50]), np.array([50]))
    assert one.doubling()["value"] is None
    assert len(card_words.data_size({"data_size": one.to_dict()})) == 1


def test_the_card_says_whether_it_is_worth_it() -> None:
    """Worth it where the interval lies above zero; not shown where it does not; nothing where it was not asked."""
    sizes = [{"share": 1.0, "customers": 100, "loss": 0.4}]
    for low, said in ((0.005, "would make it better."), (-0.005, "is not shown here")):
        gain = {"value": 0.01, "low": low, "high": 0.02}
        assert said in " ".join(card_words.data_size({"data_size": {"sizes": sizes, "doubling": gain}}))
    assert card_words.data_size({}) == []


def test_training_asks_for_it_when_told(settings: Settings) -> None:
    """The setting switches it on and off; progress tells which part of the customers teaches."""
    dataset = made.dataset(rows=500)
    division = split(dataset, settings.validation, 7)
    assert model.fit(dataset, division, settings).sizes is None
    asked = settings.model_copy(update={"validation": settings.validation.model_copy(update={"data_size": True})})
    said: list[str] = []
    assert model.fit(dataset, division, asked, lambda message, _: said.append(message)).sizes is not None
    assert {"25% of the customers", "50% of the customers"} <= set(said)
