"""Train one target: guard, split, choose, judge, refit, log, register, promote.

The metrics are of a model that had not seen the judged rows; the bundle is the same choice refitted on every labelled row.
``models/<target>/`` under the output always holds the champion's bundle: the new one if it takes over, otherwise the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from configs.errors import BundleError
from configs.settings import Settings
from training import card, judge, leakage, place
from training.about import About, about
from training.bundle import RELEASE, Bundle
from training.dataset import Dataset, path_of, read
from training.gate import Answers, Verdict
from training.gate import judge as decide
from training.model import as_judged, fit, ship
from training.monitor import baseline
from training.questions import check_labels
from training.record import record, record_card, record_presets, summarise, version_tags
from training.registry import ANSWERS, BUNDLE, JUDGED, SET_ASIDE, Registry, Version
from training.split import Rows, split
from training.uplift import measure as uplift
from training.whole import Engine, check, open_whole

Progress = Callable[[str, float], None]
MODELS: Final = "models"


@dataclass(frozen=True)
class TrainResult:
    """What a training gave.

    Parameters
    ----------
    target
        Name of the target.
    metrics
        Its part of ``metrics.json``; the same for the same training set and settings.
    verdict
        What the gate decided, with its figures.
    bundle
        The bundle that now lies under ``models/<target>/``: the champion's.
    folder
        That folder.
    run_id, version
        MLflow's run, and the version that is champion now.
    dropped
        Features that this training left out, with the reason.
    uplift
        The list of a pilot's customers with whom it pays to reach; None where there is no randomised pilot.
    """

    target: str
    metrics: dict[str, Any]
    verdict: Verdict
    bundle: Bundle
    folder: Path
    run_id: str
    version: str
    dropped: dict[str, str]
    uplift: Path | None = None


def train(
    settings: Settings,
    name: str,
    *,
    now: datetime,
    commit: str | None = None,
    parent: str | None = None,
    engine: Engine = "local",
    progress: Progress | None = None,
) -> TrainResult:
    """Train, judge, log and register one target.

    Parameters
    ----------
    settings
        The configuration; its training set must have been built.
    name
        The target.
    now
        The moment of training (with a zone), for the release note and the run.
    commit
        Git commit of the code, if it is known.
    parent
        Id of an MLflow run to nest this one in, see `parent_run`.
    engine
        ``local`` holds the training set in memory; ``chunked`` and ``dask`` choose and judge on a sample of its customers and grow the
        models on all rows of the file, on this machine or by Dask's workers (`training.whole`).
    progress
        Told a message and the fraction of this training that is done.

    Raises
    ------
    NotReadyError, LeakageError, DataError, ConfigError
        No training set, a column that gives the label away, nothing to learn, or a tracking server that does not answer.
    """
    tell = progress or (lambda _message, _share: None)
    tell("reading", 0.0)
    check(settings, path_of(settings, name), engine)
    dataset = read(path_of(settings, name), None if engine == "local" else settings.learner.sample_rows)
    check_labels(dataset)
    leakage.refuse(dataset)
    tell("looking for a randomised pilot", 0.03)
    lift = uplift.measure(dataset, settings)
    division = split(dataset, settings.validation, settings.seed)
    whole = None
    if engine != "local":
        whole = open_whole(path_of(settings, name), dataset.catalog, settings.learner, settings.seed, engine)
    fitted = fit(dataset, division, settings, lambda message, share: tell(message, 0.05 + 0.6 * share), whole)
    held = fitted.held
    tell("judging", 0.65)
    metrics = judge.metrics(dataset, division, held, settings)
    if whole is not None:
        metrics["engine"] = {"name": engine, "rows": len(whole), "sampled_rows": len(dataset)}
    if fitted.sizes is not None:
        metrics["data_size"] = fitted.sizes.to_dict()
    if fitted.random is not None:
        metrics["random_split"] = fitted.random.to_dict()
    if lift is not None:
        metrics["uplift"] = lift.facts
    rows, answer = judge.held_out_answers(dataset, division, held)
    level = judge.level(dataset, answer)
    bundle, golden = ship(dataset, fitted, settings, answers=level, validation=division.kind)
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    bundle = replace(bundle, trained_at=moment, commit=commit)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundle"
        remembered = baseline.learn(dataset, rows, answer, bundle, settings)
        bundle = bundle.save(folder, golden, {baseline.FILE: remembered.to_json()})
        # A bundle that cannot be loaded must fail here, not in the service.
        bundle = Bundle.load(folder)
        tell("logging", 0.8)
        registry = Registry(settings, now)
        answers = Answers.of(dataset, rows, answer)
        champion = registry.find(name)
        verdict = _verdict(registry, champion, bundle, dataset, answers, rows, settings)
        told = about(
            settings,
            dataset=dataset,
            division=division,
            rows=rows,
            answers=answers,
            bundle=bundle,
            metrics=metrics,
            verdict=verdict,
            learning=fitted.learning,
        )
        run_id = registry.start(f"{name} {moment}", parent, {"target": name})
        try:
            record(
                registry,
                run_id,
                dataset=dataset,
                division=division,
                held=held,
                settings=settings,
                bundle=bundle,
                metrics=metrics,
                verdict=verdict,
                answers=answers,
                learning=fitted.learning,
                told=told,
                judged=as_judged(dataset, division, held, bundle, settings),
                folder=Path(scratch) / "run",
            )
            record_presets(registry, run_id, name, fitted.learning)
            version = champion
            if verdict.new:
                tell("registering", 0.9)
                version = registry.with_digest(name, bundle.sha256)
                if version is None:
                    tags = version_tags(settings, dataset, bundle, metrics, verdict)
                    version = _register(registry, run_id, bundle, folder, verdict, told, tags)
                elif verdict.promotes:
                    # It was kept out before, and holds against the champion of today.
                    registry.promote(name, version)
                    (Path(scratch) / "again").mkdir()
                    folder = registry.fetch(version, BUNDLE, Path(scratch) / "again") or folder
            known = version.number if version is not None and version.sha256 == bundle.sha256 else ""
            record_card(registry, run_id, told, known, Path(scratch) / "card")
            if parent is not None:
                summarise(registry, parent, bundle, metrics, verdict)
        except BaseException:
            registry.finish(run_id, failed=True)
            raise
        registry.finish(run_id)
        reach = uplift.write(lift, settings.output / uplift.FOLDER / f"{name}.parquet")
        home = settings.output / MODELS / name
        kept = _settle(registry, home, folder, None if verdict.promotes else champion)
    tell("done", 1.0)
    return TrainResult(name, metrics, verdict, kept, home, run_id, kept.version, bundle.dropped, reach)


def parent_run(settings: Settings, *, now: datetime) -> str:
    """Open an MLflow run that the runs of several targets nest in; its id goes to `train`, then to `close_parent`."""
    return Registry(settings, now).start(f"{settings.name} {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")


def close_parent(settings: Settings, run_id: str, *, now: datetime, failed: bool = False) -> None:
    """Close a run that `parent_run` opened."""
    Registry(settings, now).finish(run_id, failed=failed)


def _verdict(
    registry: Registry,
    champion: Version | None,
    bundle: Bundle,
    dataset: Dataset,
    answers: Answers,
    rows: Rows,
    settings: Settings,
) -> Verdict:
    if champion is None:
        return Verdict("first", "there is no champion yet", {})
    if champion.sha256 == bundle.sha256:
        return Verdict("unchanged", "the same data and settings gave the champion again", {"sha256": bundle.sha256})
    known = registry.with_digest(bundle.target, bundle.sha256)
    if known is not None and SET_ASIDE in known.tags:
        reason = f"this is version {known.number} again, which was replaced by hand and stays so until it is promoted by hand"
        return Verdict("set_aside", reason, {"version": known.number})
    with TemporaryDirectory() as scratch:
        folder, theirs, before = (registry.fetch(champion, path, Path(scratch)) for path in (BUNDLE, ANSWERS, JUDGED))
        if folder is None or theirs is None:
            return Verdict("promoted", "the champion's files are gone, so there is nothing to compare", {})
        try:
            old = Bundle.load(folder)
        except BundleError as error:
            return Verdict("promoted", f"the champion cannot answer any more: {error.what}", {})
        return decide(
            answers,
            Answers.read(theirs, old.task, old.days)
            if (old.task, old.days) == (answers.task, answers.days)
            else answers.take(np.arange(0)),
            dataset,
            old,
            rows,
            judged=_as_judged_before(before),
            draws=settings.validation.bootstraps,
            seed=settings.seed,
        )


def _as_judged_before(folder: Path | None) -> Bundle | None:
    """The model that was judged in the champion's training; None where there was none, or it can no longer be read."""
    try:
        return None if folder is None else Bundle.load(folder)
    except BundleError:
        return None


def _register(
    registry: Registry,
    run_id: str,
    bundle: Bundle,
    folder: Path,
    verdict: Verdict,
    told: About,
    tags: dict[str, str],
) -> Version:
    """Make the bundle a version, which gives it its number and card, and let it take over if it won."""
    version = registry.register(run_id, bundle, folder, tags)
    replace(bundle, version=version.number).release(folder)
    facts = {**told.facts, "version": version.number}
    card.write(folder, facts, told.figures)
    for item in (RELEASE, card.PAGE, card.TEXT):
        registry.log_file(run_id, folder / item, BUNDLE)
    registry.describe(bundle.target, version, card.markdown(facts))
    if verdict.promotes:
        registry.promote(bundle.target, version)
    return version


def _settle(registry: Registry, home: Path, folder: Path, champion: Version | None) -> Bundle:
    """Let the champion's bundle lie at its place: the new one in `folder`, or the old champion where one is given."""
    if champion is None:
        place.put(home, folder)
        return Bundle.load(home)
    try:
        present = Bundle.load(home)
    except BundleError:
        present = None
    if present is not None and present.sha256 == champion.sha256:
        return present
    with TemporaryDirectory() as scratch:
        # Should the store have lost the champion's files, the new bundle is better than none.
        place.put(home, registry.fetch(champion, BUNDLE, Path(scratch)) or folder)
    return Bundle.load(home)
