"""Nothing reports home and nothing loads pickles, whichever way we are started."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moments.environment import ENVIRONMENT, set_environment

ROOT = Path(__file__).resolve().parents[2]


def test_it_overrides_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that would switch telemetry on again does not survive."""
    import os

    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "False")
    set_environment()
    assert {name: os.environ[name] for name in ENVIRONMENT} == ENVIRONMENT


def test_make_sets_the_same() -> None:
    """The Makefile exports exactly the same names and values."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    exported = dict(re.findall(r"^export (\w+) := (\S+)$", text, flags=re.MULTILINE))
    assert {name: exported.get(name) for name in ENVIRONMENT} == ENVIRONMENT


def test_libraries_agree_that_they_are_silent() -> None:
    """MLflow and BentoML, asked themselves, say that they do not track."""
    set_environment()
    from bentoml._internal.utils.analytics import usage_stats
    from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION, MLFLOW_DISABLE_TELEMETRY

    assert usage_stats.do_not_track()
    assert MLFLOW_DISABLE_TELEMETRY.get()
    assert not MLFLOW_ALLOW_PICKLE_DESERIALIZATION.get()
