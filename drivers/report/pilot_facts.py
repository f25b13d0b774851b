"""What is told of pilots: what one showed, and how large one would have to be."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.interval import Interval


@dataclass(frozen=True, slots=True)
class Shown:
    """What a pilot showed.

    `effect` is None unless chance drew the arms; `difference` always stands where the arms could be compared. `lost` are the shares
    without outcome (reached, not reached), and `bounds` the interval that holds whatever kept the lost away.
    """

    status: str
    touchpoint: str | None
    effect: Interval | None
    difference: Interval | None
    smallest: float | None
    customers: tuple[int, int]
    lost: tuple[float, float]
    bounds: Interval | None


@dataclass(frozen=True, slots=True)
class Needed:
    """The pilot that would show `effect` of a touchpoint: customers in both arms, and weeks (None: not known).

    `answering` says that customers are counted who answer, since it is not known how many of those asked do.
    """

    touchpoint: str
    effect: float
    customers: int
    weeks: int | None
    answering: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """The experimental tier of one target."""

    shown: Shown | None
    needed: tuple[Needed, ...]
