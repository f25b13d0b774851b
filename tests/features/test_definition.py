"""Features as values: names, roles and fingerprints follow from the parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from configs.errors import DataError
from features.catalog import Catalog
from features.definition import AGGREGATES, Feature
from features.families import FAMILIES
from features.journey import MeasureInfo, Vocabulary
from tests.features.test_kernel import CATALOG

WAIT = Feature("measures", "touchpoints", "call", "wait", "mean", 90, "minutes", "lower", role="touchpoint")


def test_name_unit_and_driver_are_computed() -> None:
    """Nothing about a feature is typed twice."""
    assert WAIT.name == "call__wait__mean_90d"
    assert (WAIT.unit, WAIT.driver, WAIT.dimension, WAIT.empty) == ("minutes", "call", "wait", "missing")
    assert WAIT.meaning == "mean wait of 'call' encounters in the last 90 days"


def test_fingerprint_follows_every_part() -> None:
    """Another window, kind or aggregate is another feature; the same parts are the same one."""
    others = [replace(WAIT, window_days=30), replace(WAIT, kind="visit"), replace(WAIT, aggregate="max")]
    assert len({WAIT.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert Feature.from_dict(WAIT.to_dict()) == WAIT


def test_every_family_speaks_and_every_feature_explains_itself() -> None:
    """Each family of the registry yields features for a full vocabulary, each with unit, meaning, driver and empty-policy."""
    vocabulary = Vocabulary(
        tables=("customers", "touchpoints", "surveys", "transactions", "subscriptions"),
        touchpoints=("call",),
        measures={"wait": MeasureInfo("minutes", "lower", "time")},
        measured={"call": ("wait",)},
        metrics=("nps",),
        attributes={"region": "category", "age": "number"},
        categories={"customers.region": ("n", "s"), "subscriptions.plan": ("a",)},
        columns={"subscriptions": ("plan", "monthly_fee"), "customers": ("created_at",), "transactions": ("margin",)},
        usual={"call|wait": (3.0, 1.0)},
        costs={"call": 4.0},
    )
    catalog = Catalog.of(vocabulary, (30, 90))
    assert {feature.family for feature in catalog.features} == set(FAMILIES)
    for feature in catalog.features:
        assert feature.aggregate in AGGREGATES
        assert feature.meaning
        assert feature.unit
        assert feature.driver
        assert feature.empty in {"zero", "missing"}
    assert catalog.categories == {
        "touchpoints__touchpoint__worst_category_90d": ("call",),
        "touchpoints__touchpoint__first_category": ("call",),
        "touchpoints__touchpoint__last_category": ("call",),
        "subscriptions__start__plan__last_category": ("a",),
        "region": ("n", "s"),
    }


def test_two_features_of_one_name_are_refused() -> None:
    """Touchpoints that differ only in punctuation would share columns: that is an error, not a silent overwrite."""
    vocabulary = Vocabulary(tables=("touchpoints",), touchpoints=("a b", "a-b"))
    with pytest.raises(DataError, match="a_b__count_30d"):
        Catalog.of(vocabulary, (30,))


def test_a_measure_called_as_what_is_computed_is_refused() -> None:
    """A measure named effort_time would be taken for the total of all: the error names it and what to do."""
    vocabulary = Vocabulary(
        tables=("touchpoints",),
        touchpoints=("call",),
        measures={"effort_time": MeasureInfo("minutes", "lower", "time")},
    )
    with pytest.raises(DataError, match="'effort_time'"):
        Catalog.of(vocabulary, (30,))


def test_selection_keeps_the_order_asked_for() -> None:
    """A bundle's part of the catalogue comes in the bundle's order."""
    names = CATALOG.names[5:2:-1]
    assert CATALOG.select(names).names == names


def test_an_attribute_called_as_a_column_of_the_training_set() -> None:
    """Attributes named customer_id, as_of or label (a company's own columns) get names that meet nothing."""
    vocabulary = Vocabulary(
        tables=("customers",),
        attributes={"as of": "number", "label": "number", "customer id": "number", "region": "number"},
    )
    catalog = Catalog.of(vocabulary, (30,))
    assert catalog.names == ("attribute__as_of", "attribute__label", "attribute__customer_id", "region")
