"""A training set's file put together from columns as they lie in the last one and from columns that are written anew.

Where a group of rows is the same as one of the last file's, a column of it that did not change is copied as the bytes it is: it is
neither read nor compressed again. The file is the one that Arrow writes of the same rows and features, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import pyarrow as pa

from training.columns import Content
from training.footer import MAGIC, Column, Footer, Group, footer_of

_LENGTH: Final = 8


class Source(NamedTuple):
    """Some bytes of a file that hold whole columns: them, the place of the first, and the columns by their names."""

    data: memoryview
    at: int
    columns: Mapping[str, Column]

    def bytes_of(self, name: str) -> memoryview:
        """A column's."""
        column = self.columns[name]
        return self.data[column.start - self.at : column.start - self.at + column.size]


class Stitcher:
    """A file that is being written, group by group."""

    def __init__(self, file: BinaryIO, names: Sequence[str]) -> None:
        self._file = file
        self._names = names
        self._groups: list[Group] = []
        self._at = len(MAGIC)
        file.write(MAGIC)

    def add(self, rows: int, *sources: Source) -> None:
        """A group of rows, each of its columns from the first source that has it.

        Raises
        ------
        KeyError
            When none has a column.
        """
        columns, spans = [], []
        for name in self._names:
            source = next((source for source in sources if name in source.columns), None)
            if source is None:
                raise KeyError(name)
            column = source.columns[name].moved(self._at)
            columns.append(column)
            spans.append(source.bytes_of(name))
            self._at += column.size
        self._file.writelines(spans)
        self._groups.append(Group(tuple(columns), rows))

    def close(self, footer: Footer) -> None:
        """Say where everything lies."""
        self._file.write(footer.written(self._groups))


@contextmanager
def stitcher(path: Path, content: Content) -> Iterator[Stitcher]:
    """A file of a training set; it is whole once this is left."""
    sink = pa.BufferOutputStream()
    content.writer(sink).close()
    footer = footer_of(memoryview(sink.getvalue()))
    with path.open("wb") as file:
        made = Stitcher(file, content.schema.names)
        yield made
        made.close(footer)


def written(content: Content, table: pa.Table) -> Source:
    """A group of rows as Arrow writes it."""
    sink = pa.BufferOutputStream()
    with content.writer(sink, told=False) as writer:
        writer.write_table(table.replace_schema_metadata(None))
    data = memoryview(sink.getvalue())
    (group,) = footer_of(data).groups
    return Source(data, 0, dict(zip(content.schema.names, group.columns, strict=True)))


class Old:
    """The file that columns are taken from."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._path = path
        self._names = names
        with path.open("rb") as file:
            file.seek(-_LENGTH, 2)
            size = int.from_bytes(file.read(4), "little")
            file.seek(-_LENGTH - size, 2)
            self._groups = footer_of(memoryview(file.read())).groups

    def group(self, number: int) -> Source:
        """One of its groups of rows."""
        columns = self._groups[number].columns
        first = columns[0].start
        with self._path.open("rb") as file:
            file.seek(first)
            data = file.read(columns[-1].start + columns[-1].size - first)
        return Source(memoryview(data), first, dict(zip(self._names, columns, strict=True)))
