"""The steps from tables to scores, each of them run again only when what it reads has changed.

``check -> features -> train -> drivers -> score -> report``; the report comes last because it shows them all. A step is a row of `STEPS`: the settings, packages, tables and earlier
steps it reads, and the function that does it. What was done is kept in `run.json` (see `moments.manifest`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from configs.errors import DataError, ManyFaultsError
from moments import manifest, memory, steps
from moments.lock import alone
from moments.progress import Report

if TYPE_CHECKING:
    from configs.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Parameters
    ----------
    name, does
        Its verb and what it does.
    settings
        Top-level keys of the configuration that can change its result.
    packages
        Packages whose source can.
    tables
        Whether it reads the company's tables.
    after
        The earlier steps whose files it reads.
    work
        Does it: gets a `steps.Job` and the function that shows progress, gives back what it wrote.
    """

    name: str
    does: str
    settings: tuple[str, ...]
    packages: tuple[str, ...]
    tables: bool
    after: tuple[str, ...]
    work: Callable[[steps.Job, Report], steps.Done]


_LEARN: Final = ("configs", "features", "training")

STEPS: Final[dict[str, Step]] = {
    step.name: step
    for step in (
        Step("check", "reading the tables", ("data", "targets", "snapshots"), _LEARN, True, (), steps.check),
        Step(
            "features",
            "building the training sets",
            ("data", "targets", "snapshots", "windows_days", "seed"),
            _LEARN,
            True,
            (),
            steps.features,
        ),
        Step(
            "train",
            "training and evaluating the models",
            ("name", "targets", "validation", "learner", "campaign", "scores", "seed", "mlflow"),
            _LEARN,
            False,
            ("features",),
            steps.train,
        ),
        Step(
            "drivers",
            "analysing the drivers",
            ("data", "journey", "targets", "snapshots", "windows_days", "learner", "drivers", "seed"),
            (*_LEARN, "drivers"),
            True,
            ("features",),
            steps.drivers,
        ),
        Step(
            "score",
            "scoring every customer",
            ("data", "journey", "targets", "scores", "seed"),
            (*_LEARN, "serving"),
            True,
            ("train",),
            steps.score,
        ),
        Step(
            "report",
            "writing the report",
            ("name", "data", "journey", "targets", "languages", "drivers"),
            (*_LEARN, "drivers"),
            False,
            ("check", "train", "drivers", "score"),
            steps.report,
        ),
    )
}

NEUTRAL: Final = ("output", "source", "partitions", "serving", "spark")
"""Settings that no step's result depends on: where it is written, how much memory it takes, where it runs, how it is served."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step. `stale` names the earlier steps whose files it read although they are out of date."""

    step: str
    skipped: bool
    seconds: float
    peak_memory_mb: float
    rows: dict[str, int]
    files: list[str]
    notes: list[str]
    stale: list[str]

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def run(
    settings: Settings,
    names: Iterable[str] = tuple(STEPS),
    *,
    now: datetime,
    begin: Callable[[str], AbstractContextManager[Report]],
    options: dict[str, Any] | None = None,
    force: bool = False,
    again: bool = False,
    told: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Run steps in order.

    Parameters
    ----------
    settings
        The configuration.
    names
        Steps, in the order of `STEPS`.
    now
        The present, for what happens "in the future" and for the names of models.
    begin
        Opens the progress of a step by its name: a context manager that gives a `Report`.
    options
        A step's own options, by their names.
    force
        Go on when the check finds errors.
    again
        Run a step even if nothing has changed.
    told
        Is called with each outcome as it comes.

    Raises
    ------
    DataError
        When the check finds errors and a step should follow.
    """
    wanted = list(names)
    options = options or {}
    settings.output.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    with alone(settings.output), steps.Inputs(settings) as inputs:
        book = manifest.Manifest(settings.output)
        if "check" not in wanted:
            ManyFaultsError.raise_any(inputs.readable.errors)
        facts = _describe(settings, inputs)
        book.describe(**facts)
        for name in wanted:
            step = STEPS[name]
            digest = step_digest(step, settings, facts, book)
            if not again and book.is_done(name, digest, options):
                outcome = _outcome(book.record(name), name, skipped=True)
            else:
                if not step.tables:
                    inputs.close()  # training needs the memory and not the tables
                old = [item for item in step.after if item not in wanted and _is_stale(item, settings, facts, book)]
                job = steps.Job(settings=settings, inputs=inputs, now=now, options=options)
                book.write(name, _work(step, job, digest, begin))
                outcome = _outcome(book.record(name), name, skipped=False, stale=old)
            outcomes.append(outcome)
            told(outcome)
            if name == "check" and name != wanted[-1] and not force:
                _stop_at_errors(settings.output)
    return outcomes


def step_digest(step: Step, settings: Settings, facts: dict[str, Any], book: manifest.Manifest) -> str:
    """Sha256 of everything a step reads; two equal ones give the same files."""
    content = settings.model_dump(mode="json")
    return manifest.digest_of(
        {
            "step": step.name,
            "settings": {key: content[key] for key in step.settings},
            "inputs": [facts["inputs"], facts["read"]] if step.tables else [],
            "versions": facts["versions"],
            "code": manifest.code_digest(step.packages),
            "files": {earlier: book.outputs_of(earlier) for earlier in step.after},
        }
    )


def _describe(settings: Settings, inputs: steps.Inputs) -> dict[str, Any]:
    """What a run is: the part of `run.json` that is not about one step."""
    return {
        "name": settings.name,
        "config": str(settings.source),
        "config_digest": settings.digest,
        "seed": settings.seed,
        "inputs": inputs.readable.digests(),
        "rows": dict(inputs.readable.rows),
        "read": manifest.digest_of(
            [item.to_dict() for item in inputs.readable.findings] + [str(error) for error in inputs.readable.errors]
        ),
        "versions": manifest.versions(),
        "python": manifest.python_version(),
        "commit": manifest.commit(),
    }


def _work(
    step: Step, job: steps.Job, digest: str, begin: Callable[[str], AbstractContextManager[Report]]
) -> manifest.Record:
    memory.reset_peak()
    began = time.perf_counter()
    with begin(step.name) as report:
        report(step.does, 0.0)
        done = step.work(job, report)
    output = job.settings.output
    files = sorted(
        {path for item in done.files for path in ([item] if item.is_file() else item.rglob("*")) if path.is_file()}
    )
    return manifest.Record(
        digest=digest,
        options={key: str(value) for key, value in job.options.items() if key != steps.ENGINE},
        finished_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        seconds=round(time.perf_counter() - began, 2),
        peak_memory_mb=memory.peak_mb(),
        rows=done.rows,
        notes=done.notes,
        outputs={path.relative_to(output).as_posix(): manifest.sha256(path) for path in files},
    )


def _outcome(record: manifest.Record | None, name: str, *, skipped: bool, stale: list[str] | None = None) -> Outcome:
    if record is None:  # pragma: no cover - a step that is done or was just written has a record
        raise LookupError(name)
    return Outcome(
        step=name,
        skipped=skipped,
        seconds=record.seconds,
        peak_memory_mb=record.peak_memory_mb,
        rows=record.rows,
        files=list(record.outputs),
        notes=record.notes,
        stale=stale or [],
    )


def _is_stale(name: str, settings: Settings, facts: dict[str, Any], book: manifest.Manifest) -> bool:
    """Whether a step's files were made from other inputs or settings than today's."""
    record = book.record(name)
    return record is not None and record.digest != step_digest(STEPS[name], settings, facts, book)


def findings(output: Path) -> list[dict[str, Any]]:
    """What the last check found."""
    content = json.loads((output / "check.json").read_text(encoding="utf-8"))
    return list(content["findings"])


def _stop_at_errors(output: Path) -> None:
    errors = [item for item in findings(output) if item["level"] == "error"]
    if errors:
        first = errors[0]
        raise DataError(
            f"the check found {len(errors)} error{'s' if len(errors) > 1 else ''}, the first: {first['message']}",
            where=str(output / "check.json"),
            next_move=f"{first['next']}; or go on all the same with --force",
        )
