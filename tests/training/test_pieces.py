"""Finished pieces of a training set on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.pieces import MANIFEST, Pieces

ROWS, FEATURES, GROUP = 23, 3, 8


def opened(folder: Path, key: dict[str, Any] | None = None) -> Pieces:
    """The pieces in a folder."""
    return Pieces(folder / "work" / "churn", key or {"tables": "a"}, rows=ROWS, features=FEATURES, group_rows=GROUP)


def matrix() -> np.ndarray[Any, Any]:
    """All rows, with gaps."""
    X = np.random.default_rng(0).normal(size=(ROWS, FEATURES))
    X[3, 1] = np.nan
    return X


def whole(pieces: Pieces) -> np.ndarray[Any, Any]:
    """What the pieces have, group after group."""
    found = np.full((FEATURES, ROWS), np.inf)
    for group, first in enumerate(range(0, ROWS, GROUP)):
        room = np.full((FEATURES, min(GROUP, ROWS - first)), np.inf)
        pieces.fill(group, room)
        found[:, first : first + GROUP] = room
    return found.T


def fill(pieces: Pieces, *, parts: int = 3) -> None:
    """Two of three pieces."""
    X = matrix()
    for part in range(2):
        lines = np.arange(part, ROWS, parts)
        pieces.add(lines, X[lines])


def test_pieces_together_are_the_matrix(tmp_path: Path) -> None:
    """Lines that lie in many groups come back to their places, bit for bit; a piece without lines is none."""
    pieces = opened(tmp_path)
    fill(pieces)
    lines = np.arange(2, ROWS, 3)
    np.testing.assert_array_equal(pieces.missing, lines)
    pieces.add(lines, np.asfortranarray(matrix()[lines]))
    pieces.add(lines[:0], matrix()[:0])
    assert len(pieces) == 3
    assert not len(pieces.missing)
    np.testing.assert_array_equal(whole(pieces), matrix())


def test_what_is_finished_outlives_the_process(tmp_path: Path) -> None:
    """Opened again for the same inputs, the pieces are there; for other inputs they are gone."""
    fill(opened(tmp_path))
    again = opened(tmp_path)
    assert len(again) == 2
    np.testing.assert_array_equal(again.missing, np.arange(2, ROWS, 3))
    other = opened(tmp_path, {"tables": "b"})
    assert len(other) == 0
    assert not list((tmp_path / "work" / "churn").iterdir())


@pytest.mark.parametrize("how", ["shorter", "changed", "gone", "foreign"])
def test_a_piece_that_is_not_whole_is_forgotten(tmp_path: Path, how: str) -> None:
    """Half a file, another content, no file, or another piece under its name: its lines are computed again."""
    fill(opened(tmp_path))
    first, second = sorted((tmp_path / "work" / "churn").glob("*.piece"))
    data = first.read_bytes()
    if how == "shorter":
        first.write_bytes(data[:-9])
    elif how == "changed":
        first.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "gone":
        first.unlink()
    else:
        first.write_bytes(second.read_bytes())
    again = opened(tmp_path)
    assert len(again) == 1
    lines = np.setdiff1d(np.arange(ROWS), np.arange(1, ROWS, 3))
    np.testing.assert_array_equal(again.missing, lines)
    again.add(lines, matrix()[lines])
    np.testing.assert_array_equal(whole(again), matrix())
    np.testing.assert_array_equal(whole(opened(tmp_path)), matrix())


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": 1, "pieces": [{}]}', None])
def test_a_damaged_manifest_starts_anew(tmp_path: Path, content: str | None) -> None:
    """Pieces that no manifest vouches for are removed."""
    fill(opened(tmp_path))
    path = tmp_path / "work" / "churn" / MANIFEST
    path.unlink() if content is None else path.write_text(content)
    assert len(opened(tmp_path)) == 0
    assert not list((tmp_path / "work" / "churn").iterdir())


def test_the_manifest_tells_what_the_pieces_are(tmp_path: Path) -> None:
    """Inputs, shape, and of each file its lines, length and checksum."""
    fill(opened(tmp_path))
    content = json.loads((tmp_path / "work" / "churn" / MANIFEST).read_text())
    assert content["key"] == {"format": 1, "tables": "a", "rows": ROWS, "features": FEATURES, "group_rows": GROUP}
    assert [sorted(piece) for piece in content["pieces"]] == [["crc", "file", "lines", "size"]] * 2


def test_drafts_and_strangers_are_removed(tmp_path: Path) -> None:
    """What a killed process was writing is no piece."""
    fill(opened(tmp_path))
    draft = tmp_path / "work" / "churn" / "00002.piece.draft"
    draft.write_bytes(b"half")
    assert len(opened(tmp_path)) == 2
    assert not draft.exists()
