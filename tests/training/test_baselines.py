"""The floors."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalog import Catalog
from features.definition import ANY
from features.journey import Vocabulary
from tests.training import made
from training import baselines
from training.evaluate import auc
from training.split import grouped_folds

CATEGORY = np.array([False] * 5 + [True])


def test_the_design_is_learnt_on_the_teaching_rows() -> None:
    """Ranks, flags of missing values and frequent categories come from the teaching rows; others only use them."""
    dataset = made.dataset(rows=500)
    design = baselines.Design.learn(dataset.X[:250], CATEGORY)
    ours, theirs = design.apply(dataset.X[:250]), design.apply(dataset.X[250:])
    assert ours.shape[1] == theirs.shape[1] == 5 + 1 + 3
    assert np.isfinite(ours).all()
    assert np.isfinite(theirs).all()
    assert np.abs(ours[:, :5]).max() <= 1.0
    missing = np.isnan(dataset.X[:250, 1])
    np.testing.assert_array_equal(ours[missing, 1], 0.0)
    np.testing.assert_array_equal(ours[:, 5], missing)
    np.testing.assert_array_equal(ours[:, 6:].sum(axis=1), 1.0)
    far = dataset.X[:1].copy()
    far[0, 0] = 1e9
    assert design.apply(far)[0, 0] == 1.0


def test_features_that_are_missing_together_share_a_flag() -> None:
    """One pattern of missingness is one column."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    X[:60, :2] = np.nan
    design = baselines.Design.learn(X, np.array([False] * 3))
    assert design.flags.tolist() == [0]


def test_a_value_shared_by_many_sits_in_their_middle() -> None:
    """Half zeros: zero is in the middle of the lower half, not at its end."""
    X = np.concatenate([np.zeros(500), np.linspace(1, 2, 500)])[:, None]
    design = baselines.Design.learn(X, np.array([False]))
    assert design.apply(np.zeros((1, 1)))[0, 0] == pytest.approx(-0.5, abs=0.03)


def test_the_logistic_finds_a_linear_signal() -> None:
    """Held out, it ranks about as well as the truth allows."""
    dataset = made.dataset(rows=2000)
    folds = grouped_folds(np.arange(2000), dataset.label.astype(np.int64), 3, 1)
    (answers,) = baselines.logistic(dataset.X, [dataset.label], CATEGORY, folds[0], folds, 7)
    rows = np.concatenate([valid for _, valid in folds])
    p = np.concatenate(answers)
    assert auc(dataset.label[rows], p) > 0.78
    assert p.mean() == pytest.approx(dataset.label.mean(), abs=0.02)


def test_one_class_only_is_answered_with_its_rate() -> None:
    """A teaching part without churners gives a small rate instead of an error."""
    dataset = made.dataset(rows=200)
    folds = [(np.arange(100), np.arange(100, 200))]
    (answers,) = baselines.logistic(dataset.X, [np.zeros(200)], CATEGORY, folds[0], folds, 7)
    assert 0 < answers[0].max() < 0.02


def test_recency_prefers_payments() -> None:
    """Days since the last payment, else since the last encounter, else none."""
    money = Catalog.of(Vocabulary(tables=("customers", "touchpoints", "transactions"), touchpoints=("call",)), (30, 90))
    place = baselines.recency(money)
    assert place is not None
    assert money.names[place] == "transactions__payment__recency"
    calls = Catalog.of(Vocabulary(tables=("customers", "touchpoints"), touchpoints=("call",)), (30, 90))
    place = baselines.recency(calls)
    assert place is not None
    assert calls.features[place].kind == ANY
    assert baselines.recency(made.catalog(2)) is None


def test_the_same_again_scales_the_nearest_window() -> None:
    """Money of the window nearest to the horizon, scaled to it; missing is none."""
    money = Catalog.of(Vocabulary(tables=("customers", "transactions")), (30, 90))
    X = np.zeros((2, len(money.names)))
    X[:, money.names.index("transactions__payment__amount__sum_90d")] = [45.0, np.nan]
    found = baselines.same_again(X, money, 60)
    assert found is not None
    np.testing.assert_allclose(found, [30.0, 0.0])
    assert baselines.same_again(X, made.catalog(2), 60) is None
