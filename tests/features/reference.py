"""The features said again in the plainest Python, one loop per feature: what the kernel is checked against."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

from features import schema
from features.customer import Journey
from features.definition import ANY, Feature
from features.journey import MINUTES_PER_UNIT, Vocabulary, survey_metric
from features.layout import TOTALS

DAY = schema.MICROSECONDS_PER_DAY
Event = tuple[int, int, str, dict[str, float | None]]


def value(feature: Feature, journey: Journey, as_of: int, vocabulary: Vocabulary) -> float:
    """One feature of one customer at one moment."""
    seen = [event for event in _events(feature.source, journey, vocabulary) if event[0] < as_of and event[1] < as_of]
    mine = sorted((event for event in seen if feature.kind in (ANY, event[2])), key=lambda event: event[0])
    width = math.inf if feature.window_days is None else feature.window_days * DAY
    now = [event for event in mine if as_of - event[0] <= width]
    before = [event for event in mine if width < as_of - event[0] <= 2 * width]

    def numbers(events: list[Event]) -> list[float]:
        found = [event[3].get(str(feature.measure)) for event in events]
        return [number for number in found if number is not None]

    ends = [event for event in seen if event[2] == "end"]
    mean: Callable[[list[float]], float] = lambda found: sum(found) / len(found) if found else math.nan  # noqa: E731
    x = numbers(now)
    match feature.aggregate:
        case "count":
            return float(len(now))
        case "count_change":
            return float(len(now) - len(before))
        case "recency":
            return (as_of - now[-1][0]) / DAY if now else math.nan
        case "age":
            return (as_of - now[0][0]) / DAY if now else math.nan
        case "sum":
            return sum(x)
        case "sum_change":
            return sum(x) - sum(numbers(before))
        case "mean":
            return mean(x)
        case "min":
            return min(x, default=math.nan)
        case "max":
            return max(x, default=math.nan)
        case "spread":
            return statistics.stdev(x) if len(x) > 1 else math.nan
        case "trend":
            return mean(x) - mean(numbers(before))
        case "usual_gap":
            return (now[-1][0] - now[0][0]) / (len(now) - 1) / DAY if len(now) > 1 else math.nan
        case "gap_ratio":
            if len(now) < 2 or now[-1][0] == now[0][0]:
                return math.nan
            return (as_of - now[-1][0]) / ((now[-1][0] - now[0][0]) / (len(now) - 1))
        case "open_count":
            return float(len(now) - len(ends))
        case "open_sum":
            return sum(x) - sum(numbers(ends))
        case other:
            raise KeyError(other)


def _events(source: str, journey: Journey, vocabulary: Vocabulary) -> list[Event]:
    table = journey.tables.get(source, {})
    if not table:
        return []
    rows: list[dict[str, Any]] = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    events: list[Event] = []
    for row in rows:
        recorded = row.get(schema.RECORDED_AT)
        if source == schema.TOUCHPOINTS:
            at = row["occurred_at"]
            values = {name: row[f"m_{name}"] for name in vocabulary.measures}
            for effort, total in TOTALS.items():
                parts = [
                    _effort(vocabulary, name, number)
                    for name, number in values.items()
                    if name in vocabulary.measures and vocabulary.measures[name].effort == effort and number is not None
                ]
                if parts:
                    values[total] = sum(parts)
            events.append((at, max(at, recorded or at), row["touchpoint"], values))
        elif source == schema.SURVEYS:
            at = row["answered_at"]
            kind = survey_metric(row["metric"], row.get("touchpoint"))
            events.append((at, max(at, recorded or at), kind, {"score": row["score"]}))
        elif source == schema.TRANSACTIONS:
            at = row["occurred_at"]
            kind = "refund" if row["amount"] < 0 else "payment"
            events.append((at, max(at, recorded or at), kind, {k: row[k] for k in ("amount", "margin", "quantity")}))
        elif source == schema.SUBSCRIPTIONS:
            at, over = row["started_at"], row["ended_at"]
            fee = {"monthly_fee": row["monthly_fee"]}
            events.append((at, max(at, recorded or at), "start", fee))
            if over is not None:
                events.append((over, max(over, recorded or over), "end", fee))
        elif row.get("created_at") is not None:
            events.append((row["created_at"], row["created_at"], "created", {}))
    return events


def _effort(vocabulary: Vocabulary, name: str, number: float) -> float:
    info = vocabulary.measures[name]
    if info.effort == "time":
        return number * MINUTES_PER_UNIT.get(info.unit, 1.0)
    if info.effort == "emotion":
        return max(0.0, info.median - number if info.better == "higher" else number - info.median)
    return number
