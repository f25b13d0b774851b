"""Geometry of the charts: where lines, points and labels go. The templates draw it as SVG; names and numbers stay real text.

Rows of a forest are placed in percent of their width, so that they stretch with the page without distorting points or type.
The map and the calibration curve have a fixed frame in user units, once wide and once narrow. Numbers grow to the right in
every language, as on the axes of printed Hebrew and Arabic science; only the page around them is mirrored.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.interval import Interval
from drivers.report.facts import Analysis, Bin, Driver

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_NARROW_CLASSES: Final = ("Mn", "Me", "Cf")


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def fraction(self, value: float) -> float:
        """Where a value lies, 0 to 1; values beyond the axis sit on its end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def percent(self, value: float) -> str:
        """Where a value lies, as a length in percent."""
        return f"{100 * self.fraction(value):.2f}%"


def scale(values: Sequence[float], *, intervals: int = 5) -> Scale:
    """An axis from zero (or below, when a value is) to past the largest value, cut at round numbers."""
    low, high = min([0.0, *values]), max([0.0, *values])
    span = (high - low) or 1.0
    raw = span / intervals
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in _STEPS if power * factor >= raw * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    ticks = tuple(round(index * step, 12) for index in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


@dataclass(frozen=True, slots=True)
class Bar:
    """A point with its limits on a row, in percent of the row's width."""

    driver: Driver
    x: str
    low: str
    high: str
    start: str
    width: str


@dataclass(frozen=True, slots=True)
class Forest:
    """Rows on one axis: the confirmed ones, then the others."""

    axis: Scale
    confirmed: tuple[Bar, ...]
    others: tuple[Bar, ...]


def forest(analysis: Analysis) -> Forest | None:
    """Strengths of the touchpoints that were compared; ``None`` when there are none."""
    return _forest(analysis.tested, ranked=True)


def forest_of_controls(analysis: Analysis) -> Forest | None:
    """Strengths of the customers' circumstances."""
    return _forest(analysis.controls, ranked=False)


def _forest(drivers: tuple[Driver, ...], *, ranked: bool) -> Forest | None:
    shown = [(driver, driver.strength) for driver in drivers if driver.strength is not None]
    if not shown:
        return None
    axis = scale([edge for _, strength in shown for edge in _edges(strength)])
    bars = tuple(_bar(driver, strength, axis) for driver, strength in shown)
    return Forest(
        axis,
        tuple(bar for bar in bars if ranked and bar.driver.confirmed),
        tuple(bar for bar in bars if not (ranked and bar.driver.confirmed)),
    )


def shapes(analysis: Analysis) -> tuple[Scale, tuple[Bar, ...]] | None:
    """Asymmetry of the confirmed drivers, from -1 (bad encounters weigh more) to 1 (good ones do)."""
    axis = Scale(-1.0, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0))
    bars = tuple(_bar(driver, driver.asymmetry, axis) for driver in analysis.confirmed if driver.asymmetry is not None)
    return (axis, bars) if bars else None


def _edges(interval: Interval) -> list[float]:
    return [edge for edge in (interval.value, interval.low, interval.high) if edge is not None]


def _bar(driver: Driver, interval: Interval, axis: Scale) -> Bar:
    low, high = min(_edges(interval)), max(_edges(interval))
    width = 100 * (axis.fraction(high) - axis.fraction(low))
    return Bar(
        driver,
        axis.percent(interval.value),
        axis.percent(low),
        axis.percent(high),
        axis.percent(low),
        f"{width:.2f}%",
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing area in user units, with the plot inside its margins."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    size: int

    @property
    def inner_right(self) -> int:
        """X of the plot's right edge."""
        return self.width - self.right

    @property
    def inner_bottom(self) -> int:
        """Y of the plot's lower edge."""
        return self.height - self.bottom

    def x(self, fraction: float) -> float:
        """X of a fraction of the axis."""
        return round(self.left + fraction * (self.width - self.left - self.right), 1)

    def y(self, fraction: float) -> float:
        """Y of a fraction of the axis, growing upwards."""
        return round(self.height - self.bottom - fraction * (self.height - self.top - self.bottom), 1)


WIDE: Final = Frame(960, 500, 58, 24, 18, 58, 15)
NARROW: Final = Frame(360, 400, 46, 20, 14, 50, 13)
SQUARE: Final = Frame(360, 320, 52, 22, 12, 48, 13)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and the value there."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Point:
    """A touchpoint on the map; the label is empty where none fits without covering another."""

    driver: Driver
    x: float
    y: float
    low: float
    high: float
    label: str
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Map:
    """The reach x depth map in one frame."""

    frame: Frame
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]


def reach_and_depth(analysis: Analysis, labels: dict[str, str], frame: Frame) -> Map | None:
    """The map of touchpoints by reach and depth; `labels` are their names in the reader's language."""
    shown = [
        (driver, driver.reach, driver.depth)
        for driver in analysis.tested
        if driver.reach is not None and driver.depth is not None
    ]
    if not shown:
        return None
    across = scale([reach.value for _, reach, _ in shown])
    across = Scale(across.low, min(across.high, 1.0), tuple(tick for tick in across.ticks if tick <= 1.0))
    depths = [edge for driver, _, depth in shown for edge in (_edges(depth) if driver.confirmed else [depth.value])]
    up = scale(depths)
    placed = [
        (driver, frame.x(across.fraction(reach.value)), frame.y(up.fraction(depth.value)), depth)
        for driver, reach, depth in shown
    ]
    texts = _place([(x, y, labels[driver.name], driver.confirmed) for driver, x, y, _ in placed], frame)
    points = tuple(
        Point(
            driver,
            x,
            y,
            frame.y(up.fraction(min(_edges(depth)))),
            frame.y(up.fraction(max(_edges(depth)))),
            *text,
        )
        for (driver, x, y, depth), text in zip(placed, texts, strict=True)
    )
    return Map(
        frame,
        tuple(Tick(frame.x(across.fraction(tick)), tick) for tick in across.ticks),
        tuple(Tick(frame.y(up.fraction(tick)), tick) for tick in up.ticks),
        points,
    )


_Box = tuple[float, float, float, float]


def _place(points: Sequence[tuple[float, float, str, bool]], frame: Frame) -> list[tuple[str, float, float, str]]:
    """A place for each label beside its point, tried in order of rank; an empty label where every place is taken."""
    taken: list[_Box] = []
    for x, y, _, confirmed in points:
        radius = 14.0 if confirmed else 6.0
        taken.append((x - radius, y - radius, x + radius, y + radius))
    placed = []
    for x, y, label, confirmed in points:
        size = frame.size if confirmed else frame.size - 2
        gap, width = (16.0 if confirmed else 9.0), text_width(label, size)
        down = size * 0.35
        tries = (
            (x + gap, y + down, "start"),
            (x - gap, y + down, "end"),
            (x, y - gap - 2, "middle"),
            (x, y + gap + size * 0.8, "middle"),
            (x + gap, y - gap * 0.8, "start"),
            (x + gap, y + gap * 0.8 + down, "start"),
            (x - gap, y - gap * 0.8, "end"),
            (x - gap, y + gap * 0.8 + down, "end"),
        )
        for left, base, anchor in tries:
            start = left - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
            box = (start - 2, base - size, start + width + 2, base + size * 0.3)
            inside = box[0] >= frame.left and box[2] <= frame.width - 2 and box[1] >= 0 and box[3] <= frame.inner_bottom
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                placed.append((label, round(left, 1), round(base, 1), anchor))
                break
        else:
            placed.append(("", x, y, "start"))
    return placed


def text_width(text: str, size: float) -> float:
    """About how wide a text is set, in the units of its size: wide enough for bold type in the wider system fonts."""
    letters = [letter for letter in text if unicodedata.category(letter) not in _NARROW_CLASSES]
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in letters)
    return size * (0.7 * (len(letters) - wide) + 1.05 * wide)


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@dataclass(frozen=True, slots=True)
class Curve:
    """Predicted against observed probabilities, on one axis for both."""

    frame: Frame
    ticks: tuple[tuple[Tick, Tick], ...]
    points: tuple[tuple[float, float], ...]
    path: str


def calibration(bins: Sequence[Bin]) -> Curve | None:
    """The calibration curve; ``None`` when no bins were written."""
    if not bins:
        return None
    axis = scale([value for item in bins for value in (item.predicted, item.observed)])
    points = tuple(
        (SQUARE.x(axis.fraction(item.predicted)), SQUARE.y(axis.fraction(item.observed)))
        for item in sorted(bins, key=lambda item: item.predicted)
    )
    ticks = tuple(
        (Tick(SQUARE.x(axis.fraction(tick)), tick), Tick(SQUARE.y(axis.fraction(tick)), tick)) for tick in axis.ticks
    )
    path = " ".join(f"{'L' if index else 'M'}{x} {y}" for index, (x, y) in enumerate(points))
    return Curve(SQUARE, ticks, points, path)
