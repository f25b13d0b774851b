from __future__ import annotations

import itertools
import re

import pytest
from babel.messages.pofile import read_po

from configs.settings import TouchpointInfo
from features import journey, layout, schema
from features.catalog import Catalog
from features.definition import AGGREGATES, Feature
from features.families import FAMILIES
from features.journey import MeasureInfo, Vocabulary
from serving import phrases
from serving.phrases import MESSAGES
from serving.sentences import LOCALES, Speaker

LABELS = {"en": "Support call", "he": "שיחת שירות", "ar": "مكالمة دعم", "ru": "Звонок в поддержку"}
JOURNEY = {"support_call": TouchpointInfo(label=LABELS)}  # type: ignore[arg-type]
EVERYTHING = Vocabulary(
    tables=schema.TABLES,
    touchpoints=("support_call",),
    measures={
        "wait": MeasureInfo("minutes", "lower", "time", within=20.0),
        "charge": MeasureInfo("EUR", "lower", "money"),
        "sentiment": MeasureInfo("score", "higher", "emotion"),
        "resolved": MeasureInfo("flag", "higher"),
    },
    measured={"support_call": ("wait", "charge", "sentiment", "resolved")},
    metrics=(journey.NPS_ABOUT_ENCOUNTER, "nps"),
    attributes={"region": "category"},
    categories={
        "touchpoints.channel": ("טלפון", "צ'אט"),
        "touchpoints.department": ("א", "ב"),
        "touchpoints.stage": ("א", "ב"),
        "transactions.category": ("א",),
        "subscriptions.end_reason": ("א",),
        "customers.region": ("א",),
    },
    columns={
        "customers": ("created_at", "valid_from"),
        "touchpoints": ("comment",),
        "surveys": ("comment", journey.UNANSWERED),
        "transactions": ("margin", "quantity"),
        "subscriptions": ("monthly_fee", "plan"),
    },
    usual={"support_call|wait": (12.0, 3.0)},
    costs={"support_call": 4.0},
    sequences=(("support_call", "support_call", "support_call"),),
    prices={"": (1.0, 2.0)},
)
"""A company of which everything is known, so that every family has features."""
WAIT = Feature("measures", "touchpoints", "support_call", "wait", "mean", 90, measure_unit="minutes", role="touchpoint")


@pytest.mark.parametrize("lang", ["he", "ar", "ru"])
def test_catalogues_are_complete(lang: str) -> None:
    """Every message is translated, and with the same places to fill; a catalogue holds nothing else."""
    with (LOCALES / lang / "LC_MESSAGES" / "messages.po").open("rb") as file:
        found = {message.id: message.string for message in read_po(file, locale=lang) if message.id}
    assert set(MESSAGES) | {phrases.WINDOW} <= set(found)
    assert set(found) <= set(MESSAGES) | {phrases.WINDOW, ", "}
    for message in MESSAGES:
        assert found[message].strip(), message
        assert sorted(re.findall(r"\{\w+\}", found[message])) == sorted(re.findall(r"\{\w+\}", message)), message
    assert all(found[phrases.WINDOW])


def test_every_part_of_a_feature_has_words() -> None:
    """A new aggregate, turn or made value cannot be forgotten: every one has words."""
    assert set(phrases.AGGREGATES) == set(AGGREGATES)
    assert set(phrases.NAMED) | set(phrases.FLAGS) <= set(AGGREGATES)
    told = {kind for _, kind in phrases.EVENTS}
    assert told >= {*journey.TURN_EVENTS, *(turn for turns in journey.TURNS.values() for turn in turns)}
    made = {(source, name) for source, names in layout.MADE.items() for name in names}
    assert made <= set(phrases.MADE)


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "en",
            "Support call - waiting time, average, last 90 days: 32.1 minutes, usually 12 minutes. Raises the risk of leaving.",
        ),
        ("he", "\u2068שיחת שירות\u2069 - זמן המתנה, ממוצע, 90 הימים האחרונים: \u206832.1 דקות\u2069, בדרך כלל \u206812 דקות\u2069. מעלה את הסיכון לעזיבה."),
        ("ar", "\u2068مكالمة دعم\u2069 - وقت الانتظار، المتوسط، آخر 90 يومًا: \u206832.1 دقيقة\u2069، والمعتاد \u206812 دقيقة\u2069. يرفع خطر مغادرة العميل."),
        (
            "ru",
            "Звонок в поддержку - время ожидания, в среднем, за последние 90 дней: 32,1 минуты, обычно 12 минут. Повышает риск ухода.",
        ),
    ],
)  # fmt: skip
def test_a_sentence_in_each_language(lang: str, expected: str) -> None:
    """The value, its unit and the usual value stand in the reader's language, with its plurals."""
    assert Speaker(lang, JOURNEY).sentence(WAIT, 32.12, 12.0, "churn", "raises") == expected


@pytest.mark.parametrize("lang", ["en", "he", "ar", "ru"])
def test_every_feature_can_be_said(lang: str) -> None:
    """Any feature and value make a whole sentence: no placeholder and no key of a table shows through."""
    speaker = Speaker(lang, {})
    units = ("minutes", "EUR", "flag", "number", "kWh", "days", "money")
    values = (None, 0.0, 1.0, 2.5, 400.0, 3e12, float("nan"))
    for aggregate, unit, value in itertools.product(sorted(AGGREGATES), units, values):
        feature = Feature("f", "touchpoints", "visit", "wait", aggregate, 30, measure_unit=unit, role="touchpoint")
        text = speaker.sentence(feature, value, 1.0, "nps", "lowers")
        assert "{" not in text
        assert "duration-" not in text
        assert "nan" not in text
        assert text.endswith(".")


@pytest.mark.parametrize("lang", ["en", "he", "ar", "ru"])
def test_every_family_speaks_the_language(lang: str) -> None:
    """Every feature of every family is said in the reader's words alone: no English is left, nor a name of the program's."""
    speaker = Speaker(lang, JOURNEY)
    catalog = Catalog.of(EVERYTHING, (30, 90, 180, 365))
    assert {feature.family for feature in catalog.features} == set(FAMILIES)
    said: set[str] = set()
    for feature in catalog.features:
        value = (catalog.categories[feature.name] or ("א",))[0] if feature.category else 2.5
        text = speaker.sentence(feature, value, None if feature.category else 1.0, "churn", "raises")
        left = text.replace("NPS", "").replace("€", "")
        assert not re.search(r"[{}_()]", left), text
        assert lang == "en" or not re.search("[A-Za-z]", left), text
        assert text.count("\u2068") == text.count("\u2069")
        if (
            feature.control != "tenure" or feature.aggregate != "age"
        ):  # the account's age and the contracts' are one to the reader
            assert text not in said, feature.name
        said.add(text)


def test_labels() -> None:
    """A touchpoint is called as the company calls it, else by its own name; shared controls have names."""
    russian = Speaker("ru", {"visit": TouchpointInfo(label={"en": "Shop visit"})})
    assert russian.label("visit") == "Shop visit"
    assert russian.label("live_chat") == "Live chat"
    assert russian.label("tenure") == "Стаж клиента"


@pytest.mark.parametrize(
    ("unit", "aggregate", "value", "expected"),
    [
        ("flag", "mean", 0.25, "25%"),
        ("flag", "last", 1.0, "yes"),
        ("flag", "last", 0.0, "no"),
        ("EUR", "mean", 12.5, "€12.50"),
        ("kWh", "mean", 1234.5, "1,234 kWh"),
        ("hours", "max", 1.0, "1 hour"),
    ],
)
def test_values_with_units(unit: str, aggregate: str, value: float, expected: str) -> None:
    """A value is shown with its unit, as people write it."""
    feature = Feature("f", "touchpoints", "visit", "m", aggregate, 30, measure_unit=unit, role="touchpoint")
    assert Speaker("en", {}).value(feature, value) == expected


def test_what_is_as_usual_is_not_compared() -> None:
    """A value that is the usual one is told without comparison; a tenure is told as an attribute."""
    method = Feature("attributes", "customers", "version", "payment", "current_category", control="payment")
    speaker = Speaker("en", {})
    assert (
        speaker.sentence(method, "autopay", "autopay", "churn", "lowers")
        == "Payment: autopay. Lowers the risk of leaving."
    )
    tenure = Feature("contract", "subscriptions", "start", None, "age", control="tenure")
    text = speaker.sentence(tenure, 66.79, 165.0, "churn", "raises")
    assert text == "Time as a customer: 66.8 days, usually 165 days. Raises the risk of leaving."


def test_plural_forms_follow_the_number_shown() -> None:
    """198.6 minutes are shown as 199, and so are said in the plural of 199."""
    said = Speaker("ru", JOURNEY).sentence(WAIT, 230.4, 198.6, "churn", "raises")
    assert "199 минут" in said
    assert "минуты" not in said
