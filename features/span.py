"""How far the data reach: a typing error in one date must not stretch the grid of as_of dates over decades.

`check` names the rows that lie far off; here they are only left out of the span.
"""

from __future__ import annotations

from typing import Final

STRAY_GAP_DAYS: Final = 366
"""Silence of more than a year sets rows apart from the rest ..."""

STRAY_SHARE: Final = 0.01
"""... if they are no more than this share of all."""


def without_strays(days: list[tuple[int, int]]) -> tuple[int, int]:
    """First and last day of the data.

    Parameters
    ----------
    days
        (day number, events on it), ascending, at least one.
    """
    last = _edge(days, len(days) - 1, 0, -1)
    return days[_edge(days, 0, last, 1)][0], days[last][0]


def _edge(days: list[tuple[int, int]], start: int, stop: int, step: int) -> int:
    """Place of the outermost day that belongs to the rest, coming from `start`."""
    allowed = STRAY_SHARE * sum(count for _, count in days)
    edge, off = start, 0
    for place in range(start, stop, step):
        off += days[place][1]
        if off > allowed:
            break
        if abs(days[place + step][0] - days[place][0]) > STRAY_GAP_DAYS:
            edge = place + step
    return edge
