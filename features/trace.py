"""What a score saw of a customer, as numbers: 64 bits for each event that was known, and for the company's calendar.

Two hosts that saw the same events have the same set of numbers, in whatever order the rows came; so a later computation can say
whether another value comes of other data or of another computation. Only what a feature can read is in a number: ids of events
and times of recording are not. A contract is two events (its start, its end), and so is a customer (a version, the creation of
the account), as for the kernel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features import schema
from features.company import Calendar
from features.customer import Journey
from features.encode import ALWAYS, NULL, SHORTEST
from features.journey import Vocabulary
from features.layout import MEASURE_PREFIX

Hashes = NDArray[np.uint64]

_UNREAD: Final = frozenset({schema.CUSTOMER_ID, schema.EVENT_ID, schema.RECORDED_AT})
_LONG: Final = 64
"""Letters from which on a text is a comment, which is hardly ever met twice."""

START, END, VERSION, CREATED, ROW = "start", "end", "version", "created", "row"


@dataclass(frozen=True, slots=True)
class _Part:
    """Events of one kind of a journey's table: which they are, the rows that were known, and their numbers."""

    table: str
    name: str
    rows: NDArray[np.int64]
    hashes: Hashes


def event_hashes(journey: Journey, as_of: int, vocabulary: Vocabulary) -> Hashes:
    """One number for each event that was known before `as_of` (microseconds UTC), ascending."""
    parts = [part.hashes for part in _parts(journey, as_of, vocabulary)]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)


def only(journey: Journey, as_of: int, vocabulary: Vocabulary, hashes: Hashes) -> Journey:
    """The journey as it is at `as_of` with no other events than those of these numbers."""
    parts = list(_parts(journey, as_of, vocabulary))
    ended = {part.table: part for part in parts if part.name in {END, CREATED}}
    tables = {}
    for part in parts:
        if part.name in {END, CREATED}:
            continue
        columns = dict(journey.tables[part.table])
        length = len(next(iter(columns.values())))
        after = np.zeros(length, dtype=bool)
        if part.table in ended:
            item = ended[part.table]
            after[item.rows[_among(item.hashes, hashes)]] = True
            name = schema.ENDED_AT if item.name == END else schema.CREATED_AT
            columns[name] = [value if kept else None for value, kept in zip(columns[name], after, strict=True)]
        # Of rows alike in all but the end, those whose end is wanted come first.
        order = np.argsort(~after[part.rows], kind="stable")
        kept = part.rows[order][_among(part.hashes[order], hashes)]
        if part.name == VERSION:
            # A creation that was seen without its row's version: the version lies beyond the moment.
            columns[schema.VALID_FROM] = list(columns.get(schema.VALID_FROM) or [None] * length)
            for row in np.setdiff1d(np.flatnonzero(after), kept):
                columns[schema.VALID_FROM][row] = as_of
            kept = np.union1d(kept, np.flatnonzero(after))
        kept.sort()
        tables[part.table] = {name: [values[row] for row in kept] for name, values in columns.items()}
    return Journey(journey.customer_id, {name: columns for name, columns in tables.items() if _length(columns)})


def calendar_hash(calendar: Calendar) -> int:
    """A number for all that a calendar says."""
    return _number(calendar.until.tobytes() + calendar.amounts.tobytes())


def _parts(journey: Journey, as_of: int, vocabulary: Vocabulary) -> Iterator[_Part]:
    for source, table in journey.tables.items():
        length = _length(table)
        if source not in schema.TABLES or not length:
            continue
        recorded = _times(table.get(schema.RECORDED_AT), length)
        if source == schema.CUSTOMERS:
            valid = _times(table.get(schema.VALID_FROM), length)
            attributes = [
                (name, "number" if kind == "number" else "text") for name, kind in vocabulary.attributes.items()
            ]
            versions: list[tuple[str, str]] = [(schema.VALID_FROM, "time"), *attributes]
            yield _part(source, VERSION, table, np.where(valid == NULL, ALWAYS, valid) < as_of, versions)
            created = _times(table.get(schema.CREATED_AT), length)
            yield _part(source, CREATED, table, (created != NULL) & (created < as_of), [(schema.CREATED_AT, "time")])
            continue
        spec = schema.TABLES[source]
        at = _times(table.get(str(spec.time)), length)
        columns = [(item.name, str(item.type)) for item in spec.columns if item.name not in _UNREAD]
        if source == schema.TOUCHPOINTS:
            columns += [(MEASURE_PREFIX + name, "number") for name in vocabulary.measures]
        if source != schema.SUBSCRIPTIONS:
            yield _part(source, ROW, table, np.maximum(at, recorded) < as_of, columns)
            continue
        begin = [item for item in columns if item[0] not in schema.OF_THE_END]
        yield _part(source, START, table, np.maximum(at, recorded) < as_of, begin)
        over = _times(table.get(schema.ENDED_AT), length)
        known = (over != NULL) & (np.maximum(np.maximum(at + SHORTEST, over), recorded) < as_of)
        yield _part(source, END, table, known, columns)


def _part(
    source: str, name: str, table: dict[str, list[Any]], known: NDArray[np.bool_], columns: Sequence[tuple[str, str]]
) -> _Part:
    length = len(known)
    found = np.full(length, _text(f"{source}.{name}"), dtype=np.uint64)
    for column, kind in columns:
        found = _mixed(found, np.uint64(_text(column)), _column(table.get(column), kind, length))
    return _Part(source, name, np.flatnonzero(known), found[known])


def _column(values: list[Any] | None, kind: str, length: int) -> Hashes:
    if kind == "time":
        return _times(values, length).view(np.uint64)
    if kind == "number":
        # One zero, and one way of being missing.
        numbers = np.full(length, np.nan) if values is None else np.array(values, dtype=np.float64) + 0.0
        return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)
    if values is None:
        return np.zeros(length, dtype=np.uint64)
    words = {value: 0 if value is None else _word(value) for value in set(values)}
    return np.array([words[value] for value in values], dtype=np.uint64)


def _times(values: list[Any] | None, length: int) -> NDArray[np.int64]:
    if values is None or values.count(None) == length:
        return np.full(length, NULL, dtype=np.int64)
    return np.array([NULL if value is None else value for value in values], dtype=np.int64)


def _word(text: str) -> int:
    return _text(text) if len(text) < _LONG else _number(text.strip(" ").encode())


@lru_cache(maxsize=65_536)
def _text(text: str) -> int:
    stripped = text.strip(" ")  # as the database trims
    return _number(stripped.encode()) if stripped else 0


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _mixed(state: Hashes, column: np.uint64, values: Hashes) -> Hashes:
    """One more column in the numbers of rows (the finaliser of splitmix64; Steele, Lea and Flood, 2014)."""
    z = (state ^ column) * np.uint64(0x9E3779B97F4A7C15) + values
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _among(hashes: Hashes, wanted: Hashes) -> NDArray[np.bool_]:
    """Which of `hashes` are among `wanted`, each as often as it is there, the first ones first."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered, side="left")
    names, counts = np.unique(wanted, return_counts=True)
    place = np.minimum(np.searchsorted(names, ordered), max(len(names) - 1, 0))
    found = np.zeros(len(hashes), dtype=bool)
    if len(names):
        found[order] = (names[place] == ordered) & (rank < counts[place])
    return found


def extra(hashes: Hashes, known: Hashes) -> int:
    """How many of `hashes` are not among `known`, each counted as often as it is there."""
    return int((~_among(hashes, known)).sum())


def _length(table: dict[str, list[Any]]) -> int:
    return len(next(iter(table.values()))) if table else 0
