"""Which rows teach and which rows judge: a split in time wherever there is time, folds where there is none.

A model is judged on the newest rows and taught on rows whose label windows were over by then (purge and embargo = lead +
horizon). Its preset, rounds and calibration are chosen on inner folds of the same kind inside the teaching part: rolling
origins, or folds by customer where too few dates are left. A flat table has repeated stratified folds; data that span too
short a time have folds grouped by customer. Stratification is over customers: no customer is ever on both sides of a fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from configs.settings import Validation
from features.schema import MICROSECONDS_PER_DAY
from training.dataset import Dataset
from training.periods import KNOWN_UNTIL, first_window, periods
from training.targets.nps import classes

Kind = Literal["out_of_time", "repeated_stratified_folds", "grouped_folds"]
Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]

SHORTEST_SPAN_DAYS: Final = 60
"""Answers over less time than this say nothing of the next period: folds by customer instead."""
LEAST_ROWS: Final = 50
LEAST_PER_CLASS: Final = 10
"""Rows, and rows of each class, below which a side of a split teaches or judges nothing."""


@dataclass(frozen=True)
class Split:
    """How a training set is divided.

    Parameters
    ----------
    kind
        ``out_of_time``, ``repeated_stratified_folds`` or ``grouped_folds``.
    train, test
        Row numbers; both are all rows where folds do the judging.
    folds
        (train, valid) row numbers. Out of time: the inner folds, inside `train`. Otherwise: repeats x folds, which choose
        and judge crosswise.
    repeats
        How often the folds cover all rows: fold number // (folds / repeats) is the repeat.
    rolling
        Whether the inner folds are rolling origins (else by customer).
    test_as_of
        The as_of dates judged on, rising; for dated answers the first and the last; empty for folds.
    """

    kind: Kind
    train: Rows
    test: Rows
    folds: tuple[Fold, ...]
    repeats: int = 1
    rolling: bool = False
    test_as_of: tuple[int, ...] = ()

    @property
    def out_of_time(self) -> bool:
        """Whether the judged rows are later than the teaching ones."""
        return self.kind == "out_of_time"

    def ends(self, dataset: Dataset, fold: int | None = None) -> int | None:
        """The moment up to which teaching knows what happened, of a fold or of the whole; None where folds are no later rows."""
        if not self.out_of_time:
            return None
        answered = self.test if fold is None or not self.rolling else self.folds[fold][1]
        return int(dataset.as_of[answered].min())


def strata(dataset: Dataset) -> NDArray[np.int64]:
    """The class of each row that folds are balanced by: churn (by any day), NPS category, or more money than the median row."""
    if dataset.task == "ordinal":
        return classes(dataset.label)
    if dataset.task == "survival":
        return (dataset.label >= 0).astype(np.int64)
    middle = float(np.median(dataset.label)) if dataset.task == "amount" and len(dataset) else 0.0
    return (dataset.label > middle).astype(np.int64)


def split(dataset: Dataset, validation: Validation, seed: int) -> Split:
    """Divide a training set.

    Parameters
    ----------
    dataset
        Rows sorted by as_of.
    validation
        Numbers of periods, folds and repeats.
    seed
        Of the draws of customers.
    """
    labels = strata(dataset)
    if dataset.flat or (dataset.spec.get("kind") == "column"):
        return _folds("repeated_stratified_folds", dataset, labels, validation, seed)
    test = _newest(dataset, validation)
    if test is not None:
        first = int(dataset.as_of[test[0]])
        train = np.flatnonzero(dataset.as_of + purge(dataset) <= first) if dataset.window else np.arange(test[0])
        if _teaches(dataset, labels, train, first) and _enough(labels[test], LEAST_PER_CLASS):
            folds = _rolling(dataset, labels, train, validation, first)
            rolling = bool(folds)
            if not folds:
                folds = tuple(
                    (train[ours], train[theirs])
                    for ours, theirs in grouped_folds(
                        dataset.customers[train], labels[train], max(validation.inner_folds, 2), seed
                    )
                )
            dates = np.unique(dataset.as_of[test])
            shown = dates if dataset.window else dates[[0, -1]]
            return Split("out_of_time", train, test, folds, 1, rolling, tuple(int(date) for date in shown))
    return _folds("grouped_folds", dataset, labels, validation, seed)


def grouped_folds(groups: Rows, labels: NDArray[np.int64], folds: int, seed: int) -> tuple[Fold, ...]:
    """Folds of whole groups, dealt out in random order within the highest class that a group's rows have.

    With fewer groups than folds there are as many folds as groups; (train, valid) row numbers.
    """
    names, number = np.unique(groups, return_inverse=True)
    highest = np.zeros(len(names), dtype=np.int64)
    np.maximum.at(highest, number, labels)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(highest[shuffled], kind="stable")]
    count = min(folds, len(names))
    fold_of_group = np.empty(len(names), dtype=np.int64)
    fold_of_group[order] = np.arange(len(names)) % count
    fold = fold_of_group[number]
    return tuple((np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count))


def _folds(kind: Kind, dataset: Dataset, labels: NDArray[np.int64], validation: Validation, seed: int) -> Split:
    every = np.arange(len(dataset))
    groups = dataset.customers
    folds = tuple(
        fold
        for repeat in range(validation.repeats)
        for fold in grouped_folds(groups, labels, validation.folds, seed + 1000 * repeat)
    )
    return Split(kind, every, every, folds, validation.repeats)


def _newest(dataset: Dataset, validation: Validation) -> Rows | None:
    """The rows to judge on: the newest dates of a grid, or the newest share of dated answers; None without enough time."""
    dates = np.unique(dataset.as_of)
    if dataset.task == "survival":
        # Judged on dates whose every period is over, and on the newer ones as far as they are.
        dates = dates[dates + dataset.window <= int(dataset.spec[KNOWN_UNTIL])]
    if dataset.window:
        if len(dates) <= validation.test_periods:
            return None
        return np.flatnonzero(dataset.as_of >= dates[-validation.test_periods])
    if dates[-1] - dates[0] < SHORTEST_SPAN_DAYS * MICROSECONDS_PER_DAY:
        return None
    cut = dataset.as_of[int((1 - validation.test_share) * len(dataset))]
    # Ties go together, to the side of the test; if that leaves nothing before them, there is no time to split.
    return np.flatnonzero(dataset.as_of >= cut) if cut > dates[0] else None


def _rolling(
    dataset: Dataset, labels: NDArray[np.int64], train: Rows, validation: Validation, until: int
) -> tuple[Fold, ...]:
    """Rolling origins inside the teaching part, which knows what happened until a moment; empty where fewer than two are left."""
    as_of = dataset.as_of[train]
    if dataset.window:
        blocks = _blocks(dataset, as_of, until)
    else:
        # The newer half of the answers in equal parts, so that the first origin already has the older half to learn from.
        edges = as_of[(np.linspace(0.5, 1.0, validation.inner_folds + 1) * (len(as_of) - 1)).astype(np.int64)]
        limits = [*np.unique(edges)[:-1].tolist(), int(as_of[-1]) + 1]
        blocks = list(pairwise(limits))[::-1]
    folds: list[Fold] = []
    for start, stop in blocks:
        if len(folds) == validation.inner_folds:
            break
        before = as_of + purge(dataset) <= start if dataset.window else as_of < start
        ours, theirs = train[before], train[(as_of >= start) & (as_of < stop)]
        if _teaches(dataset, labels, ours, start) and _enough(labels[theirs], LEAST_PER_CLASS):
            folds.append((ours, theirs))
    return tuple(folds[::-1]) if len(folds) > 1 else ()


def _blocks(dataset: Dataset, as_of: NDArray[np.int64], until: int) -> list[tuple[int, int]]:
    """Dates of a grid that may be answered by what was known before them, newest first, as (from, to before).

    Of those who wait, dates whose every period is over by `until`; the newest takes the dates after it along, as far as they are.
    """
    dates = np.unique(as_of)
    if dataset.task != "survival":
        return [(int(date), int(date) + 1) for date in dates[::-1]]
    whole = dates[dates + dataset.window <= until]
    last = int(dates[-1]) + 1
    return [(int(date), last if place == 0 else int(date) + 1) for place, date in enumerate(whole[::-1])]


def purge(dataset: Dataset) -> int:
    """Microseconds after its as_of from which a row may teach: its label window; of those who wait, its first period."""
    return first_window(dataset.spec) if dataset.task == "survival" else dataset.window


def _teaches(dataset: Dataset, labels: NDArray[np.int64], rows: Rows, until: int) -> bool:
    """Whether rows are enough to teach by what is known at a moment: of those who wait, every period must have been seen."""
    if dataset.task != "survival":
        return _enough(labels[rows])
    known = periods(dataset, until).take(rows)
    last, happened = known.by(len(known.days))
    return _enough(happened.astype(np.int64)) and bool((known.risk[last] == len(known.days)).any())


def _enough(labels: NDArray[np.int64], rows: int = LEAST_ROWS) -> bool:
    """Whether there are enough rows, and enough of at least two classes."""
    counts = np.bincount(labels) if len(labels) else np.zeros(1, dtype=np.int64)
    return len(labels) >= rows and int((counts >= LEAST_PER_CLASS).sum()) >= 2
