"""Which levels are aimed at: those of the configuration (``drivers.levels``), and for other key drivers the knee that was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from configs.errors import ConfigError, nearest
from configs.settings import Settings
from drivers.result import Result
from features.journey import Vocabulary


@dataclass(frozen=True)
class Level:
    """A level of a touchpoint's measure, in the measure's unit, and where it is from."""

    measure: str
    value: float
    unit: str
    higher_is_better: bool
    source: Literal["configuration", "knee"]


def check_levels(settings: Settings, vocabulary: Vocabulary) -> None:
    """Refuse levels of what there is not.

    Raises
    ------
    ConfigError
        Naming the touchpoint or the measure, with the nearest spelling.
    """
    for touchpoint, levels in settings.drivers.levels.items():
        _known(touchpoint, sorted(vocabulary.measured), "a touchpoint with measures", settings)
        for measure in levels:
            _known(measure, sorted(vocabulary.measured[touchpoint]), f"a measure of '{touchpoint}'", settings)


def levels_of(block: int, result: Result, settings: Settings, vocabulary: Vocabulary) -> tuple[Level, ...]:
    """Levels of one touchpoint."""
    name = result.problem.blocks[block].name
    wanted = settings.drivers.levels.get(name)
    if wanted is not None:
        return tuple(_level(measure, value, "configuration", vocabulary) for measure, value in wanted.items())
    knee = result.knee[block]
    return () if knee is None else (_level(knee.measure, knee.value, "knee", vocabulary),)


def _level(measure: str, value: float, source: Literal["configuration", "knee"], vocabulary: Vocabulary) -> Level:
    info = vocabulary.measures[measure]
    return Level(measure, value, info.unit, info.better == "higher", source)


def _known(name: str, options: list[str], what: str, settings: Settings) -> None:
    if name in options:
        return
    close = nearest(name, options)
    raise ConfigError(
        f"'{name}' is not {what}",
        where=f"{settings.source.name}: drivers.levels",
        available=", ".join(options) or "none",
        next_move=f"did you mean '{close}'?" if close else "name one of those",
    )
