"""How cost grows: CPU with events and with dates, memory with customers, and CPU per feature of the full catalogue.

Each point is a process of its own (see `benchmarks.contender`). Figures go to ``benchmarks/results/scaling.json`` and ``.md``,
the curves to ``scaling.png``.

``python -m benchmarks.scaling --events 1000000``
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.contender import cpu_seconds
from benchmarks.events import CUSTOMERS, generate
from benchmarks.feature_build import RESULTS, contender

SHARES: Final = (0.125, 0.25, 0.5, 1.0)
"""Of the events, for the first curve."""

DATES: Final = (3, 6, 12, 24)
_DEMO_CUSTOMERS: Final = 3_000


def main() -> int:
    """Measure, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="moments-bench-") as place:
        found = curves(Path(place), given.events, given.customers)
        found["catalogue"] = catalogue(Path(place) / "world", _DEMO_CUSTOMERS)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "scaling.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "scaling.md").write_text(table(found), encoding="utf-8")
    draw(found, given.results / "scaling.png")
    print(table(found))
    return 0


def curves(place: Path, events: int, customers: int) -> dict[str, Any]:
    """The three curves: what was varied, with CPU seconds and peak memory."""
    small = place / "small"
    generate(small, 20_000, 500)

    def point(count: int, people: int, dates: int) -> dict[str, Any]:
        folder = place / "company"
        generate(folder, count, people)
        figures = contender("moments", small, folder, place / "out.parquet", dates)
        shutil.rmtree(folder)
        return {"events": count, "customers": people, "dates": dates, **figures}

    few = max(events // 4, 1)
    return {
        "events": [point(int(events * share), customers, 12) for share in SHARES],
        "dates": [point(few, customers, dates) for dates in DATES],
        # A company of twice the customers has twice the events.
        "customers": [point(int(few * share), int(customers * share), 12) for share in (0.5, 1.0, 2.0, 4.0)],
    }


def catalogue(folder: Path, customers: int) -> dict[str, Any]:
    """CPU of the full catalogue on the demo company, all in, after the tables are open."""
    from configs.settings import load
    from features.build import build_parts, learn_catalog
    from features.tables import open_tables
    from features.world import make_world
    from training.targets import rows_for

    make_world(folder, customers=customers, seed=7)
    with open_tables(load(folder / "world.yaml")) as tables:
        rows = rows_for(tables, tables.settings, "churn").rows
        before = cpu_seconds()
        catalog = learn_catalog(tables, tables.settings, int(rows.as_of.max()))
        learnt = cpu_seconds() - before
        for _ in build_parts(tables, rows, catalog):  # compiled things are loaded
            pass
        before = cpu_seconds()
        for _ in build_parts(tables, rows, catalog):
            pass
        spent = cpu_seconds() - before
        events = sum(tables.rows.values())
    features = len(catalog.features)
    return {
        "events": events,
        "rows": len(rows),
        "features": features,
        "learn_cpu_seconds": learnt,
        "cpu_seconds": spent,
        "milliseconds_per_feature": 1000 * spent / features,
        "nanoseconds_per_cell": 1e9 * spent / features / len(rows),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as tables of markdown."""
    lines = []
    for title, name in (("events", "events"), ("dates", "dates"), ("customers (and events with them)", "customers")):
        lines += [f"**By {title}**", "", "| events | customers | dates | CPU seconds | peak memory, MB |"]
        lines.append("|--:|--:|--:|--:|--:|")
        lines += [
            f"| {item['events']:,} | {item['customers']:,} | {item['dates']} | {item['cpu_seconds']:.2f} "
            f"| {item['peak_memory_mb']:,.0f} |"
            for item in found[name]
        ]
        lines.append("")
    full = found["catalogue"]
    size = f"{full['features']} features of {full['rows']:,} rows from {full['events']:,} events"
    cost = f"{full['cpu_seconds']:.2f} CPU seconds, {full['milliseconds_per_feature']:.2f} ms per feature"
    return "\n".join(
        [*lines, f"**The full catalogue of the demo company**: {size} in {cost}", f"({full['nanoseconds_per_cell']:.0f} ns per cell)."]
    ) + "\n"  # fmt: skip


def draw(found: dict[str, Any], path: Path) -> None:
    """The three curves side by side."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel, (name, value, title) in zip(
        panels,
        (
            ("events", "cpu_seconds", "CPU seconds"),
            ("dates", "cpu_seconds", "CPU seconds"),
            ("customers", "peak_memory_mb", "peak memory, MB"),
        ),
        strict=True,
    ):
        panel.plot([item[name] for item in found[name]], [item[value] for item in found[name]], "o-", color="#33658a")
        panel.set(xlabel=name, ylabel=title, xlim=(0, None), ylim=(0, None))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    raise SystemExit(main())
