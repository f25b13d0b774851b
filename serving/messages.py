"""The messages of the HTTP interface as strict structs: what may be sent, what is answered.

`Intake` makes the request's structs for one company: canonical columns as `features.schema` spells them, measures and
attributes under their configured names. Nothing unknown is taken, no type is guessed, and the same structs make the OpenAPI
description, so that it cannot differ from what is accepted.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from configs.settings import TABLES, Language
from features import schema
from features.journey import Vocabulary

Slot = Literal["churn", "nps", "value", "time_to_churn"]
SLOTS: Final[tuple[Slot, ...]] = ("churn", "nps", "value", "time_to_churn")

Id = Annotated[str, Meta(min_length=1, max_length=256, description="The customer's id.")]
Time = Annotated[
    str,
    Meta(
        description="ISO 8601; a time without a zone is taken as UTC.",
        extra_json_schema={"format": "date-time", "examples": ["2025-03-01T00:00:00Z"]},
    ),
]
MOMENT_PATTERN: Final = "^(19|20|21)[0-9]{2}"
"""Years that a moment may have; told in the description, checked with a better message in `serving.intake`."""

Moment = Annotated[
    str,
    Meta(
        description="ISO 8601, 1900 to 2199; a time without a zone is taken as UTC.",
        extra_json_schema={
            "format": "date-time",
            "pattern": MOMENT_PATTERN,
            "examples": ["2025-03-01T00:00:00Z"],
        },
    ),
]
# Finite doubles: JSON's 1e999 would otherwise arrive as infinity.
Number = Annotated[float, Meta(ge=-1.7976931348623157e308, le=1.7976931348623157e308)]

_TYPES: Final[dict[str, Any]] = {"text": str, "time": Time, "number": Number}


class Reason(Struct):
    """Why a score is as it is: one driver's side, its value, and its share of the score in log-odds."""

    rank: int
    code: Annotated[str, Meta(description="Stable name of the driver's side, e.g. support_call.wait.")]
    touchpoint: Annotated[str | None, Meta(description="The touchpoint; null for a control such as price.")]
    dimension: str
    value: float | str | None
    unit: str
    direction: Annotated[
        Literal["raises", "lowers"],
        Meta(description="What it does to the probability of leaving, or to the willingness to recommend."),
    ]
    contribution: Annotated[float, Meta(description="Log-odds; all drivers and the bias add up to the score.")]
    text: str


class Churn(Struct):
    """The risk of leaving within the horizon."""

    probability: Annotated[float, Meta(ge=0, le=1)]
    band: Literal["low", "medium", "high"]
    percentile: Annotated[
        float, Meta(ge=0, le=100, description="Share of reference customers at less risk, in percent.")
    ]
    horizon_days: int | None
    base_rate: float
    reasons: list[Reason]


class Probabilities(Struct):
    """Probabilities of the three NPS categories."""

    detractor: float
    passive: float
    promoter: float


class Nps(Struct):
    """The answer to be expected to "would you recommend us?"."""

    category: Literal["detractor", "passive", "promoter"]
    probabilities: Probabilities
    reasons: list[Reason]


class Value(Struct):
    """Money expected in the value horizon, and the part of it at risk."""

    expected: float
    at_risk: Annotated[float | None, Meta(description="Probability of leaving times expected value.")]


class ChurnByDay(Struct):
    """A point of the curve."""

    day: Annotated[int, Meta(ge=1, description="Days after as_of and the lead.")]
    probability: Annotated[float, Meta(ge=0, le=1)]


class TimeToChurn(Struct):
    """The probability of churn by each day."""

    label: Annotated[
        Literal["cancellation", "inactivity"],
        Meta(
            description="cancellation: of having left by the day, it rises; inactivity: of not having come back by it, it falls."
        ),
    ]
    lead_days: int
    churn_by_day: list[ChurnByDay]
    reasons: Annotated[
        list[Reason], Meta(description="Contributions in log-odds of the hazard, the mean over the periods.")
    ]


class ModelName(Struct):
    """Which model answered."""

    version: str
    sha256: str


class Warning(Struct, omit_defaults=True):  # noqa: A001 - the interface's word
    """Something the reader of a score should know."""

    code: str
    message: str
    counts: dict[str, int] | None = None


class Fault(Struct):
    """Why one customer of a request has no score."""

    code: str
    field: str | None
    message: str


class Scored(Struct, tag_field="status", tag="ok"):
    """A customer's scores; a target without a model, or not asked for, is null."""

    customer_id: str
    churn: Churn | None
    nps: Nps | None
    value: Value | None
    time_to_churn: TimeToChurn | None
    model: dict[str, ModelName]
    as_of: Time
    scored_at: Time
    warnings: list[Warning]


class Failed(Struct, tag_field="status", tag="error"):
    """A customer who cannot be scored."""

    customer_id: str | None
    error: Fault


class Scores(Struct):
    """Results in request order, one each."""

    results: list[Scored | Failed]


class ModelInfo(Struct):
    """A model that answers."""

    target: Slot
    name: str
    task: str
    version: str
    sha256: str
    trained_at: str | None
    data_from: str | None
    data_until: str | None
    horizon_days: int | None
    features: int


class Models(Struct):
    """The models that answer."""

    models: list[ModelInfo]


class Envelope(Struct, forbid_unknown_fields=True, kw_only=True):
    """A request as a whole; its customers are read one by one, so that one bad customer spoils nobody else's score."""

    customers: list[Any]
    as_of: Moment | None = None
    targets: Annotated[list[Slot], Meta(min_length=1)] | None = None
    reasons: Annotated[int, Meta(ge=0, le=20)] | None = None
    lang: Language | None = None


class Intake:
    """The request's structs for one company.

    Parameters
    ----------
    vocabularies
        Vocabularies of the loaded models: their attributes and measures may be sent.
    measures
        Configured measures to their unit; they may be sent though no model uses them.
    max_customers
        Customers in one request.
    """

    def __init__(self, vocabularies: list[Vocabulary], measures: Mapping[str, str], max_customers: int) -> None:
        self.max_customers = max_customers
        self.measures: dict[str, str] = dict(measures)
        self.attributes: dict[str, str] = {}
        for vocabulary in vocabularies:
            self.attributes.update(vocabulary.attributes)
            self.measures.update({name: info.unit for name, info in vocabulary.measures.items()})
        self.fields: dict[str, dict[str, str]] = {}
        self.rows: dict[str, type[Struct]] = {}
        for table in TABLES[1:]:
            self.fields[table], self.rows[table] = self._row(table)
        self.fields["attributes"], self.attributes_row = self._attributes()
        self.customer = self._customer()
        hints = get_type_hints(Envelope, include_extras=True)
        customers: Any = list[self.customer]  # type: ignore[name-defined]
        note = Meta(min_length=1, max_length=max_customers, description="Each by id alone, or with its journey.")
        self.request = msgspec.defstruct(
            "ScoreRequest",
            [
                ("customers", Annotated[customers, note]),
                *((name, hints[name], None) for name in ("as_of", "targets", "reasons", "lang")),
            ],
            namespace={"__doc__": Envelope.__doc__},
            module=__name__,
            forbid_unknown_fields=True,
            kw_only=True,
        )

    def _row(self, table: str) -> tuple[dict[str, str], type[Struct]]:
        fields: list[tuple[str, Any, bool]] = []
        for column in schema.TABLES[table].columns:
            kind = _TYPES[column.type]
            if column.name == schema.CUSTOMER_ID:
                # The row stands under its customer; an id beside it is taken only when it is the same (see intake).
                fields.append((column.name, str | None, False))
            else:
                fields.append((column.name, kind if column.required else kind | None, column.required))
        if table == schema.TOUCHPOINTS:
            fields += [(name, _measure(unit), False) for name, unit in self.measures.items()]
        return _struct(_camel(table), fields, f"A row of {table}.")

    def _attributes(self) -> tuple[dict[str, str], type[Struct]]:
        fields: list[tuple[str, Any, bool]] = [
            (column.name, Time | None, False)
            for column in schema.TABLES[schema.CUSTOMERS].columns
            if column.type == "time"
        ]
        fields += [
            (name, Number | bool | None if kind == "number" else str | bool | None, False)
            for name, kind in self.attributes.items()
        ]
        return _struct("Attributes", fields, "What is known of the customer; only attributes that the models know.")

    def _customer(self) -> type[Struct]:
        rows: list[tuple[str, Any, bool]] = [
            ("customer_id", Id, True),
            ("attributes", self.attributes_row | UnsetType, False),
            *((table, list[row] | UnsetType, False) for table, row in self.rows.items()),  # type: ignore[valid-type]
        ]
        doc = "A customer: by id alone (looked up), or with all that is known of the journey."
        return _struct("Customer", rows, doc, default=UNSET)[1]


def _measure(unit: str) -> Any:
    return Number | bool | None if unit == "flag" else Number | None


def _struct(
    name: str, fields: list[tuple[str, Any, bool]], doc: str, default: Any = None
) -> tuple[dict[str, str], type[Struct]]:
    """A strict struct whose fields may have any name; the names in it are made safe and renamed on the wire."""
    inner = {outer: _safe(outer, number) for number, (outer, _, _) in enumerate(fields)}
    definition = [
        (inner[outer], kind) if required else (inner[outer], kind, default) for outer, kind, required in fields
    ]
    struct = msgspec.defstruct(
        name,
        definition,
        namespace={"__doc__": doc},
        module=__name__,
        rename={safe: outer for outer, safe in inner.items()},
        forbid_unknown_fields=True,
        kw_only=True,
    )
    return inner, struct


def _safe(name: str, number: int) -> str:
    plain = bool(re.fullmatch(r"[a-z][a-z0-9_]*", name)) and not keyword.iskeyword(name)
    return name if plain else f"field_{number}"


def _camel(table: str) -> str:
    return table.removesuffix("s").capitalize()
