"""Tabled values are LightGBM's own, grouped, and Shapley's by brute force."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest

from drivers import trees

PARAMETERS = {
    "num_leaves": 8,
    "min_data_in_leaf": 5,
    "learning_rate": 0.2,
    "verbosity": -1,
    "seed": 1,
    "num_threads": 1,
}


def _data(seed: int, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 6)).astype(np.float32)
    matrix[rng.random(rows) < 0.4, 0] = np.nan
    matrix[rng.random(rows) < 0.3, 1] = 0.0
    y = np.nan_to_num(matrix[:, 0]) + matrix[:, 1] * (matrix[:, 2] > 0) + rng.normal(size=rows) * 0.1
    return matrix, y


@pytest.mark.parametrize(
    "extra", [{}, {"zero_as_missing": True}, {"objective": "binary"}, {"bagging_fraction": 0.6, "bagging_freq": 1}]
)
def test_values_are_those_of_lightgbm(extra: dict[str, object]) -> None:
    """Values per group equal pred_contrib summed per group, and the bias its last column, whatever counts as missing."""
    matrix, y = _data(3)
    if extra.get("objective") == "binary":
        y = (y > 0).astype(float)
    model = lgb.train({**PARAMETERS, **extra}, lgb.Dataset(matrix, y), 40)
    groups = np.array([0, 0, 1, 1, 2, 2], dtype=np.int32)
    fresh, _ = _data(4, 300)
    fresh[:5, 3] = np.nan  # missing where training had nothing missing
    expected = model.predict(fresh, pred_contrib=True)
    made = trees.ensemble(model.model_to_string(), groups, 8)
    found = trees.values(made, fresh, np.arange(300), 3)
    by_group = np.column_stack([expected[:, :-1][:, groups == g].sum(axis=1) for g in range(3)])
    np.testing.assert_allclose(found, by_group, atol=1e-5)
    np.testing.assert_allclose(made.bias, expected[0, -1], atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1) + made.bias, model.predict(fresh, raw_score=True), atol=1e-5)


def test_values_are_shapley_values() -> None:
    """On one tree the values equal the weighted sum over all coalitions, an absent feature being averaged by data counts."""
    matrix, y = _data(5)
    model = lgb.train({**PARAMETERS, "num_leaves": 5}, lgb.Dataset(matrix, y), 1)
    tree = model.dump_model()["tree_info"][0]["tree_structure"]
    row = matrix[7].astype(float)

    def expectation(node: dict, known: frozenset[int]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            x = row[node["split_feature"]]
            go_left = node["default_left"] if np.isnan(x) else x <= node["threshold"]
            return expectation(left if go_left else right, known)
        counts = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
        return (counts[0] * expectation(left, known) + counts[1] * expectation(right, known)) / sum(counts)

    features = range(matrix.shape[1])
    exact = np.zeros(len(features))
    for i in features:
        others = [j for j in features if j != i]
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(features))
            for group in combinations(others, size):
                known = frozenset(group)
                exact[i] += weight * (expectation(tree, known | {i}) - expectation(tree, known))
    made = trees.ensemble(model.model_to_string(), np.arange(6, dtype=np.int32), 5)
    np.testing.assert_allclose(trees.values(made, matrix, np.array([7]), 6)[0], exact, atol=1e-6)


def test_a_model_without_splits_only_adds_its_bias() -> None:
    """Where nothing can be learnt the values are zero and the bias is the mean."""
    matrix, _ = _data(1, 30)
    y = np.repeat([1.0, 2.0], 15)
    model = lgb.train({**PARAMETERS, "min_data_in_leaf": 30}, lgb.Dataset(matrix, y), 3)
    made = trees.ensemble(model.model_to_string(), np.zeros(6, dtype=np.int32), 8)
    assert not trees.values(made, matrix, np.arange(30), 1).any()
    assert made.bias == pytest.approx(1.5)


def test_large_trees_are_refused() -> None:
    """Tables grow with two to the number of splits, so trees with many leaves are refused."""
    with pytest.raises(ValueError, match="too large"):
        trees.ensemble("", np.zeros(1, dtype=np.int32), 64)


def test_category_splits_are_refused() -> None:
    """A category split would be read as a number, so it is refused."""
    rng = np.random.default_rng(1)
    matrix = rng.integers(0, 5, (300, 1)).astype(np.float32)
    model = lgb.train(
        {**PARAMETERS, "min_data_per_group": 1, "cat_smooth": 1},
        lgb.Dataset(matrix, (matrix[:, 0] % 2).astype(float), categorical_feature=[0]),
        2,
    )
    with pytest.raises(ValueError, match="one-hot"):
        trees.ensemble(model.model_to_string(), np.zeros(1, dtype=np.int32), 8)
