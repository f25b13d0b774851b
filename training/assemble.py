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
from contextlib import closing, contextmanager, suppress
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
from features.known import columns_read, known_of
from features.rows import Rows
from features.tables import Tables
from training.columns import Content
from training.pieces import Pieces
from training.reuse import Earlier, find, remember

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
    """What was made, in numbers.

    Parameters
    ----------
    rows, features, pieces
        Shape of the set, and in how many pieces it was computed.
    resumed
        Rows that an interrupted run had left.
    stayed, again
        Rows taken over from the last training set, and how many of their features were computed again.
    scratch
        Why nothing of the last training set stayed; empty if there was none, or something did.
    """

    rows: int
    features: int
    pieces: int
    resumed: int
    stayed: int = 0
    again: int = 0
    scratch: str = ""

    def __str__(self) -> str:
        """One line for the outcome of the step."""
        line = f"{self.rows:,} rows, {self.features:,} features, {self.pieces:,} parts"
        if self.resumed:
            line += f", {self.resumed:,} rows resumed from an earlier run"
        if self.stayed:
            line += f", {self.stayed:,} rows taken over from the last training set"
            line += f" ({self.again:,} of their features computed again)" if self.again else ""
        return f"{line}; everything computed anew: {self.scratch}" if self.scratch else line


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
    catalog = content.catalog
    with _storage(path, folder):
        tell("comparing with the last training set", 0.0)
        facts = {"code": code_digest(), "columns": columns_read(tables)}
        known = known_of(tables, rows)
        earlier = None if known is None else find(path, rows, catalog, known, facts)
        old = earlier if isinstance(earlier, Earlier) else None
        key = _key(tables, rows, catalog) | {"earlier": None if old is None else [old.checksum, list(old.changed)]}
        works = [_Work("new", catalog, np.arange(len(rows)) if old is None else np.flatnonzero(~old.stays))]
        if old is not None and old.changed:
            works.append(_Work("changed", catalog.select(old.changed), np.flatnonzero(old.stays)))
        resumed = 0
        pieces = {}
        for place, work in enumerate(works):
            told = _within(tell, _COMPUTING * place / len(works), _COMPUTING * (place + 1) / len(works))
            pieces[work.name], found = work.compute(folder, key, tables, rows, content.group_rows, engine, told)
            resumed += found
        (folder / "new").mkdir(parents=True, exist_ok=True)
        draft = folder / f"{path.name}.draft"
        try:
            fill = _filler(content, catalog, pieces, old)
            write_groups(content, rows, fill, draft, _within(tell, _COMPUTING, 1.0))
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
        if known is not None:
            # The set is there; without what its rows knew, the next one is computed anew.
            with suppress(OSError):
                remember(path, known, facts)
    return Made(
        rows=len(rows),
        features=len(catalog.features),
        pieces=sum(len(item) for item in pieces.values()),
        resumed=resumed,
        stayed=0 if old is None else int(old.stays.sum()),
        again=0 if old is None else len(old.changed),
        scratch=earlier if isinstance(earlier, str) else "",
    )


@dataclass(frozen=True)
class _Work:
    """Some lines of the rows, and the features that are computed of them."""

    name: str
    catalog: Catalog
    lines: NDArray[np.int64]

    def compute(
        self,
        folder: Path,
        key: dict[str, Any],
        tables: Tables,
        rows: Rows,
        group_rows: int,
        engine: Engine,
        progress: Progress,
    ) -> tuple[Pieces, int]:
        """The finished pieces, and how many lines were finished before."""
        pieces = Pieces(
            folder / self.name, key, rows=len(rows), features=len(self.catalog.features), group_rows=group_rows
        )
        missing = np.intersect1d(self.lines, pieces.missing, assume_unique=True)
        done = len(self.lines) - len(missing)
        if len(missing):
            part = rows if len(missing) == len(rows) else rows.take(missing)
            told = _within(progress, done / len(self.lines), 1.0)
            for lines, matrix in _computed(engine, tables, part, self.catalog, told):
                pieces.add(missing[lines], matrix)
        left = np.intersect1d(self.lines, pieces.missing, assume_unique=True)
        if len(left):
            raise RuntimeError(f"the engine gave no features for {len(left)} of {len(rows)} rows")
        return pieces, done


def _filler(
    content: Content, catalog: Catalog, pieces: dict[str, Pieces], old: Earlier | None
) -> Callable[[int, Array], None]:
    """What puts the features of a group together: computed ones, those that stayed, and those of them computed again."""
    places = [] if old is None else [catalog.index(name) for name in old.changed]

    def fill(group: int, out: Array) -> None:
        pieces["new"].fill(group, out)
        if old is not None:
            first = group * content.group_rows
            old.fill(first, out)
            if places:
                room = np.empty((len(places), out.shape[1]))
                pieces["changed"].fill(group, room)
                stays = np.flatnonzero(old.stays[first : first + out.shape[1]])
                for place, values in zip(places, room, strict=True):
                    out[place, stays] = values[stays]

    return fill


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
