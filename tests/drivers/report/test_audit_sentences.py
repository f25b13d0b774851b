"""What a sceptic asks is answered in every language, with its figures, and with nothing where an older analysis has none."""

from __future__ import annotations

import pytest

from drivers.report.audit_reading import read_audit
from drivers.report.audit_sentences import AuditSentences
from drivers.report.labels import Labels
from drivers.report.page import render
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


def _sentences(language: str) -> AuditSentences:
    words = Words(language)
    return AuditSentences(words, Labels(words, {}, {}))


def test_an_older_analysis_has_no_audit() -> None:
    """Without an audit, or with an empty one, nothing is made up."""
    assert read_audit(None) is None
    empty = read_audit({})
    assert empty is not None
    assert empty.explained is None
    assert _sentences("en").rules(empty) == []
    assert len(_sentences("en").blind_spots(empty)) == 1


@pytest.mark.parametrize("language", samples.EVERY_LANGUAGE)
def test_figures_are_told(make: Make, language: str) -> None:
    """The page holds the number of touchpoints tested, twins with their joint strength, and what was left out."""
    settings = make({"nps": samples.nps_target() | {"audit": samples.audit()}}, languages=[language])
    page = render(settings, gather(settings, generated_at=samples.NOW), language)
    assert 'id="sceptic-nps"' in page
    audit = read_audit(samples.audit())
    assert audit is not None
    told = _sentences(language)
    for sentence in (*told.rules(audit), *told.steadiness(audit), *told.left_out(audit), *told.blind_spots(audit)):
        assert str(sentence) in page
    if language != "en":
        assert "For the sceptic" not in page


def test_a_page_without_an_audit_has_no_section(make: Make) -> None:
    """An analysis of an earlier version is still told."""
    settings = make({"nps": samples.nps_target()})
    assert "sceptic-nps" not in render(settings, gather(settings, generated_at=samples.NOW), "en")
