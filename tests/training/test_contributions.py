"""Contributions are SHAP values: equal to the shap package's, and to Shapley's sum over all coalitions on a small tree."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import lightgbm as lgb
import numpy as np

from training.bundle import Bundle
from training.dataset import path_of, read


def test_contributions_equal_shap(demo: Any) -> None:
    """For every target, the bundle's contributions are those of shap.TreeExplainer, times the calibration's slope."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's own imports warn of each other
        import shap

    for name in ("churn", "nps", "value"):
        bundle = Bundle.load(demo.output / "models" / name)
        rows = read(path_of(demo.settings, name)).select(bundle.catalog)[:20]
        ours = bundle.contributions(rows)
        # The slopes are found from the raw score itself, so that this test does not lean on how the bundle keeps them.
        np.testing.assert_allclose(ours.sum(axis=1), bundle.raw(rows), atol=1e-9)
        if len(bundle.boosters) == 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # shap tells that lists have become arrays
                values = np.asarray(shap.TreeExplainer(bundle.boosters[0]).shap_values(rows))
            values = values[1] if values.ndim == 3 else values
            slope = np.linalg.lstsq(values.reshape(-1, 1), ours[:, :-1].reshape(-1), rcond=None)[0][0]
            np.testing.assert_allclose(ours[:, :-1], slope * values, atol=1e-6)


def test_tree_values_are_shapleys() -> None:
    """On a small tree, contributions equal the sum over all coalitions with cover-weighted expectations (Lundberg et al., 2020)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = X[:, 0] * X[:, 1] + X[:, 2]
    parameters = {
        "num_leaves": 6,
        "min_data_in_leaf": 20,
        "learning_rate": 1.0,
        "verbosity": -1,
        "objective": "regression",
    }
    booster = lgb.train(parameters, lgb.Dataset(X, y), num_boost_round=1)
    tree = booster.dump_model()["tree_info"][0]["tree_structure"]

    def expected(node: dict[str, Any], row: np.ndarray[Any, Any], known: frozenset[int]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            return expected(left if row[node["split_feature"]] <= node["threshold"] else right, row, known)
        sizes = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
        parts = [expected(child, row, known) for child in (left, right)]
        return float(np.average(parts, weights=sizes))

    for row in X[:10]:
        got = booster.predict(row[None], pred_contrib=True)[0]
        for feature in range(3):
            others = [item for item in range(3) if item != feature]
            total = 0.0
            for size in range(3):
                weight = math.factorial(size) * math.factorial(2 - size) / math.factorial(3)
                for chosen in itertools.combinations(others, size):
                    some = frozenset(chosen)
                    total += weight * (expected(tree, row, some | {feature}) - expected(tree, row, some))
            np.testing.assert_allclose(got[feature], total, atol=1e-9)
