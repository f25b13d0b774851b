"""The experimental tier: what a randomised pilot did to every target that it can be judged by, as `drivers.json` tells it.

With ``drivers.pilot`` the pilot is the query's; without, it is the one that `campaign.treatment` marks in a training set of churn. All
outcomes of one pilot are looked at together (Benjamini and Hochberg).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from configs.models import PilotSource
from configs.settings import Settings
from drivers.answering.asked import journeys
from drivers.attribution import Floats
from drivers.claims.pilot import PilotTable, from_training, measure_all
from drivers.claims.pilot_rows import PilotRows, outcomes, read
from drivers.foretold import foretold
from features.catalog import Catalog
from features.tables import Tables
from training import dataset
from training.uplift.pilot import Pilot, pilot

CLAIM: Final = "experimental"


def tell(tables: Tables, settings: Settings) -> dict[str, dict[str, Any]]:
    """Facts of each target that a pilot can be judged by; empty without a pilot.

    Raises
    ------
    ConfigError, DataError
        When the configured pilot cannot be read.
    """
    source = settings.drivers.pilot
    left_out: dict[str, int] = {}
    looked: dict[str, PilotTable] = {}
    if source is not None:
        found = read(tables, settings, source)
        left_out = found.left_out
        looked = _of_query(tables, settings, source, found)
    else:
        looked = _of_attribute(settings)
    origin = {
        "claim": CLAIM,
        "source": "query" if source is not None else "attribute",
        "touchpoint": None if source is None else source.touchpoint,
        "not_used": left_out,
    }
    return {name: {**effect.facts(), **origin} for name, effect in measure_all(looked).items()}


def _of_query(tables: Tables, settings: Settings, source: PilotSource, found: PilotRows) -> dict[str, PilotTable]:
    looked: dict[str, PilotTable] = {}
    before: Floats | None = None
    for name, target in settings.targets.items():
        told = outcomes(tables, target, found, source.within_days)
        if told is None or not told.over.any():
            continue
        if before is None:
            path = dataset.path_of(settings, name)
            before = (
                journeys(tables, found.rows, _catalog(path)).matrix if path.exists() else np.zeros((len(found.rows), 0))
            )
        known = told.over & ~np.isnan(told.value)
        if not known.any():
            continue
        rows = np.flatnonzero(told.over)
        expected = foretold(before, told.value, known, found.rows.number, settings.seed)
        looked[name] = PilotTable(
            kind=told.kind,
            outcome=told.value[rows],
            reached=found.reached[rows],
            customer=found.rows.number[rows],
            lot=None if found.lot is None else found.lot[rows],
            strata=None if found.strata is None else found.strata[rows],
            prior=expected[rows] if before.shape[1] else None,
            before=before[rows] if before.shape[1] else None,
            planned=source.planned_share,
        )
    return looked


def _catalog(path: Any) -> Catalog:
    return dataset.read(path).catalog


def _of_attribute(settings: Settings) -> dict[str, PilotTable]:
    """A pilot that an attribute of customers marks, in every training set of churn."""
    looked = {}
    for name in settings.targets:
        path = dataset.path_of(settings, name)
        if not path.exists():
            continue
        data = dataset.read(path)
        found = pilot(data, settings)
        if isinstance(found, Pilot):
            looked[name] = from_training(found, "churn", data.label[found.rows])
    return looked
