"""The adjusted tier of one target: effects of its key drivers with all that is measured held fixed, as `drivers.json` tells them.

Asked are, per key driver, what one encounter more does, and per level what it would bring if no encounter went beyond it. Each effect
passes, in this order: the graph must say what to hold fixed, enough customers must be there, the treatment must have had alternatives, and, for
answers, encounters *after* the answer must not seem to have moved it (a placebo: they cannot have). Then it is told with its interval and with
what a hidden cause as strong as the strongest measured one would make of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import networkx as nx
import numpy as np
import numpy.typing as npt

from configs.settings import Settings, Survey
from drivers import sampling
from drivers.attribution import Block, Floats, Problem
from drivers.claims import adjusted, sensitivity
from drivers.claims.graph import Adjustment, adjustment, drawn
from drivers.claims.levels import Level, levels_of
from drivers.claims.treatments import Treatments
from drivers.result import Result
from features.tables import Tables
from training.dataset import Dataset
from training.learner import quiet

Matrix = npt.NDArray[np.float32]

CLAIM: Final = "adjusted"
MAX_ROWS: Final = 8_000  # of the analysis: intervals narrow with the root of the rows, time grows with them
PLACEBO_DAYS: Final = 90
_PLACEBO_LEVEL: Final = 0.01  # one honest effect in a hundred is thrown away by chance


@dataclass(frozen=True)
class _Asked:
    """One question: a treatment (rows,) and what it is."""

    touchpoint: str
    level: Level | None
    treatment: Floats
    own: Floats | None  # the count of encounters, where only those beyond a level are the treatment


@dataclass(frozen=True)
class _Driver:
    """One key driver: what is held fixed, its questions, and encounters after as_of (rows,) where those days are over (rows,)."""

    name: str
    held: Adjustment
    asked: tuple[_Asked, ...]
    after: Floats
    over: npt.NDArray[np.bool_]


def graph_of(settings: Settings, data: Dataset) -> nx.DiGraph | None:
    """The configuration's graph; None without one.

    Raises
    ------
    ConfigError
        When it names what there is not, or goes round in a circle.
    """
    written = settings.drivers.graph
    if written is None:
        return None
    known = {feature.driver for feature in data.catalog.features if feature.role in {"touchpoint", "control"}}
    return drawn(
        written, known | set(settings.targets) | set(data.catalog.vocabulary.touchpoints), settings.source.name
    )


def tell(
    tables: Tables,
    settings: Settings,
    data: Dataset,
    result: Result,
    rows: npt.NDArray[np.intp],
    graph: nx.DiGraph | None,
    progress: Callable[[str, float], None],
) -> dict[str, Any] | None:
    """Adjusted effects as plain JSON values; None where encounters are not known.

    Parameters
    ----------
    tables, settings, data
        The company and the training set.
    result, rows
        The analysis, and the places of its rows in the training set.
    graph
        Of `graph_of`.
    progress
        Told a message and the fraction done.
    """
    if data.flat:
        return None
    told: dict[str, Any] = {
        "claim": CLAIM,
        "status": "told",
        "graph": None if settings.drivers.graph is None else settings.drivers.graph.model_dump(mode="json"),
        "rows": 0,
        "effects": [],
    }
    keys = np.flatnonzero(result.key & result.problem.touchpoint).tolist()
    if not keys:
        return told | {"status": "no_key_driver"}
    if not adjusted.available():
        return told | {"status": "not_installed"}
    chosen = _chosen(result.problem, settings.seed)
    problem, threads = result.problem, settings.learner.threads or 2
    study = adjusted.Study(
        problem.y[chosen.rows],
        problem.customer[chosen.rows],
        problem.weight[chosen.rows] * chosen.weight,
        problem.kind,
    )
    matrix = problem.X[chosen.rows]
    places = rows[chosen.rows]
    reader = Treatments(tables, data.customer_id[places], data.as_of[places], settings.drivers.window_days)
    told["rows"] = len(chosen.rows)
    done = [0]

    def driver(one: _Driver) -> list[dict[str, Any]]:
        placebo = None
        # Only an answer is over at as_of: what comes after it may well move the money or the leaving that follow.
        if isinstance(settings.targets[data.target], Survey) and one.held.refused is None:
            placebo = _placebo(study, one, matrix, problem, settings.seed)
        found = [_effect(study, asked, matrix, problem, one.held, placebo, settings.seed) for asked in one.asked]
        done[0] += 1
        progress(one.name, done[0] / len(keys))
        return found

    # The tables are asked one after the other; drivers are then fitted side by side, each on one thread.
    read = [_read(key, reader, result, settings, data, graph) for key in keys]
    with ThreadPoolExecutor(threads, initializer=quiet) as pool:
        told["effects"] = [effect for found in pool.map(driver, read) for effect in found]
    return told


def _read(
    key: int, reader: Treatments, result: Result, settings: Settings, data: Dataset, graph: nx.DiGraph | None
) -> _Driver:
    """What is asked of one key driver."""
    name = result.problem.blocks[key].name
    count = reader.encounters(name)
    asked = [_Asked(name, None, count, None)]
    for level in levels_of(key, result, settings, data.catalog.vocabulary):
        beyond = reader.beyond(name, level.measure, level.value, higher_is_better=level.higher_is_better)
        asked.append(_Asked(name, level, beyond, count))
    held = adjustment(graph, name, data.target, [block.name for block in result.problem.blocks])
    return _Driver(name, held, tuple(asked), *reader.after(name, PLACEBO_DAYS))


def _chosen(problem: Problem, seed: int) -> sampling.Sample:
    return sampling.draw(problem.y, problem.customer, problem.kind, MAX_ROWS, seed)


def _effect(
    study: adjusted.Study,
    asked: _Asked,
    matrix: Matrix,
    problem: Problem,
    held: Adjustment,
    placebo: dict[str, Any] | None,
    seed: int,
) -> dict[str, Any]:
    """One effect with every key, null where it has no meaning."""
    told = _blank(asked, held, placebo)
    concerned = asked.treatment > 0
    told["concerned"] = float(np.average(concerned, weights=study.weight))
    if held.refused is not None:
        return told | {"status": "not_identified", "reason": held.refused}
    if not adjusted.enough(study, asked.treatment):
        return told | {"status": "too_few", "reason": None}
    fixed, groups = _fixed(matrix, problem, held, asked.own)
    found = adjusted.effect(study, asked.treatment, fixed, seed=seed)
    told["overlap"] = {"foretold": found.overlap.foretold, "certain": found.overlap.certain}
    if found.overlap.reason is not None:
        return told | {"status": "refused_overlap", "reason": found.overlap.reason}
    told |= {
        "effect": found.times(1.0),
        "without": {
            "all": found.times(-float(np.average(asked.treatment, weights=study.weight))),
            "concerned": found.times(-float(np.average(asked.treatment[concerned], weights=study.weight[concerned]))),
        },
    }
    if placebo is not None and placebo["moved"]:
        return told | {"status": "placebo_failed", "reason": None}
    like = sensitivity.strongest(found.left.importance, groups)
    if like is not None:
        hidden = sensitivity.sensitivity(study, asked.treatment, fixed, found, like, groups[like], seed=seed)
        told["hidden"] = {
            "like": like,
            "outcome": hidden.outcome,
            "treatment": hidden.treatment,
            "low": hidden.low,
            "high": hidden.high,
        }
    return told | {"status": CLAIM if found.excludes_zero() else "not_shown", "reason": None}


def _placebo(
    study: adjusted.Study, driver: _Driver, matrix: Matrix, problem: Problem, seed: int
) -> dict[str, Any] | None:
    """Encounters after the answer, with everything before it held fixed, the touchpoint's own past too; None if they are too few."""
    over = driver.over
    some = adjusted.Study(study.outcome[over], study.customer[over], study.weight[over], study.kind)
    if not over.any() or not adjusted.enough(some, driver.after[over]):
        return None
    own = next(block for block in problem.blocks if block.name == driver.name)
    fixed, _ = _fixed(matrix[over], problem, driver.held, None)
    fixed = np.column_stack([fixed, matrix[over][:, own.columns]])
    found = adjusted.effect(some, driver.after[over], fixed, seed=seed)
    return {**found.times(1.0), "days": PLACEBO_DAYS, "moved": found.excludes_zero(_PLACEBO_LEVEL)}


def _fixed(
    matrix: Matrix, problem: Problem, held: Adjustment, own: Floats | None
) -> tuple[Matrix, dict[str, npt.NDArray[np.intp]]]:
    """Columns that are held fixed, and which of them each group of circumstances has."""
    blocks: list[Block] = [block for block in problem.blocks if block.name in held.names]
    columns = np.concatenate([block.columns for block in blocks]) if blocks else np.zeros(0, dtype=np.int64)
    fixed = matrix[:, columns]
    groups: dict[str, npt.NDArray[np.intp]] = {}
    start = 0
    for block in blocks:
        if block.kind == "control":
            groups[block.name] = np.arange(start, start + len(block.columns))
        start += len(block.columns)
    if own is not None or not len(columns):
        extra = np.zeros(len(matrix)) if own is None else own
        fixed = np.column_stack([fixed, extra.astype(np.float32)])
    return fixed, groups


def _blank(asked: _Asked, held: Adjustment, placebo: dict[str, Any] | None) -> dict[str, Any]:
    level = asked.level
    return {
        "touchpoint": asked.touchpoint,
        "treatment": "encounters" if level is None else "encounters_beyond_level",
        "measure": None if level is None else level.measure,
        "level": None if level is None else level.value,
        "unit": None if level is None else level.unit,
        "level_from": None if level is None else level.source,
        "status": None,
        "reason": None,
        "held_fixed": list(held.names),
        "caused": list(held.caused),
        "concerned": None,
        "effect": None,
        "without": None,
        "overlap": None,
        "placebo": placebo,
        "hidden": None,
    }
