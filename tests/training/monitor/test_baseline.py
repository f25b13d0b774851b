from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks import monitor
from configs.errors import BundleError
from configs.settings import Settings
from tests.training import made
from training import judge
from training.bundle import SUMS, Bundle
from training.model import fit, ship
from training.monitor.baseline import FILE, SCORE_HABIT, Baseline, learn
from training.split import split
from training.survival import as_churn


def test_it_is_of_the_judged_rows(model: monitor.Model) -> None:
    """Counts are those of the newest taught month; every feature of the bundle has them, and they add up."""
    found = model.baseline
    assert found.names == model.bundle.catalog.names
    assert (found.rows, found.customers) == (1000, 1000)
    assert found.first == found.last
    assert found.counts.sum(axis=1).tolist() == [1000] * len(found.names)
    assert found.score_counts.sum() == 1000
    assert sum(found.prior) == pytest.approx(1.0)
    assert {"loss", "expected", "unmended", "shift"} <= found.held.keys()


def test_habits_are_learnt_from_earlier_months(model: monitor.Model) -> None:
    """What grows older every month has a habit, what is drawn anew has next to none, and so have the answers."""
    usual = dict(zip(model.baseline.names, model.baseline.usual, strict=True))
    old = next(name for name in usual if "old" in name)
    others = [value for name, value in usual.items() if name != old]
    assert model.baseline.habit == 6
    assert usual[old] > 0.03
    assert max(others) < 0.05
    assert max(model.baseline.usual_nulls) < 0.06
    assert model.baseline.score_usual < SCORE_HABIT


def test_a_habit_goes_on_at_its_pace(model: monitor.Model) -> None:
    """Within half a year the habit is as learnt; after a year twice as far."""
    assert model.baseline.stretch(None) == model.baseline.stretch(model.baseline.last) == 1.0
    year = datetime.fromisoformat(str(model.baseline.last)) + timedelta(days=360)
    assert model.baseline.stretch(year.isoformat()) == pytest.approx(2.0)


def test_it_comes_back_as_it_was_written(model: monitor.Model, folder: Path) -> None:
    """A baseline read from its bundle is the one that was learnt, to the last digit that was kept."""
    found = Baseline.read(folder)
    assert found is not None
    assert found.to_json() == model.baseline.to_json()
    assert found.bins == model.baseline.bins
    assert (folder / FILE).stat().st_size < 20_000


def test_the_same_rows_give_the_same_baseline(model: monitor.Model, used: Settings) -> None:
    """Nothing in it depends on the day: a second training gives the same bytes, so an unchanged model stays unchanged."""
    assert monitor.train(0, used, 1000).baseline.to_json() == model.baseline.to_json()


def test_it_is_under_the_bundles_digest(folder: Path) -> None:
    """The bundle loads with it, and refuses to once it was edited."""
    assert Bundle.load(folder).sha256
    assert FILE in (folder / SUMS).read_text()
    (folder / FILE).write_text((folder / FILE).read_text().replace("1000", "1001"))
    with pytest.raises(BundleError, match=FILE):
        Bundle.load(folder)


def test_an_older_bundle_has_none(model: monitor.Model, tmp_path: Path) -> None:
    """A bundle without a baseline loads as ever, and there is none to read."""
    model.bundle.save(tmp_path / "old", np.zeros((1, len(model.bundle.catalog.names))))
    assert Bundle.load(tmp_path / "old").sha256
    assert Baseline.read(tmp_path / "old") is None


def test_what_cannot_be_read_is_refused_by_name(folder: Path) -> None:
    """A later format and a file of another kind are told apart, with the next move."""
    content = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps({**content, "format": 99}))
    with pytest.raises(BundleError, match="format 99"):
        Baseline.read(folder)
    (folder / FILE).write_text("{}")
    with pytest.raises(BundleError, match=r"not a baseline of this version.*train again"):
        Baseline.read(folder)


@pytest.mark.parametrize("label", ["cancellation", "inactivity"])
def test_a_curve_is_churn_by_its_last_day(label: str, tmp_path: Path) -> None:
    """Of a time to churn the baseline is that of a churn set: rows whose days were all over, and the chance of the last day."""
    target = {"kind": "time_to_churn", "label": label, "days": [30, 60, 90]}
    settings = made.settings(tmp_path, {"staying": target})
    dataset = made.dataset("survival", rows=900, dates=made.months(8))
    dataset = replace(dataset, spec={**dataset.spec, "label": label})
    division = split(dataset, settings.validation, 7)
    fitted = fit(dataset, division, settings)
    rows, answer = judge.held_out_answers(dataset, division, fitted.held)
    level = judge.level(dataset, answer)
    bundle, _ = ship(dataset, fitted, settings, answers=level, validation=division.kind)
    found = learn(dataset, rows, answer, bundle, settings)
    view, _, chance = as_churn(dataset, rows, answer)
    assert view.task == "binary"
    assert set(np.unique(view.label)) == {0.0, 1.0}
    assert found.prior[1] == pytest.approx(view.label.mean())
    assert found.score_counts.sum() == len(chance)
    assert np.isin(chance, level).all()
    assert found.held["loss"]["value"] is not None
