"""The verbs with `--engine spark`: the very files of the local engine, and words that help where Spark cannot run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from moments.cli import app
from tests.conftest import Demo


def test_features_and_scores_by_spark_are_the_same_files(demo: Demo, spark: Any, tmp_path: Path) -> None:
    """Training sets byte for byte, scores value for value; a later run finds nothing to do again."""
    again = demo.copy(tmp_path / "again")
    for name in again.settings.targets:
        (again.output / "training" / f"{name}.parquet").unlink()
    (again.output / "scores.parquet").unlink()
    for verb in ("features", "score"):
        done = CliRunner().invoke(app, [verb, str(again.config), "--engine", "spark", "--json"])
        assert done.exit_code == 0, done.output
        (step,) = json.loads(done.stdout)["steps"]
        assert any("Spark at local[2]" in note for note in step["notes"])
        assert not step["stale"]
    for name in again.settings.targets:
        file = Path("training") / f"{name}.parquet"
        assert (again.output / file).read_bytes() == (demo.output / file).read_bytes()
    scores = [pq.read_table(item.output / "scores.parquet") for item in (again, demo)]
    assert scores[0].equals(scores[1])
    record = json.loads((again.output / "run.json").read_text(encoding="utf-8"))["steps"]["features"]
    assert record["options"] == {}


@pytest.mark.parametrize("verb", ["features", "score"])
def test_without_pyspark_the_next_move_is_said(company: Demo, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """The verb exits with 1 before it reads a table, and says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(app, [verb, str(company.config), "--engine", "spark"])
    assert done.exit_code == 1
    assert "uv sync --extra spark" in " ".join(done.output.split())


def test_an_unknown_engine_is_a_usage_error(company: Demo) -> None:
    """The engines are two, and the help names them."""
    done = CliRunner().invoke(app, ["features", str(company.config), "--engine", "flink"])
    assert done.exit_code == 2
    assert "spark" in done.output
