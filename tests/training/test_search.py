"""Optuna's trials: a fixed number, the same ones each time, and none lost to a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from tests.training import made
from training.choose import Contest, contest
from training.learner import Learner
from training.search import FOLDER
from training.split import split

TRIALS = 3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A flat table's, with a few trials."""
    found = made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})
    return found.model_copy(update={"learner": found.learner.model_copy(update={"trials": TRIALS})})


def raced(settings: Settings, said: list[str] | None = None, rows: int = 400) -> Contest:
    dataset = made.dataset(rows=rows)
    progress = None if said is None else lambda message, _share: said.append(message)
    return contest(dataset, split(dataset, settings.validation, 7), settings, progress)


def test_trials_compete_with_the_portfolio(settings: Settings) -> None:
    """Each trial has its loss beside the presets', the lowest wins, and who waits is told which trial runs."""
    said: list[str] = []
    found = raced(settings, said)
    trials = [name for name in found.choice.losses if "trial" in name]
    assert [name.split(", ")[1] for name in trials] == ["trial 1", "trial 2", "trial 3"]
    assert found.choice.losses[found.choice.preset.name] == min(found.choice.losses.values())
    assert f"trial {TRIALS} of {TRIALS}" in said
    assert all(preset.max_depth <= settings.learner.max_depth for preset in found.curves)


def test_a_search_that_was_killed_goes_on(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was tried before the kill is read, the rest is tried; the outcome is that of a search that was never stopped."""
    elsewhere = settings.model_copy(update={"output": tmp_path / "elsewhere"})
    whole = raced(elsewhere)
    race, done = Learner.race, []

    def interrupted(self: Learner, jobs: Any, *rest: Any) -> Any:
        if "trial 3" in jobs[0][0].kind:
            raise KeyboardInterrupt
        done.append(jobs[0][0].name)
        return race(self, jobs, *rest)

    monkeypatch.setattr(Learner, "race", interrupted)
    with pytest.raises(KeyboardInterrupt):
        raced(settings)
    tried = list(done)
    monkeypatch.setattr(
        Learner, "race", lambda self, jobs, *rest: (done.append(jobs[0][0].name), race(self, jobs, *rest))[1]
    )
    done.clear()
    again = raced(settings)
    assert not any("trial" in name and name in tried for name in done)
    assert again.choice == whole.choice
    assert [b.model_to_string() for b in again.curves[again.choice.preset][0].boosters] == [
        b.model_to_string() for b in whole.curves[whole.choice.preset][0].boosters
    ]


def test_other_rows_start_a_new_search(settings: Settings) -> None:
    """Trials of one training set are not taken for those of another, and do not pile up."""
    raced(settings)
    (first,) = (settings.output / FOLDER / "churn").iterdir()
    raced(settings, rows=500)
    (second,) = (settings.output / FOLDER / "churn").iterdir()
    assert first.name != second.name
