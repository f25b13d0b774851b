"""Who the customers are: attributes that the tables show and traits that they do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.world import story

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Name of attribute: values with their shares.
ATTRIBUTES: Final[dict[str, dict[str, float]]] = {
    "segment": {"consumer": 0.5, "family": 0.25, "business": 0.13, "student": 0.12},
    "region": {"north": 0.25, "center": 0.4, "south": 0.2, "coast": 0.15},
    "age_band": {"18-29": 0.22, "30-44": 0.33, "45-59": 0.27, "60+": 0.18},
    "acquisition_channel": {"store": 0.35, "web": 0.35, "partner": 0.18, "phone": 0.12},
    "payment_method": {"card": 0.4, "autopay": 0.42, "transfer": 0.18},
    "language": {"en": 0.4, "he": 0.28, "ar": 0.15, "ru": 0.17},
}
TRAITS: Final = {"digital": 0.6, "trouble": 0.45, "usage": 0.5}  # log-normal spread around a mean of 1
JOIN_LATER: Final = 0.28  # share of customers who join within the period
TENURE_YEARS: Final = 3.0  # mean age of the others' contracts at the start
AGE_UNKNOWN: Final = 0.04
FEE_SPREAD: Final = 0.12  # discounts and extras around the list price


@dataclass(frozen=True, slots=True)
class People:
    """N customers; `created` in seconds from the period's start (negative: before it), one array of N values each."""

    attributes: dict[str, Ints]  # position in ATTRIBUTES[name]
    traits: dict[str, Floats]
    created: Ints
    plan: Ints
    fee: Floats
    age_unknown: npt.NDArray[np.bool_]
    nps_person: Floats
    churn_person: Floats

    @property
    def count(self) -> int:
        """Number of customers."""
        return len(self.created)

    @property
    def first(self) -> Ints:
        """When a customer can first be met within the period, in seconds from its start."""
        return np.maximum(self.created, 0)


def draw_people(rng: np.random.Generator, customers: int) -> People:
    """Draw attributes, traits, joining dates, plans and fees of `customers` people."""
    attributes = {
        name: rng.choice(len(shares), customers, p=list(shares.values())).astype(np.int64)
        for name, shares in ATTRIBUTES.items()
    }
    traits = {name: np.exp(rng.normal(-(sd**2) / 2, sd, customers)) for name, sd in TRAITS.items()}
    later = rng.random(customers) < JOIN_LATER
    before = -rng.exponential(TENURE_YEARS * story.YEAR, customers) - story.DAY
    within = rng.random(customers) * (story.SPAN - 5 * story.DAY)
    plan = draw_plan(rng, attributes["segment"])
    return People(
        attributes=attributes,
        traits=traits,
        created=np.where(later, within, np.maximum(before, -15.0 * story.YEAR)).astype(np.int64),
        plan=plan,
        fee=draw_fee(rng, plan),
        age_unknown=rng.random(customers) < AGE_UNKNOWN,
        nps_person=rng.normal(0.0, story.NPS_PERSON_SD, customers),
        churn_person=rng.normal(0.0, story.CHURN_PERSON_SD, customers),
    )


def draw_plan(rng: np.random.Generator, segment: Ints) -> Ints:
    """A plan for each customer: businesses take the larger ones."""
    rank = rng.normal(0.0, 1.0, len(segment))
    rank += np.where(segment == list(ATTRIBUTES["segment"]).index("business"), 1.2, 0.0)
    return np.digitize(rank, (-0.5, 0.6, 1.5)).astype(np.int64)


def draw_fee(rng: np.random.Generator, plan: Ints) -> Floats:
    """Monthly fee in EUR around the plan's list price."""
    listed = np.array(list(story.PLANS.values()))
    return np.round(listed[plan] * np.exp(rng.normal(0.0, FEE_SPREAD, len(plan))), 2)


def control_effect(people: People, effects: dict[str, dict[str, float]]) -> Floats:
    """Sum of the planted effects of the attributes, per customer, in the unit of `effects`."""
    total = np.zeros(people.count)
    for name, by_value in effects.items():
        total += np.array([by_value[value] for value in ATTRIBUTES[name]])[people.attributes[name]]
    return total
