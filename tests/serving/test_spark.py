"""Scores by a real Spark are the batch's own: every value of every column, reasons and warnings too."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from configs.errors import BundleError
from features.tables import open_tables
from serving import batch
from serving.spark import spark_answers
from tests.conftest import spark_settings
from tests.serving.conftest import Served


@pytest.mark.parametrize("as_of", [None, datetime(2024, 6, 1, tzinfo=UTC)])
def test_spark_scores_as_the_batch_does(served: Served, spark: Any, tmp_path: Path, as_of: datetime | None) -> None:
    """The same file, sorted the same, from three parts as from this process."""
    settings = spark_settings(served.settings, partitions=3)
    with open_tables(settings) as tables:
        ours = pq.read_table(batch.write(served.scorer, tables, tmp_path / "ours", as_of=as_of))
        engine = partial(spark_answers, spark)
        theirs = pq.read_table(batch.write(served.scorer, tables, tmp_path / "theirs", as_of=as_of, engine=engine))
    assert theirs.schema == ours.schema
    assert theirs.to_pylist() == ours.to_pylist()
    assert theirs.equals(ours)


def test_other_models_than_the_scorers_are_refused(served: Served, tmp_path: Path) -> None:
    """A model that was replaced since the scorer was opened is not shipped under the other's name."""
    settings = served.settings.model_copy(update={"output": tmp_path})
    for name in ("churn", "nps", "value"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "SHA256SUMS").write_text("another\n")
    with open_tables(settings) as tables, pytest.raises(BundleError, match="replaced"):
        list(spark_answers(_Nothing(), served.scorer, tables, np.array(["c001"], dtype=object), None))  # type: ignore[arg-type] # not reached


class _Nothing:
    """A session that nobody gets to."""

    sparkContext = None  # noqa: N815 - as Spark calls it
