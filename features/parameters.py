"""Which of the things that a company's vocabulary learnt a feature's value depends on.

What was learnt changes with every month of new data, a little; a feature that does not read what changed keeps its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from features.definition import Feature
from features.journey import (
    CHANGE,
    DISCOUNT,
    ENTRY,
    FEE_CUT,
    FEE_RISE,
    FRESH,
    GOOD,
    HANDOVER,
    LOOP_BACK,
    PLAN_CHANGE,
    PREMIUM,
    RISEN,
    SEQUENCE,
    SWITCH,
    UNKNOWN_TOUCHPOINT,
    Vocabulary,
)
from features.layout import COST, QUALITY, RESOLUTION
from features.schema import CATEGORY, CUSTOMERS, PLAN, STAGE, SUBSCRIPTIONS, TOUCHPOINTS, TRANSACTIONS

_OF_QUALITY: Final = {"worst_age", "worst_category", "recovered"}
"""Aggregates that look for the worst encounter, whatever their measure."""


def parameters(feature: Feature, vocabulary: Vocabulary, categories: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """What of the vocabulary a feature reads, as plain JSON values."""
    read: dict[str, Any] = {}
    if feature.category:
        read["categories"] = list(categories.get(feature.name, ()))
    if feature.measure == QUALITY or feature.aggregate in _OF_QUALITY or feature.kind == GOOD:
        read["measures"] = {name: asdict(info) for name, info in vocabulary.measures.items()}
        read["usual"] = vocabulary.usual
    elif feature.measure in vocabulary.measures and feature.source == TOUCHPOINTS:
        info = vocabulary.measures[feature.measure]
        # The middle value is read where an encounter is compared with it, and nowhere else.
        read["measure"] = {**asdict(info), "median": 0.0}
        if feature.aggregate == "worse_share":
            read["usual"] = vocabulary.usual.get(f"{feature.kind}|{feature.measure}")
    elif feature.measure is not None and feature.measure.startswith("effort_"):
        read["measures"] = {name: asdict(info) for name, info in vocabulary.measures.items() if info.effort}
    if feature.measure == COST:
        read["costs"] = vocabulary.costs
    if feature.measure == RESOLUTION:
        read["measures"] = {name: asdict(info) for name, info in vocabulary.measures.items()}
    if feature.measure == STAGE or feature.kind in {LOOP_BACK, ENTRY}:
        read["stages"] = list(vocabulary.categories.get(f"{TOUCHPOINTS}.{STAGE}", ()))
        read["places"] = vocabulary.places
    if feature.kind == HANDOVER or feature.measure == "department":
        read["departments"] = list(vocabulary.categories.get(f"{TOUCHPOINTS}.department", ()))
        read["places"] = vocabulary.places
    if feature.kind == SWITCH or feature.measure == "channel":
        read["channels"] = list(vocabulary.categories.get(f"{TOUCHPOINTS}.channel", ()))
    if feature.kind.startswith(SEQUENCE):
        read["touchpoints"] = list(vocabulary.touchpoints)
    if feature.kind in {FRESH, RISEN} or (feature.source == TRANSACTIONS and feature.measure == CATEGORY):
        read["categories"] = list(vocabulary.categories.get(f"{TRANSACTIONS}.{CATEGORY}", ()))
    if feature.kind in {PREMIUM, DISCOUNT}:
        # A category that is not known is priced as what has none.
        read["prices"] = vocabulary.prices
        read["categories"] = list(vocabulary.categories.get(f"{TRANSACTIONS}.{CATEGORY}", ()))
    if feature.kind in {PLAN_CHANGE, FEE_RISE, FEE_CUT} or feature.aggregate == "last_step":
        # Which contract another follows depends on their plans.
        read["plans"] = list(vocabulary.categories.get(f"{SUBSCRIPTIONS}.{PLAN}", ()))
    if feature.source == CUSTOMERS and feature.kind == CHANGE:
        # A category that is not known tells nothing, and so changes nothing.
        read["attributes"] = {
            name: list(vocabulary.categories.get(f"{CUSTOMERS}.{name}", ())) for name in vocabulary.attributes
        }
    if feature.kind == UNKNOWN_TOUCHPOINT:
        read["touchpoints"] = list(vocabulary.touchpoints)
    return read
