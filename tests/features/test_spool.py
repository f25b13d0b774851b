"""Events on their way to the kernel come back whole, in memory and over files, and nothing stays behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features import spool as module
from features.encode import NULL, Events
from features.spool import Spool, spool

LIMITS = np.array([0, 3, 4, 10], dtype=np.int64)


def events(seed: int, n: int, width: int = 3, *, dated: bool = True) -> Events:
    """Random events of ten customers, extreme values among them."""
    rng = np.random.default_rng(seed)
    at = rng.integers(-(2**61), 2**61, n)
    values = rng.choice([NULL, -1, 0, 1, np.iinfo(np.int64).max], (n, width))
    kind = rng.choice([0, 1, 32_767, 32_768, 65_535], n)
    return Events(rng.integers(0, 10, n), at, at + rng.integers(0, 9, n) if dated else at, kind, values)


def lines(found: Events, first: int = 0) -> list[tuple[int, ...]]:
    """One tuple per event, in order."""
    every = np.column_stack([found.customer + first, found.at, found.known, found.kind, found.values])
    return [tuple(row) for row in every.tolist()]


@pytest.mark.parametrize("room", [1 << 40, 1, 4_000], ids=["memory", "files", "both"])
def test_every_event_comes_back_with_its_part(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Each part gets the events of its customers, one customer's after the other's in the order they were put in, bit for bit."""
    monkeypatch.setattr(module, "_IN_MEMORY", room)
    given = {"touchpoints": [events(n, 40) for n in range(5)], "customers": [events(9, 30, 1, dated=False)]}
    with spool(LIMITS) as held:
        for source, batches in given.items():
            for batch in batches:
                held.add(source, batch, dated=source == "touchpoints")
        for part in range(3):
            found = held.part(part)
            low, high = LIMITS[part], LIMITS[part + 1]
            for source, batches in given.items():
                expected = [line for batch in batches for line in lines(batch) if low <= line[0] < high]
                assert lines(found[source], low) == sorted(expected, key=lambda line: line[0])


def test_a_part_without_events_is_empty_and_a_part_is_given_once() -> None:
    """A source that has nothing for a part is left out; what was handed over is forgotten."""
    with spool(LIMITS) as held:
        mine = events(1, 20)
        some = mine.customer < 3
        held.add(
            "surveys",
            Events(*(part[some] for part in (mine.customer, mine.at, mine.known, mine.kind, mine.values))),
            dated=True,
        )
        assert set(held.part(0)) == {"surveys"}
        assert held.part(0) == {}
        assert held.part(2) == {}


def test_no_file_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is gone afterwards, after an error too."""
    monkeypatch.setattr(module, "_IN_MEMORY", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def interrupted() -> None:
        with spool(LIMITS) as held:
            held.add("surveys", events(1, 20), dated=True)
            assert list(tmp_path.glob("*/surveys-*"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_read_only_arrays_are_taken(tmp_path: Path) -> None:
    """Arrow hands out memory that cannot be written to."""
    mine = events(2, 15)
    for part in (mine.customer, mine.at, mine.known, mine.kind, mine.values):
        part.setflags(write=False)
    held = Spool(tmp_path, LIMITS)
    held.add("surveys", mine, dated=True)
    assert sum(len(held.part(part)["surveys"].at) for part in range(3)) == 15
