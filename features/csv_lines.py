"""Which records of a text file fit, found by our own eyes: the reader behind us loses lines in silence after a stray quote.

One compiled walk over the bytes, a few megabytes at a time, counts the records and says of each that does not fit why, where it
stands and what it holds. A quote that is never closed costs its own line only: reading goes on with the next one.
(bytes of a file) -> records, lines that do not fit, where lines and records part company.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numba
import numpy as np
from numpy.typing import NDArray

LONGEST: Final = 1_000_000
"""Bytes of a record at most; what goes on for longer is a quote that was never closed."""

_CHUNK: Final = 1 << 22
_ROOM: Final = 1 << 14
_CELLS, _QUOTE = 1, 2
REASONS: Final = {_CELLS: "the line has another number of cells", _QUOTE: "a quote is not closed, or text follows it"}

# Places in the array of what a walk counts.
_RECORDS, _LINE, _LF, _CRLF, _CR, _NEXT_LINE, _COUNTS = range(7)


@dataclass
class Records:
    """What a walk over a file found.

    Attributes
    ----------
    records
        Records that fit, the header among them.
    bad
        (reason, line, text) of each line that does not fit, in the order of the file.
    ranges
        First byte of each of them, and of empty lines that a reader would take for a row, and of the line after it.
    steps
        (record, line) wherever a record does not stand on the line after the record before it; counted from 0 and 1.
    line_ends
        How many of LF, CRLF and CR.
    """

    records: int = 0
    bad: list[tuple[str, int, str]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    steps: list[NDArray[np.int64]] = field(default_factory=list)
    line_ends: tuple[int, int, int] = (0, 0, 0)

    @property
    def tidy(self) -> bool:
        """Whether every line fits and all end alike, so that any reader reads the file alike."""
        return not self.ranges and sum(count > 0 for count in self.line_ends) <= 1

    def lines(self, record: NDArray[np.int64]) -> NDArray[np.int64]:
        """The line on which each of these records begins."""
        steps = np.concatenate([np.array([[0, 1]], dtype=np.int64), *self.steps])
        place = np.searchsorted(steps[:, 0], record, side="right") - 1
        found: NDArray[np.int64] = steps[place, 1] + record - steps[place, 0]
        return found


def walk(file: BinaryIO, delimiter: str, width: int, seen: Callable[[bytes], Any] | None = None) -> Records:
    """Walk over a UTF-8 file without its byte-order mark.

    Parameters
    ----------
    file
        Open at its first byte.
    delimiter
        One character.
    width
        Cells of a record.
    seen
        Called with each piece of the file as it is read.
    """
    found = Records()
    counts = np.zeros(_COUNTS, dtype=np.int64)
    counts[_NEXT_LINE] = 1
    bad = np.empty((_ROOM, 4), dtype=np.int64)
    steps = np.empty((_ROOM, 2), dtype=np.int64)
    rest, offset, final = b"", 0, False
    while not final:
        piece = file.read(_CHUNK)
        if seen:
            seen(piece)
        final = not piece
        held = rest + piece
        data = np.frombuffer(held, dtype=np.uint8)
        start = 0
        while True:
            used, n_bad, n_steps, full = _walk(data[start:], final, ord(delimiter), width, counts, bad, steps)
            for reason, line, first, last in bad[:n_bad].tolist():
                if reason:
                    text = held[start + first : start + last].decode("utf-8", "replace").rstrip("\r\n")
                    found.bad.append((REASONS[reason], line, text))
                found.ranges.append((offset + start + first, offset + start + last))
            if n_steps:
                found.steps.append(steps[:n_steps].copy())
            start += used
            if not full:
                break
        rest = held[start:]
        offset += start
    found.records = int(counts[_RECORDS])
    found.line_ends = (int(counts[_LF]), int(counts[_CRLF]), int(counts[_CR]))
    return found


@numba.njit(cache=True, nogil=True)
def _walk(data, final, delimiter, width, counts, bad, steps):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Bytes used, bad lines, steps, and whether there was no room for more of either."""
    n = len(data)
    n_bad = n_steps = 0
    s = 0
    while s < n:
        if n_bad == len(bad) or n_steps == len(steps):
            return s, n_bad, n_steps, True
        i = s
        cells, inner = 1, 0
        fresh, broken, ended = True, False, False
        while i < n:
            c = data[i]
            if fresh and c == 34:
                i += 1
                closed = False
                while i < n:
                    c = data[i]
                    if c == 34:
                        if i + 1 < n and data[i + 1] == 34:
                            i += 2
                            continue
                        closed = True
                        break
                    if c == 10 or (c == 13 and not (i + 1 < n and data[i + 1] == 10)):
                        inner += 1
                    i += 1
                    if i - s > LONGEST:
                        break
                if not closed:
                    broken = i - s > LONGEST or final
                    break
                i += 1
                while i < n and data[i] == 32 and delimiter != 32:
                    i += 1
                if i >= n:
                    break
                if data[i] != delimiter and data[i] != 10 and data[i] != 13:
                    broken = True
                    break
                fresh = False
                continue
            if c == delimiter:
                cells += 1
                fresh = True
            elif c in {10, 13}:
                ended = True
                break
            elif c != 32:
                fresh = False
            i += 1
        if not broken and not ended and not final:
            return s, n_bad, n_steps, False
        if not broken and ended and data[i] == 13 and i + 1 >= n and not final:
            return s, n_bad, n_steps, False
        reason = 0
        if broken or (cells != width and inner > 0):
            reason = _QUOTE
            i = s
            while i < n and data[i] != 10 and data[i] != 13:
                i += 1
            inner = 0
            if i + 1 >= n and not final:
                return s, n_bad, n_steps, False
        end = i
        if i < n:
            if data[i] == 13 and i + 1 < n and data[i + 1] == 10:
                i += 2
                counts[_CRLF] += 1
            else:
                counts[_LF if data[i] == 10 else _CR] += 1
                i += 1
        line = counts[_NEXT_LINE]
        counts[_NEXT_LINE] += 1 + inner
        if reason == 0 and end == s:
            if width == 1 or counts[_RECORDS] == 0:
                bad[n_bad, 0], bad[n_bad, 1], bad[n_bad, 2], bad[n_bad, 3] = 0, line, s, i
                n_bad += 1
        elif reason == 0 and cells == width:
            if line != counts[_LINE] + 1:
                steps[n_steps, 0] = counts[_RECORDS]
                steps[n_steps, 1] = line
                n_steps += 1
            counts[_RECORDS] += 1
            counts[_LINE] = line
        else:
            bad[n_bad, 0] = reason or _CELLS
            bad[n_bad, 1] = line
            bad[n_bad, 2] = s
            bad[n_bad, 3] = i
            n_bad += 1
        s = i
    return s, n_bad, n_steps, False
