"""Training sets on disk and in memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import DataError, NotReadyError
from features.tables import open_tables
from tests.features import company
from tests.training import made
from training.dataset import Dataset, make, path_of, read, write


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small company with its three training sets; the folder."""
    folder = tmp_path_factory.mktemp("company")
    company.make(folder)
    settings = company.settings(folder)
    with open_tables(settings) as tables:
        for name in settings.targets:
            make(tables, settings, name)
    return folder


@pytest.mark.parametrize("name", ["churn", "nps", "value"])
def test_columns_and_order(built: Path, name: str) -> None:
    """customer_id, as_of, label, then the features in catalogue order; sorted by as_of and customer."""
    path = path_of(company.settings(built), name)
    table = pq.read_table(path)
    dataset = read(path)
    assert table.column_names == ["customer_id", "as_of", "label", *dataset.catalog.names]
    assert table.schema.field("as_of").type == pa.timestamp("us", tz="UTC")
    keys = list(zip(dataset.as_of.tolist(), dataset.customer_id.tolist(), strict=True))
    assert keys == sorted(keys)
    assert dataset.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert dataset.target == name


def test_the_same_company_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """Another order of rows and columns in the company's files changes no byte."""
    company.make(tmp_path, order=3)
    settings = company.settings(tmp_path)
    with open_tables(settings) as tables:
        for name in settings.targets:
            ours = make(tables, settings, name).read_bytes()
            assert ours == path_of(company.settings(built), name).read_bytes()


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    """Numbers, missing values, categories and the flat table's missing times survive the file."""
    dataset = made.dataset(rows=50)
    dataset.X[3, -1] = np.nan
    write(dataset, tmp_path / "churn.parquet")
    again = read(tmp_path / "churn.parquet")
    np.testing.assert_array_equal(again.X, dataset.X)
    np.testing.assert_array_equal(again.as_of, dataset.as_of)
    assert again.flat
    assert again.catalog == dataset.catalog
    assert again.spec == dataset.spec
    assert pq.read_table(tmp_path / "churn.parquet").column("plan").null_count == 1
    assert pq.read_table(tmp_path / "churn.parquet").column("as_of").null_count == 50


def test_selecting_aligns_by_name_and_recodes_categories(tmp_path: Path) -> None:
    """Another catalogue's order and codes are followed; a category it does not know is missing."""
    dataset = made.dataset(rows=30, numbers=2)
    vocabulary = replace(dataset.catalog.vocabulary, categories={"customers.plan": ("plus", "basic")})
    turned = replace(dataset.catalog, vocabulary=vocabulary).select(["plan", "n1", "n0"])
    found = dataset.select(turned)
    np.testing.assert_array_equal(found[:, 1:], dataset.X[:, [1, 0]])
    codes = {0.0: 1.0, 1.0: np.nan, 2.0: 0.0}  # basic, max, plus
    np.testing.assert_array_equal(found[:, 0], [codes[code] for code in dataset.X[:, -1]])


def test_selecting_a_missing_feature_is_an_error() -> None:
    """A feature that the set does not hold is named."""
    with pytest.raises(DataError, match="'n2' is not there"):
        made.dataset(rows=30, numbers=2).select(made.catalog(4))


def test_taking_rows() -> None:
    """A part keeps rows together."""
    dataset = made.dataset(rows=40)
    part = dataset.take(np.array([5, 7]))
    assert len(part) == 2
    np.testing.assert_array_equal(part.X, dataset.X[[5, 7]])
    assert part.customer_id.tolist() == ["c00005", "c00007"]


def test_windows_and_customers() -> None:
    """The label window is lead and horizon; customers are numbered alike on every date."""
    dataset = made.dataset(rows=40, dates=made.months(2))
    assert dataset.window == 60 * made.DAY
    assert not dataset.flat
    np.testing.assert_array_equal(dataset.customers[:20], dataset.customers[20:])


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    """Before `features` has run the message says so and lists what is there."""
    write(made.dataset(rows=20), tmp_path / "churn.parquet")
    with pytest.raises(NotReadyError, match=r"Available: churn\. Next: run 'moments features' first"):
        read(tmp_path / "nps.parquet")


@pytest.mark.parametrize("content", [b"not a parquet", None])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Neither another parquet nor anything else passes for a training set."""
    path = tmp_path / "churn.parquet"
    if content is None:
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match="not a training set"):
        read(path)


def test_metadata_say_what_the_file_is(tmp_path: Path) -> None:
    """The schema carries target, task, settings, catalogue and dropped rows as JSON."""
    write(made.dataset(rows=20), tmp_path / "churn.parquet")
    content = json.loads(pq.read_schema(tmp_path / "churn.parquet").metadata[b"moments"])
    assert {"target", "task", "spec", "catalog", "dropped"} <= content.keys()
    assert isinstance(read(tmp_path / "churn.parquet"), Dataset)
