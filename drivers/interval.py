"""An estimate with its limits, as questions answer it and as the report tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its limits; ``None`` where no limits were computed."""

    value: float
    low: float | None = None
    high: float | None = None
