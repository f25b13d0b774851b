"""A file put together from columns of another file and columns written anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training import made
from training import columns
from training.columns import Content
from training.dataset import write
from training.stitch import Old, stitcher, written


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> Content:
    """A set of some numbers and a plan, in groups of 64 rows."""
    monkeypatch.setattr(columns, "GROUP_ROWS", 64)
    return Content("churn", "binary", {"name": "churn", "kind": "inactivity"}, made.catalog(5), {})


@pytest.mark.parametrize("again", [(), ("n0",), ("n1", "n4", "plan")])
def test_the_file_is_the_one_that_arrow_writes(content: Content, tmp_path: Path, again: tuple[str, ...]) -> None:
    """Some features are others than in the old file, a group is new: not a byte differs from a file written at once."""
    old = made.dataset(rows=192, dates=made.months(2))
    new = made.dataset(rows=256, dates=made.months(2), seed=1)
    X = new.X.copy()
    for place, name in enumerate(content.catalog.names):
        if name not in again:
            X[:192, place] = old.X[:, place]
    new = replace(new, X=X, spec=content.spec)
    write(old, tmp_path / "old.parquet")
    write(new, tmp_path / "new.parquet")
    table = pq.read_table(tmp_path / "new.parquet")
    narrow = replace(content, catalog=content.catalog.select(again))
    file = Old(tmp_path / "old.parquet", content.schema.names)
    with stitcher(tmp_path / "stitched.parquet", content) as target:
        for group in range(3):
            rows = table.slice(64 * group, 64).select(narrow.schema.names).cast(narrow.schema)
            target.add(64, written(narrow, rows), file.group(group))
        target.add(64, written(content, table.slice(192, 64)))
    assert (tmp_path / "stitched.parquet").read_bytes() == (tmp_path / "new.parquet").read_bytes()


def test_a_group_is_one_stretch_of_the_file(content: Content, tmp_path: Path) -> None:
    """Of a column come the bytes that lie in the file, and no others are read."""
    write(made.dataset(rows=192, dates=made.months(2)), tmp_path / "old.parquet")
    data = (tmp_path / "old.parquet").read_bytes()
    source = Old(tmp_path / "old.parquet", content.schema.names).group(1)
    whole = b"".join(source.bytes_of(name) for name in content.schema.names)
    assert data[source.at : source.at + len(source.data)] == whole


def test_columns_of_no_source_are_a_fault(content: Content, tmp_path: Path) -> None:
    """A file with a hole is never whole."""
    narrow = replace(content, catalog=content.catalog.select(["n0"]))
    some = narrow.group(pa.array(["a"]), np.array([0]), np.zeros(1), np.zeros((1, 1)))
    with pytest.raises(KeyError, match="n1"), stitcher(tmp_path / "hole.parquet", content) as target:
        target.add(1, written(narrow, some))
