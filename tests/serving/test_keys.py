from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from configs.errors import ConfigError
from serving.keys import KEY, KEYS_FILE, SCOPES, Keys, new_key


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_one_key_for_everything() -> None:
    """MOMENTS_KEY has all scopes; any other key has none."""
    keys = Keys.read({KEY: "secret"}.get)
    assert keys is not None
    assert keys.scopes("secret") == frozenset(SCOPES)
    assert keys.scopes("Secret") is None
    assert keys.scopes("") is None


def test_a_file_of_hashed_keys(tmp_path: Path) -> None:
    """A file holds digests, never keys; each may do what its scopes say; one key may stand twice."""
    path = tmp_path / "keys.json"
    entries = [
        {"name": "crm", "sha256": digest("a"), "scopes": ["score"]},
        {"name": "bi", "sha256": digest("b"), "scopes": ["read"]},
        {"name": "crm again", "sha256": digest("a"), "scopes": ["ingest"]},
    ]
    path.write_text(json.dumps({"keys": entries}))
    keys = Keys.read({KEYS_FILE: str(path), KEY: "all"}.get)
    assert keys is not None
    assert keys.scopes("a") == {"score", "ingest"}
    assert keys.scopes("b") == {"read"}
    assert keys.scopes("all") == set(SCOPES)
    assert keys.scopes(digest("a")) is None


def test_no_key_is_no_keys() -> None:
    """With neither variable there are no keys, and the caller must make one; an empty one is none."""
    assert Keys.read({}.get) is None
    assert Keys.read({KEY: ""}.get) is None


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "cannot be read"),
        ("nonsense", "wrong"),
        ('{"keys": [{"name": "a", "sha256": "ab", "scopes": ["score"]}]}', "sha256"),
        ('{"keys": [{"name": "a", "sha256": "%s", "scopes": ["admin"]}]}' % ("0" * 64), "admin"),
        ('{"keys": [{"name": "a", "key": "plain", "sha256": "%s", "scopes": []}]}' % ("0" * 64), "key"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str | None, word: str) -> None:
    """A file that is missing or wrong stops the start and says what stands in it."""
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=word) as caught:
        Keys.read({KEYS_FILE: str(path)}.get)
    assert KEYS_FILE in caught.value.where


def test_new_keys_cannot_be_guessed() -> None:
    """A key made for a run holds 256 random bits."""
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) >= 43
