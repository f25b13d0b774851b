"""A reason as a sentence in the reader's language: what was seen, what is usual, what it does to the score.

Sentences are put together of nominal parts ("wait, average, last 90 days: 32 minutes"), because parts that need no agreement
in gender or case can be translated one by one. Numbers and units follow CLDR (Babel); catalogues are gettext files beside this
module; labels of touchpoints are the company's own, from its configuration.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent, is_currency
from babel.units import format_unit

from configs.settings import TouchpointInfo
from features.definition import Feature

LOCALES: Final = Path(__file__).with_name("locales")

WITH_USUAL: Final = "{label} - {what}: {value}, usually {usual}. {effect}"
WITHOUT_USUAL: Final = "{label} - {what}: {value}. {effect}"
ATTRIBUTE_WITH_USUAL: Final = "{label}: {value}, usually {usual}. {effect}"
ATTRIBUTE: Final = "{label}: {value}. {effect}"

EFFECTS: Final[dict[tuple[str, str], str]] = {
    ("churn", "raises"): "Raises the risk of leaving.",
    ("churn", "lowers"): "Lowers the risk of leaving.",
    ("nps", "raises"): "Raises the willingness to recommend.",
    ("nps", "lowers"): "Lowers the willingness to recommend.",
}

AGGREGATES: Final[dict[str, str]] = {
    "count": "number of times",
    "count_change": "number of times, change against the period before",
    "recency": "time since the last one",
    "age": "time since the first one",
    "sum": "total",
    "sum_change": "total, change against the period before",
    "mean": "average",
    "min": "lowest",
    "max": "highest",
    "last": "the last time",
    "last_change": "the last time against the time before",
    "spread": "variation",
    "trend": "average, change against the period before",
    "usual_gap": "usual time between two",
    "gap_ratio": "time since the last one in units of the usual time between two",
    "open_count": "running now",
    "open_sum": "total of what is running now",
    "current": "current value",
    "current_category": "current value",
    "last_category": "the last time",
}

WINDOW: Final = "last {days} days"
YES: Final = "yes"
NO: Final = "no"
NEVER: Final = "never"
UNKNOWN: Final = "not known"

# Names of measures and of groups of controls that most companies share; any other is shown under its own name.
NAMES: Final[dict[str, str]] = {
    "amount": "amount",
    "charge": "charge",
    "contract": "contract",
    "effort_emotion": "emotional effort",
    "effort_money": "money spent on encounters",
    "effort_time": "time spent on encounters",
    "margin": "margin",
    "monthly_fee": "monthly fee",
    "plan": "plan",
    "price": "price",
    "quantity": "quantity",
    "resolved": "resolved",
    "score": "score",
    "sentiment": "tone",
    "tenure": "time as a customer",
    "value": "spending",
    "voice": "earlier answers",
    "wait": "waiting time",
    "overall": "all touchpoints",
}

MESSAGES: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        (
            WITH_USUAL,
            WITHOUT_USUAL,
            ATTRIBUTE_WITH_USUAL,
            ATTRIBUTE,
            *EFFECTS.values(),
            *AGGREGATES.values(),
            WINDOW,
            YES,
            NO,
            NEVER,
            UNKNOWN,
            *NAMES.values(),
        )
    )
)
"""Everything a catalogue must translate."""

_DURATIONS: Final = {
    "second": "duration-second",
    "s": "duration-second",
    "minute": "duration-minute",
    "min": "duration-minute",
    "hour": "duration-hour",
    "h": "duration-hour",
    "day": "duration-day",
    "d": "duration-day",
    "week": "duration-week",
    "month": "duration-month",
    "year": "duration-year",
}
_SHOWN_PLAIN: Final = {"number", "score", "money", "ratio", "category", "flag", ""}


class Speaker:
    """Says reasons in one language.

    Parameters
    ----------
    lang
        ``en``, ``he``, ``ar`` or ``ru``.
    journey
        Touchpoints with their labels, from the configuration.
    """

    def __init__(self, lang: str, journey: Mapping[str, TouchpointInfo]) -> None:
        self.lang = lang
        self._locale = Locale.parse(lang)
        self._catalogue = catalogue(lang)
        self._journey = journey
        # Names and numbers of the other direction are isolated, or they would turn the words around them (Unicode TR 9).
        self._isolate = self._locale.text_direction == "rtl"
        # Formatting by CLDR takes longer than scoring; rounded to what is shown, sentences repeat among customers.
        self._remembered = lru_cache(maxsize=20_000)(self._sentence)

    def label(self, driver: str) -> str:
        """What a touchpoint or a group of controls is called."""
        info = self._journey.get(driver)
        if info is not None and info.label:
            labels: dict[str, str] = {str(lang): text for lang, text in info.label.items()}
            return labels.get(self.lang) or labels.get("en") or next(iter(labels.values()))
        known = NAMES.get(driver)
        name = self._say(known) if known else driver.replace("_", " ").strip()
        return name[:1].upper() + name[1:]

    def sentence(
        self,
        feature: Feature,
        value: float | str | None,
        usual: float | str | None,
        slot: Literal["churn", "nps"],
        direction: Literal["raises", "lowers"],
    ) -> str:
        """One reason.

        Parameters
        ----------
        feature
            The feature that speaks for the group.
        value
            Its value: a number, a category, or None where there is none.
        usual
            The usual value of the reference customers.
        slot, direction
            What it does to which score.
        """
        # Plural forms follow the number that is shown, not the one behind it.
        shown, normal = (_rounded(feature, item) if isinstance(item, float) else item for item in (value, usual))
        return self._remembered(feature, shown, normal, slot, direction)

    def value(self, feature: Feature, value: float | str | None) -> str:
        """A value with its unit."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self._say(NEVER if feature.aggregate in {"recency", "age", "last", "last_category"} else UNKNOWN)
        if isinstance(value, str):
            return value
        unit = feature.unit
        if unit == "flag":
            if feature.aggregate in {"last", "current", "min", "max"}:
                return self._say(YES if value >= 0.5 else NO)
            if feature.aggregate == "mean":
                return format_percent(value, locale=self._locale)
        pattern = _pattern(value)
        if duration := _DURATIONS.get(unit) or _DURATIONS.get(unit.removesuffix("s")):
            long = format_unit(value, duration, format=pattern, locale=self._locale)
            # CLDR inherits between lengths (Arabic days stand under short); Babel does not follow and shows the key.
            if duration not in long:
                return long
            return format_unit(value, duration, length="short", format=pattern, locale=self._locale)
        if abs(value) >= 1e9:
            return format_compact_decimal(value, fraction_digits=1, locale=self._locale)
        if len(unit) == 3 and is_currency(unit):
            return format_currency(value, unit, locale=self._locale)
        number = format_decimal(value, format=pattern, locale=self._locale)
        return number if unit in _SHOWN_PLAIN else f"{number} {unit}"

    def _sentence(
        self,
        feature: Feature,
        value: float | str | None,
        usual: float | str | None,
        slot: Literal["churn", "nps"],
        direction: Literal["raises", "lowers"],
    ) -> str:
        shown = self.value(feature, value)
        normal = None if usual is None else self.value(feature, usual)
        if normal == shown:
            normal = None  # "autopay, usually autopay" says nothing
        if feature.aggregate in {"current", "current_category"} or (
            feature.aggregate == "age" and feature.driver == "tenure"
        ):
            template = ATTRIBUTE if normal is None else ATTRIBUTE_WITH_USUAL
        else:
            template = WITHOUT_USUAL if normal is None else WITH_USUAL
        return self._say(template).format(
            label=self._apart(self.label(feature.driver)),
            what=self._what(feature),
            value=self._apart(shown),
            usual=self._apart(normal or ""),
            effect=self._say(EFFECTS[slot, direction]),
        )

    def _what(self, feature: Feature) -> str:
        parts = []
        if feature.measure is not None and feature.measure != feature.driver:
            known = NAMES.get(feature.measure)
            parts.append(self._say(known) if known else self._apart(feature.measure.replace("_", " ")))
        parts.append(self._say(AGGREGATES[feature.aggregate]))
        if feature.window_days is not None:
            parts.append(self._say(WINDOW).format(days=feature.window_days))
        return self._say(", ").join(parts)

    def _say(self, message: str) -> str:
        return self._catalogue.get(message, message)

    def _apart(self, text: str) -> str:
        return f"\u2068{text}\u2069" if self._isolate else text


def _pattern(value: float) -> str:
    """Three digits that count, no more."""
    size = abs(value)
    if size >= 100:
        return "#,##0"
    return "#,##0.#" if size >= 10 else "#,##0.##"


def _rounded(feature: Feature, value: float) -> float | None:
    """The number to the digits that a sentence shows of it."""
    if math.isnan(value):
        return None
    size = abs(value)
    if len(feature.unit) == 3 and feature.unit.isupper():
        return round(value, 2)
    return round(value, 0 if size >= 100 else 1 if size >= 10 else 2)


@lru_cache(maxsize=8)
def catalogue(lang: str) -> dict[str, str]:
    """English messages to those of a language; empty for English."""
    path = LOCALES / lang / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        found = read_po(file, locale=lang)
    return {str(message.id): str(message.string) for message in found if message.id and message.string}
