"""Splits: purged in time, whole customers in folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.settings import Validation
from tests.training import made
from training.split import grouped_folds, split

VALIDATION = Validation(
    data_size=False, test_periods=1, test_share=0.2, inner_folds=3, folds=5, repeats=2, bootstraps=20
)


@pytest.mark.parametrize("periods", [1, 2])
def test_a_grid_is_purged(periods: int) -> None:
    """Every label window of the teaching rows is over before the first judged date."""
    dataset = made.dataset(rows=2400, dates=made.months(12))
    found = split(dataset, VALIDATION.model_copy(update={"test_periods": periods}), 7)
    assert found.kind == "out_of_time"
    assert found.test_as_of == made.months(12)[-periods:]
    first = min(found.test_as_of)
    assert (dataset.as_of[found.train] + dataset.window <= first).all()
    # Nothing usable is thrown away.
    assert len(found.train) == int((dataset.as_of + dataset.window <= first).sum())


def test_inner_folds_roll_and_are_purged_too() -> None:
    """Each inner fold is a split in time of the same rule, inside the teaching part, newest origins last."""
    dataset = made.dataset(rows=2400, dates=made.months(12))
    found = split(dataset, VALIDATION, 7)
    assert found.rolling
    assert len(found.folds) == 3
    origins = []
    for train, valid in found.folds:
        origin = dataset.as_of[valid].min()
        origins.append(origin)
        assert (dataset.as_of[train] + dataset.window <= origin).all()
        assert set(train) | set(valid) <= set(found.train)
    assert origins == sorted(origins)


def test_those_who_wait_teach_by_what_was_over() -> None:
    """A row teaches from the end of its first period on; what is judged are whole dates and the newer ones; ends never look past."""
    dates = made.months(12)
    dataset = made.dataset("survival", rows=2400, dates=dates)
    found = split(dataset, VALIDATION, 7)
    assert found.kind == "out_of_time"
    assert found.test_as_of == dates[-3:]
    end = found.ends(dataset)
    assert end == dates[-3]
    assert (dataset.as_of[found.train] + 30 * made.DAY <= end).all()
    assert len(found.train) == int((dataset.as_of + 30 * made.DAY <= end).sum())
    assert found.rolling
    for number, (train, valid) in enumerate(found.folds):
        origin = found.ends(dataset, number)
        assert origin == dataset.as_of[valid].min()
        assert origin + dataset.window <= end
        assert (dataset.as_of[train] + 30 * made.DAY <= origin).all()
        assert set(train) | set(valid) <= set(found.train)


def test_too_few_dates_inside_have_folds_by_customer() -> None:
    """Where no origin is left inside the teaching part its folds are by customer."""
    dataset = made.dataset(rows=1200, dates=made.months(4))
    found = split(dataset, VALIDATION, 7)
    assert found.kind == "out_of_time"
    assert not found.rolling
    customers = dataset.customers
    for train, valid in found.folds:
        assert not set(customers[train]) & set(customers[valid])
        assert set(train) | set(valid) == set(found.train)


@pytest.mark.parametrize("dates", [1, 2])
def test_too_short_a_time_falls_back_to_customers(dates: int) -> None:
    """With no date before the purge the rows are judged by folds of customers, and the split says so."""
    dataset = made.dataset(rows=600, dates=made.months(dates))
    found = split(dataset, VALIDATION, 7)
    assert found.kind == "grouped_folds"
    assert found.test_as_of == ()
    customers = dataset.customers
    for train, valid in found.folds:
        assert not set(customers[train]) & set(customers[valid])


def test_a_flat_table_has_repeated_stratified_folds() -> None:
    """Each repeat covers every row once, and each fold has the table's share of churners."""
    dataset = made.dataset(rows=1000)
    found = split(dataset, VALIDATION, 7)
    assert found.kind == "repeated_stratified_folds"
    assert len(found.folds) == 10
    for repeat in range(2):
        covered = np.concatenate([valid for _, valid in found.folds[5 * repeat : 5 * repeat + 5]])
        assert sorted(covered) == list(range(1000))
    for _, valid in found.folds:
        assert abs(dataset.label[valid].mean() - dataset.label.mean()) < 0.01
    assert not np.array_equal(found.folds[0][1], found.folds[5][1])


def test_a_column_with_a_moment_is_flat_too() -> None:
    """One moment for everybody is no time to split."""
    spec = {"kind": "column", "column": "left", "positive": "yes", "as_of": "2024-06-01"}
    dataset = made.dataset(rows=600, dates=made.months(1), spec=spec)
    assert split(dataset, VALIDATION, 7).kind == "repeated_stratified_folds"


def test_answers_are_cut_at_a_time() -> None:
    """The newest share of answers judges; answers of one moment stay on one side."""
    dataset = made.dataset("ordinal", rows=1000, dates=made.months(50, every_days=5))
    found = split(dataset, VALIDATION, 7)
    assert found.kind == "out_of_time"
    assert dataset.as_of[found.train].max() < dataset.as_of[found.test].min()
    assert 0.2 <= len(found.test) / len(dataset) <= 0.22
    assert found.rolling
    for train, valid in found.folds:
        assert dataset.as_of[train].max() < dataset.as_of[valid].min()


def test_answers_of_a_few_weeks_have_folds() -> None:
    """Answers within less than 60 days are judged by folds of customers."""
    dataset = made.dataset("ordinal", rows=900, dates=made.months(9, every_days=5))
    assert split(dataset, VALIDATION, 7).kind == "grouped_folds"


def test_amounts_split_although_everybody_pays() -> None:
    """Money without zeros still has a split in time."""
    dataset = made.dataset("amount", rows=2400, dates=made.months(12))
    dataset.label[:] += 1.0
    assert split(dataset, VALIDATION, 7).kind == "out_of_time"


def test_the_seed_decides() -> None:
    """The same seed gives the same folds, another one others."""
    dataset = made.dataset(rows=300)
    first, again, other = (split(dataset, VALIDATION, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.folds[0][1], again.folds[0][1])
    assert not np.array_equal(first.folds[0][1], other.folds[0][1])


@given(
    groups=st.lists(st.integers(0, 12), min_size=4, max_size=60),
    folds=st.integers(2, 6),
    seed=st.integers(0, 5),
)
def test_folds_of_groups_cover_and_never_share(groups: list[int], folds: int, seed: int) -> None:
    """Whatever the groups: every row is valid once and no group is on both sides."""
    names = np.array(groups)
    labels = (np.arange(len(names)) % 3 == 0).astype(np.int64)
    found = grouped_folds(names, labels, folds, seed)
    assert sorted(np.concatenate([valid for _, valid in found])) == list(range(len(names)))
    for train, valid in found:
        assert not set(names[train]) & set(names[valid])
        assert len(train) + len(valid) == len(names)


def test_validation_settings_are_those_of_the_configuration(tmp_path: Path) -> None:
    """The defaults split a configuration's data without further keys."""
    settings = made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})
    assert len(split(made.dataset(rows=300), settings.validation, settings.seed).folds) == 6
