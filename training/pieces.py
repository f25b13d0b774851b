"""Finished pieces of a training set, kept on disk until the file is put together: whoever is killed goes on from them.

A folder holds ``manifest.json`` and one file per piece. The manifest says of which inputs the pieces are (the `key`) and of each
file its length and checksum; a piece is used when all of that fits, and is otherwise forgotten. A piece has some lines of
the rows, ascending, cut where the groups of the final file begin, so that a group reads what it needs once.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
_CODEC: Final = "lz4_raw"
_AT_ONCE: Final = 1 << 20

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """A finished piece's file: its name, lines, length and checksum (CRC 32)."""

    file: str
    lines: int
    size: int
    crc: int


class Pieces:
    """The pieces of one training set.

    Parameters
    ----------
    folder
        Where they lie; made if it is not there. What does not belong to these inputs is removed from it.
    key
        Everything the features depend on, as plain JSON values.
    rows, features
        Shape of the whole matrix.
    group_rows
        Rows of a group of the final file.
    """

    def __init__(self, folder: Path, key: Mapping[str, Any], *, rows: int, features: int, group_rows: int) -> None:
        self._folder = folder
        self._key = {"format": FORMAT, **key, "rows": rows, "features": features, "group_rows": group_rows}
        self._features = features
        self._group_rows = group_rows
        self._groups = -(-rows // group_rows)
        self._codec = pa.Codec(_CODEC)
        self._done = np.zeros(rows, dtype=bool)
        self._pieces: list[Piece] = []
        self._heads: list[Ints] = []
        self._take_over()

    def __len__(self) -> int:
        """How many pieces are finished."""
        return len(self._pieces)

    @property
    def missing(self) -> Ints:
        """Lines that no piece has."""
        return np.flatnonzero(~self._done)

    def add(self, lines: Ints, matrix: Array) -> None:
        """Keep a piece: ascending lines of the rows, and their features (lines, features)."""
        if not len(lines):
            return
        limits = np.searchsorted(lines, np.arange(self._groups + 1) * self._group_rows)
        columns = matrix.T
        # A piece that was not whole left a gap among the names; a new one must not take another's.
        number = 1 + max((int(Path(piece.file).stem) for piece in self._pieces), default=-1)
        file = f"{number:05d}.piece"
        draft = self._folder / f"{file}.draft"
        head = np.zeros((2, self._groups + 1), dtype=np.int64)
        head[0] = limits
        crc, at = 0, head.nbytes
        try:
            with draft.open("wb") as target:
                target.seek(at)
                for group in range(self._groups):
                    head[1, group] = at
                    first, last = limits[group], limits[group + 1]
                    if first < last:
                        places = (lines[first:last] - group * self._group_rows).astype(np.int64)
                        block = np.ascontiguousarray(columns[:, first:last])
                        data = self._codec.compress(places.tobytes() + block.tobytes(), asbytes=True)
                        target.write(data)
                        crc = zlib.crc32(data, crc)
                        at += len(data)
                head[1, self._groups] = at
                target.seek(0)
                target.write(head.tobytes())
            draft.replace(self._folder / file)
            piece = Piece(file, len(lines), at, zlib.crc32(head.tobytes(), crc))
            self._write_manifest([*self._pieces, piece])
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._pieces.append(piece)
        self._heads.append(head)
        self._done[lines] = True

    def fill(self, group: int, out: Array) -> None:
        """Put what the pieces have of a group into `out`, shape (features, rows of the group)."""
        for piece, head in zip(self._pieces, self._heads, strict=True):
            count = int(head[0, group + 1] - head[0, group])
            if count:
                places, block = self._read(piece, head, group, count)
                out[:, places] = block

    def _read(self, piece: Piece, head: Ints, group: int, count: int) -> tuple[Ints, Array]:
        with (self._folder / piece.file).open("rb") as file:
            file.seek(int(head[1, group]))
            data = file.read(int(head[1, group + 1] - head[1, group]))
        found = self._codec.decompress(data, decompressed_size=8 * count * (1 + self._features), asbytes=True)
        places = np.frombuffer(found, dtype=np.int64, count=count)
        return places, np.frombuffer(found, dtype=np.float64, offset=8 * count).reshape(self._features, count)

    def _take_over(self) -> None:
        """Use the finished pieces of an earlier run of the same inputs; remove everything else."""
        listed: list[Piece] = []
        try:
            content = json.loads((self._folder / MANIFEST).read_text("utf-8"))
            if content["key"] == self._key:
                listed = [Piece(**item) for item in content["pieces"]]
        except (OSError, ValueError, KeyError, TypeError):
            listed = []
        for piece in listed:
            head = self._checked(piece)
            if head is not None:
                self._pieces.append(piece)
                self._heads.append(head)
                for group in np.flatnonzero(np.diff(head[0])).tolist():
                    places, _ = self._read(piece, head, group, int(head[0, group + 1] - head[0, group]))
                    self._done[places + group * self._group_rows] = True
        if not self._pieces:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = {piece.file for piece in self._pieces} | {MANIFEST}
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink()

    def _checked(self, piece: Piece) -> Ints | None:
        """The head of a piece that is what was written; None of any other."""
        path = self._folder / Path(piece.file).name
        try:
            with path.open("rb") as file:
                head = np.frombuffer(file.read(16 * (self._groups + 1)), dtype=np.int64)
                crc = 0
                while data := file.read(_AT_ONCE):
                    crc = zlib.crc32(data, crc)
            whole = path.stat().st_size == piece.size and zlib.crc32(head.tobytes(), crc) == piece.crc
        except (OSError, ValueError):
            return None
        return head.reshape(2, -1) if whole else None

    def _write_manifest(self, pieces: list[Piece]) -> None:
        draft = self._folder / f"{MANIFEST}.draft"
        content = {"key": self._key, "pieces": [asdict(piece) for piece in pieces]}
        try:
            draft.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
            draft.replace(self._folder / MANIFEST)
        finally:
            draft.unlink(missing_ok=True)
