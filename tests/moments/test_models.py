"""`moments models`: the list, the two changes by hand, and what follows for the next run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from configs.settings import Settings
from moments import manifest, models
from moments.cli import app
from tests.training import made
from tests.training.test_bundle import bundle_of
from training.bundle import Bundle
from training.registry import BUNDLE, Registry

CHURN = {"kind": "column", "column": "left", "positive": "yes"}
NOW = datetime(2026, 1, 15, tzinfo=UTC)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["models", *words])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty store."""
    folder = tmp_path_factory.mktemp("store")
    path = folder / "store" / "mlflow.db"
    settings = made.settings(folder, {"churn": CHURN}, mlflow={"tracking_uri": f"sqlite:///{path}"})
    assert Registry(settings, NOW).client is not None
    return path


@pytest.fixture
def two(tmp_path: Path, store: Path, request: pytest.FixtureRequest) -> Settings:
    """Two versions of churn: the first is champion, the second a challenger with a verdict."""
    mlflow = {"tracking_uri": f"sqlite:///{store}"}
    settings = made.settings(tmp_path, {"churn": CHURN}, mlflow=mlflow, name=request.node.name)
    registry = Registry(settings, NOW)
    bundle, dataset = bundle_of("binary")
    for number, outcome in ((1, "first"), (2, "kept")):
        folder = tmp_path / str(number) / "bundle"
        saved = bundle.save(folder, dataset.X[: 4 + number])
        run = registry.start("a run")
        auc = {"auc": {"value": 0.8125, "low": 0.75, "high": 0.875}, "lift_at_10": {"value": None}}
        tags = {"metrics": json.dumps(auc), "outcome": outcome, "trained_at": "2026-01-15T10:30:00Z"}
        version = registry.register(run, saved, folder, {**tags, "data_until": "2025-12-01T00:00:00Z"})
        registry.finish(run)
        if number == 1:
            registry.promote("churn", version)
    return settings


def test_the_list_is_a_table(two: Settings) -> None:
    """Version, alias, times, metrics with limits, verdict and digest; `list` is what is done when nothing is said."""
    done = call(str(two.source))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    newest = next(line for line in lines if line.split()[:1] == ["2"])
    assert newest.split()[1:6] == ["challenger", "2026-01-15", "10:30", "2025-12-01", "auc"]
    assert "0.8125 (0.75 to 0.875)" in newest
    assert "kept" in newest
    assert newest.split()[-1] == Bundle.load(two.source.parent / "2" / "bundle").sha256[:12]
    assert "lift_at_10 unknown" in done.stdout
    assert call(str(two.source), "list").stdout == done.stdout


def test_the_list_as_json(two: Settings) -> None:
    """One object: target to its versions, newest first."""
    answer = json.loads(call(str(two.source), "list", "--json").stdout)
    assert [row["version"] for row in answer["models"]["churn"]] == ["2", "1"]
    assert answer["models"]["churn"][1]["aliases"] == ["champion"]
    assert answer["models"]["churn"][0]["metrics"]["auc"]["low"] == 0.75


def test_promote_takes_the_challenger_and_rollback_goes_back(two: Settings) -> None:
    """The bundle lies in its place; the answer names both versions, and the way back."""
    done = call(str(two.source), "promote", "--reason", "the audit asked for it")
    assert done.exit_code == 0, done.output
    assert "churn: version 2 answers now, version 1 is the previous one" in done.stdout
    assert "rollback --target churn brings version 1 back" in done.stdout
    home = two.output / "models" / "churn"
    assert Bundle.load(home).sha256 == Bundle.load(two.source.parent / "2" / "bundle").sha256
    answer = json.loads(call(str(two.source), "rollback", "--json").stdout)
    assert (answer["version"], answer["previous"], answer["action"]) == ("1", "2", "rollback")
    assert Bundle.load(home).sha256 == answer["sha256"]
    done = call(str(two.source), "rollback")
    assert "the same command again brings version 1 back" in done.stdout
    row = json.loads(call(str(two.source), "--json").stdout)["models"]["churn"][0]
    assert row["aliases"] == ["champion"]
    assert row["by_hand"]["who"]
    assert "set aside" in call(str(two.source)).stdout


def test_a_change_does_not_make_the_next_run_train_again(two: Settings) -> None:
    """`run.json` takes the folder that was changed by hand for the training's, card and all, and nothing else."""
    registry = Registry(two, NOW)
    home = two.output / "models" / "churn"
    bundle, dataset = bundle_of("binary")
    bundle.save(home, dataset.X[:5])
    (two.output / "metrics.json").write_text("{}", encoding="utf-8")
    book = manifest.Manifest(two.output)
    names = ["metrics.json", *(f"models/churn/{path.name}" for path in home.iterdir())]
    files = {name: manifest.sha256(two.output / name) for name in names}
    book.write("train", manifest.Record("d", {}, "2026-01-01T00:00:00Z", 1.0, 2.0, {}, files, []))
    card = two.source.parent / "card.md"
    card.write_text("a card", encoding="utf-8")
    champion = registry.find("churn", "challenger")
    assert champion is not None
    registry.log_file(champion.run_id, card, BUNDLE)
    assert call(str(two.source), "promote", "--version", "2").exit_code == 0
    book = manifest.Manifest(two.output)
    assert book.is_done("train", "d", {})
    assert {"metrics.json", "models/churn/card.md", "models/churn/bundle.json"} <= book.outputs_of("train").keys()
    book.refresh("score", home)
    assert book.record("score") is None


def test_what_is_not_there_is_said(two: Settings, tmp_path: Path) -> None:
    """An unknown version, no challenger, a version for a rollback, several targets: named, with the next move."""
    done = call(str(two.source), "promote", "--version", "7")
    assert (done.exit_code, "there is no version 7 of 'churn'" in done.output) == (1, True)
    call(str(two.source), "promote")
    done = call(str(two.source), "promote")
    assert (done.exit_code, "no challenger of 'churn' waits" in done.output) == (1, True)
    assert call(str(two.source), "rollback", "--version", "1").exit_code == 2
    assert call(str(two.source), "demote").exit_code == 2
    both = made.settings(tmp_path, {"churn": CHURN, "nps": {"kind": "survey"}}, name="both")
    done = call(str(both.source), "rollback")
    assert (done.exit_code, "there are several targets" in done.output) == (1, True)
    done = call(str(both.source))
    assert done.exit_code == 0
    assert "nothing is registered yet" in done.stdout
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


def test_a_row_without_notes_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of which little is known leaves its cells empty; who did it may be unknown."""
    row: dict[str, Any] = dict.fromkeys(("trained_at", "data_until", "outcome", "by_hand", "set_aside"))
    row |= {"version": "3", "aliases": [], "metrics": {}, "sha256": "ab" * 32}
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as held:
        for part in models.render({"churn": [row]}, "moments train"):
            console.print(part)
    assert held.get().split()[-2:] == ["3", "abababababab"]

    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert models._who() == "unknown"
