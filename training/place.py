"""The place of a champion's bundle, ``models/<target>/``: a whole folder takes the place of another in one step.

Where the system can exchange two names (Linux), a reader finds the old folder or the new one at any moment; elsewhere the name
is gone for the blink between two renamings. A reader that is in the middle of the old folder finds that the digests do not
fit, and reads again.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path
from typing import Final

_HERE: Final = -100
_EXCHANGE: Final = 2


def stage(place: Path, source: Path) -> Path:
    """A copy of a folder beside the place, ready to take it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    return draft


def settle(place: Path, draft: Path) -> None:
    """Let a staged folder take the place; what lay there is removed."""
    if not place.exists():
        draft.rename(place)
        return
    if exchange(place, draft):
        shutil.rmtree(draft, ignore_errors=True)
        return
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    place.rename(old)
    draft.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def put(place: Path, source: Path) -> None:
    """Put a copy of a folder in the place."""
    settle(place, stage(place, source))


def exchange(first: Path, second: Path) -> bool:
    """Let two folders exchange their names in one step; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return bool(renameat2(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0)
