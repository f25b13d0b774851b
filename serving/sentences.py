"""A reason as a sentence in the reader's language: what was seen, what is usual, what it does to the score.

The words come from `serving.phrases` and the gettext catalogues in `locales`; numbers, units and plurals follow CLDR (Babel);
labels of touchpoints are the company's own, from its configuration.
"""

from __future__ import annotations

import gettext
import io
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent, is_currency
from babel.units import format_unit

from configs.settings import TouchpointInfo
from features import journey, layout, schema
from features.definition import ANY, Feature
from serving import phrases
from serving.phrases import MADE, NAMES, WHOLE

LOCALES: Final = Path(__file__).with_name("locales")

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
_SHOWN_PLAIN: Final = {"number", "score", "points", "characters", "money", "ratio", "category", "flag", ""}
_COMPARED: Final = {"pace", "company_pace", "company_change"}
_YES_OR_NO: Final = {"last", "previous", "current", "min", "max", "recovered"}
_FLAG_SHARES: Final = {"mean", "trend"}
_PERCENT: Final = {"pace", "company_pace", "per_payment"}
_PLAIN_KINDS: Final = {journey.PAYMENT, journey.START, journey.END, journey.VERSION, journey.CREATED, ANY}


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
        name = self._name(driver)
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
            return self._say(phrases.NEVER if _never(feature) else phrases.UNKNOWN)
        if isinstance(value, str):
            return self._category(feature, value)
        unit = feature.unit
        if unit == "flag" and feature.aggregate in _YES_OR_NO:
            return self._say(phrases.YES if value >= 0.5 else phrases.NO)
        if _is_share(feature):
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
            template = phrases.ATTRIBUTE if normal is None else phrases.ATTRIBUTE_WITH_USUAL
        else:
            template = phrases.WITHOUT_USUAL if normal is None else phrases.WITH_USUAL
        return self._say(template).format(
            label=self._apart(self.label(feature.driver)),
            what=self._what(feature),
            value=self._apart(shown),
            usual=self._apart(normal or ""),
            effect=self._say(phrases.EFFECTS[slot, direction]),
        )

    def _what(self, feature: Feature) -> str:
        window = None if feature.window_days is None else self._window(feature.window_days)
        whole = WHOLE.get((feature.source, feature.measure or feature.kind, feature.aggregate))
        if whole is not None:
            parts = [self._say(whole)]
        else:
            events = self._events(feature)
            measure = self._measure(feature)
            aggregate = phrases.AGGREGATES[feature.aggregate]
            if events is not None and feature.measure is None:
                aggregate = phrases.NAMED.get(feature.aggregate, aggregate)
            elif feature.measure_unit == "flag":
                aggregate = phrases.FLAGS.get(feature.aggregate, aggregate)
            if feature.aggregate in _COMPARED:
                longer = self._window(feature.against_days or feature.window_days or 1)
                aggregate = self._say(aggregate).format(window=window or longer, longer=longer)
                window = None
            elif aggregate:
                aggregate = self._say(aggregate)
            parts = [part for part in (events, measure, aggregate) if part]
        if window is not None:
            parts.append(window)
        return self._say(", ").join(parts)

    def _events(self, feature: Feature) -> str | None:
        """What was counted or timed, where the label does not say it."""
        kind = feature.kind
        if feature.role == "touchpoint" or kind == ANY:
            return None
        if kind.startswith(journey.SEQUENCE):
            *before, last = kind.removeprefix(journey.SEQUENCE).split(journey.THEN)
            said = self._apart(self.label(last))
            for touchpoint in reversed(before):
                said = self._say(phrases.THEN).format(first=self._apart(self.label(touchpoint)), second=said)
            return said
        if feature.source == schema.SURVEYS and kind != journey.UNANSWERED:
            about = kind == journey.NPS_ABOUT_ENCOUNTER
            metric = self._apart("NPS" if about else kind.replace("_", " ").upper())
            if about:
                metric = self._say(phrases.ABOUT_ENCOUNTER).format(metric=metric)
            return metric if feature.measure else self._say(phrases.ANSWERS).format(metric=metric)
        if feature.measure is not None and (kind in _PLAIN_KINDS or feature.measure == layout.GAP):
            return None
        known = phrases.EVENTS.get((feature.source, kind))
        return None if known is None else self._say(known)

    def _measure(self, feature: Feature) -> str | None:
        """The measure's name, where it is neither the label nor said with the aggregate."""
        name = feature.measure
        if name is None or name == feature.driver or feature.aggregate == "money_share":
            return None
        if feature.source == schema.SURVEYS and name == schema.SCORE:
            return None  # "NPS, the last time" says it
        made = MADE.get((feature.source, name))
        if made is not None:
            return self._say(made)
        return self._name(name) if name in NAMES else self._apart(self._name(name))

    def _name(self, name: str) -> str:
        known = NAMES.get(name)
        return self._say(known) if known else name.replace("_", " ").strip()

    def _category(self, feature: Feature, value: str) -> str:
        if feature.measure == layout.KIND and feature.source == schema.TOUCHPOINTS:
            return self.label(value)
        if feature.measure == layout.COMMENT_LANGUAGE:
            script = phrases.SCRIPTS.get(value)
            return self._say(phrases.OTHER) if script is None else self._locale.scripts[script]
        return value

    def _window(self, days: int) -> str:
        return self._catalogue.ngettext(*phrases.WINDOW, days).format(n=days)

    def _say(self, message: str) -> str:
        return self._catalogue.gettext(message)

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


def _never(feature: Feature) -> bool:
    """Whether a missing value says that nothing happened yet."""
    if feature.aggregate in {"recency", "age"}:
        return True
    whole = (feature.source, feature.measure or feature.kind, feature.aggregate) in WHOLE
    return feature.aggregate in {"last", "previous", "last_category", "first_category"} and not whole


def _is_share(feature: Feature) -> bool:
    """Whether a number is shown as a percentage."""
    if feature.aggregate == "company_change":
        return feature.measure != layout.QUALITY  # whose level is compared as a difference
    return (
        feature.unit == "share"
        or feature.aggregate in _PERCENT
        or (feature.unit == "flag" and feature.aggregate in _FLAG_SHARES)
    )


@lru_cache(maxsize=8)
def catalogue(lang: str) -> gettext.NullTranslations:
    """The translations of a language; those of English are the messages themselves."""
    path = LOCALES / lang / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return gettext.NullTranslations()
    with path.open("rb") as file:
        found = read_po(file, locale=lang)
    compiled = io.BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
