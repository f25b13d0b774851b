"""What each step of the pipeline calls, and which files it leaves. The rooms below are imported only when a step runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from configs.errors import ManyFaultsError
from moments.manifest import commit, write_json
from moments.progress import Report

if TYPE_CHECKING:
    from types import TracebackType

    from pyspark.sql import SparkSession

    from configs.settings import Settings
    from features.tables import Tables

ENGINE: Final = "engine"
"""The option that says where features are computed; it changes no file, so `run.json` does not hold it against a step."""
GROW: Final = "grow"
"""The option that says how models are grown; it changes them."""


class Inputs:
    """The company's tables, opened when first needed and once for all steps that read them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = ExitStack()
        self._tables: Tables | None = None

    @property
    def readable(self) -> Tables:
        """The open tables, without those that cannot be read."""
        if self._tables is None:
            from features.tables import open_tables

            self._tables = self._open.enter_context(open_tables(self._settings, partial=True))
        return self._tables

    @property
    def tables(self) -> Tables:
        """The open tables; raises what is wrong when one cannot be read."""
        ManyFaultsError.raise_any(self.readable.errors)
        return self.readable

    def close(self) -> None:
        """Give the memory back; the tables open again when they are needed."""
        self._tables = None
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Job:
    """What a step works on."""

    settings: Settings
    inputs: Inputs
    now: datetime
    options: dict[str, Any]

    @property
    def output(self) -> Path:
        """Where it writes."""
        return self.settings.output


@dataclass(frozen=True, slots=True)
class Done:
    """What a step wrote: files or folders under the output, how many rows of what, and what else is worth a line."""

    files: list[Path]
    rows: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def check(job: Job, progress: Report) -> Done:
    """Everything wrong or suspicious in the tables -> `check.json`."""
    from features.check import check_tables
    from training.leakage import check_labels_of

    tables = job.inputs.readable
    findings = check_tables(tables, int(job.now.timestamp() * 1_000_000))
    if not tables.failures:
        progress("looking for columns that give the label away", 0.7)
        findings += check_labels_of(tables, job.settings)
    path = job.output / "check.json"
    write_json(path, {"findings": [item.to_dict() for item in findings]})
    return Done([path], dict(tables.rows))


def features(job: Job, progress: Report) -> Done:
    """The training sets -> `training/<target>.parquet`."""
    import pyarrow.parquet as pq

    from features.build import build_several
    from training import dataset
    from training.assemble import Engine

    names = list(job.settings.targets)
    done = Done([])
    with _spark(job, done) as spark:
        engine: Engine = build_several
        if spark is not None:
            from features.spark.host import spark_several

            engine = partial(spark_several, spark)
        for position, name in enumerate(names):

            def told(line: str, name: str = name) -> None:
                done.notes.append(f"{name}: {line}")

            path = dataset.make(
                job.inputs.tables,
                job.settings,
                name,
                _part(progress, position, len(names), name),
                engine=engine,
                told=told,
            )
            done.files.append(path)
            done.rows[name] = int(pq.read_metadata(path).num_rows)
    return done


def train(job: Job, progress: Report) -> Done:
    """The models -> `metrics.json`, `models/<target>/`, and `uplift/<target>.parquet` where there was a pilot; the trainings of the targets stand below one run of MLflow."""
    from moments.summary import shown
    from training.card import PAGE
    from training.left_out import summary
    from training.train import close_parent, parent_run
    from training.train import train as train_target

    settings = job.settings
    names = [job.options["target"]] if job.options.get("target") else list(settings.trained)
    path = job.output / "metrics.json"
    metrics = _json(path)
    done = Done([path])
    parent = parent_run(settings, now=job.now)
    failed = True
    try:
        for position, name in enumerate(names):
            told = _part(progress, position, len(names), name)
            result = train_target(
                settings,
                name,
                now=job.now,
                commit=commit(),
                parent=parent,
                engine=job.options.get(GROW, "local"),
                progress=told,
            )
            metrics[name] = result.metrics
            write_json(path, {target: metrics[target] for target in settings.targets if target in metrics})
            done.files.append(result.folder)
            done.rows[name] = int(result.metrics.get("n_train", 0))
            if result.dropped:
                done.notes.append(f"{name}: left out {summary(result.dropped)}")
            done.notes.append(f"{name}: {result.verdict.outcome}, {result.verdict.reason}; version {result.version}")
            if result.uplift is not None:
                done.files.append(result.uplift)
                done.notes.append(f"{name}: whom of the pilot it pays to reach {shown(result.uplift)}")
            if (result.folder / PAGE).is_file():
                done.notes.append(f"{name}: model card {shown(result.folder / PAGE)}")
        failed = False
    finally:
        close_parent(settings, parent, now=job.now, failed=failed)
    return done


def drivers(job: Job, progress: Report) -> Done:
    """The driver analysis -> `drivers.json`, `drivers.csv`; nothing where no target asks for it."""
    from drivers import analysis

    if not any(target.drivers for target in job.settings.targets.values()):
        return Done([])
    content = analysis.analyse(job.settings, progress=progress)
    files = analysis.write(content, job.output)
    return Done(list(files), {name: len(target["drivers"]) for name, target in content["targets"].items()})


def score(job: Job, progress: Report) -> Done:
    """Every customer's scores with reasons -> `scores.parquet`."""
    import pyarrow.parquet as pq

    from serving import batch
    from serving.scorer import Scorer

    scorer = Scorer.open(job.settings)
    done = Done([])
    with _spark(job, done) as spark:
        engine: batch.Engine = batch.local
        if spark is not None:
            from serving.spark import spark_answers

            engine = partial(spark_answers, spark)
        path = batch.write(
            scorer, job.inputs.tables, job.output, as_of=job.options.get("as_of"), progress=progress, engine=engine
        )
    done.files.append(path)
    done.notes.extend(batch.notes(scorer, job.inputs.tables, job.options.get("as_of")))
    done.rows["customers"] = int(pq.read_metadata(path).num_rows)
    return done


def report(job: Job, progress: Report) -> Done:
    """The analysts' report of all that is there -> `report.html`, `report.<language>.html`."""
    from drivers.report.page import write_report

    if not (job.output / "drivers.json").is_file():
        return Done([])
    pages = write_report(job.settings, generated_at=job.now, progress=progress)
    return Done(pages, {"pages": len(pages)})


@contextmanager
def _spark(job: Job, done: Done) -> Iterator[SparkSession | None]:
    """A Spark session where the engine is Spark, with a note of where it ran; None for this machine."""
    if job.options.get(ENGINE) != "spark":
        yield None
        return
    from features.spark.session import session

    with session(job.settings) as spark:
        done.notes.append(f"computed by Spark at {spark.sparkContext.master}")
        yield spark


def _part(progress: Report, position: int, of: int, name: str) -> Report:
    """The progress of one target as a part of the step's."""

    def inner(message: str, fraction: float) -> None:
        progress(f"{name}: {message}", (position + fraction) / of)

    return inner


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
