"""What the families of features earn on a real shop: out-of-time AUC and log-loss, with all of them and without each in turn.

Who will not buy for 90 days, asked at 2011-03-01, 06-01 and 09-01. At each date the model has learnt from what was over by then:
rows whose 90 days had ended, and a vocabulary of what was known at the last of them. The learner is the same for all: LightGBM
with 8 leaves and 300 rounds, the mean of three seeds. Results in ``benchmarks/results/online_retail.json`` and ``.md``.

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
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.events import DAY
from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.build import build, learn_catalog
from features.catalog import Catalog
from features.rows import Rows
from features.tables import Tables, open_tables
from training.targets import rows_for

DATES: Final = ("2011-03-01", "2011-06-01", "2011-09-01")
HORIZON: Final = 90
SEEDS: Final = 3
ROUNDS: Final = 300
ALL: Final = "all"
_LEARNER: Final = {
    "objective": "binary", "num_leaves": 8, "learning_rate": 0.03, "min_data_in_leaf": 100, "feature_fraction": 0.5,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 63, "deterministic": True,
    "force_col_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Fold:
    """What a model at one date learns from, and what it is asked."""

    date: str
    catalog: Catalog
    train: NDArray[np.float64]
    label: NDArray[np.float64]
    test: NDArray[np.float64]
    truth: NDArray[np.float64]


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
        folds = [_fold(tables, settings, labelled, date) for date in dates]
    families = sorted({item.family for fold in folds for item in fold.catalog.features})
    return {
        "dates": list(dates),
        "features": [len(fold.catalog.features) for fold in folds],
        "rows": [[len(fold.label), len(fold.truth)] for fold in folds],
        "without": {
            left_out: [_judge(fold, left_out, rounds, seeds) for fold in folds] for left_out in (ALL, *families)
        },
    }


def _fold(tables: Tables, settings: Settings, labelled: Rows, date: str) -> Fold:
    moment = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * 1_000_000
    assert labelled.label is not None  # noqa: S101 - labelled rows have labels
    past, now = labelled.as_of + HORIZON * DAY <= moment, labelled.as_of == moment
    catalog = learn_catalog(tables, settings, int(labelled.as_of[past].max()))
    matrices = [build(tables, Rows(labelled.customer_id[mine], labelled.as_of[mine]), catalog) for mine in (past, now)]
    return Fold(date, catalog, matrices[0], labelled.label[past], matrices[1], labelled.label[now])


def _judge(fold: Fold, left_out: str, rounds: int, seeds: int) -> dict[str, float]:
    """AUC and log-loss without a family; NaN where a catalogue has nothing of it."""
    kept = [place for place, item in enumerate(fold.catalog.features) if item.family != left_out]
    categories = [place for place, old in enumerate(kept) if fold.catalog.features[old].category]
    chances = np.zeros(len(fold.truth))
    for seed in range(seeds):
        data = lgb.Dataset(fold.train[:, kept], fold.label, categorical_feature=categories, params={"verbosity": -1})
        booster = lgb.train({**_LEARNER, "seed": seed}, data, num_boost_round=rounds)
        chances += booster.predict(fold.test[:, kept]) / seeds
    return {
        "auc": float(roc_auc_score(fold.truth, chances)),
        "log_loss": float(log_loss(fold.truth, chances)),
        "features": len(kept),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as a table of markdown; below the first line, differences from it."""
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
        shown = "nothing" if name == ALL else name
        lines.append(f"| {shown} | {figures[-1]['features']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
