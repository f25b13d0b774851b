"""The split in time beside a random one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.errors import LeakageError
from configs.settings import Settings
from tests.training import made
from training import model
from training.dataset import Dataset
from training.random_split import LIMIT, Compared
from training.split import split

DATES = made.months(12)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "inactivity", "horizon_days": 60, "active_within_days": 90}})


def compared(dataset: Dataset, settings: Settings) -> Compared:
    found = model.fit(dataset, split(dataset, settings.validation, 7), settings).random
    assert found is not None
    return found


def company(customers: int = 400) -> Dataset:
    return made.dataset(rows=12 * customers, dates=DATES, signal=0.7)


def written_later(dataset: Dataset, place: int) -> Dataset:
    """A column that repeats the label of most rows, but not yet of the newest."""
    rng = np.random.default_rng(3)
    known = np.where(rng.random(len(dataset)) < 0.8, dataset.label, rng.integers(0, 2, len(dataset)))
    dataset.X[:, place] = np.where(dataset.as_of < DATES[-3], known, rng.integers(0, 2, len(dataset)))
    return dataset


def test_an_honest_company_looks_alike_both_ways(settings: Settings) -> None:
    """Nothing is refused, the difference is small, and its limits hold it."""
    found = compared(company(), settings)
    assert abs(found.gap) < LIMIT + 2 * found.error
    assert not found.suspicious
    told = found.to_dict()
    assert told["difference"]["low"] < told["difference"]["value"] < told["difference"]["high"]


def test_a_column_written_after_the_outcome_is_named(settings: Settings) -> None:
    """It looks like skill on customers of the same dates, is worth nothing on the newest, and stops the training by name."""
    with pytest.raises(LeakageError, match="'n3' tells of earlier customers") as caught:
        compared(written_later(company(), 3), settings)
    assert "valid_from" in str(caught.value)


def test_a_changed_world_is_no_leak(settings: Settings) -> None:
    """Where the relation itself has become weaker, nobody is accused: the figures say so."""
    dataset = company(1500)
    rng = np.random.default_rng(1)
    newest = np.flatnonzero(dataset.as_of >= DATES[-3])
    shaken = newest[rng.random(len(newest)) < 0.6]
    dataset.label[shaken] = rng.permutation(dataset.label[shaken])
    found = compared(dataset, settings)
    assert found.suspicious


def test_other_targets_have_none(settings: Settings) -> None:
    """Without time there is one way only, and money and categories are not asked."""
    for dataset in (made.dataset(rows=600), made.dataset("ordinal", rows=1200, dates=DATES)):
        assert model.fit(dataset, split(dataset, settings.validation, 7), settings).random is None
