"""Settings: the only reader of YAML and of the environment.

`load` merges a configuration over `base.yaml` (which holds every default with its unit and its reason), puts environment
variables written as ``${NAME}`` or ``${NAME:-default}`` in place, resolves paths against the file's folder, and checks it
all. Whatever is wrong is a `ConfigError` that names the key, what was found, what is allowed and the nearest spelling.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from configs.errors import ConfigError, nearest
from configs.models import (
    TABLES,
    Data,
    Drivers,
    Language,
    Learner,
    LogVectors,
    Measure,
    RawSource,
    Scores,
    Serving,
    Settings,
    Snapshots,
    Spark,
    Table,
    TouchpointInfo,
    Validation,
)
from configs.targets import Cancellation, Column, Inactivity, Spend, Survey, Target, TimeToChurn

__all__ = [
    "BASE",
    "TABLES",
    "Cancellation",
    "Column",
    "Data",
    "Drivers",
    "Inactivity",
    "Language",
    "Learner",
    "LogVectors",
    "Measure",
    "RawSource",
    "Scores",
    "Serving",
    "Settings",
    "Snapshots",
    "Spark",
    "Spend",
    "Survey",
    "Table",
    "Target",
    "TimeToChurn",
    "TouchpointInfo",
    "Validation",
    "environment",
    "load",
]

BASE = Path(__file__).with_name("base.yaml")

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def load(path: str | Path, **overrides: Any) -> Settings:
    """Read, merge, check and freeze a configuration.

    Parameters
    ----------
    path
        The YAML file.
    overrides
        Top-level keys to put over the file's own, e.g. ``output=...`` (already absolute).

    Raises
    ------
    ConfigError
        Naming the key, what was found, what is allowed and the nearest spelling.
    """
    source = Path(path).resolve()
    given = _read(source)
    merged = _merge(_read(BASE), given)
    merged.update(overrides)
    merged.setdefault("name", source.stem)
    merged = _expand(merged, where=str(path))
    if merged.get("output") is None:
        merged["output"] = f"out/{merged['name']}"
    merged["output"] = (source.parent / Path(str(merged["output"])).expanduser()).resolve()
    try:
        return Settings(**merged, source=source)
    except ValidationError as error:
        raise _explain(error, where=str(path)) from None


def environment(name: str, default: str | None = None) -> str | None:
    """An environment variable; the one place where the process environment is read."""
    return os.environ.get(name, default)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = sorted(item.name for item in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        close = nearest(path.name, siblings)
        raise ConfigError(
            "the file is not there",
            where=str(path),
            available=", ".join(siblings),
            next_move=f"did you mean '{close}'?" if close else "check the path, or make a demo with 'moments world'",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the file cannot be read ({error})", where=str(path), next_move="give a YAML file in UTF-8"
        ) from None
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(
            f"this is not YAML ({' '.join(str(error).split())})",
            where=str(path),
            next_move="mend the line that the message names",
        ) from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigError(
            "a configuration is a mapping of keys to values",
            where=str(path),
            next_move="start from configs/demo.yaml",
        )
    return content


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the parent\'s signature
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# Mappings that name the user's own things are taken whole; all others are merged key by key over the defaults.
_OWN = {"tables", "sources", "targets", "journey"}


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and key not in _OWN:
            merged[key] = _merge(base[key], value)
        else:
            merged[key] = value
    return merged


def _expand(value: Any, *, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, where=f"{where}: {key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, where=where) for item in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"], match["default"])
        if found is None:
            raise ConfigError(
                f"the environment variable {match['name']} is not set",
                where=where,
                next_move=f"set it, or write ${{{match['name']}:-default}}",
            )
        # As in a shell, a relative path in the environment starts from the working folder, not from this file.
        return str(Path(found).resolve()) if match["name"] in os.environ and Path(found).exists() else found

    return _VARIABLE.sub(put, value)


def _explain(error: ValidationError, *, where: str) -> ConfigError:
    """Turn pydantic's first finding (and the count of the others) into one of our errors."""
    details = error.errors(include_url=False)
    # An unknown key explains the missing ones beside it: the user misspelt it.
    details.sort(key=lambda item: item["type"] not in ("extra_forbidden", "literal_error"))
    first = details[0]
    path = [str(part) for part in first["loc"] if part != "[key]"]
    key = ".".join(path)
    more = f" ({len(details) - 1} more in this file)" if len(details) > 1 else ""
    if first["type"] == "extra_forbidden" or (first["type"] == "literal_error" and first["loc"][-1] == "[key]"):
        name = path[-1]
        options = _allowed(path[:-1])
        return ConfigError.unknown_key(name, options, where=f"{where}: {'.'.join(path[:-1]) or 'top level'}{more}")
    context = first.get("ctx", {})
    allowed = str(context.get("expected") or context.get("expected_tags") or "")
    found = first["input"]
    shown = "" if first["type"] == "missing" or isinstance(found, (dict, list)) else f", found {found!r}"
    options = re.findall(r"'([^']+)'", allowed)
    close = nearest(str(found), options) if isinstance(found, str) else None
    if first["type"] == "union_tag_invalid":
        tag = str(context.get("tag"))
        shown = f", found '{tag}'"
        close = nearest(tag, options)
    message = "this key is needed" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
    return ConfigError(
        f"{message}{shown}{more}",
        where=f"{where}: {key}",
        available=allowed.replace("'", ""),
        next_move=f"did you mean '{close}'?" if close else f"mend '{key}'; every key is explained in configs/base.yaml",
    )


def _allowed(path: list[str]) -> list[str]:
    """The keys that may stand at a place in the configuration."""
    model: Any = Settings
    for position, part in enumerate(path):
        if model is Data and part == "tables":
            return list(TABLES) if position == len(path) - 1 else _allowed_below(Table, path[position + 2 :])
        if model is Settings and part == "targets":
            rest = path[position + 2 :]
            kinds: dict[str, type[Any]] = {
                "cancellation": Cancellation,
                "inactivity": Inactivity,
                "column": Column,
                "survey": Survey,
                "spend": Spend,
                "time_to_churn": TimeToChurn,
            }
            return list(kinds[rest[0]].model_fields) if rest and rest[0] in kinds else list(kinds)
        if model is Settings and part == "journey":
            return list(TouchpointInfo.model_fields)
        if model is Data and part == "sources":
            return list(RawSource.model_fields)
        field = getattr(model, "model_fields", {}).get(part)
        model = getattr(field, "annotation", None)
    return [name for name in getattr(model, "model_fields", {}) if name != "source"]


def _allowed_below(model: type[Table], rest: list[str]) -> list[str]:
    return list(Measure.model_fields) if rest[:1] == ["measures"] else list(model.model_fields)
