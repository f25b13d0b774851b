"""Small worlds of rows whose drivers are known: a rare breaker, a common one with a knee, a maker, a straight line, and nulls.

Each touchpoint is a block of two columns, how often it was met and how the last one went (missing where it was not met).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from configs.settings import BASE, Drivers
from drivers.attribution import Block, Kind, Problem

Floats = npt.NDArray[np.float64]
KNEE = 20.0
TRUE = ("bill", "call", "outage", "visit")
NULL = ("echo", "mail", "poll")
SHAPES = {"bill": "linear", "call": "breaker", "outage": "breaker", "visit": "maker"}


def options(**changes: Any) -> Drivers:
    """Driver settings of base.yaml, quicker, with changes."""
    import yaml

    content = yaml.safe_load(BASE.read_text(encoding="utf-8"))["drivers"]
    quick = {"repeats": 2, "bootstraps": 60, "half_samples": 6, "folds": 3}
    return Drivers(**{**content, **quick, **changes})


@dataclass(frozen=True)
class World:
    """A problem and what is true in it: the effect of each driver on each row, in the latent unit."""

    problem: Problem
    effects: dict[str, Floats]
    wait: Floats


def make(seed: int, *, rows: int = 3000, per_customer: int = 1, kind: Kind = "linear", size: float = 1.0) -> World:
    """A world; `size` 0 makes it null, apart from its control."""
    rng = np.random.default_rng(seed)
    customers = rows // per_customer
    customer = np.repeat(np.arange(customers), per_customer)
    person = rng.normal(size=customers)[customer]

    def met(share: float) -> npt.NDArray[np.bool_]:
        return rng.random(rows) < share

    encountered = {"bill": met(0.9), "call": met(0.7), "outage": met(0.12), "visit": met(0.3), "mail": met(0.5)}
    encountered |= {"echo": encountered["outage"] & met(0.7) | met(0.05), "poll": met(0.15)}
    measure = {name: rng.gamma(2.0, 8.0, rows) for name in encountered}
    measure["bill"] = rng.normal(20.0, 8.0, rows)
    effects = {
        "bill": np.where(encountered["bill"], (20.0 - measure["bill"]) / 12, 0.0),
        "call": np.where(encountered["call"], -np.clip((measure["call"] - KNEE) / 8, 0, 5), 0.0),
        "outage": np.where(encountered["outage"], -1.2 - measure["outage"] / 12, 0.0),
        "visit": np.where(encountered["visit"], 1.0 + 0.8 * (measure["visit"] < 12), 0.0),
    }
    price = rng.normal(size=rows)
    total = size * sum(effects.values(), start=np.zeros(rows)) - 0.4 * price
    total -= total.mean()
    if kind == "linear":
        score = np.clip(np.round(8.3 + total + 0.6 * person + rng.normal(size=rows) * 1.2), 0, 10)
        y = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    else:
        chance = 1 / (1 + np.exp(1.8 + 0.9 * total + 0.3 * person))
        y = (rng.random(rows) < chance).astype(np.float64)

    columns: list[Floats] = []
    blocks = []
    for name in sorted(encountered):
        times = encountered[name] * (1 + rng.poisson(0.3, rows))
        columns += [times.astype(np.float64), np.where(encountered[name], measure[name], np.nan)]
        place = np.array([len(columns) - 2, len(columns) - 1])
        blocks.append(Block(name, "touchpoint", place, ("frequency", "wait"), encountered[name]))
    columns.append(price)
    blocks.append(Block("price", "control", np.array([len(columns) - 1]), ("price",), np.ones(rows, dtype=bool)))
    problem = Problem(
        X=np.ascontiguousarray(np.column_stack(columns), dtype=np.float32),
        blocks=tuple(blocks),
        y=y,
        customer=customer,
        kind=kind,
        weight=np.ones(rows),
    )
    return World(problem, effects, measure["call"])


__all__ = ["KNEE", "NULL", "SHAPES", "TRUE", "World", "make", "options"]
