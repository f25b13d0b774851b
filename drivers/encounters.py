"""The encounters behind rows, one by one: measured values with their age, for knees. (rows) -> (row, value, age) per measure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drivers.dose_response import Encounters
from drivers.row_table import joined, row_table
from features import schema
from features.journey import Vocabulary
from features.layout import MEASURE_PREFIX
from features.schema import MICROSECONDS_PER_DAY
from features.sources import column
from features.tables import Tables

_ROWS = "driver_rows"


class EncounterReader:
    """Reads measured encounters before rows from the tables; known before as_of, within the driver model's window.

    Parameters
    ----------
    tables, vocabulary
        Where encounters lie and which measures a touchpoint has.
    customer_id, as_of
        (rows,) the rows.
    window_days
        How far back an encounter is looked for.
    """

    def __init__(
        self,
        tables: Tables,
        vocabulary: Vocabulary,
        customer_id: npt.NDArray[np.object_],
        as_of: npt.NDArray[np.int64],
        window_days: int,
    ) -> None:
        self._tables = tables
        self._vocabulary = vocabulary
        self._window = window_days * MICROSECONDS_PER_DAY
        self._rows = row_table(customer_id, as_of)

    def __call__(self, touchpoint: str) -> list[Encounters]:
        """Encounters of one touchpoint, an entry per measure; empty where nothing is measured."""
        return [self._measure(touchpoint, name) for name in self._vocabulary.measured.get(touchpoint, ())]

    def _measure(self, touchpoint: str, name: str) -> Encounters:
        info = self._vocabulary.measures[name]
        value = column(f"{MEASURE_PREFIX}{name}")
        with joined(self._tables, _ROWS, self._rows):
            found = self._tables.con.sql(
                f"""SELECT r.row, t.{value} AS value, (r.as_of - t.occurred_at) / {float(MICROSECONDS_PER_DAY)} AS age
                    FROM {_ROWS} AS r JOIN {schema.TOUCHPOINTS} AS t
                      ON t.customer_id = r.customer_id AND t.occurred_at < r.as_of
                        AND t.occurred_at >= r.as_of - {self._window}
                        AND (t.recorded_at IS NULL OR t.recorded_at < r.as_of)
                    WHERE t.touchpoint = ? AND t.{value} IS NOT NULL ORDER BY ALL""",
                params=[touchpoint],
            ).to_arrow_table()
        return Encounters(
            measure=name,
            unit=info.unit,
            higher_is_better=info.better == "higher",
            row=found.column("row").to_numpy().astype(np.intp),
            value=found.column("value").to_numpy().astype(np.float64),
            age_days=found.column("age").to_numpy().astype(np.float64),
        )
