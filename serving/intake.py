"""Bytes of a request to journeys: everything wrong is refused by name, nothing is guessed, nothing is silently dropped.

A fault of the whole request (no JSON, a key given twice, NaN, an unknown top-level field) is a `Problem`; a fault inside one
customer becomes that customer's `Fault` and leaves the others alone.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

import msgspec
from msgspec import UNSET, Struct

from configs.errors import nearest
from features import schema
from features.customer import Journey
from features.encode import MONEY_LIMIT
from features.layout import MEASURE_PREFIX
from serving.messages import Envelope, Fault, Intake
from serving.problems import Problem

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Moments outside are slips of the hand (a year typed as 20025, seconds sent for a date), not dates of a company.
# (A day of grace for zones: the year is judged as it is written.)
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC) - timedelta(days=1)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC) + timedelta(days=1)

_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")


@dataclass(frozen=True, slots=True)
class Asked:
    """One customer of a request: an id to look up, a journey of its own, or what is wrong with it."""

    customer_id: str | None
    journey: Journey | None = None
    fault: Fault | None = None
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request. `as_of` is in microseconds UTC."""

    customers: list[Asked]
    as_of: int | None
    targets: tuple[str, ...] | None
    reasons: int | None
    lang: str | None


class _Refused(Exception):  # noqa: N818 - carries a fault, is not one
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class _Twice(dict[str, Any]):
    """An object in which a key stands twice."""

    name: str = ""


class _NotFinite:
    """Stands where NaN or Infinity was written."""

    def __init__(self, word: str) -> None:
        self.word = word


def read(body: bytes, intake: Intake) -> Request:
    """Read a request's body.

    Raises
    ------
    Problem
        400 when it is not JSON, 422 when the request as a whole is not one of ours.
    """
    content = _json(body)
    count = content.get("reasons") if isinstance(content, dict) else None
    if isinstance(count, float) and count.is_integer():
        content["reasons"] = int(count)  # 5.0 is an integer to JSON Schema
    try:
        envelope = msgspec.convert(content, Envelope, strict=True)
    except msgspec.ValidationError as error:
        fault = explain(str(error), "", tuple(Envelope.__struct_fields__))
        _refuse(fault)
    if not 1 <= len(envelope.customers) <= intake.max_customers:
        raise Problem(
            422,
            "bad_value",
            f"a request holds 1 to {intake.max_customers} customers, found {len(envelope.customers)}",
            "send at least one customer" if not envelope.customers else "split the customers over several requests",
            field="customers",
        )
    try:
        as_of = None if envelope.as_of is None else moment(envelope.as_of, "as_of")
    except _Refused as refused:
        _refuse(refused.fault)
    return Request(
        [_asked(content, f"customers[{number}]", intake) for number, content in enumerate(envelope.customers)],
        as_of,
        None if envelope.targets is None else tuple(envelope.targets),
        envelope.reasons,
        envelope.lang,
    )


def moment(text: str, path: str) -> int:
    """An as_of in microseconds UTC; nonsense and slips of the hand are refused."""
    stamp = _stamp(text, path)
    if not EARLIEST <= stamp < LATEST:
        raise _Refused(Fault("bad_time", path, f"'{text}' is outside 1900 to 2199"))
    return (stamp - _EPOCH) // _MICROSECOND


def parameter_moment(text: str, name: str) -> int:
    """An as_of from a query parameter; what is wrong with it is a `Problem`."""
    try:
        return moment(text, name)
    except _Refused as refused:
        _refuse(refused.fault)


def iso(microseconds: int) -> str:
    """Microseconds UTC as ISO 8601 with a Z."""
    return (_EPOCH + microseconds * _MICROSECOND).isoformat().replace("+00:00", "Z")


def microseconds(stamp: datetime) -> int:
    """A moment with a zone as microseconds UTC."""
    return (stamp - _EPOCH) // _MICROSECOND


def explain(message: str, prefix: str, options: tuple[str, ...]) -> Fault:
    """A `Fault` from msgspec's message: the path of the field in the request's own words."""
    found = _AT.search(message)
    path = prefix + (found["path"] if found else "")
    text = message[: found.start()] if found else message
    if unknown := _UNKNOWN.search(text):
        close = nearest(unknown["name"], options)
        hint = f"; did you mean '{close}'?" if close else f"; known are {', '.join(sorted(options))}" if options else ""
        return Fault("unknown_field", _join(path, unknown["name"]), f"the field '{unknown['name']}' is not known{hint}")
    if missing := _MISSING.search(text):
        return Fault("missing_field", _join(path, missing["name"]), f"the field '{missing['name']}' is needed")
    if "1.79769313" in text:
        return Fault("not_finite", path.lstrip("."), "the number is too large: a finite number is expected")
    return Fault("bad_value", path.lstrip(".") or None, text.replace("`", "'").lower())


def _asked(content: Any, path: str, intake: Intake) -> Asked:
    given = content.get("customer_id") if isinstance(content, dict) else None
    customer_id = given if isinstance(given, str) else None
    try:
        customer = msgspec.convert(content, intake.customer, strict=True)
    except msgspec.ValidationError as error:
        return Asked(customer_id, fault=explain(str(error), path, _options(str(error), intake)))
    inline = {table: getattr(customer, table) for table in intake.rows}
    attributes = getattr(customer, "attributes")  # noqa: B009 - the struct is made at run time
    if attributes is UNSET and all(rows is UNSET for rows in inline.values()):
        return Asked(customer_id)
    assert customer_id is not None  # noqa: S101 - the struct has just checked it
    try:
        return _journey(customer_id, attributes, inline, path, intake)
    except _Refused as refused:
        return Asked(customer_id, fault=refused.fault)


def _journey(customer_id: str, attributes: Any, inline: dict[str, Any], path: str, intake: Intake) -> Asked:
    journey = Journey(customer_id)
    if attributes is not UNSET:
        journey.tables[schema.CUSTOMERS] = _attributes(attributes, f"{path}.attributes", intake)
    dropped = 0
    for table, rows in inline.items():
        if rows is UNSET:
            continue
        columns = _columns(table, rows, customer_id, f"{path}.{table}", intake)
        journey.tables[table] = _once(columns)
        dropped += len(rows) - len(journey.tables[table][schema.EVENT_ID])
    return Asked(customer_id, journey, duplicates=dropped)


def _once(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns without repeated event ids, the first of each kept, as the tables do."""
    seen: set[str] = set()
    kept = []
    for number, event in enumerate(columns[schema.EVENT_ID]):
        if event is None or event not in seen:
            kept.append(number)
        if event is not None:
            seen.add(event)
    if len(kept) == len(columns[schema.EVENT_ID]):
        return columns
    return {name: [values[number] for number in kept] for name, values in columns.items()}


def _columns(table: str, rows: list[Struct], customer_id: str, path: str, intake: Intake) -> dict[str, list[Any]]:
    types = schema.TABLES[table].types
    columns: dict[str, list[Any]] = {}
    for outer, inner in intake.fields[table].items():
        values = [getattr(row, inner) for row in rows]
        if outer == schema.CUSTOMER_ID:
            for number, value in enumerate(values):
                if value is not None and value != customer_id:
                    raise _Refused(
                        Fault(
                            "bad_value",
                            f"{path}[{number}].{outer}",
                            "the row is of another customer than it stands under",
                        )
                    )
        elif types.get(outer) == "time":
            columns[outer] = [
                None if value is None else _event_time(value, f"{path}[{number}].{outer}")
                for number, value in enumerate(values)
            ]
        elif types.get(outer) == "text":
            columns[outer] = [None if value is None else value.strip() or None for value in values]
            if outer in schema.TABLES[table].required and None in columns[outer]:
                number = columns[outer].index(None)
                raise _Refused(Fault("missing_field", f"{path}[{number}].{outer}", f"'{outer}' is empty"))
        elif outer in types:
            columns[outer] = values
            for number, value in enumerate(values if outer == schema.AMOUNT else ()):
                # The tables' reader sets such a row aside.
                if value is not None and abs(value) > MONEY_LIMIT:
                    raise _Refused(
                        Fault("bad_value", f"{path}[{number}].{outer}", f"an amount is at most {MONEY_LIMIT:g}")
                    )
        else:
            columns[MEASURE_PREFIX + outer] = [None if value is None else float(value) for value in values]
    return columns


def _attributes(row: Struct, path: str, intake: Intake) -> dict[str, list[Any]]:
    types = schema.TABLES[schema.CUSTOMERS].types
    columns: dict[str, list[Any]] = {}
    for outer, inner in intake.fields["attributes"].items():
        value = getattr(row, inner)
        if value is None:
            columns[outer] = [None]
        elif types.get(outer) == "time":
            columns[outer] = [_event_time(value, f"{path}.{outer}")]
        elif intake.attributes.get(outer) == "number":
            columns[outer] = [float(value)]
        else:
            # The tables' reader spells a boolean column so when it is used as categories.
            columns[outer] = [str(value).lower() if isinstance(value, bool) else value.strip() or None]
    return columns


def _event_time(text: str, path: str) -> int:
    return (_stamp(text, path) - _EPOCH) // _MICROSECOND


def _stamp(text: str, path: str) -> datetime:
    try:
        stamp = datetime.fromisoformat(text)
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        fault = Fault("bad_time", path, f"'{shown}' is not a time in ISO 8601, such as 2025-03-01T00:00:00Z")
        raise _Refused(fault) from None


def _json(body: bytes) -> Any:
    """Python's reader, because it tells of keys given twice and of NaN, which the fast one passes over or cannot name."""
    odd: list[object] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(items)
        if len(content) < len(items):
            names = [name for name, _ in items]
            twice = _Twice(content)
            twice.name = next(name for name in names if names.count(name) > 1)
            odd.append(twice)
            return twice
        return content

    def constant(word: str) -> object:
        mark = _NotFinite(word)
        odd.append(mark)
        return mark

    try:
        content = json.loads(body.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except UnicodeDecodeError as error:
        raise Problem(400, "malformed_json", f"byte {error.start} is not UTF-8", "send JSON in UTF-8") from None
    except RecursionError:
        raise Problem(400, "malformed_json", "it is nested too deeply", "send the documented structure") from None
    except ValueError as error:
        text = str(error)
        raise Problem(400, "malformed_json", text[:1].lower() + text[1:], "mend the JSON at that place") from None
    if odd:
        mark = odd[0]
        path = _find(content, mark, "") or ""
        if isinstance(mark, _NotFinite):
            raise Problem(
                400, "not_finite", f"{mark.word} is not JSON", "send a finite number, or null", field=path.lstrip(".")
            )
        assert isinstance(mark, _Twice)  # noqa: S101 - the only other mark
        raise Problem(
            400,
            "duplicate_key",
            f"the key '{mark.name}' is given twice",
            "give it once",
            field=_join(path, mark.name),
        )
    return content


def _find(content: Any, mark: object, path: str) -> str | None:
    if content is mark:
        return path
    if isinstance(content, dict):
        inside = ((f"{path}.{key}", value) for key, value in content.items())
    elif isinstance(content, list):
        inside = ((f"{path}[{number}]", value) for number, value in enumerate(content))
    else:
        return None
    return next((found for below, value in inside if (found := _find(value, mark, below)) is not None), None)


def _options(message: str, intake: Intake) -> tuple[str, ...]:
    """The fields that could have stood where the message points."""
    found = _AT.search(message)
    path = found["path"] if found else ""
    part = re.match(r"\.(?P<name>[a-z]+)", path)
    if part is None:
        return tuple(intake.customer.__struct_encode_fields__)
    return tuple(intake.fields.get(part["name"], {}))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}".lstrip(".")


def _refuse(fault: Fault) -> NoReturn:
    raise Problem(
        422,
        fault.code,
        fault.message,
        "mend the field and send the request again; /openapi.json says what may be sent",
        field=fault.field,
    )


def finite(value: float) -> float | None:
    """The number, or null in place of NaN, which JSON does not have."""
    return value if math.isfinite(value) else None
