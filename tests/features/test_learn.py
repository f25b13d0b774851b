"""A stranger's tables may hold any number of names: the most frequent get columns, the others count in the totals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from configs.errors import DataError
from features.build import build
from features.catalog import Catalog
from features.check import check_tables
from features.journey import MAX_METRICS, MAX_TOUCHPOINTS, Vocabulary
from features.layout import MAX_KINDS
from features.learn import learn_catalog
from features.rows import Rows
from features.tables import open_tables
from tests.features import company
from tests.features.company import DAY, START

MANY = 70_000


def test_seventy_thousand_names_are_read_and_counted(tmp_path: Path) -> None:
    """As many touchpoints and metrics as there are rows: a hundred of each have columns, totals hold all, check says so."""
    tables = company.make(tmp_path)
    ids = [f"c{n % 40:03d}" for n in range(MANY)]
    days = company.micros(START + np.arange(MANY) % 300 * DAY)
    # A name for every row, but those of one touchpoint and one metric, which are rare among them and frequent of their kind.
    kinds = ["call" if n % 100 == 0 else f"page {n}" for n in range(MANY)]
    metrics = ["nps" if n == 5 else "mood" if n % 100 == 0 else f"question {n}" for n in range(MANY)]
    tables["touchpoints"] = pa.table(
        {"customer_id": ids, "occurred_at": days, "touchpoint": kinds, "wait_min": np.ones(MANY), "fee": [None] * MANY}
    ).append_column("tone", pa.nulls(MANY, pa.float64()))
    tables["surveys"] = pa.table({"customer_id": ids, "answered_at": days, "metric": metrics, "score": [5] * MANY})
    company.write(tmp_path, tables)
    with open_tables(company.settings(tmp_path)) as opened:
        catalog = learn_catalog(opened, opened.settings, START + 400 * DAY)
        people = np.array([f"c{n:03d}" for n in range(40)], dtype=object)
        found = build(opened, Rows(people, np.full(40, START + 400 * DAY)), catalog)
        said = {item.code: item.rows for item in check_tables(opened, START + 500 * DAY)}
    assert len(catalog.vocabulary.touchpoints) == MAX_TOUCHPOINTS
    assert len(catalog.vocabulary.metrics) == MAX_METRICS
    assert "call" in catalog.vocabulary.touchpoints
    assert {"nps", "mood"} <= set(catalog.vocabulary.metrics)
    assert found[:, catalog.index("touchpoints__count_365d")].sum() == sum(n % 300 >= 35 for n in range(MANY))
    assert found[:, catalog.index("call__count_365d")].sum() == sum(n % 300 >= 35 for n in range(MANY) if n % 100 == 0)
    assert said["many_touchpoints"] > MANY * 0.98
    assert said["many_metrics"] > MANY * 0.98


def test_a_vocabulary_of_more_kinds_than_can_be_told_apart_is_refused() -> None:
    """Made by hand or by another version: refused by name before anything could be mixed."""
    names = tuple(f"{n:05d}" for n in range(MAX_KINDS))
    for vocabulary in (
        Vocabulary(tables=("touchpoints",), touchpoints=names),
        Vocabulary(tables=("surveys",), metrics=names),
    ):
        with pytest.raises(DataError, match="too many to be told apart") as caught:
            _ = Catalog((), vocabulary).layout
        assert str(MAX_KINDS) in str(caught.value.available)
    few = replace(vocabulary, metrics=names[: MAX_KINDS - 2])
    assert max(Catalog((), few).layout.kinds.values()) == MAX_KINDS - 1
