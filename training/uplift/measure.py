"""The uplift of one training set: its part of ``metrics.json``, and the list of the pilot's customers with whom it pays to reach."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.settings import Settings
from features.schema import AS_OF, CUSTOMER_ID
from training.campaign import campaign
from training.dataset import Dataset
from training.uplift.effect import effects
from training.uplift.pilot import Unclear, pilot
from training.uplift.qini import worth

FOLDER: Final = "uplift"


@dataclass(frozen=True)
class Uplift:
    """What a pilot told: facts for ``metrics.json``; a table of its customers, None where chance did not decide who was reached."""

    facts: dict[str, Any]
    customers: pa.Table | None


def write(found: Uplift | None, path: Path) -> Path | None:
    """Write the customers as a parquet file, and give its path; without any take away an older file, which no longer holds."""
    if found is None or found.customers is None:
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    pq.write_table(found.customers, beside, compression="zstd")
    beside.replace(path)
    return path


def measure(dataset: Dataset, settings: Settings) -> Uplift | None:
    """Look for a pilot in a training set of churn, and learn from it whom a campaign holds; None where there is none.

    The table has, per customer of the pilot: customer_id, as_of (null in a flat table), reached (0/1), churned (0/1), risk (the
    chance to leave), saved (by how much reaching lowers it, held out) and reach (whether that pays under `campaign`).
    """
    found = pilot(dataset, settings)
    if found is None:
        return None
    facts = found.facts()
    if isinstance(found, Unclear) or not found.by_chance:
        return Uplift(facts, None)
    label = dataset.label[found.rows]
    learnt = effects(found, label, settings.seed)
    told = worth(
        found, learnt, label, campaign(dataset, found.rows, settings), settings.validation.bootstraps, settings.seed
    )
    moments = pa.array(dataset.as_of[found.rows]).cast(pa.timestamp("us", tz="UTC"))
    columns: dict[str, Any] = {
        CUSTOMER_ID: pa.array(dataset.customer_id[found.rows], pa.string()),
        AS_OF: pa.nulls(len(label), moments.type) if dataset.flat else moments,
        "reached": found.reached.astype(np.int8),
        "churned": label.astype(np.int8),
        "risk": learnt.risk,
        "saved": learnt.saved,
        "reach": told.reach,
    }
    return Uplift({**facts, **told.facts}, pa.table(columns))
