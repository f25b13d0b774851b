"""The tracking store under mlruns/."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training import made
from training.registry import Registry

TARGETS = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}


def test_without_a_server_the_store_is_a_file_under_mlruns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite and artefacts lie under mlruns/ of the working folder, in an experiment of the configuration's name."""
    monkeypatch.chdir(tmp_path)
    registry = Registry(made.settings(tmp_path, TARGETS), made.NOW)
    run = registry.start("a run")
    registry.finish(run)
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()
    found = registry.client.get_experiment(registry.experiment)
    assert found.name == "made"
    assert found.artifact_location == (tmp_path / "mlruns" / "artifacts").as_uri()
    assert registry.client.get_run(run).info.start_time == int(made.NOW.timestamp() * 1000)
    assert registry.find("churn") is None
    assert registry.rollback("churn") is None
    assert {item.name for item in tmp_path.iterdir()} == {"made.yaml", "mlruns"}


@pytest.mark.slow
def test_two_processes_may_start_at_once(tmp_path: Path) -> None:
    """A fresh store is initialised by one process while the other waits."""
    made.settings(tmp_path, TARGETS)
    code = (
        "import sys; from datetime import UTC, datetime\n"
        "from configs.settings import load; from training.registry import Registry\n"
        "registry = Registry(load(sys.argv[1]), datetime(2026, 1, 15, tzinfo=UTC))\n"
        "registry.finish(registry.start('together'))\n"
    )
    root = Path(__file__).resolve().parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "made.yaml")],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root)},
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    assert errors == [b"", b""]


def test_mlflow_is_imported_only_when_it_is_needed() -> None:
    """Importing training costs none of MLflow's seconds."""
    code = "import sys, training.train; print('mlflow' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
