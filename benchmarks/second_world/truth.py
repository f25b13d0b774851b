"""What is true in a simulated company: what a perfect analysis of each outcome would show, as one JSON object.

Sizes come from the effects that were really at work. NPS: Shapley values of the expected NPS of each answer, in points, where
noise and what nobody sees are averaged out. Churn: the log-odds of leaving at every snapshot of an active customer, from the
mean of what fades over the horizon; they are latent values, which is near enough for shares and ranks.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.special import expit

from benchmarks.second_world import journey as walk
from benchmarks.second_world.journey import WEEK, Flags
from benchmarks.second_world.outcomes import SIGN, Company
from benchmarks.second_world.people import Ints
from benchmarks.second_world.plan import TARGETS, Floats
from benchmarks.second_world.scene import HORIZON, Scene, fading
from benchmarks.second_world.scene import scene as look
from benchmarks.second_world.shapley import values
from benchmarks.second_world.spec import Spec

_DEEP: Final = 1.5  # a moment of truth is this many times as deep as the median driver
_POINTS: Final = 10.0  # percentage points that a moment of truth moves the chance of leaving, for who met it
_SIDED: Final = 0.33


def _strengths(found: Floats, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Strength (mean distance from the mean) and share among touchpoints, by name."""
    strength = np.abs(found - found.mean(axis=0)).mean(axis=0)[:-1]
    whole = max(float(strength.sum()), 1e-12)
    return {
        name: {"strength": float(size), "share": float(size) / whole}
        for name, size in zip(names[:-1], strength, strict=True)
    }


def _latent_shares(company: Company, scene: Scene) -> dict[str, float]:
    """Shares of mean |effect - mean effect| on the latent scale as the effects stand, what was healed taken off its host."""
    sizes = {}
    hurt = company.plan.role("healed")
    for kind in company.plan.drivers(scene.target):
        effect = company.effect(scene.target, kind.name, scene.customer, scene.at)
        if kind is hurt:
            effect = effect + company.healed(scene.target, scene.customer, scene.at)
        sizes[kind.name] = float(np.abs(effect - effect.mean()).mean())
    whole = sum(sizes.values())
    return {name: size / whole for name, size in sizes.items()}


def _points(company: Company, scene: Scene, name: str, met: Flags) -> float:
    """Percentage points by which a touchpoint moves the chance of leaving within the horizon, on average over who met it."""
    if not met.any():
        return 0.0
    people, hidden = company.people, company.plan.hidden["churn"]
    base = -company.loyalty("churn", scene.customer, scene.at) + company.known("churn", scene.customer, scene.at)
    base += (people.person["churn"] + hidden * people.temper)[scene.customer]
    effect = scene.game.effects[:, scene.names.index(name)]
    weeks = HORIZON / WEEK
    chance = [1.0 - (1.0 - expit(level[met])) ** weeks for level in (base, base - effect)]
    return float(100.0 * np.abs(chance[0] - chance[1]).mean())


def _drivers(
    company: Company, scene: Scene, found: Floats, distance: Floats, sizes: dict[str, dict[str, float]]
) -> list[dict[str, Any]]:
    entries = []
    for kind in company.plan.drivers(scene.target):
        column, met = scene.names.index(kind.name), scene.met(company, kind.name)
        mine, moved = found[met, column], SIGN[scene.target] * distance[met, column]
        gain, loss = float(np.maximum(moved, 0).sum()), float(np.maximum(-moved, 0).sum())
        breaks = kind.measure is not None and kind.shape == "breaker"
        entry = {
            "touchpoint": kind.name,
            "role": kind.role,
            "shape": kind.shape,
            "measure": kind.measure,
            "knee": {"measure": kind.measure, "value": kind.knee} if breaks else None,
            "pleases_above": kind.knee if kind.shape == "maker" else None,
            "half_life_days": kind.half_life,
            "weight": company.weights[scene.target][kind.name],
            **sizes[kind.name],
            "reach": float(met.mean()),
            "depth": float(np.abs(mine - np.median(mine)).mean()) if len(mine) else 0.0,
            "asymmetry": (gain - loss) / (gain + loss) if gain + loss > 0 else None,
        }
        if scene.target == "churn":
            entry["points"] = _points(company, scene, kind.name, met)
        entries.append(entry)
    middle = float(np.median([entry["depth"] for entry in entries])) if entries else 0.0
    for entry in entries:
        entry["moment"] = _moment(entry, middle)
    return sorted(entries, key=lambda entry: -entry["strength"])


def _moment(entry: dict[str, Any], middle: float) -> str | None:
    deep = entry["depth"] > _DEEP * middle
    if "points" in entry:
        deep = entry["depth"] > middle and entry["points"] >= _POINTS
    if not deep or entry["reach"] <= 0 or entry["asymmetry"] is None:
        return None
    side = entry["asymmetry"]
    return "break" if side < -_SIDED else "make" if side > _SIDED else "both"


def _changed(
    rng: np.random.Generator, scene: Scene, more: dict[str, Floats], name: str, sizes: dict[str, dict[str, float]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Strength and share of one touchpoint as they are, and with effects added."""
    moved = scene.moved(more)
    found, _ = values(rng, moved.game, pairs=32)
    return sizes.get(name, {"strength": 0.0, "share": 0.0}), _strengths(found, moved.names)[name]


def _confounded(
    rng: np.random.Generator, company: Company, scene: Scene, sizes: dict[str, dict[str, float]]
) -> list[dict[str, Any]]:
    """The touchpoint that a hidden trait moves: its causal size, and with the part of the trait that its count gives away."""
    kind, hidden = company.plan.role("confounded"), company.plan.hidden[scene.target]
    if kind is None or not hidden:
        return []
    count = np.minimum(walk.met(company.journey[kind.name], scene.customer, scene.at), 6)
    rows_of = np.bincount(count, minlength=7)
    told = np.bincount(count, weights=company.people.temper[scene.customer], minlength=7) / np.maximum(rows_of, 1)
    causal, association = _changed(rng, scene, {kind.name: hidden * told[count]}, kind.name, sizes)
    true = kind.target[scene.target] > 0
    return [{"touchpoint": kind.name, "is_driver": true, "causal": causal, "association": association}]


def _mediation(
    rng: np.random.Generator, company: Company, scene: Scene, sizes: dict[str, dict[str, float]]
) -> list[dict[str, Any]]:
    """The driver that raises another's rate: its own size, and with the harm of the encounters that it caused."""
    through, cause = company.plan.role("knee"), company.plan.role("cause")
    if through is None or cause is None or through.follow is None or through.name not in sizes:
        return []
    caused = company.effect(scene.target, through.name, scene.customer, scene.at, caused=True)
    caused *= SIGN[scene.target] * fading(through, scene.target)
    direct, total = _changed(rng, scene, {cause.name: caused, through.name: -caused}, cause.name, sizes)
    return [{"touchpoint": cause.name, "through": through.name, "direct": direct, "total": total}]


def _target(rng: np.random.Generator, company: Company, target: str) -> dict[str, Any]:
    plan, scene = company.plan, look(rng, company, target)
    found, distance = values(rng, scene.game)
    sizes = _strengths(found, scene.names)
    drivers = _drivers(company, scene, found, distance, sizes)
    confounded = _confounded(rng, company, scene, sizes)
    names = {kind.name for kind in plan.drivers(target)}
    consequences = [kind.name for kind in plan.kinds if kind.role in {"desk", "callback"}]
    neither = names | set(scene.names) | set(consequences) | {item["touchpoint"] for item in confounded}
    interactions = []
    if scene.game.hurt is not None and scene.game.healer is not None:
        healer = scene.names[scene.game.healer]
        interactions.append(
            {
                "touchpoint": scene.names[scene.game.hurt],
                "healed_by": healer,
                "within_days": plan.heal_days,
                "multiplier": plan.healed,
                "healer": sizes[healer],
            }
        )
    unhappy = plan.role("unhappy")
    answer = {
        "unit": "NPS points" if target == "nps" else f"log-odds of leaving within {HORIZON} days",
        "rows": len(scene.at),
        "drivers": drivers,
        "nulls": sorted(kind.name for kind in plan.kinds if kind.name not in neither),
        "proxies": _proxies(company),
        "consequences": sorted(consequences),
        "confounded": confounded,
        "interactions": interactions,
        "mediation": _mediation(rng, company, scene, sizes),
        "rises_before_end": [{"touchpoint": unhappy.name, "is_driver": unhappy.name in names}] if unhappy else [],
        "true_share": {name: size["share"] for name, size in sizes.items()},
        "true_share_latent": _latent_shares(company, scene),
    }
    if target == "nps":
        every = look(rng, company, target, asked=True)
        answer["true_share_asked"] = {
            name: size["share"] for name, size in _strengths(values(rng, every.game, pairs=32)[0], every.names).items()
        }
    return answer


def _proxies(company: Company) -> dict[str, str]:
    hosts: dict[str, str] = {}
    for kind in company.plan.kinds:
        hosts.setdefault(kind.role, kind.name)
    return {kind.name: hosts[kind.follow.host] for kind in company.plan.kinds if kind.role == "proxy" and kind.follow}


def _nps(score: Ints) -> float:
    return float(100.0 * ((score >= 9).mean() - (score <= 6).mean()))


def _survey(company: Company) -> dict[str, Any]:
    asked = company.questions
    groups = {
        "detractor": asked.score <= 6,
        "passive": (asked.score >= 7) & (asked.score <= 8),
        "promoter": asked.score >= 9,
    }
    return {
        "asked": len(asked.at),
        "answered": int(asked.answered.sum()),
        "answer_rate": float(asked.answered.mean()),
        "answer_rate_of": {name: float(asked.answered[of].mean()) for name, of in groups.items()},
        "share_asked": {name: float(of.mean()) for name, of in groups.items()},
        "nps_asked": _nps(asked.score),
        "nps_answered": _nps(asked.score[asked.answered]),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(float(value), 6) if isinstance(value, float) else value


def facts(rng: np.random.Generator, company: Company, spec: Spec, seed: int) -> dict[str, Any]:
    """All that is true, as plain values."""
    plan = company.plan
    found = {
        "seed": seed,
        "spec": {name: getattr(spec, name) for name in spec.__slots__},
        "customers": len(company.people),
        "days": plan.days,
        "churners": int(np.isfinite(company.end).sum()),
        "survey": _survey(company),
        "kinds": [
            {
                "touchpoint": kind.name,
                "role": kind.role,
                "rate": kind.rate,
                "encounters": len(company.journey[kind.name]),
                "measures": sorted(kind.measures),
            }
            for kind in sorted(plan.kinds, key=lambda kind: kind.name)
        ],
        "targets": {target: _target(rng, company, target) for target in TARGETS},
    }
    plain: dict[str, Any] = _rounded(found)
    return plain
