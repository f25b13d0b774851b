"""One customer's events in the plainest Python: what each row of a journey is, when it was known, and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from features import schema
from features.comments import language
from features.customer import Journey
from features.encode import LIMIT, MONEY_LIMIT
from features.journey import MINUTES_PER_UNIT, Vocabulary, survey_metric

DAY = schema.MICROSECONDS_PER_DAY
ALWAYS = -(2**61)
UNKNOWN = " (unknown)"
UNANSWERED = " (unanswered)"
EFFORTS = {"time": "effort_time", "money": "effort_money", "emotion": "effort_emotion"}

Row = dict[str, Any]


@dataclass
class Event:
    """Something that happened: when, since when it is known, which kind, what it is worth, what it is besides, what it follows."""

    at: int
    known: int
    kind: str
    values: Row
    tie: tuple[Any, ...] = ()
    turns: set[str] = field(default_factory=set)
    follows: dict[str, Event] = field(default_factory=dict)


def seen(source: str, journey: Journey, as_of: int, vocabulary: Vocabulary) -> list[Event]:
    """What had happened, and was known, before a moment; of simultaneous events the order of `features.kernel`."""
    rows = _rows(journey.tables.get(source, {}))
    events = [event for row in rows for event in _READERS[source](row, vocabulary)]
    known = [event for event in events if event.at < as_of and event.known < as_of]
    return sorted(known, key=lambda event: (event.at, event.tie))


def _rows(table: dict[str, list[Any]]) -> list[Row]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _event(row: Row, at: int, kind: str, kinds: tuple[str, ...], values: Row, raw: list[Any]) -> Event:
    """An event is known when it was recorded, or when it happened; ties: kind, recording time, what was read."""
    recorded = row.get(schema.RECORDED_AT)
    known = at if recorded is None else max(at, recorded)
    return Event(at, known, kind, values, (kinds.index(kind), known, *((x is not None, x or 0) for x in raw)))


def number(value: float | None, digits: int = 6) -> float | None:
    """A number to so many digits; missing where there is none, or one that is out of range."""
    # Money, which is known to four digits, may be larger.
    if value is None or not abs(value) <= (MONEY_LIMIT if digits == 4 else LIMIT):
        return None
    return round(value, digits)


def _known_text(text: str | None, categories: tuple[str, ...]) -> str | None:
    return text if text in categories else None


def _codes(texts: Row, categories: Callable[[str], tuple[str, ...]]) -> list[int | None]:
    """Places of texts among their categories, which is how ties are told apart."""
    return [None if text is None else categories(name).index(text) for name, text in texts.items()]


def _comment(row: Row) -> Row:
    said = (row.get("comment") or "").strip(" ")
    return {
        "comment_length": float(len(said)) if said else None,
        "comment_language": language(said) if said else None,
    }


# Encounters


def _touchpoints(row: Row, vocabulary: Vocabulary) -> Iterator[Event]:
    kind = row["touchpoint"] if row["touchpoint"] in vocabulary.touchpoints else UNKNOWN
    measures = {name: number(row.get(f"m_{name}")) for name in vocabulary.measures}
    stage, department = vocabulary.places.get(kind, ("", ""))
    texts = {
        "channel": row.get("channel"),
        "department": row.get("department"),
        "stage": row.get("stage"),
    }
    categories = lambda name: vocabulary.categories.get(f"touchpoints.{name}", ())  # noqa: E731
    texts = {name: _known_text(text, categories(name)) for name, text in texts.items()}
    texts["stage"] = texts["stage"] or _known_text(stage, categories("stage"))
    texts["department"] = texts["department"] or _known_text(department, categories("department"))
    quality = quality_of(kind, measures, vocabulary)
    values: Row = {
        **measures,
        **texts,
        **_comment(row),
        **{total: effort_of(effort, measures, vocabulary) for effort, total in EFFORTS.items()},
        "encounter_quality": quality,
        "cost_to_serve": vocabulary.costs.get(kind, 0.0),
        "touchpoint": None if kind == UNKNOWN else kind,
        "worse|encounter_quality": None if quality is None else quality < 0,
    }
    for name, info in vocabulary.measures.items():
        value, (usual, _) = measures[name], vocabulary.usual.get(f"{kind}|{name}", (None, None))
        values[f"worse|{name}"] = None if value is None or usual is None else _side(info.better, value, usual) < 0
        values[f"within|{name}"] = (
            None if value is None or info.within is None else _side(info.better, value, info.within) >= 0
        )
    raw = [*measures.values(), *_codes(texts, categories), values["comment_length"], values["comment_language"]]
    yield _event(row, row["occurred_at"], kind, (*vocabulary.touchpoints, UNKNOWN), values, raw)


def _side(better: str, value: float, than: float) -> float:
    """How far a value lies on the better side of another."""
    return value - than if better == "higher" else than - value


def quality_of(kind: str, measures: dict[str, float | None], vocabulary: Vocabulary) -> float | None:
    """Mean distance of an encounter's measures from usual, each at most three usual distances, to the millionth."""
    distances = []
    for name, info in vocabulary.measures.items():
        usual, value = vocabulary.usual.get(f"{kind}|{name}"), measures[name]
        if usual is not None and value is not None:
            distances.append(max(-3.0, min(3.0, _side(info.better, value, usual[0]) / usual[1])))
    return round(sum(distances) / len(distances), 6) if distances else None


def effort_of(effort: str, measures: dict[str, float | None], vocabulary: Vocabulary) -> float | None:
    """Minutes, money or points below the company's middle that an encounter cost the customer."""
    parts = []
    for name, info in vocabulary.measures.items():
        value = measures[name]
        if info.effort != effort or value is None:
            continue
        if effort == "time":
            value *= MINUTES_PER_UNIT.get(info.unit, 1.0)
        elif effort == "emotion":
            value = max(0.0, -_side(info.better, value, info.median))
        part = number(value)
        if part is not None:
            parts.append(part)
    return sum(parts) if parts else None


# The other tables


def _surveys(row: Row, vocabulary: Vocabulary) -> Iterator[Event]:
    metric = survey_metric(row["metric"], row.get("touchpoint"))
    kind = metric if metric in vocabulary.metrics else UNKNOWN
    score = row["score"]
    if score is None:
        kind = UNANSWERED
    values = {"score": number(score), **_comment(row)}
    yield _event(
        row, row["answered_at"], kind, (*vocabulary.metrics, UNKNOWN, UNANSWERED), values, list(values.values())
    )


def _transactions(row: Row, vocabulary: Vocabulary) -> Iterator[Event]:
    kind = "refund" if row["amount"] < 0 else "payment"
    categories = vocabulary.categories.get("transactions.category", ())
    values = {
        "amount": number(row["amount"], 4),
        "margin": number(row.get("margin"), 4),
        "quantity": number(row.get("quantity")),
        "category": _known_text(row.get("category"), categories),
    }
    category = values["category"]
    raw = [values["amount"], values["margin"], values["quantity"]]
    raw.append(None if category is None else categories.index(str(category)))  # type: ignore[arg-type]
    yield _event(row, row["occurred_at"], kind, ("payment", "refund"), values, raw)


def _subscriptions(row: Row, vocabulary: Vocabulary) -> Iterator[Event]:
    plans = vocabulary.categories.get("subscriptions.plan", ())
    reasons = vocabulary.categories.get("subscriptions.end_reason", ())
    values = {
        "monthly_fee": number(row.get("monthly_fee"), 4),
        "plan": _known_text(row.get("plan"), plans),
        "end_reason": _known_text(row.get("end_reason"), reasons),
    }
    raw = [
        values["monthly_fee"],
        None if values["plan"] is None else plans.index(values["plan"]),
        None if values["end_reason"] is None else reasons.index(values["end_reason"]),
    ]
    started, ended = row["started_at"], row.get("ended_at")
    # What ends and what starts at one moment: the end comes first.
    yield _event(row, started, "start", ("end", "start"), dict(values), raw)
    if ended is not None:
        # No contract ends before it has started.
        yield _event(row, max(started + 1, ended), "end", ("end", "start"), values, raw)


def _customers(row: Row, vocabulary: Vocabulary) -> Iterator[Event]:
    values: Row = {}
    raw: list[Any] = []
    for name, kind in vocabulary.attributes.items():
        value = row.get(name)
        if kind == "category":
            value = _known_text(value, vocabulary.categories[f"customers.{name}"])
            raw.append(None if value is None else vocabulary.categories[f"customers.{name}"].index(value))
        else:
            value = None if value is None or math.isnan(value) else value
            raw.append(value)
        values[name] = value
    valid = row.get("valid_from")
    kinds = ("version", "created")
    yield _event({}, ALWAYS if valid is None else valid, "version", kinds, values, raw)
    if row.get("created_at") is not None:
        yield _event({}, row["created_at"], "created", kinds, {}, [])


_READERS: dict[str, Callable[[Row, Vocabulary], Iterator[Event]]] = {
    "touchpoints": _touchpoints,
    "surveys": _surveys,
    "transactions": _transactions,
    "subscriptions": _subscriptions,
    "customers": _customers,
}
