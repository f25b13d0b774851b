"""The catalogue: every feature that a vocabulary gives rise to, in one order, with its categories.

The families are the only list of features; the catalogue is what they say of one company. A bundle stores the part of it that
a model uses, and that part alone is computed when the model answers.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import BundleError, DataError
from features.comments import LANGUAGES
from features.company import Calendar, look_ups
from features.definition import Feature
from features.families import FAMILIES
from features.journey import Vocabulary
from features.layout import COMMENT_LANGUAGE, RESERVED, Layout, wanted_of
from features.parameters import parameters
from features.plan import Plan, compile_plan
from features.schema import SURVEYS, TOUCHPOINT, TOUCHPOINTS


@dataclass(frozen=True)
class Catalog:
    """Features in column order, the vocabulary that they are read with, and what was known of the whole company.

    `beside` names computed columns that are laid out though these features do not read them: another catalogue does, of the
    same encoded events.
    """

    features: tuple[Feature, ...]
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    calendar: Calendar = field(default_factory=Calendar)
    beside: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        twice = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if twice:
            same = [feature.meaning for feature in self.features if feature.name == twice[0]]
            raise DataError(
                f"two features would be called '{twice[0]}': {' and '.join(same)}",
                where="touchpoints, measures, metrics and attributes",
                next_move="rename one of the touchpoints, measures, metrics or attributes with 'columns' or 'sql'",
            )
        self._unambiguous()
        for name in self.vocabulary.measures:
            if name in RESERVED:
                raise DataError(
                    f"a measure cannot be called '{name}': that is computed of every encounter",
                    where="data.tables.touchpoints.measures",
                    available=f"any name but {', '.join(sorted(RESERVED))}",
                    next_move="rename the measure; its column may keep its name",
                )

    def _unambiguous(self) -> None:
        """What is usual stands under ``kind|measure``: refuse names that make one such key of two pairs."""
        if not any("|" in name for name in self.vocabulary.measures):
            return
        pairs: dict[str, tuple[str, str]] = {}
        for kind in self.vocabulary.touchpoints:
            for name in self.vocabulary.measures:
                other = pairs.setdefault(f"{kind}|{name}", (kind, name))
                if other != (kind, name):
                    raise DataError(
                        f"'{name}' at '{kind}' and '{other[1]}' at '{other[0]}' cannot be told apart: both read '{kind}|{name}'",
                        where="data.tables.touchpoints.measures",
                        available="names of measures without a bar",
                        next_move="rename the measure; its column may keep its name",
                    )

    @classmethod
    def of(cls, vocabulary: Vocabulary, windows: tuple[int, ...]) -> Catalog:
        """All features of all families for a vocabulary."""
        return cls(tuple(item for family in FAMILIES.values() for item in family(vocabulary, windows)), vocabulary)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """Name of each categorical feature to its categories; a code is an index into them."""
        known = {
            **self.vocabulary.categories,
            f"{TOUCHPOINTS}.{TOUCHPOINT}": self.vocabulary.touchpoints,
            f"{TOUCHPOINTS}.{COMMENT_LANGUAGE}": LANGUAGES,
            f"{SURVEYS}.{COMMENT_LANGUAGE}": LANGUAGES,
        }
        return {
            feature.name: known.get(f"{feature.source}.{feature.measure}", ())
            for feature in self.features
            if feature.category
        }

    @cached_property
    def layout(self) -> Layout:
        """Where kinds and values lie for the kernel."""
        return Layout(self.vocabulary, wanted_of(self.features) | self.beside)

    @cached_property
    def company(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the features that look at the whole company, and what each of them looks up there."""
        places = [place for place, item in enumerate(self.features) if item.aggregate.startswith("company_")]
        return np.array(places, dtype=np.int64), look_ups([self.features[place] for place in places])

    def signature(self, name: str) -> str:
        """Names everything that a feature's value depends on but the customer's events: two equal ones give equal values."""
        feature = self.features[self.index(name)]
        content = {"fingerprint": feature.fingerprint, "read": parameters(feature, self.vocabulary, self.categories)}
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]

    @cached_property
    def plan(self) -> Plan:
        """The kernel's program for these features."""
        return compile_plan(self.features, self.layout)

    def index(self, name: str) -> int:
        """Column of a feature by its name."""
        return self.names.index(name)

    def select(self, names: Iterable[str]) -> Catalog:
        """The same vocabulary with these features only, in this order."""
        by_name = {feature.name: feature for feature in self.features}
        return replace(self, features=tuple(by_name[name] for name in names))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the fingerprint of each feature."""
        return {
            "features": [{**feature.to_dict(), "fingerprint": feature.fingerprint} for feature in self.features],
            "vocabulary": self.vocabulary.to_dict(),
            "calendar": self.calendar.to_dict(),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any], *, where: str = "bundle") -> Catalog:
        """The inverse of `to_dict`.

        Raises
        ------
        BundleError
            When a feature's definition is not today's: its fingerprint differs.
        """
        features = []
        for parts in content["features"]:
            feature = Feature.from_dict({name: value for name, value in parts.items() if name != "fingerprint"})
            if feature.fingerprint != parts["fingerprint"]:
                raise BundleError(
                    f"the feature '{feature.name}' is defined otherwise here",
                    where=where,
                    available=f"fingerprint {feature.fingerprint}, the bundle's is {parts['fingerprint']}",
                    next_move="train again with this version, or serve the bundle with the version that made it",
                )
            features.append(feature)
        return cls(
            tuple(features), Vocabulary.from_dict(content["vocabulary"]), Calendar.from_dict(content["calendar"])
        )
