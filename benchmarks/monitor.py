"""How often the look at a model calls for a training or for attention: without any change, and with changes of known kind.

A small company is simulated per seed: customers with lasting features, one that grows older month by month, a fifth of one
column missing, churn of about a tenth. A real model is trained on ten months, with its baseline; then months follow in which
nothing changes, the level moves, the relation between features and churn changes, only the customers change, a column
goes missing, or one changes its meaning. Each is looked at before any label is known and after three months of labels.

Rates are given with their 95 % limits (Clopper and Pearson). Results in ``benchmarks/results/monitor.json`` and ``.md``.

``python -m benchmarks.monitor [--seeds N]``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from benchmarks.feature_build import RESULTS
from configs.settings import Settings, load
from features.catalog import Catalog
from features.journey import Vocabulary
from training import judge
from training.bundle import Bundle
from training.dataset import Dataset
from training.model import fit, ship
from training.monitor import baseline as kept
from training.monitor.drift import count
from training.monitor.periods import Periods
from training.monitor.watch import Seen, compare
from training.split import split

Array = NDArray[np.float64]

DAY: Final = 86_400_000_000
STEP: Final = 30 * DAY
START: Final = 19_723 * DAY
"""2024-01-01."""
HORIZON: Final = 60
TAUGHT: Final = 10
LABELLED: Final = 3
SEEDS: Final = 100
CUSTOMERS: Final = 1500
NUMBERS: Final = 8
EFFECTS: Final = np.array([0.9, 0.6, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0])
INTERCEPT: Final = -2.5
SETTINGS: Final[dict[str, Any]] = {
    "validation": {"inner_folds": 2, "bootstraps": 100, "data_size": False},
    "learner": {"leaves": [4, 8], "learning_rate": 0.1, "max_rounds": 80, "early_stopping_rounds": 10, "threads": 1},
}


@dataclass(frozen=True)
class World:
    """What is different after the training.

    Parameters
    ----------
    says
        In words.
    level
        Added to the log-odds.
    effects
        Of the features on the log-odds.
    moved
        Added to the first feature.
    missing
        Share of the second feature that is missing.
    unit
        Factor of the third feature as it is recorded, while what it stands for stays the same.
    """

    says: str
    level: float = 0.0
    effects: tuple[float, ...] = tuple(EFFECTS.tolist())
    moved: float = 0.0
    missing: float = 0.2
    unit: float = 1.0


WORLDS: Final[dict[str, World]] = {
    "unchanged": World("nothing changes"),
    "level": World("everybody leaves more often (log-odds +0.6)", level=0.6),
    "relation_half": World(
        "half of the effects go over to other features", effects=(0.45, 0.3, 0.2, 0.45, 0.3, 0.2, 0.0, 0.0)
    ),
    "relation_gone": World("the effects go over to other features", effects=(0.0, 0.0, 0.0, 0.9, 0.6, 0.4, 0.0, 0.0)),
    "customers": World("other customers, the same relation (first feature +0.7)", moved=0.7),
    "missing": World("a column goes missing (from 20 % to 45 %)", missing=0.45),
    "unit": World("a column changes its unit (x 10)", unit=10.0),
}


@dataclass(frozen=True)
class Model:
    """A trained model with its baseline, and the lasting part of its customers."""

    bundle: Bundle
    baseline: kept.Baseline
    lasting: Array
    age: Array


def settings(folder: Path) -> Settings:
    """A configuration of quick trainings."""
    content = {
        "name": "simulated",
        "data": {"tables": {"customers": {"path": "customers.parquet"}}},
        "targets": {"churn": {"kind": "inactivity", "active_within_days": 60, "horizon_days": HORIZON}},
        "output": "out",
        **SETTINGS,
    }
    path = folder / "simulated.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load(path)


def catalog() -> Catalog:
    """Eight numbers and an age."""
    attributes: dict[str, Any] = {f"n{place}": "number" for place in range(NUMBERS)} | {"old": "number"}
    return Catalog.of(Vocabulary(tables=("customers",), attributes=attributes), (30,))


def month(rng: np.random.Generator, lasting: Array, age: Array, number: int, world: World) -> tuple[Array, Array]:
    """Features (customers, NUMBERS + 1) and labels of one as_of date."""
    true = np.sqrt(0.7) * lasting + np.sqrt(0.3) * rng.normal(size=lasting.shape)
    true[:, 0] += world.moved
    chance = expit(INTERCEPT + world.level + true @ np.array(world.effects))
    label = (rng.random(len(true)) < chance).astype(np.float64)
    recorded = true.copy()
    recorded[:, 2] *= world.unit
    recorded[rng.random(len(true)) < world.missing, 1] = np.nan
    return np.column_stack([recorded, age + number]), label


def company(rng: np.random.Generator, lasting: Array, age: Array, used: Settings, first: int = 0) -> Dataset:
    """Ten months of a company in which nothing changes, from month `first` on."""
    months = [month(rng, lasting, age, first + number, WORLDS["unchanged"]) for number in range(TAUGHT)]
    ids = np.array([f"c{number:05d}" for number in range(len(age))], dtype=object)
    return Dataset(
        "churn",
        "binary",
        {"name": "churn", **used.targets["churn"].model_dump(mode="json")},
        np.tile(ids, TAUGHT),
        np.repeat(START + STEP * (first + np.arange(TAUGHT)), len(age)),
        np.concatenate([label for _, label in months]),
        np.ascontiguousarray(np.vstack([values for values, _ in months])),
        catalog(),
        {},
        "d" * 64,
    )


def train(seed: int, used: Settings, customers: int = CUSTOMERS) -> Model:
    """A model of ten unchanged months, judged on the last."""
    rng = np.random.default_rng(seed)
    lasting, age = rng.normal(size=(customers, NUMBERS)), rng.exponential(24.0, customers)
    dataset = company(rng, lasting, age, used)
    division = split(dataset, used.validation, seed)
    fitted = fit(dataset, division, used)
    rows, answer = judge.held_out_answers(dataset, division, fitted.held)
    bundle, _ = ship(dataset, fitted, used, answers=judge.level(dataset, answer), validation=division.kind)
    return Model(bundle, kept.learn(dataset, rows, answer, bundle, used), lasting, age)


def look(model: Model, world: World, used: Settings, seed: int) -> dict[str, dict[str, Any]]:
    """What is said of a model before and after labels are known."""
    rng = np.random.default_rng(10_000 + seed)
    customers = len(model.lasting)
    first = TAUGHT - 1 + HORIZON // 30
    names = tuple(START + STEP * (first + number) for number in range(LABELLED))
    months = [month(rng, model.lasting, model.age, first + number, world) for number in range(LABELLED)]
    label = np.concatenate([label for _, label in months])
    places = [catalog().names.index(name) for name in model.bundle.catalog.names]
    matrix = np.ascontiguousarray(np.vstack([values for values, _ in months])[:, places])
    ids = np.tile(np.array([f"c{number:05d}" for number in range(customers)], dtype=object), LABELLED)
    number = np.repeat(np.arange(LABELLED), customers)
    periods = Periods(ids, np.array(names)[number], label, number, names, names[0] + HORIZON * DAY)
    seen = Seen(periods, model.bundle.predict(matrix), count(model.baseline.bins, matrix, number, LABELLED))
    before = replace(seen, periods=replace(periods, label=np.full(len(label), np.nan)))
    draws = used.validation.bootstraps
    return {
        "before": compare(model.bundle, model.baseline, before, draws=draws, seed=seed),
        "after": compare(model.bundle, model.baseline, seen, draws=draws, seed=seed),
    }


def measure(seeds: int, customers: int = CUSTOMERS, first: int = 0) -> dict[str, Any]:
    """Shares of verdicts and reasons over seeds."""
    tally: dict[str, dict[str, dict[str, int]]] = {name: {"before": {}, "after": {}} for name in WORLDS}
    with TemporaryDirectory() as scratch:
        used = settings(Path(scratch))
        for seed in range(first, first + seeds):
            model = train(seed, used, customers)
            for name, world in WORLDS.items():
                for when, facts in look(model, world, used, seed).items():
                    codes = {reason["code"] for reason in facts["reasons"]}
                    for word in (facts["verdict"], *codes):
                        tally[name][when][word] = tally[name][when].get(word, 0) + 1
            print(f"seed {seed}: {seed - first + 1} of {seeds}", flush=True)
    return {
        "seeds": seeds,
        "customers": customers,
        "months_taught": TAUGHT,
        "months_labelled": LABELLED,
        "worlds": {
            name: {
                "says": WORLDS[name].says,
                **{
                    when: {word: rate(number, seeds) for word, number in sorted(found.items())}
                    for when, found in whens.items()
                },
            }
            for name, whens in tally.items()
        },
    }


def rate(number: int, of: int) -> dict[str, float]:
    """A share with its exact 95 % limits."""
    low = float(stats.beta.ppf(0.025, number, of - number + 1)) if number else 0.0
    high = float(stats.beta.ppf(0.975, number + 1, of - number)) if number < of else 1.0
    return {"value": number / of, "low": low, "high": high}


def table(found: dict[str, Any]) -> str:
    """The figures as markdown."""
    head = (
        "world",
        "before labels: watch",
        "after: keep",
        "after: watch",
        "after: retrain",
        "level named",
        "features named",
    )
    lines = [
        (
            f"{found['customers']:,} customers, {found['seeds']} trainings; each looked at before labels are known and after "
            f"{found['months_labelled']} months of them."
        ),
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in _lines(found)]
    return "\n".join(lines) + "\n"


def _lines(found: dict[str, Any]) -> Iterator[list[str]]:
    for world in found["worlds"].values():
        before, after = world["before"], world["after"]
        cells = [before.get("watch"), *(after.get(word) for word in ("keep", "watch", "retrain", "level", "features"))]
        yield [world["says"], *(_shown(cell) for cell in cells)]


def _shown(cell: dict[str, float] | None) -> str:
    return "0" if cell is None else f"{cell['value']:.2f} ({cell['low']:.2f} to {cell['high']:.2f})"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="customers of each")
    asked = parser.parse_args()
    found = measure(asked.seeds, asked.customers)
    text = table(found)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "monitor.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "monitor.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
