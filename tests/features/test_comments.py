"""The language of comments: the function of the service and the expression of the database say the same."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.comments import LANGUAGES, language, language_sql

CON = duckdb.connect()


def by_database(texts: list[str | None]) -> list[str | None]:
    """What the database says of them, in one query."""
    rows = CON.execute(
        f"SELECT {language_sql('text')} FROM (SELECT unnest(?::VARCHAR[]) AS text, unnest(range(?)) AS n) ORDER BY n",
        [texts, len(texts)],
    ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("waited too long", "latin"),
        ("Č. Dvořák ß", "latin"),
        ("השירות היה מצוין", "he"),
        ("iPhone לא עובד", "he"),
        ("خدمة سيئة", "ar"),
        ("Samsung لا يعمل", "ar"),
        ("Очень долго", "cyrillic"),
        ("Ґудзик USB", "cyrillic"),
        ("12345 !?", "other"),
        ("👍🏽", "other"),
        ("とても遅い", "other"),
        ("Ελλάδα", "other"),
    ],
)
def test_scripts(comment: str, expected: str) -> None:
    """A comment's own script is told, names in Latin letters in it do not matter."""
    assert language(comment) == expected
    assert by_database([comment]) == [expected]
    assert expected in LANGUAGES


def test_no_comment_has_no_language() -> None:
    """NULL stays NULL in the database."""
    assert by_database([None, "a"]) == [None, "latin"]


def test_every_letter_of_the_lower_planes_is_told_alike() -> None:
    """Each single character up to the end of the scripts and around: edges of ranges included."""
    texts = [chr(code) for code in (*range(1, 0x800), *range(0xFB00, 0xFEFF))]
    assert by_database(texts) == [language(text) for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=20))
def test_any_text_is_told_alike(texts: list[str]) -> None:
    """Whatever people write."""
    assert by_database(list(texts)) == [language(text) for text in texts]
