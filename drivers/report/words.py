"""A language of the report: its direction, its sentences (gettext catalogues read as they are), its numbers and dates (CLDR).

English is the source language; the other catalogues lie in `locales/<language>.po`. `mark` only tells the extractor of
messages that a constant is one; `Words.say` and `Words.count` translate. What is put into a sentence is escaped.
"""

from __future__ import annotations

import gettext
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from markupsafe import Markup, escape

from drivers.interval import Interval

LOCALES: Final = Path(__file__).with_name("locales")
KEYWORDS: Final[dict[str, tuple[int, ...] | None]] = {"say": None, "count": (1, 2), "mark": None}
NAMES: Final = {"en": "English", "he": "עברית", "ar": "العربية", "ru": "Русский"}

_UNITS: Final = {
    "second": "duration-second",
    "seconds": "duration-second",
    "minute": "duration-minute",
    "minutes": "duration-minute",
    "hour": "duration-hour",
    "hours": "duration-hour",
    "day": "duration-day",
    "days": "duration-day",
    "week": "duration-week",
    "weeks": "duration-week",
}
_BARE: Final = ("", "number", "score", "flag", "ratio")
_LEFT_TO_RIGHT: Final = "\u200e"


def mark(message: str) -> str:
    """The message itself; it is translated where it is used."""
    return message


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations of a language; those of English are the messages themselves."""
    if language == "en":
        return gettext.NullTranslations()
    with (LOCALES / f"{language}.po").open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks one language. All methods give text that may stand in HTML as it is."""

    language: str

    @property
    def locale(self) -> Locale:
        """The CLDR locale."""
        return Locale.parse(self.language)

    @property
    def direction(self) -> str:
        """Whether the script runs ``ltr`` or ``rtl``."""
        return str(self.locale.text_direction)

    def say(self, message: str, /, **values: object) -> Markup:
        """A sentence with named places filled."""
        text = catalogue(self.language).gettext(message)
        return Markup(text).format(**values)  # noqa: S704 - the catalogues are ours; values are escaped by format

    def count(self, one: str, many: str, n: int, /, **values: object) -> Markup:
        """A sentence in the plural form that `n` needs; ``{n}`` in it is the number itself."""
        text = catalogue(self.language).ngettext(one, many, n)
        return Markup(text).format(n=self.whole(n), **values)  # noqa: S704 - as in say

    def name(self, text: str) -> Markup:
        """A name from the company's data, kept apart from the direction of the sentence around it."""
        return Markup("<bdi>{}</bdi>").format(text)

    def listing(self, items: Iterable[object]) -> Markup:
        """Several things as a list in a sentence: a, b and c."""
        escaped = [str(escape(item)) for item in items]
        return Markup(format_list(escaped, locale=self.locale))  # noqa: S704 - each item was escaped above

    def number(self, value: float, digits: int = 1) -> str:
        """A number with so many decimals."""
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        text = format_decimal(_plain_zero(value, digits), format=pattern, locale=self.locale)
        return _LEFT_TO_RIGHT + text if text.startswith("-") and self.direction == "rtl" else text

    def whole(self, value: float) -> str:
        """A number without decimals."""
        return self.number(value, 0)

    def short(self, value: float) -> str:
        """A number with the decimals it needs, at most two: for axes and values in the company's own units."""
        return self.number(value, decimals(value))

    def percent(self, value: float, digits: int = 1) -> str:
        """A fraction of one as a percentage with so many decimals."""
        number = "#,##0." + "0" * digits if digits else "#,##0"
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", number)
        text = format_percent(_plain_zero(value, digits + 2), format=pattern, locale=self.locale)
        return _LEFT_TO_RIGHT + text if text.startswith("-") and self.direction == "rtl" else text

    def probability(self, value: float) -> str:
        """A p-value or q-value: three decimals, or that it is smaller."""
        if value < 0.001:
            return _LEFT_TO_RIGHT + "< " + self.number(0.001, 3)
        return self.number(value, 3)

    def quantity(self, value: float, unit: str, digits: int | None = None) -> Markup:
        """A value with its unit, in the language's words where CLDR knows the unit."""
        digits = decimals(value) if digits is None else digits
        if unit in _UNITS:
            pattern = "#,##0." + "0" * digits if digits else "#,##0"
            # CLDR has gaps in its long forms (days in Arabic, weeks in Hebrew) where the short form is the full word.
            forms = (
                format_unit(round(value, digits), _UNITS[unit], length, format=pattern, locale=self.locale)
                for length in ("long", "short")
            )
            return escape(next(text for text in forms if _UNITS[unit] not in text))
        number = escape(self.number(value, digits))
        return number if unit in _BARE else Markup("{} {}").format(number, self.name(unit))

    def day(self, iso: str) -> str:
        """A date in full; a text that is no date is given back as it is."""
        try:
            day = datetime.fromisoformat(iso)
        except ValueError:
            return iso
        return str(format_date(day, format="long", locale=self.locale))

    def period(self, name: str) -> str:
        """A date in full, or a month (2025-03)."""
        try:
            month = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            return self.day(name)
        return str(format_skeleton("yMMMM", month, locale=self.locale))

    def moment(self, when: datetime) -> str:
        """A date and a time of day; the time is UTC."""
        return format_datetime(when, format="long", locale=self.locale)

    def limits(self, interval: Interval, kind: str) -> Markup:
        """The limits of an interval in words, or that none are known. `kind` is the number format, as in `figure`."""
        if interval.low is None or interval.high is None:
            return self.say("no interval")
        low, high = self.figure(interval.low, kind), self.figure(interval.high, kind)
        return self.say("{low} to {high}", low=low, high=high)

    def valued(self, message: str, interval: Interval, kind: str) -> Markup:
        """A sentence with the places ``{value}`` and ``{limits}`` filled from an estimate."""
        return self.say(message, value=self.figure(interval.value, kind), limits=self.limits(interval, kind))

    def figure(self, value: float, kind: str) -> str:
        """A number in one of the report's formats.

        They are points (one decimal), percent, tick (percent without decimals where it has none), whole, short,
        probability, hundredths, fixed (three decimals) and fine_percent (two decimals).
        """
        match kind:
            case "percent":
                return self.percent(value)
            case "whole":
                return self.whole(value)
            case "short":
                return self.short(value)
            case "probability":
                return self.probability(value)
            case "tick":
                return self.percent(value, min(decimals(100 * value), 1))
            case "fixed":
                return self.number(value, 3)
            case "hundredths":
                return self.number(value, 2)
            case "fine_percent":
                return self.percent(value, 2)
            case _:
                return self.number(value, 1)


def decimals(*values: float) -> int:
    """How many decimals show these values alike: as many as the one that needs most, and fewer the larger they are."""
    largest = max(abs(value) for value in values)
    most = 2 if largest < 10 else 1 if largest < 1000 else 0
    return max(
        next((digits for digits in range(most) if math.isclose(value, round(value, digits))), most) for value in values
    )


def _plain_zero(value: float, digits: int) -> float:
    """The value, without the minus sign of one that rounds to zero."""
    return 0.0 if round(value, digits) == 0 else value
