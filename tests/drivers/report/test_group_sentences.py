"""Segments and changes are told in every language, also when nothing differs."""

from __future__ import annotations

import pytest

from drivers.report.group_reading import read_groups
from drivers.report.page import render
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


def _page(make: Make, content: dict[str, object], language: str = "en") -> str:
    settings = make({"nps": samples.nps_target() | content}, languages=[language])
    return render(settings, gather(settings, generated_at=samples.NOW), language)


@pytest.mark.parametrize("language", samples.EVERY_LANGUAGE)
def test_what_differs_and_what_changed_are_told(make: Make, language: str) -> None:
    """Each segment's multiple, and the change of strength, reach and depth, with their limits."""
    page, words = _page(make, samples.groups(), language), Words(language)
    assert 'id="groups-nps"' in page
    for figure, kind in ((0.6, "points"), (1.9, "points"), (4.6, "points"), (0.08, "percent"), (-2.2, "points")):
        assert words.figure(figure, kind) in page
    assert 'id="steps-nps"' in page
    for sentence in ("From detractor to passive", "From passive to promoter"):
        assert str(words.say(sentence)) in page
    if language != "en":
        assert "For whom, and since when" not in page


def test_nothing_differs_is_a_result(make: Make) -> None:
    """Where no driver differs and none changed, the page says so and by what it looked."""
    same = samples.groups()
    same["segment_differences"][0]["differs"] = False
    same["changes"]["drivers"][0]["changed"] = False
    page = _page(make, same)
    assert "No driver is shown to work differently" in page
    assert "No key driver is shown to have changed between July 1, 2024 and June 28, 2025" in page


def test_an_older_analysis_has_no_groups(make: Make) -> None:
    """Where nobody was told apart nothing is said."""
    assert read_groups({}) is None
    assert "groups-nps" not in _page(make, {})
