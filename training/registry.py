"""Experiments and model versions in MLflow: SQLite and artefacts under ``mlruns/`` of the working folder, or a tracking server.

A training is a run: parameters, metrics with their limits, the training set as a dataset, the model card, the calibration
curve, the held-out answers and the model. The model is code around the bundle, nothing is pickled. Registered as
``<name>-<target>`` it carries the alias ``challenger`` or ``champion``; the champion before is ``previous``, so that a rollback
moves one alias. MLflow is imported when it is first needed, asks nobody's network but the configured server's, and is quiet.
"""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from configs.errors import ConfigError
from configs.settings import Settings
from training.bundle import Bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

FOLDER: Final = "mlruns"
MODEL: Final = "model"
BUNDLE: Final = "model/artifacts/bundle"
ANSWERS: Final = "answers.parquet"
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
_REQUIREMENTS: Final = ("lightgbm", "numpy", "pandas", "mlflow")
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
class Version:
    """A registered version of a model: its number, the bundle's digest and the run that made it."""

    number: str
    sha256: str
    run_id: str


class Registry:
    """The runs and versions of one configuration.

    Parameters
    ----------
    settings
        Names the experiment, the models and the tracking server, if there is one.
    now
        The moment of this training.
    """

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.settings = settings
        self.now = int(now.timestamp() * 1000)
        self.uri = settings.mlflow.tracking_uri or f"sqlite:///{_root() / 'mlflow.db'}"

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client; a fresh SQLite store is initialised by one process at a time."""
        with _quiet(self.uri):
            from mlflow import MlflowClient

            with _alone(self.uri):
                client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                client.search_experiments(max_results=1)
        return client

    @cached_property
    def experiment(self) -> str:
        """Id of the experiment, which is made when it is not there."""
        name = self.settings.mlflow.experiment or self.settings.name
        client = self.client
        with _quiet(self.uri), _alone(self.uri):
            found = client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            place = (_root() / "artifacts").as_uri() if self.uri.startswith("sqlite") else None
            return str(client.create_experiment(name, artifact_location=place))

    def model_name(self, target: str) -> str:
        """Under which name a target's models are registered."""
        return f"{self.settings.name}-{target}"

    def start(self, title: str, parent: str | None = None, tags: Mapping[str, str] | None = None) -> str:
        """Open a run (inside another one) and return its id."""
        nested = {"mlflow.parentRunId": parent} if parent else {}
        with _quiet(self.uri):
            run = self.client.create_run(
                self.experiment,
                start_time=self.now,
                run_name=title,
                tags={"mlflow.source.name": "moments train", "mlflow.source.type": "LOCAL", **nested, **(tags or {})},
            )
        return str(run.info.run_id)

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run."""
        with _quiet(self.uri):
            self.client.set_terminated(run_id, status="FAILED" if failed else "FINISHED")

    def log(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        datasets: Mapping[str, tuple[str, str, int, int]],
        artifacts: Path,
    ) -> None:
        """Log a run's facts: parameters, metrics, tags, datasets (context to path, digest, rows, features) and a folder."""
        with _quiet(self.uri):
            from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

            self.client.log_batch(
                run_id,
                metrics=[Metric(name, value, self.now, 0) for name, value in metrics.items()],
                params=[Param(name, str(value)[:6000]) for name, value in parameters.items()],
                tags=[RunTag(name, value[:5000]) for name, value in tags.items()],
            )
            inputs = [
                DatasetInput(
                    Dataset(
                        name=Path(path).stem,
                        digest=digest[:36],
                        source_type="local",
                        source=json.dumps({"uri": path}),
                        profile=json.dumps({"num_rows": rows, "num_features": features}),
                    ),
                    [InputTag("mlflow.data.context", context)],
                )
                for context, (path, digest, rows, features) in datasets.items()
            ]
            self.client.log_inputs(run_id, inputs)
            self.client.log_artifacts(run_id, str(artifacts))

    def register(self, run_id: str, bundle: Bundle, folder: Path) -> Version:
        """Log the bundle in `folder` as a run's model and register it as a new version, the challenger."""
        name = self.model_name(bundle.target)
        with _quiet(self.uri), TemporaryDirectory() as scratch:
            from mlflow.exceptions import MlflowException

            _save_model(bundle, folder, Path(scratch) / MODEL)
            self.client.log_artifacts(run_id, str(Path(scratch) / MODEL), MODEL)
            try:
                self.client.get_registered_model(name)
            except MlflowException:
                self.client.create_registered_model(name, description=f"{bundle.target} of {self.settings.name}")
            source = f"{self.client.get_run(run_id).info.artifact_uri}/{MODEL}"
            made = self.client.create_model_version(name, source, run_id, tags={"sha256": bundle.sha256})
            self.client.set_registered_model_alias(name, CHALLENGER, made.version)
        return Version(str(made.version), bundle.sha256, run_id)

    def release(self, run_id: str, folder: Path) -> None:
        """Put the bundle's release note, which names the version, beside the logged bundle."""
        with _quiet(self.uri):
            self.client.log_artifact(run_id, str(folder / "release.json"), BUNDLE)

    def promote(self, target: str, version: Version, champion: Version | None) -> None:
        """Make a version the champion and the old champion the previous one."""
        name = self.model_name(target)
        with _quiet(self.uri):
            if champion is not None:
                self.client.set_registered_model_alias(name, PREVIOUS, champion.number)
            self.client.set_registered_model_alias(name, CHAMPION, version.number)
            self.client.delete_registered_model_alias(name, CHALLENGER)

    def annotate(self, target: str, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version, such as the verdict on it."""
        with _quiet(self.uri):
            for key, value in tags.items():
                self.client.set_model_version_tag(self.model_name(target), version.number, key, value[:5000])

    def find(self, target: str, alias: str = CHAMPION) -> Version | None:
        """The version that carries an alias; None where there is none."""
        with _quiet(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                found = self.client.get_model_version_by_alias(self.model_name(target), alias)
            except MlflowException as error:
                if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    return None
                raise
        return Version(str(found.version), str(found.tags.get("sha256", "")), str(found.run_id))

    def with_digest(self, target: str, sha256: str) -> Version | None:
        """The version whose bundle has this digest; None where there is none."""
        with _quiet(self.uri):
            for found in self.client.search_model_versions(f"name='{self.model_name(target)}'"):
                if found.tags.get("sha256") == sha256:
                    return Version(str(found.version), sha256, str(found.run_id))
        return None

    def fetch(self, version: Version, path: str, into: Path) -> Path | None:
        """An artefact of the version's run as a local copy below `into`; None where it is gone."""
        with _quiet(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                return Path(self.client.download_artifacts(version.run_id, path, str(into)))
            except (MlflowException, OSError):
                return None

    def rollback(self, target: str) -> Version | None:
        """Give the alias ``champion`` back to the previous version; returns it, or None where there is none."""
        previous, champion = self.find(target, PREVIOUS), self.find(target, CHAMPION)
        if previous is None:
            return None
        with _quiet(self.uri):
            name = self.model_name(target)
            self.client.set_registered_model_alias(name, CHAMPION, previous.number)
            if champion is not None:
                self.client.set_registered_model_alias(name, PREVIOUS, champion.number)
        return previous


def _save_model(bundle: Bundle, folder: Path, destination: Path) -> None:
    """MLflow's own folder of a model: the code of `training.served_model`, its signature, and the bundle."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    from training.gate import COLUMNS

    texts = bundle.catalog.categories
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec("string" if name in texts else "double", name) for name in bundle.catalog.names
    ]
    mlflow.pyfunc.save_model(
        str(destination),
        python_model=str(Path(__file__).with_name("served_model.py")),
        artifacts={"bundle": str(folder)},
        pip_requirements=[f"{name}=={installed(name)}" for name in _REQUIREMENTS],
        signature=ModelSignature(Schema(inputs), Schema([ColSpec("double", name) for name in COLUMNS[bundle.task]])),
    )


def _root() -> Path:
    return Path.cwd() / FOLDER


@contextmanager
def _alone(uri: str) -> Iterator[None]:
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
def _quiet(uri: str) -> Iterator[None]:
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
