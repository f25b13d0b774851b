"""Verbs write experiments under the working folder, so each test here works in one of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts in its temporary folder."""
    monkeypatch.chdir(tmp_path)
