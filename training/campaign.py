"""What a churn model is worth in money: a campaign that reaches the customers with the most to win and offers them something to stay.

A leaver who takes the offer stays: that brings the customer's value less the offer. Who would have stayed takes the offer all the
same. Everyone who is reached costs the contact. The share of leavers whom an offer holds is an assumption, the same for all
customers: risk is not persuadability, which only a randomised pilot shows (Verbraken et al., 2013, IEEE TKDE 25(5)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.errors import ConfigError, nearest
from configs.settings import Settings
from training.dataset import Dataset
from training.evaluate import Terms
from training.split import Rows

Array = NDArray[np.float64]

STEPS: Final = 20
"""Points of a profit curve: every twentieth of the customers."""
RARE: Final = 0.05
"""Churn rate below which expected maximum profit is mostly noise."""
_LEAST: Final = 1e-9


@dataclass(frozen=True)
class Campaign:
    """The economics of some rows: what each customer is worth (n,), the terms with the mean worth, the share that is reached."""

    value: Array
    terms: Terms
    size: float

    @property
    def acceptance(self) -> float:
        """Mean share of leavers whom an offer holds."""
        return self.terms.alpha / (self.terms.alpha + self.terms.beta)

    def won(self, churn: Array) -> Array:
        """Money won by reaching each customer, (n,): for labels 0/1 what came of it, for probabilities what is expected."""
        held = self.acceptance * (self.value - self.terms.offer) - self.terms.contact
        return np.asarray(churn * held - (1.0 - churn) * (self.terms.offer + self.terms.contact))

    def break_even(self) -> float | None:
        """Probability of churn from which reaching a customer of mean worth pays; None where it never does."""
        gain = self.acceptance * (self.terms.value - self.terms.offer) + self.terms.offer
        found = (self.terms.offer + self.terms.contact) / gain if gain > 0 else np.inf
        return float(found) if found <= 1.0 else None


def campaign(dataset: Dataset, rows: Rows, settings: Settings) -> Campaign:
    """The configured economics for some rows.

    Raises
    ------
    ConfigError
        When `campaign.value` names no feature of the training set.
    """
    given = settings.campaign
    if isinstance(given.value, str):
        names = dataset.catalog.names
        if given.value not in names:
            close = nearest(given.value, names)
            raise ConfigError(
                f"no feature is called '{given.value}'",
                where=f"{settings.source.name}: campaign.value",
                available=f"{len(names)} features, listed in training/{dataset.target}.parquet",
                next_move=f"did you mean '{close}'?" if close else "give an amount of money, or the name of a feature",
            )
        # Who has no value on record, or a negative one, is worth nothing to a campaign.
        value = np.clip(np.nan_to_num(dataset.X[rows, names.index(given.value)]), 0.0, None)
    else:
        value = np.full(len(rows), float(given.value))
    terms = Terms(max(float(value.mean()), _LEAST), given.offer, given.contact, *given.acceptance)
    return Campaign(value, terms, given.size)


def profits(asked: Campaign, y: Array, probability: Array) -> Callable[[Array], dict[str, Array]]:
    """Metrics under customer weights (see `training.evaluate`): money per customer of the company, those not reached included.

    profit_at_size: the campaign reaches the configured share, those with the most to win first; profit_at_stop: everyone for whom
    the calibrated probability promises a profit.
    """
    expected = asked.won(probability)
    realised = asked.won(y)
    order, starts = _ranked(expected)
    pays = expected > 0

    def compute(w: Array) -> dict[str, Array]:
        total = w.sum(axis=1)
        mass, money = (
            np.add.reduceat(w[:, order] * part[order], starts, axis=1) for part in (np.ones(len(y)), realised)
        )
        room = np.clip(asked.size * total[:, None] - (mass.cumsum(axis=1) - mass), 0.0, mass)
        share = np.divide(room, mass, out=np.zeros_like(mass), where=mass > 0)
        return {
            "profit_at_size": (money * share).sum(axis=1) / total,
            "profit_at_stop": (w @ np.where(pays, realised, 0.0)) / total,
        }

    return compute


def curve(asked: Campaign, y: Array, probability: Array) -> dict[str, Any]:
    """Assumptions, where the campaign should stop, and what it wins by the share that is reached.

    Within equal expectations the money is spread evenly. `realised` and `expected` are money per customer of the company.
    """
    expected, realised = asked.won(probability), asked.won(y)
    order, starts = _ranked(expected)
    reached = np.append(starts, len(y)) / len(y)
    shares = np.linspace(0.0, 1.0, STEPS + 1)

    def along(money: Array) -> list[float]:
        sums = np.concatenate([[0.0], np.add.reduceat(money[order], starts).cumsum()]) / len(y)
        return [float(value) for value in np.interp(shares, reached, sums)]

    return {
        "customer_value": asked.terms.value,
        "own_values": bool(np.ptp(asked.value) > 0),
        "offer": asked.terms.offer,
        "contact": asked.terms.contact,
        "acceptance": asked.acceptance,
        "size": asked.size,
        "break_even": asked.break_even(),
        "stop_share": float((expected > 0).mean()),
        "empc_is_noise": bool(y.mean() < RARE),
        "curve": [
            {"share": float(share), "expected": hoped, "realised": came}
            for share, hoped, came in zip(shares, along(expected), along(realised), strict=True)
        ],
    }


def _ranked(expected: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by what they promise, the most first, and where each group of equal promises starts."""
    order = np.argsort(-expected, kind="stable")
    ranked = expected[order]
    return order, np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
