"""What encounters leave behind: doses, and their fading sums at any moment of any customer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.world import story
from features.world.encounters import Batch
from features.world.people import Floats, Ints

_STRIDE = 1 << 33  # seconds; wider than any moment, so that customer and time fit one sortable key
_SHIFT = 1 << 32  # keeps moments before the period's start positive


def key(customer: Ints, at: Ints) -> Ints:
    """One number that sorts by customer, then by time."""
    return customer.astype(np.int64) * _STRIDE + at + _SHIFT


def dose(response: story.Response, batch: Batch) -> Floats:
    """Dose of every encounter in a batch, negative where it harms."""
    size = np.full(len(batch), response.base)
    if response.measure is not None:
        size += np.clip((batch.measures[response.measure] - response.at) / response.per, response.floor, response.cap)
    return response.sign * size


def fading_sum(batch: Batch, size: Floats, half_life_days: float, customer: Ints, at: Ints) -> Floats:
    """For each (customer, at): the sum of `size` of that customer's encounters strictly before, halved every half-life.

    One cumulative sum over all customers does it: 2^(t / half-life) stays below 2^8 over the period.
    """
    half_life = half_life_days * story.DAY
    keys = key(batch.customer, batch.at)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    total = np.concatenate(([0.0], np.cumsum(size[order] * np.exp2(batch.at[order] / half_life))))
    low = np.searchsorted(keys, customer.astype(np.int64) * _STRIDE)
    high = np.searchsorted(keys, key(customer, at))
    summed: Floats = (total[high] - total[low]) * np.exp2(-at / half_life)
    return summed


def contributions(
    batches: Mapping[str, Batch], weights: Mapping[str, float], customer: Ints, at: Ints
) -> dict[str, Floats]:
    """Each driver's present effect at each (customer, at), in the unit of `weights`; drivers of weight 0 are left out."""
    found: dict[str, Floats] = {}
    for driver in story.DRIVERS:
        weight = weights[driver.touchpoint]
        if weight:
            batch = batches[driver.touchpoint]
            size = weight * dose(driver.response, batch)
            found[driver.touchpoint] = fading_sum(batch, size, driver.half_life_days, customer, at)
    return found


def nps_weights() -> dict[str, float]:
    """Score points per dose."""
    return {driver.touchpoint: driver.nps for driver in story.DRIVERS}


def churn_weights() -> dict[str, float]:
    """Log-odds of leaving per dose: harm (a negative dose) raises them."""
    return {driver.touchpoint: -driver.churn for driver in story.DRIVERS}


def half_lives() -> dict[str, float]:
    """Days until half of an effect is left, per driver."""
    return {driver.touchpoint: driver.half_life_days for driver in story.DRIVERS}
