"""How well the level of a churn model is foreseen: the whole of training, judged at each of the newest dates in turn.

At each date the rows teach whose label windows were over by then. Beside the product stand the same learner with other levels:
``mean`` of all known dates, ``newest`` three of them, and ``true``, the level that happened, which nobody knows; and the two
ways of before, in which trees may tell dates apart: ``before``, slope and intercept from earlier folds and the season, and
``uncalibrated``. The catalogue is that of the whole training set. Results in ``benchmarks/results/origins.json`` and ``.md``.

``MOMENTS_DATA=folder python -m benchmarks.origins configs/online_retail.yaml [more.yaml ...]``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score

from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.tables import open_tables
from training.bundle import sigmoid
from training.choose import Contest, contest
from training.dataset import Dataset, make, read
from training.evaluate import log_losses
from training.learner import predict_raw, scaled_rounds
from training.level import NEWEST, Levels, foreseen, levels, season
from training.questions import calibrated
from training.split import Split, split
from training.targets.grid import iso

Array = NDArray[np.float64]

ORIGINS: Final = 9
WAYS: Final = ("product", "mean", "newest", "true", "before", "uncalibrated")


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", type=Path, nargs="*", default=[ROOT / "configs" / "online_retail.yaml"])
    parser.add_argument("--origins", type=int, default=ORIGINS)
    parser.add_argument("--target", default="churn")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = {}
    for config in given.configs:
        settings = load(config)
        with TemporaryDirectory() as folder, open_tables(settings) as tables:
            built = settings.model_copy(update={"output": Path(folder)})
            dataset = read(make(tables, built, given.target))
        label = f"{settings.name} {settings.seed}" if settings.name in found else settings.name
        found[label] = run(dataset, settings, given.origins, said=lambda line: print(line, flush=True))
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "origins.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "origins.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def run(
    dataset: Dataset, settings: Settings, origins: int = ORIGINS, said: Callable[[str], None] = lambda _line: None
) -> list[dict[str, Any]]:
    """Figures of each origin, oldest first; dates that leave too little to teach or judge are passed over."""
    one = settings.validation.model_copy(update={"test_periods": 1})
    found = []
    for date in np.unique(dataset.as_of)[-origins:].tolist():
        known = dataset.take(dataset.as_of <= date)
        division = split(known, one, settings.seed)
        if division.out_of_time:
            found.append(_origin(known, division, settings))
            said(f"{settings.name}: {found[-1]['date']}: {found[-1]['ways']['product']}")
    return found


def _origin(dataset: Dataset, division: Split, settings: Settings) -> dict[str, Any]:
    train, test = dataset.as_of[division.train], dataset.label[division.test]
    apart = contest(dataset, division, settings)
    (slope,) = apart.slopes(train)
    known, score = _scores(apart, dataset, division)
    level = levels(slope * known, apart.asked[0].y, train)
    at = [int(dataset.as_of[division.test[0]])]
    (recent,), (move,) = foreseen(level, at, dataset.window)
    together = contest(dataset, division, settings, levels=False)
    told, plain = _scores(together, dataset, division)
    calibration = together.calibration()
    old = levels(calibrated(calibration, told[:, None])[:, 0], apart.asked[0].y, train)
    ways = {
        "product": slope * score + recent + move,
        "mean": slope * score + level.mean,
        "newest": slope * score + _newest(level),
        "true": slope * score + _true(slope * score, float(test.mean())),
        "before": calibrated(calibration, plain[:, None])[:, 0] + season(old, at)[0],
        "uncalibrated": plain,
    }
    return {
        "date": iso(int(dataset.as_of[division.test[0]])),
        "taught_dates": len(level.dates),
        "taught": len(train),
        "judged": len(test),
        "churn": float(test.mean()),
        "slope": slope,
        "season": move,
        "auc": float(roc_auc_score(test, score)),
        "auc_together": float(roc_auc_score(test, plain)),
        "ways": {
            name: {"log_loss": float(log_losses(test, sigmoid(odds)).mean()), "mean": float(sigmoid(odds).mean())}
            for name, odds in ways.items()
        },
    }


def _scores(found: Contest, dataset: Dataset, division: Split) -> tuple[Array, Array]:
    """Raw scores of the teaching and of the judged rows."""
    rounds = scaled_rounds(found.choice.rounds[0], found.fold_rows, len(division.train))
    booster = found.learner.fit(found.choice.preset, found.asked[0], rounds)
    test = dataset.X[np.ix_(division.test, found.columns.kept)]
    return predict_raw(booster, found.learner.X), predict_raw(booster, test)


def _newest(level: Levels) -> float:
    return float(level.intercepts[-NEWEST:].mean())


def _true(odds: Array, rate: float) -> float:
    return float(brentq(lambda shift: float(sigmoid(odds + shift).mean()) - rate, -30, 30))


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """The figures as markdown: per set the mean and the worst of its origins, then every origin."""
    lines = [
        "| set | origins | AUC | AUC, dates not apart | level | log-loss: mean | worst | off in the large: mean | worst |"
    ]
    lines.append("|---" * 9 + "|")
    for name, origins in found.items():
        area, other = (np.mean([item[key] for item in origins]) for key in ("auc", "auc_together"))
        for way in WAYS:
            lost = [item["ways"][way]["log_loss"] for item in origins]
            off = [abs(item["ways"][way]["mean"] - item["churn"]) for item in origins]
            lines.append(
                f"| {name} | {len(origins)} | {area:.4f} | {other:.4f} | {way} | {np.mean(lost):.4f} | {max(lost):.4f} "
                f"| {np.mean(off):.3f} | {max(off):.3f} |"
            )
    for name, origins in found.items():
        lines += ["", f"**{name}**", "", f"| date | dates taught | happened | product | {' | '.join(WAYS)} |"]
        lines.append("|---" * (4 + len(WAYS)) + "|")
        lines += [
            f"| {item['date'][:10]} | {item['taught_dates']} | {item['churn']:.3f} | {item['ways']['product']['mean']:.3f} | "
            + " | ".join(f"{item['ways'][way]['log_loss']:.4f}" for way in WAYS)
            + " |"
            for item in origins
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
