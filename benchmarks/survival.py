"""Time to churn beside what one would take instead: Cox's model, three churn models, a logistic hazard, one curve for all.

On online_retail (who comes back within 30, 60, 90 days) and on simulated hazards whose truth is known: ``proportional`` ones, of a
score that is not linear, and ``fading`` ones, where half of what matters does so in the first period only. All are taught what was
known at the first judged date, and judged on the same rows: one date whose days are all over, and the newer ones as far as they are.

- ``ours``: the product, `training.model.fit`.
- ``three models``: the product's churn model for each day on its own, taught on rows of which that day was over; the curve is
  made to rise. Where it does not, the chance of a period is zero, which the log-loss of the curve punishes.
- ``Cox``: scikit-survival's Cox model with an elastic net (`CoxnetSurvivalAnalysis`), on the design of our logistic floor; its
  penalty is the one with the best concordance on the newest inner fold.
- ``logistic hazard`` and ``Kaplan-Meier``: the floors of `training.judge`.

Results in ``benchmarks/results/survival.json`` and ``.md``.

``MOMENTS_DATA=folder python -m benchmarks.survival [--shop none] [--seeds 3]``
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from configs.targets import TimeToChurn
from features.schema import MICROSECONDS_PER_DAY as DAY
from features.tables import open_tables
from tests.training.made import catalog
from training import baselines, evaluate, judge, model
from training.bundle import sigmoid
from training.dataset import Dataset, make, read
from training.periods import KNOWN_UNTIL, Periods, periods, waits_for_return
from training.split import Split, split
from training.survival import kaplan_meier, scorer

Array = NDArray[np.float64]
Way = Callable[[Dataset, Split, Settings], Array]

DAYS: Final = (30, 60, 90)
WORLDS: Final = ("proportional", "fading")
ROWS: Final = 1000
"""Customers of a simulated world, each asked at twelve dates thirty days apart."""
PENALTIES: Final = (0.3, 0.1, 0.03, 0.01, 0.003)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, default=ROOT / "configs" / "online_retail.yaml")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    settings = load(ROOT / "configs" / "online_retail.yaml")
    found: dict[str, Any] = {}
    for world in WORLDS:
        for seed in range(given.seeds):
            found[f"{world} {seed}"] = compare(simulated(world, seed), settings)
            print(world, seed, json.dumps(found[f"{world} {seed}"]["ways"]), flush=True)
    if str(given.shop) != "none":
        found["online_retail"] = compare(shop(load(given.shop)), settings)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "survival.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "survival.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def shop(settings: Settings) -> Dataset:
    """The training set of a shop: time to the next payment."""
    target = TimeToChurn(kind="time_to_churn", label="inactivity", days=DAYS)
    with TemporaryDirectory() as folder, open_tables(settings) as tables:
        asked = settings.model_copy(update={"output": Path(folder), "targets": {"return": target}})
        tables.settings = asked
        return read(make(tables, asked, "return"))


def simulated(world: str, seed: int) -> Dataset:
    """Twelve dates of customers whose hazards are known; nine of twenty numbers and the category say something."""
    rng = np.random.default_rng(seed)
    dates = 12
    n = ROWS * dates
    matrix = rng.normal(size=(n, 21))
    matrix[:, -1] = rng.integers(0, 3, n)
    early = matrix[:, 0] - 0.7 * matrix[:, 1] + 0.8 * (matrix[:, 2] > 0.5) + 0.6 * matrix[:, 3] * matrix[:, 4]
    late = (
        0.8 * np.abs(matrix[:, 5])
        - 0.6 * matrix[:, 6]
        + 0.5 * (matrix[:, -1] == 1)
        + 0.5 * np.maximum(matrix[:, 7], matrix[:, 8])
    )
    first = 1.0 if world == "proportional" else 1.4
    later = 1.0 if world == "proportional" else 0.2
    hazard = sigmoid(
        np.column_stack([first * early + late - 2.8, later * early + late - 2.8, later * early + late - 2.8])
    )
    happens = rng.random((n, 3)) < hazard
    period = np.where(happens.any(axis=1), happens.argmax(axis=1), 3)
    days = 30.0 * period + 30.0 * rng.random(n)
    as_of = np.repeat(np.arange(dates) * 30 * DAY, ROWS) + 19_000 * DAY
    until = int(as_of[-1]) + 30 * DAY
    followed = np.minimum((until - as_of) // DAY, 90).astype(float)
    label = np.where(days < followed, days, -followed)
    spec = {"name": "staying", "kind": "time_to_churn", "label": "cancellation", "days": list(DAYS), "lead_days": 0}
    spec |= {"horizon_days": DAYS[-1], KNOWN_UNTIL: until}
    ids = np.tile(np.array([f"c{number:05d}" for number in range(ROWS)], dtype=object), dates)
    return Dataset(
        "staying", "survival", spec, ids, as_of, label, np.ascontiguousarray(matrix), catalog(20), {}, "0" * 64
    )


def compare(dataset: Dataset, settings: Settings) -> dict[str, Any]:
    """Metrics and CPU seconds of every way on one training set, and its size."""
    division = split(dataset, settings.validation, settings.seed)
    known = periods(dataset).take(division.test)
    of_return = waits_for_return(dataset.spec)
    found = {}
    for name, way in WAYS.items():
        started = time.process_time()
        happened = way(dataset, division, settings)
        spent = time.process_time() - started
        values = evaluate.values([scorer(known, happened, of_return=of_return)], len(division.test))
        wanted = ("ibs", "concordance", "log_loss", *(f"log_loss@{day}" for day in DAYS))
        found[name] = {**{key: values[key] for key in wanted}, "cpu_seconds": spent}
    return {
        "rows": len(dataset),
        "taught": len(division.train),
        "judged": len(division.test),
        "features": len(dataset.catalog.names),
        "happened": float(kaplan_meier(known)[-1]),
        "ways": found,
    }


def ours(dataset: Dataset, division: Split, settings: Settings) -> Array:
    """The product's curve."""
    return judge.answers(dataset, division, model.fit(dataset, division, settings).held.margins[0])


def three_models(dataset: Dataset, division: Split, settings: Settings) -> Array:
    """The product's churn model of each day."""
    columns = []
    first = division.ends(dataset)
    for place, day in enumerate(DAYS):
        over = dataset.as_of + day * DAY
        event = periods(dataset).event
        label = ((event > 0) & (event <= place + 1)).astype(float)
        own = replace(dataset, task="binary", label=label, spec={"kind": "inactivity", "horizon_days": day})
        train = division.train[over[division.train] <= first]
        folds = []
        for ours_, theirs in division.folds:
            origin = dataset.as_of[theirs].min()
            folds.append((ours_[over[ours_] <= origin], np.intersect1d(theirs, train)))
        mine = Split("out_of_time", train, division.test, tuple(folds), 1, division.rolling, division.test_as_of)
        columns.append(sigmoid(model.fit(own, mine, settings).held.margins[0][:, 0]))
    return np.asarray(np.maximum.accumulate(np.column_stack(columns), axis=1))


def cox(dataset: Dataset, division: Split, settings: Settings) -> Array:
    """Cox's model with an elastic net."""
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.metrics import concordance_index_censored

    is_category = np.array([feature.category for feature in dataset.catalog.features])
    rng = np.random.default_rng(settings.seed)

    def fitted(
        rows: NDArray[np.int64], until: int | None, penalties: tuple[float, ...]
    ) -> tuple[Any, baselines.Design]:
        some = (
            rows if len(rows) <= baselines.MOST_ROWS else np.sort(rng.choice(rows, baselines.MOST_ROWS, replace=False))
        )
        design = baselines.Design.learn(dataset.X[some], is_category)
        truth = _times(dataset, some, periods(dataset, until).take(some))
        rival = CoxnetSurvivalAnalysis(l1_ratio=0.1, alphas=list(penalties), fit_baseline_model=True, max_iter=20_000)
        return rival.fit(design.apply(dataset.X[some]), truth), design

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train, valid = division.folds[-1]
        rival, design = fitted(train, division.ends(dataset, len(division.folds) - 1), PENALTIES)
        truth = _times(dataset, valid, periods(dataset, division.ends(dataset)).take(valid))
        answered = design.apply(dataset.X[valid])
        best = max(
            rival.alphas_,
            key=lambda alpha: concordance_index_censored(
                truth["event"], truth["time"], rival.predict(answered, alpha=alpha)
            )[0],
        )
        rival, design = fitted(division.train, division.ends(dataset), (float(best),))
        curves = rival.predict_survival_function(design.apply(dataset.X[division.test]), return_array=True)
    times = np.searchsorted(rival.unique_times_, np.array(DAYS, dtype=float), side="right") - 1
    return np.asarray(1.0 - curves[:, np.maximum(times, 0)])


def logistic(dataset: Dataset, division: Split, settings: Settings) -> Array:
    """The floor that is a logistic regression of the hazards."""
    return baselines.hazards(dataset, division, [(division.train, division.test)], settings.seed)[0]


def alike(dataset: Dataset, division: Split, _: Settings) -> Array:
    """One curve for all."""
    known = periods(dataset, division.ends(dataset)).take(division.train)
    return np.tile(kaplan_meier(known), (len(division.test), 1))


WAYS: Final[dict[str, Way]] = {
    "ours": ours,
    "three models": three_models,
    "Cox": cox,
    "logistic hazard": logistic,
    "Kaplan-Meier": alike,
}


def _times(dataset: Dataset, rows: NDArray[np.int64], known: Periods) -> NDArray[Any]:
    """Days and whether it happened, as scikit-survival takes them; a moment above zero at the least."""
    ends = np.array([0, *known.days], dtype=float)
    days = np.where(known.event > 0, np.maximum(dataset.label[rows], 1e-3), ends[known.over])
    return np.array(list(zip(known.event > 0, days, strict=True)), dtype=[("event", bool), ("time", float)])


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown, the mean over the seeds of a world."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, item in found.items():
        groups.setdefault(name.split(" ")[0], []).append(item)
    lines = ["# Time to churn\n", "<!-- written by benchmarks/survival.py -->\n"]
    for name, items in groups.items():
        one = items[0]
        worlds = f", the mean of {len(items)} worlds" if len(items) > 1 else ""
        head = (
            f"**{name}**: {one['rows']:,} rows, {one['taught']:,} teach, {one['judged']:,} are judged; {one['features']} "
            f"features; it happened to {one['happened']:.1%} by the last day{worlds}\n"
        )
        lines += [
            head,
            "| way | IBS | concordance | log-loss of the curve | log-loss by day 30 | 60 | 90 | CPU seconds |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for way in WAYS:
            mean = {key: float(np.mean([item["ways"][way][key] for item in items])) for key in one["ways"][way]}
            figures = [f"{mean[key]:.4f}" for key in list(mean)[:-1]]
            lines.append(f"| {way} | {' | '.join(figures)} | {mean['cpu_seconds']:.1f} |")
        lines.append("")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
