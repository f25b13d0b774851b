"""Training sets: ``training/<target>.parquet``, one row per (customer, as_of) with its label and every feature.

Columns: customer_id, as_of (UTC; null in a flat table), label (churn 0/1, NPS score 0-10, money, or days: until
it happened, below zero those followed without it), then the features in
catalogue order, categories as text. Rows are sorted by as_of and customer_id. The schema's metadata carry what a reader needs
to turn the file back into a `Dataset`. The same tables and settings give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.util import hash_array

from configs.errors import DataError, NotReadyError
from configs.settings import Settings, Target, TimeToChurn
from features.build import build_several, learn_catalog
from features.catalog import Catalog
from features.company_learn import with_calendar
from features.rows import Rows
from features.schema import AS_OF, CUSTOMER_ID, LABEL, NO_AS_OF
from features.tables import Tables
from training.assemble import Engine, assemble
from training.columns import KEY, Content, codes_of
from training.periods import KNOWN_UNTIL
from training.targets import Task, rows_for, target_of, task_of
from training.writing import write_groups

FOLDER: Final = "training"
Progress = Callable[[str, float], None]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """A training set in memory.

    Parameters
    ----------
    target, task, spec
        Name of the target, ``binary`` | ``ordinal`` | ``amount`` | ``survival``, and its settings.
    customer_id, as_of, label
        Shape (n,): str objects, microseconds UTC (`NO_AS_OF` when flat), float64.
    X
        Shape (n, p), float64, C order: codes for categories, NaN for what is missing.
    catalog
        The p features.
    dropped
        Rows left out, by reason.
    digest
        Sha256 of the file.
    """

    target: str
    task: Task
    spec: dict[str, Any]
    customer_id: NDArray[np.object_]
    as_of: NDArray[np.int64]
    label: Array
    X: Array
    catalog: Catalog
    dropped: dict[str, int]
    digest: str = ""

    def __len__(self) -> int:
        return len(self.label)

    @property
    def flat(self) -> bool:
        """Whether the rows have no time."""
        return bool(len(self.as_of)) and int(self.as_of[0]) == NO_AS_OF

    @property
    def window(self) -> int:
        """Microseconds from as_of to the end of the label window: 0 where the label is known at as_of."""
        days = int(self.spec.get("lead_days", 0)) + int(self.spec.get("horizon_days", 0))
        return days * 86_400_000_000

    @property
    def customers(self) -> NDArray[np.int64]:
        """Number of each row's customer, (n,): the groups of folds and bootstraps."""
        codes = pa.array(self.customer_id, type=pa.string()).dictionary_encode().indices
        return np.asarray(codes.to_numpy(), dtype=np.int64)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Dataset:
        """The same set with these rows only."""
        return replace(
            self,
            customer_id=self.customer_id[rows],
            as_of=self.as_of[rows],
            label=self.label[rows],
            X=np.ascontiguousarray(self.X[rows]),
        )

    def select(self, catalog: Catalog) -> Array:
        """The matrix as another catalogue orders and codes it (n, its features); unseen categories are NaN.

        Raises
        ------
        DataError
            When a feature of the other catalogue is not in this set.
        """
        out = np.empty((len(self), len(catalog.features)))
        places = {name: place for place, name in enumerate(self.catalog.names)}
        for column, feature in enumerate(catalog.features):
            if places.get(feature.name) is None:
                raise DataError.missing_column(feature.name, self.catalog.names, where=f"training set of {self.target}")
            values = self.X[:, places[feature.name]]
            if feature.category:
                values = _recode(values, self.catalog.categories[feature.name], catalog.categories[feature.name])
            out[:, column] = values
        return out


def path_of(settings: Settings, name: str) -> Path:
    """Where a target's training set lies."""
    return settings.output / FOLDER / f"{name}.parquet"


def make(
    tables: Tables,
    settings: Settings,
    name: str,
    progress: Progress | None = None,
    *,
    engine: Engine = build_several,
    told: Callable[[str], None] | None = None,
) -> Path:
    """Build and write the training set of one target; returns the file.

    Parameters
    ----------
    tables, settings, name
        The company, its configuration, and the target.
    progress
        Told a message and the fraction that is done.
    engine
        Computes the features; this machine, unless another is named.
    told
        Told in one line what was made.

    Raises
    ------
    ConfigError, DataError
        When the target is not configured or the tables give nothing to learn from.
    """
    target = target_of(settings, name)
    labelled = rows_for(tables, settings, name)
    rows = labelled.rows
    catalog = with_calendar(learn_catalog(tables, settings, int(rows.as_of.max())), tables)
    if not catalog.features:
        raise DataError(
            "there is nothing to learn from: no table gives a feature",
            where=f"{settings.source.name}: data.tables",
            available=", ".join(sorted(tables.present)),
            next_move="add touchpoints, transactions, surveys, subscriptions, or attributes of customers",
        )
    content = Content(
        target=name,
        task=task_of(target),
        spec=_spec(tables, name, target),
        catalog=catalog,
        dropped=labelled.dropped,
    )
    path = path_of(settings, name)
    made = assemble(tables, rows, content, path, engine, progress)
    if told is not None:
        told(str(made))
    return path


def _spec(tables: Tables, name: str, target: Target) -> dict[str, Any]:
    """What the file says of its target: the settings, and for a curve over time how far ahead and until when it is known."""
    spec = {"name": name, **target.model_dump(mode="json")}
    if isinstance(target, TimeToChurn):
        spec |= {"horizon_days": target.horizon_days, KNOWN_UNTIL: tables.data_end}
    return spec


def write(dataset: Dataset, path: Path) -> None:
    """Write a training set under a temporary name, then give it its own: a reader never sees half a file."""
    content = Content(dataset.target, dataset.task, dataset.spec, dataset.catalog, dataset.dropped)
    rows = Rows(dataset.customer_id, dataset.as_of, dataset.label)

    def fill(_group: int, first: int, out: Array) -> None:
        out[:] = dataset.X[first : first + out.shape[1]].T

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    try:
        write_groups(content, rows, fill, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path | str, most_rows: int | None = None) -> Dataset:
    """A training set from its file; with `most_rows` only of so many customers, drawn by their ids, that about so many rows are read.

    Raises
    ------
    NotReadyError
        When the file is not there.
    DataError
        When it is not a training set of ours.
    """
    path = Path(path)
    if not path.is_file():
        have = sorted(item.stem for item in path.parent.glob("*.parquet")) if path.parent.is_dir() else []
        raise NotReadyError(
            f"the training set of '{path.stem}' is not there",
            where=str(path),
            available=", ".join(have),
            next_move="run 'moments features' first",
        )
    try:
        file = pq.ParquetFile(path)
        content = json.loads((file.schema_arrow.metadata or {})[KEY])
        catalog = Catalog.from_dict(content["catalog"], where=str(path))
        share = 1.0 if most_rows is None else min(1.0, most_rows / max(file.metadata.num_rows, 1))
        X, label, as_of, ids = _columns(file, catalog, share)
    except (pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"this is not a training set of this version ({type(error).__name__}: {error})",
            where=str(path),
            next_move="run 'moments features' again",
        ) from None
    with path.open("rb") as bytes_of:
        digest = hashlib.file_digest(bytes_of, "sha256").hexdigest()
    return Dataset(
        target=content["target"],
        task=content["task"],
        spec=content["spec"],
        customer_id=ids,
        as_of=as_of,
        label=label,
        X=X,
        catalog=catalog,
        dropped=content["dropped"],
        digest=digest,
    )


def _columns(
    file: pq.ParquetFile, catalog: Catalog, share: float
) -> tuple[Array, Array, NDArray[np.int64], NDArray[np.object_]]:
    """Features (n, p), labels, as_of and ids of a share of the customers, read group by group: beside the matrix one group is held."""
    drawn = [_drawn(file, group, share) for group in range(file.num_row_groups)]
    n = sum(len(rows) for rows in drawn)
    X = np.empty((n, len(catalog.features)))
    label, as_of, ids = np.empty(n), np.empty(n, dtype=np.int64), []
    first = 0
    for group, rows in enumerate(drawn):
        table = file.read_row_group(group)
        if len(rows) < table.num_rows:
            table = table.take(rows)
        last = first + table.num_rows
        # Columns side by side first, then turned at once: rows are what the learner and the bundle read.
        block = np.empty((len(catalog.features), table.num_rows))
        for place, feature in enumerate(catalog.features):
            values = table.column(feature.name)
            if feature.category:
                block[place] = codes_of(values, catalog.categories[feature.name])
            else:
                block[place] = values.to_numpy()
        X[first:last] = block.T
        label[first:last] = table.column(LABEL).to_numpy()
        as_of[first:last] = pc.fill_null(table.column(AS_OF).cast(pa.int64()), NO_AS_OF).to_numpy()
        ids += table.column(CUSTOMER_ID).chunks
        first = last
    # An id is one object however many rows it has.
    known = pa.chunked_array(ids, pa.string()).dictionary_encode().combine_chunks()
    names = known.dictionary.to_numpy(zero_copy_only=False).astype(object)
    return X, label, as_of, names[known.indices.to_numpy()]


def _drawn(file: pq.ParquetFile, group: int, share: float) -> NDArray[np.int64]:
    """Rows of a group whose customers are among those drawn; the same customers in every group, and next time."""
    rows = np.arange(file.metadata.row_group(group).num_rows)
    if share >= 1.0:
        return rows
    ids = file.read_row_group(group, columns=[CUSTOMER_ID]).column(CUSTOMER_ID).to_pandas()
    return rows[hash_array(ids.to_numpy(dtype=object)) < np.uint64(share * 2.0**64)]


def _recode(codes: Array, ours: tuple[str, ...], theirs: tuple[str, ...]) -> Array:
    """Codes of our categories as codes of theirs."""
    new = {name: float(code) for code, name in enumerate(theirs)}
    table = np.array([new.get(name, np.nan) for name in ours] + [np.nan])
    places = np.where(np.isnan(codes), len(ours), codes).astype(np.int64)
    found: Array = table[places]
    return found
