"""What is usual in a company: learnt the same whatever the order of rows, and from what was known alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features import learn_journey
from features.learn import learn_vocabulary
from features.learn_journey import Drawn, drawn, prices, rounded, sequences, stages, usual
from features.schema import MICROSECONDS_PER_DAY as DAY
from features.tables import open_tables
from tests.features import company, full

LATE = 10_000 * DAY
Learn = Callable[[Drawn], Any]


def learnt(folder: Path, learn: Learn, until: int = LATE, **tables: pa.Table) -> Any:
    """What a company with these tables teaches."""
    people = {"customers": pa.table({"customer_id": ["a", "b", "c"]})}
    given = {name: {"path": f"{name}.parquet"} for name in (*people, *tables)}
    if "touchpoints" in tables:
        given["touchpoints"]["measures"] = {"wait": {"column": "wait", "effort": "time"}}  # type: ignore[assignment]
    config = {**company.CONFIG, "data": {"tables": given}, "targets": {"nps": {"kind": "survey"}}}
    company.write(folder, {**people, **tables}, config=config)
    with open_tables(company.settings(folder)) as opened, drawn(opened, until) as rows:
        return learn(rows)


def encounters(kinds: list[str], days: list[float], **columns: list[Any]) -> pa.Table:
    """Encounters of one customer."""
    times = pa.array([int(day * DAY) for day in days], pa.timestamp("us", tz="UTC"))
    n = len(kinds)
    wait = pa.array(columns.pop("wait", [None] * n), pa.float64())
    return pa.table({"customer_id": ["a"] * n, "occurred_at": times, "touchpoint": kinds, "wait": wait, **columns})


def test_the_usual_value_is_the_median_and_its_distance_from_the_tails(tmp_path: Path) -> None:
    """A hundred waits from 1 to 100: usual is 50, the distance that of a bell of the same tails, both to two digits."""
    table = encounters(["call"] * 100, list(range(100)), wait=[float(k) for k in range(1, 101)])
    assert learnt(tmp_path, lambda rows: usual(rows, {"call": ("wait",)}), touchpoints=table) == {
        "call|wait": (50.0, rounded(80 / 2.563))
    }


@pytest.mark.parametrize(
    ("waits", "why"), [([5.0] * 50, "never varies"), ([1.0, 2.0] * 9, "too few"), ([None] * 50, "never there")]
)
def test_what_tells_nothing_has_no_usual_value(tmp_path: Path, waits: list[float | None], why: str) -> None:
    """A measure that does not vary, or is seldom there, is not judged by."""
    table = encounters(["call"] * len(waits), list(range(len(waits))), wait=waits)
    assert learnt(tmp_path, lambda rows: usual(rows, {"call": ("wait",)}), touchpoints=table) == {}, why


def test_a_rare_other_value_still_has_a_distance(tmp_path: Path) -> None:
    """Where the tails are the median, half the range is the distance: never zero."""
    table = encounters(["call"] * 50, list(range(50)), wait=[0.0] * 49 + [10.0])
    found = learnt(tmp_path, lambda rows: usual(rows, {"call": ("wait",)}), touchpoints=table)
    assert found == {"call|wait": (0.0, 5.0)}


def test_frequent_sequences_are_found_and_gaps_break_them(tmp_path: Path) -> None:
    """Call then bill happens often enough; what lies more than thirty days apart does not follow."""
    kinds, days = ["call", "bill"] * 25, [100 * k + j for k in range(25) for j in (0, 30)]
    table = encounters(kinds, [float(day) for day in days])
    assert learnt(tmp_path, lambda rows: sequences(rows, ("bill", "call")), touchpoints=table) == (("call", "bill"),)


def test_stages_come_in_the_order_in_which_customers_reach_them(tmp_path: Path) -> None:
    """The order is the journey's, not the alphabet's; a stage that nobody reached comes last."""
    table = encounters(["call"] * 4, [1, 2, 3, 4], stage=["zero", "middle", "zero", "end"])
    known = ("end", "lost", "middle", "zero")
    assert learnt(tmp_path, lambda rows: stages(rows, known), touchpoints=table) == ("zero", "middle", "end", "lost")


def test_usual_and_premium_prices_are_per_piece(tmp_path: Path) -> None:
    """Half the bread costs 2, a fifth 3 or more; milk has one price and no premium; refunds and free pieces do not count."""
    n = 100
    times = pa.array([DAY] * (2 * n + 20), pa.timestamp("us", tz="UTC"))
    bread = [4.0] * 70 + [6.0] * 30
    table = pa.table(
        {
            "customer_id": ["a"] * (2 * n + 20),
            "occurred_at": times,
            "amount": bread + [1.0] * n + [-50.0] * 10 + [0.0] * 10,
            "quantity": [2] * n + [1] * n + [1] * 20,
            "category": ["bread"] * n + ["milk"] * n + ["bread"] * 20,
        }
    )
    found = learnt(tmp_path, lambda rows: prices(rows, ("bread", "milk")), transactions=table)
    assert found == {"bread": (2.0, 3.0), "milk": (1.0, 0.0)}


def test_what_was_not_known_teaches_nothing(tmp_path: Path) -> None:
    """Encounters from the moment on, or recorded from it on, are not learnt from."""
    recorded = pa.array([None] * 30 + [50 * DAY] * 30 + [None] * 30, pa.timestamp("us", tz="UTC"))
    waits = [1.0, 3.0] * 15 + [100.0, 300.0] * 15 + [1000.0, 3000.0] * 15
    days = [10.0] * 60 + [50.0] * 30
    table = encounters(["call"] * 90, days, wait=waits, recorded_at=recorded)
    found = learnt(tmp_path, lambda rows: usual(rows, {"call": ("wait",)}), 50 * DAY, touchpoints=table)
    assert found == {"call|wait": (1.0, rounded(2 / 2.563))}


def test_order_of_rows_teaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vocabulary is the same whatever the order of rows and columns, from all of them and from a draw of customers."""
    full.make(tmp_path / "0")
    full.make(tmp_path / "1", order=5)
    for enough in (learn_journey.ENOUGH_ROWS, 300):
        monkeypatch.setattr(learn_journey, "ENOUGH_ROWS", enough)
        found = []
        for place in ("0", "1", "1"):
            with open_tables(company.settings(tmp_path / place)) as tables:
                found.append(learn_vocabulary(tables, full.AT[-1]).to_dict())
        assert found[0] == found[1] == found[2]
