"""One customer of 500 events, the full catalogue of the demo company: how long until the row is there.

``row`` takes the journey as lists of Python objects, as a request brings it; ``at`` asks a prepared journey, as the store of the
service holds it. Beside them one customer's counts and recencies alone, by pandas and by DuckDB: far less work than ours. Elapsed
time of single calls, so it wants a quiet machine; results in ``benchmarks/results/online.json`` and ``.md``.

``python -m benchmarks.online``
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.events import DAY
from benchmarks.feature_build import RESULTS
from configs.settings import load
from features import schema
from features.build import learn_catalog
from features.catalog import Catalog
from features.company_learn import with_calendar
from features.customer import Journey
from features.journeys import journeys
from features.online import Online
from features.tables import open_tables
from features.world import make_world

EVENTS: Final = 500
_WINDOWS: Final = (30, 90, 180, 365)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--customers", type=int, default=1_000, help="of the demo company that is learnt from")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="moments-bench-") as place:
        catalog, journey, moment = company(Path(place), given.customers)
    found = measure(catalog, journey, moment, given.calls)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "online.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "online.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def company(folder: Path, customers: int) -> tuple[Catalog, Journey, int]:
    """The full catalogue of the demo company, one customer of 500 events made of its own, and a moment after them."""
    make_world(folder, customers=customers, seed=7)
    with open_tables(load(folder / "world.yaml")) as tables:
        catalog = with_calendar(learn_catalog(tables, tables.settings, tables.data_end), tables)
        return catalog, _busy(list(journeys(tables))), tables.data_end + DAY


def _busy(people: list[Journey]) -> Journey:
    """One customer with the events of several, until there are 500; its attributes are the first one's."""
    made = Journey("busy", {schema.CUSTOMERS: people[0].tables[schema.CUSTOMERS]})
    count = 0
    for person in people:
        for name, columns in person.tables.items():
            if name == schema.CUSTOMERS:
                continue
            length = min(len(next(iter(columns.values()))), EVENTS - count)
            mine = made.tables.setdefault(name, {key: [] for key in columns})
            for key, values in columns.items():
                mine[key] += values[:length]
            count += length
        if count == EVENTS:
            break
    return made


def measure(catalog: Catalog, journey: Journey, moment: int, calls: int) -> dict[str, Any]:
    """Microseconds of each way, by the middle and the slowest hundredth of the calls."""
    online = Online(catalog)
    prepared = online.prepare(journey)
    if online.row(journey, moment).tobytes() != online.at(prepared, moment).tobytes():
        raise AssertionError("a prepared journey gives another row")
    ways: dict[str, tuple[Callable[[], Any], int, int]] = {
        "moments, journey as lists (row)": (lambda: online.row(journey, moment), calls, len(catalog.features)),
        "moments, prepared journey (at)": (lambda: online.at(prepared, moment), calls, len(catalog.features)),
    }
    columns = len(_WINDOWS) + 1
    kinds = len(catalog.vocabulary.touchpoints)
    by_pandas, by_duckdb = _alternatives(journey, moment, catalog.vocabulary.touchpoints)
    if by_pandas() != by_duckdb():
        raise AssertionError("pandas and DuckDB differ")
    ways["pandas, counts and recencies"] = (by_pandas, max(calls // 20, 5), kinds * columns)
    ways["DuckDB, counts and recencies"] = (by_duckdb, max(calls // 20, 5), kinds * columns)
    return {
        "events": sum(
            len(next(iter(table.values()))) for name, table in journey.tables.items() if name != schema.CUSTOMERS
        ),
        "ways": {name: {"features": count, **_times(call, n)} for name, (call, n, count) in ways.items()},
    }


def _times(call: Callable[[], Any], calls: int) -> dict[str, float]:
    for _ in range(max(calls // 10, 1)):
        call()
    spent = np.empty(calls)
    for number in range(calls):
        began = time.perf_counter_ns()
        call()
        spent[number] = time.perf_counter_ns() - began
    middle, slow = np.quantile(spent, [0.5, 0.99]) / 1e3
    return {"calls": calls, "p50_microseconds": float(middle), "p99_microseconds": float(slow)}


def _alternatives(
    journey: Journey, moment: int, kinds: tuple[str, ...]
) -> tuple[Callable[[], list[Any]], Callable[[], list[Any]]]:
    """What one would write for one customer: counts per kind and window, microseconds since the last of each kind."""
    import duckdb
    import pandas as pd

    table = journey.tables[schema.TOUCHPOINTS]
    frame = pd.DataFrame({key: table[key] for key in (schema.TOUCHPOINT, schema.OCCURRED_AT)})
    con = duckdb.connect()
    con.execute("SET threads = 1")
    con.register("frame", frame)
    con.execute("CREATE TABLE events AS SELECT * FROM frame")
    selected = ", ".join(f"count(*) FILTER (occurred_at >= {moment - days * DAY}) AS n_{days}" for days in _WINDOWS)
    query = f"SELECT touchpoint, {selected}, {moment} - max(occurred_at) FROM events WHERE occurred_at < {moment} GROUP BY 1"

    def by_pandas() -> list[Any]:
        seen = frame[frame.occurred_at < moment]
        counts = [seen[seen.occurred_at >= moment - days * DAY].groupby("touchpoint").size() for days in _WINDOWS]
        last = moment - seen.groupby("touchpoint").occurred_at.max()
        return [
            [*(int(count.get(kind, 0)) for count in counts), int(last[kind]) if kind in last else None]
            for kind in kinds
        ]

    def by_duckdb() -> list[Any]:
        found = {kind: list(values) for kind, *values in con.execute(query).fetchall()}
        return [found.get(kind, [0] * len(_WINDOWS) + [None]) for kind in kinds]

    return by_pandas, by_duckdb


def table(found: dict[str, Any]) -> str:
    """The figures as a table of markdown."""
    lines = [
        f"One customer of {found['events']} events.",
        "",
        "| | features | p50, ms | p99, ms |",
        "|---|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {way['features']} | {way['p50_microseconds'] / 1e3:.3f} | {way['p99_microseconds'] / 1e3:.3f} |"
        for name, way in found["ways"].items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
