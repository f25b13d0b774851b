"""Several trainings at once on a store that nobody has made yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.training import made
from tests.training.trainer import TARGETS
from training.registry import Registry
from training.tracking import Point

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_two_trainings_at_once_do_not_break_a_fresh_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that both find no store: both train and register, one store is there, and it holds both champions."""
    command = [sys.executable, "-m", "tests.training.trainer", str(tmp_path)]
    both = [
        subprocess.Popen([*command, name, seed], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name, seed in (("east", "1"), ("west", "2"))
    ]
    answers = [process.communicate(timeout=500) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    monkeypatch.chdir(tmp_path)
    for name, (out, _) in zip(("east", "west"), answers, strict=True):
        number, outcome, digest = out.split()
        assert (number, outcome) == ("1", "first")
        champion = Registry(made.settings(tmp_path / name, TARGETS, name=name), made.NOW).find("churn")
        assert champion is not None
        assert champion.sha256 == digest


def test_many_points_and_pairs_go_in_parts(tmp_path: Path, tracking: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More metrics, parameters and tags than a request takes are all logged; what is too long is cut."""
    monkeypatch.chdir(tmp_path)
    settings = made.settings(tmp_path, TARGETS, mlflow={"tracking_uri": f"sqlite:///{tracking}"}, name="many")
    registry = Registry(settings, made.NOW)
    run = registry.start("many")
    pairs = {f"key {number}": "v" * 9000 for number in range(120)}
    registry.log(run, parameters=pairs, tags=pairs, metrics=[Point("loss", float(step), step) for step in range(1100)])
    registry.finish(run)
    found = registry.client.get_run(run).data
    assert len(found.params) == 120
    assert len([name for name in found.tags if name.startswith("key ")]) == 120
    assert len(found.tags["key 0"]) == 8000
    assert [item.step for item in registry.client.get_metric_history(run, "loss")] == list(range(1100))
