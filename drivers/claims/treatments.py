"""How much of a touchpoint each row's customer got: encounters in the window, those beyond a level, and those that came after as_of.

Tables -> (rows,) counts, known before as_of as features are; what came after as_of is for a placebo alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Ints
from drivers.row_table import joined, row_table
from features import schema
from features.layout import MEASURE_PREFIX
from features.quoting import column
from features.schema import MICROSECONDS_PER_DAY
from features.tables import Tables

_ROWS: Final = "treated_rows"


class Treatments:
    """Counts encounters around rows.

    Parameters
    ----------
    tables
        Where encounters lie.
    customer_id, as_of
        (rows,) the rows.
    window_days
        How far back an encounter counts.
    """

    def __init__(self, tables: Tables, customer_id: npt.NDArray[np.object_], as_of: Ints, window_days: int) -> None:
        self._tables = tables
        self._as_of = as_of
        self._window = window_days * MICROSECONDS_PER_DAY
        self._rows = row_table(customer_id, as_of)

    def encounters(self, touchpoint: str) -> Floats:
        """(rows,) encounters in the window."""
        return self._before(touchpoint, "TRUE", ())

    def beyond(self, touchpoint: str, measure: str, level: float, *, higher_is_better: bool) -> Floats:
        """(rows,) encounters in the window that went worse than a level of a measure."""
        value = f"t.{column(MEASURE_PREFIX + measure)}"
        return self._before(touchpoint, f"{value} {'<' if higher_is_better else '>'} ?", (level,))

    def after(self, touchpoint: str, days: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(rows,) encounters within so many days after as_of, and the rows for which these days are over."""
        span = days * MICROSECONDS_PER_DAY
        found = self._count(touchpoint, f"t.occurred_at > r.as_of AND t.occurred_at <= r.as_of + {span}", ())
        return found, self._as_of + span <= self._tables.data_end

    def _before(self, touchpoint: str, condition: str, values: tuple[float, ...]) -> Floats:
        return self._count(
            touchpoint,
            f"""t.occurred_at < r.as_of AND t.occurred_at >= r.as_of - {self._window}
                AND (t.recorded_at IS NULL OR t.recorded_at < r.as_of) AND {condition}""",
            values,
        )

    def _count(self, touchpoint: str, condition: str, values: tuple[float, ...]) -> Floats:
        with joined(self._tables, _ROWS, self._rows):
            found = self._tables.con.sql(
                f"""SELECT r.row, count(*) AS met FROM {_ROWS} AS r JOIN {schema.TOUCHPOINTS} AS t
                      ON t.customer_id = r.customer_id AND t.touchpoint = ? AND {condition} GROUP BY r.row""",
                params=[touchpoint, *values],
            ).to_arrow_table()
        counts = np.zeros(len(self._rows))
        counts[found.column("row").to_numpy()] = found.column("met").to_numpy()
        return counts
