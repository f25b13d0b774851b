"""How good the NPS model is on an airport's passenger survey, beside an ordinary cumulative logit on the ratings.

Two protocols. Five times five folds of customers, as training judges data of too short a time. And in time: the first four fifths
of the answers teach, the last fifth is judged, which is a matter of days here and says little of a later year. The rival is what
an analyst would fit first: proportional odds on the ratings (missing ones at the mean, with a flag), by statsmodels. Results in
``benchmarks/results/nps.json`` and ``.md``.

``MOMENTS_DATA=folder python -m benchmarks.nps``
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.tables import open_tables
from training import evaluate, judge
from training.dataset import Dataset, make, read
from training.model import fit
from training.split import Split, grouped_folds, split
from training.targets.nps import classes

Array = NDArray[np.float64]

FOLDS: Final = 5
REPEATS: Final = 5
JUDGED: Final = 0.2
MARKS: Final = {"rps": 0.120, "log_loss": 0.716, "macro_auc": 0.818, "qwk": 0.565}
SHOWN: Final = ("rps", "log_loss", "macro_auc", "qwk", "macro_f1", "nps_points_error")
OURS: Final = "ours"
LOGIT: Final = "cumulative logit on ratings"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "sfo_airport.yaml")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = run(load(given.config), given.repeats)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "nps.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "nps.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def run(settings: Settings, repeats: int = REPEATS) -> dict[str, Any]:
    """Metrics by protocol and contender."""
    with TemporaryDirectory() as folder, open_tables(settings) as tables:
        dataset = read(make(tables, settings.model_copy(update={"output": Path(folder)}), "nps"))
    asked = {"folds": FOLDS, "repeats": repeats, "data_size": False}
    settings = settings.model_copy(update={"validation": settings.validation.model_copy(update=asked)})
    folded = split(dataset, settings.validation, settings.seed)
    return {
        "answers": len(dataset),
        "features": len(dataset.catalog.names),
        f"{repeats} x {FOLDS} folds": _judged(dataset, folded, settings),
        "last fifth of the days": _judged(dataset, _in_time(dataset, settings), settings),
    }


def _in_time(dataset: Dataset, settings: Settings) -> Split:
    """The last fifth of the answers judged, folds by customer inside the others; answers of one moment stay together."""
    cut = dataset.as_of[int((1 - JUDGED) * len(dataset))]
    train, test = np.flatnonzero(dataset.as_of < cut), np.flatnonzero(dataset.as_of >= cut)
    inside = grouped_folds(dataset.customers[train], classes(dataset.label[train]), FOLDS, settings.seed)
    folds = tuple((train[ours], train[theirs]) for ours, theirs in inside)
    return Split("out_of_time", train, test, folds, 1, rolling=False, test_as_of=(int(cut), int(dataset.as_of.max())))


def _judged(dataset: Dataset, division: Split, settings: Settings) -> dict[str, Any]:
    start = time.process_time()
    held = fit(dataset, division, settings).held
    spent = time.process_time() - start
    found = judge.metrics(dataset, division, held, settings)
    per = len(division.folds) // division.repeats
    folds = [(division.train, division.test)] if division.out_of_time else list(division.folds[:per])
    rows = np.concatenate([valid for _, valid in folds])
    start = time.process_time()
    answer = np.concatenate([cumulative_logit(dataset, train, valid) for train, valid in folds])
    rival = evaluate.intervals(
        [evaluate.ordinal(classes(dataset.label[rows]), answer)],
        dataset.customers[rows],
        settings.validation.bootstraps,
        settings.seed,
    )
    return {
        "teach": len(division.train),
        "judged": len(division.test),
        "form": held.form,
        "contenders": {
            OURS: {**{name: found[name] for name in SHOWN}, "cpu_seconds": spent},
            LOGIT: {**{name: rival[name] for name in SHOWN}, "cpu_seconds": time.process_time() - start},
            **{
                name: {key: {"value": figures.get(key), "low": None, "high": None} for key in SHOWN}
                for name, figures in found["baselines"].items()
            },
        },
    }


def cumulative_logit(dataset: Dataset, train: NDArray[np.int64], test: NDArray[np.int64]) -> Array:
    """Class probabilities (n, 3) of proportional odds on the last rating of each place."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    places = [
        place
        for place, feature in enumerate(dataset.catalog.features)
        if feature.measure == "rating" and feature.aggregate == "last" and not feature.category
    ]
    X = dataset.X[:, places]
    held = ~np.isnan(X[train]).all(axis=0)
    X = X[:, held]
    mean = np.nanmean(X[train], axis=0)
    design = np.hstack([np.where(np.isnan(X), mean, X) - mean, np.isnan(X).astype(np.float64)])
    varies = np.ptp(design[train], axis=0) > 0
    # Flags of ratings that are missing together would make the likelihood flat.
    kept = _independent(design[train][:, varies])
    ours, theirs = design[train][:, varies][:, kept], design[test][:, varies][:, kept]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = OrderedModel(classes(dataset.label[train]), ours, distr="logit")
        result = model.fit(method="bfgs", maxiter=300, disp=False)
        return np.asarray(model.predict(result.params, exog=theirs))


def _independent(design: Array) -> NDArray[np.int64]:
    """Columns that are not sums of the ones before, by a QR decomposition."""
    triangle = np.abs(np.diag(np.linalg.qr(design - design.mean(axis=0), mode="r")))
    return np.flatnonzero(triangle > 1e-6 * triangle.max())


def table(found: dict[str, Any]) -> str:
    """The figures as markdown, with their 95 % limits where they have any."""
    lines = [f"# NPS of an airport: {found['answers']:,} answers, {found['features']} features", ""]
    lines += ["<!-- written by benchmarks/nps.py -->", ""]
    for name, item in found.items():
        if not isinstance(item, dict):
            continue
        lines += [
            f"**{name}**: {item['teach']:,} teach, {item['judged']:,} are judged; ours asked as {item['form'].replace('_', ' ')}",
            "",
            "| way | " + " | ".join(SHOWN) + " | CPU seconds |",
            "|---" * (len(SHOWN) + 2) + "|",
        ]
        for way, figures in item["contenders"].items():
            cells = [_cell(figures[key]) for key in SHOWN]
            spent = f"{figures['cpu_seconds']:.1f}" if "cpu_seconds" in figures else ""
            lines.append(f"| {way} | {' | '.join(cells)} | {spent} |")
        lines.append("")
    marks = ", ".join(f"{name} {value}" for name, value in MARKS.items())
    return "\n".join([*lines, f"Marks for the folds: {marks}.", ""])


def _cell(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return ""
    limits = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.4f}{limits}"


if __name__ == "__main__":
    raise SystemExit(main())
