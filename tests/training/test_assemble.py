"""Training sets put together from parts: the same bytes whatever happens on the way."""

from __future__ import annotations

import errno
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from configs.errors import StorageError
from features.build import build, build_several
from features.tables import open_tables
from tests.features import company
from tests.training import killed
from training import columns
from training.assemble import WORK
from training.dataset import make, path_of, read
from training.pieces import Pieces
from training.targets import rows_for

Parts = Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small company."""
    path = tmp_path_factory.mktemp("company")
    company.make(path)
    return path


@pytest.fixture
def _groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several groups of rows in a small file."""
    monkeypatch.setattr(columns, "GROUP_ROWS", killed.GROUP_ROWS)


def made(folder: Path, output: Path, **options: Any) -> Path:
    """The churn set of a company, below another output."""
    settings = company.settings(folder).model_copy(update={"output": output})
    with open_tables(settings) as tables:
        return make(tables, settings, "churn", **options)


def work(path: Path) -> Path:
    """Where a training set's pieces lie."""
    return path.parent / WORK


@pytest.mark.usefixtures("_groups")
def test_the_file_is_what_build_gives_at_once(folder: Path, tmp_path: Path) -> None:
    """Cell by cell, through parts and groups; nothing is left beside the file, and the outcome is told in one line."""
    told: list[str] = []
    path = made(folder, tmp_path, told=told.append)
    dataset = read(path)
    settings = company.settings(folder)
    with open_tables(settings) as tables:
        rows = rows_for(tables, settings, "churn").rows
        X = build(tables, rows, dataset.catalog)
    np.testing.assert_array_equal(dataset.X, X)
    np.testing.assert_array_equal(dataset.customer_id, rows.customer_id)
    assert pq.read_metadata(path).num_row_groups == -(-len(rows) // killed.GROUP_ROWS) > 1
    assert sorted(item.name for item in path.parent.iterdir()) == [".known", "churn.parquet"]
    assert told == [f"{len(rows)} rows, {X.shape[1]} features, 3 parts"]


@pytest.mark.usefixtures("_groups")
def test_killed_at_any_point_and_run_again_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """A real process, killed with half a piece, before the manifest, with half a file; finished pieces are not computed again."""
    expected = made(folder, tmp_path / "whole").read_bytes()
    there = path_of(company.settings(folder), "churn")
    there.parent.mkdir(parents=True)
    there.write_bytes(b"the old one")
    for point in killed.POINTS:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.training.killed", str(folder), point], stdout=subprocess.PIPE, text=True
        )
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == "here\n"
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        assert there.read_bytes() == b"the old one"
        assert any(work(there).rglob("*.draft"))
    told: list[str] = []
    with open_tables(company.settings(folder)) as tables:
        make(tables, company.settings(folder), "churn", engine=_refusing, told=told.append)
    assert there.read_bytes() == expected
    assert not work(there).exists()
    assert re.search(rf"^({len(read(there))}) rows, .* parts, \1 rows resumed", told[0])


def _refusing(*_: Any) -> Parts:
    """An engine that is not to be asked."""
    raise AssertionError


@pytest.mark.usefixtures("_groups")
def test_an_engine_is_asked_for_what_is_missing_only(folder: Path, tmp_path: Path) -> None:
    """After a stop the next run hands over the rows that no piece has, whichever parts they then come in."""
    expected = made(folder, tmp_path / "whole").read_bytes()
    asked = []

    def stopping(*args: Any) -> Parts:
        yield next(build_several(*args))
        raise KeyboardInterrupt

    def backwards(tables: Any, several: Any, progress: Any) -> Parts:
        ((catalog, rows),) = several
        asked.append(len(rows))
        X = build(tables, rows, catalog)
        for line in range(len(rows) - 1, -1, -7):
            lines = np.arange(max(0, line - 6), line + 1)
            yield 0, lines, X[lines]

    with pytest.raises(KeyboardInterrupt):
        made(folder, tmp_path / "again", engine=stopping)
    told: list[str] = []
    path = made(folder, tmp_path / "again", engine=backwards, told=told.append)
    assert path.read_bytes() == expected
    rows = pq.read_metadata(path).num_rows
    assert 0 < asked[0] < rows
    assert f"{rows - asked[0]} rows resumed" in told[0]


@pytest.mark.usefixtures("_groups")
def test_pieces_of_other_data_are_not_used(folder: Path, tmp_path: Path) -> None:
    """The tables changed after the kill: nothing of what was finished is taken over."""
    changed = tmp_path / "changed"
    company.make(changed, seed=1)
    expected = made(changed, tmp_path / "whole").read_bytes()

    def stopping(*args: Any) -> Parts:
        yield next(build_several(*args))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(folder, tmp_path / "again", engine=stopping)
    told: list[str] = []
    assert made(changed, tmp_path / "again", told=told.append).read_bytes() == expected
    assert "resumed" not in told[0]


def test_an_engine_that_forgets_rows_is_a_fault(folder: Path, tmp_path: Path) -> None:
    """A file with holes is never written."""

    def forgetful(*args: Any) -> Parts:
        yield next(build_several(*args))

    with pytest.raises(RuntimeError, match=r"gave no features for \d+ of \d+ rows"):
        made(folder, tmp_path, engine=forgetful)
    assert not (tmp_path / "training" / "churn.parquet").exists()


@pytest.mark.usefixtures("_groups")
@pytest.mark.parametrize("where", ["pieces", "file", "temporary"])
def test_a_full_disk_is_one_sentence(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """What, where, next move; the old file is as it was, no draft is left, and the next run goes on."""
    path = tmp_path / "training" / "churn.parquet"
    path.parent.mkdir()
    path.write_bytes(b"the old one")
    full = OSError(errno.ENOSPC, "No space left on device")

    def no_space(*_: Any, **__: Any) -> Any:
        raise full

    def cramped(*args: Any) -> Parts:
        yield next(build_several(*args))
        raise full

    add = Pieces.add
    with monkeypatch.context() as patch:

        def once(pieces: Pieces, *part: Any) -> None:
            add(pieces, *part)
            patch.setattr("training.pieces.zlib.crc32", no_space)

        if where == "pieces":
            patch.setattr(Pieces, "add", once)
        elif where == "file":
            patch.setattr(pq.ParquetWriter, "write_table", no_space)
        engine = cramped if where == "temporary" else build_several
        with pytest.raises(StorageError, match="there is no space left on the disk") as told:
            made(folder, tmp_path, engine=engine)
    assert ("temporary files" if where == "temporary" else str(path)) in str(told.value)
    assert "run again" in str(told.value)
    assert path.read_bytes() == b"the old one"
    assert not list(tmp_path.rglob("*.draft"))
    lines: list[str] = []
    again = made(folder, tmp_path, told=lines.append)
    assert "resumed" in lines[0]
    assert again.read_bytes() == made(folder, tmp_path / "other").read_bytes()


def test_a_limit_of_the_system_is_told(folder: Path, tmp_path: Path) -> None:
    """The system's own refusal, not a pretended one: a limit on the length of files."""
    settings = company.settings(folder).model_copy(update={"output": tmp_path})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_tables(settings) as tables:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            with pytest.raises(StorageError, match="larger than this system allows"):
                make(tables, settings, "churn")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.rglob("*.draft"))
    assert not list(tmp_path.rglob("*.parquet"))
