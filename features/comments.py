"""What a comment tells before anybody reads it: its length in characters, and the language that its script gives away.

The database's expression and the function of the online host are made of the same ranges of letters, and agree.
"""

from __future__ import annotations

import re
from typing import Final

_SCRIPTS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "he": ((0x0590, 0x05FF), (0xFB1D, 0xFB4F)),
    "ar": ((0x0600, 0x06FF), (0x0750, 0x077F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE)),
    "cyrillic": ((0x0400, 0x052F),),
    "latin": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F)),
}
"""Script to its letters; the first of them that a comment holds is its own (names in Latin letters stand in any text)."""

LANGUAGES: Final = (*_SCRIPTS, "other")
"""What a comment can be written in, in code order."""

_PATTERNS: Final = {
    name: re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges) + "]")
    for name, ranges in _SCRIPTS.items()
}


def language(comment: str) -> str:
    """The script of a comment, one of `LANGUAGES`."""
    return next((name for name, pattern in _PATTERNS.items() if pattern.search(comment)), "other")


def language_sql(column: str) -> str:
    """The same as SQL (DuckDB, RE2 syntax); NULL for no comment."""
    tests = " ".join(
        f"WHEN regexp_matches({column}, '["
        + "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in ranges)
        + f"]') THEN '{name}'"
        for name, ranges in _SCRIPTS.items()
    )
    return f"CASE WHEN {column} IS NULL THEN NULL {tests} ELSE 'other' END"
