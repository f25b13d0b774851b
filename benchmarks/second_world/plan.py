"""The plan of a world: kinds of touchpoint with their roles, rates, measures and shapes, all drawn from a generator.

No effect has its size yet: `target` holds how strong a driver is to be beside the others, and `outcomes` turns that into
a weight per dose once it is known how often the kind is met. Names are numbered at random, so that none tells its role.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from benchmarks.second_world.spec import Spec

Floats = npt.NDArray[np.float64]

TARGETS: Final = ("nps", "churn")
MEASURES: Final[dict[str, dict[str, Any]]] = {
    "wait": {"column": "wait_min", "unit": "minutes", "effort": "time", "better": "lower"},
    "delay": {"column": "delay_days", "unit": "days", "effort": "time", "better": "lower"},
    "fee": {"column": "fee_eur", "unit": "EUR", "effort": "money", "better": "lower"},
    "rating": {"column": "rating", "unit": "score", "better": "higher"},
    "solved": {"column": "is_solved", "unit": "flag", "better": "higher"},
}
DRIVERS: Final = ("knee", "healed", "deep", "maker", "linear", "cause", "breaker")
"""Roles that move an outcome wherever they stand; `confounded` and `unhappy` do in some worlds."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a measure is drawn from a standard normal z, of which more is worse."""

    middle: float
    spread: float

    def values(self, measure: str, z: Floats) -> Floats:
        """Measured values of z."""
        if measure == "rating":
            rated: Floats = np.clip(np.round(self.middle - self.spread * z, 1), 1.0, 5.0)
            return rated
        if measure == "solved":
            solved: Floats = np.where(z < self.spread, 1.0, 0.0)
            return solved
        skewed: Floats = np.round(self.middle * np.exp(self.spread * z), 3)
        return skewed


@dataclass(frozen=True, slots=True)
class Follow:
    """A kind that comes after another's encounters: which share of them, and within which days."""

    host: str
    share: float
    days: tuple[float, float]
    echo: float = 0.0
    exponential: float | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of touchpoint.

    `rate` counts encounters per year on its own account, `spell` multiplies it in a customer's bad weeks, `temper` and
    `unhappy` say how its logarithm follows the hidden trait and unhappiness. `target` is the wished strength per outcome
    beside other drivers; 0 is no effect.
    """

    name: str
    role: str
    rate: float
    spell: float = 1.0
    measures: dict[str, Scale] = field(default_factory=dict)
    follow: Follow | None = None
    temper: float = 0.0
    unhappy: float = 0.0
    shape: str | None = None
    measure: str | None = None
    knee: float | None = None
    half_life: float = 90.0
    target: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0.0))

    def dose(self, measured: dict[str, Floats], count: int) -> Floats:
        """What each encounter does to loyalty, before its weight: below 0 it harms."""
        if self.measure is None:
            return np.full(count, 1.0 if self.shape == "maker" else -1.0)
        value, scale = measured[self.measure], self.measures[self.measure]
        if self.shape == "maker":
            pleasing: Floats = np.maximum(value - float(self.knee or 0.0), 0.0)
            return pleasing
        if self.shape == "breaker":
            harm: Floats = np.minimum(1.0 - value / float(self.knee or 1.0), 0.0)
            return harm
        mean = scale.middle * np.exp(scale.spread**2 / 2)
        ease: Floats = 1.0 - value / mean
        return ease


@dataclass(frozen=True, slots=True)
class Plan:
    """A world's kinds in an order in which hosts come before what follows them, and its other constants."""

    kinds: tuple[Kind, ...]
    days: int
    heal_days: float
    healed: float
    spells_per_year: float
    spread: dict[str, float]
    hidden: dict[str, float]
    person: dict[str, float]
    noise: float
    nps: float
    controls: dict[str, dict[str, Floats | float]]
    ask_days: float
    answer_rate: float
    content: float

    def role(self, role: str) -> Kind | None:
        """The first kind of a role."""
        return next((kind for kind in self.kinds if kind.role == role), None)

    def drivers(self, target: str) -> tuple[Kind, ...]:
        """Kinds that move an outcome."""
        return tuple(kind for kind in self.kinds if kind.target[target] > 0)


class _Draw:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def flat(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 4)

    def log(self, low: float, high: float) -> float:
        return round(float(np.exp(self.rng.uniform(np.log(low), np.log(high)))), 4)

    def scale(self, measure: str) -> Scale:
        if measure == "rating":
            return Scale(self.flat(3.2, 4.0), self.flat(0.6, 0.9))
        if measure == "solved":
            return Scale(0.0, self.flat(0.4, 1.2))
        low, high = {"wait": (6.0, 25.0), "delay": (1.0, 5.0), "fee": (4.0, 20.0)}[measure]
        return Scale(self.log(low, high), self.flat(0.5, 0.75))

    def measures(self, count: int, first: str | None = None) -> dict[str, Scale]:
        """`count` measures, `first` among them."""
        names = [name for name in self.rng.permutation(list(MEASURES)).tolist() if name != first]
        chosen = ([first] if first else []) + names
        return {name: self.scale(name) for name in sorted(chosen[:count])}

    def few(self, low: int = 0, high: int = 2) -> int:
        return int(self.rng.integers(low, high + 1))

    def driver(self, role: str, rate: tuple[float, float], target: tuple[float, float], **more: Any) -> Kind:
        """A kind that moves both outcomes, with the shape that its role has."""
        shape = role if role in {"maker", "linear"} else "breaker"
        measure: str | None = None
        if role in {"knee", "healed"}:
            measure = str(self.rng.choice(["wait", "delay"]))
        elif role == "linear":
            measure = str(self.rng.choice(["wait", "delay", "fee"]))
        elif role == "maker" and self.rng.random() < 0.5:
            measure = "rating"
        measures = self.measures(self.few(1, 3) if measure else self.few(), measure)
        knee = None
        if measure and role == "linear":
            # little skew: the short ones please as much as the long ones annoy
            measures[measure] = replace(measures[measure], spread=self.flat(0.35, 0.5))
        if measure == "rating":
            # better than usual pleases, the rest of these encounters does nothing
            knee = round(measures[measure].middle - 0.3, 2)
        elif measure and shape == "breaker":
            at = ndtri(self.flat(0.55, 0.75))
            knee = round(float(measures[measure].middle * np.exp(measures[measure].spread * at)), 1)
        more.setdefault("spell", 1.0)
        return Kind(
            name="",
            role=role,
            rate=self.log(*rate),
            measures=measures,
            shape=shape,
            measure=measure,
            knee=knee,
            # what is rare and deep is long remembered; a short memory would ask for harm beyond the scale
            half_life=round(self.log(100.0 if role == "deep" else 45.0, 240.0), 1),
            target={name: self.log(*target) for name in TARGETS},
            **more,
        )

    def null(self, role: str, rate: tuple[float, float], measures: int, **more: Any) -> Kind:
        return Kind(name="", role=role, rate=self.log(*rate), measures=self.measures(measures), **more)


def _drivers(draw: _Draw) -> list[Kind]:
    rng = draw.rng
    usual = (0.75, 1.5)
    found = [
        draw.driver("cause", (0.8, 2.5), (0.6, 0.8), spell=draw.flat(1.5, 2.5)),
        draw.driver("knee", (1.5, 4.0), usual, spell=draw.flat(1.5, 3.0)),
        draw.driver("healed", (1.5, 4.0), (0.9, 1.5), spell=draw.flat(1.5, 3.0)),
        draw.driver("deep", (0.11, 0.15), (0.8, 1.1)),
        draw.driver("maker", (0.6, 3.0), usual),
        draw.driver("linear", (1.5, 6.0), usual),
    ]
    if rng.random() < 0.6:
        role = str(rng.choice(["maker", "linear", "breaker"]))
        found.append(draw.driver(role, {"linear": (1.5, 6.0)}.get(role, (0.5, 2.0)), usual))
    # two of the plain ones move one outcome only
    plain = [place for place, kind in enumerate(found) if kind.role in {"maker", "linear", "breaker"}]
    for place, target in zip(rng.permutation(plain)[:2], rng.permutation(TARGETS), strict=True):
        found[place] = replace(found[place], target={**found[place].target, str(target): 0.0})
    return found


def _others(draw: _Draw, hosts: list[Kind], spec: Spec) -> list[Kind]:
    rng = draw.rng
    true_one = str(rng.choice(["none", "confounded", "unhappy"]))
    found = []
    for host in hosts:
        follow = Follow(host.role, draw.flat(0.35, 0.6), (0.02, 2.0), echo=draw.flat(0.5, 0.8))
        measured = {name: draw.scale(name) for name in host.measures} or draw.measures(1)
        found.append(Kind("", "proxy", draw.log(0.1, 1.0), measures=measured, follow=follow))
    found += [
        draw.null("wide", (5.0, 12.0), 5, spell=draw.flat(1.0, 1.5)),
        draw.null("wide", (3.0, 9.0), 4),
        draw.null("frequent", (6.0, 12.0), draw.few(0, 1)),
        draw.null("rare", (0.1, 0.4), draw.few(0, 1)),
        draw.null("spell", (0.8, 3.0), draw.few(0, 2), spell=draw.flat(2.5, 4.0)),
        draw.null("healer", (0.2, 0.8), draw.few(0, 1), follow=Follow("healed", draw.flat(0.35, 0.6), (0.5, 6.5))),
    ]
    special = {
        "confounded": {"temper": draw.flat(0.5, 0.7) if spec.hidden_confounder else 0.0},
        "unhappy": {"unhappy": draw.flat(0.5, 0.75)},
    }
    for role, more in special.items():
        kind = draw.driver(role, (0.8, 2.5), (0.75, 1.1), **more)
        found.append(kind if role == true_one else replace(kind, shape=None, target=dict.fromkeys(TARGETS, 0.0)))
    if spec.consequences:
        found += [draw.null("desk", (0.02, 0.04), 1), draw.null("callback", (0.02, 0.04), 1)]
    return found


def _controls(draw: _Draw) -> dict[str, dict[str, Floats | float]]:
    """Effects on the score 0 to 10 and on log-odds: per segment, per region, per price step, per doubling of tenure."""
    return {
        target: {
            "segment": np.round(draw.rng.normal(0, 0.3, 3), 3),
            "region": np.round(draw.rng.normal(0, 0.2, 4), 3),
            "fee_per_10_eur": sign * draw.flat(0.1, 0.25),
            "tenure_per_doubling": -sign * draw.flat(0.05, 0.15),
        }
        for target, sign in (("nps", -1.0), ("churn", 1.0))
    }


def draw(rng: np.random.Generator, spec: Spec) -> Plan:
    """A plan; the same generator state and spec give the same one."""
    draws = _Draw(rng)
    drivers = _drivers(draws)
    hosts = [drivers[1 + draws.few(0, 1)]]
    hosts += [drivers[place] for place in rng.permutation([0, 3, 4, 5])[:2]]
    others = _others(draws, hosts, spec)
    if spec.mediation:
        caused = Follow("cause", draws.flat(0.5, 0.8), (1.0, 28.0), exponential=draws.flat(7.0, 14.0))
        drivers[1] = replace(drivers[1], follow=caused)
    kinds = drivers + others
    numbers = rng.permutation(len(kinds)) + 1
    kinds = [replace(kind, name=f"tp_{number:02d}") for kind, number in zip(kinds, numbers, strict=True)]
    if spec.null:
        kinds = [replace(kind, target=dict.fromkeys(TARGETS, 0.0)) for kind in kinds]
    hidden = spec.hidden_confounder and not spec.null
    person = {"nps": draws.flat(0.7, 1.0), "churn": draws.flat(0.3, 0.5)}
    drawn = {"nps": -draws.flat(0.5, 0.8), "churn": draws.flat(0.2, 0.35)}
    return Plan(
        kinds=tuple(kinds),
        days=int(rng.integers(860, 1060)),
        heal_days=7.0,
        healed=draws.flat(0.05, 0.3) if spec.interactions else draws.flat(1.0, 1.0),
        spells_per_year=draws.flat(0.3, 0.9),
        spread={"nps": draws.flat(1.1, 1.4), "churn": draws.flat(0.8, 1.0)},
        hidden=drawn if hidden else dict.fromkeys(TARGETS, 0.0),
        person=person,
        noise=draws.flat(1.1, 1.4),
        nps=draws.flat(9.0, 21.0),
        controls=_controls(draws),
        ask_days=draws.flat(150.0, 240.0),
        answer_rate=draws.flat(0.3, 0.5),
        content=draws.flat(0.25, 0.5) * float(rng.choice([-1.0, 1.0], p=[0.35, 0.65])),
    )
