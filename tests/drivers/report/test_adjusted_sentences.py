"""Adjusted effects are told in every language, with what they rest on, and refusals with their reason."""

from __future__ import annotations

import pytest

from drivers.report.adjusted_reading import read_adjusted
from drivers.report.page import render
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


def _page(make: Make, content: dict[str, object], language: str = "en") -> str:
    settings = make({"nps": samples.nps_target() | content}, languages=[language])
    return render(settings, gather(settings, generated_at=samples.NOW), language)


@pytest.mark.parametrize("language", samples.EVERY_LANGUAGE)
def test_effects_and_refusals_are_told(make: Make, language: str) -> None:
    """Each effect with its limits, what would be without it, what a hidden cause would do, and why others have none."""
    page, words = _page(make, samples.adjusted(), language), Words(language)
    assert 'id="adjusted-nps"' in page
    for figure in (-12.5, -15.1, 5.7, 16.8, -17.3, -49.7, 21.3):
        assert words.figure(figure, "points") in page
    assert words.figure(0.993, "percent") in page
    assert str(words.quantity(20.0, "minutes")) in page
    if language != "en":
        assert "held fixed" not in page


def test_english_reads_as_meant(make: Make) -> None:
    """The level, the gain without it, the hidden cause that could explain an effect away, and what nobody can know."""
    page = _page(make, samples.adjusted())
    assert "above 20 minutes: each one changes the outcome by -12.5 NPS points (-15.1 to -10.2)." in page
    assert "A hidden cause as strong as “Price and fees” could explain it away: between -49.7 and 21.3." in page
    assert "between -17.3 and -8.4" in page
    assert "Encounters after the answer seem to move it too" in page
    assert "has a cause of both that is not measured" in page
    assert "As a check, encounters after the answer were looked at for 1 touchpoint." in page
    assert "only a pilot with a lot can" in page


def test_what_would_bring_most_comes_first(make: Make) -> None:
    """Effects stand by what the outcome would gain over all customers."""
    page = _page(make, samples.adjusted())
    assert page.index("5.7 (4.6 to 6.8)") < page.index("2.4 (1.4 to 3.4)")


def test_without_the_extra_the_page_says_so(make: Make) -> None:
    """Where econml is missing one sentence stands; an older analysis has none."""
    page = _page(make, {"adjusted": {"claim": "adjusted", "status": "not_installed", "effects": [], "graph": None}})
    assert (
        "they need the package&#39;s extra &#39;adjusted&#39;" in page
        or "they need the package's extra 'adjusted'" in page
    )
    assert read_adjusted(None, {}) is None
    assert "adjusted-nps" not in _page(make, {})
