"""The log of scored vectors: a worker keeps what its models saw, for `moments audit` to compute it again.

A request hands over what it has at hand and goes on; a thread turns that into rows and writes files (see `serving.vectors`). When
more waits than may wait, scores are not kept, and counted; when the disk takes no more, nothing is kept from then on, and that
is said once.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import zlib
from collections import deque
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, Final

from configs.settings import LogVectors, Settings
from features import schema
from serving.answers import Seen
from serving.metrics import count_served
from serving.scorer import Numbers
from serving.vectors import FOLDER, Rows, forget, write

_LOG = logging.getLogger("bentoml.moments")
_EVERYONE: Final = 1 << 32

LOOK_SECONDS: Final = 0.2
"""How often the thread looks whether there is something to do."""


class ServedLog:
    """Keeps scored vectors. Safe to share between threads; each process has one of its own.

    Parameters
    ----------
    folder
        Where files go.
    options
        Which share, how many at once, how long.
    """

    def __init__(self, folder: Path, options: LogVectors) -> None:
        self._folder = folder
        self._options = options
        self._items: deque[Seen] = deque()
        self._lock = threading.Lock()
        self._waiting = 0
        self._failed = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: Settings) -> ServedLog | None:
        """The log of a configuration; None where nothing is to be kept."""
        options = settings.serving.log_vectors
        return cls(settings.output / FOLDER, options) if options.share > 0 else None

    def add(self, seen: Seen) -> None:
        """Take over what was scored; never waits for the disk."""
        chosen = seen if self._options.share >= 1 else _drawn(seen, self._options.share)
        size = len(chosen.subjects)
        if not size:
            return
        with self._lock:
            # One request always fits, however large.
            full = self._ended.is_set() or (self._waiting > 0 and self._waiting + size > self._options.waiting)
            failed = self._failed
            if not (full or failed):
                self._waiting += size
                self._items.append(chosen)
                if self._thread is None:
                    self._start()
        if full or failed:
            count_served("failed" if failed else "dropped", size)

    def close(self) -> None:
        """Write everything that was taken over; nothing is kept from then on."""
        with self._lock:
            self._ended.set()
            thread, self._thread = self._thread, None
        if thread is not None:
            atexit.unregister(self.close)
            thread.join()

    def _start(self) -> None:
        # A daemon, so that a worker can end at all; what waits is written by `close`, or at the interpreter's end.
        self._thread = threading.Thread(target=self._work, name="served vectors", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _work(self) -> None:
        rows, due = Rows(), inf
        ended = False
        while not ended:
            # Looks from time to time: to be woken by a request is to take the interpreter from it.
            ended = self._ended.wait(min(LOOK_SECONDS, self._options.seconds))
            while self._items:
                self._take(rows, self._items.popleft())
                if rows.customers >= self._options.rows:
                    self._write(rows)
                    rows, due = Rows(), inf
            if rows.customers:
                due = min(due, time.monotonic() + self._options.seconds)
            if rows.customers and (ended or time.monotonic() >= due):
                self._write(rows)
                rows, due = Rows(), inf

    def _pause(self, worked: float) -> None:
        """Rest as long as it worked: a request that comes meanwhile finds the interpreter free."""
        if not self._ended.is_set():
            time.sleep(min(worked, LOOK_SECONDS))

    def _take(self, rows: Rows, item: Seen) -> None:
        try:
            if self._failed:
                count_served("failed", len(item.subjects))
            else:
                rows.add(item, self._pause)
        except Exception as error:  # whatever is wrong with the log, scores go on
            self._give_up(error, len(item.subjects))
        finally:
            with self._lock:
                self._waiting -= len(item.subjects)

    def _write(self, rows: Rows) -> None:
        try:
            write(self._folder, rows.table(), rows.last)
            count_served("written", rows.customers)
            if self._options.keep_days:
                forget(self._folder, rows.last - round(self._options.keep_days * schema.MICROSECONDS_PER_DAY))
        except Exception as error:  # whatever is wrong with the log, scores go on
            self._give_up(error, rows.customers)

    def _give_up(self, error: Exception, customers: int) -> None:
        self._failed = True
        count_served("failed", customers)
        # The kind of error and no values: what was to be written is not for logs.
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        _LOG.error("scored vectors are no longer kept (%s); mend it and start the service again", reason)


def _drawn(seen: Seen, share: float) -> Seen:
    """A share of the customers, drawn by customer and moment: no matter which worker is asked."""
    limit = round(share * _EVERYONE)
    drawn = [
        row
        for row, subject in enumerate(seen.subjects)
        if zlib.crc32(f"{subject.journey.customer_id}\n{seen.scored_at}".encode()) < limit
    ]
    if len(drawn) == len(seen.subjects):
        return seen
    return replace(
        seen,
        subjects=[seen.subjects[row] for row in drawn],
        matrices={slot: matrix[drawn] for slot, matrix in seen.matrices.items()} if drawn else {},
        numbers=_rows_of(seen.numbers, drawn),
    )


def _rows_of(numbers: Numbers, rows: list[int]) -> Numbers:
    parts: dict[str, Any] = {
        name: None if getattr(numbers, name) is None else getattr(numbers, name)[rows]
        for name in ("probability", "categories", "expected")
    }
    return Numbers(**parts)
