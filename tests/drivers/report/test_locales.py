from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from drivers.report.words import KEYWORDS, LOCALES, catalogue

ROOM = LOCALES.parent
TRANSLATED = ("he", "ar", "ru")
LETTERS = {"he": r"[\u0590-\u05ff]", "ar": r"[\u0600-\u06ff]", "ru": r"[\u0400-\u04ff]"}
WORDLESS = {"{rank}.", "{metric}: {value} ({limits})", "{value} for {baseline}"}

Message = str | tuple[str, ...]


@cache
def messages() -> frozenset[Message]:
    with (LOCALES / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOM, methods, options, KEYWORDS)
    return frozenset(message for _, _, message, _, _ in found)


@cache
def translations(language: str) -> Catalog:
    with (LOCALES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def places(text: str) -> set[str]:
    return set(re.findall(r"{\w+}", text))


def pairs(language: str) -> list[tuple[Message, Message]]:
    return [(message.id, message.string) for message in translations(language) if message.id]


def test_messages_are_found_in_code_and_templates() -> None:
    """The extractor reads both, or the other tests here would pass by looking at nothing."""
    assert "In plain words" in messages()
    assert "Churn" in messages()
    assert any(isinstance(message, tuple) for message in messages())
    assert len(messages()) > 200


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language: str) -> None:
    """No sentence of the report is missing, empty or left over in any language."""
    have = {message for message, text in pairs(language) if text and all(text)}
    assert messages() - have == set()
    assert {message for message, _ in pairs(language)} - messages() == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_fuzzy(language: str) -> None:
    """A guess of the update tool is not a translation: fuzzy entries would silently stay English."""
    assert [message.id for message in translations(language) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_are_in_their_script(language: str) -> None:
    """Every translation is written in its language, not copied from English."""
    for message, text in pairs(language):
        forms = (text,) if isinstance(text, str) else text
        if message not in WORDLESS:
            bare = [re.sub(r"{\w+}", "", form) for form in forms]
            assert message != text
            assert all(re.search(LETTERS[language], form) for form in bare), message


@pytest.mark.parametrize("language", TRANSLATED)
def test_plural_forms_are_complete(language: str) -> None:
    """Each counted sentence has as many forms as the language's rule asks for."""
    for message, text in pairs(language):
        if isinstance(message, tuple):
            assert len(text) == translations(language).num_plurals, message


@pytest.mark.parametrize("language", TRANSLATED)
def test_places_survive_translation(language: str) -> None:
    """A number or name of a sentence is never lost or misspelt; a form for one or two may say the count in words."""
    for message, text in pairs(language):
        source = message if isinstance(message, str) else message[-1]
        for form in (text,) if isinstance(text, str) else text:
            allowed = {"{n}"} if isinstance(message, tuple) else set()
            assert places(form) <= places(source), message
            assert places(source) - places(form) <= allowed, message


def test_plurals_are_chosen_by_the_number() -> None:
    """Russian and Arabic speak of one, two, five and twenty-one in different forms."""
    one, many = "{n} customer was scored.", "{n} customers were scored."
    russian = [catalogue("ru").ngettext(one, many, n) for n in (1, 2, 5, 21)]
    assert russian == ["Оценён {n} клиент.", "Оценены {n} клиента.", "Оценено {n} клиентов.", "Оценён {n} клиент."]
    assert len({catalogue("ar").ngettext(one, many, n) for n in (1, 2, 5, 21, 100)}) == 5


def test_catalogues_are_text() -> None:
    """Translations are kept as reviewable text; nothing compiled lies in the repository."""
    assert {path.suffix for path in Path(LOCALES).iterdir()} == {".po", ".cfg"}
