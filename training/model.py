"""From a training set and its split to held-out answers and to the bundle that ships.

Every held-out answer comes from a model, a choice of preset and rounds, and a calibration that did not see the row's label.
The model that ships is the same choice refitted on every labelled row, with somewhat more rounds where it has more rows.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from configs.settings import Settings
from training.bundle import Bundle
from training.choose import Choice, Contest, category_places
from training.data_size import Sizes, data_size
from training.dataset import Dataset
from training.date_levels import DateLevels, beside_dates, learn, parts_of, windows_of
from training.forms import Rivals, rivals
from training.learner import Learner, describe, predict_raw, quiet, scaled_rounds, workers
from training.learning import Learning, learning
from training.left_out import Columns, useful_columns
from training.level import Dates, apart
from training.periods import KNOWN_UNTIL
from training.questions import Calibration, Form, Question, calibrated, questions
from training.random_split import Compared, random_split
from training.split import Rows, Split
from training.targets.grid import iso
from training.targets.nps import classes
from training.whole import Columns as TeachingColumns
from training.whole import Whole

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]
GOLDEN_ROWS: Final = 8


@dataclass(frozen=True)
class Origin:
    """A rolling origin inside the teaching rows: the rows it answered, its calibrated scores (rows, answers), rows it was taught."""

    rows: Rows
    margins: Array
    taught: int


@dataclass(frozen=True)
class HeldOut:
    """Answers to rows whose labels nothing had seen.

    Parameters
    ----------
    rows
        Per repeat, the rows that were answered.
    margins
        Per repeat, their calibrated scores (rows, questions).
    calibration
        Slopes and intercept per question, of a time to churn per period.
    choice
        Preset and rounds, from all folds.
    columns
        Which columns taught.
    season
        What was added to the log-odds of each judged as_of date for its season, by ISO date: once, of a time to churn for each period.
    form, forms
        How the target was asked, and the mean out-of-fold ranked probability score of each form that was tried.
    origins
        What the rolling origins inside the teaching rows answered, oldest first; empty where there are none.
    boosters
        The judged model, one per question; none with folds, where there are many.
    """

    rows: tuple[Rows, ...]
    margins: tuple[Array, ...]
    calibration: Calibration
    choice: Choice
    columns: Columns
    season: dict[str, tuple[float, ...]] = field(default_factory=dict)
    form: Form = "plain"
    forms: dict[str, float] = field(default_factory=dict)
    origins: tuple[Origin, ...] = ()
    boosters: tuple[lgb.Booster, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """The models of all labelled rows (one per question), their columns and rounds, what was held out before, and how it was learnt.

    `rows` is the number of rows that taught the models.
    `sizes` says what fewer customers would have taught, where that is asked for; `random` how a random split would have judged churn.
    """

    held: HeldOut
    boosters: tuple[lgb.Booster, ...]
    columns: Columns
    rounds: tuple[int, ...]
    learning: tuple[Learning, ...] = ()
    rows: int = 0
    sizes: Sizes | None = None
    random: Compared | None = None


def fit(
    dataset: Dataset, split: Split, settings: Settings, progress: Progress | None = None, whole: Whole | None = None
) -> Fitted:
    """Choose on the folds, answer the held-out rows, calibrate, refit on every row.

    Parameters
    ----------
    dataset, split
        The rows and how they are divided.
    settings
        Presets, seed and threads.
    progress
        Told a message and a fraction of this step.
    whole
        The set of which these rows are a sample, where models are grown on all of it.

    Raises
    ------
    DataError
        When no feature varies.
    LeakageError
        When a column tells of earlier customers what is not known of later ones, see `training.random_split`.
    """
    tell = progress or (lambda _message, _share: None)
    raced = rivals(dataset, split, settings, lambda message, share: tell(message, 0.7 * share))
    found = raced.winner
    sizes = None
    if settings.validation.data_size:
        customers = dataset.customers[split.train]
        sizes = data_size(found, customers, settings.seed, lambda message, share: tell(message, 0.7 + 0.1 * share))
    tell("refitting", 0.8)
    # The judged model and the shipped one are two trainings of one thread each: side by side they take the time of one.
    with ThreadPoolExecutor(workers(settings.learner), initializer=quiet) as pool:
        shipped = pool.submit(_refit, dataset, found, settings, whole)
        if whole is not None:
            # One after the other: each takes every thread, and memory for its bins.
            shipped.result()
        held = _out_of_time(dataset, split, found, whole) if split.out_of_time else _folds(raced, split)
        boosters, columns, rounds = shipped.result()
    tell("comparing with a random split", 0.95)
    random = random_split(dataset, split, found, held.margins[0][:, 0], settings.seed)
    tell("refitted", 1.0)
    taught = len(dataset) if whole is None else len(whole)
    held = replace(held, form=found.form, forms=raced.scores, origins=_origins(dataset, split, found))
    return Fitted(held, boosters, columns, rounds, learning(found.curves, found.asked), taught, sizes, random)


def ship(
    dataset: Dataset, fitted: Fitted, settings: Settings, *, answers: Array, validation: str
) -> tuple[Bundle, Array]:
    """The bundle (unsaved) and its golden rows.

    `answers` are the held-out predictions that percentiles and bands refer to: what customers of the newest judged period
    got from a model that had not seen them.
    """
    held, kept = fitted.held, fitted.columns.kept
    catalog = dataset.catalog.select(dataset.catalog.names[place] for place in kept)
    X = dataset.X[:, kept]
    calibration, recent, season = held.calibration, np.zeros(1), np.zeros(1)
    if held.season:
        # The first customers to be scored are those of the moment when the labels end.
        end = int(dataset.spec.get(KNOWN_UNTIL, int(dataset.as_of.max()) + dataset.window))
        slopes = tuple(row[0] for row in calibration)
        raw = predict_raw(fitted.boosters[0], X)
        known = _levels(dataset, raw, slopes, questions(dataset, held.form)[0], dataset.as_of)
        recent, (season,) = known.foreseen([end])
        calibration = tuple(zip(slopes, (recent + season).tolist(), strict=True))
    limits = {"medium": settings.scores.medium_quantile, "high": settings.scores.high_quantile}
    bundle = Bundle(
        target=dataset.target,
        task=dataset.task,
        spec=dataset.spec,
        catalog=catalog,
        models=tuple(booster.model_to_string() for booster in fitted.boosters),
        calibration=calibration,
        quantiles=tuple(np.quantile(answers, np.linspace(0, 1, 101)).tolist()),
        reference=_usual(X, catalog.names, catalog.categories),
        base_rate=float(dataset.label.mean()) if dataset.task == "binary" else None,
        class_rates=class_rates(dataset.label) if dataset.task == "ordinal" else None,
        bands={band: float(np.quantile(answers, at)) for band, at in limits.items()}
        if dataset.task == "binary"
        else {},
        data_from=None if dataset.flat else iso(int(dataset.as_of.min())),
        data_until=_until(dataset),
        dropped=fitted.columns.dropped,
        details={
            "validation": validation,
            "form": held.form,
            "preset": describe(held.choice.preset),
            "rounds": list(fitted.rounds),
            "rows": fitted.rows,
            "level": float(recent[0]),
            "season": float(season[0]),
            "dropped": dataset.dropped,
        },
    )
    return bundle, _golden(X, settings.seed)


def as_judged(
    dataset: Dataset, division: Split, held: HeldOut, shipped: Bundle, settings: Settings
) -> tuple[Bundle, Array] | None:
    """The judged model as a bundle (unsaved) with its golden rows; None with folds, where every row has another.

    It never answers a customer. It meets the challengers to come: the shipped model has learnt from the very rows on which they
    are judged, this one from none after `data_until`, the first judged as_of.
    """
    if not held.boosters:
        return None
    train, kept = division.train, held.columns.kept
    catalog = dataset.catalog.select(dataset.catalog.names[place] for place in kept)
    X = dataset.X[np.ix_(train, kept)]
    calibration = held.calibration
    if held.season:
        # Rows after the judged ones: the season last foreseen is the nearest that was known.
        last = held.season[max(held.season)]
        calibration = tuple((slope, recent + move) for (slope, recent), move in zip(calibration, last, strict=True))
    judged = replace(
        shipped,
        catalog=catalog,
        models=tuple(booster.model_to_string() for booster in held.boosters),
        calibration=calibration,
        reference=_usual(X, catalog.names, catalog.categories),
        base_rate=None if shipped.base_rate is None else float(dataset.label[train].mean()),
        class_rates=class_rates(dataset.label[train]) if dataset.task == "ordinal" else None,
        data_until=iso(int(dataset.as_of[division.test].min())),
        dropped=held.columns.dropped,
    )
    return judged, _golden(X, settings.seed)


def class_rates(label: Array) -> tuple[float, ...]:
    """Shares of detractors, passives and promoters among ratings (n,), none of them zero."""
    counts = np.bincount(classes(label), minlength=3) + 1.0
    return tuple((counts / counts.sum()).tolist())


def _refit(
    dataset: Dataset, found: Contest, settings: Settings, whole: Whole | None
) -> tuple[tuple[lgb.Booster, ...], Columns, tuple[int, ...]]:
    """The choice on all rows."""
    n = len(dataset) if whole is None else len(whole)
    rounds = tuple(scaled_rounds(count, found.fold_rows, n) for count in found.choice.rounds)
    columns = useful_columns(dataset.X, dataset.catalog.names, dataset.as_of, found.columns.levels)
    if whole is not None:
        return _grown(dataset, found, whole, np.arange(n), None, columns, rounds), columns, rounds
    X = np.ascontiguousarray(dataset.X[:, columns.kept])
    asked = questions(dataset, found.form)
    if found.asked[0].offset is not None:
        asked = tuple(beside_dates(item, dataset.as_of) for item in asked)
    learner = Learner(X, category_places(dataset, columns), settings.learner, settings.seed)
    boosters = tuple(
        learner.fit(found.choice.preset, question, count) for question, count in zip(asked, rounds, strict=True)
    )
    return boosters, columns, rounds


def _grown(
    dataset: Dataset,
    found: Contest,
    whole: Whole,
    rows: Rows,
    until: int | None,
    columns: Columns,
    rounds: tuple[int, ...],
) -> tuple[lgb.Booster, ...]:
    """The choice on rows of a file, as far as they were known at a moment."""
    teaching = TeachingColumns(columns.kept, tuple(category_places(dataset, columns)))
    asked = whole.asked(dataset, found.form, rows, until, level=found.asked[0].offset is not None)
    return tuple(
        whole.booster(found.choice.preset, question, count, rows, teaching)
        for question, count in zip(asked, rounds, strict=True)
    )


def _folds(raced: Rivals, split: Split) -> HeldOut:
    found = raced.winner
    margins, calibration = raced.crosswise(split.repeats)
    return HeldOut((split.train,) * split.repeats, margins, calibration, found.choice, found.columns)


def _out_of_time(dataset: Dataset, split: Split, found: Contest, whole: Whole | None) -> HeldOut:
    """The choice on the teaching rows, answering the judged rows."""
    test = dataset.X[np.ix_(split.test, found.columns.kept)]
    until = int(dataset.as_of[split.test].min())
    rows = split.train if whole is None else whole.before(dataset, until)
    rounds = tuple(scaled_rounds(count, found.fold_rows, len(rows)) for count in found.choice.rounds)
    if whole is not None:
        boosters = _grown(dataset, found, whole, rows, until, found.columns, rounds)
    else:
        boosters = tuple(
            found.learner.fit(found.choice.preset, question, count)
            for question, count in zip(found.asked, rounds, strict=True)
        )
    scores = np.column_stack([predict_raw(booster, test) for booster in boosters])
    if not apart(dataset, split):
        calibration = found.calibration()
        margins = calibrated(calibration, scores)
        return HeldOut((split.test,), (margins,), calibration, found.choice, found.columns, boosters=boosters)
    as_of = dataset.as_of[split.train]
    slopes = found.slopes(as_of, len(windows_of(dataset)))
    known = _levels(dataset, predict_raw(boosters[0], found.learner.X), slopes, found.asked[0], as_of)
    margins, recent, season = _with_level(scores, known, dataset.as_of[split.test])
    calibration = tuple(zip(slopes, recent.tolist(), strict=True))
    return HeldOut((split.test,), (margins,), calibration, found.choice, found.columns, season, boosters=boosters)


def _levels(dataset: Dataset, raw: Array, slopes: tuple[float, ...], question: Question, as_of: Dates) -> DateLevels:
    """The levels of dates (n,) that rows with these raw scores (n,) teach."""
    windows = windows_of(dataset)
    return learn(raw, slopes, parts_of(question, len(windows)), as_of, windows)


def _with_level(raw: Array, known: DateLevels, as_of: Dates) -> tuple[Array, Array, dict[str, tuple[float, ...]]]:
    """Raw scores (n, 1) of rows of these dates as log-odds (n, parts) with the level that known dates foresee.

    Also that level (parts,), and the season's part by date.
    """
    dates, number = np.unique(as_of, return_inverse=True)
    recent, moves = known.foreseen(dates.tolist())
    margins = raw * np.array(known.slopes) + (recent + moves)[number]
    return margins, recent, {iso(date): tuple(move) for date, move in zip(dates.tolist(), moves.tolist(), strict=True)}


def _origins(dataset: Dataset, split: Split, found: Contest) -> tuple[Origin, ...]:
    """What each rolling origin answered, calibrated without looking at its own outcomes (but for the slope where a level is foreseen)."""
    if not split.rolling:
        return ()
    places = [(split.train[ours], split.train[theirs]) for ours, theirs in found.folds]
    if not apart(dataset, split):
        answered = found.in_turn()
    else:
        slopes = found.slopes(dataset.as_of[split.train], len(windows_of(dataset)))
        rounds = found.choice.rounds[0]
        answered = []
        for number, (ours, _) in enumerate(found.folds):
            curve = found.curves[found.choice.preset][0]
            taught, asked = places[number]
            raw = found.learner.score(curve.boosters[number], ours, curve.trees(rounds))
            question = found.asked[0].teaching(number).take(ours)
            known = _levels(dataset, raw, slopes, question, dataset.as_of[taught])
            answered.append(_with_level(found.scores(found.choice, number), known, dataset.as_of[asked])[0])
    return tuple(Origin(asked, margins, len(taught)) for (taught, asked), margins in zip(places, answered, strict=True))


def _until(dataset: Dataset) -> str | None:
    """The end of what the labels know."""
    if dataset.flat:
        return None
    end = int(dataset.as_of.max()) + dataset.window
    return iso(min(end, int(dataset.spec.get(KNOWN_UNTIL, end))))


def _usual(X: Array, names: tuple[str, ...], texts: dict[str, tuple[str, ...]]) -> dict[str, float | str | None]:
    """The usual value of each feature: the median, the most frequent category, or None where all are missing."""
    usual: dict[str, float | str | None] = {}
    for place, name in enumerate(names):
        values = X[~np.isnan(X[:, place]), place]
        if not len(values):
            usual[name] = None
        elif name in texts:
            usual[name] = texts[name][int(np.bincount(values.astype(np.int64)).argmax())]
        else:
            usual[name] = float(np.median(values))
    return usual


def _golden(X: Array, seed: int) -> Array:
    """Rows for the bundle's self-test: every column drawn on its own, so that no row is a customer's; the last is all missing."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack([X[rng.integers(0, len(X), GOLDEN_ROWS - 1), column] for column in range(X.shape[1])])
    return np.vstack([rows, np.full(X.shape[1], np.nan)])
