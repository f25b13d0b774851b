"""One simulated model with its baseline, for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import monitor
from configs.settings import Settings
from training.monitor.baseline import FILE


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of quick simulated trainings."""
    return monitor.settings(tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="session")
def model(used: Settings) -> monitor.Model:
    """A model of a thousand customers. Read only."""
    return monitor.train(0, used, 1000)


@pytest.fixture
def folder(model: monitor.Model, tmp_path: Path) -> Path:
    """The bundle with its baseline on disk."""
    golden = np.zeros((1, len(model.bundle.catalog.names)))
    model.bundle.save(tmp_path / "bundle", golden, {FILE: model.baseline.to_json()})
    return tmp_path / "bundle"
