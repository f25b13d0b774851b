"""Questions of other kinds among NPS answers are named; a sound survey is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from configs.settings import load
from features.check_questions import mixing
from features.findings import Finding
from features.tables import open_tables

DAY = 86_400_000_000
START = 1_704_067_200_000_000  # 2024-01-01


def _found(folder: Path, **columns: Any) -> list[Finding]:
    """What is said of 800 NPS answers over two years, with some columns changed."""
    rng = np.random.default_rng(1)
    answers = {
        "customer_id": [f"c{n:03d}" for n in rng.integers(0, 300, 800)],
        "answered_at": START + rng.integers(0, 730 * 24 * 60, 800) * (DAY // 1440),
        "metric": ["nps"] * 800,
        "score": rng.integers(0, 11, 800),
        "touchpoint": pa.array([None] * 800, pa.string()),
    } | columns
    answers["answered_at"] = pa.array(answers["answered_at"], pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table(answers), folder / "surveys.parquet")
    pq.write_table(pa.table({"customer_id": [f"c{n:03d}" for n in range(300)]}), folder / "customers.parquet")
    config = {
        "data": {"tables": {name: {"path": f"{name}.parquet"} for name in ("customers", "surveys")}},
        "targets": {"nps": {"kind": "survey"}},
    }
    path = folder / "company.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with open_tables(load(path)) as tables:
        return list(mixing(tables))


def test_a_sound_survey_is_left_alone(tmp_path: Path) -> None:
    """Answers from 0 to 10, one at a time, about the relationship: nothing to say."""
    assert _found(tmp_path) == []


def test_several_questions_of_one_form_are_named(tmp_path: Path) -> None:
    """Four hundred forms of two questions, both called nps."""
    rng = np.random.default_rng(2)
    at = START + rng.integers(0, 730 * 24 * 60, 400) * (DAY // 1440)
    who = [f"c{n:03d}" for n in rng.integers(0, 300, 400)]
    (found,) = _found(tmp_path, customer_id=who * 2, answered_at=np.tile(at, 2))
    assert (found.level, found.code, found.rows) == ("warning", "several_answers_at_once", 800)


def test_a_scale_that_held_for_a_while_is_named(tmp_path: Path) -> None:
    """Answers of one half-year end at five, those of the other quarters at ten."""
    rng = np.random.default_rng(3)
    at = START + rng.integers(0, 730 * 24 * 60, 800) * (DAY // 1440)
    early = at < START + 182 * DAY
    score = np.where(early, rng.integers(1, 6, 800), rng.integers(0, 11, 800))
    (found,) = _found(tmp_path, answered_at=at, score=score)
    assert (found.level, found.code, found.rows) == ("warning", "scale_for_a_while", int(early.sum()))
    assert "csat" in found.message
    assert "2 of 8 quarters" in found.message


def test_another_scale_of_answers_about_an_encounter_is_named(tmp_path: Path) -> None:
    """Answers about calls end at seven, those about visits at ten."""
    rng = np.random.default_rng(4)
    about = np.where(np.arange(800) < 400, "call", "visit")
    score = np.where(about == "call", rng.integers(1, 8, 800), rng.integers(0, 11, 800))
    (found,) = _found(tmp_path, touchpoint=about, score=score)
    assert (found.code, found.rows) == ("scale_of_encounters", 400)
    assert "'call'" in found.message
    assert "ces" in found.message


def test_a_few_answers_say_nothing(tmp_path: Path) -> None:
    """Forty answers about a call that end at five may be chance."""
    rng = np.random.default_rng(5)
    about = pa.array(["call"] * 40 + [None] * 760, pa.string())
    score = np.where(np.arange(800) < 40, rng.integers(1, 6, 800), rng.integers(0, 11, 800))
    assert _found(tmp_path, touchpoint=about, score=score) == []
