"""What is read of one table, as SQL: the canonical columns, why a row is of no use, what else cannot be read, the row's own cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from features import schema
from features.casts import Cast
from features.encode import LIMIT, MONEY_LIMIT
from features.layout import MEASURE_PREFIX
from features.quoting import column, identifier, quoted
from features.raw import FILE, ROW, Raw

BAD: Final = '"·bad"'
FAILED: Final = '"·failed"'
CELLS: Final = '"·cells"'
_ANY: Final = '"·any"'
"""Columns of a checked row: number of the reason why it is of no use, names of columns that could not be read, its cells as text."""

_LIMITS: Final[dict[str, dict[str, float]]] = {
    schema.SURVEYS: {schema.SCORE: LIMIT},
    schema.TRANSACTIONS: {schema.MARGIN: MONEY_LIMIT, schema.QUANTITY: LIMIT},
    schema.SUBSCRIPTIONS: {schema.MONTHLY_FEE: MONEY_LIMIT},
}


@dataclass(frozen=True)
class Reading:
    """What is to be read.

    Attributes
    ----------
    name
        The canonical table.
    raw
        The company's rows.
    select
        Canonical column to how it is made; plain SQL where it is made of nothing.
    required
        The canonical columns without which a row is of no use.
    key
        What is there once: later rows that repeat it are dropped.
    where
        The key of the configuration.
    """

    name: str
    raw: Raw
    select: dict[str, Cast | str]
    required: dict[str, schema.Column]
    key: tuple[str, ...]
    where: str

    @property
    def casts(self) -> dict[str, Cast]:
        """The columns that are made of the company's."""
        return {name: item for name, item in self.select.items() if isinstance(item, Cast)}

    @property
    def cheap(self) -> bool:
        """Whether the rows are read where they lie."""
        return not self.raw.costly and all(item.cheap for item in self.casts.values())

    def why(self) -> list[tuple[str, str, str]]:
        """Why a row can be of no use: column, what is wrong with it, and the SQL that is true then."""
        found = []
        for name, item in self.required.items():
            cast, parsed = self.casts[name], _parsed(name)
            if not item.blank:
                # A text that is read where it lies is not trimmed to see that it is there.
                found.append((name, "is empty", cast.blank if self.cheap else cast.empty(parsed)))
            if cast.fails:
                found.append((name, f"is not a {item.type}", cast.failed(parsed)))
            if name == schema.AMOUNT:
                found.append((name, f"is beyond {MONEY_LIMIT:g}", f"abs({parsed}) > {MONEY_LIMIT:.0f}"))
        return found

    def reasons(self) -> list[str]:
        """The same as sentences."""
        return [f"{name} {what}" for name, what, _ in self.why()]

    def optional(self) -> dict[str, str]:
        """Columns that may be missing, and the SQL that is true where they say something that cannot be read."""
        return {
            name: cast.failed(_parsed(name))
            for name, cast in self.casts.items()
            if cast.fails and name not in self.required
        }

    def limits(self) -> dict[str, float]:
        """Number columns whose values are missing beyond a magnitude; an amount beyond its own sets the row aside."""
        known = _LIMITS.get(self.name, {})
        return {
            name: known.get(name, LIMIT)
            for name in self.casts
            if name in known or (self.name == schema.TOUCHPOINTS and name.startswith(MEASURE_PREFIX))
        }

    def clear(self) -> str | None:
        """SQL that is quick, and true only of rows of which nothing has to be said; None where there is none."""
        if not self.cheap or any(item.sure is None for item in self.casts.values()):
            return None
        limits = {**self.limits(), schema.AMOUNT: MONEY_LIMIT}
        needed = {name for name, item in self.required.items() if not item.blank}
        tests = []
        for name, item in self.casts.items():
            sure = f"abs({item.parsed}) <= {limits[name]}" if name in limits else str(item.sure)
            tests.append(sure if name in needed else f"({column(item.source)} IS NULL OR {sure})")
        return " AND ".join(tests) or "true"

    def canonical(self, tidy: frozenset[str]) -> str:
        """The canonical columns in SQL, of the raw ones; those of `tidy` without the care that untidy cells need."""
        parts = []
        for name, item in self.select.items():
            if isinstance(item, Cast):
                value = item.plain if name in tidy and item.plain else item.value(item.parsed)
            else:
                value = item
            parts.append(f"{value} AS {column(name)}")
        return ", ".join(parts)

    def checked(self, source: str | None = None, *, cells: bool = False, more: str = "") -> str:
        """A query: canonical columns, why the row is of no use, what could not be read, and its own cells where they matter.

        Cells are parsed once, in the innermost query; those further out look at what came of it.

        Parameters
        ----------
        source
            What is selected from, where it is not the raw relation itself.
        cells
            Whether the cells of every row are wanted.
        more
            Further expressions.
        """
        inner = "".join(f", {cast.parsed} AS {_parsed(name)}" for name, cast in self.casts.items())
        cases = " ".join(f"WHEN {test} THEN {place}" for place, (_, _, test) in enumerate(self.why()))
        failed = self.optional()
        words = ", ".join(f"CASE WHEN {test} THEN {quoted(name)} END" for name, test in failed.items())
        middle = f"SELECT *, CASE {cases} END AS {BAD}, {' OR '.join(failed.values()) or 'false'} AS {_ANY}"
        names = ", ".join(
            f"{item.value(_parsed(name)) if isinstance(item, Cast) else item} AS {column(name)}"
            for name, item in self.select.items()
        )
        listed = f"CASE WHEN {_ANY} THEN list_filter([{words}], lambda x: x IS NOT NULL) END" if words else "NULL"
        own = f"[{', '.join(f'CAST({column(name)} AS VARCHAR)' for name in self.raw.types)}]"
        kept = own if cells else f"CASE WHEN {BAD} IS NOT NULL OR {_ANY} THEN {own} END"
        places = f', "{FILE}", "{ROW}"' if self.raw.located else ""
        return (
            f"SELECT {names}, {BAD}, CAST({listed} AS VARCHAR[]) AS {FAILED}, {kept} AS {CELLS}{places}{more} "
            f"FROM ({middle} FROM (SELECT *{inner} FROM {source or identifier(self.raw.name)}))"
        )

    def cell(self, name: str) -> str:
        """The cell that a canonical column is made of, among the cells that are kept."""
        return f"{CELLS}[{list(self.raw.types).index(self.casts[name].source) + 1}]"


def _parsed(name: str) -> str:
    return column(f"·{name}")
