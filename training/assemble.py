"""How ``training/<target>.parquet`` is made: features come in pieces, pieces go to disk, the file is put together from them.

What is held at once is a piece, or a group of rows of the file: memory does not grow with the number of customers, beside the
small index of rows. Pieces outlive a kill (see `training.pieces`), and the next run computes what is missing. The file appears
under its name when it is whole; until then the old one stays.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
from training.writing import put_together

WORK: Final = ".work"
"""Folder beside the training sets that holds what is not finished; gone when it is."""

_WRITERS: Final = ("columns", "footer", "stitch", "writing")
"""Modules beside this one that decide which bytes a feature becomes."""

_COMPUTING: Final = 0.85
"""Share of the work that is done before the file is put together."""

Progress = Callable[[str, float], None]
Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Engine = Callable[[Tables, Sequence[tuple[Catalog, Rows]], Progress | None], Iterator[tuple[int, Ints, Array]]]
"""What computes the features of several sets of rows, each by its own catalogue, see `features.build.build_several`."""


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
        before = None if old is None else [old.checksum, list(old.changed)]
        key = _key(tables, rows, catalog, known) | {"columns": facts["columns"], "earlier": before}
        new = np.arange(len(rows)) if old is None else np.flatnonzero(~old.stays)
        works = [_Work(folder / "new", key, catalog, new, rows, content.group_rows)]
        if old is not None and old.changed:
            some, stays = catalog.select(old.changed), np.flatnonzero(old.stays)
            works.append(_Work(folder / "changed", key, some, stays, rows, content.group_rows))
        resumed = sum(work.done for work in works)
        _compute(works, tables, rows, engine, _within(tell, 0.0, _COMPUTING))
        draft = folder / f"{path.name}.draft"
        try:
            put_together(content, rows, [work.pieces for work in works], old, draft, _within(tell, _COMPUTING, 1.0))
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
        pieces=sum(len(work.pieces) for work in works),
        resumed=resumed,
        stayed=0 if old is None else int(old.stays.sum()),
        again=0 if old is None else len(old.changed),
        scratch=earlier if isinstance(earlier, str) else "",
    )


class _Work:
    """Some lines of the rows, and the features that are computed of them, piece by piece.

    Parameters
    ----------
    folder, key, group_rows
        As those of `Pieces`.
    catalog, lines
        The features, and the lines of `rows`, ascending.
    """

    def __init__(
        self, folder: Path, key: dict[str, Any], catalog: Catalog, lines: Ints, rows: Rows, group_rows: int
    ) -> None:
        self.catalog = catalog
        self.lines = lines
        self.pieces = Pieces(folder, key, rows=len(rows), features=len(catalog.features), group_rows=group_rows)
        self.done = len(lines) - len(self.missing)
        """Lines that an interrupted run had left."""

    @property
    def missing(self) -> Ints:
        """Lines that no piece has."""
        return np.intersect1d(self.lines, self.pieces.missing, assume_unique=True)


def _compute(works: Sequence[_Work], tables: Tables, rows: Rows, engine: Engine, progress: Progress) -> None:
    """Have the engine compute what is missing: everything at once, so that it reads the events once."""
    left = [(work, missing) for work in works if len(missing := work.missing)]
    if not left:
        return
    asked = [(work.catalog, rows if len(lines) == len(rows) else rows.take(lines)) for work, lines in left]
    whole = sum(len(work.lines) * len(work.catalog.features) for work in works)
    cells = sum(len(lines) * len(work.catalog.features) for work, lines in left)
    for place, lines, matrix in _computed(engine, tables, asked, _within(progress, 1.0 - cells / max(1, whole), 1.0)):
        work, missing = left[place]
        work.pieces.add(missing[lines], matrix)
    if forgotten := sum(len(work.missing) for work in works):
        raise RuntimeError(f"the engine gave no features for {forgotten} of {len(rows)} rows")


def _computed(
    engine: Engine, tables: Tables, asked: Sequence[tuple[Catalog, Rows]], progress: Progress
) -> Iterator[tuple[int, Ints, Array]]:
    """The engine's parts; what stops it from writing its own temporary files is told as such."""
    with closing(engine(tables, asked, progress)) as parts:  # type: ignore[type-var] # every engine is a generator
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


def _key(tables: Tables, rows: Rows, catalog: Catalog, known: NDArray[np.uint64] | None) -> dict[str, Any]:
    """Everything that features depend on: what is known of the rows, they, the catalogue, and the code that computes."""
    content = Content("", "", {}, catalog, {}).to_json()
    return {
        "known": tables.digests() if known is None else hashlib.sha256(known.tobytes()).hexdigest(),
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
    """Digest of the code that computes features and writes them, and of the libraries it does so with."""
    whole = hashlib.sha256(f"{np.__version__} {pa.__version__} {duckdb.__version__}".encode())
    root = Path(str(features.__file__)).parent
    writers = (Path(__file__).with_name(f"{name}.py") for name in _WRITERS)
    for path in (*sorted(root.rglob("*.py")), *writers):
        whole.update(path.relative_to(root.parent).as_posix().encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()
