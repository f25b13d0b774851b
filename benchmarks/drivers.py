"""Driver analyses held against worlds whose truth is known: ours beside what others use.

Each world is a company of `benchmarks.second_world`, of another structure than the demo's and another one per seed. It goes through the
product as any company does: tables, training sets, `drivers.json`. The rivals see the same rows and blocks. Judged are shares, ranks,
what is declared, moments of truth, shapes, knees and intervals (`benchmarks.driver_judge`), for NPS by the number of answers and for churn by
the number of leavers. Null worlds, where only circumstances matter, say how often anything is declared that is not there.

Figures are means over worlds with 95 % limits from resampled worlds. Every world is kept as it is done, so that a run that was stopped
goes on. Results in ``benchmarks/results/drivers.json`` and ``.md``.

``python -m benchmarks.drivers [--worlds N] [--nulls N] [--answers 1500 5000 20000] [--churners 1000] [--without SAGE]``
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks import driver_judge as judge
from benchmarks.driver_rivals import RIVALS, Indices, contrasts
from benchmarks.feature_build import RESULTS
from benchmarks.second_world import Spec, make
from configs.settings import Settings, load
from drivers import analysis, content
from drivers.attribution import Problem
from drivers.timing import timings
from features.tables import open_tables
from training import dataset
from training.dataset import Dataset

OURS: Final = "ours"
NULL: Final = "null"
FIRST_SEED: Final = 5000
_DRAWS: Final = 2000
_RANKED: Final = ("share_error", "share_error_all", "rank_correlation", "precision_at_k")
_RATES: Final[dict[str, tuple[str, str]]] = {
    "false share": ("false", "declared"),
    "power": ("found", "true"),
    "moment precision": ("moments_found", "moments"),
    "moment recall": ("moments_found", "true_moments"),
    "shape": ("shapes_right", "shapes"),
    "knee within 20 %": ("knees_near", "knees"),
    "intervals hold": ("intervals_hold", "intervals"),
    "consequences excluded": ("late_excluded", "late"),
}


def run(seed: int, spec: Spec, without: Iterable[str] = ()) -> list[dict[str, Any]]:
    """One world through the product and the rivals: a row per target and method."""
    with TemporaryDirectory() as scratch:
        world = make(Path(scratch) / "world", spec, seed)
        settings = load(world.config)
        with open_tables(settings) as tables:
            names = [name for name, target in settings.targets.items() if target.drivers]
            for name in names:
                dataset.make(tables, settings, name)
            late, places = timings(tables, settings.drivers), content.places(tables, settings)
            rows = []
            for name in names:
                data = dataset.read(dataset.path_of(settings, name))
                started = time.process_time()
                with threadpool_limits(limits=1, user_api="blas"):
                    table = analysis.table(tables, settings, data, late, places)
                spent = time.process_time() - started
                truth = judge.Truth.of(world.of(name))
                rows += [{"cpu_seconds": spent, **row} for row in _rows(settings, data, truth, table, without)]
    return [{"seed": seed, "answers": spec.answers, "null": spec.null, **row} for row in rows]


def _rows(
    settings: Settings, data: Dataset, truth: judge.Truth, table: analysis.Table, without: Iterable[str]
) -> list[dict[str, Any]]:
    told, prepared = table.told, table.prepared
    facts = {"target": data.target, "rows": told["n"], "cases": (told["found_on"] or {}).get("cases")}
    ours = {"method": OURS, **facts, **judge.declared(truth, told)}
    if not truth.drivers:
        return [ours]
    ours |= judge.ranking(
        truth, {entry["touchpoint"]: entry["strength"]["value"] for entry in told["drivers"] if entry["strength"]}
    )
    problem, columns = prepared.problem, indices(prepared.problem, data, prepared.rows)
    rows = [ours]
    for name, rival in RIVALS.items():
        if name in without:
            continue
        started = time.process_time()
        found = rival(problem, columns, settings.seed)
        spent = time.process_time() - started
        touch = zip(problem.blocks, found.tolist(), strict=True)
        importance = {block.name: value for block, value in touch if block.kind == "touchpoint"}
        rows.append({"method": name, **facts, "seconds": spent, **judge.ranking(truth, importance)})
        if name == "penalty-reward":
            rows[-1] |= _shapes(truth, problem, columns)
    return rows


def _shapes(truth: judge.Truth, problem: Problem, columns: Indices) -> dict[str, int]:
    """Shapes by each driver's most telling column."""
    low, high = contrasts(problem, columns)
    right, names = 0, [block.name for block in problem.blocks]
    for name, item in truth.drivers.items():
        mine = np.flatnonzero(columns.block == names.index(name)) if name in names else np.zeros(0, dtype=np.int64)
        if not len(mine):
            continue
        best = mine[np.argmax(np.abs(low[mine]) + np.abs(high[mine]))]
        # The lowest fifth of a wait is the good one: the side that harms is the penalty.
        worse, better = sorted((float(low[best]), float(high[best])))
        worse, better = (better, worse) if problem.kind == "binary" else (worse, better)
        right += judge.shape_of(worse, better) == item["shape"]
    return {"shapes": len(truth.drivers), "shapes_right": right}


def indices(problem: Problem, data: Dataset, rows: npt.NDArray[np.intp]) -> Indices:
    """Per block of a problem how often it was met and the mean of each measure within the longest window; controls as they are."""
    place = {block.name: b for b, block in enumerate(problem.blocks)}
    longest = max(
        (f.window_days for f in data.catalog.features if f.role == "touchpoint" and f.window_days), default=365
    )
    columns, owners = [], []
    for number, feature in enumerate(data.catalog.features):
        if feature.driver not in place or feature.role not in {"touchpoint", "control"} or feature.category:
            continue
        if feature.role == "touchpoint" and not (
            feature.aggregate in {"count", "mean"} and feature.window_days == longest
        ):
            continue
        values = data.X[rows, number]
        filled = np.where(np.isnan(values), np.nanmean(values) if (~np.isnan(values)).any() else 0.0, values)
        if filled.std() > 0:
            columns.append(filled)
            owners.append(place[feature.driver])
    X = np.column_stack(columns)
    # Columns that repeat others would make regressions singular.
    kept = _independent(X)
    return Indices(X[:, kept], np.array(owners, dtype=np.int64)[kept])


def _independent(X: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Columns that are not combinations of those before them."""
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    r = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    return np.flatnonzero(r > 1e-6 * r.max())


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Figures with limits per method of rows of one target and size."""
    told: dict[str, dict[str, Any]] = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        figures: dict[str, Any] = {"worlds": len(mine)}
        for name in _RANKED:
            if name in mine[0]:
                figures[name] = _limits(np.array([row[name] for row in mine]), np.ones(len(mine)))
        for name, (part, whole) in _RATES.items():
            if part in mine[0] and sum(row[whole] for row in mine):
                figures[name] = _limits(
                    np.array([row[part] for row in mine], dtype=float),
                    np.array([row[whole] for row in mine], dtype=float),
                )
        told[method] = figures
    return told


def _limits(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> dict[str, float]:
    """Sum over sum with 95 % limits from resampled worlds."""
    drawn = np.random.default_rng(1).integers(len(part), size=(_DRAWS, len(part)))
    below = whole[drawn].sum(axis=1)
    ratios = part[drawn].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return {"value": float(part.sum() / whole.sum()), "low": float(low), "high": float(high)}


def report(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """All sizes and targets as facts, and as a page."""
    facts: dict[str, Any] = {}
    lines = ["# Drivers against the truth", ""]
    for target in ("nps", "churn"):
        for answers in sorted({row["answers"] for row in rows}):
            mine = [row for row in rows if row["target"] == target and row["answers"] == answers and not row["null"]]
            if mine:
                told = summary(mine)
                ours = [row for row in mine if row["method"] == OURS]
                size = np.median([row["cases"] or row["rows"] for row in ours])
                facts[f"{target} {answers}"] = {"size": float(size), "methods": told}
                lines += _table(target, answers, size, told)
    nulls = [row for row in rows if row["null"] and row["method"] == OURS]
    if nulls:
        facts[NULL] = {}
        for target in ("nps", "churn"):
            mine = [row for row in nulls if row["target"] == target]
            quiet = sum(row["declared"] == 0 for row in mine)
            facts[NULL][target] = {"worlds": len(mine), "quiet": quiet}
            lines.append(f"Null worlds, {target}: no key driver in {quiet} of {len(mine)}.")
    return facts, "\n".join(lines) + "\n"


def _table(target: str, answers: int, size: float, told: dict[str, dict[str, Any]]) -> list[str]:
    what = "answers" if target == "nps" else "rows of leavers that drivers are found on"
    lines = [f"## {target}, worlds of {answers:,} answers (median {size:,.0f} {what})", ""]
    lines += [
        "| method | share error | with what is neither true nor false | rank correlation | precision at k |",
        "|---|---|---|---|---|",
    ]
    for method, figures in told.items():
        lines.append(f"| {method} | " + " | ".join(_figure(figures.get(name)) for name in _RANKED) + " |")
    lines += ["", "| what is claimed | ours |", "|---|---|"]
    lines += [f"| {name} | {_figure(told[OURS].get(name))} |" for name in _RATES if name in told[OURS]]
    rival = told.get("penalty-reward", {}).get("shape")
    if rival:
        lines.append(f"| shape, penalty-reward | {_figure(rival)} |")
    return [*lines, ""]


def _figure(value: dict[str, float] | None) -> str:
    return "" if value is None else f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def main() -> None:
    """Run what is not done yet, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=30)
    parser.add_argument("--nulls", type=int, default=20)
    parser.add_argument("--answers", type=int, nargs="+", default=[1500, 5000, 20_000])
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--kept", type=Path, default=RESULTS / "drivers_worlds.jsonl")
    given = parser.parse_args()
    kept: Path = given.kept
    done = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.is_file() else []
    wanted = [(answers, False, FIRST_SEED + n) for answers in given.answers for n in range(given.worlds)]
    wanted += [(given.answers[0], True, FIRST_SEED + 500 + n) for n in range(given.nulls)]
    have = {(row["answers"], row["null"], row["seed"]) for row in done}
    kept.parent.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(wanted):
        if one in have:
            continue
        answers, null, seed = one
        rows = run(seed, Spec(answers=answers, null=null), given.without)
        done += rows
        with kept.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        print(f"{number + 1}/{len(wanted)} {answers} answers, seed {seed}{', null' if null else ''}", flush=True)
    facts, page = report(done)
    (RESULTS / "drivers.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "drivers.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
