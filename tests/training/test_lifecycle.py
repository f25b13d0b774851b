"""Models by hand: the list, promote, rollback, and what refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.errors import BundleError, NotReadyError
from configs.settings import Settings
from tests.training import made
from tests.training.test_bundle import bundle_of
from training import lifecycle
from training.bundle import Bundle
from training.lifecycle import Hand
from training.registry import BUNDLE, Registry, Version

TARGETS = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}
ANNA = Hand("anna", made.NOW, "odd scores")


@pytest.fixture
def two(tmp_path: Path, tracking: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two registered versions, the second one champion, its bundle in place."""
    monkeypatch.chdir(tmp_path)
    name = f"{request.node.name}-life".replace("[", "-").replace("]", "")
    settings = made.settings(tmp_path, TARGETS, mlflow={"tracking_uri": f"sqlite:///{tracking}"}, name=name)
    registry = Registry(settings, made.NOW)
    bundle, dataset = bundle_of("binary")
    for number, rows in (("1", dataset.X[:5]), ("2", dataset.X[:6])):
        folder = tmp_path / str(number) / "bundle"
        saved = bundle.save(folder, rows)
        run = registry.start("a run")
        tags = {"metrics": json.dumps({"auc": {"value": 0.8, "low": 0.7, "high": 0.9}}), "outcome": "promoted"}
        version = registry.register(run, saved, folder, tags)
        (folder / "card.html").write_text(f"card {number}", encoding="utf-8")
        registry.log_file(run, folder / "card.html", BUNDLE)
        registry.finish(run)
        registry.promote("churn", version)
    return settings


def answering(settings: Settings) -> tuple[str, str]:
    """The digest and the card that lie in the place."""
    home = settings.output / "models" / "churn"
    return Bundle.load(home).sha256, (home / "card.html").read_text(encoding="utf-8")


def aliases(settings: Settings) -> dict[str, list[str]]:
    return {row["version"]: row["aliases"] for row in lifecycle.listed(settings, "churn", made.NOW)}


def test_the_list_tells_what_is_known(two: Settings) -> None:
    """Newest first, with aliases, metrics, outcome and digest; what was not noted is None."""
    rows = lifecycle.listed(two, "churn", made.NOW)
    assert [(row["version"], row["aliases"]) for row in rows] == [("2", ["champion"]), ("1", ["previous"])]
    assert rows[0]["metrics"] == {"auc": {"value": 0.8, "low": 0.7, "high": 0.9}}
    assert rows[0]["outcome"] == "promoted"
    assert rows[0]["sha256"] != rows[1]["sha256"]
    assert (rows[0]["by_hand"], rows[0]["set_aside"], rows[0]["trained_at"]) == (None, None, None)


def test_two_rollbacks_swap_back_and_forth(two: Settings) -> None:
    """The first brings version 1 with its card into the place, the second version 2 again; both note who and why."""
    rows = {row["version"]: row for row in lifecycle.listed(two, "churn", made.NOW)}
    moved = lifecycle.rollback(two, "churn", ANNA)
    assert (moved.version, moved.before) == ("1", "2")
    assert answering(two) == (rows["1"]["sha256"], "card 1")
    assert aliases(two) == {"2": ["previous"], "1": ["champion"]}
    noted = {row["version"]: row for row in lifecycle.listed(two, "churn", made.NOW)}
    assert noted["1"]["by_hand"] == noted["2"]["set_aside"]
    assert noted["2"]["set_aside"] == {"who": "anna", "when": "2026-01-15T00:00:00Z", "why": "odd scores"}
    moved = lifecycle.rollback(two, "churn", ANNA)
    assert (moved.version, moved.before) == ("2", "1")
    assert answering(two) == (rows["2"]["sha256"], "card 2")
    assert lifecycle.listed(two, "churn", made.NOW)[0]["set_aside"] is None


def test_promoting_the_champion_again_puts_its_bundle_back(two: Settings) -> None:
    """No alias moves; a folder that was lost is there again."""
    moved = lifecycle.promote(two, "churn", "2", ANNA)
    assert moved.before is None
    assert aliases(two) == {"2": ["champion"], "1": ["previous"]}
    assert answering(two)[1] == "card 2"
    assert moved.to_dict()["folder"] == str(two.output / "models" / "churn")


def test_a_version_that_is_not_there_is_named(two: Settings) -> None:
    """With the versions that there are, and where to look."""
    with pytest.raises(NotReadyError, match=r"there is no version 9 of 'churn'.*Available: 2, 1.*moments models"):
        lifecycle.promote(two, "churn", "9", ANNA)


def test_a_bundle_that_does_not_load_is_refused_by_name(two: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged, gone or another one: an error that names the version; neither aliases nor the place change."""
    lifecycle.promote(two, "churn", "2", ANNA)
    before = answering(two)
    real = Registry.fetch

    def damaged(self: Registry, version: Version, path: str, into: Path) -> Path | None:
        folder = real(self, version, path, into)
        assert folder is not None
        (folder / "model_0.txt").write_text("damaged", encoding="utf-8")
        return folder

    def other(self: Registry, version: Version, path: str, into: Path) -> Path | None:
        return real(self, Version("2", "", lifecycle.Registry(two, made.NOW).versions("churn")[0].run_id), path, into)

    for fake, words in (
        (damaged, "version 1 of .*its bundle does not load: model_0.txt is not what was saved"),
        (other, "version 1 of .*its bundle is not the one that was registered"),
        (lambda *_: None, "version 1 of .*its files are gone from the store"),
    ):
        monkeypatch.setattr(Registry, "fetch", fake)
        with pytest.raises(BundleError, match=words):
            lifecycle.promote(two, "churn", "1", ANNA)
    assert answering(two) == before
    assert aliases(two) == {"2": ["champion"], "1": ["previous"]}


def test_nothing_to_go_back_to_is_said(tmp_path: Path, tracking: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a previous version, and without any store at all, which is not made by looking."""
    monkeypatch.chdir(tmp_path)
    settings = made.settings(tmp_path, TARGETS, mlflow={"tracking_uri": f"sqlite:///{tracking}"}, name="nobody")
    assert lifecycle.listed(settings, "churn", made.NOW) == []
    with pytest.raises(NotReadyError, match=r"no version of 'churn' answered before this one.*promote --target churn"):
        lifecycle.rollback(settings, "churn", ANNA)
    fresh = made.settings(tmp_path, TARGETS)
    assert lifecycle.listed(fresh, "churn", made.NOW) == []
    with pytest.raises(NotReadyError, match=r"no model of 'churn' is registered.*train one first"):
        lifecycle.promote(fresh, "churn", "1", ANNA)
    assert not (tmp_path / "mlruns").exists()
