"""The journey as a whole is told in every language: pairs with both figures, a verdict for every question."""

from __future__ import annotations

import pytest

from drivers.report.journey_reading import read_journey
from drivers.report.journey_sentences import CONSISTENCY, PEAK_END, WEAKEST_LINK
from drivers.report.page import render
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


def _page(make: Make, content: dict[str, object], language: str = "en") -> str:
    settings = make({"nps": samples.nps_target() | content}, languages=[language])
    return render(settings, gather(settings, generated_at=samples.NOW), language)


@pytest.mark.parametrize("language", samples.EVERY_LANGUAGE)
def test_pairs_and_verdicts_are_told(make: Make, language: str) -> None:
    """Both figures of a pair, and the sentence of each verdict, stand on the page."""
    page, words = _page(make, samples.journey(), language), Words(language)
    assert 'id="journey-nps"' in page
    for figure in (-31.0, -6.2):
        assert words.figure(figure, "points") in page
    for table, verdict in ((PEAK_END, "peak"), (WEAKEST_LINK, "not_shown"), (CONSISTENCY, "not_shown")):
        assert str(words.say(table[verdict])) in page


def test_no_pair_is_a_result(make: Make) -> None:
    """Where no pair acts together the page says how many were looked at."""
    page = _page(make, samples.journey() | {"interactions": {"pairs": [], "considered": 28}})
    assert "is not shown here (28 pairs were looked at)" in page


def test_a_pair_that_too_few_met_has_no_figures(make: Make) -> None:
    """Without cells the pair is named alone."""
    pair = {"first": "delivery", "second": "apology", "cells": None}
    page = _page(make, {"interactions": {"pairs": [pair], "considered": 3}})
    assert "too few met both to say how much" in page


def test_an_older_analysis_has_no_questions(make: Make) -> None:
    """Where nothing was asked nothing is said."""
    assert read_journey({}) is None
    assert "journey-nps" not in _page(make, {})
