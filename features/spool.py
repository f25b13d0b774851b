"""Encoded events on their way from the tables to the kernel: one pass over a table, each event put with its customer's part.

A part is a file of int64 lines (customer and kind packed into one, at, known where the table has recording times, values). Files
are as large as the events together; memory is one batch's, however many customers there are.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from features.encode import Events

_SHIFT, _MASK = 16, (1 << 16) - 1
"""A kind shares an integer with its customer's number (constants of the compiled code)."""

_IN_MEMORY: Final = 64_000_000
"""Bytes of a spool that are held before the first is written: small companies never touch the disk."""

Ints = NDArray[np.int64]


class Spool:
    """Events of every source by part.

    Parameters
    ----------
    folder
        Where files go, once there are many.
    limits
        First customer of each part, and one past the last: shape (parts + 1,), ascending.
    """

    def __init__(self, folder: Path, limits: Ints) -> None:
        self._folder = folder
        self._limits = limits
        self._held: dict[tuple[str, int], list[Ints]] = {}
        self._bytes = 0
        self._widths: dict[str, tuple[int, bool]] = {}

    def add(self, source: str, events: Events, *, dated: bool) -> None:
        """Put events with their parts; `dated` where they may have become known later than they happened."""
        width = events.values.shape[1]
        self._widths[source] = width, dated
        customer, kind, at, known, values = (
            np.require(item, requirements=["C", "W"])
            for item in (events.customer, events.kind, events.at, events.known, events.values)
        )
        grouped, starts = _group(customer, kind, at, known, values, dated, self._limits)
        for part in range(len(self._limits) - 1):
            if starts[part] < starts[part + 1]:
                self._held.setdefault((source, part), []).append(grouped[starts[part] : starts[part + 1]])
        self._bytes += grouped.nbytes
        if self._bytes > _IN_MEMORY:
            self._write()

    def part(self, part: int) -> dict[str, Events]:
        """The events of one part, grouped by customer, its customers numbered from 0; it is forgotten afterwards."""
        found = {}
        first, last = self._limits[part : part + 2].tolist()
        for source, (width, dated) in self._widths.items():
            pieces = self._held.pop((source, part), [])
            lines = _whole(self._path(source, part), pieces, 2 + int(dated) + width)
            if not len(lines):
                continue
            customer, at, known, kind, values = _by_customer(lines, first, last - first, dated)
            found[source] = Events(customer, at, known if dated else at, kind, values)
        return found

    def _path(self, source: str, part: int) -> Path:
        return self._folder / f"{source}-{part}"

    def _write(self) -> None:
        for (source, part), pieces in self._held.items():
            with self._path(source, part).open("ab") as file:
                for piece in pieces:
                    file.write(piece)  # type: ignore[arg-type] # an array is a buffer
        self._held.clear()
        self._bytes = 0


def _whole(path: Path, pieces: list[Ints], width: int) -> Ints:
    """The lines of a part: those in its file, which goes, and those held after them."""
    in_file = path.stat().st_size // 8 if path.is_file() else 0
    lines = np.empty(in_file + sum(piece.size for piece in pieces), dtype=np.int64)
    if in_file:
        with path.open("rb") as file:
            file.readinto(lines[:in_file])  # type: ignore[arg-type] # an array is a buffer
        path.unlink()
    for piece in pieces:
        lines[in_file : in_file + piece.size] = piece.ravel()
        in_file += piece.size
    return lines.reshape(-1, width)


@contextmanager
def spool(limits: Ints) -> Iterator[Spool]:
    """A spool in a temporary folder, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="moments-spool-"))
    try:
        yield Spool(folder, limits)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@numba.njit(cache=True, nogil=True)
def _group(customer, kind, at, known, values, dated, limits):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Lines by part, and where each part's start."""
    n, width = values.shape
    parts = len(limits) - 1
    part_of = np.empty(limits[parts], dtype=np.int32)
    for part in range(parts):
        part_of[limits[part] : limits[part + 1]] = part
    of = np.empty(n, dtype=np.int32)
    starts = np.zeros(parts + 1, dtype=np.int64)
    for i in range(n):
        part = part_of[customer[i]]
        of[i] = part
        starts[part + 1] += 1
    for part in range(parts):
        starts[part + 1] += starts[part]
    fill = starts[:-1].copy()
    first = 3 if dated else 2
    grouped = np.empty((n, first + width), dtype=np.int64)
    for i in range(n):
        place = fill[of[i]]
        fill[of[i]] = place + 1
        grouped[place, 0] = (customer[i] << _SHIFT) | kind[i]
        grouped[place, 1] = at[i]
        if dated:
            grouped[place, 2] = known[i]
        for j in range(width):
            grouped[place, first + j] = values[i, j]
    return grouped, starts


@numba.njit(cache=True, nogil=True)
def _by_customer(lines, first, customers, dated):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Lines as the arrays of events, those of a customer side by side: what comes after stays within the processor's cache."""
    n = len(lines)
    head = 3 if dated else 2
    width = lines.shape[1] - head
    fill = np.zeros(customers + 1, dtype=np.int64)
    for i in range(n):
        fill[(lines[i, 0] >> _SHIFT) - first + 1] += 1
    for c in range(customers):
        fill[c + 1] += fill[c]
    customer, at, kind = (np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64))
    known = np.empty(n if dated else 0, dtype=np.int64)
    values = np.empty((n, width), dtype=np.int64)
    for i in range(n):
        c = (lines[i, 0] >> _SHIFT) - first
        place = fill[c]
        fill[c] = place + 1
        customer[place] = c
        kind[place] = lines[i, 0] & _MASK
        at[place] = lines[i, 1]
        if dated:
            known[place] = lines[i, 2]
        for j in range(width):
            values[place, j] = lines[i, head + j]
    return customer, at, known, kind, values
