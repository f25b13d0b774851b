"""A web shop at three dates: ranking, probabilities and money out of time, beside BG/NBD, a logistic regression and the churn rate.

At each date the whole of training is done on what was known by then, and judged on the customers of that date: the figures are those
that `metrics.json` holds. Money is that of the configuration (`campaign`), with each customer alike. Results in
``benchmarks/results/shop.json`` and ``.md``.

``MOMENTS_DATA=folder python -m benchmarks.shop [--dates 2011-03-01 2011-06-01 2011-09-01]``
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.tables import open_tables
from training import judge
from training.dataset import Dataset, make, read
from training.model import fit
from training.split import split
from training.targets.grid import iso

DATES: Final = ("2011-03-01", "2011-06-01", "2011-09-01")
SHOWN: Final = {
    "auc": "AUC",
    "log_loss": "log-loss",
    "ece": "calibration error",
    "calibration_in_the_large": "in the large",
    "empc": "EMPC",
    "profit_at_size": "profit at a tenth",
    "profit_at_stop": "profit where it pays",
}
RIVALS: Final = ("bgnbd", "logistic", "prior")
OURS: Final = "ours"


def run(dataset: Dataset, settings: Settings, dates: tuple[str, ...]) -> list[dict[str, Any]]:
    """The metrics of each date, with intervals over customers, and the floors' beside them."""
    validation = settings.validation.model_copy(update={"test_periods": 1, "data_size": False})
    used = settings.model_copy(update={"validation": validation})
    found = []
    for date in dates:
        moment = next((item for item in np.unique(dataset.as_of).tolist() if iso(item)[:10] == date), None)
        if moment is None:
            raise SystemExit(f"no as_of at {date}: {', '.join(iso(item)[:10] for item in np.unique(dataset.as_of))}")
        known = dataset.take(dataset.as_of <= moment)
        division = split(known, used.validation, used.seed)
        metrics = judge.metrics(known, division, fit(known, division, used).held, used)
        floors = {name: metrics["baselines"][name] for name in RIVALS if name in metrics["baselines"]}
        found.append(
            {
                "date": date,
                "judged": metrics["n_test"],
                "churn": metrics["base_rate"],
                OURS: {name: metrics[name] for name in SHOWN},
                "floors": {name: {key: item.get(key) for key in SHOWN} for name, item in floors.items()},
                "campaign": metrics["campaign"],
                "origins": metrics["origins"],
            }
        )
        print(table(found), flush=True)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The figures as markdown."""
    lines = [f"| date | model | {' | '.join(SHOWN.values())} |", "|---" * (2 + len(SHOWN)) + "|"]
    for item in found:
        cells = [_measured(item[OURS][name]) for name in SHOWN]
        lines.append(
            f"| {item['date']} ({item['churn']:.1%} of {item['judged']:,} left) | **ours** | {' | '.join(cells)} |"
        )
        lines += [
            f"| | {name} | {' | '.join('' if floor[key] is None else f'{floor[key]:.4f}' for key in SHOWN)} |"
            for name, floor in item["floors"].items()
        ]
    first = found[0]["campaign"]
    lines += [
        "",
        (
            f"Money per customer of the shop: who stays brings {first['customer_value']:g}, an offer costs {first['offer']:g}, a contact "
            f"{first['contact']:g}, and {first['acceptance']:.0%} of those who would leave take it and stay."
        ),
    ]
    return "\n".join(lines) + "\n"


def _measured(figure: dict[str, float]) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.3f} to {figure['high']:.3f})"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dates", nargs="+", default=list(DATES))
    given = parser.parse_args()
    settings = load(ROOT / "configs" / "online_retail.yaml")
    with TemporaryDirectory() as folder, open_tables(settings) as tables:
        built = settings.model_copy(update={"output": Path(folder)})
        dataset = read(make(tables, built, "churn"))
    found = run(dataset, settings, tuple(given.dates))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "shop.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "shop.md").write_text(table(found), encoding="utf-8")


if __name__ == "__main__":
    main()
