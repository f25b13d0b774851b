"""The summary after a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from moments import summary


def shown(found: dict[str, Any]) -> str:
    console = Console(width=140, soft_wrap=True)
    with console.capture() as text:
        for part in summary.render(found):
            console.print(part)
    return text.get()


def test_figures_are_those_of_the_files(demo: Any) -> None:
    """The summary's metrics and drivers are the files' own, with their intervals, and the report's path is there."""
    found = summary.facts(demo.settings)
    metrics = json.loads((demo.output / "metrics.json").read_text(encoding="utf-8"))
    assert found["metrics"]["churn"]["metrics"]["auc"] == metrics["churn"]["auc"]
    text = shown(found)
    assert f"{metrics['churn']['auc']['value']:.3f}" in text
    assert "report.html" in text
    assert "serve" in text


def test_it_lives_without_files(company: Any, tmp_path: Path) -> None:
    """Before anything has run, the summary is only the next command."""
    found = summary.facts(company.copy(tmp_path).settings)
    assert found["metrics"] == {}
    assert "report" not in found
    assert "Next" in shown(found)


def test_nothing_confirmed_is_said() -> None:
    """A target without key drivers says that noise explains it, and names the candidates."""
    content = {
        "unit": "NPS points",
        "claim": "association",
        "drivers": [{"touchpoint": "visit", "rank": None, "status": "candidate"}],
    }
    text = shown({"metrics": {}, "drivers": {"nps": summary._top(content)}, "next": "x"})
    assert "no touchpoint can be told from noise; candidates: visit" in text


def test_paths_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path below the working folder is written from there."""
    monkeypatch.chdir(tmp_path)
    assert summary.shown(tmp_path / "out" / "a.html") == str(Path("out/a.html"))
    assert summary.shown(Path("/elsewhere/a")) == "/elsewhere/a"
