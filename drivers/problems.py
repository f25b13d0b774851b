"""From a training set to what is analysed: arrays of one outcome over some rows, and what those rows are.

(training set, tables) -> `Prepared`: the problem that is sized, and for a cancellation the same blocks with a short label window on
which drivers are found. The timing gate's touchpoints are left out before anything is learnt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from configs.settings import Cancellation, Settings, Survey, Target
from drivers import sampling
from drivers.attribution import Floats, Kind, Problem
from drivers.blocks import design
from features.tables import Tables
from training.dataset import Dataset
from training.targets import rows_for, task_of

Places = npt.NDArray[np.intp]

_FIND_DAYS: Final = 30  # label window on which drivers of a cancellation are found, whatever horizon sizes them
_CAP: Final = 0.99  # quantile that money is cut at: one customer must not decide what moves all
_FEWEST_ROWS: Final = 100  # below it nothing can be distinguished, and folds of customers grow too small to try
_FEWEST_CASES: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Prepared:
    """What is analysed of one target.

    Parameters
    ----------
    problem, rows
        What is sized, and the places of its rows in the training set.
    outcome
        (all rows,) what is explained, of the whole training set.
    find
        The same blocks with the label window that drivers are found on; None where the outcome itself finds them.
    """

    problem: Problem
    rows: Places
    outcome: Floats
    find: Problem | None

    @property
    def enough(self) -> bool:
        """Whether there is anything to analyse."""
        return bool(self.problem.blocks) and enough(self.problem)


def prepare(tables: Tables, settings: Settings, data: Dataset, excluded: Collection[str]) -> Prepared:
    """The problem of a training set.

    Parameters
    ----------
    tables, settings
        The company, for the shorter label window.
    data
        The training set of a configured target.
    excluded
        Touchpoints that follow from the outcome.
    """
    target = settings.targets[data.target]
    kind = kind_of(target)
    outcome = outcome_of(target, data.label)
    problem, rows = _problem(settings, data, outcome, np.arange(len(data)), kind, excluded)
    found = Prepared(problem, rows, outcome, None)
    if not found.enough:
        return found
    short = _short_labels(tables, settings, data, target)
    if short is None:
        return found
    known = np.flatnonzero(~np.isnan(short))
    find, _ = _problem(settings, data, short, known, kind, excluded)
    if enough(find) and [block.name for block in find.blocks] == [block.name for block in problem.blocks]:
        return Prepared(problem, rows, outcome, find)
    return found


def _problem(
    settings: Settings, data: Dataset, outcome: Floats, among: Places, kind: Kind, excluded: Collection[str]
) -> tuple[Problem, Places]:
    """Some of the rows `among` which the outcome (all rows,) is known, as a problem, and which they are."""
    options = settings.drivers
    customer = data.customers
    sample = sampling.draw(outcome[among], customer[among], kind, options.max_rows, settings.seed)
    rows = among[sample.rows]
    made = design(data.X, data.catalog, rows, window_days=options.window_days, excluded=excluded)
    return Problem(made.X, made.blocks, outcome[rows], customer[rows], kind, sample.weight), rows


def kind_of(target: Target) -> Kind:
    """Whether a target is explained in log-odds or in its own unit."""
    return "binary" if task_of(target) == "binary" else "linear"


def outcome_of(target: Target, label: Floats) -> Floats:
    """What is explained of labels (rows,): NPS on -100, 0, 100, so that effects add up to NPS points; money cut at a high quantile.

    A rating and 0 or 1 stay as they are.
    """
    if isinstance(target, Survey) and target.relationship:
        return np.where(label <= 6, -100.0, np.where(label >= 9, 100.0, 0.0))
    if target.kind == "spend":
        cap = float(np.quantile(label, _CAP))
        capped: Floats = np.minimum(label, cap) if cap > 0 else label
        return capped
    return label


def enough(problem: Problem) -> bool:
    """Whether the outcome varies over enough rows."""
    if len(problem.y) < _FEWEST_ROWS or problem.y.min() == problem.y.max():
        return False
    if problem.kind == "binary":
        cases = int((problem.y > 0).sum())
        return min(cases, len(problem.y) - cases) >= _FEWEST_CASES
    return True


def _short_labels(tables: Tables, settings: Settings, data: Dataset, target: Target) -> Floats | None:
    """The label of each row with a short label window, NaN where unknown; None where it makes no sense for the target.

    Only a cancellation has a moment of its own; thirty quiet days are no inactivity.
    """
    if not isinstance(target, Cancellation) or target.horizon_days <= _FIND_DAYS:
        return None
    shorter = target.model_copy(update={"horizon_days": _FIND_DAYS})
    first, last = (_EPOCH + timedelta(microseconds=int(at)) for at in (data.as_of.min(), data.as_of.max()))
    changed = settings.model_copy(
        update={
            "targets": {**settings.targets, data.target: shorter},
            "snapshots": settings.snapshots.model_copy(update={"first": first, "last": last}),
        }
    )
    labelled = rows_for(tables, changed, data.target).rows
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
