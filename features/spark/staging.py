"""The folder through which a company's tables go to the executors and their answers come back: parquet, gone afterwards."""

from __future__ import annotations

import itertools
import posixpath
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from configs.errors import ConfigError
from configs.settings import Settings

_GROUP: Final = 1 << 17
"""Rows of a row group: what Spark reads at once."""


class Staging:
    """A folder that both sides reach.

    Parameters
    ----------
    files
        Its file system.
    root
        Its path there.
    url
        Its address for Spark.
    """

    def __init__(self, files: fs.FileSystem, root: str, url: str) -> None:
        self._files = files
        self._root = root
        self._url = url

    def url(self, name: str) -> str:
        """The address of an entry for Spark."""
        return posixpath.join(self._url, name)

    def write(self, name: str, batches: Iterable[pa.RecordBatch]) -> bool:
        """Write an entry, a folder with one file; nothing, and False, where there are no batches."""
        waiting = iter(batches)
        first = next(waiting, None)
        if first is None:
            return False
        self._files.create_dir(self._path(name))
        with (
            self._files.open_output_stream(f"{self._path(name)}/rows.parquet") as stream,
            pq.ParquetWriter(stream, first.schema, compression="zstd") as writer,
        ):
            for batch in itertools.chain([first], waiting):
                writer.write_batch(batch, row_group_size=_GROUP)
        return True

    def read(self, name: str, order: str) -> Iterator[pq.ParquetFile]:
        """The files of an entry that Spark wrote, by their first value of the column `order`."""
        selector = fs.FileSelector(self._path(name), recursive=True)
        found = []
        for info in self._files.get_file_info(selector):
            if info.path.endswith(".parquet"):
                first = _first(pq.read_metadata(info.path, filesystem=self._files), order)
                if first is not None:
                    found.append((first, info.path))
        for _, path in sorted(found):
            with self._files.open_input_file(path) as stream:
                yield pq.ParquetFile(stream)

    def _path(self, name: str) -> str:
        return posixpath.join(self._root, name)


def _first(metadata: pq.FileMetaData, column: str) -> int | None:
    """The least value of a column, None of an empty file."""
    place = metadata.schema.names.index(column)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return min((group.column(place).statistics.min for group in groups if group.num_rows), default=None)


@contextmanager
def staging(settings: Settings) -> Iterator[Staging]:
    """A folder of its own under `spark.staging`, or under the output; gone afterwards.

    Raises
    ------
    ConfigError
        When it cannot be made.
    """
    place = settings.spark.staging
    if place is None or "://" not in place:
        folder = settings.output if place is None else Path(settings.resolve(place))
        place = folder.absolute().as_uri()
    name = f".moments-{secrets.token_hex(8)}"
    try:
        # Spark says s3a where everybody else says s3.
        files, root = fs.FileSystem.from_uri(place.replace("s3a://", "s3://", 1))
        root = posixpath.join(root, name)
        files.create_dir(root)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ConfigError(
            f"the folder between the driver and the executors cannot be made ({' '.join(str(error).split())[:300]})",
            where=f"{settings.source.name}: spark.staging: {place}",
            available="a folder that all of them mount, file://, s3://, gs://, hdfs://",
            next_move="give a place that this machine and every executor can write to",
        ) from None
    try:
        yield Staging(files, root, posixpath.join(place, name))
    finally:
        files.delete_dir(root)
