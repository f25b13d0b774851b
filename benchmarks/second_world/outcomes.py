"""Who leaves and who says what: a weekly hazard, questions, scores and whether they are answered; then what follows from those.

Effects are in loyalty: above 0 they raise the score and lower the log-odds of leaving. Times are days from the period's start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtr

from benchmarks.second_world import journey as walk
from benchmarks.second_world import people as folk
from benchmarks.second_world.journey import WEEK, Batch, Flags, Journey
from benchmarks.second_world.people import Ints, People
from benchmarks.second_world.plan import TARGETS, Floats, Plan
from benchmarks.second_world.spec import Spec

SIGN: Final = {"nps": 1.0, "churn": -1.0}
_SETTLED: Final = 90.0  # days after entry from which a customer counts in what is usual
_DESK: Final = (0.75, 25.0, 0.35, 6.0)  # share before an end, within days; share after it, mean days
_CALLBACK: Final = (0.6, 1.0, 10.0)  # share after a detractor's answer, from and to days


@dataclass(frozen=True, slots=True)
class Questions:
    """Every time somebody was asked (asked,): who, when, the systematic part of the score, the score, whether it was given."""

    customer: Ints
    at: Floats
    mean: Floats
    score: Ints
    answered: Flags


@dataclass(frozen=True, slots=True)
class Company:
    """A simulated company: the journey as it happened, what heals, weights per dose, ends (infinite: stayed) and questions."""

    plan: Plan
    people: People
    journey: Journey
    healing: Batch | None
    weights: dict[str, dict[str, float]]
    intercept: dict[str, float]
    end: Floats
    questions: Questions

    def effect(self, target: str, name: str, customer: Ints, at: Floats, *, caused: bool | None = None) -> Floats:
        """Loyalty (rows,) that one driver's encounters hold at (customer, at), before healing; `caused` takes one sort only."""
        kind = next(kind for kind in self.plan.kinds if kind.name == name)
        events = self.journey[name]
        dose = events.dose if caused is None else events.dose * (events.caused == caused)
        return self.weights[target][name] * walk.left(events, kind.half_life, customer, at, dose)

    def healed(self, target: str, customer: Ints, at: Floats) -> Floats:
        """Loyalty (rows,) that the healer has given back."""
        hurt = self.plan.role("healed")
        if self.healing is None or hurt is None or hurt.name not in self.weights[target]:
            return np.zeros(len(at))
        return self.weights[target][hurt.name] * walk.left(self.healing, hurt.half_life, customer, at)

    def known(self, target: str, customer: Ints, at: Floats) -> Floats:
        """Intercept and controls (rows,) in the outcome's own direction."""
        return self.intercept[target] + folk.controls(self.people, self.plan, target, customer, at)

    def loyalty(self, target: str, customer: Ints, at: Floats) -> Floats:
        """All that encounters hold (rows,), healing included."""
        found = self.healed(target, customer, at)
        for kind in self.plan.drivers(target):
            found += self.effect(target, kind.name, customer, at)
        return found


def expected_nps(mean: Floats, deviation: float) -> Floats:
    """Expected NPS in points of scores around `mean` with normal noise: rounded, so that 8.5 begins a promoter."""
    found: Floats = 100.0 * (ndtr((mean - 8.5) / deviation) - ndtr((6.5 - mean) / deviation))
    return found


def _solve(function: Callable[[float], float], low: float = -25.0, high: float = 25.0) -> float:
    return float(brentq(function, low, high, xtol=1e-6))


def _weights(
    plan: Plan, levels: dict[str, Floats], cells: Flags
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Weights per dose that give drivers the wished strengths beside one another and their sum the wished spread."""
    weights: dict[str, dict[str, float]] = {}
    units: dict[str, float] = {}
    for target in TARGETS:
        raw = {}
        for kind in plan.drivers(target):
            if kind.name in levels:
                level = levels[kind.name][cells]
                raw[kind.name] = kind.target[target] / max(float(np.abs(level - level.mean()).mean()), 1e-9)
        total = sum((raw[name] * levels[name][cells] for name in raw), np.zeros(int(cells.sum())))
        units[target] = plan.spread[target] / float(total.std()) if raw else 0.0
        weights[target] = {name: value * units[target] for name, value in raw.items()}
    return weights, units


def _sum(weights: dict[str, float], levels: dict[str, Floats], shape: tuple[int, int]) -> Floats:
    return sum((weight * levels[name] for name, weight in weights.items()), np.zeros(shape))


def simulate(spec: Spec, plan: Plan, seeds: list[np.random.SeedSequence]) -> Company:
    """Live through a plan: people, possible encounters, weights, ends, questions, consequences."""
    who, meeting, leaving, asking, following = (np.random.default_rng(seed) for seed in seeds)
    people = folk.draw(who, plan, folk.size(plan, spec))
    count, shape = len(people), (len(people), walk.weeks(plan))
    bad = walk.spells(meeting, plan, count)
    possible: Journey = {}
    roles: dict[str, Batch] = {}
    late = plan.role("unhappy")
    for kind in plan.kinds:
        if kind is not late:
            host = roles.get(kind.follow.host) if kind.follow else None
            possible[kind.name] = walk.meet(meeting, plan, people, kind, bad, host)
            roles.setdefault(kind.role, possible[kind.name])
    hurt = plan.role("healed")
    healing = None
    if hurt is not None and plan.healed != 1.0:
        healing = walk.healing(plan, hurt, roles["healed"], roles["healer"])
    moving = {kind.name: kind for target in TARGETS for kind in plan.drivers(target) if kind is not late}
    levels = {name: walk.grid(plan, possible[name], kind.half_life, count) for name, kind in moving.items()}
    if healing is not None and hurt is not None and hurt.name in levels:
        levels[hurt.name] += walk.grid(plan, healing, hurt.half_life, count)
    start = np.arange(shape[1]) * WEEK
    cells = start[None, :] > people.entry[:, None] + _SETTLED
    weights, units = _weights(plan, levels, cells)
    if late is not None:
        mood = None
        if moving:
            parts = [_sum(weights[target], levels, shape) for target in TARGETS]
            mood = sum(((part - part[cells].mean()) / part[cells].std() for part in parts), np.zeros(shape))
            # kept within limits: the few who fared worst must not have all the encounters
            mood = np.clip((mood - mood[cells].mean()) / mood[cells].std(), -2.5, 2.5)
        possible[late.name] = walk.meet(meeting, plan, people, late, bad, None, mood)
        if any(late.target.values()):
            levels[late.name] = level = walk.grid(plan, possible[late.name], late.half_life, count)
            distance = float(np.abs(level[cells] - level[cells].mean()).mean())
            for target in TARGETS:
                weights[target][late.name] = units[target] * late.target[target] / distance
    loyalty = _sum(weights["churn"], levels, shape)
    end, base = _leave(leaving, spec, plan, people, loyalty)
    company = Company(
        plan=plan,
        people=people,
        journey=walk.until(possible, people.entry, end),
        healing=None if healing is None else healing.where(healing.at < end[healing.customer]),
        weights=weights,
        intercept={"nps": 0.0, "churn": base},
        end=end,
        questions=Questions(*(np.zeros(0, dtype) for dtype in (np.int64, float, float, np.int64, np.bool_))),
    )
    company = _ask(asking, spec, company)
    return replace(company, journey=_follow(following, company))


def _leave(rng: np.random.Generator, spec: Spec, plan: Plan, people: People, loyalty: Floats) -> tuple[Floats, float]:
    """Ends (customers,), infinite for who stays, and the intercept of a week's log-odds that gives the wished rate."""
    count, width = loyalty.shape
    start = np.arange(width) * WEEK
    customer = np.repeat(np.arange(count), width)
    known = folk.controls(people, plan, "churn", customer, np.tile(start, count)).reshape(count, width)
    effect = known - loyalty + (plan.hidden["churn"] * people.temper + people.person["churn"])[:, None]
    first = np.maximum(start[None, :], people.entry[:, None])
    last = np.minimum(start + WEEK, float(plan.days))[None, :]
    there = np.maximum(last - first, 0.0) / WEEK

    def missing(base: float) -> float:
        leave = expit(base + effect) * there
        alive = np.cumprod(1.0 - leave, axis=1)
        gone = float((1.0 - alive[:, -1]).sum())
        if spec.churners is not None:
            return gone - spec.churners
        before = np.concatenate([np.ones((count, 1)), alive[:, :-1]], axis=1)
        return gone / float((before * there).sum() * WEEK / 30) - spec.monthly_churn

    base = _solve(missing)
    leave = rng.random((count, width)) < expit(base + effect) * there
    week = np.argmax(leave, axis=1)
    rows = np.arange(count)
    moment = first[rows, week] + rng.random(count) * there[rows, week] * WEEK
    return np.where(leave.any(axis=1), moment, np.inf), base


def _ask(rng: np.random.Generator, spec: Spec, company: Company) -> Company:
    """Questions in a steady rhythm while a customer is there, with an intercept that gives the wished NPS of all asked."""
    plan, people = company.plan, company.people
    times = int(np.ceil(plan.days / plan.ask_days)) + 1
    at = rng.uniform(0, plan.ask_days, (len(people), 1)) + plan.ask_days * np.arange(times)
    at += rng.uniform(-10, 10, at.shape)
    good = (at > people.entry[:, None] + 30) & (at < company.end[:, None]) & (at < plan.days - 1)
    customer, at = np.nonzero(good)[0], at[good]
    mean = company.loyalty("nps", customer, at) + company.known("nps", customer, at)
    mean += (people.person["nps"] + plan.hidden["nps"] * people.temper)[customer]
    level = _solve(lambda base: float(expected_nps(mean + base, plan.noise).mean()) - plan.nps)
    mean += level
    score = np.clip(np.round(mean + plan.noise * rng.standard_normal(len(mean))), 0, 10).astype(np.int64)
    content = plan.content * (mean - mean.mean()) / mean.std() if spec.non_response else np.zeros(len(mean))
    wanted = min(float(spec.answers), 0.95 * len(mean))
    answering = _solve(lambda base: float(expit(base + content).sum()) - wanted)
    answered = rng.random(len(mean)) < expit(answering + content)
    return replace(
        company,
        intercept={**company.intercept, "nps": level},
        questions=Questions(customer, at, mean, score, answered),
    )


def _follow(rng: np.random.Generator, company: Company) -> Journey:
    """The journey with its consequences: a desk around ends, a call-back after a detractor's answer."""
    plan, people, found = company.plan, company.people, dict(company.journey)
    desk, callback = plan.role("desk"), plan.role("callback")
    if desk is not None:
        before, within, after, mean = _DESK
        left = np.flatnonzero(np.isfinite(company.end))
        draws = rng.random((2, len(left)))
        early = company.end[left] - rng.uniform(0, within, len(left))
        late = company.end[left] + 0.1 + rng.exponential(mean, len(left))
        kept = (draws[0] < before) & (early >= people.entry[left]), (draws[1] < after) & (late < plan.days)
        customer, at = np.concatenate([left[kept[0]], left[kept[1]]]), np.concatenate([early[kept[0]], late[kept[1]]])
        found[desk.name] = _joined(rng, plan, desk.name, found[desk.name], customer, at)
    if callback is not None:
        share, first, last = _CALLBACK
        asked = company.questions
        at = asked.at + rng.uniform(first, last, len(asked.at))
        kept_ = asked.answered & (asked.score <= 6) & (rng.random(len(at)) < share)
        kept_ &= at < np.minimum(company.end[asked.customer], plan.days)
        found[callback.name] = _joined(rng, plan, callback.name, found[callback.name], asked.customer[kept_], at[kept_])
    return found


def _joined(rng: np.random.Generator, plan: Plan, name: str, strays: Batch, customer: Ints, at: Floats) -> Batch:
    kind = next(kind for kind in plan.kinds if kind.name == name)
    customer, at = np.concatenate([strays.customer, customer]), np.concatenate([strays.at, at])
    return walk.batch(rng, kind, customer, at, np.zeros(len(at), dtype=np.bool_))
