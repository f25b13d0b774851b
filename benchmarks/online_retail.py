"""What the families of features earn on a real shop: out-of-time AUC and log-loss, with all of them and without each in turn.

Who will not buy for 90 days, asked at 2011-03-01, 06-01 and 09-01. At each date the model has learnt from what was over by then:
rows whose 90 days had ended, and a vocabulary of what was known at the last of them. Columns that say nothing of a customer are
left out as training leaves them out (`training.left_out`), looked at on the teaching rows; one line shows what that costs or earns.
The level is kept apart as in training (`training.level`): dates teach with their own rates as offsets, and the level of the judged
date is foreseen from those that taught; beside it stand the mean of these and the true one.

The learner is the same for all dates and families, the mean of three seeds. It is one of `PRESETS`, all LightGBM: the preset and
the number of rounds with the lowest log-loss over five folds of customers among the rows that teach at the first date. No later
row, and no row that is judged, has a say. Results in ``benchmarks/results/online_retail.json`` and ``.md``.

``MOMENTS_DATA=folder python -m benchmarks.online_retail``
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.events import DAY
from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.build import build, learn_catalog
from features.catalog import Catalog
from features.rows import Rows
from features.tables import Tables, open_tables
from training.left_out import Columns, summary, useful_columns
from training.level import foreseen, levels, offsets
from training.split import grouped_folds
from training.targets import rows_for

DATES: Final = ("2011-03-01", "2011-06-01", "2011-09-01")
HORIZON: Final = 90
SEEDS: Final = 3
ROUNDS: Final = 600
"""Rounds at most; those that count are chosen with the preset."""
FOLDS: Final = 5
ALL: Final = "all"
LEVELS: Final = "columns that only tell the date kept"
PRESETS: Final[dict[str, dict[str, float]]] = {
    name: dict(
        zip(("num_leaves", "learning_rate", "feature_fraction", "min_data_in_leaf", "lambda_l2"), values, strict=True)
    )
    for name, values in {
        "4 leaves": (4, 0.05, 0.3, 200, 20.0),
        "8 leaves, half of the columns": (8, 0.03, 0.5, 100, 5.0),
        "8 leaves": (8, 0.03, 0.4, 100, 10.0),
        "8 leaves, strongly regularised": (8, 0.02, 0.15, 200, 50.0),
        "16 leaves, strongly regularised": (16, 0.02, 0.15, 200, 50.0),
        "16 leaves, very strongly regularised": (16, 0.02, 0.15, 400, 200.0),
    }.items()
}
_FIXED: Final[dict[str, Any]] = {
    "objective": "binary", "metric": "binary_logloss", "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63,
    "deterministic": True, "force_col_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
_BINS: Final = {"max_bin": _FIXED["max_bin"], "verbosity": -1}


@dataclass(frozen=True)
class Fold:
    """What a model at one date learns from, and what it is asked."""

    date: str
    moment: int
    catalog: Catalog
    customer: NDArray[np.int64]
    as_of: NDArray[np.int64]
    train: NDArray[np.float64]
    label: NDArray[np.float64]
    test: NDArray[np.float64]
    truth: NDArray[np.float64]
    columns: Columns

    def kept(self, left_out: str) -> list[int]:
        """The columns that teach: all that say something, but for a family's; or also those that only tell the date."""
        places = self.columns.kept.tolist()
        if left_out == LEVELS:
            places += [place for place, name in enumerate(self.catalog.names) if name in self.columns.levels]
        return sorted(place for place in places if self.catalog.features[place].family != left_out)

    def categories(self, kept: list[int]) -> list[int]:
        """Places of categories among the columns that teach."""
        return [place for place, old in enumerate(kept) if self.catalog.features[old].category]


@dataclass(frozen=True)
class Choice:
    """The learner that won, its rounds, and the lowest log-loss of each with its round."""

    preset: str
    rounds: int
    tried: dict[str, dict[str, float]]


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "online_retail.yaml")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = run(load(given.config))
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "online_retail.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "online_retail.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def run(settings: Settings, dates: tuple[str, ...] = DATES, rounds: int = ROUNDS, seeds: int = SEEDS) -> dict[str, Any]:
    """Figures per date, with all families and without each."""
    with open_tables(settings) as tables:
        labelled = rows_for(tables, settings, "churn").rows
        folds = [fold_at(tables, settings, labelled, date) for date in dates]
    choice = choose(folds[0], rounds)
    families = sorted({item.family for fold in folds for item in fold.catalog.features})
    return {
        "dates": list(dates),
        "features": [len(fold.catalog.features) for fold in folds],
        "left_out": [summary(fold.columns.dropped) for fold in folds],
        "only_the_date": [sorted(fold.columns.levels) for fold in folds],
        "rows": [[len(fold.label), len(fold.truth)] for fold in folds],
        "churn": [[float(fold.label.mean()), float(fold.truth.mean())] for fold in folds],
        "learner": {"name": choice.preset, "rounds": choice.rounds, **PRESETS[choice.preset], "tried": choice.tried},
        "without": {
            left_out: [_judge(fold, left_out, choice, seeds) for fold in folds] for left_out in (ALL, LEVELS, *families)
        },
    }


def choose(fold: Fold, rounds: int) -> Choice:
    """The preset and the number of rounds with the lowest log-loss on customers not taught, among a fold's teaching rows."""
    kept = fold.kept(ALL)
    values, categories = np.ascontiguousarray(fold.train[:, kept]), fold.categories(kept)
    start = offsets(fold.label, fold.as_of)
    parts = grouped_folds(fold.customer, fold.label.astype(np.int64), FOLDS, 0)
    tried, best = {}, {}
    for name, preset in PRESETS.items():
        losses = np.zeros(rounds)
        for ours, theirs in parts:
            data = lgb.Dataset(
                values[ours],
                fold.label[ours],
                init_score=start[ours],
                categorical_feature=categories,
                params=_BINS,
            )
            held: dict[str, dict[str, list[float]]] = {}
            lgb.train(
                {**_FIXED, **preset, "seed": 0},
                data,
                num_boost_round=rounds,
                valid_sets=[data.create_valid(values[theirs], fold.label[theirs], init_score=start[theirs])],
                valid_names=["held"],
                callbacks=[lgb.record_evaluation(held)],
            )
            losses += np.array(held["held"]["binary_logloss"]) * len(theirs) / len(values)
        best[name] = int(np.argmin(losses)) + 1
        tried[name] = {"log_loss": float(losses.min()), "rounds": best[name]}
    winner = min(tried, key=lambda name: tried[name]["log_loss"])
    return Choice(winner, best[winner], tried)


def fold_at(tables: Tables, settings: Settings, labelled: Rows, date: str) -> Fold:
    """Labelled rows as they are known at a date, with a catalogue learnt from them, and the rows of the date."""
    moment = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * 1_000_000
    assert labelled.label is not None  # noqa: S101 - labelled rows have labels
    past, now = labelled.as_of + HORIZON * DAY <= moment, labelled.as_of == moment
    catalog = learn_catalog(tables, settings, int(labelled.as_of[past].max()))
    train, test = (
        build(tables, Rows(labelled.customer_id[mine], labelled.as_of[mine]), catalog) for mine in (past, now)
    )
    columns = useful_columns(train, catalog.names, labelled.as_of[past])
    number, dates, label = labelled.number[past], labelled.as_of[past], labelled.label
    return Fold(date, moment, catalog, number, dates, train, label[past], test, label[now], columns)


def _judge(fold: Fold, left_out: str, choice: Choice, seeds: int) -> dict[str, float]:
    """AUC and log-loss at the mean level of the dates that taught, at the level training foresees, and at the true one."""
    kept = fold.kept(left_out)
    odds, known = np.zeros(len(fold.truth)), np.zeros(len(fold.label))
    start = offsets(fold.label, fold.as_of)
    for seed in range(seeds):
        data = lgb.Dataset(
            fold.train[:, kept], fold.label, init_score=start, categorical_feature=fold.categories(kept), params=_BINS
        )
        booster = lgb.train({**_FIXED, **PRESETS[choice.preset], "seed": seed}, data, num_boost_round=choice.rounds)
        odds += np.asarray(booster.predict(fold.test[:, kept], raw_score=True)) / seeds
        known += np.asarray(booster.predict(fold.train[:, kept], raw_score=True)) / seeds
    found = levels(known, fold.label, fold.as_of)
    (recent,), (season,) = foreseen(found, [fold.moment], HORIZON * DAY)
    level = float(brentq(lambda shift: float(expit(odds + shift).mean()) - float(fold.truth.mean()), -20, 20))
    mean, told = expit(odds + found.mean), expit(odds + recent + season)
    return {
        "auc": float(roc_auc_score(fold.truth, odds)),
        "log_loss": float(log_loss(fold.truth, told)),
        "features": len(kept),
        "mean": float(told.mean()),
        "mean_level": float(mean.mean()),
        "log_loss_mean_level": float(log_loss(fold.truth, mean)),
        "log_loss_true_level": float(log_loss(fold.truth, expit(odds + level))),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as tables of markdown: families as differences from the first line, levels, learners, what was left out."""
    head = " | ".join(f"{date}: AUC | log-loss" for date in found["dates"])
    lines = [f"| without | features | {head} |", "|---" * (2 * len(found["dates"]) + 2) + "|"]
    whole = found["without"][ALL]
    for name, figures in found["without"].items():
        if name == ALL:
            cells = [f"{item['auc']:.4f} | {item['log_loss']:.4f}" for item in figures]
        else:
            cells = [
                f"{item['auc'] - base['auc']:+.4f} | {item['log_loss'] - base['log_loss']:+.4f}"
                for item, base in zip(figures, whole, strict=True)
            ]
        shown = {ALL: "nothing", LEVELS: f"nothing, {LEVELS}"}.get(name, name)
        lines.append(f"| {shown} | {figures[-1]['features']} | {' | '.join(cells)} |")
    lines += [
        "",
        "| columns | date | predicted | at the mean level | happened | log-loss | at the mean level | at the true level |",
    ]
    lines.append("|---" * 8 + "|")
    for name, shown in ((ALL, "as above"), (LEVELS, LEVELS)):
        for date, (_, happened), item in zip(found["dates"], found["churn"], found["without"][name], strict=True):
            means = f"{item['mean']:.3f} | {item['mean_level']:.3f} | {happened:.3f}"
            losses = f"{item['log_loss']:.4f} | {item['log_loss_mean_level']:.4f} | {item['log_loss_true_level']:.4f}"
            lines.append(f"| {shown} | {date} | {means} | {losses} |")
    learner = found["learner"]
    lines += ["", f"| learner | log-loss, customers held out before {found['dates'][0]} | rounds |", "|---|---|---|"]
    for name, item in learner["tried"].items():
        shown = f"**{name}**" if name == learner["name"] else name
        lines.append(f"| {shown} | {item['log_loss']:.5f} | {item['rounds']} |")
    lines += ["", "Left out of the features of each date:", ""]
    for date, count, out, level in zip(
        found["dates"], found["features"], found["left_out"], found["only_the_date"], strict=True
    ):
        named = f"; only the date is told by {', '.join(f'`{name}`' for name in level)}" if level else ""
        lines.append(f"- {date}: of {count}, {out}{named}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
