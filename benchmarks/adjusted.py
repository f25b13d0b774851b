"""How often the intervals of adjusted effects hold the truth, with the common causes measured and with one of them hidden.

Worlds are made up so that the effect is known: customers with two rows each, traits that make encounters frequent and opinions good, some
of them bent, and dozens of columns that matter to nobody. For recommendation an encounter takes points off, for churn it adds percentage
points. Beside it stand the plain slope, that holds nothing fixed, and the limits under a hidden cause as strong as the strongest measured one.

Results in ``benchmarks/results/adjusted.json`` and ``.md``.

``python -m benchmarks.adjusted [--worlds N]``
"""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.feature_build import RESULTS
from drivers.claims.adjusted import Study, effect, slope
from drivers.claims.sensitivity import sensitivity, strongest

Array = npt.NDArray[np.float64]

KINDS: Final = {"nps": -9.0, "churn": 4.0}
_CUSTOMERS: Final = 2000
_NOISE: Final = 60  # columns that matter to nobody
_Z: Final = float(stats.norm.isf(0.025))


def world(kind: str, seed: int) -> tuple[Study, Array, npt.NDArray[np.float32]]:
    """Study, treatment (rows,) and all columns (rows, 64): the first two are common causes, of like strength."""
    rng = np.random.default_rng([seed, 9])
    rows = 2 * _CUSTOMERS
    customer = np.repeat(np.arange(_CUSTOMERS), 2)
    columns = rng.normal(size=(rows, _NOISE + 4))
    columns[:, :2] = np.repeat(rng.normal(size=(_CUSTOMERS, 2)), 2, axis=0)
    bent = np.maximum(columns[:, 2], 0.0)
    treatment = rng.poisson(np.exp(-0.4 + 0.4 * columns[:, 0] + 0.4 * columns[:, 1] + 0.3 * bent)).astype(np.float64)
    mood = np.repeat(rng.normal(size=_CUSTOMERS), 2)
    if kind == "nps":
        latent = 15 * columns[:, 0] + 15 * columns[:, 1] + 10 * bent + 8 * columns[:, 3] + 15 * mood
        outcome = latent + KINDS[kind] * treatment + 30 * rng.normal(size=rows)
    else:
        chance = (
            0.3
            - 0.05 * np.clip(columns[:, 0], -2, 2)
            - 0.05 * np.clip(columns[:, 1], -2, 2)
            - 0.04 * np.minimum(bent, 2)
        )
        chance += KINDS[kind] / 100 * np.minimum(treatment, 8) + 0.03 * np.clip(mood, -2, 2)
        outcome = (rng.random(rows) < np.clip(chance, 0.0, 1.0)).astype(np.float64)
    study = Study(outcome, customer, np.ones(rows), "linear" if kind == "nps" else "binary")
    return study, treatment, columns.astype(np.float32)


def one(kind: str, seed: int, *, hidden: bool) -> dict[str, Any]:
    """What is said of one world, and whether it holds."""
    study, treatment, columns = world(kind, seed)
    true, fixed = KINDS[kind], columns[:, 1:] if hidden else columns
    found = effect(study, treatment, fixed, seed=seed)
    groups = {str(column): np.array([column]) for column in range(fixed.shape[1])}
    like = strongest(found.left.importance, groups)
    limits = None if like is None else sensitivity(study, treatment, fixed, found, like, groups[like], seed=seed)
    value, error = slope(
        study.outcome - study.outcome.mean(), treatment - treatment.mean(), study.weight, study.customer
    )
    return {
        "bias": found.value - true,
        "holds": found.low <= true <= found.high,
        "hidden_holds": limits is not None and limits.low <= true <= limits.high,
        "plain_bias": study.scale * value - true,
        "plain_holds": abs(study.scale * value - true) <= _Z * study.scale * error,
    }


def report(facts: dict[str, dict[str, Any]]) -> str:
    """The page."""
    lines = [
        "# Adjusted effects against the truth",
        "",
        (
            f"{_CUSTOMERS * 2:,} rows of {_CUSTOMERS:,} customers, {_NOISE + 4} columns. The true effect of an encounter is "
            f"{KINDS['nps']:g} points, or {KINDS['churn']:g} percentage points of churn."
        ),
        "",
        (
            "| outcome | common causes | worlds | mean error | interval holds | holds under a hidden cause as strong as the strongest "
            "measured | plain slope: mean error | holds |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, told in facts.items():
        kind, seen = name.split(" ", 1)
        lines.append(
            f"| {kind} | {seen} | {told['worlds']} | {told['bias']:+.2f} | {told['holds']:.0%} | {told['hidden_holds']:.0%} "
            f"| {told['plain_bias']:+.2f} | {told['plain_holds']:.0%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=50)
    worlds = parser.parse_args().worlds
    facts: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        for hidden, name in ((False, "all measured"), (True, "one hidden")):
            rows = [one(kind, seed, hidden=hidden) for seed in range(worlds)]
            facts[f"{kind} {name}"] = {"worlds": worlds} | {
                key: float(np.mean([row[key] for row in rows])) for key in rows[0]
            }
            print(f"{kind} {name}: {facts[f'{kind} {name}']}", flush=True)
    (RESULTS / "adjusted.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "adjusted.md").write_text(report(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
