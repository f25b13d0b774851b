"""What runs on the executors: canonical rows to encoded lines, and the lines of whole customers to features.

Both are called by `mapInArrow` with an iterator of Arrow batches. Between them Spark brings the lines of a customer together
and in order. A line is one event as the int64 of kind, at, known and values, in one cell of bytes: every source has the same
shape then, and nothing is converted on the way. Memory is one group's, which is cut where customers end: a customer with a
million events is a group of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.build import PART_EVENTS
from features.catalog import Catalog
from features.columns import columns_of
from features.encode import Events, encode
from features.part import features_of
from features.schema import TABLES

Ints = NDArray[np.int64]
Matrix = NDArray[np.float64]
Batches = Iterator[pa.RecordBatch]

ROWS: Final = 0
"""The strand of the rows that are asked for: number of the row, then the as_of of each catalogue."""

LINES: Final = "part int, customer long, strand int, line binary"
LINES_SCHEMA: Final = pa.schema(
    [("part", pa.int32()), ("customer", pa.int64()), ("strand", pa.int32()), ("line", pa.binary())]
)
"""A line with its customer's number, the part that the customer falls into, and the strand that says how to read it."""

FEATURES: Final = "row long, features binary"

GROUP_BYTES: Final = 32_000_000
"""Bytes of a group's matrices at most, if no customer alone has more."""

_HEAD: Final = 3
_ANSWER_BYTES: Final = 8_000_000


def strand_of(catalogue: int, source: str) -> int:
    """The strand of a source's events as the n-th catalogue reads them."""
    return 1 + catalogue * len(TABLES) + list(TABLES).index(source)


@lru_cache(maxsize=16)
def catalog_of(text: str) -> Catalog:
    """A catalogue from its JSON, once in a process: its program and its tables are made when first used."""
    return Catalog.from_dict(json.loads(text), where="spark")


def lines_of(customer: Ints, strand: int, content: Ints, places: Parts) -> pa.RecordBatch:
    """Lines (n, width) as bytes, with their customers' parts."""
    n, width = content.shape
    offsets = pa.py_buffer(np.arange(n + 1, dtype=np.int32) * np.int32(8 * width))
    data = pa.py_buffer(np.ascontiguousarray(content, dtype=np.int64))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(places.of(customer)),
            pa.array(customer),
            pa.array(np.full(n, strand, dtype=np.int32)),
            pa.Array.from_buffers(pa.binary(), n, [None, offsets, data]),
        ],
        schema=LINES_SCHEMA,
    )


@dataclass(frozen=True)
class Parts:
    """Which part a customer falls into: ranges of numbers that begin at `limits`, numbered by `places`."""

    limits: Ints
    places: NDArray[np.int32]

    def of(self, customer: Ints) -> NDArray[np.int32]:
        """The part of each customer."""
        return np.asarray(self.places[np.searchsorted(self.limits, customer, side="right") - 1], dtype=np.int32)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.places)

    @classmethod
    def by_weight(cls, weights: NDArray[np.float64], wanted: int) -> Parts:
        """About `wanted` parts of equal weight, the heaviest first: what takes longest starts first."""
        ends = np.cumsum(weights)
        total = ends[-1] if len(ends) else 0.0
        inner = np.searchsorted(ends, total * np.arange(1, wanted) / wanted, side="left") + 1
        limits = np.unique(np.concatenate([[0], inner[inner < len(weights)]])).astype(np.int64)
        heavy = np.add.reduceat(weights, limits) if len(weights) else np.zeros(1)
        places = np.empty(len(limits), dtype=np.int32)
        places[np.argsort(-heavy, kind="stable")] = np.arange(len(limits), dtype=np.int32)
        return cls(limits, places)


@dataclass(frozen=True)
class Encoder:
    """Canonical rows of one source to lines, as one catalogue reads them.

    Parameters
    ----------
    catalog
        Broadcast of the catalogue's JSON.
    strand, source
        Of the lines.
    names
        Of the canonical columns, in the order of the batches' after the customer's number: Spark would take a name with a dot
        apart, and two that differ in case for one.
    parts
        Where customers go.
    """

    catalog: Any
    strand: int
    source: str
    names: tuple[str, ...]
    parts: Parts

    def __call__(self, batches: Batches) -> Batches:
        """Lines of the rows in batches; an event or two of each row."""
        layout = catalog_of(self.catalog.value).layout
        for batch in batches:
            customer = batch.column(0).to_numpy()
            table = pa.RecordBatch.from_arrays(batch.columns[1:], names=list(self.names))
            events = encode(self.source, columns_of(table, self.source, layout), customer, layout)
            content = np.column_stack([events.kind, events.at, events.known, events.values])
            yield lines_of(events.customer, self.strand, content, self.parts)


class Group(NamedTuple):
    """Whole customers: the rows asked for (number, as_of per catalogue), and lines per strand, each with its customer."""

    customers: int
    rows: tuple[Ints, Ints]
    strands: Mapping[int, tuple[Ints, Ints]]


Answer = Callable[[Ints, Sequence[Matrix]], Batches]
"""What is said of rows: their numbers and per catalogue their features (rows, features), to batches of the answer's schema."""


@dataclass(frozen=True)
class Worker:
    """Lines, ordered by customer and strand, to answers.

    Parameters
    ----------
    catalogs
        Broadcasts of the catalogues' JSON.
    answer
        Is given the features.
    """

    catalogs: tuple[Any, ...]
    answer: Answer

    def __call__(self, batches: Batches) -> Batches:
        """Answers for one group of customers after the other."""
        catalogs = [catalog_of(item.value) for item in self.catalogs]
        widest = sum(len(catalog.features) for catalog in catalogs)
        rows_at_once = max(1, GROUP_BYTES // (8 * max(1, widest)))
        for group in groups(batches, events=PART_EVENTS, rows=rows_at_once):
            customer, asked = group.rows
            if len(customer):
                matrices = [
                    features_of(
                        catalog, self._events(group, place), group.customers, customer, asked[:, 1 + place].copy()
                    )
                    for place, catalog in enumerate(catalogs)
                ]
                yield from self.answer(asked[:, 0].copy(), matrices)

    @staticmethod
    def _events(group: Group, catalogue: int) -> dict[str, Events]:
        found = {}
        for source in TABLES:
            if (strand := strand_of(catalogue, source)) in group.strands:
                customer, lines = group.strands[strand]
                at = lines[:, 1].copy()
                # One array where all was known when it happened: nothing has to be put in order twice.
                known = at if np.array_equal(at, lines[:, 2]) else lines[:, 2].copy()
                found[source] = Events(customer, at, known, lines[:, 0].copy(), lines[:, _HEAD:])
        return found


def answer_features(rows: Ints, matrices: Sequence[Matrix]) -> Batches:
    """The features of each row as the bytes of their float64: what leaves is bit for bit what the kernel computed."""
    (matrix,) = matrices
    width = matrix.shape[1]
    at_once = max(1, _ANSWER_BYTES // (8 * width))
    for start in range(0, len(rows), at_once):
        part = np.ascontiguousarray(matrix[start : start + at_once])
        offsets = pa.py_buffer(np.arange(len(part) + 1, dtype=np.int32) * np.int32(8 * width))
        cells = pa.Array.from_buffers(pa.binary(), len(part), [None, offsets, pa.py_buffer(part)])
        yield pa.RecordBatch.from_arrays([pa.array(rows[start : start + at_once]), cells], names=["row", "features"])


def cells_to_matrix(cells: pa.Array | pa.ChunkedArray, dtype: Any) -> NDArray[Any]:
    """Cells of bytes, all of one length, as the numbers in them, (n, width)."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if len(cells) == 0:
        return np.empty((0, 1), dtype=dtype)
    offsets = np.frombuffer(cells.buffers()[1], dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    data = np.frombuffer(cells.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    found: NDArray[Any] = data.view(dtype).reshape(len(cells), -1)
    return found


def groups(batches: Batches, *, events: int, rows: int) -> Iterator[Group]:
    """Whole customers out of ordered lines, as many at a time as have about so many events and rows."""
    held: list[_Piece] = []
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            piece = _piece(batch.slice(start, rows))
            # Everything before the piece's last customer is complete; that one may go on in the next.
            cut = int(np.searchsorted(piece.customer, piece.customer[-1]))
            complete = cut > 0 or (bool(held) and held[-1].customer[-1] != piece.customer[0])
            full = sum(len(item.customer) for item in held) >= events or sum(item.rows for item in held) >= rows
            if full and complete:
                yield _group([*held, piece.until(cut)])
                piece, held = piece.since(cut), []
            held.append(piece)
    if held:
        yield _group(held)


class _Piece(NamedTuple):
    """Ordered lines, read: their customers, and per strand the places and contents of its lines."""

    customer: Ints
    strands: dict[int, tuple[Ints, Ints]]

    @property
    def rows(self) -> int:
        """How many of the lines ask for a row."""
        return len(self.strands[ROWS][0]) if ROWS in self.strands else 0

    def until(self, cut: int) -> _Piece:
        """The first lines."""
        return _Piece(
            self.customer[:cut],
            {
                strand: (customer[:n], lines[:n])
                for strand, (customer, lines) in self.strands.items()
                if (n := self._before(customer, cut))
            },
        )

    def since(self, cut: int) -> _Piece:
        """The lines after them."""
        return _Piece(
            self.customer[cut:],
            {
                strand: (customer[n:], lines[n:])
                for strand, (customer, lines) in self.strands.items()
                if (n := self._before(customer, cut)) < len(customer)
            },
        )

    def _before(self, customer: Ints, cut: int) -> int:
        """How many of a strand's lines are of customers before the one that begins at `cut`."""
        return int(np.searchsorted(customer, self.customer[cut])) if cut < len(self.customer) else len(customer)


def _piece(batch: pa.RecordBatch) -> _Piece:
    customer = batch.column("customer").to_numpy()
    strand = batch.column("strand")
    strands = {}
    for number in pc.unique(strand).to_pylist():
        mine = pc.equal(strand, number)
        lines = cells_to_matrix(batch.column("line").filter(mine), np.int64)
        strands[int(number)] = customer[mine.to_numpy(zero_copy_only=False)], lines
    return _Piece(customer, strands)


def _group(pieces: list[_Piece]) -> Group:
    """Pieces together, their customers numbered from 0."""
    everybody = np.unique(np.concatenate([piece.customer for piece in pieces]))
    joined = {}
    for strand in sorted(set(itertools.chain.from_iterable(piece.strands for piece in pieces))):
        found = [piece.strands[strand] for piece in pieces if strand in piece.strands]
        customer = np.searchsorted(everybody, np.concatenate([item for item, _ in found])).astype(np.int64)
        joined[strand] = customer, np.concatenate([lines for _, lines in found])
    empty = np.empty(0, dtype=np.int64), np.empty((0, 2), dtype=np.int64)
    return Group(len(everybody), joined.pop(ROWS, empty), joined)
