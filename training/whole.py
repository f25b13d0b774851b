"""A training set that is larger than memory: it stays in its file, and a model is grown on all of its rows.

What is chosen and judged (columns, preset, rounds, calibration, every figure) is chosen and judged on a sample of whole customers,
which a matrix in memory holds. Then the judged model and the one that ships are grown with that choice on every row: labels and
dates are held, features are read group by group into LightGBM's bins (one byte for a number, in place of eight), twice: a sample of
rows to make the bins, all rows to fill them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import lightgbm as lgb
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from configs.errors import ConfigError
from configs.settings import Learner as Options
from configs.settings import Settings
from features.catalog import Catalog
from features.schema import AS_OF, LABEL, NO_AS_OF
from training.columns import codes_of
from training.dataset import Dataset
from training.date_levels import beside_dates
from training.extras import require
from training.growth import Growth
from training.learner import Preset, workers
from training.periods import periods
from training.questions import Form, Question, questions
from training.split import purge

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Places = NDArray[np.int64]
Engine = Literal["local", "chunked", "dask"]

COPIES: Final = 2.5
"""Matrices of float64 that a training in memory holds at once: the set, the teaching rows, and the bins of both."""
BATCH: Final = 16_384
"""Rows that go into the bins at once."""


class Grow(Protocol):
    """Grows a model on some rows of a file."""

    def __call__(
        self, whole: Whole, preset: Preset, question: Question, rounds: int, rows: Rows, columns: Columns
    ) -> lgb.Booster:
        """A model of so many rounds of the question about these rows (their numbers, rising)."""


@dataclass(frozen=True)
class Columns:
    """Which columns of the file teach (places in its catalogue), and which of these are categories (places among them)."""

    kept: Places
    categories: tuple[int, ...]


@dataclass(frozen=True)
class Whole:
    """A training set's file with its labels (n,) and dates (n,), and how models are grown on it."""

    path: Path
    catalog: Catalog
    label: Array
    as_of: NDArray[np.int64]
    options: Options
    seed: int
    grow: Grow
    name: Engine = "chunked"

    def __len__(self) -> int:
        return len(self.label)

    @property
    def limits(self) -> list[int]:
        """First row of each group of the file, and the number of rows at the end."""
        data = pq.read_metadata(self.path)
        sizes = [data.row_group(group).num_rows for group in range(data.num_row_groups)]
        return list(itertools.accumulate(sizes, initial=0))

    def before(self, dataset: Dataset, moment: int) -> Rows:
        """Rows that may teach what is judged at a moment (microseconds UTC), by the rules of `training.split`."""
        ends = self.as_of + purge(dataset) <= moment if dataset.window else self.as_of < moment
        return np.flatnonzero(ends)

    def asked(
        self, dataset: Dataset, form: Form, rows: Rows, until: int | None, *, level: bool
    ) -> tuple[Question, ...]:
        """The questions about some rows, as a sample of the set asks them: what was known at a moment, and beside each date's level."""
        shell = replace(
            dataset,
            customer_id=dataset.customer_id[:0],
            label=self.label[rows],
            as_of=self.as_of[rows],
            X=dataset.X[:0],
        )
        asked = questions(shell, form)
        if dataset.task == "survival":
            asked = (replace(asked[0], y=periods(shell, until).code.astype(np.float64)),)
        return tuple(beside_dates(item, shell.as_of) for item in asked) if level else asked

    def booster(self, preset: Preset, question: Question, rounds: int, rows: Rows, columns: Columns) -> lgb.Booster:
        """A model of so many rounds of the question about some rows."""
        return self.grow(self, preset, question, rounds, rows, columns)


def check(settings: Settings, path: Path, engine: Engine) -> None:
    """Refuse a training that cannot be done this way, before anything is read.

    Raises
    ------
    ConfigError
        A matrix that does not fit into memory, a setting that needs all rows in memory, or a library that is not installed.
    """
    if engine == "local":
        if path.is_file():
            _fits(path)
        return
    if settings.learner.catboost:
        raise ConfigError(
            f"the average with CatBoost needs all rows in memory, which --engine {engine} does not hold",
            where=f"{settings.source.name}: learner.catboost",
            available="LightGBM's presets, with learner.catboost at false",
            next_move="set learner.catboost to false, or train without --engine",
        )
    if engine == "dask":
        require("distributed", "Dask", "--engine dask", "dask", "--engine local and chunked")


def _fits(path: Path) -> None:
    """The matrix and what a training holds beside it must fit into this machine."""
    data = pq.read_metadata(path)
    needed = COPIES * 8 * data.num_rows * data.num_columns
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise ConfigError(
            f"a training in memory needs about {needed / 1e9:.0f} GB for {data.num_rows:,} rows of {data.num_columns} columns",
            where=str(path),
            available=f"{memory / 1e9:.0f} GB of memory",
            next_move="train with --engine chunked, which reads the file group by group",
        )


def open_whole(path: Path, catalog: Catalog, options: Options, seed: int, engine: Engine) -> Whole:
    """A training set's file; labels and dates are read."""
    table = pq.read_table(path, columns=[LABEL, AS_OF])
    as_of = pc.fill_null(table.column(AS_OF).cast("int64"), NO_AS_OF).to_numpy()
    grow: Grow = chunked
    if engine == "dask":
        from training.whole_dask import distributed

        grow = distributed
    return Whole(path, catalog, table.column(LABEL).to_numpy(), as_of, options, seed, grow, engine)


def chunked(whole: Whole, preset: Preset, question: Question, rounds: int, rows: Rows, columns: Columns) -> lgb.Booster:
    """Grow a model on this machine, with the file read group by group."""
    parameters = preset.parameters(question.objective, whole.seed) | {"num_threads": workers(whole.options)}
    reader = Reader(whole.path, whole.catalog, columns.kept)
    limits = whole.limits
    parts = [rows[slice(*np.searchsorted(rows, [first, last]))] - first for first, last in _pairs(limits)]
    data = lgb.Dataset(
        [Group(reader, number, part) for number, part in enumerate(parts) if len(part)],
        label=question.y,
        init_score=question.offset,
        categorical_feature=list(columns.categories),
        params=parameters,
    )
    growth = Growth(parameters, data.construct())
    for _ in range(rounds):
        growth.update()
    return growth.finished()


@dataclass
class Reader:
    """Reads groups of rows as matrices, and remembers the last one."""

    path: Path
    catalog: Catalog
    kept: Places
    _number: int = -1
    _matrix: Array = field(default_factory=lambda: np.empty((0, 0)))

    def read(self, number: int) -> Array:
        """Features (rows, kept) of a group, float64: codes for categories, NaN for what is missing."""
        if number != self._number:
            features = [self.catalog.features[place] for place in self.kept]
            with pq.ParquetFile(self.path) as file:
                table = file.read_row_group(number, columns=[feature.name for feature in features])
            block = np.empty((len(features), table.num_rows))
            for place, feature in enumerate(features):
                values = table.column(feature.name)
                known = self.catalog.categories.get(feature.name)
                block[place] = values.to_numpy() if known is None else codes_of(values, known)
            self._number, self._matrix = number, np.ascontiguousarray(block.T)
        return self._matrix


class Group(lgb.Sequence):
    """Some rows of a group of the file, as LightGBM reads them."""

    batch_size = BATCH

    def __init__(self, reader: Reader, number: int, rows: Rows) -> None:
        self._reader, self._number, self._rows = reader, number, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int | slice | list[int]) -> Any:
        """Rows by number, range or list."""
        return self._reader.read(self._number)[self._rows[index]]


def _pairs(limits: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(limits))
