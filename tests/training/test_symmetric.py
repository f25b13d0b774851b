"""CatBoost's trees as LightGBM's: the mean of two models is a model like any other."""

from __future__ import annotations

import itertools
import math

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from training import symmetric
from training.bundle import sigmoid

Array = NDArray[np.float64]


def table(rows: int = 600, seed: int = 3) -> tuple[Array, Array]:
    """Numbers with gaps, and a column of codes; labels that follow two of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    X[:, 3] = rng.integers(0, 6, rows)
    X[rng.random(rows) < 0.2, 1] = np.nan
    y = rng.random(rows) < sigmoid(1.5 * X[:, 0] + np.where(np.isnan(X[:, 1]), 1.0, -X[:, 1]))
    return X, y.astype(np.float64)


def booster(X: Array, y: Array, rounds: int = 20) -> lgb.Booster:
    data = lgb.Dataset(X, y, categorical_feature=[3], params={"verbosity": -1})
    return lgb.train({"objective": "binary", "num_leaves": 6, "num_threads": 1, "verbosity": -1}, data, rounds)


@pytest.mark.parametrize("offset", [None, -0.7])
def test_the_mean_of_both_is_one_model(offset: float | None) -> None:
    """Log-odds are the mean of the two models' for teaching rows, with gaps and codes; contributions of any rows add up to them."""
    X, y = table()
    other = symmetric.grow(X, y, None if offset is None else np.full(len(y), offset), 30, 1)
    own = booster(X, y)
    both = symmetric.average(own, 15, other, 20)
    assert both.num_trees() == 35
    expected = 0.5 * (own.predict(X, raw_score=True, num_iteration=15) + other.scores(X, [20])[:, 0])
    np.testing.assert_allclose(both.predict(X, raw_score=True), expected, rtol=0, atol=1e-12)
    new, _ = table(seed=4)
    new[0] = np.nan
    found = both.predict(new, raw_score=True)
    np.testing.assert_allclose(both.predict(new, pred_contrib=True).sum(axis=1), found, rtol=0, atol=1e-10)


def test_scores_are_catboosts_own() -> None:
    """The trees read from CatBoost's file give what CatBoost itself predicts."""
    from catboost import CatBoostClassifier

    X, y = table()
    model = CatBoostClassifier(
        iterations=25, depth=symmetric.DEPTH, thread_count=1, random_seed=1, verbose=0, allow_writing_files=False
    ).fit(X, y)
    found = symmetric.grow(X, y, None, 25, 1).scores(X, [25])[:, 0]
    np.testing.assert_allclose(found, model.predict(X, prediction_type="RawFormulaVal"), rtol=0, atol=1e-9)


def test_parts_that_no_row_reached_are_cut_away() -> None:
    """Every side of every node has rows, so that a share of them is never nought by nought; the counts add up."""
    X, y = table(rows=120)
    both = symmetric.average(booster(X, y, 1), 1, symmetric.grow(X, y, None, 10, 1), 10)
    for tree in both.dump_model()["tree_info"][1:]:
        waiting = [tree["tree_structure"]]
        while waiting:
            node = waiting.pop()
            if "split_index" not in node:
                continue
            sides = [node["left_child"], node["right_child"]]
            counts = [side.get("internal_count", side.get("leaf_count")) for side in sides]
            assert min(counts) > 0
            assert sum(counts) == node["internal_count"]
            waiting += sides


def test_contributions_are_shapley_values() -> None:
    """On a small tree the contributions are the mean over all orders of what each feature adds (Lundberg et al., 2020)."""
    X, y = table()
    other = symmetric.grow(X, y, None, 1, 1)
    both = symmetric.average(booster(X, y, 1), 1, other, 1)
    root = both.dump_model()["tree_info"][1]["tree_structure"]
    row = X[0]

    def value(node: dict[str, object], known: frozenset[int]) -> float:
        if "split_index" not in node:
            return float(node["leaf_value"])  # type: ignore[arg-type]
        sides = [node["left_child"], node["right_child"]]
        feature = int(node["split_feature"])  # type: ignore[call-overload]
        if feature in known:
            goes = 0 if np.isnan(row[feature]) or row[feature] <= node["threshold"] else 1  # type: ignore[operator]
            return value(sides[goes], known)  # type: ignore[arg-type]
        counts = [float(side.get("internal_count", side.get("leaf_count"))) for side in sides]  # type: ignore[attr-defined]
        return sum(count * value(side, known) for count, side in zip(counts, sides, strict=True)) / sum(counts)  # type: ignore[arg-type]

    names = range(X.shape[1])
    expected = np.zeros(len(names))
    for order in itertools.permutations(names):
        known: frozenset[int] = frozenset()
        for feature in order:
            expected[feature] += value(root, known | {feature}) - value(root, known)
            known |= {feature}
    expected /= math.factorial(len(names))
    alone = both.predict(row[None], pred_contrib=True, start_iteration=1, num_iteration=1)
    np.testing.assert_allclose(alone[0, :-1], expected, rtol=0, atol=1e-9)


def test_the_same_rows_give_the_same_trees() -> None:
    """Seeded, on one thread: the text is the same, byte by byte."""
    X, y = table()
    one, two = (
        symmetric.average(booster(X, y), 10, symmetric.grow(X, y, None, 10, 7), 10).model_to_string() for _ in range(2)
    )
    assert one == two
