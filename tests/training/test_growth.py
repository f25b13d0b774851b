"""Boosters by our own gradients."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np

from tests.training import made
from training import hazards
from training.growth import HAZARDS, LINK, Growth
from training.learner import Preset
from training.periods import periods
from training.targets.nps import classes


def grown(rows: int = 1500) -> tuple[Growth, list[float], made.Dataset]:
    """Sixty trees of proportional odds on two thirds of the rows, and the loss on the others after each."""
    dataset = made.dataset("ordinal", rows=rows)
    category = classes(dataset.label).astype(float)
    parameters = Preset(4, 0.1, 20, 6).parameters(LINK, 7)
    whole = lgb.Dataset(dataset.X, category, params=parameters, free_raw_data=False).construct()
    cut = 2 * rows // 3
    growth = Growth(
        parameters,
        whole.subset(list(range(cut))).construct(),
        whole.subset(list(range(cut, rows))).construct(),
    )
    losses = []
    for _ in range(60):
        growth.update()
        losses.append(growth.loss())
    return growth, losses, dataset


def test_a_cumulative_link_learns() -> None:
    """The loss on rows held out falls far below that of the categories' rates: a sign error would train to nothing."""
    _, losses, dataset = grown()
    shares = np.bincount(classes(dataset.label), minlength=3) / len(dataset)
    prior = -float(shares @ np.log(shares))
    assert min(losses) < 0.9 * prior
    assert losses[0] < 1.02 * prior


def test_the_same_rows_grow_the_same_trees() -> None:
    """Twice the same text, to the last bit, and it can be read back."""
    (one, _, dataset), (two, _, _) = grown(), grown()
    text = one.booster.model_to_string()
    assert text == two.booster.model_to_string()
    read = lgb.Booster(model_str=text)
    np.testing.assert_array_equal(
        np.asarray(read.predict(dataset.X, raw_score=True)), np.asarray(one.booster.predict(dataset.X, raw_score=True))
    )


def test_hazards_learn() -> None:
    """The loss on rows held out falls far below that of the periods' rates."""
    dataset = made.dataset("survival", rows=1500, dates=made.months(3))
    code = periods(dataset).code
    parameters = Preset(4, 0.1, 20, 6).parameters(HAZARDS, 7)
    whole = lgb.Dataset(dataset.X, code.astype(float), params=parameters, free_raw_data=False).construct()
    growth = Growth(
        parameters, whole.subset(list(range(1000))).construct(), whole.subset(list(range(1000, 1500))).construct()
    )
    prior = hazards.loss(np.zeros(500), code[1000:], hazards.likeliest(np.zeros(1000), code[:1000]))
    losses = []
    for _ in range(60):
        growth.update()
        losses.append(growth.loss())
    assert losses[0] < 1.02 * prior
    assert min(losses) < 0.9 * prior
