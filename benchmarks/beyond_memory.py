"""Memory and time of a training as the training set grows: read whole, and read group by group.

A file is drawn: numbers with gaps, counts and two categories on twelve dates, churn of about a tenth. It is trained on by
`--engine local` (the matrix in memory) and `--engine chunked` (a sample chooses and judges, all rows teach), each in a process of
its own, from the file to the bundle, with the same settings; the largest sizes by chunks only. Peak memory is the process's (as the
kernel counts it). Results in ``benchmarks/results/beyond_memory.json`` and ``.md``.

``python -m benchmarks.beyond_memory [--rows 1000000 3000000 10000000] [--features 40]``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.feature_build import RESULTS
from benchmarks.training_cost import CATEGORIES, DATES, DAY, START, catalog_of, settings
from configs.settings import Settings
from training.bundle import sigmoid
from training.columns import Content
from training.dataset import read
from training.model import fit, ship
from training.split import split
from training.whole import Engine, open_whole

Array = NDArray[np.float64]

ROWS: Final = (1_000_000, 3_000_000, 10_000_000)
FEATURES: Final = 40
SAMPLE: Final = 200_000
ROUNDS: Final = 100
MOST_IN_MEMORY: Final = 3_000_000
"""Rows up to which the matrix in memory is tried as well."""


def draw(path: Path, rows: int, features: int) -> None:
    """Write a training set of so many rows, group by group."""
    catalog = catalog_of(features)
    spec = {"name": "churn", "kind": "cancellation", "horizon_days": 30, "lead_days": 0}
    content = Content("churn", "binary", spec, catalog, {})
    kinds = np.array([feature.category for feature in catalog.features])
    numbers = np.flatnonzero(~kinds)
    per = -(-rows // DATES)
    rng = np.random.default_rng(0)
    with content.writer(path) as writer:
        for first in range(0, rows, content.group_rows):
            number = np.arange(first, min(first + content.group_rows, rows))
            X = np.round(rng.standard_normal((features, len(number))), 2)
            X[kinds] = rng.integers(0, CATEGORIES, (2, len(number)))
            score = -2.6 + 0.35 * X[numbers[:10]].sum(axis=0) + 0.4 * (X[kinds][0] < 3)
            X[numbers[::5]] = np.where(rng.random((len(numbers[::5]), len(number))) < 0.1, np.nan, X[numbers[::5]])
            label = (rng.random(len(number)) < sigmoid(score)).astype(np.float64)
            ids = pa.array([f"c{place:08}" for place in number % per], pa.string())
            writer.write_table(content.group(ids, START + (number // per) * 30 * DAY, label, X))


def options() -> Settings:
    """The defaults, with fewer rounds and a smaller sample: what grows with the rows is the same."""
    found = settings()
    learner = found.learner.model_copy(update={"max_rounds": ROUNDS, "sample_rows": SAMPLE})
    return found.model_copy(update={"learner": learner})


def trained(path: Path, engine: Engine) -> dict[str, Any]:
    """A training from the file to the bundle: CPU and wall seconds, peak memory, and what it chose."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time(), time.perf_counter()
    used = options()
    dataset = read(path, None if engine == "local" else used.learner.sample_rows)
    division = split(dataset, used.validation, used.seed)
    whole = None if engine == "local" else open_whole(path, dataset.catalog, used.learner, used.seed, engine)
    fitted = fit(dataset, division, used, whole=whole)
    ship(dataset, fitted, used, answers=np.linspace(0, 1, 101), validation=division.kind)
    return {
        "cpu_seconds": time.process_time() - cpu,
        "seconds": time.perf_counter() - wall,
        "before_mb": before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "preset": fitted.held.choice.preset.name,
        "rounds": fitted.rounds[0],
        "taught": fitted.rows,
    }


def measure(rows: tuple[int, ...], features: int, most: int = MOST_IN_MEMORY) -> list[dict[str, Any]]:
    """Each size by each way, in a process of its own."""
    found = []
    for count in rows:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "churn.parquet"
            draw(path, count, features)
            item: dict[str, Any] = {
                "rows": count,
                "features": features,
                "matrix_mb": 8 * count * features / 2**20,
                "file_mb": path.stat().st_size / 2**20,
            }
            for engine in ("chunked", "local"):
                if engine == "chunked" or count <= most:
                    with multiprocessing.get_context("spawn").Pool(1) as pool:
                        item[engine] = pool.apply(trained, (path, engine))
            found.append(item)
            print(table(found), flush=True)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The figures as markdown."""
    lines = [
        f"{SAMPLE:,} rows choose and judge by chunks; at most {ROUNDS} rounds in either.",
        "",
        "| rows x features | matrix MB | file MB | in memory: peak MB | CPU s | by chunks: peak MB | CPU s | wall s | bytes a row more |",
        "|---" * 9 + "|",
    ]
    for place, item in enumerate(found):
        ours, other = item["chunked"], item.get("local")
        inside = f"{other['peak_mb']:,.0f} | {other['cpu_seconds']:.0f}" if other else "not tried | "
        more = ""
        if place:
            before = found[place - 1]
            more = f"{2**20 * (ours['peak_mb'] - before['chunked']['peak_mb']) / (item['rows'] - before['rows']):.0f}"
        lines.append(
            f"| {item['rows']:,} x {item['features']} | {item['matrix_mb']:,.0f} | {item['file_mb']:,.0f} | {inside} "
            f"| {ours['peak_mb']:,.0f} | {ours['cpu_seconds']:.0f} | {ours['seconds']:.0f} | {more} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--features", type=int, default=FEATURES)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = measure(tuple(given.rows), given.features)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "beyond_memory.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "beyond_memory.md").write_text(table(found), encoding="utf-8")


if __name__ == "__main__":
    main()
