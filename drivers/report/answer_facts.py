"""What is told of who answers: facts of the relationship survey's answers beside all who could have given one."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.interval import Interval


@dataclass(frozen=True, slots=True)
class Moved:
    """A part of a change of the score that comes of asking or answering: points, or percentage points for a rate."""

    part: str
    earlier: str
    later: str
    change: Interval
    whole: float


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answers.

    `questions` says that rows are questions that were asked, otherwise they are active customers at dates. `foretold` says that the
    journey foretells who answers, so that weights mean anything. `strengths` are key drivers with strength as it is and weighted.
    """

    questions: bool
    rows: int
    answers: int
    auc: Interval | None
    foretold: bool
    unweighted: Interval | None
    weighted: Interval | None
    difference: Interval | None
    distinguishable: bool
    strengths: tuple[tuple[str, float, float], ...]
    start: str | None
    stop: str | None
    moved: tuple[Moved, ...]
