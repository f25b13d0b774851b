"""A tracking store that is initialised once: MLflow takes seconds to lay out a fresh one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training import made
from training.registry import Registry


@pytest.fixture(scope="session")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty SQLite store; copy it, or use it under a name of your own."""
    folder = tmp_path_factory.mktemp("tracking")
    path = folder / "store" / "mlflow.db"
    targets = {"nps": {"kind": "survey"}}
    registry = Registry(made.settings(folder, targets, mlflow={"tracking_uri": f"sqlite:///{path}"}), made.NOW)
    assert registry.client is not None
    return path
