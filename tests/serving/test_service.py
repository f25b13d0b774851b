"""The service as it runs: BentoML's own server, workers in processes of their own, a Bento without any other file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from configs.errors import ConfigError, NotReadyError
from configs.settings import load
from serving import bento, vectors
from serving.keys import KEY, KEYS_FILE
from serving.run import serve
from tests.serving.conftest import Served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # BentoML's own, of pydantic's older ways
    from serving import service

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a key that the tests chose"
WAIT_SECONDS = 240


def environment(home: Path, **more: str) -> dict[str, str]:
    """Variables of a process that knows nothing of this one's service."""
    ours = {KEY, KEYS_FILE, service.CONFIG, service.WORKERS, "PROMETHEUS_MULTIPROC_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true", **more}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, cwd: Path, env: dict[str, str]) -> Iterator[httpx.Client]:
    """The process, ready, and a client of it; ended after."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=cwd, env=env, start_new_session=True
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            end = time.monotonic() + WAIT_SECONDS
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                with contextlib.suppress(httpx.TransportError):
                    if client.get("/readyz").status_code == 200:
                        break
                time.sleep(0.2)
            yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def said(log: Path, pattern: str) -> str:
    """What a log says, as soon as it says it."""
    end = time.monotonic() + 30
    while not (found := re.search(pattern, log.read_text())):
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    return found[1]


@pytest.mark.slow
def test_moments_serve(served: Served, tmp_path: Path) -> None:
    """Served by BentoML with two workers: the score of this process, probes open, all else by key, nothing of theirs shown."""
    port, log = free_port(), tmp_path / "log"
    code = "import sys; from configs.settings import load; from serving.run import serve; serve(load(sys.argv[1]), port=int(sys.argv[2]), workers=2)"
    command = [sys.executable, "-c", code, str(served.settings.source), str(port)]
    with running(command, port, log, tmp_path, environment(tmp_path / "home")) as client:
        key = said(log, r"key of this run: (\S+)")
        assert f"http://127.0.0.1:{port}/docs?token={key}" in log.read_text()
        assert client.get("/livez").status_code == 200
        for path in ("/metrics", "/schema.json", "/docs.json", "/", "/static_content/x", "/docs"):
            assert client.get(path).status_code == 401, path
        client.headers["Authorization"] = f"Bearer {key}"
        request = {"customers": [{"customer_id": "c001"}, {"customer_id": "c002"}], "as_of": "2024-11-01"}
        answer = client.post("/v1/scores", json=request).json()["results"]
        expected = served.post(request).json()["results"]
        assert [{**one, "scored_at": ""} for one in answer] == [{**one, "scored_at": ""} for one in expected]
        for _ in range(10):
            assert client.get("/v1/customers/c003-secret/score").status_code == 404
        text = client.get("/metrics").text
        assert (
            'bentoml_service_request_total{endpoint="/v1/customers/{id}/score",http_response_code="404"} 10.0' in text
        )
        assert "c003-secret" not in text
        chunks = (b" " * 1_000_000 for _ in range(12))
        with contextlib.suppress(httpx.WriteError):  # the rest of a body that is too large is not read
            large = client.post("/v1/scores", content=chunks, headers={"Content-Type": "application/json"})
            assert large.status_code == 413
    assert "c003-secret" not in log.read_text()


@pytest.mark.slow
def test_what_workers_scored_is_kept_when_they_end(served: Served, tmp_path: Path) -> None:
    """The vectors of all workers are in whole files after the service has ended; the metrics count them."""
    shutil.copytree(served.settings.root, tmp_path / "company")
    config = tmp_path / "company" / "small.yaml"
    config.write_text(config.read_text() + "serving: {log_vectors: {share: 1, seconds: 600}}\n")
    port, log, asked = free_port(), tmp_path / "log", 20
    code = "import sys; from configs.settings import load; from serving.run import serve; serve(load(sys.argv[1]), port=int(sys.argv[2]), workers=2)"
    command = [sys.executable, "-c", code, str(config), str(port)]
    with running(command, port, log, ROOT, environment(tmp_path / "home", **{KEY: SECRET})) as client:
        client.headers["Authorization"] = f"Bearer {SECRET}"
        for number in range(asked):
            assert client.get(
                f"/v1/customers/c{number:03d}/score?reasons=0", headers={"Connection": "close"}
            ).is_success
    files = vectors.files(load(config).output / vectors.FOLDER)
    assert 1 <= len(files) <= 2, log.read_text()
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    assert sorted({row["customer_id"] for row in rows}) == [f"c{number:03d}" for number in range(asked)]
    assert len(rows) == 3 * asked


@pytest.mark.slow
def test_a_bento_serves_from_its_own_content(served: Served, tmp_path: Path) -> None:
    """`bentoml build` of the laid folder makes a Bento that answers from an empty folder, with no other file and no secret."""
    (served.settings.output / "drivers.json").write_text(json.dumps({"targets": {"churn": {"drivers": []}}}))
    (served.settings.output / "report.html").write_text("<h1>Report</h1>")
    home, empty, log = tmp_path / "home", tmp_path / "empty", tmp_path / "log"
    empty.mkdir()
    settings = served.settings.model_copy(
        update={"data": served.settings.data.model_copy(update={"connection": "postgres://me:pass-3141@db/x"})}
    )
    folder = bento.lay(served.settings)
    (folder / "content" / "config.yaml").write_text(json.dumps(bento.carried(settings)))
    bentoml = [sys.executable, "-m", "bentoml"]
    env = environment(home, PYTHONPATH=str(folder))
    subprocess.run([*bentoml, "build"], check=True, env=env, cwd=folder, capture_output=True)
    (made,) = (path for path in (home / "bentos" / bento.NAME).iterdir() if path.is_dir())
    assert not any("pass-3141" in path.read_text("utf-8", "replace") for path in made.rglob("*") if path.is_file())
    page = made / "src" / "serving" / "page.py"
    page.write_text(page.read_text().replace("The same as data", "Out of the Bento; the same as data"))
    port = free_port()
    command = [*bentoml, "serve", f"{bento.NAME}:latest", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port, log, empty, environment(home, **{KEY: SECRET})) as client:
        client.headers["Authorization"] = f"Bearer {SECRET}"
        request = {"customers": [{"customer_id": "c001"}], "as_of": "2024-11-01"}
        (one,) = client.post("/v1/scores", json=request).json()["results"]
        assert one["churn"] == served.post(request).json()["results"][0]["churn"]
        assert client.get("/report").text == "<h1>Report</h1>"
        assert client.get("/v1/drivers").json() == {"targets": {"churn": {"drivers": []}}}
        assert "Out of the Bento" in client.get("/docs").text


@pytest.mark.slow
def test_a_worker_stays_small(served: Served, tmp_path: Path) -> None:
    """A worker that has scored has imported no data frames, no experiment tracking, no explainers, no plotting, no tables."""
    code = (
        "import json, sys\n"
        "from serving.service import Moments, front\n"
        "worker = Moments.inner()\n"
        "from serving.handlers import _score\n"
        'assert _score(worker.state, b\'{"customers": [{"customer_id": "c001"}]}\').status_code == 200\n'
        "assert front.app is not None\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    env = environment(tmp_path / "home", **{KEY: SECRET, service.CONFIG: str(served.settings.source)})
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"pandas", "mlflow", "shap", "sklearn", "matplotlib", "pyarrow", "duckdb", "ibis", "optuna", "polars"}
    assert loaded & heavy == set()
    assert {"lightgbm", "numpy", "bentoml"} <= loaded


def test_no_model_is_told_before_anything_starts(served: Served, tmp_path: Path) -> None:
    """Without models the start ends at once, with the next move."""
    empty = served.settings.model_copy(update={"output": tmp_path})
    with pytest.raises(NotReadyError, match="moments run"):
        serve(empty, port=free_port())


def test_a_port_in_use_is_told(served: Served) -> None:
    """A port that is taken is an error with the address, not a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="cannot listen") as caught:
            serve(served.settings, port=port)
    assert str(port) in caught.value.where


def test_a_key_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no key configured one is made for the run and its workers; a configured one is kept."""
    monkeypatch.delenv(KEYS_FILE, raising=False)
    monkeypatch.setenv(KEY, "")
    assert service.ensure_key()
    made = os.environ[KEY]
    assert len(made) >= 43
    assert not service.ensure_key()
    assert os.environ[KEY] == made


def test_where_the_configuration_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable comes first, then what a Bento carries; with neither, the start says what to set."""
    monkeypatch.setenv(service.CONFIG, "x.yaml")
    assert service.config_path() == Path("x.yaml")
    monkeypatch.setenv(service.CONFIG, "")
    carried: Any = tmp_path / "config.yaml"
    monkeypatch.setattr(service, "CONTENT", carried)
    with pytest.raises(NotReadyError, match=service.CONFIG):
        service.config_path()
    carried.write_text("{}")
    assert service.config_path() == carried


def test_nothing_is_reported_home() -> None:
    """BentoML's tracking is off before it is imported."""
    assert os.environ["BENTOML_DO_NOT_TRACK"] == "true"
