"""What `moments check` says of answers: none that fits a target, a scale that is another question's, one encounter's answers among them.

What a customer says of a call is not what they think of the company. Answers about one encounter are kept apart by their `touchpoint`; where
it is missing, times give them away: they come within hours after encounters of one kind, as no answer to a question about the whole
relationship does. What is usual is the same count for the same customers a month and two months earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from configs.settings import Survey
from features import schema
from features.findings import Finding
from features.quoting import one
from features.tables import Tables

_FEWEST: Final = 50  # answers below which nothing is said of their times or scale
_WITHIN: Final = 2 * schema.MICROSECONDS_PER_DAY
_EARLIER: Final = (30 * schema.MICROSECONDS_PER_DAY, 60 * schema.MICROSECONDS_PER_DAY)
_MOST: Final = 0.6  # of the answers, soon after encounters of one kind
_TIMES_USUAL: Final = 3.0
_MOST_KINDS: Final = 2  # of touchpoints after which answers come: a call and what belongs to it
_SCALES: Final = ((5, "csat"), (7, "ces"))
_RELATIONSHIP: Final = "lower(metric) = 'nps' AND nullif(trim(touchpoint), '') IS NULL AND score IS NOT NULL"


def fitting(tables: Tables, name: str, target: Survey) -> Iterator[Finding]:
    """A survey target that no answer fits."""
    fits = "lower(metric) = ? AND nullif(trim(touchpoint), '') IS NOT DISTINCT FROM ?"
    asked = [target.metric, target.touchpoint]
    if one(tables.con, f"SELECT count(score) FROM surveys WHERE {fits}", asked)[0]:
        return
    found = tables.con.execute(
        "SELECT DISTINCT metric || coalesce(' about ' || nullif(trim(touchpoint), ''), '') FROM surveys ORDER BY 1 LIMIT 10"
    ).fetchall()
    available = ", ".join(str(row[0]) for row in found)
    if target.relationship:
        yield Finding(
            "error",
            "no_relationship_answers",
            schema.SURVEYS,
            schema.METRIC,
            0,
            f"no answer to a relationship survey with metric 'nps'; answers: {available}",
            "write 'nps' in the column metric, and leave touchpoint empty where the whole relationship was asked for",
        )
        return
    about = f" about '{target.touchpoint}'" if target.touchpoint else ""
    yield Finding(
        "error",
        "no_answers",
        schema.SURVEYS,
        schema.METRIC,
        0,
        f"the target '{name}' finds no answer with metric '{target.metric}'{about}; answers: {available}",
        f"correct metric and touchpoint of targets.{name}",
    )


def mixed(tables: Tables) -> Iterator[Finding]:
    """Answers that look as if they were about something else than the relationship, though nothing marks them."""
    if not tables.rows.get(schema.SURVEYS):
        return
    count, highest, about = one(
        tables.con,
        f"""SELECT count(*) FILTER ({_RELATIONSHIP}), max(score) FILTER ({_RELATIONSHIP}),
              count(*) FILTER (lower(metric) = 'nps' AND nullif(trim(touchpoint), '') IS NOT NULL) FROM {schema.SURVEYS}""",
    )
    if about and count:
        yield Finding(
            "note",
            "answers_about_encounters",
            schema.SURVEYS,
            schema.TOUCHPOINT,
            int(about),
            f"{about} answers with metric 'nps' are about one encounter: they are kept apart from the relationship's {count}",
            "give them a target of their own (kind: survey, touchpoint: ...) to see what moves them",
        )
    if count < _FEWEST:
        return
    scale = next((metric for top, metric in _SCALES if highest <= top), None)
    if scale is not None:
        yield Finding(
            "warning",
            "score_scale",
            schema.SURVEYS,
            schema.SCORE,
            int(count),
            f"no answer with metric 'nps' is above {highest:g}: that looks like {scale}, and would make detractors of nearly all",
            f"write '{scale}' in the column metric if that is what was asked",
        )
    if tables.rows.get(schema.TOUCHPOINTS):
        yield from _soon_after(tables, int(count))


def _soon_after(tables: Tables, count: int) -> Iterator[Finding]:
    shifts = (0, *_EARLIER)
    near = {
        shift: dict(
            tables.con.execute(
                f"""WITH a AS (SELECT row_number() OVER () AS number, customer_id, answered_at - {shift} AS at
                      FROM {schema.SURVEYS} WHERE {_RELATIONSHIP})
                    SELECT t.touchpoint, count(DISTINCT a.number) FROM a JOIN {schema.TOUCHPOINTS} AS t
                      ON t.customer_id = a.customer_id AND t.occurred_at <= a.at AND t.occurred_at > a.at - {_WITHIN}
                    GROUP BY t.touchpoint"""
            ).fetchall()
        )
        for shift in shifts
    }
    stands_out = []
    for touchpoint, soon in sorted(near[0].items()):
        share = soon / count
        usual = sum(near[shift].get(touchpoint, 0) for shift in _EARLIER) / (len(_EARLIER) * count)
        if share > _MOST and share >= _TIMES_USUAL * usual:
            stands_out.append((touchpoint, soon, share, usual))
    # One questionnaire about a whole visit follows many encounters at once: that is a relationship with a visit, not with one of them.
    if len(stands_out) > _MOST_KINDS:
        return
    for touchpoint, soon, share, usual in stands_out:
        yield Finding(
            "warning",
            "transactional_answers",
            schema.SURVEYS,
            schema.TOUCHPOINT,
            soon,
            f"{share:.0%} of the relationship's answers come within two days after '{touchpoint}' ({usual:.0%} is usual): they look "
            "like answers about that encounter, and averaging them into the relationship's score would be wrong",
            f"set touchpoint to '{touchpoint}' for these answers (with 'sql'), and ask for the relationship apart",
        )
