"""`moments models`: the registered versions as a table, and the two changes by hand, promote and rollback.

A change also tells `run.json` that the files under ``models/`` are what they should be: the next `moments run` does not train
again because of it, and scores anew with the model that answers now.
"""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from configs.errors import ConfigError
from moments import manifest
from moments.lock import alone
from moments.summary import shown
from training import lifecycle

if TYPE_CHECKING:
    from rich.console import RenderableType

    from configs.settings import Settings

DIGEST: Final = 12
"""Characters of a digest that a table shows."""


def versions(settings: Settings, target: str | None, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Target to its registered versions, newest first; see `training.lifecycle.listed`."""
    names = [target] if target else list(settings.trained)
    return {name: lifecycle.listed(settings, name, now) for name in names}


def change(
    settings: Settings, action: str, target: str | None, version: str | None, reason: str, now: datetime
) -> lifecycle.Moved:
    """Promote a version, by default the challenger, or roll back; `models/<target>/` and `run.json` follow.

    Raises
    ------
    ConfigError
        When there are several targets and none is named, or no challenger waits and no version is named.
    NotReadyError, BundleError
        When there is no such version, or its bundle does not load.
    """
    name = target or _only(settings, action)
    hand = lifecycle.Hand(_who(), now, reason)
    settings.output.mkdir(parents=True, exist_ok=True)
    with alone(settings.output):
        book = manifest.Manifest(settings.output)
        if action == "rollback":
            moved = lifecycle.rollback(settings, name, hand)
        else:
            moved = lifecycle.promote(settings, name, version or _challenger(settings, name, now), hand)
        book.refresh("train", moved.folder)
    return moved


def render(found: dict[str, list[dict[str, Any]]], command: str) -> list[RenderableType]:
    """The versions as things that a console can print."""
    parts: list[RenderableType] = []
    for target, rows in found.items():
        parts += [Text(), Text(target, style="bold")]
        parts.append(_table(rows) if rows else Text(f"  nothing is registered yet: {command}"))
    return parts


def told(moved: lifecycle.Moved, action: str, config: str) -> list[str]:
    """What a change did, in lines."""
    before = f", version {moved.before} is the previous one" if moved.before else ""
    lines = [f"{moved.target}: version {moved.version} answers now{before}; its bundle lies in {shown(moved.folder)}"]
    if moved.before:
        again = (
            "the same command again"
            if action == "rollback"
            else f"moments models {config} rollback --target {moved.target}"
        )
        lines.append(f"Back: {again} brings version {moved.before} back")
    lines.append(f"Next: moments score {config}, so that scores.parquet is of this model too")
    return lines


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    for name in ("version", "alias", "trained at", "data until", "metrics, 95 %", "verdict", "digest"):
        table.add_column(name, justify="right" if name == "version" else "left", no_wrap=name != "metrics, 95 %")
    for row in rows:
        verdict = str(row["outcome"] or "")
        if row["by_hand"]:
            verdict += f", by hand: {row['by_hand'].get('who', '')}"
        if row["set_aside"]:
            verdict += f", set aside: {row['set_aside'].get('who', '')}"
        table.add_row(
            row["version"],
            ", ".join(row["aliases"]),
            str(row["trained_at"] or "")[:16].replace("T", " "),
            str(row["data_until"] or "")[:10],
            "\n".join(_metric(name, value) for name, value in row["metrics"].items()),
            verdict,
            row["sha256"][:DIGEST],
        )
    return table


def _metric(name: str, value: dict[str, float | None]) -> str:
    number, low, high = (value.get(key) for key in ("value", "low", "high"))
    if number is None:
        return f"{name} unknown"
    limits = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
    return f"{name} {number:.4g}{limits}"


def _only(settings: Settings, action: str) -> str:
    if len(settings.trained) != 1:
        raise ConfigError(
            f"there are several targets, and '{action}' is of one",
            where=str(settings.source),
            available=", ".join(settings.trained),
            next_move="name one with --target",
        )
    return next(iter(settings.trained))


def _challenger(settings: Settings, target: str, now: datetime) -> str:
    rows = lifecycle.listed(settings, target, now)
    waiting = next((row["version"] for row in rows if "challenger" in row["aliases"]), None)
    if waiting is None:
        raise ConfigError(
            f"no challenger of '{target}' waits",
            where="the registry",
            available=", ".join(row["version"] for row in rows),
            next_move="name a version with --version",
        )
    return str(waiting)


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
