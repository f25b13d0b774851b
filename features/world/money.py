"""What customers pay: bills, purchases beside the plan, and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.world import story
from features.world.contracts import Contracts
from features.world.encounters import Batch, at_rate, shift
from features.world.loyalty import fading_sum
from features.world.people import Floats, Ints, People

CATEGORIES: Final = ("plan", "roaming", "device", "accessory", "content", "refund")
# Purchases beside the plan: per customer and year, mean price in EUR, margin rate.
EXTRAS: Final = {
    "roaming": (0.5, 14.0, 0.55),
    "device": (0.15, 210.0, 0.12),
    "accessory": (0.3, 24.0, 0.35),
    "content": (0.6, 9.0, 0.30),
}
PLAN_MARGIN: Final = (0.42, 0.03)  # mean and deviation of the rate
PRICE_SPREAD: Final = 0.4
PAY_DAYS: Final = (1.0, 14.0)
REFUND_SHARE: Final = 0.7  # of billing errors
REFUND_DAYS: Final = (3.0, 20.0)
FOREVER_DAYS: Final = 1.0e6  # a half-life under which nothing fades: price rises add up


@dataclass(frozen=True, slots=True)
class Payments:
    """One row per payment or refund (negative), in EUR; `category` counts in CATEGORIES."""

    customer: Ints
    at: Ints
    amount: Floats
    margin: Floats
    category: Ints
    quantity: Ints

    def take(self, chosen: npt.NDArray[np.bool_] | Ints) -> Payments:
        """The payments picked by a mask or by positions."""
        return Payments(*(getattr(self, name)[chosen] for name in self.__slots__))


def _payments(
    customer: Ints, at: Ints, amount: Floats, rate: Floats | float, category: str, quantity: Ints
) -> Payments:
    kind = np.full(len(at), CATEGORIES.index(category))
    amount = np.round(amount, 2)
    return Payments(customer, at, amount, np.round(amount * rate, 2), kind, quantity)


def _plan(rng: np.random.Generator, contracts: Contracts, encounters: Mapping[str, Batch]) -> Payments:
    bills, notices = encounters["bill"], encounters["price_change_notice"]
    position = contracts.running(bills.customer, bills.at)
    # a final bill comes after the end: it is for the contract that ran a week before
    earlier = contracts.running(bills.customer, bills.at - int(story.FINAL_BILL_DAYS * story.DAY) - story.DAY)
    position = np.where(position >= 0, position, earlier)
    fee = np.where(position >= 0, contracts.fee[np.maximum(position, 0)], 0.0)
    rises = fading_sum(notices, notices.measures["charge"], FOREVER_DAYS, bills.customer, bills.at)
    at = bills.at + (rng.uniform(*PAY_DAYS, len(bills)) * story.DAY).astype(np.int64)
    rate = rng.normal(*PLAN_MARGIN, len(bills))
    amount = fee + rises + bills.measures["charge"]
    return _payments(bills.customer, at, amount, rate, "plan", np.ones(len(bills), dtype=np.int64))


def draw_payments(
    rng: np.random.Generator, people: People, contracts: Contracts, encounters: Mapping[str, Batch]
) -> Payments:
    """All payments inside the period, in the order of time."""
    parts = [_plan(rng, contracts, encounters)]
    for name, (per_year, price, rate) in EXTRAS.items():
        customer, at = at_rate(rng, people, per_year * people.traits["usage"])
        there = contracts.running(customer, at) >= 0
        customer, at = customer[there], at[there]
        quantity = 1 + rng.poisson(0.2, len(at))
        amount = price * np.exp(rng.normal(-(PRICE_SPREAD**2) / 2, PRICE_SPREAD, len(at))) * quantity
        parts.append(_payments(customer, at, amount, rate, name, quantity))
    errors = encounters["billing_error"]
    errors = errors.take((rng.random(len(errors)) < REFUND_SHARE) & (errors.measures["charge"] > 0))
    customer, at = shift(rng, errors, 1.0, REFUND_DAYS)
    ones = np.ones(len(errors), dtype=np.int64)
    parts.append(_payments(customer, at, -errors.measures["charge"], 1.0, "refund", ones))
    fields = Payments.__slots__
    together = Payments(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    together = together.take(together.at < story.SPAN)
    return together.take(np.lexsort((together.customer, together.at)))
