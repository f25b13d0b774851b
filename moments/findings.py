"""The findings of a check as a table for a person. Machines read `check.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

LEVELS: Final = {"error": "bold red", "warning": "yellow", "note": "dim"}
"""Levels, the gravest first, and how they look."""


def counts(found: list[dict[str, Any]]) -> dict[str, int]:
    """How many findings there are of each level."""
    return {level: sum(item["level"] == level for item in found) for level in LEVELS}


def table(found: list[dict[str, Any]], *, notes: bool = True) -> RenderableType:
    """The findings, the gravest first; a sentence when there is none. Without `notes`, these are only counted."""
    if not found:
        return Text("Nothing wrong or suspicious in the tables.")
    if not notes and all(item["level"] == "note" for item in found):
        return Text(f"Nothing wrong in the tables; {len(found)} notes in check.json.")
    grid = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("level", "where", "rows", "finding"):
        grid.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    order = list(LEVELS)
    for item in sorted(found, key=lambda one: order.index(one["level"])):
        if item["level"] == "note" and not notes:
            continue
        where = ".".join(str(part) for part in (item["table"], item["column"]) if part)
        finding = Text.assemble(item["message"], ("\n-> " + item["next"], "dim") if item["next"] else "")
        grid.add_row(
            Text(item["level"], style=LEVELS[item["level"]]),
            where,
            f"{item['rows'] or '':,}" if item["rows"] else "",
            finding,
        )
    return grid
