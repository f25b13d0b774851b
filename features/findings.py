"""A finding: one thing that is wrong or suspicious in the data, with the next move."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check.json`.

    Parameters
    ----------
    level
        ``error`` stops a run, ``warning`` may mislead, ``note`` is good to know.
    code
        A stable name of the kind of finding.
    table, column
        Where; the column may be None.
    rows
        How many rows are concerned.
    message
        What was found.
    next
        What to do about it.
    """

    level: Level
    code: str
    table: str | None
    column: str | None
    rows: int
    message: str
    next: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
