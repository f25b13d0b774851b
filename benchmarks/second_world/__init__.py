"""A second synthetic company whose drivers are known, only for judging driver analyses.

Its structure differs from the demo's: everything (kinds of touchpoint, rates, shapes, effects, which are true) is drawn from
the seed, effects belong to single encounters and fade, and there are proxies, bad spells, a hidden trait, healing, mediation,
consequences and answers that are missing for a reason. The same spec and seed give the same bytes.

(out, spec, seed) -> a folder with customers, touchpoints, surveys, transactions, subscriptions, world.yaml and truth.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.second_world import folder, plan
from benchmarks.second_world.outcomes import simulate
from benchmarks.second_world.spec import Spec
from benchmarks.second_world.truth import facts

__all__ = ["Spec", "Truth", "make"]


@dataclass(frozen=True, slots=True)
class Truth:
    """A written world: its folder, its configuration and the content of truth.json."""

    folder: Path
    config: Path
    facts: dict[str, Any]

    def of(self, target: str) -> dict[str, Any]:
        """What is true of one target, `nps` or `churn`."""
        found: dict[str, Any] = self.facts["targets"][target]
        return found


def make(out: Path, spec: Spec, seed: int) -> Truth:
    """Simulate a company and write it to `out`, a new or empty folder or an earlier world.

    Raises
    ------
    FileExistsError
        `out` holds something else.
    """
    out = Path(out).absolute()
    folder.free(out)
    drawing, telling, writing, *living = np.random.SeedSequence(seed).spawn(8)
    company = simulate(spec, plan.draw(np.random.default_rng(drawing), spec), living)
    known = facts(np.random.default_rng(telling), company, spec, seed)
    folder.write(out, company, known, np.random.default_rng(writing))
    return Truth(out, out / folder.CONFIG, known)
