"""Writes the reference pages from the registries: commands, settings, features. `--check` only says whether they are fresh.

A command, a key or a feature family is documented because it exists; nobody writes these pages by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
import typing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import typer.main
import yaml
from pydantic import BaseModel

from configs import settings
from configs.settings import load
from features import schema
from features.catalog import Catalog
from features.check import check_tables
from features.definition import AGGREGATES
from features.encode import LIMIT, MONEY_LIMIT
from features.families import FAMILIES
from features.journey import (
    MAX_CATEGORIES,
    MAX_METRICS,
    MAX_PRODUCTS,
    MAX_TOUCHPOINTS,
    TURN_EVENTS,
    TURNS,
    UNANSWERED,
    MeasureInfo,
    Vocabulary,
)
from features.judge import QUALITY_LIMIT
from features.layout import MEASURE_SCALE, MONEY_SCALE
from features.learn_journey import FEW
from features.tables import open_tables
from features.turns import CHEAP, RISEN
from moments.cli import app
from moments.examples import EXAMPLES
from serving.phrases import MADE
from tests.features import malformed as inputs

FOLDER: Final = Path(__file__).resolve().parent / "reference"
NOTE: Final = "<!-- written by docs/generate.py; `make docs` writes it anew -->\n\n"

_HOW: Final = {
    "time_between": "moments of two in a row; lines of a day are one payment",
    "time_between_same": "moments of two of one touchpoint in a row",
    "time_to_resolution": "from the first encounter of a touchpoint that was not resolved to the next that was, 0 at the first contact; "
    "by the first measure of the unit `flag` of which more is better",
    "encounter_quality": "the mean over an encounter's measures of their distance from what is usual at the touchpoint, in usual "
    f"distances, each at most {QUALITY_LIMIT:g}; above 0 is better than usual",
    "cost_to_serve": "`journey.<touchpoint>.cost`",
    "effort_time": "measures with `effort: time`, added up in minutes where their unit is one of time",
    "effort_money": "measures with `effort: money`, added up",
    "effort_emotion": "measures with `effort: emotion`: how far each lies on the bad side of its median over all touchpoints, else 0",
    "price": "amount over pieces of all payments that tell their pieces",
}
"""How values that no table holds are made, where their words do not say it."""

_APART: Final = {"overall", "voice"}
KINDS: Final = (
    settings.Cancellation,
    settings.Inactivity,
    settings.Column,
    settings.Survey,
    settings.Spend,
    settings.TimeToChurn,
)


def main() -> int:
    """Write the pages, or with `--check` compare them; the exit status says whether they are fresh."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the pages are fresh")
    check = parser.parse_args().check
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if check:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(FOLDER.parent.parent)))
        else:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"not fresh: {', '.join(stale)}. Next: make docs", file=sys.stderr)
    return 1 if stale else 0


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "cli.md": NOTE + cli(),
        "settings.md": NOTE + reference_settings(),
        "tables.md": NOTE + tables(),
        "features.md": NOTE + features(),
        "malformed.md": NOTE + malformed(),
    }


def cli() -> str:
    """The verbs, their arguments and options."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# The command line\n",
        "`moments VERB CONFIG [options]`. Long work shows its progress on standard error. Exit status: 0 done; 1 the data or "
        "the configuration is wrong, and the message says what, where, what was available and the next move; 2 usage.\n",
    ]
    for name, command in group.commands.items():
        parts.append(f"## moments {name}\n\n{_paragraphs(command.help)}\n")
        rows = []
        for item in command.params:
            if item.param_type_name == "argument":
                rows.append((f"`{item.metavar or item.name}`", item.help or "", _default(item)))
            elif "--help" not in item.opts:
                rows.append((f"`{', '.join(item.opts)}`", item.help or "", _default(item)))
        parts.append(_table(("argument or option", "meaning", "default"), rows))
        parts.append(f"```console\n$ {EXAMPLES[name]}\n```\n")
    return "\n".join(parts)


def malformed() -> str:
    """What malformed files get, from reading each of them."""
    rows = []
    for case in inputs.CASES:
        with TemporaryDirectory() as scratch:
            folder = Path(scratch).resolve()
            with open_tables(load(inputs.make(folder, case)), partial=True) as read:
                found = [item for item in check_tables(read) if item.table in {case.table, None}]
                kept = read.rows.get(case.table)
            said = [item for item in found if item.code in case.said]
            words = " ".join(dict.fromkeys(f"`{item.code}`: {item.message}." for item in said))
            words = words.replace(f"{folder}/", "").replace("|", "\\|")
        aside = f"{len(case.rejected)} kept aside" if case.rejected else ""
        rows.append((case.name, "none: an error" if kept is None else str(kept), aside, words))
    return "\n".join(
        [
            "# Malformed input\n",
            "What `moments check` says of files as they come, and how many rows of the table are read. What is kept aside lies in "
            "`rejected/<table>.csv` under `output`, cell by cell, with the reason, the file and the line. Nothing is mended in "
            "silence.\n",
            _table(("input", "rows read", "rows and lines set aside", "what is said"), rows),
        ]
    )


def reference_settings() -> str:
    """The keys of a configuration: those with defaults from base.yaml, the others from the types that check them."""
    parts = [
        "# Settings\n",
        "One YAML file. Only `data.tables` and `targets` are required; every other key has a default in `configs/base.yaml`. "
        "Paths, `output` included, are relative to the file. `${NAME}` and `${NAME:-default}` take environment variables. "
        "An unknown key is an error that names the nearest spelling.\n",
        "## Keys with a default\n",
        _table(
            ("key", "default", "unit and reason"), [(f"`{key}`", f"`{value}`", why) for key, value, why in defaults()]
        ),
        "## `data.tables.<table>`\n",
        f"{settings.Table.__doc__} `<table>` is one of {', '.join(f'`{name}`' for name in settings.TABLES)}.\n",
        _fields(settings.Table),
        "### `data.tables.<table>.measures.<name>`\n",
        _paragraphs(settings.Measure.__doc__) + "\n",
        _fields(settings.Measure),
        "### `data.sources.<name>`\n",
        _paragraphs(settings.RawSource.__doc__) + "\n",
        _fields(settings.RawSource),
        "## `journey.<touchpoint>`\n",
        _paragraphs(settings.TouchpointInfo.__doc__) + "\n",
        _fields(settings.TouchpointInfo),
        "## `targets.<name>`\n",
        "The name is yours: it names files. `kind` says which of these it is.\n",
    ]
    for model in KINDS:
        kind = typing.get_args(model.model_fields["kind"].annotation)[0]
        parts += [f"### `kind: {kind}`\n", _paragraphs(model.__doc__) + "\n", _fields(model)]
    return "\n".join(parts)


def tables() -> str:
    """The canonical tables and their columns."""
    types = {"text": "text", "time": "a time, UTC", "number": "a number"}
    parts = [
        "# Tables\n",
        "A table of yours is mapped to one of these with `data.tables`. Times are UTC (a time without a zone is taken as UTC), ids are "
        "text, money is a number in one currency. A table that is absent means that its features are absent; `customers` and one "
        "source of labels are the minimum. Every other column of `customers` is an attribute; numeric columns of `touchpoints` "
        "that say how an encounter went are its measures. `recorded_at` is when the company knew; rows that repeat an `event_id` are "
        "dropped and counted. A row of `subscriptions` is a contract, and one without an end runs: of a contract that changes, end the "
        "old row where the new one begins.\n",
    ]
    for table in schema.TABLES.values():
        rows = [(f"`{item.name}`", types[item.type], "required" if item.required else "") for item in table.columns]
        parts += [f"## {table.name}\n", _table(("column", "holds", ""), rows)]
    return "\n".join([*parts, _limits()])


def _limits() -> str:
    """What a table may hold at most, and what becomes of the rest."""
    rows = (
        (
            "touchpoints",
            f"the {MAX_TOUCHPOINTS} most frequent have columns of their own",
            "count in the totals; `many_touchpoints`",
        ),
        ("survey metrics", f"NPS and the most frequent, {MAX_METRICS} in all", "count in the totals; `many_metrics`"),
        ("categories of a column", f"{MAX_CATEGORIES}; {MAX_PRODUCTS:,} of transactions", "count as unseen ones"),
        ("`amount`", f"{MONEY_LIMIT:g}", "the row is set aside (`bad_rows`)"),
        ("`margin`, `monthly_fee`", f"{MONEY_LIMIT:g}", "count as missing; `out_of_range`"),
        ("measures, `score`, `quantity`", f"{LIMIT:g}", "count as missing; `out_of_range`"),
        (
            "sums of one customer",
            f"{2.0**63 / MONEY_SCALE:.1e} of money, {2.0**63 / MEASURE_SCALE:.1e} of anything else",
            "refused by name: a larger unit is needed",
        ),
        (
            "CSV behind a URL",
            "read by DuckDB as UTF-8; lines are counted, not looked at one by one, and there is no `rejected` of them",
            "lines and rows that differ: `remote_lines`; a line with another number of cells stops the reading",
        ),
    )
    return "\n".join(["## Limits\n", _table(("of", "at most", "what is beyond"), rows)])


def features() -> str:
    """What can be computed: aggregates, turns, and the columns that a small company would get, family by family."""
    vocabulary = example_vocabulary()
    windows = (30, 90, 180, 365)
    catalog = Catalog.of(vocabulary, windows)
    parts = [
        "# Features\n",
        "A feature is a value: a source, a kind of event, a measure, an aggregate and a window; its name, unit and meaning follow. "
        "Windows are `[as_of - days, as_of)`: the moment itself and all after it is unseen, and so is what was recorded later. "
        "What is usual (medians, prices, frequent sequences) is learnt from the training period and frozen into the bundle. What is "
        "of the whole company is counted by days that were over; its windows end with the last day on which anything became known, so "
        "where the tables end before the moment they lie as much earlier than the customer's.\n",
        "## Aggregates\n",
        "How a window of events becomes one number. The value is a measure, an amount, a score, or one that is made (below).\n",
        _table(
            ("aggregate", "meaning", "unit", "a window without events gives"),
            [
                (f"`{item.name}`", _plain(item.meaning), item.unit or "the value's", item.empty)
                for item in AGGREGATES.values()
            ],
        ),
        "## Turns\n",
        "What an event can be besides its own kind. It follows from the events before it, of the same customer and known by then. "
        "Two more are made of names: the repeat of a touchpoint within 7 days (`repeats`, `repeat_share`) and frequent sequences "
        "of two or three touchpoints, each within 30 days of the one before.\n",
        _table(("turn", "table", "counts"), _turns()),
        "## Made values\n",
        "Values that no table holds; families aggregate them as they do measures.\n",
        _table(
            ("value", "table", "is", "made from"),
            [(f"`{name}`", source, text, _HOW.get(name, "")) for (source, name), text in MADE.items()],
        ),
        "What is usual is the median over all encounters of a touchpoint (of a measure) or over all payments of a category (of the "
        f"price, the amount per piece), from {FEW} of them on, rounded to two digits that count. A usual distance is a standard "
        "deviation, told from percentiles 10 and 90. *Worse* is beyond the median on the bad side; a *premium* price is at or above "
        f"percentile 80 of its category, a *discounted* one at most {CHEAP:.0%} of the usual one, and a price has *risen* if it is "
        f"more than {RISEN - 1:.0%} above the one that the customer paid for the category before. A quantity that is missing counts "
        "as one piece, save in the price of the whole company, which leaves such a payment out.\n",
        "## Families\n",
        f"The columns of a company with one touchpoint, a measure for each kind of effort, surveys, payments and contracts "
        f"({len(catalog.features)} in all); windows of {', '.join(str(window) for window in windows)} days. In `empty`, what a window "
        "without events gives; in `speaks for`, the touchpoint or the group of controls whose strength a column adds to. Columns of "
        "`overall` and `voice` feed the models and stay out of the driver analysis.\n",
        _table(
            ("family", "columns", "holds"),
            [
                (
                    f"[{family}](#{family})",
                    str(sum(item.family == family for item in catalog.features)),
                    _first_line(sys.modules[make.__module__].__doc__),
                )
                for family, make in FAMILIES.items()
            ],
        ),
    ]
    for family, make in FAMILIES.items():
        module = sys.modules[make.__module__]
        rows = [
            (f"`{item.name}`", item.meaning, item.unit, item.empty, item.role if item.role in _APART else item.driver)
            for item in make(vocabulary, windows)
        ]
        parts += [f"### {family}\n", _paragraphs(module.__doc__) + "\n", _paragraphs(make.__doc__) + "\n"]
        parts.append(_table(("column", "meaning", "unit", "empty", "speaks for"), rows))
    return "\n".join(parts)


def _turns() -> list[tuple[str, ...]]:
    of = {turn: table for table, turns in TURNS.items() for turn in turns}
    return [(f"`{turn.strip()}`", of.get(turn, schema.SURVEYS), text) for turn, text in TURN_EVENTS.items()]


def example_vocabulary() -> Vocabulary:
    """A small company in which every family has something to say."""
    return Vocabulary(
        tables=tuple(schema.TABLES),
        touchpoints=("support_call",),
        measures={
            "wait": MeasureInfo("minutes", "lower", "time", within=20.0),
            "charge": MeasureInfo("EUR", "lower", "money"),
            "sentiment": MeasureInfo("score", "higher", "emotion"),
            "resolved": MeasureInfo("flag", "higher"),
        },
        measured={"support_call": ("wait", "charge", "sentiment", "resolved")},
        metrics=("nps",),
        attributes={"age": "number", "segment": "category"},
        categories={
            "customers.segment": ("business", "consumer"),
            "subscriptions.end_reason": ("moved", "price"),
            "subscriptions.plan": ("large", "small"),
            "touchpoints.channel": ("phone", "web"),
            "touchpoints.department": ("billing", "support"),
            "touchpoints.stage": ("use", "service"),
            "transactions.category": ("books", "games"),
        },
        columns={
            "customers": ("age", "created_at", "segment", "valid_from"),
            "subscriptions": ("end_reason", "ended_at", "monthly_fee", "plan"),
            "surveys": ("comment", UNANSWERED),
            "touchpoints": ("channel", "comment", "department", "stage"),
            "transactions": ("category", "margin", "quantity"),
        },
        usual={
            "support_call|wait": (8.0, 4.0),
            "support_call|charge": (10.0, 5.0),
            "support_call|sentiment": (0.2, 0.5),
            "support_call|resolved": (1.0, 0.3),
        },
        places={"support_call": ("service", "support")},
        costs={"support_call": 7.5},
        sequences=(("support_call", "support_call"),),
        prices={"books": (12.0, 20.0), "games": (30.0, 50.0)},
    )


def defaults() -> list[tuple[str, str, str]]:
    """Each key of base.yaml with its default and the comment beside it."""
    rows, path = [], []
    for line in settings.BASE.read_text(encoding="utf-8").splitlines():
        match = re.match(r"^(?P<indent> *)(?P<key>\w+):(?P<rest>.*)$", line)
        if not match:
            continue
        depth = len(match["indent"]) // 2
        path = [*path[:depth], match["key"]]
        value, _, comment = match["rest"].partition("#")
        if value.strip():
            rows.append((".".join(path), value.strip(), comment.strip()))
    return rows


def known_keys() -> set[str]:
    """Every dotted key that base.yaml gives a value to."""

    def walk(content: dict[str, Any], path: tuple[str, ...]) -> set[str]:
        found = set()
        for key, value in content.items():
            below = isinstance(value, dict) and value
            found |= walk(value, (*path, key)) if below else {".".join((*path, key))}
        return found

    return walk(yaml.safe_load(settings.BASE.read_text(encoding="utf-8")), ())


def _fields(model: type[BaseModel]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{_written(field.get_default(call_default_factory=True))}`"
        rows.append((f"`{name}`", _type(field.annotation), default))
    return _table(("key", "value", "default"), rows)


def _type(annotation: Any) -> str:
    """A type in a reader's words."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(inner[0])
    if origin is typing.Literal:
        return " \\| ".join(f"`{item}`" for item in inner)
    if origin is dict:
        return f"a mapping of names to {_type(inner[1])}"
    if origin is tuple:
        return f"a list of {_type(inner[0])}"
    if inner:
        return " or ".join(_type(item) for item in inner if item is not type(None))
    names = {
        "str": "text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "datetime": "a date or time",
    }
    return names.get(getattr(annotation, "__name__", ""), f"see `{getattr(annotation, '__name__', annotation)}`")


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()


def _default(item: Any) -> str:
    if isinstance(item.show_default, str):
        return item.show_default
    if item.required:
        return "required"
    return "" if item.default is None or getattr(item, "is_flag", False) else f"`{item.default}`"


def _plain(text: str) -> str:
    return text.format(events="events", measure="value", window=" in the window", against="N")


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _paragraphs(text: str | None) -> str:
    lines = re.sub(r"(?<!`)<", r"\<", (text or "").replace("``", "`")).strip().split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in lines)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
