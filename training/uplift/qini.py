"""What a ranking by effect is worth: the Qini curve (Radcliffe, 2007), beside ranking by risk, and whom it pays to reach.

Each customer of the pilot has a score whose mean over any group is what reaching that group saves (the randomised share is known;
the risk only takes noise away). The curve adds these scores up from the most persuadable down: churners prevented per
customer, by the share that is reached. The coefficient is the area between it and the straight line that reaching at random gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.campaign import Campaign
from training.evaluate import Interval, Weighted, groups_of, intervals
from training.uplift.effect import Effects
from training.uplift.pilot import Pilot

Array = NDArray[np.float64]

STEPS: Final = 20


@dataclass(frozen=True)
class Worth:
    """Figures of a pilot, and who is worth reaching (n,)."""

    facts: dict[str, Any]
    reach: NDArray[np.bool_]


def worth(found: Pilot, learnt: Effects, label: Array, asked: Campaign, draws: int, seed: int) -> Worth:
    """What the effects (held out) are worth on the pilot's customers.

    Parameters
    ----------
    found, learnt, label
        The pilot, its effects, and who left, (n,) 0/1.
    asked
        The economics: what each customer is worth, an offer and a contact.
    draws, seed
        Of the bootstrap over customers.
    """
    saved, stays = _scores(found, learnt, label)
    # An offer is taken by all who stay; the chance to stay if reached is the risk less what reaching saves beyond the pilot's share.
    promised = _money(asked, learnt.saved, np.clip(1.0 - learnt.risk + (1.0 - found.share) * learnt.saved, 0.0, 1.0))
    reach = promised > 0
    came = _money(asked, saved, stays)
    rows = np.arange(len(label))
    curves = [_area(-learnt.saved, saved), _area(-learnt.risk, saved)]

    def compute(w: Array) -> dict[str, Array]:
        ours, risk = (curve(w)["area"] for curve in curves)
        total = w.sum(axis=1)
        return {
            "effect": (w @ saved) / total,
            "qini": ours,
            "qini_of_risk": risk,
            "qini_beyond_risk": ours - risk,
            "profit": (w @ (came * reach)) / total,
            "profit_of_all": (w @ came) / total,
        }

    measured: dict[str, Interval] = intervals([compute], rows, draws, seed)
    ranked, risky = (_along(order, saved) for order in (-learnt.saved, -learnt.risk))
    facts = {
        **measured,
        "alike": bool((learnt.rounds == 0).all()),
        "reach_share": float(reach.mean()),
        "curve": [
            {"share": share, "saved": ours, "by_risk": theirs, "at_random": share * float(saved.mean())}
            for share, ours, theirs in zip(np.linspace(0, 1, STEPS + 1).tolist(), ranked, risky, strict=True)
        ],
    }
    return Worth(facts, reach)


def _scores(found: Pilot, learnt: Effects, label: Array) -> tuple[Array, Array]:
    """Per customer: churn saved by reaching, and the chance to stay if reached; unbiased over any group of customers."""
    share = found.share
    saved = -(found.reached - share) / (share * (1.0 - share)) * (label - learnt.risk)
    stays = 1.0 - learnt.risk - found.reached / share * (label - learnt.risk)
    return saved, stays


def _money(asked: Campaign, saved: Array, stays: Array) -> Array:
    """What reaching brings: the value of who is saved, less the offer to all who stay, less the contact."""
    return np.asarray(saved * asked.value - asked.terms.offer * stays - asked.terms.contact)


def _area(order: Array, saved: Array) -> Weighted:
    """Area between the curve and the straight line, under weights; who is ranked alike is reached alike."""
    ranked, starts = groups_of(order)

    def compute(w: Array) -> dict[str, Array]:
        mass, sums = (
            np.add.reduceat(w[:, ranked] * part, starts, axis=1) for part in (np.ones(len(saved)), saved[ranked])
        )
        total = mass.sum(axis=1, keepdims=True)
        height = np.cumsum(sums, axis=1) / total
        middle = height - 0.5 * sums / total
        return {"area": (middle * mass / total).sum(axis=1) - 0.5 * height[:, -1]}

    return compute


def _along(order: Array, saved: Array) -> list[float]:
    ranked, starts = groups_of(order)
    n = len(saved)
    sums = np.concatenate([[0.0], np.add.reduceat(saved[ranked], starts).cumsum()]) / n
    reached = np.concatenate([[0.0], np.append(starts[1:], n)]) / n
    return [float(value) for value in np.interp(np.linspace(0, 1, STEPS + 1), reached, sums)]
