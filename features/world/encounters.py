"""Encounters that could happen: every customer is met over the whole period as if nobody ever left.

Contracts come later and cut this down, so that no step needs to look at one customer after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.world import journey, story
from features.world.people import Floats, Ints, People

Days = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Batch:
    """Encounters of one kind: customer number, second since the period's start, and one array per measure."""

    customer: Ints
    at: Ints
    measures: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, chosen: npt.NDArray[np.bool_] | Ints) -> Batch:
        """The encounters picked by a mask or by positions."""
        measures = {name: values[chosen] for name, values in self.measures.items()}
        return Batch(self.customer[chosen], self.at[chosen], measures)


def join(batches: list[Batch]) -> Batch:
    """Put batches of one kind behind each other."""
    return Batch(
        np.concatenate([batch.customer for batch in batches]),
        np.concatenate([batch.at for batch in batches]),
        {name: np.concatenate([batch.measures[name] for batch in batches]) for name in batches[0].measures},
    )


def measured(rng: np.random.Generator, name: str, people: People, customer: Ints, at: Ints) -> Batch:
    """A batch of kind `name` at the given moments, with its measures drawn."""
    measures: dict[str, Floats] = {}
    for gauge in journey.BY_NAME[name].gauges:
        size = len(at)
        if gauge.law == "gamma":
            values = rng.gamma(gauge.a, gauge.b, size)
            if gauge.trait is not None:
                values *= people.traits[gauge.trait][customer]
            values[rng.random(size) < gauge.zero] = 0.0
            values = np.minimum(values, gauge.top)
        elif gauge.law == "flag":
            values = (rng.random(size) < gauge.a).astype(np.float64)
        else:
            values = rng.normal(gauge.a, gauge.b, size) + 0.3 * (measures.get("resolved", np.full(size, 0.5)) - 0.5)
            values = np.clip(values, -1.0, 1.0)
        measures[gauge.measure] = np.round(values, gauge.decimals)
    return Batch(customer, at, measures)


def by_day(rng: np.random.Generator, at: Floats) -> Ints:
    """Move moments to an hour of the same day at which people are awake."""
    hour = rng.triangular(7.0, 13.0, 22.0, len(at)) * 3600
    return (np.floor(at / story.DAY) * story.DAY + hour).astype(np.int64)


def at_rate(rng: np.random.Generator, people: People, per_year: Floats | float) -> tuple[Ints, Ints]:
    """Poisson encounters between a customer's first day and the end of the period: customer, moment."""
    span = story.SPAN - people.first
    count = rng.poisson(per_year * (span / story.YEAR))
    customer = np.repeat(np.arange(people.count), count)
    return customer, by_day(rng, people.first[customer] + rng.random(len(customer)) * span[customer])


def shift(rng: np.random.Generator, batch: Batch, share: float, days: Days) -> tuple[Ints, Ints]:
    """Moments that lie between `days[0]` and `days[1]` days after a share of a batch's encounters."""
    chosen = rng.random(len(batch)) < share
    delay = rng.uniform(days[0], days[1], int(chosen.sum())) * story.DAY
    return batch.customer[chosen], batch.at[chosen] + delay.astype(np.int64)


def _bills(rng: np.random.Generator, people: People) -> Batch:
    # one a month, on the customer's own day
    day = rng.integers(1, 28, people.count) * story.DAY + rng.integers(0, 6 * 3600, people.count)
    at = (np.array(story.month_starts()[:-1])[None, :] + day[:, None]).ravel()
    return measured(rng, "bill", people, np.repeat(np.arange(people.count), story.MONTHS), at)


def draw_encounters(rng: np.random.Generator, people: People) -> dict[str, Batch]:
    """All kinds but the consequences, in the order of the journey; moments may lie outside contracts and the period."""
    spell_customer, spell_at = at_rate(rng, people, story.SPELLS_PER_YEAR * people.traits["trouble"])
    spells = Batch(spell_customer, spell_at, {})
    found: dict[str, Batch] = {"bill": _bills(rng, people)}
    for kind in journey.KINDS:
        if kind.name in story.CONSEQUENCES or kind.name in found:
            continue
        rate = kind.per_year * (people.traits[kind.trait] if kind.trait else np.ones(people.count))
        moments = [at_rate(rng, people, rate)]
        if kind.spell_extra:
            repeated = spells.take(np.repeat(np.arange(len(spells)), rng.poisson(kind.spell_extra, len(spells))))
            moments.append(shift(rng, repeated, 1.0, (0.0, story.SPELL_DAYS)))
        customer, at = (np.concatenate(part) for part in zip(*moments, strict=True))
        found[kind.name] = measured(rng, kind.name, people, customer, at)
    for echo in story.ECHOES:
        source = found[echo.after]
        if echo.where is not None:
            source = source.take(source.measures[echo.where[0]] <= echo.where[1])
        earliest = -0.2 * echo.days if echo.touchpoint in story.PROXIES else 0.1
        customer, at = shift(rng, source, echo.share, (earliest, echo.days))
        extra = measured(rng, echo.touchpoint, people, customer, at)
        found[echo.touchpoint] = join([found[echo.touchpoint], extra])
    return found
