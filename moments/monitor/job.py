"""The look at every model as a job: bundles and tables in, `monitor.json`, `monitor.html` and a run of MLflow per model out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from configs.errors import NotReadyError
from features import schema
from features.sources import column as quoted_column
from features.tables import open_tables
from moments.manifest import write_json
from moments.monitor.unseen import reasons, unseen
from training.bundle import Bundle
from training.monitor.baseline import Baseline
from training.monitor.limits import Contact
from training.monitor.log import log
from training.monitor.verdict import ORDER
from training.monitor.watch import watch
from training.targets.grid import iso, microseconds
from training.train import MODELS

if TYPE_CHECKING:
    from configs.settings import Settings
    from features.tables import Tables

FACTS: Final = "monitor.json"
FORMAT: Final = 1
CONTACTS: Final = (
    "treatment",
    "treated",
    "treatment_group",
    "contacted",
    "no_contact",
    "holdout",
    "hold_out",
    "control_group",
    "in_campaign",
)
"""Names of attributes that say who was contacted because of a score."""

Progress = Callable[[str, float], None]


def monitor(
    settings: Settings,
    *,
    now: datetime,
    as_of: datetime | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Look at every trained model, write ``monitor.json`` and the pages, and log a run per model.

    Parameters
    ----------
    settings
        The configuration; models are read from its output folder.
    now
        The moment of this look, for the runs and the page.
    as_of
        Nothing later is known; None for the end of the data.
    progress
        Told a message and the fraction done.

    Returns
    -------
    The content of ``monitor.json``.

    Raises
    ------
    NotReadyError
        When no target has a model.
    BundleError, DataError, ConfigError
        A damaged bundle, tables that lack what a model reads, or a tracking store that does not answer.
    """
    tell = progress or (lambda _message, _share: None)
    names = _trained(settings)
    until = None if as_of is None else microseconds(as_of)
    targets: dict[str, Any] = {}
    with open_tables(settings) as tables:
        contact = _contact(tables)
        for position, name in enumerate(names):
            folder = settings.output / MODELS / name
            bundle = Bundle.load(folder)
            new = unseen(tables, bundle, until)
            facts = watch(
                tables,
                settings,
                bundle,
                Baseline.read(folder),
                until=until,
                beside=reasons(new),
                contact=contact,
                progress=_part(tell, position, len(names), name),
            )
            targets[name] = facts | {"unseen": new}
        end = None if tables.timeless else tables.data_end
    content = {
        "format": FORMAT,
        "name": settings.name,
        "as_of": None if end is None else iso(end if until is None else min(until, end)),
        "verdict": max((item["verdict"] for item in targets.values()), key=ORDER.index),
        "untrained": [name for name in settings.trained if name not in targets],
        "targets": targets,
    }
    tell("writing", 0.9)
    from drivers.report.monitor import told, write_pages

    for facts in targets.values():
        for item in (*facts["reasons"], *facts["limits"]):
            item["text"] = told(item, facts["task"])
    write_json(settings.output / FACTS, content)
    write_pages(settings, content, generated_at=now)
    for name, facts in targets.items():
        tell(f"{name}: logging", 0.95)
        log(settings, name, facts, now=now)
    tell("done", 1.0)
    return content


def _trained(settings: Settings) -> list[str]:
    """Targets that have a model, in the configuration's order."""
    folder = settings.output / MODELS
    names = [name for name in settings.targets if (folder / name).is_dir()]
    if not names:
        raise NotReadyError(
            "no model has been trained, so there is nothing to look at",
            where=str(folder),
            available=", ".join(sorted(item.name for item in folder.iterdir() if item.is_dir()))
            if folder.is_dir()
            else "",
            next_move=f"run 'moments train {settings.source}' first (it needs 'moments features')",
        )
    return names


def _contact(tables: Tables) -> Contact | None:
    """The attribute that says who was contacted, with each customer's newest value; None where there is none."""
    name = next((item for item in tables.attributes if item.lower() in CONTACTS), None)
    if name is None:
        return None
    table = tables.arrow(
        f"""SELECT customer_id, arg_max(CAST({quoted_column(name)} AS VARCHAR), coalesce({schema.VALID_FROM}, 0)) AS v
            FROM {schema.CUSTOMERS} GROUP BY customer_id ORDER BY customer_id"""
    )
    values = zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True)
    return Contact(name, {key: "" if value is None else str(value) for key, value in values})


def _part(tell: Progress, position: int, of: int, name: str) -> Progress:
    return lambda message, share: tell(f"{name}: {message}", 0.9 * (position + share) / of)
