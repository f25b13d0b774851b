"""How often the leak guards accuse an honest table, and which leaks they miss.

A flat table is drawn per seed: customers, about a tenth to a third of whom churn, and honest columns as strong as they come (a
number that alone ranks with an AUC of .95, a plan, a code, an identifier, gaps that go with churn). It is looked at as it is, and
with one leak added. Then a company in time, honest, with a relation that half fades in the judged months, and with a column that
was written after the outcome, so that it tells of every month but the newest. Accusations in honest tables are false alarms, leaks
that are not named are missed. Rates have their 95 % limits (Clopper and Pearson). Results in ``benchmarks/results/guards.json``
and ``.md``.

``python -m benchmarks.guards [--seeds N] [--companies N]``
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
from scipy.special import expit

from benchmarks.feature_build import RESULTS
from benchmarks.monitor import CUSTOMERS, NUMBERS, TAUGHT, company, rate, settings
from configs.errors import LeakageError
from training.dataset import Dataset
from training.leakage import suspects
from training.model import fit
from training.split import split

Array = NDArray[np.float64]
Columns = list[tuple[str, Array, bool]]
Leak = Callable[[np.random.Generator, Array], tuple[str, Array, bool]]

SEEDS: Final = 300
COMPANIES: Final = 40
ROWS: Final = 3000
NEWEST: Final = 3
LABEL: Final = "churned"


def honest(rng: np.random.Generator, rows: int) -> tuple[Array, Columns]:
    """Labels (rows,), and columns that were known before them."""
    risk = 2.5 * rng.normal(size=rows)
    y = (rng.random(rows) < expit(risk - rng.uniform(1.0, 3.5))).astype(np.float64)
    strong = y + rng.normal(0.0, 0.43, rows)
    plan = np.digitize(risk + rng.normal(size=rows), [-2.0, 0.0, 2.0]).astype(np.float64)
    gap = np.where(rng.random(rows) < expit(risk - 1.0), np.nan, rng.normal(size=rows))
    columns = [
        ("strong", strong, False),
        ("risk", risk, False),
        ("plan", plan, True),
        ("region", rng.integers(0, 30, rows).astype(np.float64), True),
        ("number_of_calls", rng.poisson(np.exp(0.3 * risk)).astype(np.float64), False),
        ("income", gap, False),
        ("customer_number", rng.permutation(rows).astype(np.float64), False),
        ("mail", rng.permutation(rows).astype(np.float64), True),
        ("churned_before", (rng.random(rows) < expit(risk - 2.0)).astype(np.float64), False),
    ]
    return y, columns


LEAKS: Final[dict[str, tuple[str, Leak]]] = {
    "copy": ("a copy of the label", lambda _rng, y: ("exit", 1.0 - y, False)),
    "nearly": (
        "a near-copy, one row in a hundred wrong",
        lambda rng, y: ("exit", np.where(rng.random(len(y)) < 0.01, 1 - y, y), True),
    ),
    "score": (
        "another model's score of the label itself",
        lambda rng, y: ("exit", y + rng.normal(0, 0.25, len(y)), False),
    ),
    "named": (
        "named like the label, one row in twenty-five wrong",
        lambda rng, y: ("churn_flag", np.where(rng.random(len(y)) < 0.04, 1 - y, y), False),
    ),
    "reason": (
        "filled for half of the churners",
        lambda rng, y: (
            "exit",
            np.where((y == 1) & (rng.random(len(y)) < 0.5), rng.normal(size=len(y)), np.nan),
            False,
        ),
    ),
    "emptied": (
        "emptied for a third of the churners",
        lambda rng, y: (
            "exit",
            np.where((y == 1) & (rng.random(len(y)) < 0.33), np.nan, rng.normal(size=len(y))),
            False,
        ),
    ),
    "flag": (
        "a flag that only half of the churners have",
        lambda rng, y: ("exit", ((y == 1) & (rng.random(len(y)) < 0.5)).astype(float), False),
    ),
    "status": (
        "a status of their own for half of the churners",
        lambda rng, y: ("exit", np.where((y == 1) & (rng.random(len(y)) < 0.5), 3.0, rng.integers(0, 3, len(y))), True),
    ),
}


def tables(seeds: int, rows: int) -> dict[str, Any]:
    """Accusations of flat tables, honest and with each leak."""
    accused = dict.fromkeys(("honest", *LEAKS), 0)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        y, columns = honest(rng, rows)
        accused["honest"] += bool(suspects(columns, y, label_name=LABEL))
        for name, (_, leak) in LEAKS.items():
            accused[name] += [item.column for item in suspects([leak(rng, y)], y, label_name=LABEL)] != []
    return {
        "honest": {"says": "honest columns", **rate(accused["honest"], seeds)},
        **{name: {"says": says, **rate(accused[name], seeds)} for name, (says, _) in LEAKS.items()},
    }


def companies(count: int, customers: int) -> dict[str, Any]:
    """Accusations of companies in time: honest, changed, and with a column written later."""
    says = {
        "honest": "honest company",
        "faded": "honest company whose relation half fades in the judged months",
        "written": "a column written after the outcome",
    }
    accused = dict.fromkeys(says, 0)
    with TemporaryDirectory() as scratch:
        used = settings(Path(scratch))
        for seed in range(count):
            for name in says:
                rng = np.random.default_rng(seed)
                lasting, age = rng.normal(size=(customers, NUMBERS)), rng.exponential(24.0, customers)
                dataset = company(rng, lasting, age, used)
                _change(name, rng, dataset)
                try:
                    fit(dataset, split(dataset, used.validation, seed), used)
                except LeakageError as error:
                    accused[name] += name != "written" or "'n7'" in error.what
            print(f"company {seed + 1} of {count}", flush=True)
    return {name: {"says": says[name], **rate(accused[name], count)} for name in says}


def _change(name: str, rng: np.random.Generator, dataset: Dataset) -> None:
    newest = dataset.as_of >= np.unique(dataset.as_of)[-NEWEST]
    if name == "faded":
        for date in np.unique(dataset.as_of[newest]):
            some = np.flatnonzero((dataset.as_of == date) & (rng.random(len(dataset)) < 0.5))
            dataset.label[some] = rng.permutation(dataset.label[some])
    if name == "written":
        noise = rng.normal(size=len(dataset))
        dataset.X[:, 7] = np.where(newest, noise, 1.5 * dataset.label + noise)


def table(found: dict[str, Any]) -> str:
    """The figures as markdown."""
    lines = [
        (
            f"Accused, with 95 % limits: of {found['seeds']} flat tables of {found['rows']:,} customers, and of {found['companies']} "
            f"companies of {found['customers']:,} customers over {TAUGHT} months."
        ),
        "",
        "| table | accused |",
        "|---|---|",
    ]
    for kind in ("tables", "in_time"):
        lines += [
            f"| {item['says']} | {item['value']:.3f} ({item['low']:.3f} to {item['high']:.3f}) |"
            for item in found[kind].values()
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="flat tables")
    parser.add_argument("--companies", type=int, default=COMPANIES, help="companies in time")
    asked = parser.parse_args()
    found = measure(asked.seeds, asked.companies)
    text = table(found)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "guards.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "guards.md").write_text(text, encoding="utf-8")


def measure(seeds: int, count: int, rows: int = ROWS, customers: int = CUSTOMERS) -> dict[str, Any]:
    """Rates of accusation of flat tables and of companies in time."""
    return {
        "seeds": seeds,
        "companies": count,
        "rows": rows,
        "customers": customers,
        "tables": tables(seeds, rows),
        "in_time": companies(count, customers),
    }


if __name__ == "__main__":
    main()
