"""run.json: what is done, what is not, and that nobody sees half of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.errors import NotReadyError
from moments import manifest
from moments.manifest import Manifest, Record


def record(output: Path, digest: str = "d") -> Record:
    path = output / "a.txt"
    path.write_text("content", encoding="utf-8")
    return Record(digest, {}, "2026-01-01T00:00:00Z", 1.0, 2.0, {"rows": 3}, {"a.txt": manifest.sha256(path)}, [])


def test_a_recorded_step_is_done(tmp_path: Path) -> None:
    """Same digest, same options, same files: done; the record survives a reading."""
    Manifest(tmp_path).write("check", record(tmp_path))
    book = Manifest(tmp_path)
    assert book.is_done("check", "d", {})
    assert book.outputs_of("check") == record(tmp_path).outputs


def test_what_makes_a_step_not_done(tmp_path: Path) -> None:
    """Another digest, other options, a changed or lost file, or no record at all."""
    book = Manifest(tmp_path)
    assert not book.is_done("check", "d", {})
    book.write("check", record(tmp_path))
    assert not book.is_done("check", "e", {})
    assert not book.is_done("check", "d", {"target": "churn"})
    (tmp_path / "a.txt").write_text("changed", encoding="utf-8")
    assert not book.is_done("check", "d", {})
    (tmp_path / "a.txt").unlink()
    assert not book.is_done("check", "d", {})


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A run.json that is no JSON is an error that says what to do."""
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(NotReadyError, match="delete the file"):
        Manifest(tmp_path)


def test_writing_replaces_as_a_whole(tmp_path: Path) -> None:
    """When the content cannot be written, the old file stays, and nothing that is no number gets in."""
    path = tmp_path / "x.json"
    manifest.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        manifest.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}


def test_digests_depend_on_content_alone() -> None:
    """The order of keys does not matter, the values do."""
    assert manifest.digest_of({"a": 1, "b": 2}) == manifest.digest_of({"b": 2, "a": 1})
    assert manifest.digest_of({"a": 1}) != manifest.digest_of({"a": 2})


def test_code_digest_sees_the_packages() -> None:
    """One package more is another digest; the same packages give the same."""
    assert manifest.code_digest(["configs"]) == manifest.code_digest(["configs"])
    assert manifest.code_digest(["configs"]) != manifest.code_digest(["configs", "features"])


def test_versions_name_what_computes() -> None:
    """The versions of our direct dependencies are there, our own too."""
    assert {"numpy", "duckdb", "lightgbm", "moments-of-truth"} <= set(manifest.versions())
