"""The models of a service: which bundle answers what, and how few passes over a journey feed them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.company import Calendar
from features.journey import Vocabulary
from features.online import Online
from features.schema import NO_AS_OF
from serving.messages import Slot
from serving.reasons import Grouping
from training.bundle import Bundle

TASKS: Final[dict[Slot, str]] = {"churn": "binary", "nps": "ordinal", "value": "amount", "time_to_churn": "survival"}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A bundle under the name of what it answers."""

    slot: Slot
    bundle: Bundle

    @cached_property
    def grouping(self) -> Grouping:
        """The groups of its reasons."""
        return Grouping(self.bundle.catalog.features)

    @property
    def flat(self) -> bool:
        """Whether the model learnt from a table without times, where all that is known counts."""
        return self.bundle.spec.get("kind") == "column" and self.bundle.spec.get("as_of") is None

    @property
    def horizon_days(self) -> int | None:
        """Days that the answer looks ahead."""
        horizon = self.bundle.spec.get("horizon_days")
        return None if horizon is None else int(horizon)


class Pass:
    """One pass over a customer's events for all models of one vocabulary: the union of their features, computed once.

    A feature's value does not depend on what is computed beside it, so a model gets the same bits as from its own catalogue.

    Parameters
    ----------
    models
        Models of one vocabulary, all flat or none.
    calendar
        What is known of the whole company; None for what the newest of the models learnt with.
    """

    def __init__(self, models: list[Model], calendar: Calendar | None = None) -> None:
        features = dict.fromkeys(feature for model in models for feature in model.bundle.catalog.features)
        own = (model.bundle.catalog.calendar for model in models)
        known = max(own, key=_last_day) if calendar is None else calendar
        self.catalog = Catalog(tuple(features), models[0].bundle.catalog.vocabulary, known)
        self.models = tuple(models)
        self.flat = models[0].flat
        place = {name: number for number, name in enumerate(self.catalog.names)}
        self._columns = {
            model.slot: np.array([place[name] for name in model.bundle.catalog.names], dtype=np.int64)
            for model in models
        }

    @cached_property
    def online(self) -> Online:
        """The host that computes the features of single customers."""
        return Online(self.catalog)

    def at(self, as_of: int) -> int:
        """The moment that features are computed for: flat models have none."""
        return NO_AS_OF if self.flat else as_of

    def matrices(self, matrix: Array) -> dict[Slot, Array]:
        """Each model's features, (n, p), out of those of the pass."""
        return {slot: np.ascontiguousarray(matrix[:, columns]) for slot, columns in self._columns.items()}


def chosen(bundles: Mapping[str, Bundle]) -> Iterator[tuple[Slot, Model]]:
    """Which bundle answers what: the one of the target's own name, or the first of its task."""
    for slot, task in TASKS.items():
        fitting = {name: bundle for name, bundle in bundles.items() if bundle.task == task}
        bundle = fitting.get(slot) or next(iter(fitting.values()), None)
        if bundle is not None:
            yield slot, Model(slot, bundle)


def leaving(models: Mapping[Slot, Model]) -> Model | None:
    """The model of leaving whose rule says who is a customer still."""
    return models.get("churn") or models.get("time_to_churn")


def passes(models: Mapping[Slot, Model], calendars: Mapping[str, Calendar] | None = None) -> tuple[Pass, ...]:
    """As few passes as the models' vocabularies allow; `calendars` (by the vocabulary's digest) come before the models' own."""
    together: list[list[Model]] = []
    for model in models.values():
        vocabulary = model.bundle.catalog.vocabulary
        for group in together:
            if group[0].bundle.catalog.vocabulary == vocabulary and group[0].flat == model.flat:
                group.append(model)
                break
        else:
            together.append([model])
    known = calendars or {}
    # A vocabulary's digest costs more than nothing, and most scorers are made without calendars.
    return tuple(Pass(group, known.get(_vocabulary(group).digest) if known else None) for group in together)


def _vocabulary(group: list[Model]) -> Vocabulary:
    return group[0].bundle.catalog.vocabulary


def _last_day(calendar: Calendar) -> int:
    return int(calendar.until[-1]) if len(calendar.until) else -1
