"""Who could have answered the relationship survey, who did, and what their journeys were like before.

tables -> rows (customer_id, as_of) with answered 0/1 and the score of those who answered. Where the surveys hold questions that were
asked and not answered (no score), rows are the questions, each at the moment it was asked as far as that is known (`questions`).
Otherwise rows are the customers who were active at a grid of dates, and an answer within the days after a date is the response
(`active`): who was asked is then not known, and being asked and answering are one thing.

An answer counts if its metric is nps, it is about no single encounter and its score is whole and within 0 to 10; customers who
are not in the table of customers are left out. Rows whose time to answer is not over by the end of the data are left out too.
The moment of an answer whose question has no row of its own is that of the answer, a little later than the question was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from configs.settings import Cancellation, Settings
from drivers.attribution import Floats, Ints
from drivers.sampling import draw
from features.build import Progress, build
from features.catalog import Catalog
from features.definition import Feature
from features.rows import Rows
from features.schema import MICROSECONDS_PER_DAY, SURVEYS
from features.tables import Tables
from training.targets.grid import active_sql, grid, grid_dates, has_rows, one

Bools = npt.NDArray[np.bool_]
Basis = Literal["questions", "active"]

WITHIN_DAYS: Final = 30
"""Days after a question, or a date of the grid, within which an answer is its answer."""
_FEWEST_SILENT: Final = 0.05  # share of questions without an answer below which blanks are slips, not silence
_CATEGORIES: Final = 12  # of one feature that get a column

_RELATIONSHIP: Final = f"""SELECT customer_id, answered_at AS moment, score FROM {SURVEYS}
    WHERE lower(metric) = 'nps' AND nullif(trim(touchpoint), '') IS NULL
      AND customer_id IN (SELECT customer_id FROM customers)
      AND (score IS NULL OR (score BETWEEN 0 AND 10 AND score = floor(score)))"""


@dataclass(frozen=True)
class Asked:
    """Rows sorted by as_of and customer: who could have answered, and who did.

    Parameters
    ----------
    rows
        (n,) customers and moments.
    answered
        (n,) whether an answer came.
    score
        (n,) its score 0 to 10, NaN where none came.
    asked
        (n,) whether the customer was asked: all true for questions; None where the tables do not tell.
    basis
        ``questions`` or ``active``.
    left_out
        Rows and answers that are not among them, by reason.
    """

    rows: Rows
    answered: Bools
    score: Floats
    asked: Bools | None
    basis: Basis
    left_out: dict[str, int]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.answered)

    @property
    def customer(self) -> Ints:
        """(n,) number of each row's customer: the groups of folds and bootstraps."""
        return self.rows.number

    @property
    def points(self) -> Floats:
        """(n,) -100, 0 or 100 for detractors, passives and promoters; NaN where no answer came."""
        return points(self.score)

    def take(self, chosen: npt.NDArray[np.intp]) -> Asked:
        """Some of the rows."""
        return replace(
            self,
            rows=self.rows.take(chosen),
            answered=self.answered[chosen],
            score=self.score[chosen],
            asked=None if self.asked is None else self.asked[chosen],
        )

    def drawn(self, max_rows: int, seed: int) -> Asked:
        """The rows of customers drawn at random, about `max_rows` of them at most; all where there are fewer."""
        return self.take(draw(self.answered.astype(np.float64), self.customer, "linear", max_rows, seed).rows)


@dataclass(frozen=True)
class Journeys:
    """Features of rows as numbers (n, columns), NaN where missing, and each column's name."""

    matrix: Floats
    names: tuple[str, ...]


def points(score: Floats) -> Floats:
    """Scores (n,) 0 to 10 as -100 (0-6), 0 (7-8), 100 (9-10) (Reichheld, 2003), NaN where there is none."""
    told = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    return np.where(np.isnan(score), np.nan, told)


def who_could_answer(tables: Tables, settings: Settings, *, within_days: int = WITHIN_DAYS) -> Asked | None:
    """Questions where the tables hold those that were not answered, else active customers; None without any answer.

    Raises
    ------
    DataError
        When the rows must be active customers and nothing tells who was active, or the data are too short for a date.
    """
    if not has_rows(tables, SURVEYS):
        return None
    silent, said = one(tables, f"SELECT count(*) FILTER (score IS NULL), count(score) FROM ({_RELATIONSHIP})")
    if not said:
        return None
    if silent >= _FEWEST_SILENT * (silent + said):
        return questions(tables, within_days=within_days)
    found = active(tables, settings, within_days=within_days)
    # Between two waves nobody answers, whoever they are: such dates tell nothing of who does.
    dates = np.unique(found.rows.as_of[found.answered])
    surveyed = np.isin(found.rows.as_of, dates)
    kept = found.take(np.flatnonzero(surveyed))
    return replace(kept, left_out={**found.left_out, "no_survey_then": int((~surveyed).sum())})


def questions(tables: Tables, *, within_days: int = WITHIN_DAYS) -> Asked:
    """One row per question: a blank row, those repeated within the days after the one before, and the answer that ends them."""
    span = within_days * MICROSECONDS_PER_DAY
    latest = tables.data_end - span
    found = tables.arrow(
        f"""WITH told AS ({_RELATIONSHIP}),
              placed AS (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY moment, score NULLS FIRST) AS place
                FROM told WHERE moment BETWEEN {tables.data_start} AND {tables.data_end}),
              opened AS (SELECT *, coalesce(lag(score) OVER w IS NOT NULL OR moment - lag(moment) OVER w > {span}, true) AS opens
                FROM placed WINDOW w AS (PARTITION BY customer_id ORDER BY place)),
              numbered AS (SELECT *, sum(opens::INT) OVER (PARTITION BY customer_id ORDER BY place) AS question FROM opened),
              each AS (SELECT customer_id, min(moment) AS as_of, max(score) AS score FROM numbered
                GROUP BY customer_id, question)
            SELECT customer_id, as_of, min(score) AS score FROM each GROUP BY customer_id, as_of ORDER BY as_of, customer_id"""
    )
    made = _asked(found, "questions", {})
    over = made.rows.as_of <= latest
    return replace(made.take(np.flatnonzero(over)), left_out={"time_not_over": int((~over).sum())})


def active(tables: Tables, settings: Settings, *, within_days: int = WITHIN_DAYS) -> Asked:
    """Customers active at dates `within_days` apart, with what they were asked and answered before the next date.

    Dates without any answer are there too, so that periods can be compared whoever was asked in them.

    Raises
    ------
    DataError
        When nothing tells who was active, or the data are too short for a date.
    """
    apart = settings.snapshots.model_copy(update={"every_days": within_days, "first": "auto", "last": "auto"})
    dates = grid(
        tables,
        settings.model_copy(update={"snapshots": apart}),
        Cancellation(kind="cancellation", horizon_days=within_days),
    )
    with grid_dates(tables, dates):
        found = tables.arrow(
            f"""WITH told AS ({_RELATIONSHIP}),
                  members AS (SELECT * FROM ({active_sql(tables, settings)})
                    WHERE customer_id IN (SELECT customer_id FROM customers)),
                  said AS (SELECT g.as_of, t.customer_id, count(*) AS asked, count(t.score) AS answers,
                      arg_min(t.score, struct_pack(moment := t.moment, score := t.score)) FILTER (t.score IS NOT NULL) AS score
                    FROM grid_dates AS g JOIN told AS t ON t.moment >= g.opens AND t.moment < g.closes
                    WHERE g.known GROUP BY g.as_of, t.customer_id)
                SELECT m.customer_id, m.as_of, s.score, coalesce(s.asked > 0, false) AS asked, coalesce(s.answers, 0) AS answers
                FROM members AS m JOIN grid_dates AS g ON m.as_of = g.as_of AND g.known
                LEFT JOIN said AS s ON s.as_of = m.as_of AND s.customer_id = m.customer_id
                ORDER BY m.as_of, m.customer_id"""
        )
    silent, said = one(tables, f"SELECT count(*) FILTER (score IS NULL), count(score) FROM ({_RELATIONSHIP})")
    outside = int(said) - int(np.sum(found.column("answers").to_numpy()))
    left_out = {"answers_outside": outside, "further_answers": int(said) - outside - _answers(found)}
    made = _asked(found, "active", left_out)
    told = silent >= _FEWEST_SILENT * (silent + said)
    return replace(made, asked=found.column("asked").to_numpy(zero_copy_only=False) if told else None)


def journeys(tables: Tables, rows: Rows, catalog: Catalog, progress: Progress | None = None) -> Journeys:
    """What was known of each row before its moment, by the product's own builder, without what comes of surveys.

    Parameters
    ----------
    tables
        The company's canonical tables.
    rows
        (n,) customers and moments.
    catalog
        That of the NPS training set; its features of surveys are left out, for whoever was asked lately is not asked again.
    progress
        Told a message and the fraction that is done.

    Returns
    -------
    Numbers as they are; a column per frequent category of a text, all 0 where it is missing. Columns without variation are
    left out.
    """
    chosen = catalog.select(feature.name for feature in catalog.features if feature.source != SURVEYS)
    values = build(tables, rows, chosen, progress)
    columns: list[Floats] = []
    names: list[str] = []
    for place, feature in enumerate(chosen.features):
        for name, column in _columns(values[:, place], feature, chosen):
            columns.append(column)
            names.append(name)
    matrix = np.column_stack(columns) if columns else np.zeros((len(rows), 0))
    return Journeys(matrix, tuple(names))


def _asked(found: pa.Table, basis: Basis, left_out: dict[str, int]) -> Asked:
    score = found.column("score").to_numpy().astype(np.float64)
    rows = Rows(found.column("customer_id"), found.column("as_of").to_numpy().astype(np.int64))
    return Asked(rows, ~np.isnan(score), score, np.ones(len(score), dtype=bool), basis, left_out)


def _answers(found: pa.Table) -> int:
    return len(found) - int(found.column("score").null_count)


def _columns(values: Floats, feature: Feature, catalog: Catalog) -> list[tuple[str, Floats]]:
    if not feature.category:
        known = values[~np.isnan(values)]
        varies = len(known) > 0 and (known.min() < known.max() or len(known) < len(values))
        return [(feature.name, values)] if varies else []
    names = catalog.categories[feature.name]
    codes = np.where(np.isnan(values), -1, values).astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    frequent = np.argsort(-counts, kind="stable")[:_CATEGORIES]
    return [
        (f"{feature.name} = {names[code]}", (codes == code).astype(np.float64))
        for code in frequent.tolist()
        if 0 < counts[code] < len(values)
    ]
