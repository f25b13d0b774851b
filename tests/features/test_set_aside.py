"""The quick test of a table that is beyond all doubt says what the thorough walk says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import load
from features.reading import Reading
from features.tables import open_tables

DAY = 86_400_000_000
ROWS = 6

ODD: dict[str, tuple[str, Any]] = {
    "nothing": ("wait", 3.0),
    "no id": ("customer_id", None),
    "blank id": ("customer_id", "  "),
    "blank before": ("customer_id", " c1"),
    "blank after": ("customer_id", "c1 "),
    "no-break space": ("customer_id", "\u00a0c1"),
    "Hebrew": ("customer_id", "לקוח"),
    "tab": ("touchpoint", "\tcall"),
    "empty kind": ("touchpoint", ""),
    "no time": ("occurred_at", None),
    "gap": ("wait", None),
    "no number": ("wait", float("nan")),
    "infinite": ("wait", float("-inf")),
    "beyond": ("wait", -2e9),
    "at the limit": ("wait", 1e9),
    "score not given": ("score", None),
    "infinite score": ("score", float("inf")),
}


def folder(place: Path, name: str, value: Any) -> Path:
    """A company of six encounters and six answers, one cell of them odd."""
    times = pa.array([DAY * (number + 1) for number in range(ROWS)], pa.timestamp("us", tz="UTC"))
    touchpoints = {
        "customer_id": ["c1"] * ROWS,
        "occurred_at": times,
        "touchpoint": ["call"] * ROWS,
        "wait": [float(number) for number in range(ROWS)],
    }
    surveys = {"customer_id": ["c1"] * ROWS, "answered_at": times, "metric": ["nps"] * ROWS, "score": [5.0] * ROWS}
    table = surveys if name == "score" else touchpoints
    cells = table[name].to_pylist() if name == "occurred_at" else table[name]  # type: ignore[attr-defined]
    cells[2] = value
    table[name] = pa.array(cells, times.type if name == "occurred_at" else None)
    pq.write_table(pa.table({"customer_id": ["c1"]}), place / "customers.parquet")
    pq.write_table(pa.table(touchpoints), place / "touchpoints.parquet")
    pq.write_table(pa.table(surveys), place / "surveys.parquet")
    tables = {
        "customers": {"path": "customers.parquet"},
        "touchpoints": {"path": "touchpoints.parquet", "measures": {"wait": {"column": "wait", "unit": "minutes"}}},
        "surveys": {"path": "surveys.parquet"},
    }
    content = {"data": {"tables": tables}, "targets": {"nps": {"kind": "survey"}}}
    (place / "company.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return place / "company.yaml"


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_cell_is_told_the_same_by_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    """Rows, findings and contents are the same whether or not clean tables are told by a quick test first."""
    settings = load(folder(tmp_path, *ODD[odd]))

    def told() -> tuple[Any, ...]:
        with open_tables(settings) as tables:
            contents = [tables.con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in tables.present]
            return dict(tables.rows), [str(item) for item in tables.findings], str(contents)

    quick = told()
    monkeypatch.setattr(Reading, "clear", lambda _self: None)
    assert quick == told()


@pytest.mark.parametrize(("odd", "thorough"), [("nothing", False), ("gap", False), ("blank before", True)])
def test_a_clean_table_is_not_walked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, *, thorough: bool
) -> None:
    """The thorough query is made only where some row is not beyond doubt."""
    settings = load(folder(tmp_path, *ODD[odd]))
    asked: list[str] = []
    checked = Reading.checked

    def listening(reading: Reading, *given: Any, **more: Any) -> str:
        if "more" in more:
            asked.append(reading.name)
        return checked(reading, *given, **more)

    monkeypatch.setattr(Reading, "checked", listening)
    with open_tables(settings) as tables:
        assert tables.rows["touchpoints"] == ROWS
    assert asked == (["touchpoints"] if thorough else [])
