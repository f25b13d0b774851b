"""Put the parts in their order: people, what could happen, who left, what did happen, what they said and paid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from features.world import journey, money, story
from features.world.answers import Answers, draw_answers
from features.world.contracts import Contracts, live
from features.world.encounters import Batch, draw_encounters, join, measured, shift
from features.world.money import Payments
from features.world.people import Ints, People, draw_people

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that happened, before it is written as tables."""

    people: People
    contracts: Contracts
    encounters: dict[str, Batch]
    answers: Answers
    payments: Payments


def _within(batch: Batch) -> Batch:
    return batch.take((batch.at >= 0) & (batch.at < story.SPAN))


def _happened(
    rng: np.random.Generator, people: People, contracts: Contracts, batches: Mapping[str, Batch]
) -> dict[str, Batch]:
    """Cut possible encounters down to running contracts, and send a final bill to those who left."""
    kept = {}
    for name, batch in batches.items():
        inside = _within(batch)
        kept[name] = inside.take(contracts.running(inside.customer, inside.at) >= 0)
    gone = Batch(contracts.customer[contracts.left], contracts.end[contracts.left], {})
    customer, at = shift(rng, gone, 1.0, (1.0, story.FINAL_BILL_DAYS))
    kept["bill"] = join([kept["bill"], _within(measured(rng, "bill", people, customer, at))])
    return kept


def _consequences(rng: np.random.Generator, people: People, contracts: Contracts, answers: Answers) -> dict[str, Batch]:
    """Calls that exist because of a farewell or of a detractor's answer; some go to people who then stay."""
    gone = Batch(contracts.customer[contracts.left], contracts.end[contracts.left], {})
    detractors = (answers.metric == "nps") & (answers.score <= 6)
    unhappy = Batch(answers.customer[detractors], answers.at[detractors], {})
    share, days = story.RETENTION_BEFORE_END
    before = shift(rng, gone, share, (-days, -1.0))
    share, days = story.RETENTION_AFTER_END
    after = shift(rng, gone, share, (1.0, days))
    share, days = story.RETENTION_AFTER_DETRACTOR
    calmed = shift(rng, unhappy, share, (1.0, days))
    saved = rng.poisson(story.RETENTION_SAVED_PER_YEAR * story.MONTHS / 12, people.count)
    saved_customer = np.repeat(np.arange(people.count), saved)
    saved_at = (rng.random(len(saved_customer)) * story.SPAN).astype(np.int64)
    share, days = story.CALLBACK_AFTER_DETRACTOR
    called = shift(rng, unhappy, share, (0.5, days))

    def while_customer(customer: Ints, at: Ints) -> tuple[Ints, Ints]:
        chosen = contracts.running(customer, at) >= 0
        return customer[chosen], at[chosen]

    def after_end(customer: Ints, at: Ints) -> tuple[Ints, Ints]:
        chosen = contracts.running(customer, at) < 0
        return customer[chosen], at[chosen]

    groups = [
        while_customer(*before),
        after_end(*after),
        while_customer(*calmed),
        while_customer(saved_customer, saved_at),
    ]
    moments = {
        "retention_call": [np.concatenate(part) for part in zip(*groups, strict=True)],
        "callback_after_survey": while_customer(*called),
    }
    return {name: _within(measured(rng, name, people, customer, at)) for name, (customer, at) in moments.items()}


def simulate(customers: int, seed: int | np.random.SeedSequence, progress: Progress) -> Company:
    """Let `customers` people live through the period; every part has its own child of one random stream."""
    streams = np.random.default_rng(seed).spawn(7)
    people = draw_people(streams[0], customers)
    progress("encounters", 0.05)
    possible = draw_encounters(streams[1], people)
    progress("contracts", 0.25)
    contracts = live(streams[2], people, possible)
    progress("surveys", 0.40)
    encounters = _happened(streams[3], people, contracts, possible)
    answers = draw_answers(streams[4], people, contracts, encounters)
    encounters |= _consequences(streams[5], people, contracts, answers)
    progress("payments", 0.50)
    payments = money.draw_payments(streams[6], people, contracts, encounters)
    return Company(people, contracts, {kind.name: encounters[kind.name] for kind in journey.KINDS}, answers, payments)
