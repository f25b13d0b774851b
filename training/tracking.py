"""Experiments and runs in MLflow: SQLite and artefacts under ``mlruns/`` of the working folder, or a tracking server.

MLflow is imported when it is first needed, asks nobody's network but the configured server's, and is quiet. A fresh SQLite
store is initialised by one process at a time; from then on SQLite's own waiting keeps several trainings apart.
"""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from configs.errors import ConfigError
from configs.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

FOLDER: Final = "mlruns"
NOTE: Final = "mlflow.note.content"
"""The tag that MLflow's pages show as a run's description."""
LONGEST_TAG: Final = 8000
_METRICS_AT_ONCE: Final = 1000
_PAIRS_AT_ONCE: Final = 100
# What the library reads when it is imported or called: no telemetry, no pickle, no bars and notes on the terminal, and a server
# that is away is said so within a minute instead of an hour.
_ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
}
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


@dataclass(frozen=True, slots=True)
class Input:
    """Rows that went into a run: what for (training, validation, test, ...), where they lie, their digest and shape."""

    context: str
    name: str
    path: str
    digest: str
    rows: int
    columns: Mapping[str, str]
    """Column name to MLflow's type of it."""


@dataclass(frozen=True, slots=True)
class Point:
    """A metric at a step: a round, a fold, a period. `at`: milliseconds of its own moment, where it has one."""

    name: str
    value: float
    step: int = 0
    at: int | None = None


class Tracking:
    """The runs of one configuration.

    Parameters
    ----------
    settings
        Names the experiment and the tracking server, if there is one.
    now
        The moment of this training.
    """

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.settings = settings
        self.now = int(now.timestamp() * 1000)
        self.uri = settings.mlflow.tracking_uri or f"sqlite:///{root() / 'mlflow.db'}"

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client; a fresh SQLite store is initialised by one process at a time."""
        with quiet(self.uri):
            from mlflow import MlflowClient

            with alone(self.uri):
                client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                client.search_experiments(max_results=1)
        return client

    @cached_property
    def experiment(self) -> str:
        """Id of the experiment, which is made when it is not there."""
        name = self.settings.mlflow.experiment or self.settings.name
        client = self.client
        with quiet(self.uri), alone(self.uri):
            found = client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            place = (root() / "artifacts").as_uri() if self.uri.startswith("sqlite") else None
            return str(client.create_experiment(name, artifact_location=place))

    def start(self, title: str, parent: str | None = None, tags: Mapping[str, str] | None = None) -> str:
        """Open a run (inside another one) and return its id."""
        nested = {"mlflow.parentRunId": parent} if parent else {}
        with quiet(self.uri):
            run = self.client.create_run(
                self.experiment,
                start_time=self.now,
                run_name=title,
                tags={"mlflow.source.name": "moments train", "mlflow.source.type": "LOCAL", **nested, **(tags or {})},
            )
        return str(run.info.run_id)

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run."""
        with quiet(self.uri):
            self.client.set_terminated(run_id, status="FAILED" if failed else "FINISHED")

    def log(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        metrics: Sequence[Point] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log parameters, metrics and tags, in as few requests as a server takes; what is too long is cut."""
        with quiet(self.uri):
            from mlflow.entities import Metric, Param, RunTag

            for points in _parts(metrics, _METRICS_AT_ONCE):
                found = [
                    Metric(item.name, item.value, self.now if item.at is None else item.at, item.step)
                    for item in points
                ]
                self.client.log_batch(run_id, metrics=found)
            for pairs in _parts(list((parameters or {}).items()), _PAIRS_AT_ONCE):
                self.client.log_batch(run_id, params=[Param(name, str(value)[:6000]) for name, value in pairs])
            for pairs in _parts(list((tags or {}).items()), _PAIRS_AT_ONCE):
                self.client.log_batch(run_id, tags=[RunTag(name, value[:LONGEST_TAG]) for name, value in pairs])

    def log_inputs(self, run_id: str, inputs: Sequence[Input]) -> None:
        """Log the rows that went in, as MLflow's data sets."""
        with quiet(self.uri):
            from mlflow.entities import Dataset, DatasetInput, InputTag

            found = [
                DatasetInput(
                    Dataset(
                        name=item.name,
                        digest=item.digest[:36],
                        source_type="local",
                        source=json.dumps({"uri": item.path}),
                        profile=json.dumps({"num_rows": item.rows, "num_columns": len(item.columns)}),
                        schema=json.dumps(
                            {
                                "mlflow_colspec": [
                                    {"name": name, "type": kind, "required": True}
                                    for name, kind in item.columns.items()
                                ]
                            }
                        ),
                    ),
                    [InputTag("mlflow.data.context", item.context)],
                )
                for item in inputs
            ]
            self.client.log_inputs(run_id, found)

    def log_files(self, run_id: str, folder: Path, place: str | None = None) -> None:
        """Put a folder's files among a run's artefacts."""
        with quiet(self.uri):
            self.client.log_artifacts(run_id, str(folder), place)

    def log_file(self, run_id: str, path: Path, place: str | None = None) -> None:
        """Put a file among a run's artefacts."""
        with quiet(self.uri):
            self.client.log_artifact(run_id, str(path), place)

    def fetch_from(self, run_id: str, path: str, into: Path) -> Path | None:
        """An artefact of a run as a local copy below `into`; None where it is gone."""
        with quiet(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                return Path(self.client.download_artifacts(run_id, path, str(into)))
            except (MlflowException, OSError):
                return None


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def root() -> Path:
    """Where the files lie when there is no server."""
    return Path.cwd() / FOLDER


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """One process at a time for a SQLite store: two that initialise a fresh one race."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    folder = Path(uri.removeprefix("sqlite:///")).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


@contextmanager
def quiet(uri: str) -> Iterator[None]:
    """MLflow without telemetry, pickle and chatter; a server that does not answer is an error of the configuration."""
    os.environ.update(_ENVIRONMENT)
    for key, value in _PATIENCE.items():
        os.environ.setdefault(key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            message = " ".join(str(error).split())[:300]
            raise ConfigError(
                f"the tracking store refused ({message})",
                where=f"mlflow.tracking_uri: {uri}",
                next_move="check that the server runs and may be written to, or set tracking_uri to null for files under mlruns/",
            ) from error
