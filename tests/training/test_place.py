"""A folder takes the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import place


def folder(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "a.txt").write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("exchanged", [True, False], ids=["exchange", "two renamings"])
def test_a_folder_takes_the_place_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exchanged: bool) -> None:
    """The first one is put there, the second replaces it, and nothing is left beside; with or without the system's exchange."""
    if not exchanged:
        monkeypatch.setattr(place, "exchange", lambda _first, _second: False)
    home = tmp_path / "models" / "churn"
    place.put(home, folder(tmp_path / "one", "one"))
    assert (home / "a.txt").read_text(encoding="utf-8") == "one"
    (tmp_path / "models" / ".churn.draft").mkdir()
    place.put(home, folder(tmp_path / "two", "two"))
    assert (home / "a.txt").read_text(encoding="utf-8") == "two"
    assert [item.name for item in (tmp_path / "models").iterdir()] == ["churn"]
    assert (tmp_path / "two").is_dir()


def test_what_is_staged_is_not_seen(tmp_path: Path) -> None:
    """Until it is settled the old folder lies in its place."""
    home = folder(tmp_path / "churn", "old")
    draft = place.stage(home, folder(tmp_path / "new", "new"))
    assert (home / "a.txt").read_text(encoding="utf-8") == "old"
    place.settle(home, draft)
    assert (home / "a.txt").read_text(encoding="utf-8") == "new"


def test_an_exchange_that_cannot_be_says_so(tmp_path: Path) -> None:
    """Where one of the two is not there, nothing moves."""
    assert not place.exchange(tmp_path / "no", tmp_path / "neither")
