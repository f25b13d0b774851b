"""Settings that need a library of their own say so first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.errors import ConfigError
from tests.training import made
from training.choose import contest
from training.extras import require
from training.learner import Learner
from training.split import split


@pytest.mark.parametrize(
    ("asked", "said"), [({"trials": 3}, r"Optuna.*not installed"), ({"catboost": True}, r"CatBoost.*not installed")]
)
def test_a_missing_library_is_named_before_anything_is_taught(
    asked: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names library and extra, and no preset was raced."""
    settings = made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})
    settings = settings.model_copy(update={"learner": settings.learner.model_copy(update=asked)})
    dataset = made.dataset(rows=300)
    monkeypatch.setattr("training.extras.importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(Learner, "race", lambda *_: pytest.fail("the portfolio was raced first"))
    with pytest.raises(ConfigError, match=said) as caught:
        contest(dataset, split(dataset, settings.validation, 7), settings)
    assert "--extra" in str(caught.value)


def test_what_is_there_is_let_through() -> None:
    """An installed library is no matter."""
    require("numpy", "NumPy", "learner.trials", "tune", "nothing")
