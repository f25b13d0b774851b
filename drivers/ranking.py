"""Where a driver stands: status, share, rank with its band, tier. Touchpoints and groups of controls are families apart.

A key driver passes the gate, exceeds the minimum effect within its family's false discovery rate, and is among the top k in
most half-samples (k = how many passed). What is not confirmed is never ranked.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from configs.settings import Drivers
from drivers.attribution import Floats, Ints, Problem
from drivers.result import SlopeTests, Standing, Status
from drivers.uncertainty import Draws

_STABLE: Final = 0.8  # share of half-samples in which a key driver must be among the top k
_TIERS: Final = (0.5, 0.15)  # of the strongest: where ranks are not to be trusted to the place, tiers are
_BAND: Final = (0.025, 0.975)


def families(problem: Problem) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(blocks,) masks of touchpoints and of controls."""
    return problem.touchpoint, ~problem.touchpoint


def standing(
    problem: Problem, size: Floats, tests: SlopeTests, drawn: Draws, halved: Draws, options: Drivers
) -> Standing:
    """Standing of strengths `size` (blocks,) within their families.

    Parameters
    ----------
    problem, tests
        Blocks, and what the regression says of them.
    drawn, halved
        Strengths under resampled customers and under refits on halves.
    options
        The false discovery rate.
    """
    blocks = len(problem.blocks)
    share, in_top = np.zeros(blocks), np.zeros(blocks)
    rank, low, high, tier = (np.zeros(blocks, dtype=np.int64) for _ in range(4))
    status: list[Status] = ["not_distinguishable"] * blocks
    for family in families(problem):
        mine = np.flatnonzero(family)
        if not len(mine):
            continue
        total, top = float(size[mine].sum()), float(size[mine].max())
        if total > 0:
            share[mine] = size[mine] / total
            tier[mine] = np.where(size[mine] > 0, 1 + (size[mine, None] < np.array(_TIERS) * top).sum(axis=1), 0)
        declared = tests.q[mine] <= options.false_discovery_rate
        in_top[mine] = (ranks(halved.strength[:, mine]) <= int(declared.sum())).mean(axis=0)
        for b, passed in zip(mine.tolist(), declared.tolist(), strict=True):
            status[b] = _status(
                gate=tests.gate.passed,
                passed=passed,
                stable=bool(in_top[b] >= _STABLE and size[b] > 0),
                any_effect=tests.q_any[b] <= options.false_discovery_rate,
            )
        key = mine[[status[b] == "key_driver" for b in mine.tolist()]]
        if len(key):
            rank[key] = ranks(size[None, key])[0]
            low[key], high[key] = _band(rank[key], halved.strength[:, key], drawn.strength[:, key])
    return Standing(tuple(status), share, in_top, rank, low, high, tier)


def _status(*, gate: bool, passed: bool, stable: bool, any_effect: bool) -> Status:
    if not gate:
        return "not_distinguishable"
    if passed and stable:
        return "key_driver"
    return "candidate" if passed or any_effect else "not_distinguishable"


def ranks(strength: Floats) -> Ints:
    """Rank of each block in each draw, 1 the strongest: (draws, blocks)."""
    order = np.argsort(-strength, axis=1, kind="stable")
    rank = np.empty(strength.shape, dtype=np.int64)
    np.put_along_axis(rank, order, np.arange(1, strength.shape[1] + 1)[None, :], axis=1)
    return rank


def _band(rank: Ints, *draws: Floats) -> tuple[Ints, Ints]:
    """The band that holds each rank in 95 % of every kind of draw."""
    low, high = rank.astype(np.float64), rank.astype(np.float64)
    for strength in draws:
        below, above = np.quantile(ranks(strength), _BAND, axis=0)
        low, high = np.minimum(low, np.floor(below)), np.maximum(high, np.ceil(above))
    return low.astype(np.int64), high.astype(np.int64)
