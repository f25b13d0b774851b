"""From training sets to ``drivers.json`` and ``drivers.csv``: each target that asks for drivers, analysed and told.

`analyse` reads ``training/<target>.parquet`` and, for what rows cannot know (when encounters happened, shorter label windows,
single encounters), the tables. `write` puts the content on disk under temporary names first. The same inputs and seed give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from configs.errors import NotReadyError
from configs.settings import Cancellation, Settings, Survey, Target
from drivers import content as told_as
from drivers import encounters, sampling
from drivers.attribution import Floats, Kind, Problem
from drivers.blocks import Design, design
from drivers.core import analyse_arrays
from drivers.timing import Timing, timings
from features import schema
from features.tables import Tables, open_tables
from training import dataset as training_dataset
from training.dataset import Dataset
from training.targets import rows_for, task_of

Progress = Callable[[str, float], None]

_FIND_DAYS: Final = 30  # label window on which drivers of a cancellation are found, whatever horizon sizes them
_CAP: Final = 0.99  # quantile that money is cut at: one customer must not decide what moves all
_FEWEST_ROWS: Final = 100  # below it nothing can be distinguished, and folds of customers grow too small to try
_FEWEST_CASES: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Prepared:
    """Arrays of one target: the problem, its sample's rows, and the number of all rows."""

    problem: Problem
    rows: sampling.Sample


def analyse(settings: Settings, *, progress: Progress | None = None) -> dict[str, Any]:
    """Analyse every target that asks for drivers; the content of drivers.json.

    Raises
    ------
    NotReadyError
        When a training set is missing, or no target asks for drivers.
    """
    names = [name for name, target in settings.targets.items() if target.drivers]
    if not names:
        raise NotReadyError(
            "no target asks for drivers",
            where=f"{settings.source.name}: targets",
            available=", ".join(settings.targets),
            next_move="set 'drivers: true' on a target",
        )
    tell = progress or (lambda _message, _fraction: None)
    content: dict[str, Any] = {}
    with open_tables(settings) as tables:
        late = timings(tables, settings.drivers)
        places = told_as.places(tables, settings)
        for number, name in enumerate(names):

            def part(message: str, fraction: float, number: int = number, name: str = name) -> None:
                tell(f"{name}: {message}", (number + fraction) / len(names))

            data = training_dataset.read(training_dataset.path_of(settings, name))
            content[name] = _target(tables, settings, name, data, late, places, part)
    return {"targets": content}


def write(content: dict[str, Any], output: Path) -> tuple[Path, Path]:
    """Write drivers.json and drivers.csv into the output folder; returns both paths."""
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in (
        ("drivers.json", told_as.as_json(content)),
        ("drivers.csv", told_as.as_csv(content)),
    ):
        path = output / name
        draft = path.with_name(f".{name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        written.append(path)
    return written[0], written[1]


def _target(
    tables: Tables,
    settings: Settings,
    name: str,
    data: Dataset,
    late: tuple[Timing, ...] | None,
    places: dict[str, told_as.Place],
    progress: Progress,
) -> dict[str, Any]:
    target = settings.targets[name]
    options = settings.drivers
    timing = None if data.flat else late
    excluded = {one.touchpoint for one in timing or () if one.late}
    kind: Kind = "binary" if task_of(target) == "binary" else "linear"
    y = _outcome(target, data.label)
    customer = data.customers
    head = told_as.head(target, data, kind, y, timing)

    def prepare(outcome: Floats, among: np.ndarray[Any, np.dtype[np.intp]], seed: int) -> tuple[Problem, Design, Any]:
        sample = sampling.draw(outcome, customer[among], kind, options.max_rows, seed)
        rows = among[sample.rows]
        made = design(data.X, data.catalog, rows, window_days=options.window_days, excluded=excluded)
        problem = Problem(made.X, made.blocks, outcome[sample.rows], customer[rows], kind, sample.weight)
        return problem, made, rows

    everything = np.arange(len(data))
    problem, _, rows = prepare(y, everything, settings.seed)
    if not problem.blocks or not _enough(problem):
        return told_as.nothing(head, problem, timing, places)
    find = None
    short = _short_labels(tables, settings, name, target, data)
    if short is not None:
        known = np.flatnonzero(~np.isnan(short))
        found, _, _ = prepare(short[known], known, settings.seed)
        if _enough(found) and [b.name for b in found.blocks] == [b.name for b in problem.blocks]:
            find = found
    reader = None
    if not data.flat and tables.rows.get(schema.TOUCHPOINTS):
        reader = encounters.EncounterReader(
            tables, data.catalog.vocabulary, data.customer_id[rows], data.as_of[rows], options.window_days
        )
    result = analyse_arrays(
        problem,
        options,
        seed=settings.seed,
        threads=settings.learner.threads or 2,
        find=find,
        higher_is_better=kind == "linear",
        encounters=reader,
        progress=progress,
    )
    return told_as.told(head, result, find, timing, places)


def _outcome(target: Target, label: Floats) -> Floats:
    """What is explained: NPS on -100, 0, 100, so that effects add up to NPS points; a rating as it is; money cut at a high quantile; 0 or 1."""
    if isinstance(target, Survey) and target.relationship:
        return np.where(label <= 6, -100.0, np.where(label >= 9, 100.0, 0.0))
    if target.kind == "spend":
        cap = float(np.quantile(label, _CAP))
        capped: Floats = np.minimum(label, cap) if cap > 0 else label
        return capped
    return label


def _enough(problem: Problem) -> bool:
    if len(problem.y) < _FEWEST_ROWS or problem.y.min() == problem.y.max():
        return False
    if problem.kind == "binary":
        cases = int((problem.y > 0).sum())
        return min(cases, len(problem.y) - cases) >= _FEWEST_CASES
    return True


def _short_labels(tables: Tables, settings: Settings, name: str, target: Target, data: Dataset) -> Floats | None:
    """The label of each row with a short label window, NaN where unknown; None where it makes no sense for the target.

    Only a cancellation has a moment of its own; thirty quiet days are no inactivity.
    """
    if not isinstance(target, Cancellation) or target.horizon_days <= _FIND_DAYS:
        return None
    shorter = target.model_copy(update={"horizon_days": _FIND_DAYS})
    first, last = (_EPOCH + timedelta(microseconds=int(at)) for at in (data.as_of.min(), data.as_of.max()))
    changed = settings.model_copy(
        update={
            "targets": {**settings.targets, name: shorter},
            "snapshots": settings.snapshots.model_copy(update={"first": first, "last": last}),
        }
    )
    labelled = rows_for(tables, changed, name).rows
    ours, theirs = (
        pa.table({"c": pa.array(customer, type=pa.string()), "t": as_of})
        for customer, as_of in ((data.customer_id, data.as_of), (labelled.customer_id, labelled.as_of))
    )
    ours = ours.append_column("place", pa.array(np.arange(len(data))))
    theirs = theirs.append_column("short", pa.array(labelled.label))
    joined = ours.join(theirs, keys=["c", "t"], join_type="inner")
    short = np.full(len(data), np.nan)
    short[joined.column("place").to_numpy()] = joined.column("short").to_numpy()
    return short
