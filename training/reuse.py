"""What of the last training set can stay: cells that are proved to come out the same.

A row stays if the number of what was known of its customer is the same (`features.known`). A feature stays if all that it
depends on besides events is the same: its signature; the order in which ties of its source are broken, where it looks at order;
the company's days before the rows' as_of, where it looks at the company. What is not proved is computed again, and where
the proof is lacking as a whole the reason is said.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from configs.errors import BundleError
from features import schema
from features.catalog import Catalog
from features.company import Calendar, look_ups
from features.definition import ANY, Feature
from features.journey import Vocabulary
from features.layout import MADE
from features.rows import Rows
from features.schema import NO_AS_OF
from training.columns import KEY, codes_of

FOLDER: Final = ".known"
"""Folder beside the training sets: what was known of each of their rows."""

LEAST_ROWS: Final = 0.1
MOST_FEATURES: Final = 0.5
"""Below this share of rows that stay, or above this share of features that do not, computing everything is cheaper."""

_KNOWN: Final = "known"
_AT_ONCE: Final = 1 << 20
_ORDER_FREE: Final = frozenset(
    [
        "count",
        "count_change",
        "open_count",
        "share",
        "pace",
        "company_pace",
        "recency",
        "age",
        "anniversary",
        "usual_gap",
        "gap_ratio",
        "sum",
        "sum_change",
        "open_sum",
        "mean",
        "trend",
        "zeros",
        "worse_share",
        "within_share",
        "money_share",
        "company_change",
        "company_relative",
    ]
)
"""Aggregates to which it is all the same which of two events of one moment came first."""

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Earlier:
    """The last training set, and what of it stays.

    Parameters
    ----------
    path, file
        It.
    line
        Per row of the new set its line in the file, -1 where it is computed, shape (n,).
    catalog
        The new set's features.
    changed
        Features that are computed again for every row.
    checksum
        Of the file.
    """

    path: Path
    file: pq.ParquetFile
    line: Ints
    catalog: Catalog
    changed: tuple[str, ...]
    checksum: int

    @property
    def stays(self) -> NDArray[np.bool_]:
        """Rows that are taken over, shape (n,)."""
        return self.line >= 0

    @cached_property
    def limits(self) -> Ints:
        """First line of each of the file's groups, and one past the last line."""
        groups = range(self.file.num_row_groups)
        return np.cumsum([0, *(self.file.metadata.row_group(group).num_rows for group in groups)], dtype=np.int64)

    def same(self, limits: Sequence[int]) -> dict[int, int]:
        """Groups of the new set to the groups of the file that have the same rows; others are left out."""
        begins = {int(first): group for group, first in enumerate(self.limits[:-1])}
        found = {}
        for group, (first, last) in enumerate(itertools.pairwise(limits)):
            # Lines rise as rows do, so rows that all stay and span as many lines as they are have no gap.
            mine = self.line[first:last]
            theirs = begins.get(int(mine[0]))
            if theirs is not None and (mine >= 0).all() and int(mine[-1]) + 1 == self.limits[theirs + 1]:
                size = self.limits[theirs + 1] - self.limits[theirs]
                if size == len(mine):
                    found[group] = theirs
        return found

    def fill(self, first: int, out: Array) -> None:
        """Put what stays into `out` (features, rows), whose first row is row `first` of the new set."""
        mine = self.line[first : first + out.shape[1]]
        places = np.flatnonzero(mine >= 0)
        limits = self.limits
        changed = set(self.changed)
        names = [name for name in self.catalog.names if name not in changed]
        # Rows of both sets are in one order, so the lines of a group lie in few groups of the file.
        for group in np.unique(np.searchsorted(limits, mine[places], side="right") - 1).tolist():
            table = self.file.read_row_group(group, columns=names)
            here = places[(mine[places] >= limits[group]) & (mine[places] < limits[group + 1])]
            local = mine[here] - limits[group]
            for place, feature in enumerate(self.catalog.features):
                if feature.name in changed:
                    continue
                values = table.column(feature.name)
                if feature.category:
                    out[place, here] = codes_of(values, self.catalog.categories[feature.name])[local]
                else:
                    out[place, here] = values.to_numpy()[local]


def find(path: Path, rows: Rows, catalog: Catalog, known: Hashes, facts: Mapping[str, Any]) -> Earlier | str | None:
    """What stays of the training set at `path`; why nothing does; None where there is none.

    `known` and `facts` (what the numbers are made of and the code that computes) are those of the new set.
    """
    beside = _beside(path)
    if not path.is_file() or not beside.is_file():
        return None
    try:
        numbers = pq.read_table(beside)
        told = json.loads((numbers.schema.metadata or {})[KEY])
        file = pq.ParquetFile(path)
        old = Catalog.from_dict(json.loads((file.schema_arrow.metadata or {})[KEY])["catalog"])
    except (pa.ArrowInvalid, OSError, KeyError, ValueError, TypeError):
        return "the last training set cannot be read"
    except BundleError as error:
        return f"features mean something else now ({error.what})"
    if told["facts"] != json.loads(json.dumps(facts)):
        return "the code or the columns of the tables are others now"
    checksum = _checksum(path)
    if told["checksum"] != checksum or numbers.num_rows != file.metadata.num_rows:
        return "the last training set is not the one that was written"
    line = _lines(file, rows)
    before = numbers.column(_KNOWN).to_numpy()
    line[line >= 0] = np.where(before[line[line >= 0]] == known[line >= 0], line[line >= 0], -1)
    if (line >= 0).mean() < LEAST_ROWS:
        return f"{(line < 0).mean():.0%} of the rows are new or know other events"
    latest = int(rows.as_of[line >= 0].max())
    changed = tuple(item.name for item in catalog.features if not _same(item, old, catalog, latest))
    if len(changed) > MOST_FEATURES * len(catalog.features):
        return f"{len(changed)} of {len(catalog.features)} features read something that is other now"
    return Earlier(path, file, line, catalog, changed, checksum)


def remember(path: Path, known: Hashes, facts: Mapping[str, Any]) -> None:
    """Keep beside a training set what its rows knew."""
    beside = _beside(path)
    beside.parent.mkdir(exist_ok=True)
    content = {"facts": facts, "checksum": _checksum(path)}
    table = pa.table({_KNOWN: known}).replace_schema_metadata({KEY: json.dumps(content).encode()})
    draft = beside.with_name(f"{beside.name}.draft")
    try:
        pq.write_table(table, draft, compression="none", use_dictionary=False)
        draft.replace(beside)
    finally:
        draft.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.parent / FOLDER / path.name


def _checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while data := file.read(_AT_ONCE):
            crc = zlib.crc32(data, crc)
    return crc


def _lines(file: pq.ParquetFile, rows: Rows) -> Ints:
    """Line of each row in a file of the same order, -1 where it is not there."""
    keys = file.read(columns=[schema.CUSTOMER_ID, schema.AS_OF])
    as_of = pc.fill_null(keys.column(schema.AS_OF).cast(pa.int64()), NO_AS_OF).to_numpy()
    old = Rows(keys.column(schema.CUSTOMER_ID), as_of)
    place = pc.fill_null(pc.index_in(old.names, value_set=rows.names).cast(pa.int64()), -1).to_numpy()[old.number]
    dates = np.unique(rows.as_of)
    date = np.searchsorted(dates, as_of)
    there = np.flatnonzero((place >= 0) & (date < len(dates)) & (dates[np.minimum(date, len(dates) - 1)] == as_of))
    size = len(rows.names)
    theirs = date[there] * size + place[there]
    mine = np.searchsorted(dates, rows.as_of) * size + rows.number
    found = np.minimum(np.searchsorted(theirs, mine), max(0, len(theirs) - 1))
    line = np.full(len(rows), -1, dtype=np.int64)
    if len(theirs):
        same = theirs[found] == mine
        line[same] = there[found[same]]
    return line


def _same(feature: Feature, old: Catalog, new: Catalog, latest: int) -> bool:
    """Whether a feature gives the same of the same events."""
    if feature.name not in old.names or old.signature(feature.name) != new.signature(feature.name):
        return False
    if feature.aggregate.startswith("company_") and _days(feature, old, latest) != _days(feature, new, latest):
        return False
    return _order_free(feature, new) or _ties(feature.source, old.vocabulary) == _ties(feature.source, new.vocabulary)


def _days(feature: Feature, catalog: Catalog, latest: int) -> Calendar:
    """What a feature looks up in the days that were over at a moment."""
    calendar = catalog.calendar
    over = int(np.searchsorted(calendar.until, latest, side="right"))
    above, below = look_ups([feature])[0, :2].tolist()
    amounts = np.zeros_like(calendar.amounts[:over])
    read = [place for place in (above, below) if place >= 0]
    amounts[:, read] = calendar.amounts[:over, read]
    return Calendar(calendar.until[:over], amounts)


def _order_free(feature: Feature, catalog: Catalog) -> bool:
    plain = feature.kind == ANY or (feature.source, feature.kind) in catalog.layout.kinds
    made = feature.measure in MADE.get(feature.source, ())
    return plain and not made and feature.aggregate in _ORDER_FREE


def _ties(source: str, vocabulary: Vocabulary) -> list[Any]:
    """What breaks the ties of a source: the order of its kinds, of its columns, and of the texts in them."""
    mine = {
        schema.TOUCHPOINTS: [vocabulary.touchpoints, list(vocabulary.measures), vocabulary.places],
        schema.SURVEYS: [vocabulary.metrics],
        schema.CUSTOMERS: [list(vocabulary.attributes)],
    }
    texts = {name: values for name, values in vocabulary.categories.items() if name.startswith(f"{source}.")}
    return [vocabulary.tables, vocabulary.columns.get(source), mine.get(source), texts]
