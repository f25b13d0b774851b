"""One writer at a time: two runs into the same output folder would mix their files."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import NotReadyError


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Hold the output folder; the system lets go of it when the process ends, however it ends.

    Raises
    ------
    NotReadyError
        When another process holds it.
    """
    with (output / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReadyError(
                "another 'moments' is writing into this folder",
                where=str(output),
                next_move="wait until it has finished, or give this configuration an output of its own",
            ) from None
        yield
