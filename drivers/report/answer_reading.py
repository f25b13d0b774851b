"""Who answers as facts, from one target of drivers.json; None where nothing could be said of it, or an older analysis has none."""

from __future__ import annotations

from typing import Any

from drivers.report import parse
from drivers.report.answer_facts import Answers, Moved


def read_answers(value: Any) -> Answers | None:
    """Rates, the score with and without weights, and flagged shifts."""
    if not isinstance(value, dict) or parse.whole(value.get("rows")) is None:
        return None
    shift = value.get("shift") or {}
    periods = [str(one.get("period")) for one in shift.get("periods") or []]
    return Answers(
        questions=value.get("basis") == "questions",
        rows=parse.whole(value.get("rows")) or 0,
        answers=parse.whole(value.get("answers")) or 0,
        auc=parse.interval(value.get("auc")),
        foretold=bool(value.get("foretold")),
        unweighted=parse.interval(value.get("unweighted")),
        weighted=parse.interval(value.get("weighted")),
        difference=parse.interval(value.get("difference")),
        distinguishable=bool(value.get("distinguishable")),
        strengths=tuple(
            (str(one.get("touchpoint")), before, after)
            for one in value.get("strengths") or []
            if (before := parse.number(one.get("unweighted"))) is not None
            and (after := parse.number(one.get("weighted"))) is not None
        ),
        start=periods[0] if periods else None,
        stop=periods[-1] if periods else None,
        moved=tuple(
            Moved(str(part["name"]), str(change["earlier"]), str(change["later"]), limits, whole)
            for change in shift.get("changes") or []
            for part in (*(change.get("parts") or []), *(change.get("rates") or []))
            if part.get("flagged")
            and (limits := parse.interval(part.get("change"))) is not None
            and (whole := parse.number((change.get("change") or {}).get("value"))) is not None
        ),
    )
