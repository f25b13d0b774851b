"""One target's part of metrics.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.settings import Settings
from tests.training import made
from training import judge, model
from training.split import split
from training.targets import Task

EXPECTED = {
    "binary": {
        "auc",
        "average_precision",
        "log_loss",
        "brier",
        "ece",
        "lift_at_10",
        "empc",
        "calibration_in_the_large",
    },
    "ordinal": {"log_loss", "rps", "qwk", "macro_f1", "macro_auc", "nps_points_error", "nps_points_bias"},
    "amount": {"mae", "rmse", "spearman", "bias_ratio"},
    "survival": {"ibs", "concordance", "log_loss"},
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})


def judged(settings: Settings, task: Task, dates: tuple[int, ...] = ()) -> dict[str, Any]:
    dataset = made.dataset(task, rows=1800, dates=dates)
    division = split(dataset, settings.validation, 7)
    return judge.metrics(dataset, division, model.fit(dataset, division, settings).held, settings)


@pytest.mark.parametrize("dates", [(), made.months(12)], ids=["flat", "dated"])
@pytest.mark.parametrize("task", ["binary", "ordinal", "amount"])
def test_every_promised_metric_is_there(settings: Settings, task: Task, dates: tuple[int, ...]) -> None:
    """Each metric is {value, low, high}; counts, validation and floors stand beside it; all of it is JSON."""
    found = judged(settings, task, dates)
    json.dumps(found, allow_nan=False)
    for name in EXPECTED[task]:
        assert set(found[name]) == {"value", "low", "high"}, name
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
    assert found["validation"] == ("out_of_time" if dates else "repeated_stratified_folds")
    assert bool(found["test_as_of"]) == bool(dates)
    assert found["n_train"] > 0
    assert found["n_test"] > 0
    assert "prior" in found["baselines"]
    assert all(isinstance(value, float | None) for floor in found["baselines"].values() for value in floor.values())


def test_a_signal_beats_the_prior_and_floors_are_near(settings: Settings) -> None:
    """Where labels follow the features, the model is far from the prior; the logistic floor is a good one here."""
    found = judged(settings, "binary")
    loss = found["log_loss"]["value"]
    assert loss < 0.93 * found["baselines"]["prior"]["log_loss"]
    assert found["baselines"]["logistic"]["auc"] > 0.75
    assert abs(found["calibration_in_the_large"]["value"]) < 0.02


def test_noise_is_no_better_than_the_prior(settings: Settings) -> None:
    """Where nothing can be known the loss is the prior's, and the interval of the AUC holds one half."""
    dataset = made.dataset(rows=1500, signal=0.0)
    division = split(dataset, settings.validation, 7)
    found = judge.metrics(dataset, division, model.fit(dataset, division, settings).held, settings)
    assert found["log_loss"]["value"] == pytest.approx(found["baselines"]["prior"]["log_loss"], abs=0.01)
    assert found["auc"]["low"] - 0.02 < 0.5 < found["auc"]["high"] + 0.02


def test_seen_and_unseen_customers_and_periods(settings: Settings) -> None:
    """A split in time tells of customers that were taught and others, and of the level per period."""
    found = judged(settings, "binary", made.months(12))
    assert found["by_customer"]["seen"]["n"] + found["by_customer"]["unseen"]["n"] == found["n_test"]
    assert [period["period"] for period in found["periods"]] == found["test_as_of"]
    assert found["periods"][0]["observed"] == pytest.approx(found["base_rate"])


@pytest.mark.parametrize("task", ["binary", "ordinal"])
def test_rolling_origins_tell_how_steady_it_is(settings: Settings, task: Task) -> None:
    """Each inner origin is judged as the newest dates are: with intervals, from rows that were over by then, older than them."""
    dataset = made.dataset(task, rows=1500, dates=made.months(12))
    division = split(dataset, settings.validation, 7)
    held = model.fit(dataset, division, settings).held
    found = judge.metrics(dataset, division, held, settings)["origins"]
    assert division.rolling
    assert [item["n"] for item in found] == [len(valid) for _, valid in division.folds]
    assert [item["as_of"] for item in found] == sorted(item["as_of"] for item in found)
    for item, origin in zip(found, held.origins, strict=True):
        loss = item["log_loss"]
        assert loss["low"] <= loss["value"] <= loss["high"]
        assert dataset.as_of[origin.rows].max() < dataset.as_of[division.test].min()
        assert item["predicted"] == pytest.approx(item["observed"], abs=0.25 if task == "binary" else 25)


def test_folds_have_no_origins(settings: Settings) -> None:
    """A flat table has no time to be steady over."""
    assert "origins" not in judged(settings, "binary")


def test_the_same_rows_give_the_same_metrics(settings: Settings) -> None:
    """Twice the same: nothing depends on the day or on threads."""
    assert judged(settings, "binary") == judged(settings, "binary")


def test_levels_for_percentiles() -> None:
    """NPS answers are ordered by promoter minus detractor; others by themselves."""
    nps = made.dataset("ordinal", rows=30)
    answer = np.array([[0.2, 0.3, 0.5]])
    np.testing.assert_allclose(judge.level(nps, answer), [0.3])
    np.testing.assert_allclose(judge.level(made.dataset(rows=30), np.array([0.4])), [0.4])


@pytest.mark.parametrize("label", ["cancellation", "inactivity"])
def test_curves_are_judged_by_day_beside_their_floors(settings: Settings, label: str) -> None:
    """Whole figures and those of each day with limits; Kaplan and Meier and a logistic hazard beside them; the mean curve."""
    dataset = made.dataset("survival", rows=2400, dates=made.months(12), spec={"label": label})
    division = split(dataset, settings.validation, 7)
    found = judge.metrics(dataset, division, model.fit(dataset, division, settings).held, settings)
    json.dumps(found, allow_nan=False)
    assert found["validation"] == "out_of_time"
    for name in EXPECTED["survival"]:
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"], name
    assert [item["day"] for item in found["by_day"]] == [30, 60, 90]
    for item in found["by_day"]:
        for name in ("auc", "log_loss", "brier", "calibration_in_the_large"):
            assert item[name]["low"] <= item[name]["value"] <= item[name]["high"]
    floor, logistic = (found["baselines"][name] for name in ("kaplan_meier", "logistic_hazard"))
    assert floor["concordance"] == 0.5
    assert found["ibs"]["value"] < 0.9 * floor["ibs"]
    assert found["ibs"]["value"] < 1.1 * logistic["ibs"]
    assert logistic["concordance"] > 0.7
    curve = [item["predicted"] for item in found["churn_by_day"]]
    assert curve == sorted(curve, reverse=label == "inactivity")
    for item in found["churn_by_day"]:
        assert item["predicted"] == pytest.approx(item["observed"], abs=0.07)
    assert [item["period"][:10] for item in found["periods"]] == ["2024-09-27"]
