"""What the audit found, counted: causes, features, examples, models; and the rows of its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from moments.audit.causes import CAUSES, Cause
from moments.audit.lots import Lot
from moments.audit.models import Found
from serving.intake import iso

EXAMPLES: Final = 3
"""Differences of each cause that are shown."""

_MOMENT: Final = pa.timestamp("us", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", _MOMENT),
        ("target", pa.string()),
        ("feature", pa.string()),
        ("served", pa.float64()),
        ("recomputed", pa.float64()),
        ("cause", pa.string()),
        ("scored_at", _MOMENT),
        ("version", pa.string()),
        ("sha256", pa.string()),
        ("origin", pa.string()),
        ("events_more", pa.int64()),
        ("events_less", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of the file; `line` is its vector's in the lot."""

    line: int
    cause: Cause
    feature: str | None = None
    served: float | None = None
    recomputed: float | None = None
    more: int | None = None
    less: int | None = None


@dataclass
class Tally:
    """What is counted on the way."""

    vectors: int = 0
    differing: int = 0
    first: int | None = None
    last: int | None = None
    causes: dict[str, list[int]] = field(default_factory=lambda: {cause: [0, 0] for cause in CAUSES})
    features: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    models: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def meet(self, lot: Lot) -> None:
        """Count the vectors of a lot and name their models."""
        self.vectors += len(lot.table)
        moments = [int(lot.times("scored_at").min()), int(lot.times("scored_at").max())]
        self.first = min(moments if self.first is None else [*moments, self.first])
        self.last = max(moments if self.last is None else [*moments, self.last])
        counts = lot.table.group_by(["target", "version", "sha256"]).aggregate([([], "count_all")]).to_pylist()
        for row in counts:
            self.models[row["target"], row["version"], row["sha256"]] += row["count_all"]

    def add(self, lot: Lot, found: Iterable[Difference]) -> pa.Table | None:
        """Count differences of a lot's vectors; as rows of the file, or None where there is none."""
        items = list(found)
        if not items:
            return None
        vectors = lot.table.take(pa.array([item.line for item in items]))
        columns = {
            "feature": [item.feature for item in items],
            "served": [item.served for item in items],
            "recomputed": [item.recomputed for item in items],
            "cause": [item.cause for item in items],
            "events_more": [item.more for item in items],
            "events_less": [item.less for item in items],
        }
        table = pa.table(
            [
                pa.array(columns[part.name], part.type) if part.name in columns else vectors.column(part.name)
                for part in SCHEMA
            ],
            schema=SCHEMA,
        )
        for cause in {item.cause for item in items}:
            self.causes[cause][0] += len({item.line for item in items if item.cause == cause})
            shown = self.examples.setdefault(cause, [])
            shown += table.filter(pc.equal(table.column("cause"), cause)).slice(0, EXAMPLES - len(shown)).to_pylist()
        for item in items:
            self.causes[item.cause][1] += 1
            if item.feature is not None:
                self.features.setdefault(item.feature, Counter())[item.cause] += 1
        lot.differing.update(item.line for item in items)
        return table

    def facts(self, found: Mapping[str, Found], since: int | None) -> dict[str, Any]:
        """The content of ``audit.json``; `found` says where the models were."""
        features = sorted(self.features.items(), key=lambda item: (-item[1].total(), item[0]))
        return {
            "since": None if since is None else iso(since),
            "first_scored_at": None if self.first is None else iso(self.first),
            "last_scored_at": None if self.last is None else iso(self.last),
            "vectors": self.vectors,
            "equal": self.vectors - self.differing,
            "causes": {
                cause: {"vectors": counts[0], "differences": counts[1], "meaning": CAUSES[cause]}  # type: ignore[index]
                for cause, counts in self.causes.items()
            },
            "features": [
                {"feature": name, "differences": counts.total(), "causes": dict(sorted(counts.items()))}
                for name, counts in features
            ],
            "examples": {cause: [_plain(row) for row in rows] for cause, rows in sorted(self.examples.items())},
            "models": [
                {
                    "target": target,
                    "version": version,
                    "sha256": sha256,
                    "vectors": vectors,
                    "found": found[sha256].place,
                    "note": found[sha256].note,
                }
                for (target, version, sha256), vectors in sorted(self.models.items())
            ],
        }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON: moments as text, NaN as null."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        with suppress(TypeError):
            if value is not None and np.isnan(value):
                found[name] = None
                continue
        found[name] = value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
    return found
