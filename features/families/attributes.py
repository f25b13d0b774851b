"""Who the customer is: attributes as known at as_of, each a group of controls of its own, and the account's age."""

from __future__ import annotations

from collections.abc import Iterator

from features.definition import Feature
from features.journey import CHANGE, CREATED, VERSION, Vocabulary
from features.schema import CREATED_AT, CUSTOMERS, VALID_FROM


def features(vocabulary: Vocabulary, windows: tuple[int, ...]) -> Iterator[Feature]:
    """The newest version of each attribute; versions in which one changed; days since the account was created."""
    for name, kind in vocabulary.attributes.items():
        aggregate = "current" if kind == "number" else "current_category"
        yield Feature("attributes", CUSTOMERS, VERSION, name, aggregate, control=name)
    if vocabulary.has(CUSTOMERS, VALID_FROM) and vocabulary.attributes:
        yield Feature("attributes", CUSTOMERS, CHANGE, None, "count", windows[-1], control="tenure")
        yield Feature("attributes", CUSTOMERS, CHANGE, None, "recency", control="tenure")
    if vocabulary.has(CUSTOMERS, CREATED_AT):
        yield Feature("attributes", CUSTOMERS, CREATED, None, "age", control="tenure")
