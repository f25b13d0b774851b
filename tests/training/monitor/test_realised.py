from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from training import evaluate
from training.bundle import sigmoid
from training.monitor.realised import announced, measures

PRIOR = (0.9, 0.1)


def churn(n: int = 4000, seed: int = 0, slope: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and announced probabilities; `slope` and `shift` say how the truth differs from what was announced."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-2.5, 1.0, n)
    label = (rng.random(n) < sigmoid(-2.5 + slope * (z + 2.5) + shift)).astype(float)
    return label, sigmoid(z)


def value(task: str, label: np.ndarray, answer: np.ndarray, prior: tuple[float, ...] = PRIOR) -> dict[str, float]:
    found = measures(task, label, answer, prior, np.arange(len(label)), draws=2, seed=1)
    return {name: item["value"] for name, item in found.items()}


def test_parts_add_up() -> None:
    """Loss less the expected loss is the surprise; the prior's loss less the loss is the advantage; figures are those of evaluate."""
    label, answer = churn()
    found = value("binary", label, answer)
    assert found["loss"] == pytest.approx(evaluate.log_losses(label, answer).mean())
    assert found["surprise"] == pytest.approx(found["loss"] - found["expected"])
    assert found["advantage"] == pytest.approx(found["prior_loss"] - found["loss"])
    assert found["gap"] == pytest.approx(answer.mean() - label.mean())
    assert found["auc"] == pytest.approx(evaluate.auc(label, answer))


def test_the_right_level_is_the_best_intercept() -> None:
    """What the right level wins is what a search over intercepts wins."""
    label, answer = churn(shift=0.7)
    z = np.log(answer / (1 - answer))
    best = minimize_scalar(
        lambda b: evaluate.log_losses(label, sigmoid(z + b)).mean(), bounds=(-3, 3), method="bounded"
    )
    found = value("binary", label, answer)
    assert found["level_gain"] == pytest.approx(found["loss"] - best.fun, abs=1e-6)
    assert found["shift"] == pytest.approx(best.x, abs=2e-3)


def test_calibrated_answers_leave_nothing_unmended() -> None:
    """Without change the interval of the unmended part covers 0, also when only the level has moved."""
    for shift in (0.0, 0.8, -0.8):
        label, answer = churn(shift=shift, seed=3)
        found = measures("binary", label, answer, PRIOR, np.arange(len(label)), draws=100, seed=1)["unmended"]
        assert found["low"] < 0.0 < found["high"]


def test_a_changed_relation_is_not_mended_by_a_level() -> None:
    """Answers that are too bold leave a part that no level mends; it is the loss of being too bold."""
    label, answer = churn(slope=0.3)
    found = measures("binary", label, answer, PRIOR, np.arange(len(label)), draws=100, seed=1)["unmended"]
    assert found["low"] > 0.01


def test_harder_customers_are_no_surprise() -> None:
    """Customers nearer to even odds have a larger loss, and the scores announce it: nothing is left unmended."""
    rng = np.random.default_rng(5)
    z = rng.normal(-0.5, 1.0, 4000)
    label = (rng.random(4000) < sigmoid(z)).astype(float)
    found = measures("binary", label, sigmoid(z), PRIOR, np.arange(4000), draws=100, seed=1)
    assert found["loss"]["low"] > value("binary", *churn())["loss"]
    assert found["surprise"]["low"] < 0.0 < found["surprise"]["high"]
    assert found["unmended"]["low"] < 0.0 < found["unmended"]["high"]


def test_three_classes_have_two_levels() -> None:
    """For NPS the level is one constant per class; calibrated answers leave nothing, shuffled ones much."""
    rng = np.random.default_rng(7)
    answer = rng.dirichlet([2.0, 2.0, 3.0], 3000)
    category = (answer.cumsum(axis=1) < rng.random((3000, 1))).sum(axis=1)
    label = np.array([3.0, 7.0, 10.0])[category]
    prior = (0.3, 0.3, 0.4)
    fine = measures("ordinal", label, answer, prior, np.arange(3000), draws=100, seed=1)
    assert fine["unmended"]["low"] < 0.0 < fine["unmended"]["high"]
    assert fine["observed"]["value"] == pytest.approx(100 * ((category == 2).mean() - (category == 0).mean()))
    wrong = measures("ordinal", rng.permutation(label), answer, prior, np.arange(3000), draws=100, seed=1)
    assert wrong["unmended"]["low"] > 0.1


def test_money_has_a_factor_for_a_level() -> None:
    """Twice the money everywhere is a level; other customers' money is unmended; nothing is expected of money."""
    rng = np.random.default_rng(8)
    answer = np.exp(rng.normal(3.0, 0.8, 2000))
    label = answer * np.exp(rng.normal(0.0, 0.3, 2000))
    fine, twice = value("amount", label, answer, (25.0,)), value("amount", 2 * label, answer, (25.0,))
    assert "expected" not in fine
    assert twice["unmended"] == pytest.approx(fine["unmended"])
    assert twice["shift"] - fine["shift"] == pytest.approx(np.log(2.0))
    assert value("amount", rng.permutation(label), answer, (25.0,))["unmended"] > fine["unmended"] + 0.3


def test_intervals_are_over_customers() -> None:
    """The same customer five times is one customer: the interval is as wide as that of one row each."""
    label, answer = churn(400)
    once = measures("binary", label, answer, PRIOR, np.arange(400), draws=200, seed=1)["loss"]
    rows = np.tile(np.arange(400), 5)
    five = measures("binary", label[rows], answer[rows], PRIOR, rows, draws=200, seed=1)["loss"]
    assert five["high"] - five["low"] == pytest.approx(once["high"] - once["low"], rel=1e-6)


def test_calibrated_scores_announce_what_comes() -> None:
    """Without labels, loss, ranking, lift and level are announced as they turn out; chance keeps to the limits."""
    inside = 0
    for seed in range(40):
        label, answer = churn(seed=seed)
        told, came = announced("binary", answer), value("binary", label, answer)
        inside += told["loss"]["low"] < came["loss"] < told["loss"]["high"]
        assert told["auc"] == pytest.approx(came["auc"], abs=0.05)
        assert told["lift_at_10"] == pytest.approx(came["lift_at_10"], abs=0.8)
        assert told["predicted"] == pytest.approx(came["observed"], abs=0.02)
    assert inside >= 34


def test_money_announces_no_error() -> None:
    """A mean says nothing of its own error, and that is what is said."""
    assert announced("amount", np.array([1.0, 3.0])) == {
        "predicted": 2.0,
        "loss": None,
        "auc": None,
        "lift_at_10": None,
    }


def test_one_class_alone_is_finite() -> None:
    """A month in which nobody left gives numbers, not infinity."""
    _, answer = churn(200)
    found = value("binary", np.zeros(200), answer)
    assert all(np.isfinite(found[name]) for name in ("loss", "unmended", "level_gain", "shift"))
