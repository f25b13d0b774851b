"""Rows with labels, and how many rows were dropped for which reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from features.rows import Rows


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """What a target gives: rows sorted by as_of and customer_id, every label known, and the dropped rows by reason."""

    rows: Rows
    dropped: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table, dropped: dict[str, int]) -> LabelledRows:
        """From a result with the columns customer_id, as_of (microseconds) and label, already sorted."""
        return cls(
            Rows(
                customer_id=table.column("customer_id"),
                as_of=table.column("as_of").to_numpy().astype(np.int64),
                label=table.column("label").to_numpy().astype(np.float64),
            ),
            {reason: int(count) for reason, count in dropped.items()},
        )
