"""Generated events for the benchmarks: the same seed and size give the same file, written a million rows at a time.

``events.parquet`` has four columns: customer_id (text), occurred_at (timestamp, UTC), touchpoint (12 kinds, some of them rare),
wait (double, a tenth of it missing). Events fall on three years in no order; some customers have many more than others.
Beside it ``customers.parquet`` (every customer) and ``bench.yaml``, the configuration by which the product reads both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

DAY: Final = 86_400_000_000
START: Final = 1_640_995_200_000_000
"""2022-01-01, in microseconds."""

DAYS: Final = 3 * 365
END: Final = START + DAYS * DAY
CUSTOMERS: Final = 200_000
SEED: Final = 7
KINDS: Final = (
    "app_login", "bill", "billing_error", "chat", "complaint", "delivery", "newsletter", "outage", "retention_call",
    "store_visit", "support_call", "technician_visit",
)  # fmt: skip

_CHUNK: Final = 1_000_000
_SHARES: Final = np.array([0.2, 0.15, 0.02, 0.1, 0.03, 0.1, 0.12, 0.04, 0.01, 0.08, 0.1, 0.05])
_CONFIG: Final = {
    "name": "bench",
    "data": {
        "tables": {
            "customers": {"path": "customers.parquet"},
            "touchpoints": {
                "path": "events.parquet",
                "measures": {"wait": {"column": "wait", "unit": "minutes", "effort": "time"}},
            },
        }
    },
    "windows_days": [30, 90, 365],
    "targets": {"churn": {"kind": "column", "column": "left", "positive": 1, "as_of": "2025-01-01"}},
}


def generate(folder: Path, events: int, customers: int = CUSTOMERS, seed: int = SEED) -> None:
    """Write the events, the customers and the configuration into a folder; one that has them is left as it is."""
    if (folder / "bench.yaml").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    ids = pa.array([f"c{number:08d}" for number in range(customers)])
    kinds = pa.array(KINDS)
    schema = pa.schema(
        {
            "customer_id": pa.string(),
            "occurred_at": pa.timestamp("us", tz="UTC"),
            "touchpoint": pa.string(),
            "wait": pa.float64(),
        }
    )
    with pq.ParquetWriter(folder / "events.parquet", schema) as writer:
        for number, first in enumerate(range(0, events, _CHUNK)):
            rng = np.random.default_rng([seed, number])
            n = min(_CHUNK, events - first)
            who = (customers * rng.random(n) ** 1.3).astype(np.int64)
            # Hundredths, so that sums are the same to nine digits in whatever order they are taken.
            wait = np.round(rng.gamma(2.0, 6.0, n), 2)
            columns = [
                ids.take(pa.array(who)),
                pa.array(START + rng.integers(0, DAYS * DAY, n)).cast(schema.types[1]),
                kinds.take(pa.array(rng.choice(len(KINDS), n, p=_SHARES))),
                pa.array(wait, mask=rng.random(n) < 0.1),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    pq.write_table(pa.table({"customer_id": ids, "left": np.zeros(customers)}), folder / "customers.parquet")
    (folder / "bench.yaml").write_text(yaml.safe_dump(_CONFIG), encoding="utf-8")
