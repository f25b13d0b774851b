"""Who the customer is: attributes as known at as_of, each a group of controls of its own, and the account's age."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.journey import CREATED, VERSION, Vocabulary
from features.schema import CREATED_AT, CUSTOMERS


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:  # noqa: ARG001 - one signature for all
    """The newest version of each attribute; days since the account was created."""
    for name, kind in vocabulary.attributes.items():
        aggregate = "current" if kind == "number" else "current_category"
        yield Feature("attributes", CUSTOMERS, VERSION, name, aggregate, control=name)
    if vocabulary.has(CUSTOMERS, CREATED_AT):
        yield Feature("attributes", CUSTOMERS, CREATED, None, "age", control="tenure")
