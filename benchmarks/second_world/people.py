"""Customers: attributes, price, tenure, and what nobody sees of them. One array per trait, one entry per customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.second_world.plan import Floats, Plan
from benchmarks.second_world.spec import Spec

Ints = npt.NDArray[np.int64]
SEGMENTS: Final = ("private", "family", "business")
REGIONS: Final = ("north", "east", "south", "west")
PLANS: Final = {"basic": 19.0, "plus": 32.0, "premium": 49.0}
_HERE_FROM_START: Final = 0.65
_LATEST_ENTRY: Final = 0.85  # share of the period by which everybody has come
_MOST_LEAVING: Final = 0.6  # share of customers that may leave before more customers are taken


@dataclass(frozen=True, slots=True)
class People:
    """Traits (customers,): days are counted from the period's start; `created` may lie before it, `entry` may not.

    `temper` is the hidden trait, standard normal; `person` what is the customer's own, in units of each outcome.
    """

    created: Floats
    entry: Floats
    segment: Ints
    region: Ints
    plan: Ints
    fee: Floats
    temper: Floats
    person: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.created)


def size(plan: Plan, spec: Spec) -> int:
    """Customers from whom the wished number of answers can be expected."""
    share = _HERE_FROM_START + (1 - _HERE_FROM_START) * (1 - _LATEST_ENTRY / 2)
    months = share * plan.days / 30
    asked = share * plan.days / plan.ask_days * plan.answer_rate
    count = spec.answers / asked
    for _ in range(20):
        rate = spec.monthly_churn if spec.churners is None else -np.log1p(-min(spec.churners / count, 0.9)) / months
        count = spec.answers / asked * rate * months / -np.expm1(-rate * months)
    if spec.churners is not None:
        count = max(count, spec.churners / _MOST_LEAVING)
    return round(count)


def draw(rng: np.random.Generator, plan: Plan, count: int) -> People:
    """Customers of whom two thirds are there when the period begins."""
    here = rng.random(count) < _HERE_FROM_START
    created = np.where(here, -rng.exponential(900.0, count) - 1.0, rng.uniform(0, _LATEST_ENTRY * plan.days, count))
    created = np.maximum(created, -4000.0)
    choice = rng.choice(len(PLANS), count, p=[0.45, 0.35, 0.2])
    own = rng.standard_normal((2, count))
    return People(
        created=created,
        entry=np.maximum(created, 0.0),
        segment=rng.choice(len(SEGMENTS), count, p=[0.5, 0.3, 0.2]),
        region=rng.choice(len(REGIONS), count, p=[0.3, 0.3, 0.25, 0.15]),
        plan=choice,
        fee=np.round(np.array(list(PLANS.values()))[choice] + rng.normal(0, 2.5, count), 2),
        temper=rng.standard_normal(count),
        # who likes the company leaves it less
        person={
            "nps": plan.person["nps"] * own[0],
            "churn": plan.person["churn"] * (np.sqrt(0.75) * own[1] - 0.5 * own[0]),
        },
    )


def controls(people: People, plan: Plan, target: str, customer: Ints, at: Floats) -> Floats:
    """Effect (rows,) of plan, tenure, segment and region on an outcome at (customer, at)."""
    effect = plan.controls[target]
    segment, region = np.asarray(effect["segment"]), np.asarray(effect["region"])
    years = np.maximum(at - people.created[customer], 0.0) / 365
    found: Floats = (
        segment[people.segment[customer]]
        + region[people.region[customer]]
        + effect["fee_per_10_eur"] * (people.fee[customer] - 30.0) / 10
        + effect["tenure_per_doubling"] * np.log2(1 + years)
    )
    return found
