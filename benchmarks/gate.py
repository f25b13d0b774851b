"""How often the gate lets a worse model in and keeps a fine one out, where the truth about both is known.

A small company is simulated per seed, as in `benchmarks.monitor`. The champion is trained on ten months. Challengers are trained a
month later (with labels of two months: no row is held out for both): on the same, on more customers, without what was wrong in
the champion's data, or with something wrong in their own teaching rows. The judged rows are true in each. Which of the two judged
models is better is known from the expected log-loss on 50,000 fresh rows, whose chances the simulator knows.

*Worse* is a challenger whose true loss is more than half a per cent higher, *fine* one whose loss is no higher; between the two
either verdict will do. Rates are given with their 95 % limits (Clopper and Pearson). Results in ``benchmarks/results/gate.json``
and ``.md``.

``python -m benchmarks.gate [--seeds N]``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.feature_build import RESULTS
from benchmarks.monitor import CUSTOMERS, EFFECTS, INTERCEPT, NUMBERS, TAUGHT, WORLDS, catalog, rate, settings
from benchmarks.monitor import company as unchanged
from configs.settings import Settings
from training import judge
from training.bundle import Bundle
from training.dataset import Dataset
from training.gate import TOLERANCE, Answers
from training.gate import judge as decide
from training.model import as_judged, fit, ship
from training.split import Rows, split

Array = NDArray[np.float64]
Wrong = Callable[[np.random.Generator, Dataset, Rows], None]

SEEDS: Final = 60
FRESH: Final = 50_000


def _blind(rng: np.random.Generator, dataset: Dataset, rows: Rows) -> None:
    """The strongest feature is taken from other customers."""
    dataset.X[rows, 0] = rng.permutation(dataset.X[rows, 0])


def _coarse(_rng: np.random.Generator, dataset: Dataset, rows: Rows) -> None:
    """The two strongest features are only known as above or below."""
    dataset.X[rows[:, None], [0, 1]] = np.sign(dataset.X[rows[:, None], [0, 1]])


def _mislabelled(rng: np.random.Generator, dataset: Dataset, rows: Rows) -> None:
    """A tenth of those who stay are called churners."""
    dataset.label[rows[(dataset.label[rows] == 0) & (rng.random(len(rows)) < 0.1)]] = 1.0


def _scrambled(rng: np.random.Generator, dataset: Dataset, rows: Rows) -> None:
    """Labels belong to other customers."""
    dataset.label[rows] = rng.permutation(dataset.label[rows])


@dataclass(frozen=True)
class Case:
    """What each of the two was taught on: customers, and what was wrong with the teaching rows."""

    says: str
    customers: float = 1.0
    challenger: Wrong | None = None
    champion: Wrong | None = None


CASES: Final[dict[str, Case]] = {
    "again": Case("a month more, nothing else"),
    "grown": Case("twice the customers", customers=2.0),
    "corrected": Case(
        "the champion's teaching labels were a tenth wrong, the challenger's are right", champion=_mislabelled
    ),
    "seeing": Case("the champion was taught without its strongest feature", champion=_blind),
    "few": Case("a sixth of the customers", customers=1 / 6),
    "coarse": Case("features taught as above or below", challenger=_coarse),
    "blind": Case("taught without the strongest feature", challenger=_blind),
    "mislabelled": Case("a tenth of those who stay taught as churners", challenger=_mislabelled),
    "scrambled": Case("taught on other customers' labels", challenger=_scrambled),
}


@dataclass(frozen=True)
class Trained:
    """A training: its rows, the judged ones with their answers, what ships, and the judged model."""

    dataset: Dataset
    rows: Rows
    answers: Answers
    shipped: Bundle
    judged: Bundle


def company(seed: int, customers: int, first: int, used: Settings) -> Dataset:
    """Ten months of so many customers, from month `first` on."""
    rng = np.random.default_rng(seed)
    return unchanged(rng, rng.normal(size=(customers, NUMBERS)), rng.exponential(24.0, customers), used, first)


def train(dataset: Dataset, used: Settings, seed: int, wrong: Wrong | None) -> Trained:
    """A training whose teaching rows, and they alone, have something wrong."""
    division = split(dataset, used.validation, seed)
    if wrong is not None:
        teaching = np.setdiff1d(np.arange(len(dataset)), division.test)
        wrong(np.random.default_rng(seed), dataset, teaching)
    fitted = fit(dataset, division, used)
    rows, answer = judge.held_out_answers(dataset, division, fitted.held)
    shipped, _ = ship(dataset, fitted, used, answers=judge.level(dataset, answer), validation=division.kind)
    kept = as_judged(dataset, division, fitted.held, shipped, used)
    if kept is None:
        raise RuntimeError("a company in time has a judged model")
    return Trained(dataset, rows, Answers.of(dataset, rows, answer), shipped, kept[0])


def expected_loss(bundle: Bundle, seed: int) -> float:
    """The log-loss to be expected of a model: its answers to fresh rows against the chances that the simulator knows."""
    rng = np.random.default_rng(1_000_000 + seed)
    true = rng.normal(size=(FRESH, NUMBERS))
    chance = expit(INTERCEPT + true @ EFFECTS)
    seen = true.copy()
    seen[rng.random(FRESH) < WORLDS["unchanged"].missing, 1] = np.nan
    matrix = np.column_stack([seen, rng.exponential(24.0, FRESH) + TAUGHT])
    places = [catalog().names.index(name) for name in bundle.catalog.names]
    answer = bundle.predict(np.ascontiguousarray(matrix[:, places]))
    return float(-(chance * np.log(answer) + (1.0 - chance) * np.log1p(-answer)).mean())


def measure(seeds: int, customers: int = CUSTOMERS, first: int = 0) -> dict[str, Any]:
    """Per case: how often the challenger is let in, and how often that is wrong."""
    tally = {name: {"promoted": 0, "worse": 0, "worse_in": 0, "fine": 0, "fine_out": 0} for name in CASES}
    grounds: dict[str, int] = {}
    relative: dict[str, list[float]] = {name: [] for name in CASES}
    with TemporaryDirectory() as scratch:
        used = settings(Path(scratch))
        for seed in range(first, first + seeds):
            champions: dict[Wrong | None, tuple[Trained, float]] = {}
            for name, case in CASES.items():
                if case.champion not in champions:
                    own = company(seed, customers, 0, used)
                    old = train(own, used, seed, case.champion)
                    champions[case.champion] = (old, expected_loss(old.judged, seed))
                champion, loss = champions[case.champion]
                dataset = company(seed, round(case.customers * customers), 1, used)
                challenger = train(dataset, used, seed, case.challenger)
                verdict = decide(
                    challenger.answers,
                    champion.answers,
                    dataset,
                    champion.shipped,
                    challenger.rows,
                    judged=champion.judged,
                    draws=used.validation.bootstraps,
                    seed=seed,
                )
                change = expected_loss(challenger.judged, seed) / loss - 1.0
                relative[name].append(change)
                ground = verdict.figures.get("ground", verdict.reason)
                grounds[ground] = grounds.get(ground, 0) + 1
                found = tally[name]
                found["promoted"] += verdict.promotes
                found["worse"] += change > TOLERANCE
                found["worse_in"] += change > TOLERANCE and verdict.promotes
                found["fine"] += change <= 0.0
                found["fine_out"] += change <= 0.0 and not verdict.promotes
            print(f"seed {seed}: {seed - first + 1} of {seeds}", flush=True)
    whole = {key: sum(found[key] for found in tally.values()) for key in ("worse", "worse_in", "fine", "fine_out")}
    return {
        "seeds": seeds,
        "customers": customers,
        "months": TAUGHT,
        "grounds": grounds,
        "worse_let_in": _of(whole["worse_in"], whole["worse"]),
        "fine_kept_out": _of(whole["fine_out"], whole["fine"]),
        "cases": {
            name: {
                "says": CASES[name].says,
                "true_change": float(np.mean(relative[name])),
                "promoted": _of(found["promoted"], seeds),
                "worse_let_in": _of(found["worse_in"], found["worse"]),
                "fine_kept_out": _of(found["fine_out"], found["fine"]),
            }
            for name, found in tally.items()
        },
    }


def _of(number: int, whole: int) -> dict[str, float] | None:
    return {"number": number, "of": whole, **rate(number, whole)} if whole else None


def table(found: dict[str, Any]) -> str:
    """The figures as markdown."""
    head = ("challenger", "true loss against the champion's", "let in", "worse ones let in", "fine ones kept out")
    grounds = ", ".join(f"{ground} ({number})" for ground, number in found["grounds"].items())
    lines = [
        (
            f"{found['customers']:,} customers, {found['months']} months, {found['seeds']} companies; each challenger a month after "
            f"the champion. Ground of comparison: {grounds}."
        ),
        "",
        (
            f"All cases: worse ones let in {_shown(found['worse_let_in'])}; fine ones kept out "
            f"{_shown(found['fine_kept_out'])}."
        ),
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(
            f"| {case['says']} | {100 * case['true_change']:+.2f} % | {_shown(case['promoted'])} "
            f"| {_shown(case['worse_let_in'])} | {_shown(case['fine_kept_out'])} |"
            for case in found["cases"].values()
        ),
    ]
    return "\n".join(lines) + "\n"


def _shown(cell: dict[str, float] | None) -> str:
    if cell is None:
        return "none such"
    return f"{cell['number']} of {cell['of']} ({cell['low']:.2f} to {cell['high']:.2f})"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="companies")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="customers of each")
    asked = parser.parse_args()
    found = measure(asked.seeds, asked.customers)
    text = table(found)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "gate.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "gate.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
