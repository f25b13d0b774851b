"""What is true in a simulated company, from its constants and from the effects that were really at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import numpy as np

from features.world import journey, loyalty, story
from features.world.company import Company
from features.world.people import Floats, Ints

_UNITS: Final = {
    "nps": "points of the 0-10 score per dose",
    "churn": "log-odds of leaving within a month per dose of harm",
}


def _moments(company: Company) -> dict[str, tuple[Ints, Ints]]:
    """Where effects are looked at: NPS answers, and the month starts of active customers."""
    answers = company.answers
    nps = answers.metric == "nps"
    stops = np.array(story.month_starts()[1:-1])
    who = np.tile(np.arange(company.people.count), len(stops))
    at = np.repeat(stops, company.people.count)
    active = company.contracts.running(who, at) >= 0
    return {"nps": (answers.customer[nps], answers.at[nps]), "churn": (who[active], at[active])}


def _met(company: Company, name: str, customer: Ints, at: Ints) -> Floats:
    """Encounters of a kind within the year before each moment."""
    batch, forever = company.encounters[name], 1.0e9
    ones = np.ones(len(batch))
    until = loyalty.fading_sum(batch, ones, forever, customer, at)
    return until - loyalty.fading_sum(batch, ones, forever, customer, at - story.YEAR)


def _sizes(company: Company, weights: Mapping[str, float], customer: Ints, at: Ints) -> dict[str, dict[str, float]]:
    """Per driver: strength (mean distance from the mean effect), its share, and reach and depth within a year."""
    sizes: dict[str, dict[str, float]] = {}
    for name, effect in loyalty.contributions(company.encounters, weights, customer, at).items():
        met = _met(company, name, customer, at) > 0.5
        inside = effect[met]
        sizes[name] = {
            "strength": float(np.abs(effect - effect.mean()).mean()),
            "reach": float(met.mean()),
            "depth": float(np.abs(inside - np.median(inside)).mean()) if len(inside) else 0.0,
            "mean_effect_when_met": float(inside.mean()) if len(inside) else 0.0,
        }
    total = sum(size["strength"] for size in sizes.values())
    for size in sizes.values():
        size["share"] = size["strength"] / total
    return {name: {key: round(value, 6) for key, value in size.items()} for name, size in sizes.items()}


def _driver(driver: story.Driver, target: str, size: dict[str, float]) -> dict[str, Any]:
    return {
        "touchpoint": driver.touchpoint,
        "shape": driver.shape,
        "measure": driver.response.measure,
        "effect": driver.effect,
        "moment": driver.moment,
        "weight": driver.nps if target == "nps" else driver.churn,
        "weight_unit": _UNITS[target],
        "half_life_days": driver.half_life_days,
        "dose": {key: value for key, value in asdict(driver.response).items() if key != "measure"},
        **{key: size[key] for key in ("strength", "reach", "depth", "mean_effect_when_met")},
    }


def truth(company: Company, *, seed: int) -> dict[str, Any]:
    """Drivers, nulls, consequences, knee, moments of truth and true shares, as one JSON object."""
    weights = {"nps": loyalty.nps_weights(), "churn": loyalty.churn_weights()}
    sizes = {target: _sizes(company, weights[target], *place) for target, place in _moments(company).items()}
    active = {target: [driver for driver in story.DRIVERS if weights[target][driver.touchpoint]] for target in weights}
    names = {target: {driver.touchpoint for driver in drivers} for target, drivers in active.items()}
    knee = story.KNEE.response
    return {
        "seed": seed,
        "customers": company.people.count,
        "period": {
            "first": story.START.date().isoformat(),
            "last": (story.STOP - timedelta(days=1)).date().isoformat(),
        },
        "drivers": {
            target: [_driver(driver, target, sizes[target][driver.touchpoint]) for driver in drivers]
            for target, drivers in active.items()
        },
        "nulls": {
            target: [kind.name for kind in journey.KINDS if kind.name not in names[target] | set(story.CONSEQUENCES)]
            for target in weights
        },
        "proxies": dict(story.PROXIES),
        "consequences": [{"touchpoint": name, "why": why} for name, why in story.CONSEQUENCES.items()],
        "knee": {
            "touchpoint": story.KNEE.touchpoint,
            "measure": knee.measure,
            "unit": journey.MEASURES[str(knee.measure)]["unit"],
            "value": knee.at,
        },
        "moments_of_truth": {
            target: [{"touchpoint": driver.touchpoint, "moment": driver.moment} for driver in drivers if driver.moment]
            for target, drivers in active.items()
        },
        "controls": {
            "nps": story.NPS_CONTROLS | {"fee_per_10_eur": story.NPS_PER_10_EUR, "per_year": story.NPS_LOYAL_YEARS},
            "churn": story.CHURN_CONTROLS | {"fee_per_10_eur": story.CHURN_PER_10_EUR, "new": story.CHURN_NEW},
        },
        "true_share_is": "mean |effect - mean effect| of a driver, of the sum over drivers; at NPS answers, and for churn "
        "at the month starts of active customers",
        "true_share": {
            target: {name: size["share"] for name, size in found.items()} for target, found in sizes.items()
        },
    }
