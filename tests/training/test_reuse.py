"""A new training set beside the last one: what stays is what would be computed again, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import Settings
from features import company as company_days
from features.build import build_several
from features.catalog import Catalog
from features.definition import Feature
from features.tables import open_tables
from tests.features import company
from training import columns, reuse, stitch
from training.dataset import make, path_of, read

Tables = dict[str, pa.Table]
MONTH = 30
BEFORE = company.START + 330 * company.DAY
_TIMES = {
    "touchpoints": "occurred_at",
    "surveys": "answered_at",
    "transactions": "occurred_at",
    "subscriptions": "started_at",
}


@pytest.fixture(autouse=True)
def _groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several groups of rows in a small file."""
    monkeypatch.setattr(columns, "GROUP_ROWS", 32)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """All that ever happened to a small company."""
    return company.make(tmp_path_factory.mktemp("everything"))


def until(tables: Tables, moment: int) -> Tables:
    """What had happened and was recorded by a moment."""
    found = dict(tables)
    end = pa.scalar(moment, pa.timestamp("us", tz="UTC"))
    for name, time in _TIMES.items():
        table = tables[name]
        known = table.column(time)
        if "recorded_at" in table.column_names:
            recorded = table.column("recorded_at")
            known = pc.if_else(pc.greater(pc.coalesce(recorded, known), known), recorded, known)
        found[name] = table.filter(pc.less(known, end))
    contracts = found["subscriptions"]
    over = pc.fill_null(pc.less(contracts.column("ended_at"), end), False)
    for place, name in enumerate(contracts.column_names):
        if name in {"ended_at", "end_reason"}:
            column = contracts.column(name)
            contracts = contracts.set_column(place, name, pc.if_else(over, column, pa.scalar(None, column.type)))
    return {**found, "subscriptions": contracts}


def settings_of(folder: Path, tables: Tables, last: int, output: Path) -> Settings:
    """The configuration of a written company with the dates of its grid."""
    company.write(folder, tables)
    content = yaml.safe_load((folder / "small.yaml").read_text("utf-8"))
    day = np.datetime64(last, "us").astype("datetime64[D]")
    content["snapshots"] = {"every_days": MONTH, "last": str(day)}
    (folder / "small.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return company.settings(folder).model_copy(update={"output": output})


def built(settings: Settings, name: str = "churn", **options: Any) -> tuple[Path, str]:
    """A training set and what was told of it."""
    told: list[str] = []
    with open_tables(settings) as tables:
        path = make(tables, settings, name, told=told.append, **options)
    return path, told[0]


def edited(tables: Tables) -> Tables:
    """A fee of long ago is corrected."""
    table = tables["touchpoints"]
    first = pc.equal(table.column("event_id"), "t3")
    fee = pc.if_else(first, pa.scalar(77.0), table.column("fee"))
    return {**tables, "touchpoints": table.set_column(table.column_names.index("fee"), "fee", fee)}


def late(tables: Tables) -> Tables:
    """An encounter of long ago comes to be known in the last month."""
    table = tables["touchpoints"].slice(0, 1)
    at, known = (company.micros(np.array([company.START + days * company.DAY])) for days in (100, 340))
    table = table.set_column(table.column_names.index("occurred_at"), "occurred_at", at)
    table = table.set_column(table.column_names.index("recorded_at"), "recorded_at", known)
    table = table.set_column(table.column_names.index("event_id"), "event_id", pa.array(["late"]))
    return {**tables, "touchpoints": pa.concat_tables([tables["touchpoints"], table])}


def new_kind(tables: Tables) -> Tables:
    """A kind of touchpoint that nobody had met, among the others in the order of names."""
    table = tables["touchpoints"]
    new = pc.and_(
        pc.greater(table.column("occurred_at"), pa.scalar(BEFORE, pa.timestamp("us", tz="UTC"))),
        pc.equal(table.column("touchpoint"), "bill"),
    )
    kinds = pc.if_else(new, pa.scalar("chat"), table.column("touchpoint"))
    return {**tables, "touchpoints": table.set_column(table.column_names.index("touchpoint"), "touchpoint", kinds)}


def removed(tables: Tables) -> Tables:
    """A customer asks to be forgotten."""
    return {name: table.filter(pc.not_equal(table.column("customer_id"), "c007")) for name, table in tables.items()}


@pytest.mark.parametrize("name", ["churn", "nps"])
@pytest.mark.parametrize("change", [dict, edited, late, new_kind, removed])
def test_a_new_month_gives_the_bytes_of_a_fresh_start(
    everything: Tables, tmp_path: Path, change: Callable[[Tables], Tables], name: str
) -> None:
    """A month more, and what may come with it: an edit, a late record, a new kind, a customer less."""
    output = tmp_path / "out"
    before, after = until(everything, BEFORE), change(until(everything, BEFORE + MONTH * company.DAY))
    last = BEFORE - 2 * MONTH * company.DAY
    built(settings_of(tmp_path / "before", before, last, output), name)
    there = settings_of(tmp_path / "after", after, last + MONTH * company.DAY, output)
    path, told = built(there, name)
    fresh, _ = built(there.model_copy(update={"output": tmp_path / "fresh"}), name)
    assert path.read_bytes() == fresh.read_bytes()
    assert "rows taken over" in told or "computed anew" in told
    if change in {dict, late, removed}:
        assert "rows taken over" in told


def test_only_what_is_new_is_asked_of_the_engine(everything: Tables, tmp_path: Path) -> None:
    """Rows of the new date with all features; of the others, features that read something which was learnt anew."""
    output = tmp_path / "out"
    last = BEFORE - 2 * MONTH * company.DAY
    built(settings_of(tmp_path / "before", until(everything, BEFORE), last, output))
    rows = len(read(output / "training" / "churn.parquet"))
    asked = []

    def counting(tables: Any, several: Any, progress: Any) -> Any:
        asked.extend((len(some), len(catalog.features)) for catalog, some in several)
        return build_several(tables, several, progress)

    after = until(everything, BEFORE + MONTH * company.DAY)
    path, told = built(settings_of(tmp_path / "after", after, last + MONTH * company.DAY, output), engine=counting)
    dataset = read(path)
    stayed = int(re.findall(r"([\d,]+) rows taken over", told)[0])
    assert 0.8 * rows < stayed <= rows
    assert asked[0] == (len(dataset) - stayed, len(dataset.catalog.features))
    assert all(some == stayed and width < len(dataset.catalog.features) for some, width in asked[1:])


def test_the_events_are_read_once_for_both_kinds_of_work(everything: Tables, tmp_path: Path) -> None:
    """New rows and changed features of the others are asked for together."""
    last = BEFORE - 2 * MONTH * company.DAY
    output = tmp_path / "out"
    built(settings_of(tmp_path / "before", until(everything, BEFORE), last, output))
    asked = []

    def counting(tables: Any, several: Any, progress: Any) -> Any:
        asked.append(len(several))
        return build_several(tables, several, progress)

    after = until(everything, BEFORE + MONTH * company.DAY)
    _, told = built(settings_of(tmp_path / "after", after, last + MONTH * company.DAY, output), engine=counting)
    assert "of their features computed again" in told
    assert asked == [2]


def test_whole_groups_of_rows_are_copied(everything: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the group that the new date fills up is read back; the groups before it are taken over as they lie in the file."""
    output = tmp_path / "out"
    last = BEFORE - 2 * MONTH * company.DAY
    path, _ = built(settings_of(tmp_path / "before", until(everything, BEFORE), last, output))
    groups = pq.read_metadata(path).num_row_groups
    read_back, copied = [], []
    fill, group = reuse.Earlier.fill, stitch.Old.group
    monkeypatch.setattr(reuse.Earlier, "fill", lambda *args: read_back.append(args[1]) or fill(*args))
    monkeypatch.setattr(stitch.Old, "group", lambda *args: copied.append(args[1]) or group(*args))
    after = until(everything, BEFORE + MONTH * company.DAY)
    built(settings_of(tmp_path / "after", after, last + MONTH * company.DAY, output))
    assert groups > 2
    assert copied == list(range(groups - 1))
    assert min(read_back) == 32 * (groups - 1)


def test_a_feature_of_the_company_looks_at_its_own_column_of_days() -> None:
    """Another quality of the company's days is none of its pace."""
    days = company_days.Calendar(np.array([1, 2]), np.arange(12).reshape(2, 6))
    amounts = days.amounts.copy()
    amounts[0, company_days.COLUMNS.index("encounter_quality")] += 1
    other = company_days.Calendar(days.until, amounts)
    pace, level = (
        Feature("shocks", source, kind, measure, aggregate, 30, against_days=360)
        for source, kind, measure, aggregate in (
            ("touchpoints", "any", None, "company_pace"),
            ("company", "any", "encounter_quality", "company_change"),
        )
    )
    catalogs = [Catalog((pace, level), calendar=calendar) for calendar in (days, other)]
    assert reuse._same(pace, *catalogs, 2)
    assert not reuse._same(level, *catalogs, 2)
    assert reuse._same(level, *catalogs, 0)


def test_nothing_new_computes_nothing(everything: Tables, tmp_path: Path) -> None:
    """The same tables again: every row stays, and the file is the same."""
    settings = settings_of(tmp_path / "c", until(everything, BEFORE), BEFORE - 60 * company.DAY, tmp_path / "out")
    path, _ = built(settings)
    before = path.read_bytes()
    _, told = built(settings, engine=_refusing)
    assert path.read_bytes() == before
    assert f"{len(read(path))} rows taken over" in told


def _refusing(*_: Any) -> Any:
    """An engine that is not to be asked."""
    raise AssertionError


def test_another_catalogue_computes_what_is_new_in_it(everything: Tables, tmp_path: Path) -> None:
    """Other windows are other features; those that both have stay, or all is computed anew and said so."""
    settings = settings_of(tmp_path / "c", until(everything, BEFORE), BEFORE - 60 * company.DAY, tmp_path / "out")
    built(settings)
    other = settings.model_copy(update={"windows_days": (30, 120)})
    path, told = built(other)
    fresh, _ = built(other.model_copy(update={"output": tmp_path / "fresh"}))
    assert path.read_bytes() == fresh.read_bytes()
    assert "computed a" in told


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("file", "is not the one that was written"),
        ("code", "the code or the columns of the tables are others now"),
        ("numbers", "cannot be read"),
    ],
)
def test_what_cannot_be_proved_is_computed_anew(
    everything: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, reason: str
) -> None:
    """A file that was touched, other code, damaged numbers: a plain line says why."""
    settings = settings_of(tmp_path / "c", until(everything, BEFORE), BEFORE - 60 * company.DAY, tmp_path / "out")
    path, first = built(settings)
    assert "anew" not in first
    before = path.read_bytes()
    if what == "file":
        table = pq.read_table(path)
        pq.write_table(table, path)
    elif what == "numbers":
        (path.parent / reuse.FOLDER / path.name).write_bytes(b"PAR1")
    else:
        monkeypatch.setattr("training.assemble.code_digest", lambda: "other")
    again, told = built(settings)
    assert again == path_of(settings, "churn")
    assert again.read_bytes() == before
    assert reason in told
