"""On a real shop's invoices: batch and online rows of 1,000 customers agree in every bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from configs.settings import load
from features.build import build, learn_catalog
from features.company_learn import with_calendar
from features.journeys import journeys
from features.online import Online
from features.rows import Rows
from features.tables import open_tables

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MOMENTS_DATA", ROOT.parent / "shared" / "data"))
DATES = [1_298_937_600_000_000, 1_306_886_400_000_000, 1_314_835_200_000_000]  # 2011-03-01, 06-01, 09-01


@pytest.mark.skipif(
    not (DATA / "online_retail_II.parquet").is_file(), reason="the data folder is not beside the project"
)
def test_batch_and_online_agree_on_a_real_shop() -> None:
    """1,000 customers at three dates: not one bit differs."""
    with open_tables(load(ROOT / "configs" / "online_retail.yaml")) as tables:
        catalog = learn_catalog(tables, tables.settings, DATES[-1])
        found = tables.con.execute("SELECT customer_id FROM customers ORDER BY 1 LIMIT 1000").fetchall()
        ids = [str(row[0]) for row in found]
        rows = Rows(np.array(ids * len(DATES), dtype=object), np.repeat(np.array(DATES), len(ids)))
        matrix = build(tables, rows, catalog)
        people = list(journeys(tables, ids))
        online = Online(with_calendar(catalog, tables))
    single = np.array([online.row(person, date) for date in DATES for person in people])
    assert matrix.shape == (3000, len(catalog.features))
    assert matrix.tobytes() == single.tobytes()
