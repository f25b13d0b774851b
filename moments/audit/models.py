"""The models that were served: found by their digest under the output or in the registry, read as far as they can be read today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from configs.errors import BundleError, ConfigError
from configs.settings import Settings
from features.catalog import Catalog
from features.company import Calendar
from features.definition import Feature
from features.journey import Vocabulary
from training.bundle import CONTENT, SUMS, Bundle

OUTPUT: Final = "output"
REGISTRY: Final = "registry"


@dataclass(frozen=True)
class Audited:
    """A model as it can be read today.

    Parameters
    ----------
    names
        All its features, in the order of its vectors.
    catalog
        Those that can be computed today.
    changed
        Names of those that are defined otherwise today.
    flat
        Whether it learnt from a table without times.
    bundle
        The model, if it answers today.
    """

    names: tuple[str, ...]
    catalog: Catalog
    changed: frozenset[str]
    flat: bool
    bundle: Bundle | None = None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What it was trained with."""
        return self.catalog.vocabulary


@dataclass(frozen=True, slots=True)
class Found:
    """Where a model was found, if it was, and why it cannot be used, if it cannot."""

    model: Audited | None
    place: str | None = None
    note: str | None = None


def find(settings: Settings, target: str, sha256: str, scratch: Path) -> Found:
    """The model of a target with this digest.

    Parameters
    ----------
    settings
        Name the output folder and the registry.
    target, sha256
        As the vectors name them.
    scratch
        Where a copy from the registry may lie.
    """
    for listing in sorted((settings.output / "models").glob(f"*/{SUMS}")):
        if hashlib.sha256(listing.read_bytes()).hexdigest() == sha256:
            return _read(listing.parent, OUTPUT)
    try:
        folder = _fetched(settings, target, sha256, scratch)
    except ConfigError as error:
        return Found(None, note=error.what)
    if folder is None:
        return Found(None, note="neither under the output nor in the registry")
    return _read(folder, REGISTRY)


def _fetched(settings: Settings, target: str, sha256: str, scratch: Path) -> Path | None:
    from training.registry import BUNDLE, Registry
    from training.tracking import FOLDER

    # A store that is not there yet is not made just to look into it.
    if settings.mlflow.tracking_uri is None and not (Path.cwd() / FOLDER / "mlflow.db").is_file():
        return None
    registry = Registry(settings, datetime.fromtimestamp(0, UTC))
    version = registry.with_digest(target, sha256)
    if version is None:
        return None
    into = scratch / sha256
    into.mkdir()
    return registry.fetch(version, BUNDLE, into)


def _read(folder: Path, place: str) -> Found:
    try:
        bundle = Bundle.load(folder)
    except BundleError as error:
        model = _today(folder)
        return Found(model, place, error.what)
    return Found(Audited(bundle.catalog.names, bundle.catalog, frozenset(), _flat(bundle.spec), bundle), place)


def _today(folder: Path) -> Audited | None:
    """What can be computed today of a bundle that is refused; None when that is not because of definitions."""
    try:
        content = json.loads((folder / CONTENT).read_text("utf-8"))
        parts = content["catalog"]["features"]
        vocabulary = _lenient(Vocabulary.from_dict, content["catalog"]["vocabulary"]) or Vocabulary()
        calendar = _lenient(Calendar.from_dict, content["catalog"]["calendar"]) or Calendar()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    names: list[str] = []
    usable: list[Feature] = []
    changed: set[str] = set()
    for number, part in enumerate(parts):
        feature = _lenient(_feature, part)
        name = f"feature {number}" if feature is None else feature.name
        names.append(name)
        if feature is not None and _computable(feature, vocabulary):
            usable.append(feature)
        if feature is None or feature.fingerprint != part.get("fingerprint"):
            changed.add(name)
    if not changed:
        return None
    catalog = Catalog(tuple(usable), vocabulary, calendar)
    return Audited(tuple(names), catalog, frozenset(changed), _flat(content.get("spec", {})))


def _feature(part: Mapping[str, Any]) -> Feature:
    feature = Feature.from_dict({name: value for name, value in part.items() if name != "fingerprint"})
    _ = feature.name, feature.unit  # an aggregate of another version has no unit here
    return feature


def _computable(feature: Feature, vocabulary: Vocabulary) -> bool:
    return _lenient(lambda one: Catalog((one,), vocabulary).plan, feature) is not None


def _lenient(read: Callable[[Any], Any], content: Any) -> Any:
    """What another version wrote, or None where it cannot be read any more."""
    try:
        return read(content)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return None


def _flat(spec: Mapping[str, Any]) -> bool:
    return spec.get("kind") == "column" and spec.get("as_of") is None


def together(models: Mapping[str, Audited]) -> list[tuple[Catalog, list[str]]]:
    """Models that one pass over the tables serves: the union of their features, and their digests."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for sha256, model in models.items():
        groups.setdefault((model.vocabulary.digest, model.flat), []).append(sha256)
    found = []
    for shas in groups.values():
        features = dict.fromkeys(feature for sha256 in shas for feature in models[sha256].catalog.features)
        found.append((replace(models[shas[0]].catalog, features=tuple(features)), shas))
    return found
