"""What customers say: relationship surveys (NPS) and questions about single encounters (CSAT, CES)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.world import loyalty, story
from features.world.contracts import Contracts, price_effect
from features.world.encounters import Batch
from features.world.people import Floats, Ints, People, control_effect

METRICS: Final = ("nps", "csat", "ces")
ASKED_AFTER: Final = {"csat": ("support_call",), "ces": ("technician_visit", "delivery")}


@dataclass(frozen=True, slots=True)
class Answers:
    """One row per answer: `about` is the touchpoint asked about ("" for the relationship), `theme` what moved it most."""

    customer: Ints
    at: Ints
    metric: npt.NDArray[np.str_]
    score: Ints
    about: npt.NDArray[np.str_]
    theme: npt.NDArray[np.str_]

    def take(self, chosen: npt.NDArray[np.bool_] | Ints) -> Answers:
        """The answers picked by a mask or by positions."""
        return Answers(*(getattr(self, name)[chosen] for name in self.__slots__))


def _asked(rng: np.random.Generator, people: People, contracts: Contracts) -> tuple[Ints, Ints]:
    # each customer has an own phase; every wave reaches them some weeks early or late
    every = story.SURVEY_EVERY_DAYS * story.DAY
    waves = int(story.SPAN // every) + 1
    phase = rng.random((people.count, 1)) * every
    jitter = rng.uniform(-1.0, 1.0, (people.count, waves)) * story.SURVEY_JITTER_DAYS * story.DAY
    at = (phase + np.arange(waves) * every + jitter).ravel().astype(np.int64)
    customer = np.repeat(np.arange(people.count), waves)
    chosen = (rng.random(len(at)) < story.SURVEY_ANSWERED) & (at >= 0) & (at < story.SPAN)
    customer, at = customer[chosen], at[chosen]
    running = contracts.running(customer, at) >= 0
    return customer[running], at[running]


def _usual(at: Ints, level: Floats) -> Floats:
    """Mean of `level` around each moment: people judge by what customers are used to at that time."""
    stops = np.array(story.month_starts())
    month = np.digitize(at, stops) - 1
    count = np.maximum(np.bincount(month, minlength=story.MONTHS), 1)
    mean = np.bincount(month, weights=level, minlength=story.MONTHS) / count
    middle = (stops[1:] + stops[:-1]) / 2
    return np.interp(at, middle, mean)


def relationship(
    rng: np.random.Generator, people: People, contracts: Contracts, encounters: Mapping[str, Batch]
) -> Answers:
    """NPS answers, 0-10: planted effects, controls, the person and the mood of the day, rounded."""
    customer, at = _asked(rng, people, contracts)
    parts = loyalty.contributions(encounters, loyalty.nps_weights(), customer, at)
    names = np.array(list(parts))
    effects = np.stack(list(parts.values()))
    journey = effects.sum(axis=0)
    fee = contracts.fee[contracts.running(customer, at)]
    years = np.clip((at - people.created[customer]) / story.YEAR, 0.0, 5.0)
    steady = (control_effect(people, story.NPS_CONTROLS) + people.nps_person)[customer]
    steady += story.NPS_PER_10_EUR * price_effect(fee) + story.NPS_LOYAL_YEARS * (years - years.mean())
    mood = rng.normal(0.0, story.NPS_ANSWER_SD, len(at))
    latent = story.NPS_LEVEL + journey - _usual(at, journey) + steady - steady.mean() + mood
    score = np.clip(np.rint(latent), 0, 10).astype(np.int64)
    worst, best = effects.argmin(axis=0), effects.argmax(axis=0)
    column = np.arange(len(at))
    theme = np.where(effects[worst, column] < -0.3, names[worst], "general")
    theme = np.where(score >= 9, np.where(effects[best, column] > 0.3, names[best], "general"), theme)
    blank = np.full(len(at), "")
    return Answers(customer, at, np.full(len(at), "nps"), score, blank, theme)


def _after(rng: np.random.Generator, batch: Batch, name: str, metric: str) -> Answers:
    share = story.CSAT_ANSWERED if metric == "csat" else story.CES_ANSWERED
    batch = batch.take(rng.random(len(batch)) < share)
    at = batch.at + (rng.uniform(0.05, 2.0, len(batch)) * story.DAY).astype(np.int64)
    resolved = batch.measures.get("resolved", np.ones(len(batch)))
    noise = rng.normal(0.0, 0.8, len(batch))
    if metric == "csat":
        harm = np.maximum(batch.measures["wait"] - story.KNEE.response.at, 0.0) / story.KNEE.response.per
        level = 3.4 - 0.6 * harm + 0.9 * resolved + 0.6 * batch.measures["sentiment"] + noise
        score = np.clip(np.rint(level), 1, 5)
    else:
        # 7 is easy: the CES 2.0 wording, "made it easy for me"
        score = np.clip(np.rint(4.8 - 0.5 * batch.measures["late"] + 1.2 * resolved + noise), 1, 7)
    names = np.full(len(batch), name)
    return Answers(batch.customer, at, np.full(len(batch), metric), score.astype(np.int64), names, names)


def draw_answers(
    rng: np.random.Generator, people: People, contracts: Contracts, encounters: Mapping[str, Batch]
) -> Answers:
    """All answers inside the period, given by customers who were there, in the order of time."""
    parts = [relationship(rng, people, contracts, encounters)]
    parts += [_after(rng, encounters[name], name, metric) for metric, names in ASKED_AFTER.items() for name in names]
    fields = Answers.__slots__
    everything = Answers(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    there = contracts.running(everything.customer, everything.at) >= 0
    everything = everything.take(there & (everything.at < story.SPAN))
    return everything.take(np.lexsort((everything.customer, everything.at)))
