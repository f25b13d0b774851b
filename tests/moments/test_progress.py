"""Progress: lines without a terminal, a bar on one, nothing when silent."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from moments import progress
from moments.progress import Progress


def test_lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start, messages and end are lines; a message that repeats is said once."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    file = io.StringIO()
    with Progress(Console(file=file)).step("train") as report:
        report("fold 1 [of 2]", 0.25)
        report("fold 1 [of 2]", 0.30)
        report("fold 2 [of 2]", 0.75)
    lines = file.getvalue().splitlines()
    assert lines[:3] == ["train: started", "train:  25% fold 1 [of 2]", "train:  75% fold 2 [of 2]"]
    assert lines[3].startswith("train: done in ")


def test_few_lines_for_many_messages() -> None:
    """Messages that come faster than a reader reads are left out."""
    file = io.StringIO()
    with Progress(Console(file=file)).step("build") as report:
        for number in range(1000):
            report(f"part {number}", number / 1000)
    assert len(file.getvalue().splitlines()) < 10


def test_a_message_that_stays_is_told_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work with one message shows how far it got, now and then."""
    clock = iter([0.0, 2.0, 5.0, 18.0, 20.0, 21.0])
    monkeypatch.setattr("moments.progress.time.monotonic", lambda: next(clock))
    file = io.StringIO()
    with Progress(Console(file=file)).step("features") as report:
        for share in (0.1, 0.2, 0.3, 0.4):
            report("writing", share)
    assert file.getvalue().splitlines()[1:3] == ["features:  10% writing", "features:  30% writing"]


def test_a_bar_on_a_terminal() -> None:
    """On a terminal the step's name and its last message are shown."""
    file = io.StringIO()
    with Progress(Console(file=file, force_terminal=True, width=100)).step("train") as report:
        report("fold 2", 0.9)
    assert "train" in file.getvalue()
    assert "100%" in file.getvalue()


def test_silence() -> None:
    """A silent progress writes nothing."""
    file = io.StringIO()
    shown = Progress(Console(file=file), silent=True)
    with shown.step("train") as report:
        report("fold", 0.5)
    shown.note("done")
    assert file.getvalue() == ""


def test_a_fault_goes_through() -> None:
    """An error inside a step leaves the step as it is, without a line that says done."""
    file = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress(Console(file=file)).step("train"):
        raise ZeroDivisionError
    assert "done" not in file.getvalue()
