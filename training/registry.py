"""Model versions in MLflow: each is a bundle with its card, and an alias says which one answers.

Registered as ``<name>-<target>`` a version carries the alias ``challenger`` or ``champion``; the champion before is ``previous``,
so that a rollback moves two aliases. What a list of versions shows (training time, data window, metrics, verdict, digests) are tags of
the version. The model is code around the bundle, nothing is pickled (see `training.packed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from training.bundle import Bundle
from training.card_words import brief
from training.tracking import Tracking, quiet

MODEL: Final = "model"
BUNDLE: Final = "model/artifacts/bundle"
ANSWERS: Final = "answers.parquet"
JUDGED: Final = "judged"
"""Folder of a run with the model that gave its held-out answers: a bundle that never answers a customer."""
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
BY_HAND: Final = "by_hand"
"""Tag of a version that was made the champion by hand: who, when and why."""
SET_ASIDE: Final = "set_aside"
"""Tag of a version that another replaced by hand: who, when and why. Training the same again does not bring it back."""
LONGEST: Final = 5000
"""Characters of a description, and of a version's tag."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version of a model: its number, the bundle's digest and the run that made it; what else is known of it."""

    number: str
    sha256: str
    run_id: str
    aliases: tuple[str, ...] = field(default=(), compare=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)


class Registry(Tracking):
    """The runs and versions of one configuration."""

    def model_name(self, target: str) -> str:
        """Under which name a target's models are registered."""
        return f"{self.settings.name}-{target}"

    def register(self, run_id: str, bundle: Bundle, folder: Path, tags: Mapping[str, str] | None = None) -> Version:
        """Log the bundle in `folder` as a run's model and register it as a new version, the challenger."""
        name = self.model_name(bundle.target)
        with quiet(self.uri), TemporaryDirectory() as scratch:
            from mlflow.exceptions import MlflowException

            from training.packed import pack

            pack(bundle, folder, Path(scratch) / MODEL)
            self.client.log_artifacts(run_id, str(Path(scratch) / MODEL), MODEL)
            try:
                self.client.create_registered_model(name, description=f"{bundle.target} of {self.settings.name}")
            except MlflowException as error:
                # Made by an earlier training, or a moment ago by one beside this one.
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            source = f"{self.client.get_run(run_id).info.artifact_uri}/{MODEL}"
            noted = {"sha256": bundle.sha256, **{key: value[:LONGEST] for key, value in (tags or {}).items()}}
            made = self.client.create_model_version(name, source, run_id, tags=noted)
            self.client.set_registered_model_alias(name, CHALLENGER, made.version)
        return Version(str(made.version), bundle.sha256, run_id, (CHALLENGER,), noted)

    def describe(self, target: str, version: Version, text: str) -> None:
        """Set the description of a version, which MLflow's pages show: the first sections of a Markdown page."""
        with quiet(self.uri):
            self.client.update_model_version(self.model_name(target), version.number, brief(text, LONGEST))

    def promote(self, target: str, version: Version, by_hand: str | None = None) -> Version | None:
        """Make a version the champion and the champion before, which is returned, the previous one.

        `by_hand` notes on both that a person did it, who and why.
        """
        name = self.model_name(target)
        champion, challenger = self.find(target), self.find(target, CHALLENGER)
        with quiet(self.uri):
            if champion is not None and champion.number != version.number:
                self.client.set_registered_model_alias(name, PREVIOUS, champion.number)
            self.client.set_registered_model_alias(name, CHAMPION, version.number)
            if challenger is not None and challenger.number == version.number:
                self.client.delete_registered_model_alias(name, CHALLENGER)
            if SET_ASIDE in version.tags:
                self.client.delete_model_version_tag(name, version.number, SET_ASIDE)
        if by_hand is not None:
            self.annotate(target, version, {BY_HAND: by_hand})
            if champion is not None and champion.number != version.number:
                self.annotate(target, champion, {SET_ASIDE: by_hand})
        return champion

    def annotate(self, target: str, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version, such as the verdict on it."""
        with quiet(self.uri):
            for key, value in tags.items():
                self.client.set_model_version_tag(self.model_name(target), version.number, key, value[:LONGEST])

    def find(self, target: str, alias: str = CHAMPION) -> Version | None:
        """The version that carries an alias; None where there is none."""
        with quiet(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                found = self.client.get_model_version_by_alias(self.model_name(target), alias)
            except MlflowException as error:
                if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    return None
                raise
        return _version(found)

    def versions(self, target: str) -> list[Version]:
        """Every version of a target with its aliases, newest first."""
        name = self.model_name(target)
        aliases: dict[str, list[str]] = {}
        with quiet(self.uri):
            from mlflow.exceptions import MlflowException

            found = list(self.client.search_model_versions(f"name='{name}'", max_results=10_000))
            try:
                for alias, number in self.client.get_registered_model(name).aliases.items():
                    aliases.setdefault(str(number), []).append(alias)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        known = [_version(item, sorted(aliases.get(str(item.version), ()), key=_rank)) for item in found]
        return sorted(known, key=lambda item: -int(item.number))

    def with_digest(self, target: str, sha256: str) -> Version | None:
        """The newest version whose bundle has this digest; None where there is none."""
        return next((item for item in self.versions(target) if item.sha256 == sha256), None)

    def fetch(self, version: Version, path: str, into: Path) -> Path | None:
        """An artefact of the version's run as a local copy below `into`; None where it is gone."""
        return self.fetch_from(version.run_id, path, into)

    def rollback(self, target: str, by_hand: str = "") -> Version | None:
        """Make the previous version the champion; returns it, or None where there is none.

        The champion becomes the previous one: a second rollback brings it back.
        """
        previous = self.find(target, PREVIOUS)
        if previous is not None:
            self.promote(target, previous, by_hand)
        return previous


def _version(found: object, aliases: list[str] | None = None) -> Version:
    number, run_id, tags = (getattr(found, name) for name in ("version", "run_id", "tags"))
    known = aliases if aliases is not None else [str(alias) for alias in getattr(found, "aliases", ())]
    return Version(str(number), str(tags.get("sha256", "")), str(run_id), tuple(known), dict(tags))


def _rank(alias: str) -> tuple[int, str]:
    known = (CHAMPION, CHALLENGER, PREVIOUS)
    return known.index(alias) if alias in known else len(known), alias
