"""NPS: one row per answer to a relationship survey, its as_of the moment of the answer, its label the score 0 to 10.

An answer about one encounter (its `touchpoint` is set) is not about the relationship and gives no row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from configs.settings import Settings, Survey
from features.schema import SURVEYS
from features.tables import Tables
from training.targets.grid import has_rows, one
from training.targets.labelled import LabelledRows

CLASSES: Final = ("detractor", "passive", "promoter")


def classes(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scores 0-10 as 0 detractor (0-6), 1 passive (7-8), 2 promoter (9-10) (Reichheld, 2003)."""
    return (score >= 7).astype(np.int64) + (score >= 9).astype(np.int64)


def survey(tables: Tables, settings: Settings, target: Survey) -> LabelledRows:
    """Answers with a whole score from 0 to 10; others are dropped and counted, as are further answers of the same moment.

    A question that was asked and not answered (no score) gives no row either: what would have been said is not known.

    Raises
    ------
    DataError
        When there is no survey, or no answer of the metric.
    """
    where = f"{settings.source.name}: data.tables.surveys"
    if not has_rows(tables, SURVEYS):
        raise DataError(
            "NPS needs the table 'surveys'",
            where=where,
            available=", ".join(sorted(tables.present)),
            next_move="add surveys with the columns customer_id, answered_at, metric and score",
        )
    con = tables.con
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE answers AS
            SELECT customer_id, answered_at AS as_of, score AS label,
              touchpoint IS NOT NULL AND trim(touchpoint) <> '' AS about_an_encounter,
              score IS NULL AS not_answered,
              coalesce(score NOT BETWEEN 0 AND 10 OR score <> floor(score), false) AS out_of_range
            FROM {SURVEYS} WHERE lower(metric) = ? AND customer_id IN (SELECT customer_id FROM customers)""",
        [target.metric],
    )
    try:
        every, about, not_answered, out_of_range, usable = one(
            tables,
            """SELECT count(*), count(*) FILTER (about_an_encounter),
                 count(*) FILTER (not_answered AND NOT about_an_encounter),
                 count(*) FILTER (out_of_range AND NOT about_an_encounter),
                 count(*) FILTER (NOT (not_answered OR out_of_range OR about_an_encounter)) FROM answers""",
        )
        # Two answers in one moment cannot both be predicted from what was before; the lower one is kept.
        table = tables.arrow(
            """SELECT customer_id, as_of, min(label) AS label FROM answers
               WHERE NOT (not_answered OR out_of_range OR about_an_encounter) GROUP BY ALL ORDER BY as_of, customer_id"""
        )
    finally:
        con.execute("DROP TABLE answers")
    if not every:
        metrics = con.execute(f"SELECT DISTINCT metric FROM {SURVEYS} ORDER BY 1 LIMIT 10").fetchall()
        raise DataError(
            f"no answer has the metric '{target.metric}'",
            where=where,
            available=", ".join(str(row[0]) for row in metrics),
            next_move="name it 'nps' with 'sql'",
        )
    return LabelledRows.of(
        table,
        {
            "about_an_encounter": about,
            "not_answered": not_answered,
            "score_out_of_range": out_of_range,
            "same_moment": usable - table.num_rows,
        },
    )
