"""The figures of a training."""

from __future__ import annotations

import numpy as np

from training import figures
from training.curves import Gain
from training.importance import Part
from training.learner import Preset
from training.learning import Learning

GAIN = Gain("churn", (0.0, 0.5, 1.0), (0.0, 0.8, 1.0), (0.0, 1.0, 1.0), (1.6, 1.0))


def learnt(question: str) -> Learning:
    rounds = np.array([10, 20, 25])
    mean = np.array([0.5, 0.4, 0.45])
    return Learning(Preset(8, 0.1, 20, 6), question, rounds, mean, np.vstack([mean, mean]), (20, 0.4))


def test_the_calibration_shows_every_bin() -> None:
    """One point per bin and side, and the diagonal; the plot returns its axes."""
    curve = [{"predicted": 0.1 * k, "observed": 0.1 * k + 0.01, "rows": 10} for k in range(5)]
    ax = figures.blank().add_subplot()
    assert figures.calibration_plot(ax, {"detractors": curve, "promoters": curve}) is ax
    diagonal, *lines = ax.lines
    assert [len(line.get_xdata()) for line in lines] == [5, 5]
    assert len(diagonal.get_xdata()) == 2


def test_gain_and_lift_are_drawn_from_their_points() -> None:
    """Gain starts at nothing, lift at the first share."""
    ax = figures.gain_plot(figures.blank().add_subplot(), [GAIN])
    assert list(ax.lines[-1].get_ydata()) == [0.0, 0.8, 1.0]
    ax = figures.lift_plot(figures.blank().add_subplot(), [GAIN])
    assert list(ax.lines[-1].get_xdata()) == [0.5, 1.0]


def test_drivers_periods_and_learning_are_drawn() -> None:
    """At most fifteen drivers, the largest on top; every period; each preset's curve above its question's lowest."""
    parts = [Part(f"driver_{k}", 1, 20.0 - k, 0.05) for k in range(20)]
    ax = figures.importance_plot(figures.blank().add_subplot(), parts)
    assert len(ax.patches) == 15
    assert ax.get_yticklabels()[-1].get_text() == "driver 0"
    periods = [{"period": f"2025-{month:02d}", "predicted": 0.1, "observed": 0.2} for month in range(1, 13)]
    ax = figures.periods_plot(figures.blank().add_subplot(), periods, "churn rate")
    assert [len(line.get_xdata()) for line in ax.lines] == [12, 12]
    ax = figures.learning_plot(figures.blank().add_subplot(), [learnt("promoter"), learnt("at_least_passive")])
    assert min(ax.lines[0].get_ydata()) == 0.0
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["8 leaves, promoter", "8 leaves, at least passive"]


def test_a_figure_has_the_same_bytes_every_time() -> None:
    """PNG without a date or a version in it."""

    def drawn() -> bytes:
        figure = figures.blank()
        figures.lift_plot(figure.add_subplot(), [GAIN])
        return figures.png(figure)

    assert drawn() == drawn()
    assert drawn().startswith(b"\x89PNG")
