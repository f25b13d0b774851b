"""What a pilot showed, and what one would take, in every language."""

from __future__ import annotations

import pytest

from drivers.report.page import render
from drivers.report.pilot_reading import read_experiment
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


def _page(make: Make, content: dict[str, object], language: str = "en") -> str:
    settings = make({"nps": samples.nps_target() | content}, languages=[language])
    return render(settings, gather(settings, generated_at=samples.NOW), language)


@pytest.mark.parametrize("language", samples.EVERY_LANGUAGE)
def test_effect_and_sizes_are_told(make: Make, language: str) -> None:
    """The effect with its limits, the arms, what the lost could hide, and customers and weeks of pilots to come."""
    page, words = _page(make, samples.experiment(), language), Words(language)
    assert 'id="pilot-nps"' in page
    for figure in (8.3, 4.1, -1.3, 17.4, 20.0):
        assert words.figure(figure, "points") in page
    for whole in (812, 488, 9216):
        assert words.whole(whole) in page
    assert str(words.quantity(31.0, "weeks", 0)) in page
    if language != "en":
        assert "Proof by a pilot" not in page


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            "shown",
            "Reaching customers changed the outcome by 8.3 NPS points (4.1 to 12.5); 812 were reached, 798 not, drawn by lot.",
        ),
        ("not_shown", "No effect is shown: 8.3 NPS points (4.1 to 12.5)"),
        (
            "not_randomised",
            "Chance did not draw who was reached, so the difference of 8.3 NPS points (4.1 to 12.5) is an association.",
        ),
        ("too_few", "The pilot is too small to compare: 812 customers reached, 798 not."),
    ],
)
def test_each_verdict_has_its_words(make: Make, status: str, said: str) -> None:
    """Shown, not shown with what would have, no lot, and too small."""
    assert said in _page(make, samples.experiment(status))


def test_small_pilots_come_first_and_older_analyses_have_none(make: Make) -> None:
    """The cheapest proof stands first; without a pilot and without sizes there is no section."""
    page = _page(make, samples.experiment())
    assert page.index("488 customers and 31 weeks") < page.index("9,216 customers.")
    assert "88,000 customers; as many do not meet it in two years." in page
    assert "Counted are customers who answer" in page
    assert read_experiment({}) is None
    assert "pilot-nps" not in _page(make, {"pilot": None, "pilot_size": []})
