"""Scores by Spark's executors: the batch's own answers, with the bundles shipped to where the customers' features are.

The bundles travel as the texts they are; each process of an executor writes them down once and loads them as everybody
does, so a bundle that came damaged, or an installation that answers its golden rows otherwise, is refused there by name.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from configs.errors import BundleError
from features.spark.host import answers_in, compute
from features.spark.staging import staging
from features.spark.types import ddl
from features.tables import Tables
from serving.batch import BLOCK, OF_MODELS, Answers, Progress, answers_of, rows_of
from serving.messages import Slot
from serving.scorer import Scorer
from training.bundle import SUMS, Bundle

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SCHEMA = pa.schema([("row", pa.int64()), *OF_MODELS])


def spark_answers(
    spark: SparkSession,
    scorer: Scorer,
    tables: Tables,
    ids: NDArray[np.object_],
    moment: int | None,
    progress: Progress | None = None,
) -> Answers:
    """As `serving.batch.local`: lines of the ids and what the models say of them, part after part.

    Parameters
    ----------
    spark
        An open session, see `features.spark.session`.
    scorer
        Its models must be those in the output folder.
    tables, ids, moment
        The open tables, the sorted ids, microseconds UTC (None: a flat table).

    Raises
    ------
    BundleError
        When the models in the output folder are no longer the scorer's.
    """
    if not len(ids):
        return
    texts = _texts(scorer, tables.settings.output / "models")
    shared = spark.sparkContext.broadcast(texts)
    try:
        with staging(tables.settings) as place:
            answer = _Answer(shared, scorer.reasons)
            compute(spark, place, tables, rows_of(scorer, ids, moment), answer, ddl(_SCHEMA), progress)
            for batch in answers_in(place, BLOCK):
                table = pa.Table.from_batches([batch])
                yield table.column("row").to_numpy(), table.drop_columns("row")
    finally:
        shared.destroy()


@dataclass(frozen=True)
class _Answer:
    """Scores and reasons of rows, on an executor.

    Parameters
    ----------
    models
        Broadcast of the bundles' files.
    reasons
        Reasons of a score.
    """

    models: Any
    reasons: int

    def __call__(self, rows: NDArray[np.int64], matrices: Sequence[NDArray[np.float64]]) -> Iterator[pa.RecordBatch]:
        """Blocks of answers."""
        scorer = _scorer(self.models.value, self.reasons)
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            of_slots: dict[Slot, NDArray[np.float64]] = {}
            for item, matrix in zip(scorer.passes, matrices, strict=True):
                of_slots.update(item.matrices(matrix[part]))
            table = answers_of(scorer, of_slots).combine_chunks()
            columns = [pa.array(rows[part]), *(column.combine_chunks() for column in table.columns)]
            yield pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)


def _texts(scorer: Scorer, folder: Path) -> str:
    """The files of the scorer's bundles, by target and name, as JSON."""
    found = {}
    for model in scorer.models.values():
        mine = folder / model.bundle.target
        found[model.bundle.target] = {
            file.name: file.read_text("utf-8") for file in sorted(mine.iterdir()) if file.is_file()
        }
        if hashlib.sha256((mine / SUMS).read_bytes()).hexdigest() != model.bundle.sha256:
            raise BundleError(
                "the model was replaced while it was read", where=str(mine), next_move="run 'moments score' again"
            )
    return json.dumps(found)


@lru_cache(maxsize=2)
def _scorer(texts: str, reasons: int) -> Scorer:
    """The scorer of shipped bundles, once in a process."""
    bundles = {}
    with tempfile.TemporaryDirectory(prefix="moments-") as folder:
        for target, files in json.loads(texts).items():
            place = Path(folder) / target
            place.mkdir()
            for name, text in files.items():
                (place / name).write_bytes(text.encode())
            bundles[target] = Bundle.load(place)
    return Scorer(bundles, reasons=reasons)
