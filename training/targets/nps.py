"""Answers to surveys: one row per answer, its as_of the moment of the answer, its label the score.

NPS is the answer to a relationship survey, 0 to 10. An answer about one encounter (its `touchpoint` is set) is not about the
relationship: it is a rating, as are satisfaction and ease, and belongs to a target of its own.
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
    """Answers with a whole score within the scale; others are dropped and counted, as are further answers of the same moment.

    A question that was asked and not answered (no score) gives no row either: what would have been said is not known.

    Raises
    ------
    DataError
        When there is no survey, or no answer of the metric.
    """
    where = f"{settings.source.name}: data.tables.surveys"
    if not has_rows(tables, SURVEYS):
        raise DataError(
            f"{target.metric.upper()} needs the table 'surveys'",
            where=where,
            available=", ".join(sorted(tables.present)),
            next_move="add surveys with the columns customer_id, answered_at, metric and score",
        )
    con = tables.con
    lowest, highest = target.scale
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE answers AS
            SELECT customer_id, answered_at AS as_of, score AS label, nullif(trim(touchpoint), '') AS about,
              (nullif(trim(touchpoint), '') IS DISTINCT FROM ?) AS about_something_else,
              score IS NULL AS not_answered,
              coalesce(score NOT BETWEEN {lowest} AND {highest} OR score <> floor(score), false) AS out_of_range
            FROM {SURVEYS} WHERE lower(metric) = ? AND customer_id IN (SELECT customer_id FROM customers)""",
        [target.touchpoint, target.metric],
    )
    try:
        every, elsewhere, not_answered, out_of_range, usable = one(
            tables,
            """SELECT count(*), count(*) FILTER (about_something_else),
                 count(*) FILTER (not_answered AND NOT about_something_else),
                 count(*) FILTER (out_of_range AND NOT about_something_else),
                 count(*) FILTER (NOT (not_answered OR out_of_range OR about_something_else)) FROM answers""",
        )
        # Two answers in one moment cannot both be predicted from what was before; the lower one is kept.
        table = tables.arrow(
            """SELECT customer_id, as_of, min(label) AS label FROM answers
               WHERE NOT (not_answered OR out_of_range OR about_something_else) GROUP BY ALL ORDER BY as_of, customer_id"""
        )
        others = [
            row[0]
            for row in con.execute("SELECT DISTINCT about FROM answers ORDER BY 1 NULLS FIRST LIMIT 20").fetchall()
        ]
    finally:
        con.execute("DROP TABLE answers")
    if not every:
        metrics = con.execute(f"SELECT DISTINCT metric FROM {SURVEYS} ORDER BY 1 LIMIT 10").fetchall()
        raise DataError(
            f"no answer has the metric '{target.metric}'",
            where=where,
            available=", ".join(str(row[0]) for row in metrics),
            next_move=f"name it '{target.metric}' with 'sql'",
        )
    if elsewhere == every:
        raise DataError(
            f"no answer with the metric '{target.metric}' is about "
            + (f"'{target.touchpoint}'" if target.touchpoint else "the whole relationship"),
            where=where,
            available=", ".join("the whole relationship" if name is None else str(name) for name in others),
            next_move="name one of these as the target's touchpoint"
            if target.touchpoint or not target.relationship
            else "leave touchpoint empty where the whole relationship was asked for",
        )
    return LabelledRows.of(
        table,
        {
            "about_something_else" if target.touchpoint else "about_an_encounter": elsewhere,
            "not_answered": not_answered,
            "score_out_of_range": out_of_range,
            "same_moment": usable - table.num_rows,
        },
    )
