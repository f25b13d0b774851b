"""Bytes of text files, whatever they are packed in, as UTF-8; nothing is guessed.

UTF-8 is known by being valid, UTF-16 by its mark; any other encoding has to be named, because every one of them takes every file
and turns the letters of all others into wrong ones.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa

from configs.errors import ConfigError, DataError

_CHUNK: Final = 1 << 22
_KNOWN: Final = (
    "utf-8, utf-16, cp1252 (Western), cp1255 (Hebrew), cp1256 (Arabic), cp1251 (Cyrillic) and Python's others"
)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
PACKED: Final = (".gz", ".zst")


@contextlib.contextmanager
def opened(path: Path, where: str) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked.

    Raises
    ------
    DataError
        When it cannot be read, or its packing is damaged.
    """
    try:
        with contextlib.ExitStack() as stack:
            if path.name.endswith(".gz"):
                yield cast("BinaryIO", stack.enter_context(gzip.open(path, "rb")))
            elif path.name.endswith(".zst"):
                # Arrow's own stream, because zstd is not in Python's library.
                yield cast("BinaryIO", stack.enter_context(pa.input_stream(str(path), compression="zstd")))
            else:
                yield stack.enter_context(path.open("rb"))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path.name} cannot be read to its end ({' '.join(str(error).split())[:200]})",
            where=where,
            next_move="the file is cut off or damaged, or may not be read: copy or export it again",
        ) from None


def codec_of(name: str, where: str) -> str:
    """The codec's own name.

    Raises
    ------
    ConfigError
        When Python does not know it.
    """
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ConfigError(
            f"the encoding '{name}' is not known",
            where=where,
            available=_KNOWN,
            next_move="name one of the available encodings",
        ) from None


def mark(path: Path, where: str) -> str | None:
    """The encoding that the file's first bytes say, if they say one."""
    with opened(path, where) as file:
        start = file.read(3)
    return next((name for bom, name in _MARKS if start.startswith(bom)), None)


class Utf8Check:
    """Told the pieces of a file one after the other, says where it stops being UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._line = 1
        self.fault: tuple[int, int] | None = None
        """Line and byte value of the first one that is not UTF-8."""

    def __call__(self, piece: bytes) -> None:
        """The next piece; an empty one says that there is no more."""
        if self.fault:
            return
        held, _ = self._decoder.getstate()
        try:
            self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            text = held + piece
            at = min(error.start, len(text) - 1)
            self.fault = (self._line + text.count(b"\n", 0, at), text[at])
        self._line += piece.count(b"\n")


def not_utf8(path: Path, fault: tuple[int, int], where: str) -> DataError:
    """What to say of a file that is not UTF-8 and has no encoding named."""
    line, byte = fault
    return DataError(
        f"{path.name} is not UTF-8: byte {byte:#04x} on line {line}",
        where=where,
        available=_KNOWN,
        next_move="name the file's encoding, e.g. 'encoding: cp1252' beside 'path', or export it as UTF-8",
    )


def transcode(path: Path, codec: str, to: Path, where: str) -> None:
    """Write a UTF-8 copy.

    Raises
    ------
    DataError
        When the file is not in this encoding.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    try:
        with opened(path, where) as source, to.open("wb") as target:
            while chunk := source.read(_CHUNK):
                text = decoder.decode(chunk)
                target.write(text.encode())
                line += text.count("\n")
            target.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        raise DataError(
            f"{path.name} is not {codec} ({reason}, after line {line})",
            where=where,
            available=_KNOWN,
            next_move="set 'encoding' to the file's own",
        ) from None


def unpacked(path: Path, to: Path, where: str) -> Path:
    """The file itself where its bytes can be sought in, otherwise a plain copy."""
    if path.name.endswith(".zst"):
        with opened(path, where) as source, to.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
        return to
    return path
