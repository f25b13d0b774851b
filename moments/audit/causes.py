"""Why a vector differs from what today's tables give: other data, another definition, or a computation that is wrong.

What the service saw is known by a number per event (`features.trace`). The same events and the same definition, and yet other
bits: that is a bug. Where the tables hold more than the service saw, the vector is computed once more without what came later;
only if it is then the same to the bit does the later data explain it. The company's calendar was logged as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.company import COLUMNS, Calendar
from features.customer import Journey
from features.definition import Feature
from features.layout import QUALITY
from features.online import Online
from features.trace import Hashes, event_hashes, extra, only

Cause = Literal[
    "bug",
    "changed_definition",
    "changed_data",
    "late_data",
    "request_data",
    "unknown_customer",
    "model_not_found",
]

CAUSES: Final[dict[Cause, str]] = {
    "bug": "the same data and the same definition give another value",
    "changed_definition": "the feature is computed otherwise today than when the model was trained",
    "changed_data": "the tables no longer hold what the service saw of the customer or of the company",
    "late_data": "the tables hold more than the service saw, and without it the value is the same",
    "request_data": "the journey came in the request, and the tables hold another one",
    "unknown_customer": "the tables do not know the customer",
    "model_not_found": "the model that scored is neither under the output nor in the registry",
}
"""Causes, the gravest first, and what each says."""

ANSWER: Final = "(answer)"
"""Stands in place of a feature where the model itself answers the same vector otherwise than it did."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One logged vector, without its values: whose, when, out of which data."""

    customer_id: str
    as_of: int
    origin: str
    events: Hashes
    calendar: Calendar | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The cause of each differing feature, and how many events today's tables have more and less than the service saw."""

    causes: list[Cause]
    new: int
    gone: int


class Judge:
    """Says why vectors of one vocabulary differ.

    Parameters
    ----------
    catalog
        The features of all its models, with today's calendar.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._online: dict[int, tuple[Calendar, Online]] = {}

    def judge(
        self,
        vector: Vector,
        journey: Journey,
        as_of: int,
        features: Iterable[tuple[Feature | None, float]],
        changed: frozenset[str],
    ) -> Verdict:
        """The causes of differing features, in their order.

        Parameters
        ----------
        vector
            What was logged.
        journey
            The customer's in today's tables.
        as_of
            The moment the features were computed for.
        features
            Each differing feature (None: it cannot be read any more) with the served value.
        changed
            Names of features that are defined otherwise today.
        """
        vocabulary = self._catalog.vocabulary
        today = event_hashes(journey, as_of, vocabulary)
        new, gone = extra(today, vector.events), extra(vector.events, today)
        today_company = self._catalog.calendar
        company = "same" if vector.calendar is None else company_state(vector.calendar, today_company, as_of)
        before: NDArray[np.float64] | None = None
        causes: list[Cause] = []
        for feature, served in features:
            if feature is None or feature.name in changed:
                causes.append("changed_definition")
                continue
            looks = feature.aggregate.startswith("company_")
            own = feature.aggregate != "company_change"  # that one looks at the company alone
            if own and (new or gone) and vector.origin == "request":
                causes.append("request_data")
            elif own and gone:
                causes.append("changed_data")
            elif (own and new) or (looks and company != "same"):
                if before is None:
                    known = journey if gone else only(journey, as_of, vocabulary, vector.events)
                    before = self._with(vector.calendar).row(known, as_of)
                explained: Cause = "changed_data" if looks and company == "changed" else "late_data"
                same = same_bits(before[self._catalog.index(feature.name)], served)
                causes.append(explained if same else "bug")
            else:
                causes.append("bug")
        return Verdict(causes, new, gone)

    def _with(self, calendar: Calendar | None) -> Online:
        """The online host with another calendar than today's, where one is given."""
        wanted = self._catalog.calendar if calendar is None else calendar
        if id(wanted) not in self._online:
            self._online[id(wanted)] = wanted, Online(replace(self._catalog, calendar=wanted))
        return self._online[id(wanted)][1]


def company_state(served: Calendar, today: Calendar, as_of: int) -> Literal["same", "more", "changed"]:
    """How today's calendar stands to the one that the service had, in the days that were over at `as_of`.

    More has come when no day counts less of anything than it did; quality alone may go either way, with further encounters.
    """
    then, now = (int(np.searchsorted(calendar.until, as_of, side="right")) for calendar in (served, today))
    if not np.isin(served.until[:then], today.until[:now]).all():
        return "changed"
    old = served.amounts[:then]
    new = today.amounts[np.searchsorted(today.until[:now], served.until[:then])]
    counts = [place for place, name in enumerate(COLUMNS) if name != QUALITY]
    less = (new[:, counts] < old[:, counts]).any(axis=1)
    edited = (new[:, counts] == old[:, counts]).all(axis=1) & (new != old).any(axis=1)
    if (less | edited).any():
        return "changed"
    return "same" if then == now and (new == old).all() else "more"


def same_bits(one: float, other: float) -> bool:
    """Whether two values are the same float64; missing is missing."""
    return not differing(np.array([one]), np.array([other]))[0]


def differing(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where two arrays of one shape differ in a bit; NaN is NaN, whatever its bits."""
    bits = np.ascontiguousarray(one).view(np.int64) != np.ascontiguousarray(other).view(np.int64)
    return np.asarray(bits & ~(np.isnan(one) & np.isnan(other)))
