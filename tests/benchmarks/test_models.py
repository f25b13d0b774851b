"""The benchmarks of models on little: what they compare and how they say it, never how good or how long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import beyond_memory, gate, guards, learners, nps, origins, shop, training_cost
from configs.settings import Settings
from tests.training import made
from training.split import split
from training.targets.grid import iso


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})


def test_learners_are_judged_on_the_same_halves(settings: Settings) -> None:
    """Each contender has its figures and its paired difference from ours, which is none for ours itself."""
    some = {name: learners.CONTENDERS[name] for name in (learners.OURS, "logistic regression", "LightGBM, defaults")}
    found = learners.run(made.dataset(rows=400), settings, 1, some)
    assert found["contenders"][learners.OURS]["worse_by"] == 0.0
    assert all(item["error"] >= 0.0 for item in found["contenders"].values())
    assert "LightGBM, defaults" in learners.table({"made": found})


def test_origins_are_judged_one_by_one(settings: Settings) -> None:
    """Every newest date has its log-loss for each way to foresee the level."""
    dataset = made.dataset(rows=2400, dates=made.months(12))
    found = origins.run(dataset, settings, 2)
    assert len(found) == 2
    assert "true" in origins.table({"made": found})


def test_the_rival_gives_probabilities() -> None:
    """Ratings with gaps become three probabilities per row; columns that say the same twice do no harm."""
    rng = np.random.default_rng(2)
    design = rng.normal(size=(50, 4))
    design[:, 3] = design[:, 1] + design[:, 2]
    assert nps._independent(design).tolist() == [0, 1, 2]
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    ways = {nps.OURS: {**dict.fromkeys(nps.SHOWN, figure), "cpu_seconds": 1.0}}
    protocol = {"teach": 80, "judged": 20, "form": "cumulative_link", "contenders": ways}
    text = nps.table({"answers": 100, "features": 9, "5 x 5 folds": protocol})
    assert "| ours | 0.5000 (0.400 to 0.600) |" in text


def test_the_drawn_company_can_be_trained_in_time(settings: Settings) -> None:
    """Its rows are sorted by date, have categories where the catalogue says so, and are split in time."""
    dataset = training_cost.company(1200, 12)
    assert (np.diff(dataset.as_of) >= 0).all()
    codes = [place for place, feature in enumerate(dataset.catalog.features) if feature.category]
    assert (dataset.X[:, codes] == dataset.X[:, codes].round()).all()
    assert split(dataset, settings.validation, 7).out_of_time


def test_the_gate_is_asked_about_models_whose_truth_is_known() -> None:
    """Each case has a challenger a month younger, without a row in common, and the loss to be expected of both."""
    found = gate.measure(1, customers=1200)
    assert set(found["cases"]) == set(gate.CASES)
    assert list(found["grounds"]) == ["the champion as it was judged answers the challenger's judged rows"]
    assert found["cases"]["scrambled"]["true_change"] > found["cases"]["again"]["true_change"]
    assert "taught on other customers' labels" in gate.table(found)


def test_the_guards_are_tried_on_honest_tables_and_on_leaks() -> None:
    """Honest tables and companies beside every leak; a plain copy of the label is always named."""
    found = guards.measure(3, 1, rows=1000, customers=300)
    assert found["tables"]["copy"]["value"] == 1.0
    assert set(found["tables"]) == {"honest", *guards.LEAKS}
    assert "honest company" in guards.table(found)


def test_a_drawn_file_is_trained_on_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file to the bundle, in memory and by chunks, on all of its rows."""
    monkeypatch.setattr(beyond_memory, "ROUNDS", 20)
    path = tmp_path / "churn.parquet"
    beyond_memory.draw(path, 6000, 12)
    found = {engine: beyond_memory.trained(path, engine) for engine in ("local", "chunked")}
    assert {item["taught"] for item in found.values()} == {6000}
    shown = {"rows": 6000, "features": 12, "matrix_mb": 0.5, "file_mb": 0.2, **found}
    assert "6,000 x 12" in beyond_memory.table([shown])


def test_a_shop_is_judged_at_each_date_beside_its_floors(settings: Settings) -> None:
    """The whole of training at every date, with money, and the floors on the same customers; a date that is not there is refused."""
    dates = made.months(12)
    last = tuple(iso(date)[:10] for date in dates[-2:])
    found = shop.run(made.dataset(rows=3600, dates=dates), settings, last)
    assert [item["date"] for item in found] == list(last)
    assert set(found[0]["floors"]) == {"logistic", "prior"}
    assert "| | prior |" in shop.table(found)
    with pytest.raises(SystemExit, match=last[0]):
        shop.run(made.dataset(rows=1200, dates=dates), settings, ("1999-01-01",))
