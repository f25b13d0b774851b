"""A synthetic company whose drivers are known: five tables, a configuration, and the truth to judge an analysis by.

Customers of a telecom company are met at twenty kinds of touchpoint over two years. Ten of these move loyalty, in known
shapes and sizes (`story`), some are noise, some only happen near a true driver, two exist because of the outcome.
Answers to surveys and farewells follow from the fading effects of the encounters that were really had.

Shapes: people [N] -> possible encounters per kind -> contracts (hazard by month) -> encounters that happened -> answers,
payments -> tables. The same number of customers and the same seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import DataError
from features.world import folder
from features.world.company import simulate
from features.world.truth import truth

__all__ = ["World", "make_world"]


@dataclass(frozen=True, slots=True)
class World:
    """A written world: its folder, its configuration file and the content of its truth.json."""

    folder: Path
    config: Path
    truth: dict[str, Any]


def make_world(out: Path, *, customers: int, seed: int, progress: Callable[[str, float], None] | None = None) -> World:
    """Simulate a company and write it to `out`.

    Parameters
    ----------
    out
        A folder that is new, empty or an earlier world; files of other names in an earlier world are kept.
    customers
        How many people were ever customers within the two years; at least 100.
    seed
        Seed of every random draw, 0 or more.
    progress
        Called with a step's name and the share of the work that is done (0 to 1).

    Raises
    ------
    DataError
        `out` holds something else, or the number of customers or the seed is too small.
    """
    if customers < 100:
        raise DataError(
            f"{customers} customers are too few to find anything", where="--customers", next_move="give at least 100"
        )
    if seed < 0:
        raise DataError(f"the seed {seed} is negative", where="--seed", next_move="give 0 or a positive whole number")
    out = Path(out).absolute()
    folder.check_free(out)
    report = progress or (lambda _step, _share: None)
    simulating, writing = np.random.SeedSequence(seed).spawn(2)
    company = simulate(customers, simulating, report)
    report("truth", 0.55)
    known = truth(company, seed=seed)
    folder.write(company, known, out, np.random.default_rng(writing), report)
    report("done", 1.0)
    return World(out, out / folder.CONFIG, known)
