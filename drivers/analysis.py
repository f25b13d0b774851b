"""From training sets to ``drivers.json`` and ``drivers.csv``: each target that asks for drivers, analysed and told.

`analyse` reads ``training/<target>.parquet`` and, for what rows cannot know (when encounters happened, shorter label windows,
single encounters), the tables. `write` puts the content on disk under temporary names first. The same inputs and seed give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from configs.errors import NotReadyError
from configs.settings import Settings
from drivers import content as told_as
from drivers import encounters
from drivers.answering import tell as answering
from drivers.attribution import Problem
from drivers.audit import audit
from drivers.claims import pilot_tell, plan
from drivers.claims import tell as claims
from drivers.claims.levels import check_levels
from drivers.core import analyse_arrays
from drivers.problems import Prepared, prepare
from drivers.questions.ask import ask
from drivers.questions.steps import steps
from drivers.questions.variables import variables
from drivers.result import Result
from drivers.timing import Timing, timings
from features import schema
from features.quoting import one
from features.schema import MICROSECONDS_PER_DAY
from features.tables import Tables, open_tables
from training import dataset as training_dataset
from training.dataset import Dataset

Progress = Callable[[str, float], None]


def analyse(settings: Settings, *, progress: Progress | None = None) -> dict[str, Any]:
    """Analyse every target that asks for drivers; the content of drivers.json.

    Raises
    ------
    NotReadyError
        When a training set is missing, or no target asks for drivers.
    """
    names = [name for name, target in settings.targets.items() if target.drivers]
    if not names:
        raise NotReadyError(
            "no target asks for drivers",
            where=f"{settings.source.name}: targets",
            available=", ".join(settings.targets),
            next_move="set 'drivers: true' on a target",
        )
    tell = progress or (lambda _message, _fraction: None)
    content: dict[str, Any] = {}
    # Two fits side by side beat two threads within one sum, and sums of one thread are always the same.
    with threadpool_limits(limits=1, user_api="blas"), open_tables(settings) as tables:
        late = timings(tables, settings.drivers)
        places = told_as.places(tables, settings)
        pilots = pilot_tell.tell(tables, settings)
        for number, name in enumerate(names):

            def part(message: str, fraction: float, number: int = number, name: str = name) -> None:
                tell(f"{name}: {message}", (number + fraction) / len(names))

            data = training_dataset.read(training_dataset.path_of(settings, name))
            content[name] = _target(tables, settings, data, late, places, part)
            content[name]["pilot_size"] = plan.for_drivers(tables, settings, data, content[name])
            content[name]["pilot"] = pilots.get(name)
    return {"targets": content}


def write(content: dict[str, Any], output: Path) -> tuple[Path, Path]:
    """Write drivers.json and drivers.csv into the output folder; returns both paths."""
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in (
        ("drivers.json", told_as.as_json(content)),
        ("drivers.csv", told_as.as_csv(content)),
    ):
        path = output / name
        draft = path.with_name(f".{name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        written.append(path)
    return written[0], written[1]


@dataclass(frozen=True)
class Table:
    """The driver table of one target and what it was made of; `result` is None where there is too little to analyse."""

    prepared: Prepared
    timing: tuple[Timing, ...] | None
    excluded: frozenset[str]
    reader: encounters.EncounterReader | None
    result: Result | None
    told: dict[str, Any]


def table(
    tables: Tables,
    settings: Settings,
    data: Dataset,
    late: tuple[Timing, ...] | None,
    places: dict[str, told_as.Place],
    progress: Progress | None = None,
) -> Table:
    """The driver table of one training set, without the further questions.

    Parameters
    ----------
    tables, settings, data
        The company and the training set.
    late, places
        Of `drivers.timing.timings` and `drivers.content.places`.
    progress
        Told a message and the fraction done.
    """
    options = settings.drivers
    timing = None if data.flat else late
    excluded = frozenset(late_one.touchpoint for late_one in timing or () if late_one.late)
    prepared = prepare(tables, settings, data, excluded)
    problem = prepared.problem
    head = told_as.head(settings.targets[data.target], data, problem.kind, prepared.outcome, timing)
    if not prepared.enough:
        return Table(prepared, timing, excluded, None, None, told_as.nothing(head, problem, timing, places))
    reader = None
    if not data.flat and tables.rows.get(schema.TOUCHPOINTS):
        rows = prepared.rows
        reader = encounters.EncounterReader(
            tables, data.catalog.vocabulary, data.customer_id[rows], data.as_of[rows], options.window_days
        )
    result = analyse_arrays(
        problem,
        options,
        seed=settings.seed,
        threads=settings.learner.threads or 2,
        find=prepared.find,
        higher_is_better=problem.kind == "linear",
        encounters=reader,
        progress=progress,
    )
    told = told_as.told(head, result, prepared.find, timing, places)
    return Table(prepared, timing, excluded, reader, result, told)


def _target(
    tables: Tables,
    settings: Settings,
    data: Dataset,
    late: tuple[Timing, ...] | None,
    places: dict[str, told_as.Place],
    progress: Progress,
) -> dict[str, Any]:
    options = settings.drivers
    graph = claims.graph_of(settings, data)
    check_levels(settings, data.catalog.vocabulary)
    found = table(tables, settings, data, late, places, lambda message, fraction: progress(message, 0.7 * fraction))
    prepared, reader, result = found.prepared, found.reader, found.result
    if result is None:
        return found.told
    questions = ask(
        result,
        options,
        reader,
        parts=variables(data, prepared.rows, settings),
        as_of=None if data.flat else data.as_of[prepared.rows],
        since=None if reader is None else _windows_whole_since(tables, options.window_days),
        seed=settings.seed,
        threads=settings.learner.threads or 2,
        progress=lambda message, fraction: progress(message, 0.7 + 0.1 * fraction),
    )
    questions["steps"] = _steps(
        prepared.problem,
        settings,
        found.timing,
        places,
        lambda message, fraction: progress(message, 0.8 + 0.1 * fraction),
    )
    questions["adjusted"] = claims.tell(
        tables,
        settings,
        data,
        result,
        prepared.rows,
        graph,
        lambda message, fraction: progress(f"adjusted: {message}", 0.9 + 0.07 * fraction),
    )
    questions["answering"] = answering.tell(
        tables,
        settings,
        data,
        prepared.rows,
        result,
        lambda message, fraction: progress(message, 0.97 + 0.03 * fraction),
    )
    return found.told | questions | {"audit": audit(result, data, found.excluded, options)}


def _windows_whole_since(tables: Tables, window_days: int) -> int:
    """From when on a row's window lies within the time that encounters are known of; contracts may be much older."""
    (first,) = one(tables.con, f"SELECT min(occurred_at) FROM {schema.TOUCHPOINTS}")
    return int(first) + window_days * MICROSECONDS_PER_DAY


def _steps(
    problem: Problem,
    settings: Settings,
    timing: tuple[Timing, ...] | None,
    places: dict[str, told_as.Place],
    progress: Progress,
) -> dict[str, Any] | None:
    """The driver table of each step between NPS categories; None where the outcome has none."""
    found = steps(problem)
    told = {}
    for number, step in enumerate(found):

        def part(message: str, fraction: float, number: int = number, name: str = step.name) -> None:
            progress(f"{name.replace('_', ' ')}: {message}", (number + fraction) / len(found))

        result = analyse_arrays(
            step.problem,
            settings.drivers,
            seed=settings.seed,
            threads=settings.learner.threads or 2,
            progress=part,
        )
        told[step.name] = told_as.told(told_as.head_of_step(step.problem), result, None, timing, places)
    return told or None
