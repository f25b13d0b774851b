from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.errors import DataError, NotReadyError
from features.tables import open_tables
from serving import store as module
from serving.run import fill_store
from serving.store import Store, digest_of
from tests.features import company
from tests.serving.conftest import Served


def test_journeys_come_back_as_they_are(served: Served) -> None:
    """Every journey of the tables is in the store, unchanged, one by one and many at once."""
    for name, journey in served.journeys.items():
        assert served.store.get(name) == journey
    assert served.store.get("nobody") is None
    names = [*served.journeys, "nobody"]
    assert served.store.get_many(names) == served.journeys
    assert served.store.get_many([*names[:3], "nobody"]) == {name: served.journeys[name] for name in names[:3]}


def test_what_was_loaded(served: Served) -> None:
    """The store remembers the data's digest, their end, and how many customers there are."""
    loaded = served.store.need()
    assert loaded.customers == 60
    with open_tables(served.settings) as tables:
        assert loaded.digest == digest_of(tables)
        assert loaded.data_end == tables.data_end


def test_an_empty_store_says_so(output: Path) -> None:
    """Nothing is in a store that was never loaded."""
    empty = Store.at(output, None)
    assert empty.loaded() is None
    with pytest.raises(NotReadyError, match="moments serve"):
        empty.need()


def test_loaded_once_and_again_when_the_tables_change(tmp_path: Path) -> None:
    """The store is loaded when it is empty, kept while the tables stay, loaded anew when they change."""
    company.make(tmp_path, customers=8)
    settings = company.settings(tmp_path)
    said: list[str] = []
    first = fill_store(settings, said.append)
    assert said[0] == "loading the journey store"
    said.clear()
    assert fill_store(settings, said.append) == first
    assert said == []
    company.make(tmp_path, customers=9, seed=3)
    again = fill_store(settings, said.append)
    assert again.customers == 9
    assert again.digest != first.digest


def test_served_on_when_the_tables_are_away(tmp_path: Path) -> None:
    """A filled store answers though the tables cannot be read any more; an empty one cannot."""
    company.make(tmp_path, customers=8)
    settings = company.settings(tmp_path)
    loaded = fill_store(settings, lambda _: None)
    (tmp_path / "customers.parquet").unlink()
    said: list[str] = []
    assert fill_store(settings, said.append) == loaded
    assert "cannot be read" in said[0]
    with pytest.raises(DataError):
        fill_store(settings.model_copy(update={"output": tmp_path / "other"}), said.append)


def test_a_load_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers keep the old journeys until all new ones are there."""
    company.make(tmp_path, customers=8)
    settings = company.settings(tmp_path)
    loaded = fill_store(settings, lambda _: None)
    store = Store.at(settings.output, None)

    def broken(_: Any) -> Any:
        yield {"customer_id": "half", "content": b""}
        raise RuntimeError

    monkeypatch.setattr(module, "_encoded", broken)
    with open_tables(settings) as tables, pytest.raises(RuntimeError):
        store.load_from(tables)
    assert store.loaded() == loaded
    assert store.get("half") is None
    assert store.get("c000") is not None


def test_a_copy(served: Served, output: Path) -> None:
    """A store can be carried along whole."""
    copy = Store.at(output, None)
    assert copy.copy_from(served.store) == served.store.need()
    assert copy.get_many(list(served.journeys)) == served.journeys
