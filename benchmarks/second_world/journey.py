"""Encounters: batches per kind, drawn by customer and week, and what of them is left in a customer at a moment.

A batch is sorted by customer and time. Rates follow the customer's activity, a gamma share of their own, bad spells and the
hidden trait; followers come after their hosts. Everything is drawn for the whole period, and cut when it is known who left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchmarks.second_world.people import Ints, People
from benchmarks.second_world.plan import Floats, Kind, Plan

Flags = npt.NDArray[np.bool_]
WEEK: Final = 7.0
_SPAN: Final = 8192.0  # days that set customers apart in one sorted key; longer than any period


@dataclass(frozen=True, slots=True)
class Batch:
    """Encounters of one kind (encounters,): who, when (days), what was measured, the dose, and whether another kind caused it."""

    customer: Ints
    at: Floats
    measured: dict[str, Floats]
    dose: Floats
    caused: Flags
    z: Floats

    def __len__(self) -> int:
        return len(self.at)

    def where(self, kept: Flags) -> Batch:
        """The encounters that are kept."""
        measured = {name: value[kept] for name, value in self.measured.items()}
        return Batch(self.customer[kept], self.at[kept], measured, self.dose[kept], self.caused[kept], self.z[kept])


Journey = dict[str, Batch]


def weeks(plan: Plan) -> int:
    """Weeks of the period, the last one not whole."""
    return int(np.ceil(plan.days / WEEK))


def key(customer: Ints, at: Floats) -> Floats:
    """One number that sorts by customer, then by time."""
    return customer * _SPAN + at


def spells(rng: np.random.Generator, plan: Plan, count: int) -> Flags:
    """Bad weeks (customers, weeks): each spell lasts three to eight weeks."""
    width = weeks(plan)
    start = rng.random((count, width)) < plan.spells_per_year * WEEK / 365
    who, first = np.nonzero(start)
    length = rng.integers(3, 9, len(who))
    edge = np.zeros((count, width + 9), dtype=np.int64)
    np.add.at(edge, (who, first), 1)
    np.add.at(edge, (who, first + length), -1)
    return np.cumsum(edge, axis=1)[:, :width] > 0


def batch(
    rng: np.random.Generator, kind: Kind, customer: Ints, at: Floats, caused: Flags, z: Floats | None = None
) -> Batch:
    """Encounters with their measures, sorted; `z` is how bad each was where another kind says so (NaN: by chance)."""
    order = np.argsort(key(customer, at), kind="stable")
    customer, at, caused = customer[order], at[order], caused[order]
    given = np.full(len(at), np.nan) if z is None else z[order]
    draws = rng.standard_normal((len(kind.measures) + 1, len(at)))
    # the measure that matters, or else the first one, carries what followers echo
    lead = kind.measure or next(iter(kind.measures), None)
    echo = kind.follow.echo if kind.follow else 0.0
    measured, main = {}, draws[-1]
    for name, own in zip(kind.measures, draws, strict=False):
        linked = np.where(np.isnan(given), own, echo * np.nan_to_num(given) + np.sqrt(1 - echo**2) * own)
        measured[name] = kind.measures[name].values(name, linked)
        if name == lead:
            main = linked
    dose = kind.dose(measured, len(at)) if kind.shape else np.zeros(len(at))
    return Batch(customer, at, measured, dose, caused, main)


def _own(rng: np.random.Generator, plan: Plan, rate: Floats) -> tuple[Ints, Floats]:
    """Encounters of a rate per year (customers, weeks)."""
    counts = rng.poisson(rate * WEEK / 365)
    flat = np.repeat(np.arange(counts.size), counts.ravel())
    customer, week = np.divmod(flat, rate.shape[1])
    at = (week + rng.random(len(flat))) * WEEK
    kept = at < plan.days
    return customer[kept], at[kept]


def meet(
    rng: np.random.Generator,
    plan: Plan,
    people: People,
    kind: Kind,
    bad: Flags,
    host: Batch | None,
    mood: Floats | None = None,
) -> Batch:
    """Encounters of one kind; `host` is what it follows, `mood` (customers, weeks) the contentment that it flees."""
    share = rng.gamma(3.0, 1 / 3.0, len(people)) * np.exp(kind.temper * people.temper - kind.temper**2 / 2)
    share *= np.exp(rng.normal(0, 0.15, 3))[people.segment]
    rate = (kind.rate * share)[:, None] * np.where(bad, kind.spell, 1.0)
    if mood is not None and kind.unhappy:
        rate = rate * np.exp(-kind.unhappy * mood - kind.unhappy**2 / 2)
    customer, at = _own(rng, plan, rate)
    there = at >= people.entry[customer]
    customer, at = customer[there], at[there]
    caused, z = np.zeros(len(at), dtype=np.bool_), np.full(len(at), np.nan)
    if host is not None and kind.follow is not None:
        rule = kind.follow
        taken = rng.random(len(host)) < rule.share
        lag = rng.uniform(*rule.days, len(host))
        if rule.exponential is not None:
            lag = np.minimum(rule.days[0] + rng.exponential(rule.exponential, len(host)), rule.days[1])
        taken &= host.at + lag < plan.days
        customer = np.concatenate([customer, host.customer[taken]])
        at = np.concatenate([at, (host.at + lag)[taken]])
        caused = np.concatenate([caused, np.ones(taken.sum(), dtype=np.bool_)])
        z = np.concatenate([z, host.z[taken] if rule.echo else np.full(taken.sum(), np.nan)])
    return batch(rng, kind, customer, at, caused, z)


def healing(plan: Plan, kind: Kind, hurt: Batch, healer: Batch) -> Batch:
    """What a healer takes back: at the first one within days after an encounter, a part of what is left of its dose."""
    place = np.searchsorted(key(healer.customer, healer.at), key(hurt.customer, hurt.at), side="right")
    safe = np.minimum(place, max(len(healer) - 1, 0))
    if not len(healer):
        return hurt.where(np.zeros(len(hurt), dtype=np.bool_))
    lag = healer.at[safe] - hurt.at
    found = (place < len(healer)) & (healer.customer[safe] == hurt.customer) & (lag <= plan.heal_days)
    dose = (plan.healed - 1.0) * hurt.dose * np.exp2(-lag / kind.half_life)
    back = replace(hurt, at=np.where(found, hurt.at + lag, hurt.at), dose=dose, measured={}).where(found)
    order = np.argsort(key(back.customer, back.at), kind="stable")
    return replace(back, customer=back.customer[order], at=back.at[order], dose=back.dose[order])


def left(events: Batch, half_life: float, customer: Ints, at: Floats, dose: Floats | None = None) -> Floats:
    """Sum (rows,) of the doses met before (customer, at), halved with every half-life of age."""
    dose = events.dose if dose is None else dose
    # cumulative sums run over all customers: more digits, so that the early ones of a customer do not drown
    grown = (dose * np.exp2(events.at / half_life)).astype(np.longdouble)
    total = np.concatenate([np.zeros(1, np.longdouble), np.cumsum(grown)])
    first, last = _between(events, customer, np.zeros(len(at)), at)
    found: Floats = ((total[last] - total[first]) * np.exp2(-at / half_life)).astype(np.float64)
    return found


def met(events: Batch, customer: Ints, at: Floats, within: float = 365.0) -> Ints:
    """Number of encounters (rows,) within days before (customer, at)."""
    first, last = _between(events, customer, np.maximum(at - within, 0.0), at)
    return last - first


def _between(events: Batch, customer: Ints, start: Floats, stop: Floats) -> tuple[Ints, Ints]:
    known = key(events.customer, events.at)
    return np.searchsorted(known, key(customer, start)), np.searchsorted(known, key(customer, stop))


def grid(plan: Plan, events: Batch, half_life: float, count: int) -> Floats:
    """Sum of decayed doses as each week begins (customers, weeks)."""
    width = weeks(plan)
    week = (events.at // WEEK).astype(np.int64)
    faded = events.dose * np.exp2(-((week + 1) * WEEK - events.at) / half_life)
    added = np.bincount(events.customer * width + week, weights=faded, minlength=count * width).reshape(count, width)
    level = lfilter([1.0], [1.0, -np.exp2(-WEEK / half_life)], added, axis=1)
    begun: Floats = np.concatenate([np.zeros((count, 1)), level[:, :-1]], axis=1)
    return begun


def until(journey: Mapping[str, Batch], start: Floats, stop: Floats) -> Journey:
    """The encounters that happened: from each customer's start until its end."""
    return {
        name: events.where((events.at >= start[events.customer]) & (events.at < stop[events.customer]))
        for name, events in journey.items()
    }
