"""Where effects are looked at: the rows of a target, and the game that touchpoints play on them.

(company, target) -> rows (customer, at), effects (rows, players) and the function from their sum to the outcome. NPS: answers
and the expected NPS in points, where noise and what nobody sees are averaged out. Churn: snapshots of active customers and
the log-odds of leaving, each effect at the mean of what fades over the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.second_world import journey as walk
from benchmarks.second_world.journey import Flags
from benchmarks.second_world.outcomes import SIGN, Company, expected_nps
from benchmarks.second_world.people import Ints
from benchmarks.second_world.plan import Floats, Kind
from benchmarks.second_world.shapley import Game

HORIZON: Final = 90
SNAPSHOT: Final = 30
_HISTORY: Final = 90  # days before the first snapshot
_MOST_ROWS: Final = 10_000  # rows that are valued: shares hardly move beyond
_REST: Final = "rest"


@dataclass(frozen=True, slots=True)
class Scene:
    """Rows of one target with the game on them: `names` are its players, the last one all that is no touchpoint."""

    target: str
    customer: Ints
    at: Floats
    names: tuple[str, ...]
    game: Game

    def met(self, company: Company, name: str) -> Flags:
        """Rows with an encounter within a year before them."""
        found: Flags = walk.met(company.journey[name], self.customer, self.at) > 0
        return found

    def moved(self, more: dict[str, Floats]) -> Scene:
        """The same with effects added to touchpoints, which become players where they are none."""
        effects, names = self.game.effects.copy(), list(self.names)
        for name, effect in more.items():
            if name in names:
                effects[:, names.index(name)] += effect
            else:
                # before the rest, behind all others: the interaction's columns stay where they are
                effects = np.insert(effects, -1, effect, axis=1)
                names.insert(-1, name)
        return replace(self, names=tuple(names), game=replace(self.game, effects=effects))


def rows(company: Company, target: str, *, asked: bool = False) -> tuple[Ints, Floats]:
    """Where effects are looked at: answers (or all questions), and the snapshots of active customers."""
    if target == "nps":
        found = company.questions
        kept = found.answered | asked
        return found.customer[kept], found.at[kept]
    dates = np.arange(company.plan.days - HORIZON, _HISTORY - 1, -SNAPSHOT, dtype=np.float64)
    everyone = np.arange(len(company.people))
    customer, at = np.repeat(everyone, len(dates)), np.tile(dates, len(everyone))
    active = (company.people.entry[customer] < at) & (company.end[customer] > at)
    return customer[active], at[active]


def fading(kind: Kind, target: str) -> float:
    """Mean over the horizon of what an effect still is, as a share of now; 1 where the outcome is of the moment."""
    if target == "nps":
        return 1.0
    turns = HORIZON / kind.half_life * np.log(2)
    return float(-np.expm1(-turns) / turns)


def scene(rng: np.random.Generator, company: Company, target: str, *, asked: bool = False) -> Scene:
    """The rows of a target, drawn where there are many, and their game; `asked` takes all questions, answered or not."""
    customer, at = rows(company, target, asked=asked)
    if len(at) > _MOST_ROWS:
        kept = np.sort(rng.choice(len(at), _MOST_ROWS, replace=False))
        customer, at = customer[kept], at[kept]
    plan, sign = company.plan, SIGN[target]
    names, columns = [], []
    hurt, healer = plan.role("healed"), plan.role("healer")
    pair: dict[str, Any] = {}
    for kind in plan.drivers(target):
        names.append(kind.name)
        columns.append(sign * fading(kind, target) * company.effect(target, kind.name, customer, at))
    if company.healing is not None and hurt is not None and healer is not None and hurt.name in names:
        bare = columns[names.index(hurt.name)]
        back = sign * fading(hurt, target) * company.healed(target, customer, at)
        share = np.full(len(at), np.nan)
        np.divide(back, (plan.healed - 1.0) * bare, out=share, where=np.abs(bare) > 1e-9)
        # where nothing was hurt it does not matter how much of it would have been healed
        usual = np.average(np.nan_to_num(share), weights=np.abs(bare) + 1e-12)
        columns.append(np.clip(np.where(np.isnan(share), usual, share), 0.0, 1.0))
        names.append(healer.name)
        pair = {"hurt": names.index(hurt.name), "healer": len(names) - 1, "multiplier": plan.healed}
    columns.append(company.known(target, customer, at))
    deviation = float(np.sqrt(plan.noise**2 + plan.person["nps"] ** 2 + plan.hidden["nps"] ** 2))

    def value(total: Floats) -> Floats:
        return expected_nps(total, deviation) if target == "nps" else total

    return Scene(target, customer, at, (*names, _REST), Game(np.column_stack(columns), value, **pair))
