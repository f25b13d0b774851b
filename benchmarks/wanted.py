"""What every contender has to compute: 55 core features of every customer at twelve dates, thirty days apart.

Thirty days, and not calendar months, so that windows of 30, 90 and 180 days end where others begin: whoever adds up what was
counted per interval once has the least to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.events import DAY, END, KINDS

WINDOWS: Final = (30, 90, 365)
TREND: Final = 90
"""Days of the trend: the mean in them minus the mean in as many before."""


@dataclass(frozen=True)
class Column:
    """One column: what it is, of which kind (None: of all encounters), over how many days (None: over all that is known)."""

    name: str
    what: Literal["count", "recency", "mean", "max", "trend"]
    kind: str | None
    window: int | None


def columns() -> list[Column]:
    """The 55 columns in the order of the file: counts, recencies, mean and highest wait, trend."""
    found = [Column(f"{kind}__count_{window}d", "count", kind, window) for kind in KINDS for window in WINDOWS]
    found += [Column(f"{kind}__recency", "recency", kind, None) for kind in KINDS]
    for window in WINDOWS:
        found += [
            Column(f"touchpoints__wait__mean_{window}d", "mean", None, window),
            Column(f"touchpoints__wait__max_{window}d", "max", None, window),
        ]
    return [*found, Column(f"touchpoints__wait__trend_{TREND}d", "trend", None, TREND)]


def moments(dates: int = 12) -> list[int]:
    """The as_of dates in microseconds, ascending; the last is the end of the events."""
    return [END - 30 * DAY * back for back in range(dates)][::-1]


def edges(dates: int = 12) -> list[int]:
    """Every moment at which some window of some date begins or ends, ascending: between two of them nothing changes."""
    reach = (0, *WINDOWS, 2 * TREND)
    return sorted({moment - days * DAY for moment in moments(dates) for days in reach})
