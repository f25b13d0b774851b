"""Progress of long work: a bar on a terminal, plain lines elsewhere; always on standard error.

A step gets a function ``report(message, fraction)`` with a fraction from 0 to 1 of that step; it costs nothing to call often.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

Report = Callable[[str, float], None]

LINE_SECONDS = 1.0
"""Where there is no terminal, at most one line in this time: a log is read afterwards."""

SAME_SECONDS = 15.0
"""A message that stays is told again after this time, with how far it got."""


class Progress:
    """Shows steps one after the other on one console.

    Parameters
    ----------
    console
        Where to show; a bar if it is a terminal, lines if not.
    silent
        Show nothing at all.
    """

    def __init__(self, console: Console, *, silent: bool = False) -> None:
        self._console = console
        self._silent = silent

    @contextmanager
    def step(self, name: str) -> Iterator[Report]:
        """Show one step from its start to its end; yields the function that moves it."""
        if self._silent:
            yield _nothing
        elif self._console.is_terminal:
            yield from self._bar(name)
        else:
            yield from self._lines(name)

    def note(self, text: str) -> None:
        """One line between steps."""
        if not self._silent:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _bar(self, name: str) -> Iterator[Report]:
        columns = (
            TextColumn("{task.fields[step]:<9}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task("", total=1.0, step=name)

            def report(message: str, fraction: float) -> None:
                bars.update(task, description=message, completed=min(max(fraction, 0.0), 1.0))

            yield report
            bars.update(task, description="done", completed=1.0)

    def _lines(self, name: str) -> Iterator[Report]:
        began = time.monotonic()
        last_message, last_at = "", 0.0
        self.note(f"{name}: started")

        def report(message: str, fraction: float) -> None:
            nonlocal last_message, last_at
            now = time.monotonic()
            if now - last_at < (SAME_SECONDS if message == last_message else LINE_SECONDS):
                return
            last_message, last_at = message, now
            self.note(f"{name}: {min(max(fraction, 0.0), 1.0):4.0%} {message}")

        yield report
        self.note(f"{name}: done in {time.monotonic() - began:.1f} s")


def quiet(step: str) -> AbstractContextManager[Report]:  # noqa: ARG001 - every step is alike
    """Begin a step whose progress nobody looks at, for programs and notebooks."""
    return nullcontext(_nothing)


def _nothing(message: str, fraction: float) -> None:
    """Progress that nobody looks at."""
