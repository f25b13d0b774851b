"""The command line: one function per verb. Says what happens, calls the pipeline, and knows nothing else.

Verbs import what they need when they run, so `moments --help` loads no model library.
"""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from moments import planning
from moments.environment import set_environment
from moments.examples import example
from moments.options import Again, Config, Engine, Growing, Json
from moments.talk import Talk, talking

if TYPE_CHECKING:
    from configs.settings import Settings
    from moments.pipeline import Outcome

app = typer.Typer(
    name="moments",
    help="Which encounters make or break loyalty: churn and NPS models, key drivers, scores with reasons.",
    epilog="Start with: moments world --out out/demo-world --customers 3000 --seed 7",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(importlib.metadata.version("moments-of-truth"))
        raise typer.Exit


@app.callback()
def entry(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Which encounters make or break loyalty: churn and NPS models, key drivers, scores with reasons."""


@app.command(epilog=example("world"))
def world(
    out: Annotated[Path, typer.Option(help="The folder to write to.", show_default=False)],
    customers: Annotated[int, typer.Option(min=100, help="How many customers.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random draw.")] = 7,
    json: Json = False,
) -> None:
    """Make a synthetic company whose drivers are known.

    Writes the five tables, a configuration and truth.json, what the analysis should find, into the folder.
    """
    with talking("world", as_json=json) as talk:
        from features.world import make_world

        with talk.progress.step("world") as report:
            make_world(out, customers=customers, seed=seed, progress=report)
        files = sorted(str(path) for path in out.iterdir() if path.is_file())
        talk.answer |= {"out": str(out), "customers": customers, "seed": seed, "files": files}
        talk.say(f"{customers:,} customers in {out}")
        configs = [path for path in files if path.endswith(".yaml")]
        talk.say(f"Next: moments run {configs[0] if configs else out}")


@app.command(epilog=example("check"))
def check(config: Config, json: Json = False) -> None:
    """Say everything wrong or suspicious in the tables, at once.

    Types, nulls, duplicates, time order, unknown customers, future dates, leakage suspects, blind spots. Writes check.json;
    the exit status is 1 when there is an error.
    """
    with talking("check", as_json=json) as talk:
        settings = _load(config)
        _run(talk, settings, ["check"])
        talk.failed = bool(talk.answer["counts"]["error"])


@app.command(epilog=example("features"))
def features(config: Config, engine: Engine = "local", json: Json = False) -> None:
    """Build the training sets.

    Writes training/<target>.parquet: customer, as_of, label and one column per feature.
    """
    with talking("features", as_json=json) as talk:
        settings = _load(config)
        _run(talk, settings, ["features"], **_engine(settings, engine))


@app.command(epilog=example("train"))
def train(
    config: Config,
    target: Annotated[str | None, typer.Option(help="Only this target.", show_default=False)] = None,
    engine: Growing = "local",
    json: Json = False,
) -> None:
    """Train and evaluate models; promote those that beat the last ones.

    Logs to MLflow. Writes metrics.json and models/<target>/, and uplift/<target>.parquet where a randomised pilot was found (see
    campaign.treatment). Needs 'features'.
    """
    with talking("train", as_json=json) as talk:
        settings = _load(config)
        chosen = _options(target=_known_target(settings, target), grow=None if engine == "local" else engine)
        _run(talk, settings, ["train"], **chosen)
        _summarise(talk, settings, "metrics")


@app.command(epilog=example("drivers"))
def drivers(config: Config, json: Json = False) -> None:
    """Find what drives each target and write the analysts' report.

    Writes drivers.json, drivers.csv, report.html. Needs 'features'; without 'train' the report's model part says so.
    """
    with talking("drivers", as_json=json) as talk:
        settings = _load(config)
        _run(talk, settings, ["drivers", "report"])
        _summarise(talk, settings, "drivers", "report")


@app.command(epilog=example("score"))
def score(
    config: Config,
    as_of: Annotated[
        str | None, typer.Option(help="The moment to score at, e.g. 2025-06-01 (UTC).", show_default="end of the data")
    ] = None,
    engine: Engine = "local",
    json: Json = False,
) -> None:
    """Score every customer, with reasons.

    Writes scores.parquet. Needs 'train'.
    """
    with talking("score", as_json=json) as talk:
        moment = _moment(as_of)
        settings = _load(config)
        _run(talk, settings, ["score"], **_options(as_of=moment), **_engine(settings, engine))


@app.command(epilog=example("monitor"))
def monitor(
    config: Config,
    as_of: Annotated[
        str | None,
        typer.Option(help="Look with what was known then, e.g. 2026-03-01 (UTC).", show_default="end of the data"),
    ] = None,
    json: Json = False,
) -> None:
    """Say whether the models still hold: keep, watch or retrain.

    Before labels are known: features, gaps, new values and scores beside those at training, and the loss to expect.
    Afterwards: the realised loss beside the promised one. Writes monitor.json and monitor.html (monitor.<language>.html), and
    logs to MLflow. The exit status is 0 whatever the verdict. Needs 'train'.
    """
    with talking("monitor", as_json=json) as talk:
        from moments.monitor import job, words
        from moments.summary import shown

        moment = _moment(as_of)
        settings = _load(config)
        with talk.progress.step("monitor") as report:
            facts = job.monitor(settings, now=datetime.now(UTC), as_of=moment, progress=report)
        talk.answer |= {"config": str(settings.source), "output": str(settings.output), **facts}
        for part in words.render(facts, page=shown(settings.output / "monitor.html"), config=shown(settings.source)):
            talk.say(part)


@app.command(epilog=example("run"))
def run(
    config: Config,
    force: Annotated[bool, typer.Option("--force", help="Go on when the check finds errors.")] = False,
    again: Again = False,
    json: Json = False,
) -> None:
    """Do check, features, train, drivers, score, as far as needed.

    A step is skipped when nothing it reads has changed. Stops at an error of the check. Writes run.json.
    """
    with talking("run", as_json=json) as talk:
        from moments.pipeline import STEPS

        settings = _load(config)
        _run(talk, settings, list(STEPS), force=force, again=again)
        _summarise(talk, settings, "metrics", "drivers", "report", "next")


@app.command(epilog=example("serve"))
def serve(
    config: Config,
    host: Annotated[str, typer.Option(help="Address to bind to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind to.")] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> None:
    """Answer scores with reasons over HTTP.

    Serves the models under the output folder. With no key set (MOMENTS_KEY or MOMENTS_KEYS_FILE) it makes one for this run
    and prints the address with it.
    """
    with talking("serve", as_json=False):
        from serving.run import serve as serve_models

        serve_models(_load(config), host=host, port=port, workers=workers)


@app.command(epilog=example("audit"))
def audit(
    config: Config,
    since: Annotated[
        str | None,
        typer.Option(help="Only what was scored from then on, e.g. 2026-01-01 (UTC).", show_default="all that is kept"),
    ] = None,
    json: Json = False,
) -> None:
    """Compute what the service scored again, and say why it differs.

    Reads the vectors that the service kept (serving.log_vectors), computes them from today's tables with the same models, and
    gives every difference its cause. Writes audit.json and audit.parquet; the exit status is 1 when there is a bug.
    """
    with talking("audit", as_json=json) as talk:
        from moments.audit import job, words
        from moments.summary import shown
        from serving.intake import microseconds

        moment = _moment(since, "--since")
        settings = _load(config)
        with talk.progress.step("audit") as report:
            facts = job.audit(settings, since=None if moment is None else microseconds(moment), progress=report)
        talk.answer |= {"config": str(settings.source), "output": str(settings.output), **facts}
        for part in words.render(facts, where=shown(settings.output / job.ROWS)):
            talk.say(part)
        talk.failed = facts["causes"]["bug"]["vectors"] > 0


@app.command(epilog=example("models"))
def models(
    config: Config,
    action: Annotated[
        Literal["list", "promote", "rollback"],
        typer.Argument(
            metavar="ACTION",
            help="list: show the versions; promote: let one answer by hand; rollback: go back to the one before.",
        ),
    ] = "list",
    target: Annotated[
        str | None,
        typer.Option(help="Only this target; needed for a change where there are several.", show_default=False),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="The version to promote.", show_default="the challenger")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, for those who look at the version later.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Show the registered models, promote one by hand, or roll back.

    A version that takes over is fetched, verified and put into models/<target>/ in one step; who did it and why is noted on
    it. The one before becomes 'previous', so rolling back twice brings it back. Training the same model again does not undo a change
    by hand.
    """
    with talking("models", as_json=json) as talk:
        from moments import models as registered
        from moments.summary import command, shown

        if version is not None and action != "promote":
            raise typer.BadParameter(f"'{action}' takes no version", param_hint="--version")
        settings = _load(config)
        name, now = _known_target(settings, target), datetime.now(UTC)
        talk.answer |= {"config": str(settings.source), "output": str(settings.output), "action": action}
        if action == "list":
            found = registered.versions(settings, name, now)
            talk.answer["models"] = found
            for part in registered.render(found, f"{command()} train {shown(settings.source)}"):
                talk.say(part)
            return
        number = None if version is None else str(version)
        moved = registered.change(settings, action, name, number, reason or "", now)
        talk.answer |= moved.to_dict()
        for line in registered.told(moved, action, shown(settings.source)):
            talk.say(line)


app.command(epilog=example("pilot"))(planning.pilot)


def main() -> None:
    """The `moments` command."""
    set_environment()
    app()


def _load(config: Path) -> Settings:
    from configs.settings import load

    return load(config)


def _run(
    talk: Talk, settings: Settings, names: list[str], *, force: bool = False, again: bool = True, **options: Any
) -> None:
    """Run steps, tell each outcome as it comes, and leave it in the answer. A verb of its own always does its work."""
    from moments import pipeline
    from moments.findings import counts, table
    from moments.summary import shown

    talk.answer |= {"config": str(settings.source), "output": str(settings.output), "steps": []}

    def told(outcome: Outcome) -> None:
        talk.answer["steps"].append(outcome.to_dict())
        for name in outcome.stale:
            talk.progress.note(
                f"note: the files of '{name}' were made from other inputs or settings; '{outcome.step}' read them"
            )
        if outcome.skipped:
            talk.progress.note(f"{outcome.step}: nothing has changed, skipped")
        for note in outcome.notes:
            talk.progress.note(f"{outcome.step}: {note}")
        if outcome.step == "check":
            found = pipeline.findings(settings.output)
            talk.answer |= {"findings": found, "counts": counts(found)}
            talk.say(table(found, notes=len(names) == 1))
        elif len(names) == 1:
            what = ", ".join(f"{name} {number:,}" for name, number in outcome.rows.items())
            talk.say(f"rows: {what}")
            talk.say(f"files: {', '.join(shown(settings.output / name) for name in outcome.files[:8])}")

    pipeline.run(
        settings,
        names,
        now=datetime.now(UTC),
        begin=talk.progress.step,
        options=options,
        force=force,
        again=again,
        told=told,
    )


def _summarise(talk: Talk, settings: Settings, *parts: str) -> None:
    from moments import summary

    found = summary.facts(settings)
    talk.answer |= {name: found[name] for name in parts if name in found}
    for part in summary.render({name: found[name] for name in found if name in parts}):
        talk.say(part)


def _options(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _engine(settings: Settings, engine: str) -> dict[str, Any]:
    """The option as the steps take it; a Spark that cannot run is refused before any table is read."""
    if engine == "local":
        return {}
    from features.spark.session import need_spark

    need_spark(settings)
    return {"engine": engine}


def _known_target(settings: Settings, target: str | None) -> str | None:
    from configs.errors import nearest

    if target is not None and target not in settings.targets:
        close = nearest(target, settings.targets)
        hint = f" Did you mean '{close}'?" if close else ""
        raise typer.BadParameter(
            f"'{target}' is not one of {', '.join(settings.targets)}.{hint}", param_hint="--target"
        )
    if target is not None and not settings.targets[target].trains:
        raise typer.BadParameter(
            f"'{target}' is a rating, which 'drivers' reads; no model is trained for it. Trained are: "
            f"{', '.join(settings.trained) or 'none'}.",
            param_hint="--target",
        )
    return target


def _moment(text: str | None, option: str = "--as-of") -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"'{text}' is not a date or time such as 2025-06-01", param_hint=option) from None
