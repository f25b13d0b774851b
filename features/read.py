"""One table read: its columns found, cast to the canonical types, unusable rows set aside by reason, repeats dropped.

Rows whose casts cost nothing are read where they lie, through a view; text is cast once, into a file of our own, in the same walk
that finds what is wrong with it. Everything wrong with the columns of a table is said at once; nothing is mended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from configs.errors import ConfigError, DataError, ManyFaultsError, MomentsError
from configs.settings import Column as ColumnTarget
from configs.settings import Table
from features import schema
from features.casts import STORED, Cast, attribute_kind, to_number, to_text, to_time
from features.findings import Finding
from features.layout import MEASURE_PREFIX
from features.quoting import column, identifier
from features.raw import Raw
from features.reading import Reading
from features.set_aside import set_aside
from features.sources import Sources

if TYPE_CHECKING:
    from features.tables import Tables

LABEL_PREFIX = "label_"
"""Prefix of a column of customers that is a target's label, and so can never be an attribute."""


def read(tables: Tables, sources: Sources, name: str, table: Table) -> None:
    """Read one configured table into DuckDB under its own name.

    Raises
    ------
    DataError, ConfigError
        When its rows cannot be read, or columns are missing or of another type: all of them at once.
    """
    where = f"{tables.settings.source.name}: data.tables.{name}"
    raw = sources.relation(name, table)
    if name == schema.CUSTOMERS:
        raw = sources.stored(raw)  # every attribute is looked at before it is known what it is
    plan = _Plan(tables, raw, name, table, where)
    ManyFaultsError.raise_any(plan.wrong)
    tables.findings += plan.findings
    tables.rows[name] = set_aside(tables, sources, Reading(name, raw, plan.select, plan.required, plan.key, where))
    tables.present = tables.present | {name}
    tables.columns[name] = tuple(item.name for item in plan.spec.columns if item.name in plan.chosen)
    tables.findings += sources.findings
    sources.findings = []


class _Plan:
    """How each canonical column is made of a company's, and what is wrong with those."""

    def __init__(self, tables: Tables, raw: Raw, name: str, table: Table, where: str) -> None:
        self.tables, self.raw, self.name, self.table, self.where = tables, raw, name, table, where
        self.spec = schema.TABLES[name]
        self.wrong: list[MomentsError] = []
        self.findings: list[Finding] = []
        self.select: dict[str, Cast | str] = {}
        self.required: dict[str, schema.Column] = {}
        self.chosen = _choose(self.spec, table, raw.types, where, self.wrong)
        for item in self.spec.columns:
            self._canonical(item)
        if name == schema.TOUCHPOINTS:
            self._measures()
        if name == schema.CUSTOMERS:
            self._attributes()
        self.key: tuple[str, ...] = ()
        if name == schema.CUSTOMERS:
            self.key = (schema.CUSTOMER_ID, schema.VALID_FROM)
        elif schema.EVENT_ID in self.chosen:
            self.key = (schema.EVENT_ID,)

    def _canonical(self, item: schema.Column) -> None:
        theirs = self.chosen.get(item.name)
        if theirs is None:
            self.select[item.name] = f"CAST(NULL AS {STORED[item.type]})"
            return
        try:
            cast = self._cast(theirs, item.type)
        except DataError as error:
            self.wrong.append(error)
            return
        if cast.note:
            self.findings.append(
                Finding(
                    "note",
                    "time_format",
                    self.name,
                    item.name,
                    0,
                    cast.note,
                    "if that is wrong, convert the column with 'sql'",
                )
            )
        self.select[item.name] = cast
        if item.required:
            self.required[item.name] = item

    def _cast(self, theirs: str, to: schema.Type) -> Cast:
        kind = self.raw.types[theirs]
        if to == "text":
            return to_text(theirs, kind)
        if to == "number":
            return to_number(theirs, kind, self.table.decimal)
        return to_time(self.tables.con, identifier(self.raw.name), theirs, kind, self.where)

    def _measures(self) -> None:
        for measure, info in self.table.measures.items():
            if info.column in self.raw.types:
                self.select[MEASURE_PREFIX + measure] = self._cast(info.column, "number")
            else:
                self.wrong.append(
                    DataError.missing_column(info.column, self.raw.types, where=f"{self.where}.measures.{measure}")
                )

    def _attributes(self) -> None:
        types, tables = self.raw.types, self.tables
        labels = {target.column for target in tables.settings.targets.values() if isinstance(target, ColumnTarget)}
        self.wrong += [
            DataError.missing_column(label, types, where=f"{self.where} (a target's label)")
            for label in sorted(labels - types.keys())
        ]
        if self.wrong:
            return
        attributes: dict[str, Literal["number", "category"]] = {}
        renamed = {theirs: ours for ours, theirs in self.table.columns.items() if ours not in self.spec.types}
        for theirs in sorted(types):
            if theirs in self.chosen.values() or theirs in self.table.ignore:
                continue
            kind = attribute_kind(tables.con, identifier(self.raw.name), theirs, types[theirs], self.table.decimal)
            # A quote, a backslash or a line break cannot stand in the name of a field of a request.
            ours = re.sub(r'["\\\x00-\x1f]', "_", renamed.get(theirs, theirs))
            if theirs in labels:
                self.select[LABEL_PREFIX + theirs] = f"CAST({column(theirs)} AS VARCHAR)"
                tables.labels[theirs] = LABEL_PREFIX + theirs
            elif kind is None:
                self.findings.append(_unused(theirs, types[theirs]))
            else:
                attributes[ours] = kind
                self.select[ours] = self._cast(theirs, "number" if kind == "number" else "text")
        tables.attributes = dict(sorted(attributes.items()))


def _choose(
    spec: schema.Table, table: Table, types: dict[str, str], where: str, wrong: list[MomentsError]
) -> dict[str, str]:
    """Canonical column to the company's own; what is missing or unknown is added to `wrong`."""
    chosen = {}
    for ours, theirs in table.columns.items():
        if ours not in spec.types and spec.name != schema.CUSTOMERS:
            wrong.append(ConfigError.unknown_key(ours, spec.types, where=f"{where}.columns"))
        elif theirs not in types:
            wrong.append(DataError.missing_column(theirs, types, where=f"{where}.columns.{ours}"))
        elif ours in spec.types:
            chosen[ours] = theirs
    for item in spec.columns:
        if item.name not in chosen and item.name in types and item.name not in table.columns.values():
            chosen[item.name] = item.name
        if item.required and item.name not in chosen and item.name not in table.columns:
            wrong.append(DataError.missing_column(item.name, types, where=where, canonical=True))
    wrong += [
        DataError.missing_column(theirs, types, where=f"{where}.ignore")
        for theirs in table.ignore
        if theirs not in types
    ]
    return chosen


def _unused(name: str, kind: str) -> Finding:
    return Finding(
        "note",
        "unused_column",
        schema.CUSTOMERS,
        name,
        0,
        f"the column '{name}' ({'dates' if kind == 'VARCHAR' else kind}) is neither a number nor a category and is not used",
        "turn it into one with 'sql', or list it in 'ignore'",
    )
