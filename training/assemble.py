"""How ``training/<target>.parquet`` is made: features come in pieces, pieces go to disk, the file is put together from them.

What is held at once is a piece, or a group of rows of the file: memory does not grow with the number of customers, beside the
small index of rows. Pieces outlive a kill (see `training.pieces`), and the next run computes what is missing. The file appears
under its name when it is whole; until then the old one stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import features
from configs.errors import StorageError
from features.catalog import Catalog
from features.rows import Rows
from features.tables import Tables
from training.columns import Content
from training.pieces import Pieces

WORK: Final = ".work"
"""Folder beside the training sets that holds what is not finished; gone when it is."""

_COMPUTING: Final = 0.85
"""Share of the work that is done before the file is put together."""

Progress = Callable[[str, float], None]
Array = NDArray[np.float64]
Engine = Callable[[Tables, Rows, Catalog, Progress | None], Iterator[tuple[NDArray[np.int64], Array]]]
"""What computes features: part after part, lines of the rows (int64, ascending) and their features (lines, features)."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: how many rows of how many features, of how many pieces, and how many rows an earlier run had left."""

    rows: int
    features: int
    pieces: int
    resumed: int

    def __str__(self) -> str:
        """One line for the outcome of the step."""
        resumed = f", {self.resumed:,} rows resumed from an earlier run" if self.resumed else ""
        return f"{self.rows:,} rows, {self.features:,} features, {self.pieces:,} parts{resumed}"


def assemble(
    tables: Tables, rows: Rows, content: Content, path: Path, engine: Engine, progress: Progress | None = None
) -> Made:
    """Compute the features of rows and write them to a training set.

    Parameters
    ----------
    tables
        The company's canonical tables.
    rows
        Sorted by as_of and customer, with labels.
    content
        What the file says of itself, its features among it.
    path
        The file.
    engine
        Computes the features.
    progress
        Told a message and the fraction that is done.

    Raises
    ------
    StorageError
        When the disk is full or cannot be written. The old file is as it was; what is finished is kept for the next run.
    """
    tell = progress or (lambda _message, _share: None)
    folder = path.parent / WORK / path.stem
    with _storage(path, folder):
        pieces = Pieces(
            folder,
            _key(tables, rows, content.catalog),
            rows=len(rows),
            features=len(content.catalog.features),
            group_rows=content.group_rows,
        )
        missing = pieces.missing
        resumed = len(rows) - len(missing)
        if len(missing):
            part = rows if not resumed else rows.take(missing)
            told = _within(tell, resumed / len(rows) * _COMPUTING, _COMPUTING)
            for lines, matrix in _computed(engine, tables, part, content.catalog, told):
                pieces.add(missing[lines], matrix)
        left = pieces.missing
        if len(left):
            raise RuntimeError(f"the engine gave no features for {len(left)} of {len(rows)} rows")
        draft = folder / f"{path.name}.draft"
        try:
            write_groups(content, rows, pieces.fill, draft, _within(tell, _COMPUTING, 1.0))
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    made = Made(len(rows), len(content.catalog.features), len(pieces), resumed)
    pieces.remove()
    return made


def write_groups(
    content: Content, rows: Rows, fill: Callable[[int, Array], None], path: Path, progress: Progress | None = None
) -> None:
    """Write a training set group by group: `fill` puts the features of a group into an array (features, rows)."""
    size = content.group_rows
    starts = range(0, len(rows), size)
    room = np.empty((len(content.catalog.features), min(size, max(1, len(rows)))))
    label = np.full(len(rows), np.nan) if rows.label is None else rows.label
    with content.writer(path) as writer:
        for group, first in enumerate(starts):
            last = min(first + size, len(rows))
            # Rows of the last group lie as densely as those of the others: a view of the room would not.
            out = room if last - first == room.shape[1] else np.empty((len(room), last - first))
            fill(group, out)
            writer.write_table(content.group(rows.ids(first, last), rows.as_of[first:last], label[first:last], out))
            if progress is not None:
                progress("writing", last / len(rows))
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _computed(
    engine: Engine, tables: Tables, rows: Rows, catalog: Catalog, progress: Progress
) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """The engine's parts; what stops it from writing its own temporary files is told as such."""
    with closing(engine(tables, rows, catalog, progress)) as parts:  # type: ignore[type-var] # every engine is a generator
        while True:
            try:
                part = next(parts, None)
            except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
                raise _temporary(error) from error
            if part is None:
                return
            yield part


def _temporary(error: Exception) -> StorageError:
    where = tempfile.gettempdir()
    move = "make room there, or set TMPDIR to a folder on a larger disk, and run again: what is finished is kept"
    if isinstance(error, OSError):
        return StorageError.of(error, where=f"{where} (temporary files)", next_move=move)
    return StorageError(str(error).splitlines()[0].rstrip("."), where=f"{where} (temporary files)", next_move=move)


@contextmanager
def _storage(path: Path, folder: Path) -> Iterator[None]:
    """Say in one sentence that the disk is full."""
    try:
        yield
    except OSError as error:
        free = _free(folder)
        raise StorageError.of(
            error,
            where=str(path),
            next_move=f"make room on this disk{free} and run again: the finished parts in {folder} are kept and not "
            "computed again (delete that folder to give them up)",
        ) from error


def _free(folder: Path) -> str:
    try:
        return f" ({shutil.disk_usage(folder).free / 2**20:,.0f} MB are free)"
    except OSError:
        return ""


def _within(progress: Progress, low: float, high: float) -> Progress:
    def inner(message: str, share: float) -> None:
        progress(message, low + (high - low) * share)

    return inner


def _key(tables: Tables, rows: Rows, catalog: Catalog) -> dict[str, Any]:
    """Everything that features depend on: the tables, the rows, the catalogue, and the code that computes them."""
    content = Content("", "", {}, catalog, {}).to_json()
    return {
        "tables": tables.digests(),
        "data": repr(sorted(tables.columns.items())),
        "rows": _rows_digest(rows),
        "catalog": hashlib.sha256(content).hexdigest(),
        "code": code_digest(),
    }


def _rows_digest(rows: Rows) -> str:
    whole = hashlib.sha256(pa.compute.binary_length(rows.names).to_numpy().tobytes())
    for block in range(0, len(rows.names), 1 << 16):
        whole.update("".join(rows.names[block : block + (1 << 16)].to_pylist()).encode())
    whole.update(rows.number.tobytes())
    whole.update(rows.as_of.tobytes())
    return whole.hexdigest()


@cache
def code_digest() -> str:
    """Digest of the code that computes features, and of the libraries it computes with."""
    whole = hashlib.sha256(f"{np.__version__} {pa.__version__} {duckdb.__version__}".encode())
    root = Path(str(features.__file__)).parent
    for path in sorted(root.rglob("*.py")):
        whole.update(path.relative_to(root).as_posix().encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()
