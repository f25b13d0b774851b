from __future__ import annotations

import numpy as np
import pytest

from features.definition import Feature
from serving.reasons import Grouping
from tests.serving.conftest import Served


def feature(kind: str, measure: str | None, window: int | None = 30, role: str = "touchpoint") -> Feature:
    """A feature of a touchpoint."""
    aggregate = "count" if measure is None else "mean"
    return Feature("f", "touchpoints", kind, measure, aggregate, window, role=role, control=None)  # type: ignore[arg-type]


FEATURES = [feature("call", "wait", 30), feature("call", "wait", 90), feature("call", None), feature("bill", None)]


def test_features_of_one_side_merge() -> None:
    """Windows of one measure of one touchpoint are one reason, with the sum of their attributions."""
    grouping = Grouping(FEATURES)
    assert [group.code for group in grouping.groups] == ["call.wait", "call.frequency", "bill.frequency"]
    matrix = np.array([[5.0, 7.0, 1.0, 2.0]])
    top = grouping.top(matrix, np.array([[0.3, 0.4, -0.5, 0.1, 9.0]]), 3, raising_first=False)
    assert top.group.tolist() == [[0, 1, 2]]
    assert top.contribution.tolist() == [[0.7, -0.5, 0.1]]
    assert top.value.tolist() == [[7.0, 1.0, 2.0]]


def test_a_touchpoint_called_as_a_group_of_controls_is_another_driver() -> None:
    """Encounters at "value" and payments, whose group is "value", are two reasons."""
    paid = Feature("f", "transactions", "payment", None, "count", 30, control="value")
    grouping = Grouping([feature("value", None), paid])
    assert [(group.code, group.touchpoint) for group in grouping.groups] == [
        ("value.frequency", "value"),
        ("value.frequency", None),
    ]


def test_raising_first() -> None:
    """The strongest are chosen whatever their direction; then those that raise are told first."""
    grouping = Grouping(FEATURES)
    parts = np.array([[0.0, -0.9, 0.5, 0.1, 0.0]])
    assert grouping.top(np.zeros((1, 4)), parts, 2, raising_first=True).group.tolist() == [[1, 0]]
    assert grouping.top(np.zeros((1, 4)), parts, 2, raising_first=False).group.tolist() == [[0, 1]]


def test_the_value_is_of_the_feature_that_pulls_the_same_way() -> None:
    """A group's value is of the feature that contributes most in the group's own direction."""
    top = Grouping(FEATURES).top(
        np.array([[5.0, 7.0, 0.0, 0.0]]), np.array([[-0.6, 0.4, 0.0, 0.0, 0.0]]), 1, raising_first=True
    )
    assert top.value.tolist() == [[5.0]]


def test_nothing_is_no_reason() -> None:
    """A group without any attribution is not told, and leaves its place empty at the end."""
    parts = np.array([[0.0, 0.0, -0.2, 0.0, 1.0], [0.1, 0.0, -0.2, 0.05, 1.0]])
    top = Grouping(FEATURES).top(np.zeros((2, 4)), parts, 3, raising_first=True)
    assert top.group.tolist() == [[1, -1, -1], [0, 2, 1]]
    assert Grouping(FEATURES).top(np.zeros((2, 4)), parts, 0, raising_first=True).group.shape == (2, 0)
    assert Grouping(FEATURES).top(np.zeros((0, 4)), parts[:0], 3, raising_first=True).group.shape[0] == 0


def test_a_control_has_no_touchpoint() -> None:
    """A reason of price or tenure names no touchpoint."""
    price = Feature("contract", "subscriptions", "start", "monthly_fee", "last", control="price")
    (group,) = Grouping([price]).groups
    assert (group.code, group.touchpoint) == ("price.monthly_fee", None)


def test_all_groups_and_the_bias_are_the_score(served: Served) -> None:
    """Summed over all groups, attributions and bias give the model's raw score."""
    model = served.scorer.models["churn"]
    matrix = np.random.default_rng(0).normal(10, 20, (50, len(model.bundle.catalog.features)))
    parts = model.bundle.contributions(matrix)
    top = model.grouping.top(matrix, parts, len(model.grouping.groups), raising_first=True)
    sums = np.where(top.group >= 0, top.contribution, 0).sum(axis=1) + parts[:, -1]
    assert sums == pytest.approx(model.bundle.raw(matrix), abs=1e-9)
