from __future__ import annotations

import pytest
from markupsafe import Markup

from drivers.interval import Interval
from drivers.report.words import Words, decimals

LANGUAGES = ("en", "he", "ar", "ru")


def test_direction_follows_the_script() -> None:
    """Hebrew and Arabic run from the right, the others from the left."""
    assert [Words(language).direction for language in LANGUAGES] == ["ltr", "rtl", "rtl", "ltr"]


def test_numbers_are_written_as_the_language_writes_them() -> None:
    """Separators come from CLDR."""
    assert Words("en").number(1234.56) == "1,234.6"
    assert Words("ru").number(1234.56) == "1\u00a0234,6"
    assert Words("ru").percent(0.083) == "8,3\u00a0%"
    assert Words("en").figure(0.2, "tick") == "20%"


def test_a_minus_stays_in_front_from_the_right() -> None:
    """In a right-to-left sentence a negative number keeps its sign on the left: a mark of direction goes before it."""
    assert Words("he").number(-1.5) == "\u200e-1.5"
    assert Words("he").percent(-0.5) == "\u200e-50.0%"
    assert Words("en").number(-1.5) == "-1.5"


def test_zero_has_no_sign() -> None:
    """A value that rounds to zero is not shown as minus zero."""
    assert Words("en").number(-0.01) == "0.0"
    assert Words("en").percent(-0.0001) == "0.0%"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "days", "weeks"])
def test_durations_are_words_in_every_language(language: str, unit: str) -> None:
    """No code of CLDR shows where one of its tables has a gap."""
    for value in (1, 2, 3, 11, 14, 20.5, 100):
        text = Words(language).quantity(value, unit)
        assert "duration" not in text
        assert text


def test_units_of_the_company_are_kept_and_escaped() -> None:
    """A unit that no table knows is shown as the company wrote it; a bare number has none."""
    assert Words("en").quantity(12.25, "EUR") == "12.2 <bdi>EUR</bdi>"
    assert Words("en").quantity(3, "score") == "3"
    assert "<b>" not in Words("en").quantity(3, "<b>")


def test_limits_are_words() -> None:
    """An interval reads as a phrase; one without limits says so."""
    assert Words("en").limits(Interval(31.0, 25.4, 37.9), "points") == "25.4 to 37.9"
    assert Words("ru").limits(Interval(31.0, 25.4, 37.9), "points") == "от 25,4 до 37,9"
    assert Words("en").limits(Interval(31.0), "points") == "no interval"


def test_small_probabilities_are_not_zero() -> None:
    """A tiny p-value is smaller than something, never 0."""
    assert Words("en").probability(1e-9).endswith("< 0.001")
    assert Words("en").probability(0.0312) == "0.031"


def test_dates_are_written_out() -> None:
    """A time stamp becomes a date in words; what is no date stays as it was."""
    assert Words("en").day("2025-03-01T00:00:00Z") == "March 1, 2025"
    assert Words("he").day("2025-03-01") == "1 במרץ 2025"
    assert Words("en").day("spring") == "spring"


def test_what_is_put_into_a_sentence_is_escaped() -> None:
    """Markup in a value stays text."""
    said = Words("en").say("{low} to {high}", low="<script>", high=Markup("<b>9</b>"))
    assert said == "&lt;script&gt; to <b>9</b>"


def test_lists_are_sentences() -> None:
    """Several names are joined as the language joins them, each escaped."""
    assert Words("en").listing(["a", "b", "<c>"]) == "a, b, and &lt;c&gt;"


def test_values_and_limits_show_the_same_decimals() -> None:
    """A knee of 20.5 between 19 and 21.4 is shown with one decimal throughout."""
    assert decimals(20.5, 19.0, 21.4) == 1
    assert decimals(20.0, 19.0) == 0


def test_larger_values_need_fewer_decimals() -> None:
    """Hundredths of a minute are not shown beside twenty of them."""
    assert [decimals(value) for value in (0.123, 21.28, 1234.5)] == [2, 1, 0]


def test_periods_are_months_or_days() -> None:
    """A month is named with its year, a date in full."""
    assert Words("en").period("2025-03") == "March 2025"
    assert Words("ru").period("2025-03") == "март 2025\u202fг."
    assert Words("en").period("2025-03-01T00:00:00Z") == "March 1, 2025"
