"""Flat companies with a pilot in them, whose effects are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import expit

from configs.settings import Settings
from features.tables import open_tables
from tests.training import made
from training.dataset import Dataset, make, read

TARGETS = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}


def company(
    folder: Path,
    *,
    effect: float = -0.8,
    alike: bool = False,
    by_lot: bool = True,
    n: int = 4000,
    seed: int = 0,
    words: tuple[object, object] = ("yes", "no"),
    column: str = "treatment",
    **keys: Any,
) -> tuple[Settings, Dataset, np.ndarray]:  # type: ignore[type-arg]
    """A training set, its settings, and by how much reaching lowers each customer's chance to leave, (n,).

    x0, x1 and the plan make the risk; reaching works for x2 > 0, or for all alike; without a lot those at risk are reached.
    """
    rng = np.random.default_rng(seed)
    x, plan = rng.normal(size=(n, 6)), rng.integers(0, 3, n)
    base = -0.8 + 0.8 * x[:, 0] + 0.5 * x[:, 1] + 0.4 * (plan == 1)
    reached = rng.random(n) < (0.5 if by_lot else expit(1.5 * x[:, 0]))
    tau = np.full(n, effect) if alike else 2 * effect * (x[:, 2] > 0)
    left = rng.random(n) < expit(base + reached * tau)
    columns: dict[str, Any] = {
        "customer_id": [f"c{number}" for number in range(n)],
        "left": np.where(left, "yes", "no"),
        column: [words[0] if one else words[1] for one in reached],
        "plan": np.array(["a", "b", "c"])[plan],
        **{f"x{place}": x[:, place] for place in range(6)},
    }
    pq.write_table(pa.table(columns), folder / "customers.parquet")
    settings = made.settings(folder, TARGETS, **keys)
    with open_tables(settings) as tables:
        dataset = read(make(tables, settings, "churn"))
    place = {f"c{number}": number for number in range(n)}
    order = np.array([place[name] for name in dataset.customer_id])
    return settings, dataset, (expit(base) - expit(base + tau))[order]
