"""The cluster host on a real Spark: bit for bit what this machine computes, whatever the order, the parts and the skew."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import ConfigError, DataError, NotReadyError
from configs.settings import Settings
from features.build import build, learn_catalog
from features.catalog import Catalog
from features.rows import Rows
from features.spark.host import spark_parts, spark_several
from features.spark.session import configuration, mapped, need_spark, packages, run
from features.spark.staging import staging
from features.spark.types import ddl
from features.spark.work import ROWS, Parts, groups, lines_of
from features.tables import Tables, open_tables
from tests.conftest import spark_settings
from tests.features import company

AT = [company.START + days * company.DAY for days in (90, 200, 330, 401)]
IDS = [f"c{n:03d}" for n in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with ties, late records, refunds, versions and gaps."""
    place = tmp_path_factory.mktemp("company")
    company.make(place)
    return place


def both(spark: Any, tables: Tables, rows: Rows, catalog: Catalog) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The matrix of this machine and that of Spark."""
    matrix = np.full((len(rows), len(catalog.features)), 7.0)
    seen = np.zeros(len(rows), dtype=int)
    for lines, part in spark_parts(spark, tables, rows, catalog):
        assert (np.diff(lines) > 0).all()
        matrix[lines] = part
        seen[lines] += 1
    assert (seen == 1).all()
    return build(tables, rows, catalog), matrix


def bits(matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The 64 bits of each cell."""
    return np.ascontiguousarray(matrix).view(np.uint64)


@pytest.mark.parametrize("partitions", ["auto", 7])
def test_the_whole_catalogue_agrees_in_every_bit(spark: Any, folder: Path, partitions: str | int) -> None:
    """Every cell of every feature, missing ones too, whatever the number of parts and the order of the rows."""
    order = np.random.default_rng(5).permutation(len(IDS) * len(AT))
    with open_tables(spark_settings(company.settings(folder), partitions=partitions)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        rows = Rows(np.array(IDS * len(AT), dtype=object)[order], np.repeat(np.array(AT), len(IDS))[order])
        ours, theirs = both(spark, tables, rows, catalog)
    assert np.isnan(ours).any()
    np.testing.assert_array_equal(bits(theirs), bits(ours))
    assert not [path.name for path in tables.settings.output.iterdir()]


def test_a_customer_without_data_and_one_that_is_not_there(spark: Any, tmp_path: Path) -> None:
    """Rows of unknown customers, a table without rows, and attributes whose names Spark would take apart."""
    content = company.make(tmp_path)
    content["surveys"] = content["surveys"].slice(0, 0)
    people = content["customers"]
    content["customers"] = people.append_column("in.come", people["income"]).append_column("Region", people["region"])
    company.write(tmp_path, content)
    ids = np.array(["c001", "nobody", "c002"], dtype=object)
    with open_tables(spark_settings(company.settings(tmp_path))) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[1])
        ours, theirs = both(spark, tables, Rows(ids, np.full(3, AT[1])), catalog)
    np.testing.assert_array_equal(bits(theirs), bits(ours))


def test_one_customer_with_a_million_events(spark: Any, tmp_path: Path) -> None:
    """Skew: the customer who has nearly all events is computed like everybody else."""
    content = company.make(tmp_path)
    rng = np.random.default_rng(1)
    n = 1_000_000
    content["touchpoints"] = pa.concat_tables(
        [
            content["touchpoints"],
            pa.table(
                {
                    "customer_id": pa.array(["c007"]).take(pa.array(np.zeros(n, dtype=np.int64))),
                    "occurred_at": company.micros(company.START + rng.integers(0, 400 * company.DAY, n)),
                    "recorded_at": pa.nulls(n, pa.timestamp("us", tz="UTC")),
                    "touchpoint": pa.array(["call", "visit"]).take(pa.array(rng.integers(0, 2, n))),
                    "channel": pa.array(["phone", "web"]).take(pa.array(rng.integers(0, 2, n))),
                    "wait_min": np.round(rng.gamma(2, 7, n), 2),
                    "fee": pa.nulls(n, pa.float64()),
                    "tone": np.round(rng.normal(0, 1, n), 3),
                    "event_id": pa.nulls(n, pa.string()),
                }
            ),
        ]
    )
    company.write(tmp_path, content)
    with open_tables(spark_settings(company.settings(tmp_path))) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        rows = Rows(np.array(IDS * 2, dtype=object), np.repeat(np.array(AT[2:]), len(IDS)))
        ours, theirs = both(spark, tables, rows, catalog)
    np.testing.assert_array_equal(bits(theirs), bits(ours))


def test_several_sets_of_rows_come_one_after_the_other(spark: Any, folder: Path) -> None:
    """Each by its own catalogue, and the progress goes on over all of them."""
    told: list[float] = []
    with open_tables(spark_settings(company.settings(folder))) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[-1])
        asked = [
            (mine, Rows(np.array(IDS[:9], dtype=object), np.full(9, moment)))
            for mine, moment in ((catalog, AT[2]), (catalog.select(catalog.names[:5]), AT[1]))
        ]
        parts = list(spark_several(spark, tables, asked, lambda _message, share: told.append(share)))
        ours = [build(tables, rows, mine) for mine, rows in asked]
    assert sorted({place for place, _, _ in parts}) == [0, 1]
    for place, lines, matrix in parts:
        np.testing.assert_array_equal(bits(matrix), bits(ours[place][lines]))
    assert told == sorted(told)
    assert told[-1] <= 1.0


def test_no_rows_no_work(folder: Path) -> None:
    """Without rows or features there is nothing to start Spark for."""
    with open_tables(company.settings(folder)) as tables:
        catalog = learn_catalog(tables, tables.settings, AT[0])
        none = Rows(np.array([], dtype=object), np.array([], dtype=np.int64))
        ((lines, matrix),) = spark_parts(None, tables, none, catalog)  # type: ignore[arg-type] # not looked at
    assert matrix.shape == (0, len(catalog.features))
    assert len(lines) == 0


# Groups: whole customers out of a stream


def _stream(sizes: list[int], at_once: int) -> Iterator[pa.RecordBatch]:
    """Ordered lines: each customer's row, then its events in two strands of different width; cut anywhere."""
    lines = []
    for customer, size in enumerate(sizes):
        of = np.full(1, 10 * customer)
        everything = Parts(np.array([0]), np.array([0], dtype=np.int32))
        lines.append(lines_of(of, ROWS, np.array([[customer, 99]]), everything))
        for strand, width in ((1, 4), (2, 5)):
            content = np.arange(size * width).reshape(size, width)
            lines.append(lines_of(np.repeat(of, size), strand, content, everything))
    table = pa.Table.from_batches(lines).combine_chunks().select(["customer", "strand", "line"])
    return iter(table.to_batches(max_chunksize=at_once))


@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    at_once=st.integers(1, 30),
    events=st.integers(1, 40),
    rows=st.integers(1, 5),
)
def test_groups_hold_whole_customers(sizes: list[int], at_once: int, events: int, rows: int) -> None:
    """However the stream is cut, each customer is in one group with all its lines, and groups are no larger than they must be."""
    seen = 0
    for group in groups(_stream(sizes, at_once), events=events, rows=rows):
        customer, asked = group.rows
        assert customer.tolist() == list(range(group.customers))
        assert asked[:, 0].tolist() == list(range(seen, seen + group.customers))
        for strand, width in ((1, 4), (2, 5)):
            whose, lines = group.strands.get(strand, (np.empty(0, dtype=np.int64), np.empty((0, width))))
            mine = sizes[seen : seen + group.customers]
            assert np.bincount(whose, minlength=group.customers).tolist() == mine
            assert lines.tolist() == [
                row for size in mine for row in np.arange(size * width).reshape(size, width).tolist()
            ]
        # Only the last of a group's customers may have brought it over the limit, and what one hand-over held beside it.
        assert group.customers <= max(rows, 1) * 2 + 1
        seen += group.customers
    assert seen == len(sizes)


@given(weights=st.lists(st.floats(1, 100), min_size=1, max_size=30), wanted=st.integers(1, 10))
def test_parts_weigh_about_the_same(weights: list[float], wanted: int) -> None:
    """Parts cover all customers, none weighs more than its share and one customer, the heaviest come first."""
    parts = Parts.by_weight(np.array(weights), wanted)
    place = parts.of(np.arange(len(weights)))
    assert sorted(set(place.tolist())) == list(range(parts.count))
    of = np.bincount(place, weights=weights)
    assert (np.diff(of) <= 1e-9).all()
    assert of[0] <= sum(weights) / wanted + max(weights) + 1e-9


# What a user meets


def test_what_is_missing_is_said_with_the_next_move(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyspark or Java the error says which, and how to get it."""
    settings = company.settings(folder)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotReadyError, match="uv sync --extra spark"):
        need_spark(settings)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(NotReadyError, match="install Java 17"):
        need_spark(settings)
    monkeypatch.setenv("JAVA_HOME", str(folder))
    with pytest.raises(NotReadyError, match="needs Java"):
        need_spark(settings)


def test_a_package_that_executors_lack_is_named(spark: Any) -> None:
    """An executor whose Python lacks something is an error that names it and says where to put it."""

    def lacking(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import nowhere_at_all  # type: ignore[import-not-found] # noqa: F401 - that is the point

        yield from batches

    frame = mapped(spark.range(1), lacking, "id long")
    with pytest.raises(DataError, match=r"'nowhere_at_all'.*spark\.python"):
        run(spark, lambda: frame.write.format("noop").mode("overwrite").save(), lambda share: None)


def test_the_configuration_reaches_spark(folder: Path) -> None:
    """Master, memory and further settings are the configuration's own; those under `conf` win."""
    settings = spark_settings(company.settings(folder), conf={"spark.driver.memory": "3g", "spark.speculation": True})
    found = configuration(settings)
    assert found["spark.master"] == "local[2]"
    assert found["spark.driver.memory"] == "3g"
    assert found["spark.speculation"] == "true"
    assert "spark.executorEnv.PYTHONPATH" in found
    there = configuration(spark_settings(settings, master="spark://host:7077"))
    assert "spark.executorEnv.PYTHONPATH" not in there


def test_a_misspelt_key_is_named(folder: Path) -> None:
    """An unknown key or a bad value of the section is refused with the nearest spelling."""
    section = dict(company.settings(folder).spark)
    for change, words in (({"mastr": "yarn"}, "did you mean 'master'"), ({"driver_memory": "lots"}, "driver_memory")):
        with pytest.raises(ConfigError, match=words):
            company.settings(folder, spark={**section, **change})


def test_staging_may_be_a_url_and_is_gone_afterwards(folder: Path, tmp_path: Path) -> None:
    """A folder given as a URL is used by both sides; a place that cannot be made is an error of the configuration."""
    settings: Settings = spark_settings(company.settings(folder), staging=(tmp_path / "both").as_uri())
    with staging(settings) as place:
        assert place.write("rows", [pa.record_batch({"row": [3, 1]})])
        assert not place.write("none", [])
        assert place.url("rows").startswith(f"{settings.spark.staging}/.moments-")
        assert [file.metadata.num_rows for file in place.read("rows", "row")] == [2]
    assert list((tmp_path / "both").iterdir()) == []
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(ConfigError, match=r"spark\.staging"),
        staging(spark_settings(settings, staging=str(tmp_path / "file"))),
    ):
        pass


def test_schemas_in_sparks_words() -> None:
    """Lists and records keep their shape, and names are quoted."""
    reason = pa.struct([("rank", pa.int32()), ("code", pa.string())])
    schema = pa.schema([("row", pa.int64()), ("p", pa.float64()), ("reasons", pa.list_(reason)), ("b", pa.binary())])
    assert ddl(schema) == ("`row` bigint, `p` double, `reasons` array<struct<`rank`: int, `code`: string>>, `b` binary")


def test_the_zip_holds_what_executors_import(tmp_path: Path) -> None:
    """With nothing but the zip on its path, another Python imports what runs on executors."""
    place = packages(tmp_path / "moments-packages.zip")
    code = "import features.spark.work, serving.spark; print(serving.spark.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(place), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(place))
