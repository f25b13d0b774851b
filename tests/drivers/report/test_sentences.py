from __future__ import annotations

from typing import Any

from configs.settings import Settings
from drivers.report.facts import Analysis, Facts
from drivers.report.labels import Labels
from drivers.report.reading import gather
from drivers.report.sentences import Sentences
from drivers.report.words import Words
from tests.drivers.report.samples import NOW, Make, churn_target, driver, flat_target, nps_target, null_target

CAUSAL = ("cause", "causes", "because of it", "leads to", "drives", "due to", "impact", "effect of")


def speaker(settings: Settings, language: str = "en") -> tuple[Sentences, Facts]:
    facts = gather(settings, generated_at=NOW)
    words = Words(language)
    return Sentences(words, Labels(words, settings.journey, dict(facts.kinds))), facts


def said(make: Make, target: dict[str, Any], name: str = "nps") -> tuple[Sentences, Analysis]:
    sentences, facts = speaker(make({name: target}))
    return sentences, facts.analyses[0]


def test_a_driver_in_words(make: Make) -> None:
    """Reach, depth, strength, share and rank, each with its interval."""
    sentences, analysis = said(make, nps_target())
    assert sentences.driver(analysis.confirmed[1], analysis) == (
        "11.8% of customers met it (10.9% to 12.7%). "
        "Among them, how it went goes with a difference of 31.2 NPS points on average (25.4 to 37.9). "
        "Over all customers that is a strength of 7.9 NPS points (6.4 to 9.3). "
        "Its share of all touchpoints is 26.1%. Rank 2, could be 1 to 3."
    )


def test_drivers_are_not_called_causes(make: Make) -> None:
    """Sentences about drivers speak of what goes together."""
    for target, name in ((nps_target(), "nps"), (churn_target(), "churn")):
        sentences, analysis = said(make, target, name)
        for item in analysis.confirmed:
            text = sentences.driver(item, analysis).lower()
            assert not any(word in text for word in CAUSAL)


def test_nothing_found_is_said(make: Make) -> None:
    """A null world is told plainly, with the gate's reason and a warning against guessing."""
    sentences, analysis = said(make, null_target())
    text = " ".join(sentences.verdict(analysis))
    assert "Nothing was found" in text
    assert "did not predict better than the average" in text
    assert "1,204 rows" in text
    assert "guessing" in text


def test_too_little_is_not_nothing_found(make: Make) -> None:
    """Where nothing could be measured, that is said, and no touchpoint is called indistinguishable from chance."""
    blank = driver("delivery", strength=None, share=None, depth=None)
    sentences, analysis = said(make, {"unit": "NPS points", "n": 1, "gate": None, "drivers": [blank]})
    assert "too little to analyse: 1 row," in " ".join(sentences.verdict(analysis))
    assert sentences.unproved(analysis) == []


def test_a_flat_table_has_no_touchpoints(make: Make) -> None:
    """Circumstances alone are called so."""
    sentences, analysis = said(make, flat_target(), "churn")
    assert "no touchpoints to compare" in " ".join(sentences.verdict(analysis))


def test_everyone_met_it(make: Make) -> None:
    """A reach of all customers is said in words."""
    target = nps_target()
    target["drivers"][0]["reach"] = {"value": 1.0, "low": 1.0, "high": 1.0}
    sentences, analysis = said(make, target)
    assert sentences.driver(analysis.confirmed[0], analysis).startswith("Every customer met it.")


def test_knees_know_the_good_side(make: Make) -> None:
    """For a wait the bad side lies beyond the knee, for a tone below it; the best fifth is told when known."""
    target = nps_target()
    target["drivers"][0]["knee"]["best_fifth"] = 8.0
    sentences, analysis = said(make, target)
    waiting = sentences.knees(analysis.confirmed[0])[0]
    assert "20.5 minutes (19.0 minutes to 21.4 minutes)" in waiting
    assert "the further beyond, the worse" in waiting
    assert "The best fifth of customers already has 8 minutes." in waiting
    sentences, analysis = said(make, churn_target(), "churn")
    assert "the further below, the worse" in sentences.knees(analysis.confirmed[0])[0]


def test_the_late_are_named_with_their_reason(make: Make) -> None:
    """Days of the settings and the shares of the gate stand in the sentence."""
    sentences, facts = speaker(make({"nps": nps_target()}))
    late = facts.analyses[0].having("excluded_late")[0]
    text = sentences.late(late, facts)
    assert text.startswith("<bdi>Callback to detractors</bdi> is left out")
    assert "within 14 days after a survey answer" in text
    assert "in the last 30 days" in text
    assert "87.0% of its encounters, against 6.0% of all" in text
