"""Who stays and who leaves: a monthly hazard over all customers at once, contracts as its record."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from features.world import loyalty, story
from features.world.encounters import Batch
from features.world.people import Floats, Ints, People, control_effect, draw_fee, draw_plan

OPEN: Final = 4 * story.SPAN  # an end that lies beyond the data
PLAN_CHANGE: Final = 0
REASONS: Final = ("plan_change", "service", "price", "competitor", "moved")
_REASON_SHARES: Final = (0.0, 0.34, 0.27, 0.25, 0.14)


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts sorted by customer and start: one array each, moments in seconds from the period's start.

    `end` is OPEN for a running contract; `reason` counts in REASONS, -1 while running.
    """

    customer: Ints
    start: Ints
    end: Ints
    plan: Ints
    fee: Floats
    reason: Ints

    @property
    def left(self) -> npt.NDArray[np.bool_]:
        """Contracts whose end was a farewell rather than a change of plan."""
        return self.reason > PLAN_CHANGE

    def running(self, customer: Ints, at: Ints) -> Ints:
        """Position of the contract that runs at each (customer, at), -1 where none does."""
        position = np.searchsorted(loyalty.key(self.customer, self.start), loyalty.key(customer, at), side="right") - 1
        safe = np.maximum(position, 0)
        good = (position >= 0) & (self.customer[safe] == customer) & (at < self.end[safe])
        return np.where(good, position, -1)


@dataclass(slots=True)
class _Ledger:
    rows: list[tuple[npt.NDArray[np.generic], ...]] = field(default_factory=list)

    def add(self, customer: Ints, start: Ints, end: Ints, plan: Ints, fee: Floats, reason: Ints) -> None:
        self.rows.append((customer, start, end, plan, fee, reason))

    def close(self) -> Contracts:
        customer, start, end, plan, fee, reason = (np.concatenate(part) for part in zip(*self.rows, strict=True))
        order = np.lexsort((start, customer))
        return Contracts(customer[order], start[order], end[order], plan[order], fee[order], reason[order])


def _intercept(effect: Floats, target: float) -> float:
    """The constant that makes the mean of sigmoid(constant + effect) equal `target`, by Newton's method."""
    level = float(np.log(target / (1 - target)) - effect.mean())
    for _ in range(30):
        chance = 1 / (1 + np.exp(-(level + effect)))
        level -= float((chance.mean() - target) / (chance * (1 - chance)).mean())
    return level


def _increments(encounters: Mapping[str, Batch], people: People) -> dict[str, npt.NDArray[np.float32]]:
    """Per driver what each month adds to the log-odds as they stand at its end: N x MONTHS."""
    stops = np.array(story.month_starts())
    who = np.repeat(np.arange(people.count), len(stops))
    at = np.tile(stops, people.count)
    added: dict[str, npt.NDArray[np.float32]] = {}
    half_lives = loyalty.half_lives()
    for name, values in loyalty.contributions(encounters, loyalty.churn_weights(), who, at).items():
        level = values.reshape(people.count, len(stops))
        keep = np.exp2(-np.diff(stops) / (half_lives[name] * story.DAY))
        added[name] = (level[:, 1:] - level[:, :-1] * keep).astype(np.float32)
    return added


def price_effect(fee: Floats) -> Floats:
    """Ten-euro steps of the fee above the middle of the price list."""
    return (fee - float(np.mean(list(story.PLANS.values())))) / 10


def tenure_effect(created: Ints, at: int) -> Floats:
    """1 for a brand-new customer, halved with every year."""
    return np.exp2(-np.maximum(at - created, 0) / story.YEAR)


def live(rng: np.random.Generator, people: People, encounters: Mapping[str, Batch]) -> Contracts:
    """Go through the months: who leaves, who changes plan, who comes back.

    A customer's encounters count while the contract runs; of the month in which a later returner left, nothing is carried
    over. Expectations follow what is usual, so every month's intercept keeps the company's rate of leaving.
    """
    everyone = np.arange(people.count)
    stops = story.month_starts()
    fixed = control_effect(people, story.CHURN_CONTROLS) + people.churn_person
    added = _increments(encounters, people)
    state = {name: np.zeros(people.count) for name in added}
    half_lives = loyalty.half_lives()
    begun, plan, fee = people.created.copy(), people.plan.copy(), people.fee.copy()
    gone_at = np.full(people.count, OPEN)
    ledger = _Ledger()
    for month, (now, stop) in enumerate(itertools.pairwise(stops)):
        active = begun <= now
        effect = fixed + sum(state.values()) + story.CHURN_PER_10_EUR * price_effect(fee)
        effect += story.CHURN_NEW * tenure_effect(people.created, now)
        target = story.MONTHLY_CHURN * story.SEASON[month % 12]
        chance = 1 / (1 + np.exp(-(_intercept(effect[active], target) + effect)))
        moment = now + (rng.random(people.count) * (stop - now)).astype(np.int64)
        draws, others = rng.random(people.count), rng.random(people.count)

        leave = everyone[active & (draws < chance)]
        reason = 1 + rng.choice(len(REASONS) - 1, len(leave), p=_REASON_SHARES[1:])
        ledger.add(leave, begun[leave], moment[leave], plan[leave], fee[leave], reason)

        change = everyone[active & (draws >= chance) & (others < story.PLAN_CHANGE_MONTHLY)]
        ledger.add(change, begun[change], moment[change], plan[change], fee[change], np.full(len(change), PLAN_CHANGE))
        begun[change] = moment[change]
        plan[change] = (plan[change] + rng.integers(1, len(story.PLANS), len(change))) % len(story.PLANS)
        fee[change] = draw_fee(rng, plan[change])

        back = everyone[(begun == OPEN) & (gone_at + story.RETURN_GAP_DAYS * story.DAY <= now)]
        back = back[rng.random(len(back)) < story.RETURN_MONTHLY]
        begun[leave], gone_at[leave] = OPEN, moment[leave]
        begun[back] = moment[back]
        plan[back] = draw_plan(rng, people.attributes["segment"][back])
        fee[back] = draw_fee(rng, plan[back])

        stayed = begun <= stop
        for name, level in state.items():
            kept = np.exp2(-(stop - now) / (half_lives[name] * story.DAY))
            state[name] = level * kept + np.where(stayed, added[name][:, month], 0.0)
    running = everyone[begun < story.SPAN]
    many = len(running)
    ledger.add(running, begun[running], np.full(many, OPEN), plan[running], fee[running], np.full(many, -1))
    return ledger.close()
