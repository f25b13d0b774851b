"""Which rows are looked at after a training: customers at every as_of date since, with labels where they are known by now.

Dates go on from the last one that taught, in the configuration's steps, so that they stay the same from one look to the next.
A label counts only where no label window that taught reaches into its own: from ``data_until`` on. Dated answers (NPS) are put
into spans of the same length. A flat table has no time: all its customers are one period, and nothing says who is new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError
from configs.settings import Inactivity, Settings, Target, TimeToChurn
from features.rows import Rows
from features.schema import MICROSECONDS_PER_DAY, NO_AS_OF
from features.tables import Tables
from training.bundle import Bundle
from training.gate import ASKED
from training.targets import rows_for, target_of
from training.targets.grid import Grid, active_sql, activity, grid_dates, microseconds

Array = NDArray[np.float64]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = 1_000_000

MOST_PERIODS: Final = 24
"""Periods that are looked at, newest first: two years of months."""


@dataclass(frozen=True)
class Periods:
    """Rows since a training, sorted by as_of and customer.

    Parameters
    ----------
    customer_id, as_of
        Ids and moments, (n,); `NO_AS_OF` in a flat table.
    label
        Labels, (n,), NaN where they are not known.
    number
        Which of `names` each row belongs to, (n,).
    names
        Periods, rising: the as_of date, or the end of the span for dated answers (microseconds).
    first_label
        When the first label after the training will be known; None where labels come with the rows.
    """

    customer_id: NDArray[np.object_]
    as_of: NDArray[np.int64]
    label: Array
    number: NDArray[np.int64]
    names: tuple[int, ...]
    first_label: int | None = None

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def rows(self) -> Rows:
        """For the kernel."""
        return Rows(self.customer_id, self.as_of)

    @property
    def customers(self) -> NDArray[np.int64]:
        """Number of each row's customer, (n,)."""
        codes = pa.array(self.customer_id, pa.string()).dictionary_encode().indices
        return np.asarray(codes.to_numpy(), dtype=np.int64)


def check_question(bundle: Bundle, settings: Settings, name: str) -> None:
    """Refuse a model that answers another question than the configuration asks now.

    Raises
    ------
    DataError
        Naming the setting that differs.
    """
    spec = spec_of(settings, name)
    for key in ASKED:
        if bundle.spec.get(key) != spec.get(key):
            raise DataError(
                f"the model was trained with {key} = {bundle.spec.get(key)!r}, the configuration says {spec.get(key)!r}",
                where=f"{settings.source.name}: targets.{name}.{key}",
                next_move="run 'moments features' and 'moments train', or put the setting back",
            )


def spec_of(settings: Settings, name: str) -> dict[str, Any]:
    """A target's settings as a bundle holds them."""
    target = target_of(settings, name)
    ahead = {"horizon_days": target.horizon_days} if isinstance(target, TimeToChurn) else {}
    return {"name": name, **target.model_dump(mode="json"), **ahead}


def since_training(tables: Tables, settings: Settings, name: str, bundle: Bundle, until: int | None) -> Periods:
    """The rows of a target after its model's training.

    Parameters
    ----------
    tables, settings, name
        The company, its configuration, and the target.
    bundle
        The model: says until when it was taught.
    until
        Nothing later is known, microseconds; None for the end of the data.
    """
    if bundle.data_until is None:
        ids = tables.arrow("SELECT DISTINCT customer_id FROM customers ORDER BY 1").column(0)
        return _flat(np.array(ids.to_pylist(), dtype=object))
    end = tables.data_end if until is None else min(until, tables.data_end)
    taught = microseconds(datetime.fromisoformat(bundle.data_until))
    step = settings.snapshots.every_days * MICROSECONDS_PER_DAY
    window = _days(bundle) * MICROSECONDS_PER_DAY
    target = target_of(settings, name)
    if not window:
        return _answers(tables, settings, name, taught, end, step)
    last = taught - window
    dates = tuple(range(last + step, end + 1, step))[-MOST_PERIODS:]
    first_label = last + -(-window // step) * step + window
    if not dates:
        return replace(_empty(), first_label=first_label)
    known = tuple(date for date in dates if date + window <= end and date >= taught)
    ids, as_of = _population(tables, settings, target, dates)
    label = _labels(tables, settings, name, dates, ids, as_of) if known else np.full(len(as_of), np.nan)
    if isinstance(target, TimeToChurn):
        # Days until it happened, below zero where it did not: churn by the last day.
        label = np.where(np.isnan(label), np.nan, (label >= 0) != (target.label == "inactivity"))
    label[~np.isin(as_of, known)] = np.nan
    return Periods(ids, as_of, label, np.searchsorted(dates, as_of), dates, first_label)


def _days(bundle: Bundle) -> int:
    ahead = bundle.days[-1] if bundle.days else int(bundle.spec.get("horizon_days") or 0)
    return int(bundle.spec.get("lead_days") or 0) + ahead


def _population(
    tables: Tables, settings: Settings, target: Target, dates: tuple[int, ...]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Who the target's rows would be about at these dates, whether or not the outcome is known."""
    active = active_sql(tables, settings)
    if isinstance(target, Inactivity) or (isinstance(target, TimeToChurn) and target.label == "inactivity"):
        within = target.active_within_days * MICROSECONDS_PER_DAY
        active = f"""SELECT DISTINCT g.as_of, e.customer_id FROM grid_dates AS g JOIN {activity(tables)} AS e
            ON e.occurred_at < g.as_of AND e.occurred_at >= g.as_of - {within}"""
    with grid_dates(tables, Grid(dates, (), 0, 0)):
        table = tables.arrow(
            f"""SELECT customer_id, as_of FROM ({active})
                WHERE customer_id IN (SELECT customer_id FROM customers) ORDER BY as_of, customer_id"""
        )
    return np.array(table.column(0).to_pylist(), dtype=object), table.column(1).to_numpy().astype(np.int64)


def _labels(
    tables: Tables,
    settings: Settings,
    name: str,
    dates: tuple[int, ...],
    ids: NDArray[np.object_],
    as_of: NDArray[np.int64],
) -> Array:
    """The target's own labels at these dates, by the same code that makes training sets; NaN where there is none."""
    grid = settings.snapshots.model_copy(
        update={
            "first": _EPOCH + timedelta(microseconds=dates[0]),
            "last": _EPOCH + timedelta(microseconds=dates[-1]),
        }
    )
    found = rows_for(tables, settings.model_copy(update={"snapshots": grid}), name).rows
    place = pc.index_in(_keys(ids, as_of), value_set=_keys(found.customer_id, found.as_of))
    there = place.is_valid().to_numpy(zero_copy_only=False)
    label = np.full(len(as_of), np.nan)
    if found.label is not None:
        label[there] = found.label[place.drop_null().to_numpy()]
    return label


def _answers(tables: Tables, settings: Settings, name: str, taught: int, end: int, step: int) -> Periods:
    """Rows whose label is known at their own moment: those after the last that taught."""
    found = rows_for(tables, settings, name).rows
    # The bundle holds whole seconds: the last row that taught may lie a little after its own.
    new = (found.as_of >= taught + _SECOND) & (found.as_of <= end)
    if found.label is None or not new.any():
        return _empty()
    as_of = found.as_of[new]
    span = (as_of - taught - 1) // step
    spans, number = np.unique(span, return_inverse=True)
    kept = number >= len(spans) - MOST_PERIODS
    first = max(0, len(spans) - MOST_PERIODS)
    names = tuple(int(taught + (item + 1) * step) for item in spans[first:])
    ids = found.customer_id[new]
    return Periods(ids[kept], as_of[kept], found.label[new][kept], number[kept] - first, names)


def _flat(ids: NDArray[np.object_]) -> Periods:
    n = len(ids)
    return Periods(ids, np.full(n, NO_AS_OF), np.full(n, np.nan), np.zeros(n, dtype=np.int64), (NO_AS_OF,))


def _empty() -> Periods:
    none = np.zeros(0, dtype=np.int64)
    return Periods(np.zeros(0, dtype=object), none, np.zeros(0), none, ())


def _keys(ids: NDArray[np.object_], as_of: NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(pa.array(ids, pa.string()), pa.array(as_of).cast(pa.string()), "\x1f")
