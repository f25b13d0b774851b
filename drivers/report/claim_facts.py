"""What is told of effects beyond association: facts of the adjusted tier."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.interval import Interval


@dataclass(frozen=True, slots=True)
class AdjustedEffect:
    """One effect of a key driver, or why there is none.

    `effect` is per encounter (beyond `level` of `measure`, where there is one); `everyone` and `concerned` are what the outcome would
    gain without any of them. `like` names the measured circumstances that `hidden` supposes a hidden cause to be as strong as.
    """

    touchpoint: str
    status: str
    reason: str | None
    measure: str | None
    level: float | None
    unit: str
    higher_is_better: bool
    effect: Interval | None
    everyone: Interval | None
    concerned: Interval | None
    foretold: float | None
    certain: float | None
    like: str | None
    hidden: Interval | None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The adjusted tier of one target; `drawn` says whether the configuration has a graph of causes."""

    status: str
    drawn: bool
    rows: int
    effects: tuple[AdjustedEffect, ...]
    placebos: int
    """Touchpoints for which encounters after the answer were looked at."""
