"""Answers that are about something else than the relationship are named; a sound survey is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features import check_answers
from features.findings import Finding
from features.tables import open_tables
from tests.features import company

HOUR = company.DAY // 24


def _calls(rng: np.random.Generator, customers: int) -> tuple[np.ndarray, np.ndarray]:
    """A call of each customer somewhere in a year."""
    return np.arange(customers), company.START + rng.integers(100, 400, customers) * company.DAY


def _found(
    tmp_path: Path,
    *,
    after_call: bool,
    scores: Any = None,
    about: str | None = None,
    calls: int = 1,
    kinds: tuple[str, ...] = ("call",),
) -> list[Finding]:
    """What is said of one NPS answer per customer, given at any time or six hours after the customer's call."""
    rng = np.random.default_rng(1)
    customers = 200
    names = np.array([f"c{n:03}" for n in range(customers)])
    who, at = _calls(rng, customers)
    answered = at + 6 * HOUR if after_call else company.START + rng.integers(100, 400, customers) * company.DAY
    often = np.concatenate([at + n * company.DAY for n in range(calls) for _ in kinds])
    tables = {
        "customers": pa.table({"customer_id": names}),
        "touchpoints": pa.table(
            {
                "customer_id": names[np.tile(who, calls * len(kinds))],
                "occurred_at": company.micros(often),
                "touchpoint": pa.array(np.tile(np.repeat(kinds, customers), calls)),
            }
        ),
        "surveys": pa.table(
            {
                "customer_id": names,
                "answered_at": company.micros(answered),
                "metric": pa.array(["nps"] * customers),
                "score": pa.array(rng.integers(0, 11, customers) if scores is None else scores(rng, customers)),
                "touchpoint": pa.array([about] * customers, pa.string()),
            }
        ),
    }
    config = {
        "data": {"tables": {name: {"path": f"{name}.parquet"} for name in tables}},
        "targets": {"nps": {"kind": "survey"}},
    }
    company.write(tmp_path, tables, config=config)
    with open_tables(company.settings(tmp_path)) as opened:
        return list(check_answers.mixed(opened))


def test_answers_that_follow_calls_look_transactional(tmp_path: Path) -> None:
    """Every answer six hours after a call is no answer on the relationship; the touchpoint is named."""
    (found,) = _found(tmp_path, after_call=True)
    assert (found.code, found.level, found.rows) == ("transactional_answers", "warning", 200)
    assert "'call'" in found.message


def test_answers_at_any_time_are_left_alone(tmp_path: Path) -> None:
    """Customers who were asked in a rhythm give no finding."""
    assert _found(tmp_path, after_call=False) == []


def test_what_happens_every_day_gives_nothing_away(tmp_path: Path) -> None:
    """Where every customer logs in daily, every answer comes soon after a login, and always would have."""
    assert _found(tmp_path, after_call=False, calls=500) == []


def test_a_questionnaire_about_a_visit_is_left_alone(tmp_path: Path) -> None:
    """Answers that come after five kinds of encounters at once speak of all of them."""
    kinds = ("parking", "check_in", "security", "food", "gate")
    assert _found(tmp_path, after_call=True, kinds=kinds) == []


@pytest.mark.parametrize(("top", "metric"), [(5, "csat"), (7, "ces")])
def test_a_scale_of_another_question_is_named(tmp_path: Path, top: int, metric: str) -> None:
    """Scores that never exceed five or seven were not asked from 0 to 10."""
    (found,) = _found(tmp_path, after_call=False, scores=lambda rng, n: rng.integers(1, top + 1, n))
    assert (found.code, found.level) == ("score_scale", "warning")
    assert metric in found.message


def test_marked_answers_are_kept_apart_without_a_word(tmp_path: Path) -> None:
    """Answers that say which encounter they are about need no warning."""
    assert _found(tmp_path, after_call=True, about="call") == []
