"""Settings: typed and frozen, the only reader of YAML and of the environment.

`load` merges a configuration over `base.yaml` (which holds every default with its unit and its reason), puts environment
variables written as ``${NAME}`` or ``${NAME:-default}`` in place, resolves paths against the file's folder, and checks it
all. Whatever is wrong is a `ConfigError` that names the key, what was found, what is allowed and the nearest spelling.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from configs.errors import ConfigError, nearest

BASE = Path(__file__).with_name("base.yaml")
TABLES = ("customers", "touchpoints", "surveys", "transactions", "subscriptions")
Language = Literal["en", "he", "ar", "ru"]

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Measure(_Frozen):
    """A numeric column that says how an encounter went.

    `effort` names what it costs the customer; `better` defaults to lower for an effort and to higher for anything else.
    """

    column: str
    unit: str = "number"
    effort: Literal["time", "money", "emotion"] | None = None
    better: Literal["lower", "higher"] | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better encounter."""
        if self.better is None:
            return self.effort is None
        return self.better == "higher"


class Table(_Frozen):
    """Where one canonical table comes from, and how its columns are called there."""

    path: str | None = None
    table: str | None = None
    sql: str | None = None
    encoding: str | None = None
    columns: dict[str, str] = {}
    ignore: tuple[str, ...] = ()
    measures: dict[str, Measure] = {}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [key for key in ("path", "table", "sql") if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"exactly one of path, table, sql is needed; found {found}")
        return self


class RawSource(_Frozen):
    """A file that the `sql` of tables can select from by its name (for encodings that a query cannot name)."""

    path: str
    encoding: str | None = None


class Data(_Frozen):
    """The company's tables."""

    connection: str | None
    sources: dict[str, RawSource]
    tables: dict[Literal["customers", "touchpoints", "surveys", "transactions", "subscriptions"], Table]


class TouchpointInfo(_Frozen):
    """Name, place and owner of a touchpoint."""

    stage: str | None = None
    department: str | None = None
    label: dict[Language, str] = {}


class Snapshots(_Frozen):
    """The grid of as_of dates."""

    every_days: Annotated[int, Field(ge=1)]
    first: datetime | Literal["auto"]
    last: datetime | Literal["auto"]

    @field_validator("first", "last", mode="before")
    @classmethod
    def _utc(cls, value: Any) -> Any:
        return _as_utc(value) if value != "auto" else value


class _Target(_Frozen):
    drivers: bool = True


class _Windowed(_Target):
    horizon_days: Annotated[int, Field(ge=1)]
    lead_days: Annotated[int, Field(ge=0)] = 0


class Cancellation(_Windowed):
    """Churn: a subscription ends in the label window and none is running after."""

    kind: Literal["cancellation"]


class Inactivity(_Windowed):
    """Churn: active lately, no transaction in the label window."""

    kind: Literal["inactivity"]
    active_within_days: Annotated[int, Field(ge=1)] = 180


class Column(_Target):
    """Churn: a column of the customers table says it."""

    kind: Literal["column"]
    column: str
    positive: str | int | float | bool
    as_of: datetime | None = None

    @field_validator("as_of", mode="before")
    @classmethod
    def _utc(cls, value: Any) -> Any:
        return value if value is None else _as_utc(value)


class Survey(_Target):
    """NPS: the answer to a relationship survey."""

    kind: Literal["survey"]
    metric: Literal["nps"] = "nps"


class Spend(_Windowed):
    """Value: money in the horizon."""

    kind: Literal["spend"]


Target = Annotated[Cancellation | Inactivity | Column | Survey | Spend, Field(discriminator="kind")]


class Validation(_Frozen):
    """How a model's quality is estimated."""

    test_periods: Annotated[int, Field(ge=1)]
    test_share: Annotated[float, Field(gt=0, lt=0.9)]
    inner_folds: Annotated[int, Field(ge=1)]
    folds: Annotated[int, Field(ge=2)]
    repeats: Annotated[int, Field(ge=1)]
    bootstraps: Annotated[int, Field(ge=20)]


class Learner(_Frozen):
    """The portfolio of regularised LightGBM presets."""

    leaves: tuple[int, ...]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_rounds: Annotated[int, Field(ge=1)]
    early_stopping_rounds: Annotated[int, Field(ge=1)]
    max_depth: Annotated[int, Field(ge=1, le=6)]
    rows_per_leaf: Annotated[int, Field(ge=1)]
    threads: Annotated[int, Field(ge=0)]


class Drivers(_Frozen):
    """Driver analysis (attribution, tests, intervals)."""

    window_days: Annotated[int, Field(ge=1)]
    folds: Annotated[int, Field(ge=2)]
    repeats: Annotated[int, Field(ge=1)]
    bootstraps: Annotated[int, Field(ge=20)]
    half_samples: Annotated[int, Field(ge=2)]
    max_rows: Annotated[int, Field(ge=100)]
    minimum_share: Annotated[float, Field(ge=0, lt=1)]
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)]
    gate_z: float
    late_days_after_answer: Annotated[int, Field(ge=1)]
    late_days_before_end: Annotated[int, Field(ge=1)]
    late_share: Annotated[float, Field(gt=0, le=1)]
    late_ratio: Annotated[float, Field(gt=1)]


class Scores(_Frozen):
    """Bands and reasons of a score."""

    high_quantile: Annotated[float, Field(gt=0, lt=1)]
    medium_quantile: Annotated[float, Field(gt=0, lt=1)]
    reasons: Annotated[int, Field(ge=0, le=20)]


class Serving(_Frozen):
    """Limits of the service."""

    max_customers: Annotated[int, Field(ge=1)]
    max_body_bytes: Annotated[int, Field(ge=1024)]
    timeout_seconds: Annotated[float, Field(gt=0)]
    max_concurrency: Annotated[int, Field(ge=1)]
    store: str | None


class MlflowSettings(_Frozen):
    """Where experiments are logged."""

    tracking_uri: str | None
    experiment: str | None


class Settings(_Frozen):
    """A whole configuration. `source` is the file it was read from; `root` its folder; `digest` names its content."""

    name: str
    data: Data
    journey: dict[str, TouchpointInfo]
    snapshots: Snapshots
    windows_days: tuple[Annotated[int, Field(ge=1)], ...]
    targets: Annotated[dict[str, Target], Field(min_length=1)]
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    seed: int
    output: Path
    partitions: Annotated[int, Field(ge=1)]
    validation: Validation
    learner: Learner
    drivers: Drivers
    scores: Scores
    serving: Serving
    mlflow: MlflowSettings
    source: Path = Field(exclude=True)

    @field_validator("windows_days")
    @classmethod
    def _sorted_windows(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a window is given twice")
        return tuple(sorted(value))

    @field_validator("targets")
    @classmethod
    def _plain_names(cls, value: dict[str, Target]) -> dict[str, Target]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                raise ValueError(f"the target name '{name}' must be letters, digits and underscores: it names files")
        return value

    @property
    def root(self) -> Path:
        """The folder that relative paths start from."""
        return self.source.parent

    @property
    def digest(self) -> str:
        """Sha256 of everything that can change a result (paths as written; the place of the output is left out)."""
        content = self.model_dump(mode="json", exclude={"output", "mlflow", "serving"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def resolve(self, path: str) -> str:
        """A path of the configuration as an absolute one; a URL (s3://, https://) is left as it is."""
        if "://" in path:
            return path
        return str((self.root / Path(path).expanduser()).resolve())


def _as_utc(value: Any) -> datetime:
    stamp = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


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
        content = yaml.load(text, Loader=_Loader)
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

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is given twice", key_node.start_mark)
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
        return found

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
            kinds = {"cancellation": Cancellation, "inactivity": Inactivity, "column": Column, "survey": Survey, "spend": Spend}
            return list(kinds[rest[0]].model_fields) if rest and rest[0] in kinds else list(kinds)
        if model is Settings and part == "journey":
            return list(TouchpointInfo.model_fields)
        if model is Data and part == "sources":
            return list(RawSource.model_fields)
        field = getattr(model, "model_fields", {}).get(part)
        model = getattr(field, "annotation", None)
    return [name for name in getattr(model, "model_fields", {}) if name != "source"]


def _allowed_below(model: type[BaseModel], rest: list[str]) -> list[str]:
    return list(Measure.model_fields) if rest[:1] == ["measures"] else list(model.model_fields)
