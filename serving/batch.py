"""Scores of every customer as a file: the same scorer as the service's, over whole parts of the customers.

``scores.parquet``, sorted by customer_id: customer_id, as_of (null for a table without times), churn_probability, churn_band,
nps_category, p_detractor, p_passive, p_promoter, expected_value, value_at_risk, churn_by_day (day, probability: of having left, or of
not having come back, by that day after as_of and the lead), churn_reasons, nps_reasons, time_to_churn_reasons, model_version (JSON:
target to version), warnings (codes). A target without a model is null. Memory is one part's of the customers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from configs.settings import Settings
from features.build import build_parts
from features.catalog import Catalog
from features.rows import Rows
from features.schema import NO_AS_OF
from features.tables import Tables, open_tables
from serving.activity import NOT_ACTIVE, active_sql
from serving.intake import microseconds
from serving.messages import Slot
from serving.models import Model, leaving
from serving.moment import STALE_DATA, is_stale, midnight_after
from serving.reasons import TopReasons
from serving.scorer import BANDS, CATEGORIES, Matrices, Numbers, Scorer
from serving.unseen import UNKNOWN_TOUCHPOINT, UNSEEN_CATEGORY, queries
from serving.unseen import notes as unseen_notes

FILE: Final = "scores.parquet"
BLOCK: Final = 20_000
"""Customers whose attributions are held at once: 20,000 x 300 features are 50 MB."""

REASON: Final = pa.struct(
    [
        ("rank", pa.int32()),
        ("code", pa.string()),
        ("touchpoint", pa.string()),
        ("dimension", pa.string()),
        ("value", pa.float64()),
        ("category", pa.string()),
        ("unit", pa.string()),
        ("direction", pa.string()),
        ("contribution", pa.float64()),
    ]
)
"""A reason; `value` is null for a category, whose name is in `category`."""

BY_DAY: Final = pa.struct([("day", pa.int32()), ("probability", pa.float64())])
"""A point of the curve of churn."""

SCHEMA: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.timestamp("us", tz="UTC")),
        ("churn_probability", pa.float64()),
        ("churn_band", pa.string()),
        ("nps_category", pa.string()),
        ("p_detractor", pa.float64()),
        ("p_passive", pa.float64()),
        ("p_promoter", pa.float64()),
        ("expected_value", pa.float64()),
        ("value_at_risk", pa.float64()),
        ("churn_by_day", pa.list_(BY_DAY)),
        ("churn_reasons", pa.list_(REASON)),
        ("nps_reasons", pa.list_(REASON)),
        ("time_to_churn_reasons", pa.list_(REASON)),
        ("model_version", pa.string()),
        ("warnings", pa.list_(pa.string())),
    ]
)

OF_MODELS: Final = pa.schema(
    [field for field in SCHEMA if field.name not in {"customer_id", "as_of", "model_version", "warnings"}]
)
"""The columns that the models answer, wherever they run; the others are known beforehand."""

Progress = Callable[[str, float], None]

Answers = Iterator[tuple[NDArray[np.int64], pa.Table]]
"""Lines of the sorted ids, ascending within a part, and what the models say of them, in the columns of `OF_MODELS`."""

Engine = Callable[[Scorer, Tables, NDArray[np.object_], int | None, Progress | None], Answers]
"""What computes answers, part after part of the customers in order: scorer, tables, ids, moment, progress."""


def score(settings: Settings, *, as_of: datetime | None = None, progress: Progress | None = None) -> Path:
    """Score every customer of the tables and write ``scores.parquet``.

    Parameters
    ----------
    settings
        The configuration; models are read from its output folder.
    as_of
        The moment of the scores, with a zone; None for the first midnight UTC after the last event.
    progress
        Told a message and the fraction done.

    Returns
    -------
    The file.

    Raises
    ------
    NotReadyError, BundleError
        When there is no model, or a damaged one.
    """
    scorer = Scorer.open(settings)
    with open_tables(settings) as tables:
        return write(scorer, tables, settings.output, as_of=as_of, progress=progress)


def write(
    scorer: Scorer,
    tables: Tables,
    output: Path,
    *,
    as_of: datetime | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Path:
    """Score every customer of open tables; see `score`. `engine` computes the answers; this machine, unless another is given."""
    moment = _moment(tables, as_of)
    found = tables.arrow("SELECT DISTINCT customer_id FROM customers ORDER BY 1").column(0)
    ids = np.array(found.to_pylist(), dtype=object)
    noticed = _Notices(scorer, tables, moment)
    versions = json.dumps({slot: model.bundle.version for slot, model in scorer.models.items()}, sort_keys=True)
    output.mkdir(parents=True, exist_ok=True)
    path, temporary = output / FILE, output / f".{FILE}.part"
    try:
        with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
            for lines, answers in (engine or local)(scorer, tables, ids, moment, progress):
                names = pa.array(ids[lines], pa.string())
                writer.write_table(_table(names, answers, moment, versions, noticed))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def notes(scorer: Scorer, tables: Tables, as_of: datetime | None = None) -> list[str]:
    """What is worth a line about the scores of open tables: kinds and categories that training did not see."""
    moment = _moment(tables, as_of)
    return unseen_notes(scorer.watched, tables, NO_AS_OF if moment is None else moment)


def local(
    scorer: Scorer, tables: Tables, ids: NDArray[np.object_], moment: int | None, progress: Progress | None
) -> Answers:
    """What the models say, computed in this process."""
    for lines, matrices in _parts(scorer, tables, ids, moment, progress):
        for start in range(0, len(lines), BLOCK):
            part = slice(start, start + BLOCK)
            yield lines[part], answers_of(scorer, {slot: matrix[part] for slot, matrix in matrices.items()})


def answers_of(scorer: Scorer, matrices: Matrices) -> pa.Table:
    """What the models say of one block of customers, in the columns of `OF_MODELS`."""
    numbers = scorer.numbers(matrices)
    n = len(next(iter(matrices.values())))
    categories = numbers.categories
    worst = None if categories is None else np.argmax(categories, axis=1)
    columns = {
        "churn_probability": numbers.probability,
        "churn_band": _named(BANDS, numbers.band),
        "nps_category": _named(CATEGORIES, worst),
        **{f"p_{name}": None if categories is None else categories[:, at] for at, name in enumerate(CATEGORIES)},
        "expected_value": numbers.expected,
        "value_at_risk": numbers.at_risk,
        "churn_by_day": _curves(scorer, numbers),
        "churn_reasons": _reasons(scorer, "churn", numbers),
        "nps_reasons": _reasons(scorer, "nps", numbers),
        "time_to_churn_reasons": _reasons(scorer, "time_to_churn", numbers),
    }
    return pa.table(
        [
            pa.nulls(n, field.type) if columns[field.name] is None else pa.array(columns[field.name], field.type)
            for field in OF_MODELS
        ],
        schema=OF_MODELS,
    )


def rows_of(scorer: Scorer, ids: NDArray[np.object_], moment: int | None) -> list[tuple[Catalog, Rows]]:
    """Of each pass its catalogue and the customers at its moment."""
    as_of = NO_AS_OF if moment is None else moment
    return [(item.catalog, Rows(ids, np.full(len(ids), item.at(as_of), dtype=np.int64))) for item in scorer.passes]


def _moment(tables: Tables, as_of: datetime | None) -> int | None:
    if as_of is not None:
        return microseconds(as_of)
    return None if tables.timeless else midnight_after(tables.data_end)


def _parts(
    scorer: Scorer, tables: Tables, ids: NDArray[np.object_], moment: int | None, progress: Progress | None
) -> Iterator[tuple[NDArray[np.int64], Matrices]]:
    """The features of one part of the customers after the other, per target."""
    asked = rows_of(scorer, ids, moment)
    parts = [
        build_parts(tables, rows, catalog, progress if catalog is asked[-1][0] else None) for catalog, rows in asked
    ]
    for computed in zip(*parts, strict=True):
        matrices: dict[Slot, NDArray[np.float64]] = {}
        for item, (_, matrix) in zip(scorer.passes, computed, strict=True):
            matrices.update(item.matrices(matrix))
        yield computed[0][0], matrices


class _Notices:
    """Which customers carry which warning, as the scorer would say it of each."""

    def __init__(self, scorer: Scorer, tables: Tables, moment: int | None) -> None:
        as_of = NO_AS_OF if moment is None else moment
        data_end = None if tables.timeless else tables.data_end
        self.stale = moment is not None and is_stale(moment, data_end)
        churn = leaving(scorer.models)
        query = None if churn is None else active_sql(churn.bundle.spec, tables.present, as_of)
        self._active = None if query is None else tables.arrow(query).column(0).combine_chunks()
        whose: dict[str, list[str]] = {UNKNOWN_TOUCHPOINT: [], UNSEEN_CATEGORY: []}
        for item, query in queries(scorer.watched, tables, as_of):
            whose[item.code].append(f"SELECT customer_id FROM ({query})")
        self._unseen = {
            code: tables.arrow(" UNION ".join(parts)).column(0).combine_chunks() if parts else pa.array([], pa.string())
            for code, parts in whose.items()
        }

    def of(self, names: pa.Array) -> pa.Array:
        """Codes of the warnings of these customers."""
        active = np.ones(len(names), dtype=bool) if self._active is None else _in(names, self._active)
        unseen = [_in(names, whose) for whose in self._unseen.values()]
        flags = np.column_stack([np.full(len(names), self.stale), ~active, *unseen])
        codes = pa.array([STALE_DATA, NOT_ACTIVE, *self._unseen])
        values = codes.take(pa.array(np.nonzero(flags)[1]))
        return pa.ListArray.from_arrays(_offsets(flags.sum(axis=1)), values)


def _in(names: pa.Array, among: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(names, value_set=among).to_numpy(zero_copy_only=False), dtype=bool)


def _offsets(counts: NDArray[np.int64]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))


def _table(names: pa.Array, answers: pa.Table, moment: int | None, versions: str, noticed: _Notices) -> pa.Table:
    """What the models say, and what is known of the customers beside it."""
    n = len(names)
    as_of = SCHEMA.field("as_of").type
    beside = {
        "customer_id": names,
        "as_of": pa.nulls(n, as_of) if moment is None else pa.array(np.full(n, moment)).cast(as_of),
        "model_version": pa.array([versions]).take(pa.array(np.zeros(n, dtype=np.int64))),
        "warnings": noticed.of(names),
    }
    return pa.table(
        [
            beside[field.name] if field.name in beside else answers.column(field.name).cast(field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


def _named(names: Sequence[str], places: NDArray[np.int64] | None) -> pa.Array | None:
    return None if places is None else pa.array(list(names)).take(pa.array(places))


def _curves(scorer: Scorer, numbers: Numbers) -> pa.Array | None:
    """Lists of points, one of each day for every customer of a block."""
    curve = numbers.churn_by_day
    if curve is None:
        return None
    days = np.tile(np.array(scorer.models["time_to_churn"].bundle.days, dtype=np.int32), len(curve))
    points = pa.StructArray.from_arrays([pa.array(days), pa.array(curve.ravel())], fields=list(BY_DAY))
    return pa.ListArray.from_arrays(_offsets(np.full(len(curve), curve.shape[1])), points)


def _reasons(scorer: Scorer, slot: Slot, numbers: Numbers) -> pa.Array | None:
    top = (numbers.reasons or {}).get(slot)
    return None if top is None else _reason_lists(scorer.models[slot], top)


def _reason_lists(model: Model, top: TopReasons) -> pa.Array:
    """Lists of reasons from the arrays of a block, without a loop over its rows."""
    there = top.group >= 0
    group, feature, value = pa.array(top.group[there]), top.feature[there], top.value[there]
    contribution = top.contribution[there]
    groups, features = model.grouping.groups, model.grouping.features
    starts: list[int] = []
    names: list[str] = []
    for item in features:
        starts.append(len(names) if item.category else -1)
        names += model.bundle.catalog.categories.get(item.name, ())
    first = np.array(starts, dtype=np.int64)[feature]
    is_name = (first >= 0) & ~np.isnan(value)
    place = pa.array(np.where(is_name, first + np.where(is_name, value, 0).astype(np.int64), 0), mask=~is_name)
    ranks = np.broadcast_to(np.arange(1, top.group.shape[1] + 1, dtype=np.int32), top.group.shape)[there]
    parts = {
        "rank": pa.array(ranks),
        "code": pa.array([item.code for item in groups], pa.string()).take(group),
        "touchpoint": pa.array([item.touchpoint for item in groups], pa.string()).take(group),
        "dimension": pa.array([item.dimension for item in groups], pa.string()).take(group),
        "value": pa.array(value, mask=np.isnan(value) | (first >= 0)),
        "category": pa.array(names, pa.string()).take(place),
        "unit": pa.array([item.unit for item in features], pa.string()).take(pa.array(feature)),
        "direction": pa.array(["lowers", "raises"]).take(pa.array((contribution > 0).astype(np.int64))),
        "contribution": pa.array(contribution),
    }
    structs = pa.StructArray.from_arrays([parts[field.name] for field in REASON], fields=list(REASON))
    return pa.ListArray.from_arrays(_offsets(there.sum(axis=1)), structs)
