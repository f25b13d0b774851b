"""The model card and the calibration figure."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from tests.training.test_bundle import bundle_of
from training.card import calibration_figure, calibration_plot, model_card
from training.left_out import CONSTANT, DATE_ONLY, SAME_AS

METRICS = {
    "validation": "grouped_folds",
    "n_train": 90,
    "n_test": 90,
    "customers": 45,
    "auc": {"value": 0.81234, "low": 0.79, "high": 0.83},
    "rps": {"value": None, "low": None, "high": None},
    "baselines": {"prior": {"auc": 0.5}, "logistic": {"auc": 0.8}},
}


def test_the_card_says_on_what_the_model_was_judged() -> None:
    """Question, validation in words, each metric with its interval beside the floors; what is unknown stays empty."""
    bundle, _ = bundle_of("binary")
    text = model_card(bundle, METRICS)
    assert text.startswith("# Model card: churn")
    assert "folds grouped by customer" in text
    assert "| auc | 0.8123 | 0.79 to 0.83 | 0.5 | 0.8 |" in text
    assert "| rps |  |  to  |  |  |" in text
    assert "associations, not effects" in text


def test_the_card_names_what_was_left_out() -> None:
    """Each feature that the model does without is on the card, with its reason."""
    bundle, _ = bundle_of("binary")
    assert "- left out: no feature" in model_card(bundle, METRICS)
    dropped = {"gone": CONSTANT, "copy": f"{SAME_AS}n1", "level": DATE_ONLY}
    text = model_card(replace(bundle, dropped=dropped), METRICS)
    assert "- left out: 3 features (1 constant, 1 the same as another, 1 the same for all customers of a date)" in text
    assert "- copy: same as n1" in text
    assert "- level: same for all customers of a date" in text


def test_the_figure_shows_every_bin() -> None:
    """One point per bin, and the diagonal; the plot returns its axes."""
    curve = [{"predicted": 0.1 * k, "observed": 0.1 * k + 0.01, "rows": 10} for k in range(5)]
    figure = calibration_figure(curve, "churn")
    diagonal, line = figure.axes[0].lines
    assert len(line.get_xdata()) == 5
    assert len(diagonal.get_xdata()) == 2
    ax = Figure().add_subplot()
    assert calibration_plot(ax, curve) is ax
