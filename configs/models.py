"""The types of a configuration: frozen, and strict about what may stand where.

Every default is in `base.yaml` with its unit and its reason; a field has one here only where the key belongs to something
the user names (a table, a measure, a target).
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from configs.frozen import Frozen, as_utc
from configs.targets import Target

TABLES = ("customers", "touchpoints", "surveys", "transactions", "subscriptions")
Language = Literal["en", "he", "ar", "ru"]


class Measure(Frozen):
    """A numeric column that says how an encounter went.

    `effort` names what it costs the customer; `better` defaults to lower for an effort and to higher for anything else; `within`
    is the level that was promised (answered within 20 minutes), of which the share kept becomes a feature.
    """

    column: str
    unit: str = "number"
    effort: Literal["time", "money", "emotion"] | None = None
    better: Literal["lower", "higher"] | None = None
    within: float | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better encounter."""
        if self.better is None:
            return self.effort is None
        return self.better == "higher"


class Table(Frozen):
    """Where one canonical table comes from, how its columns are called there, and what its numbers look like in text."""

    path: str | None = None
    table: str | None = None
    sql: str | None = None
    encoding: str | None = None
    decimal: Literal[".", ","] = "."
    columns: dict[str, str] = Field(default={})
    ignore: tuple[str, ...] = ()
    measures: dict[str, Measure] = Field(default={})

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        odd = [name for name in self.measures if re.search(r'["\\\x00-\x1f]', name)]
        if odd:
            raise ValueError(f"a measure's name cannot hold quotes, backslashes or line breaks: {odd[0]!r}")
        given = [key for key in ("path", "table", "sql") if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"exactly one of path, table, sql is needed; found {found}")
        return self


class RawSource(Frozen):
    """A file that the `sql` of tables can select from by its name (for encodings that a query cannot name)."""

    path: str
    encoding: str | None = None


class Data(Frozen):
    """The company's tables."""

    connection: str | None
    sources: dict[str, RawSource]
    tables: dict[Literal["customers", "touchpoints", "surveys", "transactions", "subscriptions"], Table]


class TouchpointInfo(Frozen):
    """Name, place and owner of a touchpoint, and what an encounter costs the company, in the currency of the amounts.

    Stages follow each other in the order in which `journey` names them first: name touchpoints in the order of the journey.
    """

    stage: str | None = None
    department: str | None = None
    cost: Annotated[float, Field(ge=0, le=1e12)] | None = None
    label: dict[Language, str] = Field(default={})


class Snapshots(Frozen):
    """The grid of as_of dates."""

    every_days: Annotated[int, Field(ge=1)]
    first: datetime | Literal["auto"]
    last: datetime | Literal["auto"]

    @field_validator("first", "last", mode="before")
    @classmethod
    def _utc(cls, value: Any) -> Any:
        return as_utc(value) if value != "auto" else value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if isinstance(self.first, datetime) and isinstance(self.last, datetime) and self.first > self.last:
            raise ValueError(f"first ({self.first:%Y-%m-%d}) lies after last ({self.last:%Y-%m-%d})")
        return self


class Validation(Frozen):
    """How a model's quality is estimated."""

    test_periods: Annotated[int, Field(ge=1)]
    test_share: Annotated[float, Field(gt=0, lt=0.9)]
    inner_folds: Annotated[int, Field(ge=1)]
    folds: Annotated[int, Field(ge=2)]
    repeats: Annotated[int, Field(ge=1)]
    bootstraps: Annotated[int, Field(ge=20)]
    data_size: bool


class Learner(Frozen):
    """The portfolio of regularised LightGBM presets."""

    leaves: tuple[int, ...]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_rounds: Annotated[int, Field(ge=1)]
    early_stopping_rounds: Annotated[int, Field(ge=1)]
    max_depth: Annotated[int, Field(ge=1, le=6)]
    rows_per_leaf: Annotated[int, Field(ge=1)]
    trials: Annotated[int, Field(ge=0, le=1000)]
    catboost: bool
    threads: Annotated[int, Field(ge=0)]
    sample_rows: Annotated[int, Field(ge=1000)]
    dask: Annotated[str, Field(min_length=1)] | None


class Campaign(Frozen):
    """What keeping customers costs and brings: churn models are judged by it too. Money in the company's currency."""

    value: Annotated[float, Field(gt=0)] | Annotated[str, Field(min_length=1)]
    offer: Annotated[float, Field(ge=0)]
    contact: Annotated[float, Field(ge=0)]
    acceptance: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
    size: Annotated[float, Field(gt=0, le=1)]
    treatment: Annotated[str, Field(min_length=1)] | None
    treated: str | int | float | bool | None


class Graph(Frozen):
    """What causes what, as the company sees it: arrows `cause -> effect`. `hidden` names what matters and is not measured."""

    edges: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[^>]*[^\s>-][^>]*->\s*[^\s>][^>]*$")], ...], Field(min_length=1)
    ]
    hidden: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class PilotSource(Frozen):
    """A randomised pilot: a query for customer_id, assigned_at and reached (and lot, stratum, where there are any).

    `touchpoint` is what it improved, `planned_share` the share that should have been reached, `within_days` how long after
    assigned_at an answer counts as the pilot's.
    """

    sql: Annotated[str, Field(min_length=1)]
    touchpoint: str | None = None
    planned_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    within_days: Annotated[int, Field(ge=1)] = 90


class Drivers(Frozen):
    """Driver analysis (attribution, tests, intervals, and what is asked besides)."""

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
    segments: Literal["auto"] | tuple[str, ...]
    graph: Graph | None
    levels: dict[str, dict[str, Annotated[float, Field(allow_inf_nan=False)]]]
    pilot: PilotSource | None


class Scores(Frozen):
    """Bands and reasons of a score."""

    high_quantile: Annotated[float, Field(gt=0, lt=1)]
    medium_quantile: Annotated[float, Field(gt=0, lt=1)]
    reasons: Annotated[int, Field(ge=0, le=20)]


class LogVectors(Frozen):
    """Which of the vectors that the service scores are kept, and how they are written."""

    share: Annotated[float, Field(ge=0, le=1)]
    rows: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0)]
    waiting: Annotated[int, Field(ge=1)]
    keep_days: Annotated[float, Field(ge=0)]


class Serving(Frozen):
    """Limits of the service."""

    max_customers: Annotated[int, Field(ge=1)]
    max_body_bytes: Annotated[int, Field(ge=1024)]
    timeout_seconds: Annotated[float, Field(gt=0)]
    max_concurrency: Annotated[int, Field(ge=1)]
    store: str | None
    log_vectors: LogVectors


class Spark(Frozen):
    """Where and how Spark runs, for `--engine spark`."""

    master: Annotated[str, Field(min_length=1)]
    python: str | None
    partitions: Literal["auto"] | Annotated[int, Field(ge=1)]
    driver_memory: Annotated[str, Field(pattern=r"^[0-9]+[kmgt]$")]
    executor_memory: Annotated[str, Field(pattern=r"^[0-9]+[kmgt]$")]
    staging: str | None
    conf: dict[str, str | int | float | bool]


class MlflowSettings(Frozen):
    """Where experiments are logged."""

    tracking_uri: str | None
    experiment: str | None


class Settings(Frozen):
    """A whole configuration. `source` is the file it was read from; `root` its folder; `digest` names its content."""

    name: str
    data: Data
    journey: dict[str, TouchpointInfo]
    snapshots: Snapshots
    windows_days: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    targets: Annotated[dict[str, Target], Field(min_length=1)]
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    output: Path
    partitions: Annotated[int, Field(ge=1)]
    validation: Validation
    learner: Learner
    campaign: Campaign
    drivers: Drivers
    scores: Scores
    serving: Serving
    mlflow: MlflowSettings
    spark: Spark
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
    def trained(self) -> dict[str, Target]:
        """The targets that models answer."""
        return {name: target for name, target in self.targets.items() if target.trains}

    @property
    def root(self) -> Path:
        """The folder that relative paths start from."""
        return self.source.parent

    @property
    def digest(self) -> str:
        """Sha256 of everything that can change a result (paths as written; the place of the output is left out)."""
        content = self.model_dump(mode="json", exclude={"output", "mlflow", "serving", "spark"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def resolve(self, path: str) -> str:
        """A path of the configuration as an absolute one; a URL (s3://, https://) is left as it is."""
        if "://" in path:
            return path
        return str((self.root / Path(path).expanduser()).resolve())
