"""What a ranking by effect is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.training.uplift.pilots import company
from training.campaign import campaign
from training.uplift.effect import Effects
from training.uplift.pilot import Pilot, pilot
from training.uplift.qini import worth


def test_the_truth_has_the_curve_that_theory_gives(tmp_path: Path) -> None:
    """Ranked by the true effect the coefficient is the area between what each share saves and the straight line, within its limits."""
    settings, dataset, truth = company(tmp_path, n=8000)
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    truth = truth[found.rows]
    risk = np.full(len(truth), dataset.label.mean())
    learnt = Effects(risk, truth, np.ones(len(truth), dtype=np.int64))
    told = worth(found, learnt, dataset.label[found.rows], campaign(dataset, found.rows, settings), 100, 1)
    best = np.sort(truth)[::-1].cumsum() / len(truth)
    area = best.mean() - best[-1] / 2
    qini = told.facts["qini"]
    assert qini["low"] < area < qini["high"]
    assert qini["low"] > 0
    assert abs(told.facts["effect"]["value"] - truth.mean()) < 0.03
    curve = told.facts["curve"]
    assert curve[0]["saved"] == 0.0
    np.testing.assert_allclose(curve[-1]["saved"], curve[-1]["by_risk"])
    np.testing.assert_allclose(curve[-1]["saved"], told.facts["effect"]["value"])
    # Nobody is told apart by the risk given here: the ranking is the straight line.
    assert abs(told.facts["qini_of_risk"]["value"]) < 1e-12


def test_it_pays_to_reach_those_who_are_held(tmp_path: Path) -> None:
    """With a dear offer only those for whom it works are reached, and that wins more than reaching all."""
    settings, dataset, truth = company(tmp_path, n=8000, campaign={"value": 100.0, "offer": 15.0, "contact": 1.0})
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    truth = truth[found.rows]
    learnt = Effects(np.full(len(truth), dataset.label.mean()), truth, np.ones(len(truth), dtype=np.int64))
    told = worth(found, learnt, dataset.label[found.rows], campaign(dataset, found.rows, settings), 100, 1)
    assert not told.reach[truth == 0.0].any()
    assert told.facts["profit"]["value"] > told.facts["profit_of_all"]["value"]
