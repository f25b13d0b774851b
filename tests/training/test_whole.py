"""Models of a training set that stays in its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from configs.errors import ConfigError
from configs.settings import Settings
from tests.training import made
from training import dataset as sets
from training import model
from training.choose import category_places
from training.dataset import Dataset
from training.learner import Learner
from training.left_out import useful_columns
from training.questions import forms, questions
from training.split import split
from training.targets import Task
from training.whole import Columns, check, open_whole

DATES = made.months(12)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "inactivity", "horizon_days": 60, "active_within_days": 90}})


def put(folder: Path, task: Task = "binary", dates: tuple[int, ...] = DATES, rows: int = 6000) -> tuple[Path, Dataset]:
    """A training set in a file of several groups, and as it is read back."""
    dataset = made.dataset(task, rows=rows, dates=dates)
    sets.write(dataset, folder / f"{dataset.target}.parquet")
    return folder / f"{dataset.target}.parquet", sets.read(folder / f"{dataset.target}.parquet")


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.columns.GROUP_ROWS", 1 << 10)


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_read_group_by_group_the_model_is_the_same(settings: Settings, tmp_path: Path, task: Task) -> None:
    """On every other row, with a category and gaps, each question's model is that of the matrix in memory, bit for bit."""
    path, dataset = put(tmp_path, task)
    whole = open_whole(path, dataset.catalog, settings.learner, 7, "chunked")
    assert len(whole.limits) > 3
    rows = np.arange(0, len(dataset), 2)
    columns = useful_columns(dataset.X, dataset.catalog.names, dataset.as_of)
    places = tuple(category_places(dataset, columns))
    learner = Learner(np.ascontiguousarray(dataset.X[np.ix_(rows, columns.kept)]), list(places), settings.learner, 7)
    for form in forms(task):
        for question in questions(dataset.take(rows), form):
            ours = whole.booster(learner.presets[0], question, 12, rows, Columns(columns.kept, places))
            theirs = learner.fit(learner.presets[0], question, 12)
            np.testing.assert_array_equal(ours.predict(learner.X), theirs.predict(learner.X))


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
@pytest.mark.parametrize("dates", [(), DATES], ids=["flat", "dated"])
def test_with_all_customers_in_the_sample_nothing_changes(
    settings: Settings, tmp_path: Path, task: Task, dates: tuple[int, ...]
) -> None:
    """The judged model and the shipped one of a file are those of a training in memory."""
    path, dataset = put(tmp_path, task, dates, rows=2400)
    division = split(dataset, settings.validation, 7)
    whole = open_whole(path, dataset.catalog, settings.learner, 7, "chunked")
    ours = model.fit(dataset, division, settings, whole=whole)
    theirs = model.fit(dataset, division, settings)
    for name in ("margins", "rows"):
        for mine, other in zip(getattr(ours.held, name), getattr(theirs.held, name), strict=True):
            np.testing.assert_array_equal(mine, other)
    X = np.ascontiguousarray(dataset.X[:, ours.columns.kept])
    for mine, other in zip(ours.boosters, theirs.boosters, strict=True):
        np.testing.assert_array_equal(mine.predict(X), other.predict(X))


def test_the_models_teach_on_rows_beyond_the_sample(settings: Settings, tmp_path: Path) -> None:
    """A sample of a quarter of the customers chooses; the judged model, taught on all of them, is better than one taught on the sample."""
    path, dataset = put(tmp_path, rows=24_000)
    sample = sets.read(path, 6000)
    assert 4500 < len(sample) < 7500
    assert sample.catalog == dataset.catalog
    division = split(sample, settings.validation, 7)
    whole = open_whole(path, sample.catalog, settings.learner, 7, "chunked")
    taught = whole.before(sample, int(sample.as_of[division.test].min()))
    assert len(taught) > 3 * len(division.train)
    assert set(np.unique(dataset.as_of[taught])) == set(np.unique(sample.as_of[division.train]))
    ours, alone = (model.fit(sample, division, settings, whole=given).boosters[0] for given in (whole, None))
    assert ours.model_to_string() != alone.model_to_string()


def test_a_sample_is_of_whole_customers_and_always_the_same(tmp_path: Path) -> None:
    """All rows of a customer or none; another reading draws the same customers; a limit above the rows draws all."""
    path, dataset = put(tmp_path)
    sample = sets.read(path, 2000)
    again = sets.read(path, 2000)
    np.testing.assert_array_equal(sample.customer_id, again.customer_id)
    drawn = set(sample.customer_id)
    assert len(sample) == sum(name in drawn for name in dataset.customer_id)
    assert drawn < set(sets.read(path, 4000).customer_id)
    assert len(sets.read(path, 10_000)) == len(dataset)


def test_what_cannot_be_trained_is_refused(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix beyond this machine's memory names the way out; an average needs memory."""
    path, _ = put(tmp_path)
    check(settings, path, "local")
    monkeypatch.setattr("os.sysconf", lambda _name: 100)
    with pytest.raises(ConfigError, match="--engine chunked"):
        check(settings, path, "local")
    check(settings, path, "chunked")
    learner = settings.learner.model_copy(update={"catboost": True})
    with pytest.raises(ConfigError, match="CatBoost"):
        check(settings.model_copy(update={"learner": learner}), path, "chunked")


def test_dask_grows_the_same_model(settings: Settings, tmp_path: Path) -> None:
    """Two workers, fixed rounds: as good as one machine's; what Dask cannot grow is grown here."""
    pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    path, dataset = put(tmp_path)
    rows = np.arange(4000)
    columns = Columns(np.arange(dataset.X.shape[1]), (5,))
    options = settings.learner.model_copy(update={"threads": 2})
    boosters = {}
    for engine in ("chunked", "dask"):
        whole = open_whole(path, dataset.catalog, options, 7, engine)
        learner = Learner(dataset.X[:100], [5], options, 7)
        question = questions(dataset)[0].take(rows)
        question = replace(question, offset=np.full(len(rows), -0.5))
        boosters[engine] = whole.booster(learner.presets[1], question, 15, rows, columns)
    ours, theirs = (boosters[engine].predict(dataset.X, raw_score=True) for engine in ("dask", "chunked"))
    assert boosters["dask"].num_trees() == 15
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    assert abs(ours.mean() - theirs.mean()) < 0.05
