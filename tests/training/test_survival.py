"""Metrics of curves: held against scikit-survival."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training import made
from training import evaluate
from training.periods import Periods
from training.survival import by_last_day, churned, followed, kaplan_meier, nested, scorer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sksurv.metrics import concordance_index_censored, integrated_brier_score
    from sksurv.nonparametric import kaplan_meier_estimator

DAYS = (30, 45, 90)


def curves(rows: int, seed: int, days: tuple[int, ...] = DAYS) -> tuple[Periods, np.ndarray]:  # type: ignore[type-arg]
    """What became of rows, and chances that fit it somewhat; a few rows share theirs."""
    rng = np.random.default_rng(seed)
    over = rng.integers(1, len(days) + 1, rows)
    risk = rng.normal(size=rows).round(1)
    first = rng.geometric(np.clip(0.3 * np.exp(risk / 2), 0.01, 0.95))
    event = np.where(first <= over, first, 0)
    hazard = np.clip(0.25 * np.exp(risk / 2)[:, None] * np.ones(len(days)), 0.01, 0.95)
    return Periods(days, event, over), 1 - np.cumprod(1 - hazard, axis=1)


def structured(known: Periods, days: tuple[int, ...]) -> np.ndarray:  # type: ignore[type-arg]
    """As scikit-survival takes it: it happened on the day that ends the period; who was lost was so a little later."""
    ends = np.array([0, *days], dtype=float)
    time = np.where(known.event > 0, ends[known.event], ends[known.over] + 0.25)
    return np.array(list(zip(known.event > 0, time, strict=True)), dtype=[("event", bool), ("time", float)])


@settings(max_examples=25, deadline=None)
@given(st.integers(60, 400), st.integers(0, 10_000))
def test_the_figures_are_those_of_scikit_survival(rows: int, seed: int) -> None:
    """Integrated Brier score and concordance agree to 1e-9, with ties of time and of chance, and unequal periods."""
    known, happened = curves(rows, seed)
    if (known.over == len(DAYS)).sum() < 5 or not ((known.over == len(DAYS)) & (known.event == 0)).any():
        return
    found = evaluate.values([scorer(known, happened)], rows)
    truth = structured(known, DAYS)
    theirs = integrated_brier_score(truth, truth, 1 - happened, np.array(DAYS, dtype=float))
    assert found["ibs"] == pytest.approx(theirs, abs=1e-9)
    pairs = concordance_index_censored(truth["event"], truth["time"], happened[:, -1])
    assert found["concordance"] == pytest.approx(pairs[0], abs=1e-9)


def test_following_is_kaplan_and_meiers() -> None:
    """The chance of not being lost is scikit-survival's reverse estimate at the days."""
    known, _ = curves(500, 3)
    truth = structured(known, DAYS)
    times, chance = kaplan_meier_estimator(truth["event"], truth["time"], reverse=True)
    expected = [chance[times <= day][-1] if (times <= day).any() else 1.0 for day in DAYS]
    np.testing.assert_allclose(followed(known)[0], expected, atol=1e-12)


def test_a_weight_of_two_is_a_row_twice() -> None:
    """Metrics under whole weights are those of rows repeated."""
    known, happened = curves(200, 4)
    w = np.random.default_rng(1).integers(0, 3, 200)
    rows = np.repeat(np.arange(200), w)
    weighted = scorer(known, happened)(w[None, :].astype(float))
    repeated = scorer(known.take(rows), happened[rows])(np.ones((1, len(rows))))
    for name, value in repeated.items():
        assert weighted[name][0] == pytest.approx(value[0], abs=1e-12), name


def test_nobody_lost_is_the_plain_score() -> None:
    """Where all were followed to the end, a day's Brier score is that of its probability, and one day is its own integral."""
    rng = np.random.default_rng(0)
    event = rng.integers(0, 2, 300)
    p = rng.random((300, 1))
    found = evaluate.values([scorer(Periods((60,), event, np.ones(300, dtype=np.int64)), p)], 300)
    plain = evaluate.values([evaluate.binary(event.astype(float), p[:, 0], p[:, 0])], 300)
    assert found["ibs"] == pytest.approx(plain["brier"])
    for name in ("auc", "log_loss", "brier", "calibration_in_the_large"):
        assert found[f"{name}@60"] == pytest.approx(plain[name])
    assert found["concordance"] == pytest.approx(plain["auc"])


def test_of_a_return_churn_is_its_not_having_come() -> None:
    """What is ranked and lost is the same from either side; calibration changes its sign."""
    known, happened = curves(300, 5)
    churn, back = (evaluate.values([scorer(known, happened, of_return=side)], 300) for side in (False, True))
    for day in DAYS:
        assert back[f"auc@{day}"] == pytest.approx(churn[f"auc@{day}"])
        assert back[f"log_loss@{day}"] == pytest.approx(churn[f"log_loss@{day}"])
        assert back[f"calibration_in_the_large@{day}"] == pytest.approx(
            -(churn[f"calibration_in_the_large@{day}"] or 0)
        )
    rows, left = churned(known, 2, of_return=True)
    np.testing.assert_array_equal(left, 1 - known.by(2)[1])
    assert (known.over[rows] >= 2).all()


def test_the_level_of_all_is_counted_from_those_at_risk() -> None:
    """Kaplan and Meier's curve lies between that of the followed and that of all, half a row aside."""
    known, _ = curves(5000, 6)
    whole = known.take(np.flatnonzero(known.over == len(DAYS)))
    np.testing.assert_allclose(kaplan_meier(known), [whole.by(k)[1].mean() for k in (1, 2, 3)], atol=0.03)
    assert nested(
        {"ibs": 1.0, **{f"{name}@30": 0.0 for name in ("auc", "log_loss", "brier", "calibration_in_the_large")}}, (30,)
    ) == {
        "ibs": 1.0,
        "by_day": [{"day": 30, "auc": 0.0, "log_loss": 0.0, "brier": 0.0, "calibration_in_the_large": 0.0}],
    }


def test_the_last_day_is_a_plain_question() -> None:
    """Rows whose days were all over, with churn by the last day and its chance."""
    dataset = made.dataset("survival", rows=900, dates=made.months(9))
    rows = np.flatnonzero(dataset.as_of >= made.months(9)[-3])
    kept, answers = by_last_day(dataset, rows, np.full((len(rows), 3), 0.3))
    assert set(dataset.as_of[kept]) == {made.months(9)[-3]}
    np.testing.assert_array_equal(answers.label, dataset.label[kept] >= 0)
    assert answers.task == "binary"
