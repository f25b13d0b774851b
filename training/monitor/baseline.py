"""What a bundle remembers of its training, so that it can be told later whether the world or the model has changed.

``baseline.json`` lies in the bundle beside the model and under the same digests: counts per bin of every feature and of the
answers over the judged rows (those whose held-out figures are the promise), how far each feature usually moves within half a
year, and the held-out measures with their intervals. No value of a single customer is in it, but for the limits of bins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.errors import BundleError
from configs.settings import Settings
from features.schema import MICROSECONDS_PER_DAY
from training import judge, survival
from training.bundle import Bundle
from training.dataset import Dataset
from training.evaluate import Interval
from training.monitor.drift import WIDTH, Bins, Counts, count, excess, index, noise
from training.monitor.realised import measures
from training.split import Rows
from training.targets.grid import iso

Array = NDArray[np.float64]

FILE: Final = "baseline.json"
FORMAT: Final = 1
HABIT_DAYS: Final = 180
"""How far back from the judged rows a feature's habit is looked for: labels are known about so much later."""
_BLOCK_DAYS: Final = 30
_MOST_ROWS: Final = 50_000
_BLOCK_ROWS: Final = 10_000
_LEAST_ROWS: Final = 50
SCORE_HABIT: Final = 0.02
"""Least index that the answers may differ by without notice: the model that ships is a refit of the one that was judged."""


@dataclass(frozen=True)
class Baseline:
    """The judged rows in digest.

    Parameters
    ----------
    names, bins
        The bundle's features, and where their values are counted.
    counts
        (features, WIDTH + 1), the last place for what is missing.
    usual, usual_nulls
        Per feature the largest stability index and difference of gaps (both less chance) between the judged rows and a month of the
        half year before; 0 where there was none.
    habit
        How many such months there were.
    score, score_counts, score_usual
        The same of the answers: probability, promoter minus detractor, or money.
    rows, customers, first, last
        Of the judged rows; the as_of dates are None in a flat table.
    prior
        What is answered without a model: class shares, or mean money.
    held
        The held-out measures (`training.monitor.realised.measures`).
    """

    names: tuple[str, ...]
    bins: tuple[Bins, ...]
    counts: Counts
    usual: tuple[float, ...]
    usual_nulls: tuple[float, ...]
    habit: int
    score: Bins
    score_counts: Counts
    score_usual: float
    rows: int
    customers: int
    first: str | None
    last: str | None
    prior: tuple[float, ...]
    held: dict[str, Interval]

    def to_json(self) -> str:
        """The file's content."""
        columns = [
            {
                "name": name,
                **_bins(bins),
                **_written(counts),
                "usual": round(usual, 6),
                "usual_nulls": round(nulls, 6),
            }
            for name, bins, counts, usual, nulls in zip(
                self.names, self.bins, self.counts, self.usual, self.usual_nulls, strict=True
            )
        ]
        content = {
            "format": FORMAT,
            "rows": self.rows,
            "customers": self.customers,
            "first": self.first,
            "last": self.last,
            "habit": self.habit,
            "prior": list(self.prior),
            "held": self.held,
            "score": {**_bins(self.score), **_written(self.score_counts), "usual": round(self.score_usual, 6)},
            "features": columns,
        }
        return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Baseline | None:
        """From a bundle's folder (whose digests `Bundle.load` has checked); None for a bundle made before there were baselines.

        Raises
        ------
        BundleError
            When the file is of a later version or not what this version writes.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["format"] > FORMAT:
                raise BundleError(
                    f"the baseline has format {content['format']}, this version reads up to {FORMAT}",
                    where=str(path),
                    next_move="update this installation, or train again with it",
                )
            columns, score = content["features"], content["score"]
            return cls(
                names=tuple(item["name"] for item in columns),
                bins=tuple(_read(item) for item in columns),
                counts=np.array([_counted(item) for item in columns], dtype=np.int64).reshape(-1, WIDTH + 1),
                usual=tuple(item["usual"] for item in columns),
                usual_nulls=tuple(item["usual_nulls"] for item in columns),
                habit=content["habit"],
                score=_read(score),
                score_counts=np.array(_counted(score), dtype=np.int64),
                score_usual=score["usual"],
                rows=content["rows"],
                customers=content["customers"],
                first=content["first"],
                last=content["last"],
                prior=tuple(content["prior"]),
                held=content["held"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"this is not a baseline of this version ({type(error).__name__}: {error})",
                where=str(path),
                next_move="train again with this version",
            ) from None

    def stretch(self, as_of: str | None) -> float:
        """How many times the half year of the habit lies between the judged rows and a date; at least 1.

        What keeps its usual pace is habit still: a difference of shares grows with the time, an index with its square.
        """
        if self.last is None or as_of is None:
            return 1.0
        days = (datetime.fromisoformat(as_of) - datetime.fromisoformat(self.last)).total_seconds() / 86_400
        return max(1.0, days / HABIT_DAYS)


def learn(dataset: Dataset, rows: Rows, answer: Array, bundle: Bundle, settings: Settings) -> Baseline:
    """The baseline of a bundle.

    Parameters
    ----------
    dataset
        The training set.
    rows, answer
        The judged rows and their held-out answers.
    bundle
        The bundle that ships.
    settings
        Seed and number of bootstraps.
    """
    if dataset.task == "survival":
        dataset, rows, answer = survival.as_churn(dataset, rows, answer)
    rng = np.random.default_rng(settings.seed)
    places = {name: place for place, name in enumerate(dataset.catalog.names)}
    columns = np.array([places[name] for name in bundle.catalog.names], dtype=np.int64)
    customers = dataset.customers
    drawn = _drawn(rows, _MOST_ROWS, rng)
    X = dataset.X[np.ix_(drawn, columns)]
    category = [feature.category for feature in bundle.catalog.features]
    bins = _learnt(X, category)
    level = judge.level(dataset, answer)
    score = Bins.of(level)
    counts = _counts(bins, X)
    size = len(np.unique(customers[drawn]))
    usual, usual_nulls = np.zeros(len(columns)), np.zeros(len(columns))
    score_usual, months = 0.0, _months(dataset, rows)
    fitted = _levels(dataset, bundle, X) if months else np.zeros((0, 1))
    for month in months:
        block = _drawn(month, _BLOCK_ROWS, rng)
        there = dataset.X[np.ix_(block, columns)]
        sizes = len(np.unique(customers[block])), size
        moved = _moved(there, X, category, sizes)
        usual = np.maximum(usual, [psi for psi, _ in moved])
        usual_nulls = np.maximum(usual_nulls, [nulls for _, nulls in moved])
        # Both by the model that ships, which has seen both: what differs is the customers.
        score_usual = max(score_usual, _moved(_levels(dataset, bundle, there), fitted, [False], sizes)[0][0])
    prior = _prior(dataset, bundle)
    return Baseline(
        names=bundle.catalog.names,
        bins=bins,
        counts=counts,
        usual=tuple(usual.tolist()),
        usual_nulls=tuple(usual_nulls.tolist()),
        habit=len(months),
        score=score,
        score_counts=_counts((score,), level[:, None])[0],
        score_usual=score_usual,
        rows=len(drawn),
        customers=size,
        first=None if dataset.flat else iso(int(dataset.as_of[rows].min())),
        last=None if dataset.flat else iso(int(dataset.as_of[rows].max())),
        prior=prior,
        held=measures(
            dataset.task,
            dataset.label[rows],
            answer,
            prior,
            customers[rows],
            draws=settings.validation.bootstraps,
            seed=settings.seed,
        ),
    )


def level_bins(baseline: Baseline, level: Array, group: Counts, groups: int) -> Counts:
    """Answers (n,) counted per group, (groups, WIDTH + 1)."""
    counts: Counts = count((baseline.score,), level[:, None], group, groups)[:, 0]
    return counts


def _months(dataset: Dataset, rows: Rows) -> list[Rows]:
    """Rows of the half year before the judged ones, month by month; none where the judged ones are not the newest."""
    if dataset.flat or len(rows) == len(dataset):
        return []
    first = int(dataset.as_of[rows].min())
    age = (first - dataset.as_of - 1) // (_BLOCK_DAYS * MICROSECONDS_PER_DAY)
    ages = range(HABIT_DAYS // _BLOCK_DAYS)
    months = [np.flatnonzero((dataset.as_of < first) & (age == number)) for number in ages]
    return [month for month in months if len(month) >= _LEAST_ROWS]


def _moved(before: Array, now: Array, category: list[bool], customers: tuple[int, int]) -> list[tuple[float, float]]:
    """Per column the stability index and the difference of the shares of missing values, both less chance.

    Bins are those of the earlier rows, as a later look has them: a drift upwards empties the lowest of them.
    """
    bins = _learnt(before, category)
    found = []
    for pair in zip(_counts(bins, before), _counts(bins, now), strict=True):
        parts = [
            np.asarray(item * min(1.0, size / max(int(item.sum()), 1)), dtype=np.float64)
            for item, size in zip(pair, customers, strict=True)
        ]
        shares = [float(part[WIDTH] / max(float(part.sum()), 1e-12)) for part in parts]
        chance = noise(shares[0], shares[1], [float(part.sum()) for part in parts])
        apart = float(np.sqrt(max(0.0, (shares[1] - shares[0]) ** 2 - chance**2)))
        found.append((excess(*index(parts[0][:WIDTH], parts[1][:WIDTH])), apart))
    return found


def _learnt(X: Array, category: list[bool]) -> tuple[Bins, ...]:
    return tuple(Bins.of(X[:, place], category=flag) for place, flag in enumerate(category))


def _counts(bins: tuple[Bins, ...], X: Array) -> Counts:
    counts: Counts = count(bins, X, np.zeros(len(X), dtype=np.int64), 1)[0]
    return counts


def _levels(dataset: Dataset, bundle: Bundle, X: Array) -> Array:
    answer = bundle.predict(X)
    return (answer[:, -1] if bundle.task == "survival" else judge.level(dataset, answer))[:, None]


def _drawn(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _prior(dataset: Dataset, bundle: Bundle) -> tuple[float, ...]:
    if dataset.task == "amount":
        return (float(dataset.label.mean()),)
    if bundle.class_rates is not None:
        return bundle.class_rates
    rate = float(dataset.label.mean())
    return 1.0 - rate, rate


def _bins(bins: Bins) -> dict[str, Any]:
    return {"category": True} if bins.category else {"edges": list(bins.edges)}


def _read(content: dict[str, Any]) -> Bins:
    return Bins(tuple(content.get("edges", ())), category=content.get("category", False))


def _written(counts: Counts) -> dict[str, Any]:
    """Counts without the empty places at the end; the missing ones by themselves."""
    return {"counts": np.trim_zeros(counts[:WIDTH], "b").tolist(), "nulls": int(counts[WIDTH])}


def _counted(content: dict[str, Any]) -> list[int]:
    there = list(content["counts"])
    return [*there, *[0] * (WIDTH - len(there)), content["nulls"]]
