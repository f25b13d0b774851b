"""The moment that a score is for, when the caller does not say: now while the data are alive, else the end of the data.

Nothing here reads the clock: `now` comes from the service's edge. A history that ended long ago is not scored as of today,
since every window would be empty and every customer look lost.
"""

from __future__ import annotations

from typing import Final

from features.schema import MICROSECONDS_PER_DAY

ALIVE_DAYS: Final = 45
"""Days after the last event in which data count as alive: longer than any monthly delivery."""

STALE_DATA: Final = "stale_data"


def midnight_after(data_end: int) -> int:
    """The first midnight UTC after the last event, in microseconds: all data lie strictly before it."""
    return (data_end // MICROSECONDS_PER_DAY + 1) * MICROSECONDS_PER_DAY


def is_stale(moment: int, data_end: int | None) -> bool:
    """Whether the data end so long before a moment that they say little about it."""
    return data_end is not None and moment > data_end + ALIVE_DAYS * MICROSECONDS_PER_DAY


def default_as_of(now: int, data_end: int | None) -> int:
    """The as_of of a stored customer: now, or the midnight after data that are no longer alive."""
    return midnight_after(data_end) if data_end is not None and is_stale(now, data_end) else now
