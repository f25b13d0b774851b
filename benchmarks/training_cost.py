"""What a training costs beside a bare `lightgbm.train` on the same matrix: CPU and wall seconds, and memory, by rows.

The table is drawn: numbers, a tenth of them missing, two categories, churn of about a tenth that follows some of them, on twelve
dates. Ours is the whole of training in memory: choice of the preset on rolling origins, judged rows, calibration, refit and bundle,
without the look at fewer customers. The bare one is LightGBM with the parameters and rounds that ours chose, once, on all rows: no
choice, no judging. Each runs in a process of its own. Results in ``benchmarks/results/training_cost.json`` and ``.md``.

``python -m benchmarks.training_cost [--rows 10000 100000 1000000] [--features 200]``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.catalog import Catalog
from features.journey import Vocabulary
from training.bundle import sigmoid
from training.dataset import Dataset
from training.model import fit, ship
from training.split import split

Array = NDArray[np.float64]

ROWS: Final = (10_000, 100_000, 1_000_000)
FEATURES: Final = 200
DATES: Final = 12
CATEGORIES: Final = 12
DAY: Final = 86_400_000_000
START: Final = 19_723 * DAY


def catalog_of(features: int) -> Catalog:
    """Numbers, and two categories."""
    texts = tuple(f"{code:02}" for code in range(CATEGORIES))
    attributes: dict[str, Any] = {f"n{place:03}": "number" for place in range(features - 2)}
    attributes |= {"c0": "category", "c1": "category"}
    vocabulary = Vocabulary(
        tables=("customers",),
        attributes=dict(sorted(attributes.items())),
        categories={f"customers.c{place}": texts for place in range(2)},
    )
    return Catalog.of(vocabulary, (30,))


def company(rows: int, features: int, seed: int = 0) -> Dataset:
    """Rows on twelve dates a month apart, sorted by date."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, features))
    score = np.full(rows, -2.6)
    for place in range(0, features - 2, max(1, features // 20)):
        score += 0.35 * X[:, place] + 0.2 * (X[:, place] > 1.0)
    for place in range(1, features - 2, 10):
        X[rng.random(rows) < 0.1, place] = np.nan
    X[:, -2:] = rng.integers(0, CATEGORIES, (rows, 2))
    score += 0.4 * (X[:, -1] < 3)
    label = (rng.random(rows) < sigmoid(score)).astype(np.float64)
    catalog = catalog_of(features)
    # The catalogue has an order of its own; the last two columns that were drawn are its categories.
    order = np.empty(features, dtype=np.int64)
    numbers = iter(range(features - 2))
    codes = iter((features - 2, features - 1))
    for place, feature in enumerate(catalog.features):
        order[place] = next(codes) if feature.category else next(numbers)
    per = -(-rows // DATES)
    return Dataset(
        target="churn",
        task="binary",
        spec={"name": "churn", "kind": "cancellation", "horizon_days": 30, "lead_days": 0},
        customer_id=np.array([f"c{number % per:07}" for number in range(rows)], dtype=object),
        as_of=START + (np.arange(rows) // per) * 30 * DAY,
        label=label,
        X=np.ascontiguousarray(X[:, order]),
        catalog=catalog,
        dropped={},
    )


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--features", type=int, default=FEATURES)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = []
    for rows in given.rows:
        ours = apart(whole, rows, given.features, None)
        bare = apart(alone, rows, given.features, ours["chosen"])
        found.append({"rows": rows, "features": given.features, "ours": ours, "bare": bare})
        print(table(found), flush=True)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "training_cost.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "training_cost.md").write_text(table(found), encoding="utf-8")
    return 0


def settings() -> Settings:
    """The defaults, without the look at fewer customers."""
    found = load(ROOT / "configs" / "online_retail.yaml")
    return found.model_copy(update={"validation": found.validation.model_copy(update={"data_size": False})})


def whole(dataset: Dataset, _chosen: dict[str, Any] | None) -> dict[str, Any]:
    """Training as it is, from the split to the bundle; what it chose."""
    options = settings()
    division = split(dataset, options.validation, options.seed)
    fitted = fit(dataset, division, options)
    ship(dataset, fitted, options, answers=np.linspace(0, 1, 101), validation=division.kind)
    choice = fitted.held.choice
    return {
        "parameters": choice.preset.parameters("binary", options.seed),
        "rounds": fitted.rounds[0],
        "preset": choice.preset.name,
        "presets": len(choice.losses),
        "folds": len(division.folds),
    }


def alone(dataset: Dataset, chosen: dict[str, Any] | None) -> dict[str, Any]:
    """LightGBM alone, with what ours chose."""
    assert chosen is not None  # noqa: S101 - ours ran before
    features = dataset.catalog.features
    columns = [place for place, feature in enumerate(features) if feature.category]
    data = lgb.Dataset(dataset.X, dataset.label, categorical_feature=columns, params=chosen["parameters"])
    lgb.train({**chosen["parameters"], "num_threads": 2}, data, chosen["rounds"])
    return chosen


def apart(way: Callable[[Dataset, dict[str, Any] | None], dict[str, Any]], *given: Any) -> dict[str, Any]:
    """A way's figures, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return dict(pool.apply(_measured, (way, *given)))


def _measured(
    way: Callable[[Dataset, dict[str, Any] | None], dict[str, Any]],
    rows: int,
    features: int,
    chosen: dict[str, Any] | None,
) -> dict[str, Any]:
    dataset = company(rows, features)
    before = _memory()
    cpu, wall = time.process_time(), time.perf_counter()
    found = way(dataset, chosen)
    return {
        "chosen": found,
        "cpu_seconds": time.process_time() - cpu,
        "seconds": time.perf_counter() - wall,
        "matrix_mb": dataset.X.nbytes / 2**20,
        "before_mb": before,
        "peak_mb": _memory(),
    }


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(found: list[dict[str, Any]]) -> str:
    """The figures as markdown."""
    lines = [
        "| rows x features | presets x folds | chosen | bare: CPU s | wall s | peak MB | ours: CPU s | wall s | peak MB | CPU, times |",
        "|---" * 10 + "|",
    ]
    for item in found:
        ours, bare = item["ours"], item["bare"]
        chosen = ours["chosen"]
        lines.append(
            f"| {item['rows']:,} x {item['features']} | {chosen['presets']} x {chosen['folds']} | {chosen['preset']}, "
            f"{chosen['rounds']} rounds | {bare['cpu_seconds']:.1f} | {bare['seconds']:.1f} | {bare['peak_mb']:,.0f} "
            f"| {ours['cpu_seconds']:.1f} | {ours['seconds']:.1f} | {ours['peak_mb']:,.0f} "
            f"| {ours['cpu_seconds'] / bare['cpu_seconds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
