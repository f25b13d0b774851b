"""Metrics against brute force and scikit-learn, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import metrics as sk

from training import evaluate


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def churn(rng: np.random.Generator, n: int = 400) -> tuple[evaluate.Array, evaluate.Array]:
    """Labels, and probabilities on a coarse grid, so that ties are common."""
    p = np.round(rng.beta(2, 5, n), 2)
    return (rng.random(n) < p).astype(float), np.clip(p, 0.01, 0.99)


def test_binary_metrics_match_scikit_learn(rng: np.random.Generator) -> None:
    """AUC, average precision, log-loss and Brier score are the usual ones, with ties."""
    y, p = churn(rng)
    found = evaluate.values([evaluate.binary(y, p, p)], len(y))
    assert found["auc"] == pytest.approx(sk.roc_auc_score(y, p))
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(y, p))
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, p))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, p))
    assert found["calibration_in_the_large"] == pytest.approx(p.mean() - y.mean())
    assert evaluate.auc(y, p) == pytest.approx(sk.roc_auc_score(y, p))


def test_weighted_metrics_match_repeated_rows(rng: np.random.Generator) -> None:
    """A weight of k is the same as the row k times: what the bootstrap relies on."""
    y, p = churn(rng, 120)
    w = rng.integers(0, 4, len(y))
    with np.errstate(divide="ignore", invalid="ignore"):
        weighted = evaluate.binary(y, p, p)(w[None, :].astype(float))
    repeated = evaluate.values([evaluate.binary(np.repeat(y, w), np.repeat(p, w), np.repeat(p, w))], int(w.sum()))
    for name in ("auc", "average_precision", "log_loss", "brier", "lift_at_10", "empc"):
        assert weighted[name][0] == pytest.approx(repeated[name]), name


def test_lift_counts_a_tie_on_the_edge_in_part() -> None:
    """With equal scores everywhere the lift is 1; a perfect ranking of a tenth has the largest."""
    y = np.zeros(100)
    y[:10] = 1
    flat = np.full(100, 0.1)
    assert evaluate.values([evaluate.binary(y, flat, flat)], 100)["lift_at_10"] == pytest.approx(1.0)
    score = np.linspace(0.9, 0.1, 100)
    assert evaluate.values([evaluate.binary(y, score, score)], 100)["lift_at_10"] == pytest.approx(10.0)


def brute_empc(y: evaluate.Array, score: evaluate.Array) -> float:
    """Expected maximum profit by numerical integration over the acceptance rate and all thresholds."""
    order = np.unique(score)[::-1]
    f0 = np.array([0.0, *[(score[y == 1] >= cut).mean() for cut in order]])
    f1 = np.array([0.0, *[(score[y == 0] >= cut).mean() for cut in order]])
    share, terms = y.mean(), evaluate.CUSTOMARY
    offer, contact = terms.offer / terms.value, terms.contact / terms.value

    accept = np.linspace(0, 1, 20_001)
    gain = (accept * (1 - offer) - contact)[:, None] * share * f0 - (offer + contact) * (1 - share) * f1
    density = stats.beta.pdf(accept, terms.alpha, terms.beta)
    return float(integrate.trapezoid(terms.value * gain.max(axis=1) * density, accept))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_empc_matches_brute_force(seed: int) -> None:
    """The closed form over the convex hull is the integral of the best profit (Verbraken et al., 2013)."""
    y, p = churn(np.random.default_rng(seed), 60)
    assert evaluate.values([evaluate.binary(y, p, p)], len(y))["empc"] == pytest.approx(brute_empc(y, p), rel=1e-4)


def test_ordinal_metrics(rng: np.random.Generator) -> None:
    """RPS over K - 1, log-loss, kappa, F1 and AUC as defined; the NPS error in points."""
    n = 300
    category = rng.integers(0, 3, n)
    p = rng.dirichlet([1, 1, 1], n) * 0.5 + 0.5 * np.eye(3)[category] * rng.random((n, 1))
    p /= p.sum(axis=1, keepdims=True)
    found = evaluate.values([evaluate.ordinal(category, p)], n)
    y = np.eye(3)[category]
    rps = ((p.cumsum(1) - y.cumsum(1)) ** 2).sum(axis=1) / 2
    assert found["rps"] == pytest.approx(rps.mean())
    assert found["log_loss"] == pytest.approx(sk.log_loss(category, p))
    assert found["qwk"] == pytest.approx(sk.cohen_kappa_score(category, p.argmax(1), weights="quadratic"))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(category, p.argmax(1), average="macro"))
    assert found["macro_auc"] == pytest.approx(sk.roc_auc_score(category, p, multi_class="ovr", average="macro"))
    points = 100 * ((p[:, 2] - p[:, 0]).mean() - (y[:, 2] - y[:, 0]).mean())
    assert found["nps_points_bias"] == pytest.approx(points)
    assert found["nps_points_error"] == pytest.approx(abs(points))


def test_amount_metrics(rng: np.random.Generator) -> None:
    """Absolute and squared error, Spearman's correlation with ties, and the ratio of the sums."""
    y = np.round(rng.gamma(1, 20, 200))
    p = y * 0.5 + rng.gamma(1, 10, 200)
    found = evaluate.values([evaluate.amount(y, p)], len(y))
    assert found["mae"] == pytest.approx(np.abs(p - y).mean())
    assert found["rmse"] == pytest.approx(np.sqrt(((p - y) ** 2).mean()))
    assert found["spearman"] == pytest.approx(stats.spearmanr(y, p).statistic)
    assert found["bias_ratio"] == pytest.approx(p.sum() / y.sum())


def test_intervals_hold_the_value_and_shrink_with_customers(rng: np.random.Generator) -> None:
    """The value lies between the limits; four times the customers halve the interval, roughly."""
    widths = []
    for n in (400, 6400):
        y, p = churn(rng, n)
        found = evaluate.intervals([evaluate.binary(y, p, p)], np.arange(n), 200, 1)
        for name, item in found.items():
            assert item["low"] is not None, name
            assert item["low"] <= item["value"] <= item["high"], name  # type: ignore[operator]
        widths.append(found["auc"]["high"] - found["auc"]["low"])  # type: ignore[operator]
    assert widths[1] < 0.4 * widths[0]


def test_the_bootstrap_draws_customers_not_rows(rng: np.random.Generator) -> None:
    """Rows that repeat a customer add no certainty."""
    y, p = churn(rng, 300)
    once = evaluate.intervals([evaluate.binary(y, p, p)], np.arange(300), 200, 1)["log_loss"]
    rows = np.tile(np.arange(300), 8)
    often = evaluate.intervals([evaluate.binary(y[rows], p[rows], p[rows])], rows, 200, 1)["log_loss"]
    assert often["value"] == pytest.approx(once["value"])
    assert often["high"] - often["low"] == pytest.approx(once["high"] - once["low"], rel=0.05)  # type: ignore[operator]


def test_interval_coverage() -> None:
    """The 95 % interval of the AUC holds the true one about as often as it says."""
    truth = float(stats.norm.cdf(1 / np.sqrt(2)))
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = (rng.random(300) < 0.4).astype(float)
        score = rng.normal(size=300) + y
        p = np.full(300, 0.4)
        item = evaluate.intervals([evaluate.binary(y, score, p)], np.arange(300), 100, seed)["auc"]
        hits += int(item["low"] <= truth <= item["high"])  # type: ignore[operator]
    assert hits >= 50


def test_one_class_only_has_no_ranking_metric() -> None:
    """What cannot be computed is None instead of an error or NaN."""
    p = np.linspace(0.1, 0.9, 20)
    found = evaluate.intervals([evaluate.binary(np.zeros(20), p, p)], np.arange(20), 50, 1)
    assert found["auc"] == {"value": None, "low": None, "high": None}
    assert found["empc"]["value"] is None
    assert found["log_loss"]["value"] is not None


def test_repeats_are_averaged(rng: np.random.Generator) -> None:
    """The value of repeated folds is the mean over the repeats."""
    y, p = churn(rng)
    one, two = evaluate.binary(y, p, p), evaluate.binary(y, np.flip(p), np.flip(p))
    both = evaluate.values([one, two], len(y))["log_loss"]
    assert both == pytest.approx(
        np.mean([evaluate.values([item], len(y))["log_loss"] for item in (one, two)])  # type: ignore[list-item]
    )


def test_many_rows_are_weighted_in_blocks(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Blocks of draws change nothing but memory."""
    y, p = churn(rng, 100)
    monkeypatch.setattr(evaluate, "_BLOCK", 300)
    blocks = list(evaluate.weights(np.arange(100), 7, 1))
    assert [len(block) for block in blocks] == [1, 3, 3, 1]
    assert all((block.sum(axis=1) == 100).all() for block in blocks)
    assert evaluate.intervals([evaluate.binary(y, p, p)], np.arange(100), 7, 1)["brier"]["value"] is not None


def test_reliability_bins_have_equal_mass(rng: np.random.Generator) -> None:
    """Ten bins of the same size, rising in probability, together all rows."""
    y, p = churn(rng, 200)
    curve = evaluate.reliability(y, p)
    assert [point["rows"] for point in curve] == [20] * 10
    assert [point["predicted"] for point in curve] == sorted(point["predicted"] for point in curve)


def test_log_losses_per_row() -> None:
    """Each row's loss, for two classes and for three."""
    np.testing.assert_allclose(evaluate.log_losses(np.array([1.0, 0.0]), np.array([0.25, 0.25])), -np.log([0.25, 0.75]))
    p = np.array([[0.2, 0.3, 0.5]])
    np.testing.assert_allclose(evaluate.log_losses(np.array([1.0]), p), -np.log([0.3]))
