"""Other questions among the relationship's answers, where scale or times of the whole survey do not give them away.

Canonical tables -> findings, as `moments check` tells them. `features.check_answers` looks at all answers at once: a scale that is
another question's, and answers that follow one kind of encounter. Here are the cases that it cannot see: several answers of one
form that all bear the metric nps, a scale that was another one for some quarters only, and answers about an encounter whose scale is
not that of NPS. Answers count if they have a score; groups of fewer than 50 say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from features import schema
from features.findings import Finding
from features.quoting import one
from features.tables import Tables

_FEWEST: Final = 50
_ONE_FORM: Final = 0.2  # of the answers that have another one of the same customer and moment
_SCALES: Final = ((5, "csat"), (7, "ces"))
_TOP: Final = 9  # a scale on which such scores occur goes to ten
_NPS: Final = "lower(metric) = 'nps' AND score IS NOT NULL"
_ABOUT: Final = "nullif(trim(touchpoint), '')"


def mixing(tables: Tables) -> Iterator[Finding]:
    """All findings of this module; none without surveys."""
    if not tables.rows.get(schema.SURVEYS):
        return
    for look in (one_form, scale_for_a_while, scale_of_encounters):
        yield from look(tables)


def one_form(tables: Tables) -> Iterator[Finding]:
    """Several relationship answers of one customer at one moment: items of a form, or other metrics renamed."""
    answers, together, forms = one(
        tables.con,
        f"""SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (n > 1), 0), count(*) FILTER (n > 1) FROM (
              SELECT count(*) AS n FROM {schema.SURVEYS} WHERE {_NPS} AND {_ABOUT} IS NULL
              GROUP BY customer_id, answered_at)""",
    )
    if together >= _FEWEST and together > _ONE_FORM * answers:
        yield Finding(
            "warning",
            "several_answers_at_once",
            schema.SURVEYS,
            schema.METRIC,
            int(together),
            f"{together} of {answers} relationship answers with metric 'nps' share customer and moment with another "
            f"({forms} forms): they look like several questions of one form, and only the lowest score of each is used",
            "name the other questions by their own metric (csat, ces, ...), or leave out rows that an export repeats, with 'sql'",
        )


def scale_for_a_while(tables: Tables) -> Iterator[Finding]:
    """Quarters in which no relationship answer exceeds five or seven, where others go up to ten."""
    found = tables.con.execute(
        f"""SELECT strftime(date_trunc('quarter', make_timestamp(answered_at)), '%Y-%m') AS quarter, count(*), max(score)
            FROM {schema.SURVEYS} WHERE {_NPS} AND {_ABOUT} IS NULL GROUP BY quarter HAVING count(*) >= {_FEWEST} ORDER BY quarter"""
    ).fetchall()
    if not any(highest >= _TOP for _, _, highest in found):
        return  # that is a matter of the whole survey
    for top, metric in _SCALES:
        least = max((lower for lower, _ in _SCALES if lower < top), default=0)
        quarters = [(str(quarter), int(rows)) for quarter, rows, highest in found if least < highest <= top]
        if quarters:
            rows = sum(count for _, count in quarters)
            yield Finding(
                "warning",
                "scale_for_a_while",
                schema.SURVEYS,
                schema.SCORE,
                rows,
                f"none of the {rows} relationship answers in {len(quarters)} of {len(found)} quarters (the first begins "
                f"{quarters[0][0]}) is above {top}, others go higher: they look like {metric}, and would make detractors of nearly all",
                f"write '{metric}' in the column metric of those rows, with 'sql', if that is what was asked",
            )


def scale_of_encounters(tables: Tables) -> Iterator[Finding]:
    """NPS answers about one touchpoint none of which exceeds five or seven."""
    found = tables.con.execute(
        f"""SELECT {_ABOUT} AS about, count(*), max(score) FROM {schema.SURVEYS} WHERE {_NPS} AND {_ABOUT} IS NOT NULL
            GROUP BY about HAVING count(*) >= {_FEWEST} ORDER BY about"""
    ).fetchall()
    for about, rows, highest in found:
        metric = next((metric for top, metric in _SCALES if highest <= top), None)
        if metric is not None:
            yield Finding(
                "warning",
                "scale_of_encounters",
                schema.SURVEYS,
                schema.SCORE,
                int(rows),
                f"none of the {rows} answers about '{about}' with metric 'nps' is above {highest:g}: that looks like {metric}",
                f"write '{metric}' in the column metric of those rows if that is what was asked",
            )
