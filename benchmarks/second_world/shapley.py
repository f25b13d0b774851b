"""Shapley values of a known function: what each touchpoint's effect is worth to a row, beside the other rows as background.

A game holds the effects of players on rows; the outcome is a function of their sum. One pair may interact: the first
player's effect is multiplied by 1 + (multiplier - 1) x the share that the second one healed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.second_world.people import Ints
from benchmarks.second_world.plan import Floats


@dataclass(frozen=True, slots=True)
class Game:
    """Players' effects (rows, players) and the outcome of their sum.

    Parameters
    ----------
    effects
        One column per player; a healer's column holds the healed share (0 to 1), which is not summed.
    value
        From sums (rows,) to outcomes (rows,).
    hurt, healer
        Columns of the pair that interacts; None where none does.
    multiplier
        What is left of a wholly healed effect, as a share.
    """

    effects: Floats
    value: Callable[[Floats], Floats]
    hurt: int | None = None
    healer: int | None = None
    multiplier: float = 1.0

    def part(self, player: int, current: list[Floats | float]) -> Floats | float:
        """What one player adds to the sum while the others hold `current`, one entry per player."""
        own = current[player]
        if self.hurt is None or self.healer is None or player not in {self.hurt, self.healer}:
            return own
        back: Floats | float = (self.multiplier - 1.0) * current[self.hurt] * current[self.healer]
        return back if player == self.healer else own + back


def values(rng: np.random.Generator, game: Game, pairs: int = 64) -> tuple[Floats, Floats]:
    """Values (rows, players) and, for the same coalitions, the distance to not having met the player at all.

    Each draw takes one background row for all rows, so that its chance shifts all values alike and not their spread, and an
    order of the players forth and back (Castro et al., 2009; antithetic pairs after Mitchell et al., 2022).
    """
    rows, players = game.effects.shape
    found, distance = np.zeros((rows, players)), np.zeros((rows, players))
    backgrounds: Ints = rng.choice(rows, pairs, replace=rows < pairs)
    for background in game.effects[backgrounds]:
        order = rng.permutation(players)
        for sequence in (order, order[::-1]):
            current: list[Floats | float] = list(background)
            # the healer's part and the hurt one's hold the same product: it is counted once
            parts = [game.part(player, current) for player in range(players) if player != game.healer]
            total = np.full(rows, sum(parts))
            before = game.value(total)
            for player in sequence:
                total = total - game.part(player, current)
                without = game.value(total)
                current[player] = game.effects[:, player]
                total = total + game.part(player, current)
                after = game.value(total)
                found[:, player] += after - before
                distance[:, player] += after - without
                before = after
    return found / (2 * pairs), distance / (2 * pairs)
