"""Which files a path names: a file, a glob, a folder, an archive, a URL; of one kind, in order, with the parts of a partitioned path.

(path of the configuration) -> files. Nothing is opened here but archives and folders.
"""

from __future__ import annotations

import glob
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote

from configs.errors import ConfigError, DataError, nearest
from features.quoting import file_literal, quoted

Kind = Literal["csv", "parquet", "json"]

_ENDINGS: Final[dict[str, Kind]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"), "json"),
    **dict.fromkeys((".json.zst", ".jsonl.zst", ".ndjson.zst"), "json"),
}
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"
_AVAILABLE: Final = ", ".join((*_ENDINGS, ".zip of these"))


@dataclass(frozen=True)
class Files:
    """Files of one kind.

    Attributes
    ----------
    kind
        How they are read.
    paths
        Each file, or the one URL.
    """

    kind: Kind
    paths: tuple[str, ...]

    @property
    def remote(self) -> bool:
        """Whether it is a URL."""
        return is_url(self.paths[0])

    @property
    def root(self) -> str:
        """The folder that holds all of them, with its last separator."""
        parent = Path(self.paths[0]).parent
        while not all(Path(path).is_relative_to(parent) for path in self.paths):
            parent = parent.parent
        return str(parent).rstrip("/") + "/"

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names below the root."""
        root = self.root
        return tuple(path.removeprefix(root) for path in self.paths)

    def listing(self, paths: Sequence[str]) -> str:
        """These files, or copies of them, as a list in SQL; a URL may be a pattern, which DuckDB resolves."""
        return f"[{', '.join(quoted(path) if self.remote else file_literal(path) for path in paths)}]"

    def partitions(self) -> list[dict[str, str | None]]:
        """Keys and values in the folders' names (``country=IL/``), for each file, where all files have the same keys.

        What writers of partitions call the folder of rows without a value is None.
        """
        found = [
            {
                key: None if value == _NO_VALUE else unquote(value)
                for key, value in re.findall(r"(?<=/)([^/=]+)=([^/]*)(?=/)", path)
            }
            for path in self.paths
        ]
        return found if all(item.keys() == found[0].keys() for item in found) else [{} for _ in found]


@dataclass(frozen=True)
class BadLine:
    """A line of a file that is no row."""

    reason: str
    file: str
    line: int
    text: str


def is_url(path: str) -> bool:
    """Whether a path is a URL (``s3://``, ``https://``, ``gs://``, ``az://``, ...), for DuckDB to reach."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path) is not None


def find(full: str, where: str, scratch: Path) -> Files:
    """The files of an absolute path.

    Parameters
    ----------
    full
        A file, a glob, a folder or a URL.
    where
        The key of the configuration that names it.
    scratch
        A folder that archives are unpacked into.

    Raises
    ------
    DataError
        When nothing is there, or files of several kinds are.
    ConfigError
        When it is of no kind that can be read.
    """
    if is_url(full):
        return Files(_kind(full.split("?", 1)[0], where), (full,))
    if Path(full).is_dir():
        found = _in_folder(Path(full), where)
    else:
        found = [name for name in sorted(glob.glob(_pattern(full), recursive=True)) if not Path(name).is_dir()]  # noqa: PTH207 - an absolute pattern
    if not found:
        raise _not_there(full, where)
    unpacked: list[str] = []
    for name in found:
        unpacked += _members(Path(name), where, scratch) if name.lower().endswith(".zip") else [name]
    kinds = {_kind(name, where) for name in unpacked}
    if len(kinds) > 1:
        raise DataError(
            f"'{full}' names files of several kinds: {_some(unpacked)}",
            where=where,
            next_move="name one kind, e.g. '*.parquet'",
        )
    return Files(kinds.pop(), tuple(unpacked))


def _pattern(full: str) -> str:
    """A path as a pattern: what is there under its very name, brackets and all, stands for itself."""
    known = next(path for path in (Path(full), *Path(full).parents) if path.exists())
    return glob.escape(str(known)) + full.removeprefix(str(known))


def _in_folder(folder: Path, where: str) -> list[str]:
    """Files that can be read in a folder and those below it; hidden ones and writers' marks are not looked at."""
    inside = sorted(
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )
    found = [name for name in inside if _ending(name) or name.lower().endswith(".zip")]
    if not found:
        raise DataError(
            f"{folder} is a folder without a file that can be read",
            where=where,
            available=_some(inside) or "the folder is empty",
            next_move=f"name a file or a glob; kinds: {_AVAILABLE}",
        )
    return found


def _members(archive: Path, where: str, scratch: Path) -> list[str]:
    """The files in an archive, unpacked."""
    to = scratch / f"{len(list(scratch.iterdir()))}-{archive.stem}"
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [item for item in opened.namelist() if _ending(item) and not item.startswith(("__MACOSX", "."))]
            for name in names:
                opened.extract(name, to)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"the archive {archive.name} cannot be unpacked ({error})",
            where=where,
            next_move="unpack it by hand, or make it anew",
        ) from None
    if not names:
        raise DataError(f"the archive {archive.name} holds no file that can be read", where=where, next_move=_AVAILABLE)
    return sorted(str(to / name) for name in names)


def _ending(path: str) -> str | None:
    """The ending that says what kind of file it is: the longest known one."""
    name = path.lower()
    return max((ending for ending in _ENDINGS if name.endswith(ending)), key=len, default=None)


def _kind(path: str, where: str) -> Kind:
    ending = _ending(path)
    if ending is None:
        raise ConfigError(
            f"files like '{Path(path).name}' cannot be read",
            where=where,
            available=_AVAILABLE,
            next_move="give one of the available kinds, or read it with 'sql'",
        )
    return _ENDINGS[ending]


def _some(names: Sequence[str]) -> str:
    short = [Path(name).name for name in names]
    return ", ".join(short[:10]) + (f" and {len(short) - 10} more" if len(short) > 10 else "")


def _not_there(path: str, where: str) -> DataError:
    folder = Path(path).parent
    siblings = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
    close = nearest(Path(path).name, siblings)
    return DataError(
        f"no file is at {path}",
        where=where,
        available=", ".join(siblings[:20]) if folder.is_dir() else f"the folder {folder} is not there either",
        next_move=f"did you mean '{close}'?"
        if close
        else "check the path; it is relative to the configuration's folder",
    )
