"""JSON values as facts: what is missing, NaN or infinite is None; what a report cannot do without is an error with its place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from configs.errors import DataError
from drivers.interval import Interval


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is no file.

    Raises
    ------
    DataError
        When the file is damaged.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"the file cannot be read ({error})", where=str(path), next_move="run the step that writes it again"
        ) from None
    if not isinstance(content, dict):
        raise DataError("the file is not an object", where=str(path), next_move="run the step that writes it again")
    return content


def need(content: dict[str, Any], key: str, path: Path) -> Any:
    """A value that must be there.

    Raises
    ------
    DataError
        Naming the file and the key.
    """
    if key not in content:
        raise DataError(
            f"the key '{key}' is missing",
            where=str(path),
            available=", ".join(sorted(content)),
            next_move="run the step that writes it again",
        )
    return content[key]


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """A whole number, or None."""
    found = number(value)
    return None if found is None else round(found)


def interval(value: Any) -> Interval | None:
    """An estimate with its limits, from ``{value, low, high}`` or a bare number; None without a value."""
    parts = value if isinstance(value, dict) else {"value": value}
    middle = number(parts.get("value"))
    return None if middle is None else Interval(middle, number(parts.get("low")), number(parts.get("high")))


def text(value: Any) -> str | None:
    """A text, or None when it is empty."""
    return None if value is None or value == "" else str(value)


def several(value: Any) -> tuple[str, ...]:
    """One text or a list of them as texts; what is null or empty is left out."""
    items = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in items if item is not None and item != "")
