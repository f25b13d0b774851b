"""What the look at the models found, in words. Machines read `monitor.json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

STYLES: Final = {"retrain": "bold red", "watch": "yellow", "keep": "green"}


def render(facts: dict[str, Any], *, page: str, config: str) -> Iterator[RenderableType]:
    """The content of ``monitor.json`` for a person; `page` and `config` are files to name."""
    grid = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("target", "verdict", "labels", "why"):
        grid.add_column(name, justify="right" if name == "labels" else "left", overflow="fold")
    for name, found in facts["targets"].items():
        known = found["realised"]["rows"] if found["realised"] else 0
        why = "\n".join(item["text"] for item in found["reasons"])
        grid.add_row(name, Text(found["verdict"], style=STYLES[found["verdict"]]), f"{known:,}", why)
    yield grid
    limits = {item["text"]: None for found in facts["targets"].values() for item in found["limits"]}
    if limits:
        yield Text("\nWhat cannot be told:", style="bold")
        for text in limits:
            yield Text(f"- {text}")
    for name in facts["untrained"]:
        yield Text(f"{name}: no model has been trained yet")
    yield Text(f"\nPage: {page}")
    yield Text(f"Next: {_next(facts, config, page)}")


def _next(facts: dict[str, Any], config: str, page: str) -> str:
    again = [name for name, found in facts["targets"].items() if found["verdict"] == "retrain"]
    if again or any(found["advice"] for found in facts["targets"].values()):
        # A training calibrates anew, and the gate decides whether its trees are better too.
        return f"moments features {config} && moments train {config}"
    return "look again when the next labels are known" if facts["verdict"] == "keep" else f"read {page}"
