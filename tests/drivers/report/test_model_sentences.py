from __future__ import annotations

from dataclasses import replace

import pytest

from configs.settings import Settings
from drivers.interval import Interval
from drivers.report.facts import Day, Metric, Pilot, Quality
from drivers.report.labels import Labels
from drivers.report.model_sentences import ModelSentences
from drivers.report.reading import gather
from drivers.report.words import Words
from tests.drivers.report.samples import NOW

WORDS = Words("en")
MODELS = ModelSentences(WORDS, Labels(WORDS, {}, {"churn": "churn", "nps": "nps"}))


def quality(value: Interval, name: str = "auc", **baselines: float) -> Quality:
    metric = Metric(name, value, tuple(baselines.items()))
    return Quality("churn", "churn", "out_of_time", (), 10, 10, 2, (metric,), (), (), (), ())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("auc", Interval(0.84, 0.82, 0.86), "better than each of them"),
        ("auc", Interval(0.80, 0.75, 0.85), "cannot be told from the best"),
        ("auc", Interval(0.70, 0.68, 0.72), "worse than the best"),
        ("log_loss", Interval(0.84, 0.82, 0.86), "worse than the best"),
        ("log_loss", Interval(0.60, 0.55, 0.65), "better than each of them"),
    ],
)
def test_models_are_judged_beside_their_baselines(name: str, value: Interval, words: str) -> None:
    """Better only when the whole interval lies beyond the best baseline, on the metric's own good side."""
    text = MODELS.quality(quality(value, name, logistic=0.78, prior=0.79))
    assert words in text
    assert "0.780" in text


def test_no_baseline_no_judgement() -> None:
    """A metric alone is stated, not judged."""
    assert MODELS.quality(quality(Interval(0.8, 0.7, 0.9))) == "Ranking (AUC): 0.800 (0.700 to 0.900)."


def test_a_metric_of_the_house_is_stated() -> None:
    """A metric that the report has no words for is shown under its own name, beside its baselines, without a judgement."""
    text = MODELS.quality(quality(Interval(0.8, 0.7, 0.9), "house_metric", prior=0.5))
    assert text == "<bdi>House metric</bdi>: 0.800 (0.700 to 0.900), beside 0.500 for the average alone."


def test_a_curve_is_told_day_by_day() -> None:
    """Of a time to churn the order of leaving is the headline, and expected and observed loss stand by day."""
    curve = replace(
        quality(Interval(0.7, 0.65, 0.75), "concordance", kaplan_meier=0.5),
        by_day=(Day(30, 0.1, 0.12), Day(90, 0.25, 0.24)),
    )
    assert (
        "Order of leaving (concordance): 0.700 (0.650 to 0.750), beside 0.500 for one curve for all"
        in MODELS.quality(curve)
    )
    assert MODELS.tested(curve)[-1] == (
        "Share of customers expected to be lost: by day 30 10.0%, observed 12.0% and by day 90 25.0%, observed 24.0%."
    )


def test_how_it_was_judged(full: Settings) -> None:
    """Validation, dates, rows, leavers and what was left out; answers are told by their first and last day."""
    facts = gather(full, generated_at=NOW)
    churn, nps = facts.quality("churn"), facts.quality("nps")
    assert churn is not None
    assert nps is not None
    assert " ".join(MODELS.tested(churn)) == (
        "Tested on later dates than it learnt from. Test dates: March 1, 2025. "
        "Rows to learn from: 31,020; to test on: 2,984. Of the tested, 241 left. "
        "Rows left out: outcome not over by the end of the data (2,871)."
    )
    assert "Test dates: February 2, 2025 to June 28, 2025." in " ".join(MODELS.tested(nps))


def test_new_customers_are_judged_apart(full: Settings) -> None:
    """The headline metric is told for customers that the model had learnt from and for those it had not, where both are known."""
    facts = gather(full, generated_at=NOW)
    churn, nps = facts.quality("churn"), facts.quality("nps")
    assert churn is not None
    assert nps is not None
    text = MODELS.groups(churn)
    assert text is not None
    assert "0.843; on customers it had never seen: 0.822." in text
    assert MODELS.groups(nps) is None


def test_scores_in_words(full: Settings) -> None:
    """Counts and totals of the scores."""
    scores = gather(full, generated_at=NOW).scores
    assert scores is not None
    assert " ".join(MODELS.scores(scores)) == (
        "4 customers were scored. Their mean probability of leaving is 15.0%. "
        "Their expected value is 1,000. The value at risk is 212."
    )


@pytest.mark.parametrize("language", ["en", "he", "ar", "ru"])
def test_whom_a_campaign_holds_is_said_with_a_pilot_and_without(language: str) -> None:
    """None, one that chance did not draw, one without effect, one with: four different things to say, in each language."""
    said = ModelSentences(Words(language), Labels(Words(language), {}, {"churn": "churn"}))
    churn = quality(Interval(0.8, 0.7, 0.9))
    shown, unsure = Interval(0.1, 0.05, 0.15), Interval(0.01, -0.02, 0.04)
    pilots = [
        None,
        Pilot(False, None, None),
        Pilot(True, unsure, None),
        Pilot(True, shown, None),
        Pilot(True, shown, shown),
    ]
    found = [said.pilot(replace(churn, pilot=pilot)) for pilot in pilots]
    assert None not in found
    assert len(set(found)) == len(pilots)
    assert said.pilot(replace(churn, kind="nps")) is None
    if language == "en":
        assert "persuadability" in str(found[0])
        assert "not shown" in str(found[2])
        assert "prevents more" in str(found[4])
