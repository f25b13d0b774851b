"""The tracking store under mlruns/."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.training import made
from training.registry import Registry
from training.tracking import alone

TARGETS = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}


def test_without_a_server_the_store_is_a_file_under_mlruns(
    tmp_path: Path, tracking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite and artefacts lie under mlruns/ of the working folder, in an experiment of the configuration's name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    shutil.copyfile(tracking, tmp_path / "mlruns" / "mlflow.db")
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


def test_a_fresh_store_is_initialised_by_one_at_a_time(tmp_path: Path) -> None:
    """Who comes second waits until the first has let go."""
    uri = f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}"
    entered: list[str] = []
    inside, done = Event(), Event()

    def first() -> None:
        with alone(uri):
            entered.append("first")
            inside.set()
            done.wait(10)
            entered.append("first leaves")

    def second() -> None:
        inside.wait(10)
        with alone(uri):
            entered.append("second")

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    threads[1].join(0.2)
    assert entered == ["first"]
    done.set()
    for thread in threads:
        thread.join(10)
    assert entered == ["first", "first leaves", "second"]


def test_a_server_has_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a SQLite file is guarded; a server guards itself."""
    monkeypatch.chdir(tmp_path)
    with alone("http://tracking.example"):
        assert list(tmp_path.iterdir()) == []


def test_mlflow_is_imported_only_when_it_is_needed() -> None:
    """Importing training costs none of MLflow's seconds."""
    code = "import sys, training.train; print('mlflow' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
