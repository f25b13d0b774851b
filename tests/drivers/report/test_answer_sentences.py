"""Who answers is told in every language, with and without weights, and a shift with its dates."""

from __future__ import annotations

import pytest

from drivers.report.answer_reading import read_answers
from drivers.report.page import render
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


def _page(make: Make, content: dict[str, object], language: str = "en") -> str:
    settings = make({"nps": samples.nps_target() | content}, languages=[language])
    return render(settings, gather(settings, generated_at=samples.NOW), language)


@pytest.mark.parametrize("language", samples.EVERY_LANGUAGE)
def test_the_weighted_score_stands_beside_the_unweighted(make: Make, language: str) -> None:
    """Rate, both scores with limits, changed strengths, and the shift with its parts."""
    page, words = _page(make, samples.answers(), language), Words(language)
    assert 'id="answers-nps"' in page
    for figure in (28.4, 31.1, 24.1, 26.6, 10.2, 5.2, 6.3, -12.5):
        assert words.figure(figure, "points") in page
    assert words.figure(4881 / 11369, "percent") in page
    assert words.day("2025-07-01") in page
    if language != "en":
        assert "Who answers" not in page


def test_english_reads_as_meant(make: Make) -> None:
    """Questions, scores, what weights cannot see, and why the score moved."""
    page = _page(make, samples.answers())
    assert "4,881 of 11,369 questions were answered (42.9%)." in page
    assert (
        "give an NPS of 28.4 (25.9 to 31.1); weighted to all who could have answered it is 24.1 (21.3 to 26.6)." in page
    )
    assert "because unhappy customers are asked less than before." in page
    assert "not seen, so the true difference may be larger" in page


def test_nothing_foretold_and_nothing_moved_are_results(make: Make) -> None:
    """Where the journey does not foretell who answers nothing is weighted; a steady score is said to be one."""
    content = samples.answers()
    told = content["answering"]
    told["foretold"] = False
    for change in told["shift"]["changes"]:
        for part in change["parts"] + change["rates"]:
            part["flagged"] = False
    page = _page(make, content)
    assert "is not shown, so answers are not weighted" in page
    assert "From January 1, 2025 to July 1, 2025 the score is not shown to have moved" in page
    told["foretold"], told["distinguishable"] = True, False
    assert "The difference is within chance." in _page(make, content)


def test_what_could_not_be_asked_is_left_out(make: Make) -> None:
    """An older analysis, or one without a reason to ask, has no section."""
    assert read_answers(None) is None
    assert read_answers({"reason": "nobody answered"}) is None
    assert "answers-nps" not in _page(make, {})
