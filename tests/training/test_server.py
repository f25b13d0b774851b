"""A tracking server for real: MLflow's own, over PostgreSQL, with artefacts through the server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from configs.settings import Settings
from tests.training import made
from training import lifecycle
from training.bundle import Bundle
from training.dataset import path_of, write
from training.registry import Registry
from training.train import close_parent, parent_run, train

psycopg = pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")

SERVER = os.environ.get("MOMENTS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
DATABASE = f"moments_test_mlflow_{os.getpid()}"
TARGETS = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}
PATIENCE = 240
"""Seconds for the server to lay out its tables and answer."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of an empty database of our own, which is dropped at the end."""
    try:
        connection = psycopg.connect(SERVER, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL answers at 127.0.0.1:5432 ({' '.join(str(error).split())[:80]})")
    with connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        yield SERVER.replace("postgresql://", "postgresql+psycopg://").rsplit("/", 1)[0] + f"/{DATABASE}"
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server; it and its children are ended afterwards."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database, "--serve-artifacts"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **quiet}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--workers", "1"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + PATIENCE
        while not _answers(f"{address}/health"):
            said = (folder / "log").read_text(encoding="utf-8")[-2000:]
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False


def trained(settings: Settings, rows: int, seed: int) -> str:
    """Train on so many rows, below a run of its own as `moments train` does; the outcome."""
    write(made.dataset(rows=rows, seed=seed, signal=2.5), path_of(settings, "churn"))
    parent = parent_run(settings, now=made.NOW)
    result = train(settings, "churn", now=made.NOW, parent=parent)
    close_parent(settings, parent, now=made.NOW)
    return result.verdict.outcome


@pytest.mark.slow
def test_a_model_s_life_on_a_server(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trainings, the list, a promotion, two rollbacks and the model by its alias, with nothing under mlruns/."""
    monkeypatch.chdir(tmp_path)
    settings = made.settings(tmp_path, TARGETS, mlflow={"tracking_uri": server}, name="remote")
    assert trained(settings, 500, 1) == "first"
    assert trained(settings, 600, 2) in {"promoted", "kept"}
    hand = lifecycle.Hand("anna", made.NOW, "a try")
    rows = lifecycle.listed(settings, "churn", made.NOW)
    assert [row["version"] for row in rows] == ["2", "1"]
    assert rows[0]["metrics"]["auc"]["low"] <= rows[0]["metrics"]["auc"]["value"] <= rows[0]["metrics"]["auc"]["high"]
    lifecycle.promote(settings, "churn", "2", hand)
    home = settings.output / "models" / "churn"
    for number in ("1", "2"):
        assert lifecycle.rollback(settings, "churn", hand).version == number
        row = next(row for row in rows if row["version"] == number)
        assert Bundle.load(home).sha256 == row["sha256"]
        assert f"- version: {number}, trained at" in (home / "card.md").read_text(encoding="utf-8")
    registry = Registry(settings, made.NOW)
    champion = registry.find("churn")
    assert champion is not None
    run = registry.client.get_run(champion.run_id)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    assert {item.path for item in registry.client.list_artifacts(champion.run_id)} >= {"card.html", "figures", "model"}
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server)
    try:
        model = mlflow.pyfunc.load_model("models:/remote-churn@champion")
    finally:
        mlflow.set_tracking_uri(before)
    bundle = Bundle.load(home)
    frame = pq.read_table(path_of(settings, "churn")).to_pandas()
    found = model.predict(frame)["probability"]
    np.testing.assert_allclose(found, bundle.predict(made.dataset(rows=600, seed=2, signal=2.5).select(bundle.catalog)))
    assert not (tmp_path / "mlruns").exists()
