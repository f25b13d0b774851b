"""What a driver analysis costs: 50,000 rows, 300 features, 20 touchpoints, with all resamples and refits, on two threads.

Half of the touchpoints move the outcome, each by one of its features. Results in ``benchmarks/results/driver_cost.json`` and ``.md``.

``python -m benchmarks.driver_cost [--rows N]``
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, Final

import numpy as np

from benchmarks.contender import cpu_seconds, peak_memory_mb
from benchmarks.feature_build import RESULTS
from configs.settings import BASE, Drivers
from drivers.attribution import Block, Kind, Problem
from drivers.core import analyse_arrays

TOUCHPOINTS: Final = 20
FEATURES: Final = 300


def problem(rows: int, kind: Kind, seed: int = 1) -> Problem:
    """A problem of so many rows, three of each customer; for churn a tenth leave."""
    rng = np.random.default_rng(seed)
    per = FEATURES // TOUCHPOINTS
    X = rng.gamma(2.0, 1.0, (rows, FEATURES)).astype(np.float32)
    blocks = []
    effect = np.zeros(rows)
    for b in range(TOUCHPOINTS):
        columns = np.arange(b * per, (b + 1) * per)
        met = rng.random(rows) < rng.uniform(0.1, 0.9)
        X[np.ix_(~met, columns)] = np.nan
        X[:, columns[0]] = met
        if b % 2:
            effect -= np.where(met, np.maximum(X[:, columns[1]] - 2.0, 0.0), 0.0)
        dimensions = tuple("frequency" if number < 5 else "wait" for number in range(per))
        blocks.append(Block(f"t{b:02}", "touchpoint", columns, dimensions, met))
    effect -= effect.mean()
    if kind == "linear":
        score = effect + rng.normal(0, 2.0, rows)
        y = np.where(score < -1.5, -100.0, np.where(score > 0.8, 100.0, 0.0))
    else:
        y = (rng.random(rows) < 1 / (1 + np.exp(2.6 + 0.4 * effect))).astype(np.float64)
    customer = np.arange(rows) // 3
    return Problem(X, tuple(blocks), y, customer, kind, np.ones(rows))


def main() -> None:
    """Measure both kinds, and write the results."""
    import yaml

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    rows: int = parser.parse_args().rows
    options = Drivers(**yaml.safe_load(BASE.read_text(encoding="utf-8"))["drivers"])
    kinds: tuple[Kind, ...] = ("linear", "binary")
    for kind in kinds:  # what is compiled once is not counted
        analyse_arrays(problem(1500, kind), options.model_copy(update={"half_samples": 2}), seed=1)
    told: dict[str, Any] = {}
    lines = [
        (
            f"Driver analysis of {rows:,} rows x {FEATURES} features x {TOUCHPOINTS} touchpoints, {options.bootstraps} resamples, "
            f"{options.half_samples} refits on halves, two threads."
        ),
        "",
        "| outcome | seconds | CPU seconds | peak memory, MB |",
        "|---|---|---|---|",
    ]
    for kind in kinds:
        made = problem(rows, kind)
        started, began = cpu_seconds(), time.perf_counter()
        analyse_arrays(made, options, seed=1, find=made if kind == "binary" else None)
        told[kind] = {
            "seconds": time.perf_counter() - began,
            "cpu_seconds": cpu_seconds() - started,
            "peak_memory_mb": peak_memory_mb(),
        }
        name = "points" if kind == "linear" else "churn, found and sized apart"
        lines.append(
            f"| {name} | {told[kind]['seconds']:.0f} | {told[kind]['cpu_seconds']:.0f} | {told[kind]['peak_memory_mb']:,.0f} |"
        )
    (RESULTS / "driver_cost.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "driver_cost.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
