"""What the audit found, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

FEATURES: Final = 5
"""Features that are shown."""


def render(facts: dict[str, Any], *, where: str) -> Iterator[RenderableType]:
    """The content of ``audit.json`` for a person; `where` names the file of all differences."""
    vectors, equal = facts["vectors"], facts["equal"]
    if not vectors:
        yield Text("No vector was scored since then.")
        return
    span = f"{facts['first_scored_at'][:16]} to {facts['last_scored_at'][:16]}".replace("T", " ")
    same = "all" if equal == vectors else f"{equal:,}"
    yield Text(f"{_count(vectors, 'vector')} scored {span} UTC: {same} the same to the bit when computed again.")
    found = {cause: item for cause, item in facts["causes"].items() if item["vectors"]}
    if found:
        yield Text()
        yield _causes(found)
    features = facts["features"][:FEATURES]
    if features:
        listed = ", ".join(f"{item['feature']} ({item['differences']:,})" for item in features)
        rest = len(facts["features"]) - len(features)
        others = f" and {_count(rest, 'other')}" if rest else ""
        yield Text(f"\nMost often: {listed}{others}.")
    for model in facts["models"]:
        if model["note"]:
            yield Text(f"{model['target']}, version {model['version']} ({model['sha256'][:12]}): {model['note']}")
    if found:
        yield Text(f"Every difference: {where}")
    if "bug" in found:
        yield Text("Next: a bug means that two computations of ours disagree; report it with the rows of this cause.")


def _causes(found: dict[str, Any]) -> Table:
    grid = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("cause", "vectors", "differences", "what it says"):
        grid.add_column(name, justify="right" if name in {"vectors", "differences"} else "left", overflow="fold")
    for cause, item in found.items():
        style = "bold red" if cause == "bug" else ""
        grid.add_row(Text(cause, style=style), f"{item['vectors']:,}", f"{item['differences']:,}", item["meaning"])
    return grid


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
