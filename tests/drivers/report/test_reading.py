from __future__ import annotations

import json
from typing import Any

import pytest

from configs.errors import DataError, NotReadyError
from configs.settings import Settings
from drivers.report.facts import Analysis
from drivers.report.page import render
from drivers.report.reading import gather
from tests.drivers.report.samples import (
    NOW,
    Make,
    churn_target,
    driver,
    flat_target,
    interval,
    key,
    metrics,
    nps_target,
)
from training.left_out import CONSTANT, DATE_ONLY, SAME_AS


def analysis(make: Make, target: dict[str, Any], name: str = "nps") -> Analysis:
    return gather(make({name: target}), generated_at=NOW).analyses[0]


def test_no_analysis_yet_is_said(make: Make) -> None:
    """Without drivers.json the error names the command that makes it."""
    with pytest.raises(NotReadyError, match="moments drivers"):
        gather(make(None), generated_at=NOW)


@pytest.mark.parametrize("text", ["{", "[]", '{"targets": {"nps": {"unit": "NPS points"}}}', "{}"])
def test_a_damaged_file_is_named(make: Make, text: str) -> None:
    """What is no JSON, no object, or lacks a key is an error that names the file."""
    settings = make(None)
    (settings.output / "drivers.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"drivers\.json"):
        gather(settings, generated_at=NOW)


def test_an_unknown_status_is_refused(make: Make) -> None:
    """A status that the report has no words for is not passed over."""
    with pytest.raises(DataError, match="'great' is not known"):
        analysis(make, {"n": 1, "drivers": [driver("a", "great")]})


def test_only_the_confirmed_are_ranked(make: Make) -> None:
    """A rank beside anything but a key driver is dropped: what is not confirmed has no place."""
    found = analysis(make, {"n": 9, "drivers": [driver("a", "candidate", rank=1, moment_of_truth=True, moment="make")]})
    assert found.drivers[0].rank is None
    assert found.drivers[0].moment is None


def test_circumstances_have_no_rank(make: Make) -> None:
    """Whatever the analysis says of a control, it is no key driver among encounters."""
    found = analysis(make, {"n": 9, "drivers": [], "controls": [key("price", 1, (1, 1), moment_of_truth=True)]})
    assert (found.controls[0].rank, found.controls[0].tier, found.controls[0].moment) == (None, None, None)


def test_key_drivers_come_by_rank_the_rest_by_name(make: Make) -> None:
    """The order of the file does not matter."""
    names = [item.name for item in analysis(make, nps_target()).drivers]
    assert names[:5] == ["support_call", "billing_error", "delivery", "surprise_gift", "contract_renewal"]
    assert names[5:] == sorted(names[5:])


def test_tiers_are_those_given_or_made_of_bands(make: Make) -> None:
    """Without tiers in the file, drivers whose rank bands overlap share one."""
    apart = [key("a", 1, (1, 1)), key("b", 2, (2, 3)), key("c", 3, (2, 3))]
    found = analysis(make, {"n": 9, "drivers": apart})
    assert [[item.name for item in tier] for tier in found.tiers] == [["a"], ["b", "c"]]
    given = [entry | {"tier": 1} for entry in apart]
    assert len(analysis(make, {"n": 9, "drivers": given}).tiers) == 1


def test_numbers_that_are_none_stay_none(make: Make) -> None:
    """NaN and infinity, which JSON should not hold, count as unknown."""
    odd = driver("a", strength={"value": float("nan"), "low": 0.0, "high": 1.0}, share=float("inf"), reach=None)
    found = analysis(make, {"n": 9, "drivers": [odd]}).drivers[0]
    assert found.strength is None
    assert found.share is None
    assert found.reach is None


def test_the_good_side_of_a_measure_comes_from_the_configuration(make: Make) -> None:
    """Longer waits are worse, a better tone is better."""
    waiting, tone = analysis(make, nps_target()).confirmed[0], analysis(make, churn_target(), "churn").confirmed[0]
    assert [waiting.knees[0].higher_is_better, tone.knees[0].higher_is_better] == [False, True]


def test_models_and_those_who_have_none(make: Make) -> None:
    """Each metric stands beside the baselines that were measured alike; a target without metrics is named."""
    only_churn = {"churn": metrics()["churn"]}
    facts = gather(make({"nps": nps_target()}, metrics=only_churn), generated_at=NOW)
    assert facts.untrained == ("nps",)
    quality = facts.quality("churn")
    assert quality is not None
    auc = quality.metric("auc")
    assert auc is not None
    assert dict(auc.baselines) == {"logistic": 0.8121, "recency": 0.6402}
    assert [item.rows for item in quality.calibration] == [900, 1200, 600, 284]


def test_findings_come_gravest_first(full: Settings) -> None:
    """A warning stands above a note, whatever the order of the file."""
    findings = gather(full, generated_at=NOW).findings
    assert findings is not None
    assert [item.level for item in findings] == ["warning", "note"]


def test_unchecked_is_not_clean(make: Make) -> None:
    """No check.json and a check without findings are different facts."""
    assert gather(make({"nps": nps_target()}), generated_at=NOW).findings is None
    clean = make({"nps": nps_target()}, findings={"findings": []})
    assert gather(clean, generated_at=NOW).findings == ()


def test_scores_are_summed_up(full: Settings) -> None:
    """Counts, means and sums are those of scores.parquet."""
    scores = gather(full, generated_at=NOW).scores
    assert scores is not None
    assert scores.customers == 4
    assert dict(scores.bands) == {"low": 2, "medium": 1, "high": 1}
    assert sum(count for _, count in scores.categories) == 3
    assert scores.churn_probability == pytest.approx(0.15)
    assert scores.expected_value == pytest.approx(1000)
    assert scores.value_at_risk == pytest.approx(212)


def test_a_flat_table_has_no_dates(make: Make) -> None:
    """As of is empty there, and there is nothing to compare."""
    found = analysis(make, flat_target(), "churn")
    assert found.as_of == ()
    assert not found.measured


def test_keys_of_later_analyses_are_not_needed(make: Make) -> None:
    """The least that the interface promises is enough, and more keys than known do no harm."""
    least = {"touchpoint": "a", "status": "key_driver", "strength": interval(1, 0, 2), "rank": 1, "new": {"x": 1}}
    found = analysis(make, {"unit": "NPS points", "n": 9, "claim": "association", "drivers": [least], "later": []})
    assert found.confirmed[0].strength is not None
    assert json.dumps(found.unit) == '"NPS points"'


@pytest.mark.parametrize(
    "bundle",
    [
        {"details": {"left_out": {"duplicate": {"b": "a"}, "constant": ["c"]}}},
        {"dropped": [{"name": "c", "reason": "constant"}, {"name": "b", "reason": "duplicate"}]},
    ],
)
def test_features_that_say_nothing_more_are_named(full: Settings, bundle: dict[str, Any]) -> None:
    """What a bundle says it left out is told with the reason; a model without a bundle left out nothing that is known."""
    path = full.output / "models" / "churn" / "bundle.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(bundle), encoding="utf-8")
    found = gather(full, generated_at=NOW)
    churn, nps = found.quality("churn"), found.quality("nps")
    assert churn is not None
    assert churn.left_out == (("c", "constant"), ("b", "duplicate"))
    assert nps is not None
    assert nps.left_out == ()
    page = render(full, found, "en")
    assert "always the same (1) and the same as another (1)" in page


def test_reasons_of_a_bundle_are_told_by_kind(full: Settings) -> None:
    """What training writes is counted by kind, in the reader's words; a reason of a later version is shown as it is."""
    path = full.output / "models" / "churn" / "bundle.json"
    path.parent.mkdir(parents=True)
    reasons = {"a": f"{SAME_AS}x", "b": f"{SAME_AS}y", "c": DATE_ONLY, "d": CONSTANT, "e": "too new"}
    dropped = [{"name": name, "reason": reason} for name, reason in reasons.items()]
    path.write_text(json.dumps({"dropped": dropped}), encoding="utf-8")
    found = gather(full, generated_at=NOW)
    churn = found.quality("churn")
    assert churn is not None
    assert [reason for _, reason in churn.left_out] == ["duplicate", "duplicate", "date", "constant", "too new"]
    page = render(full, found, "en")
    assert "the same as another (2), the same for all customers of a date (1), always the same (1)" in page
