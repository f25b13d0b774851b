"""Who answers and whether that moves the score, as `drivers.json` tells it: from tables to plain values.

Everybody who could have answered is looked at with the journey up to that moment (`asked`), the answers are weighted to them (`weights`),
and a change of the score from quarter to quarter is taken apart into who was asked, who answered, and how customers fare (`shift`).
Strengths of key drivers are told once more with the weights of the answers that they come from. Association, all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from configs.errors import DataError
from configs.settings import Settings, Survey
from drivers import significance, strength
from drivers.answering.asked import WITHIN_DAYS, Asked, journeys, who_could_answer
from drivers.answering.components import Active
from drivers.answering.shift import FEWEST, Shift, shift
from drivers.answering.weights import Answering, answering
from drivers.attribution import Floats, Ints, Problem
from drivers.foretold import foretold
from drivers.result import Result
from features.schema import MICROSECONDS_PER_DAY
from features.tables import Tables
from training.dataset import Dataset
from training.targets.grid import iso

MAX_ROWS: Final = 30_000  # a model of who answers gains little beyond
_MONTHS: Final = (3, 6, 12)  # of a period: the shortest in which all have enough answers
_MATCHED: Final = 0.8  # of the answers must be found among those who could answer, or strengths are not weighted
_SECOND: Final = 1_000_000  # microseconds
_MOST_PERIODS: Final = 12  # the newest: what a reader still overlooks

Progress = Callable[[str, float], None]


def tell(
    tables: Tables,
    settings: Settings,
    data: Dataset,
    rows: npt.NDArray[np.intp],
    result: Result | None,
    progress: Progress,
) -> dict[str, Any] | None:
    """Facts of one target; None unless it is the relationship's NPS.

    Parameters
    ----------
    tables, settings, data
        The company and the training set of answers.
    rows, result
        Places of the analysed rows in the training set, and the analysis; None where there was too little for one.
    progress
        Told a message and the fraction done.
    """
    target = settings.targets[data.target]
    if data.flat or not isinstance(target, Survey) or not target.relationship:
        return None
    try:
        whole = who_could_answer(tables, settings)
    except DataError as error:  # nothing tells who was active, or the data are short: the drivers stand without it
        return {"reason": error.what}
    if whole is None or not whole.answered.any():
        return {"reason": "nobody answered"}
    found = whole.drawn(MAX_ROWS, settings.seed)
    progress("journeys of those who could answer", 0.1)
    seen = journeys(tables, found.rows, data.catalog)
    threads = settings.learner.threads or 2
    progress("who answers", 0.5)
    told = answering(
        seen.matrix,
        seen.names,
        found.answered,
        found.points,
        found.customer,
        stratum=_periods(found.rows.as_of, 3) if found.basis == "questions" else found.rows.as_of,
        bootstraps=settings.drivers.bootstraps,
        threads=threads,
        seed=settings.seed,
    )
    progress("whether other customers answered", 0.8)
    moved = _shift(found, seen.matrix, settings)
    return {
        "reason": None,
        "basis": found.basis,
        "within_days": WITHIN_DAYS,
        "left_out": found.left_out,
        **told.facts(),
        "strengths": None if result is None else _strengths(result, data, rows, found, told),
        "shift": moved,
    }


def _shift(found: Asked, matrix: Floats, settings: Settings) -> dict[str, Any] | None:
    """Changes of the score taken apart; None where there are not two periods with enough answers."""
    said = found.answered
    predicted = foretold(matrix, found.points, said, found.customer, settings.seed)
    for months in _MONTHS:
        period = _periods(found.rows.as_of, months)
        codes, count = np.unique(period[said], return_counts=True)
        if len(codes) >= 2 and (np.median(count) >= FEWEST or months == _MONTHS[-1]):
            break
    recent = period > period.max() - _MOST_PERIODS
    if (count[codes > period.max() - _MOST_PERIODS] >= FEWEST).sum() < 2:
        return None
    mine = said & recent
    active = Active(
        period[recent],
        predicted[recent],
        found.customer[recent],
        said[recent],
        None if found.asked is None or found.asked.all() else found.asked[recent],
    )
    try:
        told = shift(
            period[mine],
            predicted[mine],
            found.points[mine],
            found.customer[mine],
            active=active,
            bootstraps=settings.drivers.bootstraps,
            seed=settings.seed,
        )
    except ValueError:  # too few answers in all periods but one
        return None
    return _dated(told, months)


def _dated(told: Shift, months: int) -> dict[str, Any]:
    """Facts with the first day of a period in place of its number."""
    facts = told.facts()
    for period in facts["periods"]:
        period["period"] = _first_day(period["period"], months)
    for change in facts["changes"]:
        change["earlier"], change["later"] = (_first_day(change[end], months) for end in ("earlier", "later"))
    return {**facts, "left_out": [_first_day(code, months) for code in told.left_out], "months": months}


def _periods(as_of: Ints, months: int) -> Ints:
    """Number (rows,) of each moment's stretch of so many calendar months since year 0, UTC."""
    month = as_of.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    numbered: Ints = month // months
    return numbered


def _first_day(code: int, months: int) -> str:
    year, month = divmod(code * months, 12)
    start = datetime(year, month + 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return iso(start.days * MICROSECONDS_PER_DAY)


def _strengths(
    result: Result, data: Dataset, rows: npt.NDArray[np.intp], found: Asked, told: Answering
) -> list[dict[str, Any]] | None:
    """Strength of each key driver as it is and with the weights of the answers; None where weights are all 1 or do not match."""
    problem = result.problem
    key = np.flatnonzero(result.key & problem.touchpoint).tolist()
    if not told.foretold or not key:
        return None
    weight, matched, share = _weights_of(data, rows, found, told.weight)
    if share < _MATCHED:
        return None
    fit = significance.regress(result.values, problem.y, problem.customer, problem.kind)
    sizes = [
        strength.effects(problem, result.values, fit, problem.weight * one).strength * strength.per_unit(problem)
        for one in (matched.astype(np.float64), weight)
    ]
    return [
        {"touchpoint": _name(problem, b), "unweighted": float(sizes[0][b]), "weighted": float(sizes[1][b])} for b in key
    ]


def _name(problem: Problem, block: int) -> str:
    return problem.blocks[block].name


def _weights_of(
    data: Dataset, rows: npt.NDArray[np.intp], found: Asked, weight: Floats
) -> tuple[Floats, npt.NDArray[np.bool_], float]:
    """Weight (analysed rows,) of each answer, whether it has one, and which share of the drawn customers' answers has.

    It is that of the latest row at which the same customer could give it.
    """
    answers = np.flatnonzero(found.answered)
    among = pc.index_in(pa.array(data.customer_id[rows], type=pa.string()), value_set=found.rows.names)
    mine = among.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    order = answers[np.lexsort((found.rows.as_of[answers], found.customer[answers]))]
    # One number for customer and second: moments lie within the span of the data, so customers do not overlap.
    asked, answer = found.rows.as_of[order] // _SECOND, data.as_of[rows] // _SECOND
    start = int(min(asked.min(), answer.min()))
    span = int(max(asked.max(), answer.max())) - start + 1
    known, wanted = found.customer[order] * span + asked - start, mine * span + answer - start
    latest = np.searchsorted(known, wanted, side="right") - 1
    safe = np.maximum(latest, 0)
    same = (latest >= 0) & (mine >= 0) & (found.customer[order][safe] == mine)
    matched = same & (answer - asked[safe] <= WITHIN_DAYS * MICROSECONDS_PER_DAY // _SECOND)
    drawn = mine >= 0
    return np.where(matched, weight[order][safe], 0.0), matched, float(matched[drawn].mean()) if drawn.any() else 0.0
