"""Tabled pair values are those of shap's TreeExplainer, summed by pair of groups."""

from __future__ import annotations

import warnings

import lightgbm as lgb
import numpy as np
import pytest

from drivers.questions import pair_trees

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
    matrix = rng.normal(size=(rows, 7)).astype(np.float32)
    matrix[rng.random(rows) < 0.4, 0] = np.nan
    y = np.nan_to_num(matrix[:, 0]) * matrix[:, 3] + matrix[:, 1] * (matrix[:, 2] > 0) + 2 * matrix[:, 4]
    return matrix, y + rng.normal(size=rows) * 0.1


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2, 0], [2, 1, 0, 2, 1, 0, 1]])
def test_values_are_those_of_shap(groups: list[int]) -> None:
    """Pairs are twice SHAP's cells summed by groups; main values are what its diagonal blocks hold."""
    matrix, y = _data(3)
    model = lgb.train(PARAMETERS, lgb.Dataset(matrix, y), 30)
    fresh, _ = _data(4, 80)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # shap's own, of matplotlib when it is imported and of LightGBM's binary outputs
        import shap
    exact = shap.TreeExplainer(model).shap_interaction_values(fresh.astype(np.float64))
    group = np.array(groups, dtype=np.int32)
    count = group.max() + 1
    member = np.eye(count)[group]
    summed = np.einsum("rij,ia,jb->rab", exact, member, member)
    made = pair_trees.pair_ensemble(model.model_to_string(), group, 8)
    low, high = np.triu_indices(count, 1)
    found = pair_trees.pair_values(made, fresh, np.arange(80), np.column_stack([high, low]))
    np.testing.assert_allclose(found[:, :-1], 2 * summed[:, low, high], atol=1e-4)
    assert np.abs(found[:, :-1]).max() > 0.1
    assert not found[:, -1].any()
    main = pair_trees.main_values(made, fresh, np.arange(80))
    np.testing.assert_allclose(main, summed[:, range(count), range(count)], atol=1e-4)


def test_main_and_pair_values_add_up_to_the_prediction() -> None:
    """Main values, the pairs asked for, all other pairs and the bias are the raw score."""
    matrix, y = _data(5)
    model = lgb.train(PARAMETERS, lgb.Dataset(matrix, y), 40)
    made = pair_trees.pair_ensemble(model.model_to_string(), np.arange(7, dtype=np.int32), 8)
    main = pair_trees.main_values(made, matrix, np.arange(600))
    pairs = pair_trees.pair_values(made, matrix, np.arange(600), np.array([[0, 3], [1, 2]]))
    assert pairs.shape == (600, 3)
    assert np.abs(pairs[:, 2]).max() > 0.01
    whole = main.sum(axis=1) + pairs.sum(axis=1) + made.main.bias
    np.testing.assert_allclose(whole, model.predict(matrix), atol=1e-4)


def test_an_additive_model_has_no_pairs() -> None:
    """Trees of one split each have main values only."""
    matrix, y = _data(6)
    model = lgb.train({**PARAMETERS, "num_leaves": 2}, lgb.Dataset(matrix, y), 20)
    made = pair_trees.pair_ensemble(model.model_to_string(), np.arange(7, dtype=np.int32), 8)
    found = pair_trees.pair_values(made, matrix, np.arange(600), np.array([[0, 1]]))
    assert not found.any()
    assert pair_trees.main_values(made, matrix, np.arange(600)).any()


def test_a_model_without_splits_has_nothing() -> None:
    """Where nothing can be learnt all values are zero."""
    matrix, _ = _data(1, 30)
    model = lgb.train({**PARAMETERS, "min_data_in_leaf": 30}, lgb.Dataset(matrix, np.repeat([1.0, 2.0], 15)), 3)
    made = pair_trees.pair_ensemble(model.model_to_string(), np.arange(7, dtype=np.int32), 8)
    assert not pair_trees.pair_values(made, matrix, np.arange(30), np.array([[0, 1]])).any()
    assert not pair_trees.main_values(made, matrix, np.arange(30)).any()
