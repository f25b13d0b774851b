"""The life of registered models by hand: what there is, which one answers, and the way back.

A version becomes the champion only if its bundle is fetched whole, loads, and is the one that was registered. Then the aliases
move in the registry, and the bundle with its card takes the place of the old one under ``models/<target>/`` in one step. Both
versions are noted with who did it, when and why; what was replaced by hand does not come back by training the same again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from configs.errors import BundleError, ConfigError, NotReadyError
from configs.settings import Settings
from training import place
from training.bundle import Bundle
from training.registry import BUNDLE, BY_HAND, PREVIOUS, SET_ASIDE, Registry, Version
from training.tracking import root


@dataclass(frozen=True, slots=True)
class Hand:
    """Who does it, when, and why."""

    who: str
    when: datetime
    why: str = ""

    def note(self) -> str:
        """As a tag."""
        moment = self.when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps({"who": self.who, "when": moment, "why": self.why}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a change did: the version that answers now, the one before, and where the bundle lies."""

    target: str
    version: str
    before: str | None
    sha256: str
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "target": self.target,
            "version": self.version,
            "previous": self.before,
            "sha256": self.sha256,
            "folder": str(self.folder),
        }


def listed(settings: Settings, target: str, now: datetime) -> list[dict[str, Any]]:
    """Every version of a target as plain JSON values, newest first.

    Keys: version, aliases, trained_at, data_from, data_until, metrics (name to value, low, high), outcome, reason, sha256, commit,
    data_digest, config_digest, run_id, by_hand and set_aside ({who, when, why}, or None).
    """
    if not _exists(settings):
        return []
    return [_row(version) for version in Registry(settings, now).versions(target)]


def promote(settings: Settings, target: str, number: str, hand: Hand) -> Moved:
    """Make a version the champion by hand.

    Raises
    ------
    NotReadyError
        When there is no such version.
    BundleError
        When its bundle is gone, damaged, or another than was registered.
    """
    registry = _registry(settings, target, hand.when)
    known = registry.versions(target)
    chosen = next((version for version in known if version.number == number), None)
    if chosen is None:
        raise NotReadyError(
            f"there is no version {number} of '{target}'",
            where=f"the registry, {registry.model_name(target)}",
            available=", ".join(version.number for version in known),
            next_move=f"look at 'moments models {settings.source.name} list'",
        )
    return _take_over(settings, registry, target, chosen, hand)


def rollback(settings: Settings, target: str, hand: Hand) -> Moved:
    """Make the previous version the champion; the champion becomes the previous one, so that the next rollback brings it back.

    Raises
    ------
    NotReadyError
        When there is no previous version.
    BundleError
        When its bundle is gone, damaged, or another than was registered.
    """
    registry = _registry(settings, target, hand.when)
    previous = registry.find(target, PREVIOUS)
    if previous is None:
        raise NotReadyError(
            f"no version of '{target}' answered before this one",
            where=f"the registry, {registry.model_name(target)}",
            available=", ".join(version.number for version in registry.versions(target)),
            next_move=f"make one of them the champion: 'moments models {settings.source.name} promote --target {target} --version N'",
        )
    return _take_over(settings, registry, target, previous, hand)


def _take_over(settings: Settings, registry: Registry, target: str, version: Version, hand: Hand) -> Moved:
    home = settings.output / "models" / target
    with _verified(registry, target, version) as folder:
        # All that can take time or fail comes first; then the aliases, then one renaming.
        draft = place.stage(home, folder)
        before = registry.promote(target, version, hand.note())
        place.settle(home, draft)
    known = before.number if before is not None and before.number != version.number else None
    return Moved(target, version.number, known, version.sha256, home)


@contextmanager
def _verified(registry: Registry, target: str, version: Version) -> Iterator[Path]:
    """The version's bundle as a local folder, if it is the one that was registered and answers its golden rows."""
    where = f"version {version.number} of {registry.model_name(target)}"
    with TemporaryDirectory() as scratch:
        folder = registry.fetch(version, BUNDLE, Path(scratch))
        if folder is None:
            raise BundleError(
                "its files are gone from the store", where=where, next_move="promote another version, or train again"
            )
        try:
            bundle = Bundle.load(folder)
        except BundleError as error:
            raise BundleError(
                f"its bundle does not load: {error.what}",
                where=where,
                available=error.available,
                next_move=f"promote another version, or {error.next_move}",
            ) from None
        if (bundle.sha256, bundle.target) != (version.sha256, target):
            raise BundleError(
                f"its bundle is not the one that was registered: it is of '{bundle.target}' with the digest "
                f"{bundle.sha256[:12]}, registered was {version.sha256[:12]}",
                where=where,
                next_move="promote another version, or train again",
            )
        yield folder


def _registry(settings: Settings, target: str, now: datetime) -> Registry:
    if not _exists(settings):
        raise NotReadyError(
            f"no model of '{target}' is registered",
            where=str(root()),
            next_move=f"train one first: 'moments train {settings.source.name} --target {target}'",
        )
    return Registry(settings, now)


def _exists(settings: Settings) -> bool:
    """Whether there is a store; one that is not there yet is not made just to look into it."""
    return settings.mlflow.tracking_uri is not None or (root() / "mlflow.db").is_file()


def _row(version: Version) -> dict[str, Any]:
    tags = version.tags
    return {
        "version": version.number,
        "aliases": list(version.aliases),
        **{
            key: tags.get(key) or None
            for key in ("trained_at", "data_from", "data_until", "outcome", "reason", "commit")
        },
        "metrics": _json(tags.get("metrics")) or {},
        "sha256": version.sha256,
        **{key: tags.get(key) or None for key in ("data_digest", "config_digest")},
        "run_id": version.run_id,
        "by_hand": _json(tags.get(BY_HAND)),
        "set_aside": _json(tags.get(SET_ASIDE)),
    }


def _json(text: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "null")
    except ValueError as error:
        raise ConfigError(
            f"a tag of a registered version is not JSON ({error})",
            where="the registry",
            next_move="the tags 'metrics', 'by_hand' and 'set_aside' are ours: remove the changed one on MLflow's page",
        ) from None
    return found if isinstance(found, dict) else None
