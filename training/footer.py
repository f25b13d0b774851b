"""The footer of a parquet file: where each column of each group of rows lies, read and put together anew.

Arrow writes whole files only. To take columns over from a file as the bytes they are, no more is needed than to say in the new
file's footer where they lie there: a column's pages name no place. The footer is Thrift's compact protocol (Apache Parquet,
``parquet.thrift``). What is not a place, a size or a count of rows is kept as the bytes it was; a footer made here is the one that
Arrow writes of the same columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

MAGIC: Final = b"PAR1"
_TAIL: Final = 8
"""Bytes after the footer: its length, and the magic word again."""

_I16, _I32, _I64, _LIST, _STRUCT = 4, 5, 6, 9, 12
_NO_VALUE, _BYTE, _TEXT, _WORDS = (1, 2), 3, 8, (_I64, _I32, _I16)
_SIZES: Final = {1: 0, 2: 0, _BYTE: 1, 7: 8}
"""Bytes of what always takes as many: a truth, which its field tells, a byte, a float."""

_LONG: Final = 15
"""A list of so many items, or more, says how many on its own."""

_PLACES: Final = frozenset({9, 11})
"""Fields of a column's description that are places in the file: its first page of data and its dictionary."""


class Column(NamedTuple):
    """One column of one group: its first byte, its bytes, those before compression, and its description between its places."""

    start: int
    size: int
    plain: int
    parts: tuple[bytes, ...]
    places: tuple[int, ...]

    def moved(self, start: int) -> Column:
        """The same column in another place."""
        return self._replace(start=start, places=tuple(place + start - self.start for place in self.places))

    def described(self) -> bytes:
        """As a footer says it."""
        said = [self.parts[0]]
        for place, part in zip(self.places, self.parts[1:], strict=True):
            said += (_number(place << 1), part)
        return b"".join(said)


class Group(NamedTuple):
    """A group of rows: its columns, and how many rows there are."""

    columns: tuple[Column, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself: everything before its groups, the groups, and everything after them."""

    before: bytes
    groups: tuple[Group, ...]
    after: bytes

    @classmethod
    def of(cls, data: bytes | memoryview) -> Footer:
        """From the bytes of a footer.

        Raises
        ------
        ValueError
            When it is not one, or says something of columns that would have to change with their place and is not known here.
        """
        walk = _Walk(bytes(data))
        before, after = 0, 0
        groups: tuple[Group, ...] = ()
        name = 0
        while field := walk.field(name):
            name, kind = field
            if name == 3 and kind == _I64:
                before = walk.at
                walk.skip(kind)
            elif name == 4 and kind == _LIST:
                groups = tuple(_group(walk) for _ in range(walk.items(_STRUCT)))
                after = walk.at
            else:
                walk.skip(kind)
        if not before or not after:
            raise ValueError("a footer without groups of rows")
        return cls(walk.data[:before], groups, walk.data[after:])

    def written(self, groups: Sequence[Group]) -> bytes:
        """The same footer with other groups, and what ends a file."""
        said = [self.before, _number(sum(group.rows for group in groups) << 1), _field(_LIST)]
        said.append(_items(len(groups)))
        for group in groups:
            said += (_field(_LIST), _items(len(group.columns)))
            said += (column.described() for column in group.columns)
            numbers = [sum(column.plain for column in group.columns), group.rows]
            said += (_field(_I64) + _number(number << 1) for number in numbers)
            # Groups are not said to be sorted: one field is left out.
            said += (_field(_I64, 2), _number(group.columns[0].start << 1))
            said += (_field(_I64), _number(sum(column.size for column in group.columns) << 1))
            said.append(b"\0")
        whole = b"".join((*said, self.after))
        return whole + len(whole).to_bytes(4, "little") + MAGIC


def footer_of(data: memoryview) -> Footer:
    """The footer of a whole file's bytes.

    Raises
    ------
    ValueError
        When it has none.
    """
    size = int.from_bytes(data[-_TAIL:-4], "little")
    if len(data) < _TAIL or bytes(data[-4:]) != MAGIC or size > len(data) - _TAIL:
        raise ValueError("not a parquet file")
    return Footer.of(data[-_TAIL - size : -_TAIL])


class _Walk:
    """A place in a footer."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self) -> int:
        """A number of as many bytes as it needs."""
        data, at, found, shift = self.data, self.at, 0, 0
        while (byte := data[at]) > 127:
            found |= (byte & 127) << shift
            shift += 7
            at += 1
        self.at = at + 1
        return found | byte << shift

    def integer(self) -> int:
        """A number with a sign, which is its last bit."""
        found = self.number()
        return (found >> 1) ^ -(found & 1)

    def items(self, kind: int) -> int:
        """How many items a list has."""
        head = self.data[self.at]
        self.at += 1
        if head & 15 != kind:
            raise ValueError("a list of something else")
        return self.number() if head >> 4 == _LONG else head >> 4

    def field(self, name: int) -> tuple[int, int] | None:
        """Number and kind of the field after the one of that number; None where there is no more."""
        head = self.data[self.at]
        self.at += 1
        if not head:
            return None
        return (name + (head >> 4) if head >> 4 else self.integer()), head & 15

    def skip(self, kind: int) -> None:
        """Go beyond a value."""
        if kind in _WORDS:
            while self.data[self.at] > 127:
                self.at += 1
            self.at += 1
        elif kind == _STRUCT:
            name = 0
            while field := self.field(name):
                name, inner = field
                self.skip(inner)
        elif kind == _TEXT:
            size = self.number()
            self.at += size
        elif kind == _LIST:
            of = self.data[self.at] & 15
            for _ in range(self.items(of)):
                # In a list a truth takes a byte.
                self.skip(_BYTE if of in _NO_VALUE else of)
        elif kind in _SIZES:
            self.at += _SIZES[kind]
        else:
            raise ValueError(f"a value of kind {kind}")


def _group(walk: _Walk) -> Group:
    columns: tuple[Column, ...] = ()
    rows = -1
    name = 0
    while field := walk.field(name):
        name, kind = field
        if name == 1 and kind == _LIST:
            columns = tuple(_column(walk) for _ in range(walk.items(_STRUCT)))
        elif name == 3 and kind == _I64:
            rows = walk.integer()
        elif name == 4:
            raise ValueError("a group that says how it is sorted")
        else:
            walk.skip(kind)
    if not columns or rows < 0:
        raise ValueError("a group of rows without columns")
    return Group(columns, rows)


def _column(walk: _Walk) -> Column:
    """A column's description, taken apart where it names places."""
    first = walk.at
    cuts, places = [], []
    sizes = {6: -1, 7: -1}
    name = 0
    while field := walk.field(name):
        name, kind = field
        if name == 2 and kind == _I64:
            if walk.integer():
                raise ValueError("a column whose description lies elsewhere")
        elif name == 3 and kind == _STRUCT:
            inner = 0
            while field := walk.field(inner):
                inner, what = field
                start = walk.at
                if inner in _PLACES:
                    places.append(walk.integer())
                    cuts += [start, walk.at]
                elif inner in sizes:
                    sizes[inner] = walk.integer()
                elif inner in {10, 14}:
                    raise ValueError("a column with an index of its own")
                else:
                    walk.skip(what)
        else:
            raise ValueError("a column with pages of its own elsewhere")
    if not places or min(sizes.values()) < 0:
        raise ValueError("a column without a place")
    ends = [first, *cuts, walk.at]
    parts = tuple(walk.data[ends[place] : ends[place + 1]] for place in range(0, len(ends), 2))
    return Column(min(places), sizes[7], sizes[6], parts, tuple(places))


def _number(number: int) -> bytes:
    """A number without a sign."""
    said = bytearray()
    while number > 127:
        said.append(number & 127 | 128)
        number >>= 7
    said.append(number)
    return bytes(said)


def _field(kind: int, step: int = 1) -> bytes:
    """The head of the field `step` after the one before."""
    return bytes((step << 4 | kind,))


def _items(count: int) -> bytes:
    """The head of a list of structures."""
    return bytes((count << 4 | _STRUCT,)) if count < _LONG else bytes((_LONG << 4 | _STRUCT,)) + _number(count)
