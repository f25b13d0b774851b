"""The contest of presets and its out-of-fold answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from configs.errors import DataError
from configs.settings import Settings
from tests.training import made
from training.bundle import sigmoid
from training.choose import contest
from training.evaluate import auc
from training.split import split


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})


def test_wider_presets_are_tried_only_while_width_pays(settings: Settings) -> None:
    """On a plain signal the small trees win and the widest are never grown; the choice is the best of those tried."""
    options = settings.learner.model_copy(update={"leaves": (2, 4, 31)})
    dataset = made.dataset(rows=900)
    found = contest(dataset, split(dataset, settings.validation, 7), settings.model_copy(update={"learner": options}))
    losses = found.choice.losses
    assert found.choice.preset.name == min(losses, key=lambda name: losses[name])
    if losses["4 leaves"] >= losses["2 leaves"]:
        assert "31 leaves" not in losses


def test_crosswise_answers_cover_every_row_and_are_calibrated(settings: Settings) -> None:
    """Each repeat answers each row once; the probabilities rank well and add up to the churners."""
    dataset = made.dataset(rows=1500)
    found = contest(dataset, split(dataset, settings.validation, 7), settings)
    margins, calibration = found.crosswise(2)
    assert len(margins) == 2
    assert len(calibration) == 1
    for margin in margins:
        p = sigmoid(margin[:, 0])
        assert np.isfinite(p).all()
        assert auc(dataset.label, p) > 0.75
        assert p.mean() == pytest.approx(dataset.label.mean(), abs=0.02)


def test_crosswise_answers_of_noise_do_not_look_like_skill(settings: Settings) -> None:
    """Choosing, calibrating and judging on the same folds invents no ranking where there is none."""
    areas = []
    for seed in range(4):
        dataset = made.dataset(rows=1200, signal=0.0, seed=seed)
        margins, _ = contest(dataset, split(dataset, settings.validation, seed), settings).crosswise(2)
        areas.append(np.mean([auc(dataset.label, margin[:, 0]) for margin in margins]))
    assert 0.44 < np.mean(areas) < 0.53


def test_a_fold_does_not_choose_for_itself(settings: Settings) -> None:
    """Changing the curve of one part changes no answer to that part's own rows."""
    dataset = made.dataset(rows=900)
    found = contest(dataset, split(dataset, settings.validation, 7), settings)
    before, _ = found.crosswise(2)
    valid = found.folds[0][1]
    for curves in found.curves.values():
        for curve in curves:
            curve.losses[0, :] = np.linspace(1.0, 0.0, curve.losses.shape[1])  # fold 0 asks for all rounds
            curve.losses[3, :] = curve.losses[0, :]  # and so does its twin of the second repeat
    after_scores = found.scores(found.choice, 0)
    after, _ = found.crosswise(2)
    assert after_scores.shape == (len(valid), 1)
    changed = np.abs(after[0] - before[0])[:, 0]
    others = np.setdiff1d(np.arange(900), valid)
    # Its own raw scores are those of before; only the calibration by the others, who did change, may move them evenly.
    rank_before, rank_after = (np.argsort(np.argsort(margins[0][valid, 0])) for margins in (before, after))
    np.testing.assert_array_equal(rank_before, rank_after)
    assert changed[others].max() > 0


def test_a_table_without_variation_is_refused(settings: Settings) -> None:
    """Constant features are an error that counts them."""
    dataset = made.dataset(rows=200)
    dataset.X[:] = 1.0
    with pytest.raises(DataError, match="no feature varies"):
        contest(dataset, split(dataset, settings.validation, 7), settings)


def test_light_presets_are_climbed_from_the_best_tight_one(settings: Settings) -> None:
    """Near the size that won, the same trees are tried with less to hold them; the best of them has no neighbour left untried."""
    options = settings.learner.model_copy(update={"leaves": (2, 4, 8, 16)})
    dataset = made.dataset(rows=900)
    losses = contest(
        dataset, split(dataset, settings.validation, 7), settings.model_copy(update={"learner": options})
    ).choice.losses
    tight = {name: loss for name, loss in losses.items() if "light" not in name}
    light = {name: loss for name, loss in losses.items() if "light" in name}
    assert f"{min(tight, key=lambda name: tight[name])}, light" in light
    sizes = [int(name.split()[0]) for name in losses if "light" in name]
    place = (2, 4, 8, 16).index(int(min(light, key=lambda name: light[name]).split()[0]))
    assert {(2, 4, 8, 16)[at] for at in (place - 1, place, place + 1) if 0 <= at < 4} <= set(sizes)


def test_categories_are_tried_both_ways(settings: Settings) -> None:
    """Where a column has more than four categories the best preset is tried with one at a time too; with fewer it is the same."""
    dataset = made.dataset(rows=900)
    division = split(dataset, settings.validation, 7)
    assert not any("at a time" in name for name in contest(dataset, division, settings).choice.losses)
    X = dataset.X.copy()
    X[:, -1] = np.random.default_rng(5).integers(0, 8, len(X))
    many = replace(dataset, X=X)
    losses = contest(many, division, settings).choice.losses
    (other,) = (name for name in losses if "at a time" in name)
    assert losses[other.removesuffix(", one category at a time")] == min(
        loss for name, loss in losses.items() if name != other
    )
