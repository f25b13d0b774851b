"""Effects customer by customer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.training.uplift.pilots import company
from training.uplift.effect import effects
from training.uplift.pilot import Pilot, pilot


def test_whom_it_holds_is_found(tmp_path: Path) -> None:
    """Effects of those it works for and of the others are told apart, and are of the right size."""
    settings, dataset, truth = company(tmp_path)
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    learnt = effects(found, dataset.label[found.rows], 7)
    truth = truth[found.rows]
    assert np.corrcoef(learnt.saved, truth)[0, 1] > 0.7
    assert abs(learnt.saved.mean() - truth.mean()) < 0.04
    assert (learnt.rounds > 0).all()


def test_an_effect_on_all_alike_or_on_none_is_not_spread(tmp_path: Path) -> None:
    """Where nothing tells customers apart, what is said of them differs little."""
    settings, dataset, _ = company(tmp_path, effect=0.0, alike=True)
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    learnt = effects(found, dataset.label[found.rows], 7)
    assert learnt.saved.std() < 0.02
    assert abs(learnt.saved.mean()) < 0.04
    again = effects(found, dataset.label[found.rows], 7)
    np.testing.assert_array_equal(learnt.saved, again.saved)
