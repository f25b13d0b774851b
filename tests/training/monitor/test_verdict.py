from __future__ import annotations

import math
from typing import Any

import pytest

from training.monitor.verdict import KEEP, LEVEL, RETRAIN, WATCH, Reason, difference, of_labels, p_value, verdict


def span(value: float | None, half: float = 0.01) -> dict[str, Any]:
    return {
        "value": value,
        "low": None if value is None else value - half,
        "high": None if value is None else value + half,
    }


def realised(**changes: dict[str, Any]) -> dict[str, Any]:
    """Measures of a churn model that does as promised."""
    return {
        "loss": span(0.3),
        "expected": span(0.3),
        "surprise": span(0.0),
        "unmended": span(0.0, 0.004),
        "level_gain": span(0.0001),
        "shift": span(0.0, 0.2),
        "predicted": span(0.1),
        "observed": span(0.1),
        "levelled_advantage": span(0.03),
        **changes,
    }


def asked(now: dict[str, Any], held: dict[str, Any] | None = None) -> tuple[str, set[str]]:
    _, reasons = of_labels("binary", now, realised() if held is None else held)
    return verdict(reasons), {reason.code for reason in reasons}


def test_the_gravest_reason_decides() -> None:
    """One reason to train is enough; limits ask for nothing; no reason is a reason to keep."""
    watch, train, limit = Reason("scores", WATCH), Reason("loss_worse", RETRAIN), Reason("contact", "limit")
    assert verdict([watch, train, limit]) == RETRAIN
    assert verdict([limit, watch]) == WATCH
    assert verdict([limit]) == verdict([]) == KEEP


def test_a_difference_has_the_noise_of_both() -> None:
    """Limits of a difference are those of Zou and Donner: the roots of the summed squares of both distances."""
    found = difference(span(0.3, 0.03), span(0.1, 0.04))
    assert found["value"] == pytest.approx(0.2)
    assert found["high"] - 0.2 == pytest.approx(math.hypot(0.03, 0.04))
    assert difference(span(0.3), None) == pytest.approx(span(0.3))
    assert difference(span(None), span(0.1))["value"] is None


def test_p_values_follow_the_interval() -> None:
    """An estimate at its own limit has 5 %; one without limits has 1."""
    assert p_value({"value": 1.0, "low": 0.0, "high": 2.0}) == pytest.approx(0.05)
    assert p_value(span(None)) == 1.0
    assert 0 < LEVEL < 0.05


def test_as_promised_is_kept() -> None:
    """Nothing beyond noise: keep, and it says that outcomes are known."""
    assert asked(realised()) == (KEEP, {"holds"})


def test_unmended_loss_asks_for_a_training() -> None:
    """A part that no level mends, beyond noise and half a per cent of the loss, asks for a training; within noise it does not."""
    assert asked(realised(unmended=span(0.02, 0.005))) == (RETRAIN, {"loss_worse"})
    assert asked(realised(unmended=span(0.02, 0.03))) == (KEEP, {"holds"})
    assert asked(realised(unmended=span(0.001, 0.0004)), realised(unmended=span(0.0, 0.0001)))[0] == KEEP


def test_what_was_promised_no_better_is_no_news() -> None:
    """A part that was there in the held-out rows already asks for nothing."""
    assert asked(realised(unmended=span(0.02, 0.005)), realised(unmended=span(0.02, 0.005)))[0] == KEEP


def test_a_wrong_level_is_recalibrated() -> None:
    """A level that is off beyond noise and costs something asks to watch and to recalibrate, not to train."""
    off = realised(shift=span(0.8, 0.2), level_gain=span(0.02), observed=span(0.2), loss=span(0.36))
    assert asked(off) == (WATCH, {"level"})
    cheap = realised(shift=span(0.8, 0.2), level_gain=span(0.0005))
    assert asked(cheap)[0] == KEEP


def test_harder_customers_are_watched() -> None:
    """A larger loss that the scores announced is watched: no training mends it."""
    assert asked(realised(loss=span(0.4), expected=span(0.4))) == (WATCH, {"harder"})


def test_worse_than_the_average_asks_for_a_training() -> None:
    """A model that surely loses to the average with the right level is trained again."""
    assert asked(realised(levelled_advantage=span(-0.05)))[0] == RETRAIN


def test_without_a_baseline_calibration_is_the_promise() -> None:
    """A bundle that kept nothing is held against what calibrated answers imply: nothing unmended, level right."""
    _, reasons = of_labels("binary", realised(unmended=span(0.02, 0.005)), None)
    assert verdict(reasons) == RETRAIN
    figures, reasons = of_labels("binary", realised(), None)
    assert verdict(reasons) == KEEP
    assert figures["promised_loss"] is None


def test_money_is_judged_relative_to_the_mean() -> None:
    """Half a per cent is of the relative error; a larger one beyond noise asks for a training with its own sentence."""
    base = {name: item for name, item in realised().items() if name not in {"expected", "surprise"}}
    now, held = base | {"unmended": span(0.7, 0.02)}, base | {"unmended": span(0.5, 0.02)}
    figures, reasons = of_labels("amount", now, held)
    assert {reason.code for reason in reasons} == {"error_worse"}
    assert figures["tolerance"] == pytest.approx(0.005 * 0.5)
