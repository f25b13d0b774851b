"""The pipeline: order, skipping, stopping, and the same files from the same inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from configs.errors import DataError
from configs.settings import Settings
from moments import manifest, pipeline
from moments.pipeline import NEUTRAL, STEPS
from moments.progress import quiet
from tests.conftest import NOW


def run(settings: Settings, *names: str, **options: Any) -> list[pipeline.Outcome]:
    return pipeline.run(settings, names or tuple(STEPS), now=NOW, begin=quiet, **options)


def test_every_setting_has_a_reader() -> None:
    """Each top-level key is read by a step or is declared neutral; a new knob cannot be forgotten."""
    read = {key for step in STEPS.values() for key in step.settings}
    assert read | set(NEUTRAL) == set(Settings.model_fields)
    assert not read & set(NEUTRAL)


def test_steps_come_after_what_they_read() -> None:
    """No step reads the files of a later one."""
    order = list(STEPS)
    assert all(order.index(earlier) < order.index(name) for name, step in STEPS.items() for earlier in step.after)


def test_run_writes_everything(demo: Any) -> None:
    """All the files that the interface promises are there, and run.json has a record of each step."""
    targets = list(demo.settings.targets)
    promised = [
        "check.json",
        "metrics.json",
        "drivers.json",
        "drivers.csv",
        "report.html",
        "scores.parquet",
        "run.json",
    ]
    promised += [f"training/{name}.parquet" for name in targets] + [f"models/{name}/bundle.json" for name in targets]
    assert [name for name in promised if not (demo.output / name).is_file()] == []
    content = json.loads((demo.output / "run.json").read_text(encoding="utf-8"))
    assert list(content["steps"]) == list(STEPS)
    assert content["seed"] == demo.settings.seed
    assert content["config_digest"] == demo.settings.digest
    assert set(content["inputs"]) == set(demo.settings.data.tables)
    assert {"numpy", "lightgbm", "duckdb", "moments-of-truth"} <= set(content["versions"])
    for record in content["steps"].values():
        assert record["seconds"] >= 0
        assert record["peak_memory_mb"] > 10
        assert record["outputs"]
        assert record["rows"]


def test_metrics_have_intervals(demo: Any) -> None:
    """Headline metrics are objects of value, low and high, in that order of size."""
    metrics = json.loads((demo.output / "metrics.json").read_text(encoding="utf-8"))
    assert list(metrics) == list(demo.settings.targets)
    auc = metrics["churn"]["auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]


def test_nothing_changed_nothing_done(demo: Any, tmp_path: Path) -> None:
    """A second run skips every step and leaves the files as they are."""
    copy = demo.copy(tmp_path)
    first = run(copy.settings)
    before = {path: path.stat().st_mtime_ns for path in copy.output.rglob("*") if path.is_file()}
    second = run(copy.settings)
    assert all(item.skipped for item in second)
    assert [item.files for item in first] == [item.files for item in second]
    assert before == {path: path.stat().st_mtime_ns for path in copy.output.rglob("*") if path.is_file()}


def test_a_changed_setting_redoes_what_reads_it(demo: Any, tmp_path: Path) -> None:
    """Another language rewrites the report, and nothing else."""
    copy = demo.copy(tmp_path)
    run(copy.settings)
    changed = demo.copy(tmp_path, languages=["en", "ru"])
    redone = [item.step for item in run(changed.settings) if not item.skipped]
    assert redone == ["report"]


def test_a_lost_file_is_made_again(demo: Any, tmp_path: Path) -> None:
    """A deleted output is made again, and steps after it run only if it came out different."""
    copy = demo.copy(tmp_path)
    run(copy.settings)
    (copy.output / "training" / "churn.parquet").unlink()
    assert [item.step for item in run(copy.settings) if not item.skipped] == ["features"]


def test_same_inputs_same_bytes(demo: Any, tmp_path: Path) -> None:
    """Features built twice are byte-identical, whatever the folder and the number of parts."""
    copy = demo.copy(tmp_path, partitions=3)
    run(copy.settings, "features", again=True)
    files = sorted((demo.output / "training").glob("*.parquet"))
    assert files
    for path in files:
        assert path.read_bytes() == (copy.output / "training" / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_same_inputs_same_metrics(demo: Any, tmp_path: Path) -> None:
    """Trained twice, the metrics are the same to the last digit."""
    copy = demo.copy(tmp_path)
    run(copy.settings, "train", again=True)
    assert (copy.output / "metrics.json").read_text("utf-8") == (demo.output / "metrics.json").read_text("utf-8")


def test_an_error_of_the_check_stops_the_run(company: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run stops after a check with errors and says how to go on; with force it goes on."""
    copy = company.copy(tmp_path)
    done: list[str] = []

    def checked(job: Any, _: Any) -> pipeline.steps.Done:
        path = job.output / "check.json"
        finding = {"level": "error", "message": "all is wrong", "next": "mend it"}
        manifest.write_json(path, {"findings": [finding]})
        return pipeline.steps.Done([path])

    def built(job: Any, _: Any) -> pipeline.steps.Done:
        done.append("features")
        return pipeline.steps.Done([job.output / "check.json"])

    for name, work in (("check", checked), ("features", built)):
        monkeypatch.setitem(STEPS, name, _with(STEPS[name], work))
    with pytest.raises(DataError, match=r"1 error, the first: all is wrong.*--force"):
        run(copy.settings, "check", "features")
    assert not done
    run(copy.settings, "check", "features", force=True)
    assert done == ["features"]


def test_stale_files_are_named(demo: Any, tmp_path: Path) -> None:
    """A verb on its own that reads files of other settings says so."""
    copy = demo.copy(tmp_path)
    run(copy.settings, "features")
    changed = demo.copy(tmp_path, windows_days=[30, 90])
    (outcome,) = run(changed.settings, "score", again=True)
    assert outcome.stale == []
    (outcome,) = run(changed.settings, "drivers", again=True)
    assert "features" in outcome.stale


def test_a_killed_run_goes_on(demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished before a crash is in run.json and is not done again."""
    copy = demo.copy(tmp_path)
    run(copy.settings, "check", "features", again=True)

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    (copy.output / "metrics.json").unlink()  # so that training is due
    with monkeypatch.context() as patch:
        patch.setitem(STEPS, "train", _with(STEPS["train"], broken))
        with pytest.raises(KeyboardInterrupt):
            run(copy.settings, "check", "features", "train", again=False)
    outcomes = run(copy.settings, "check", "features")
    assert all(item.skipped for item in outcomes)


def _with(step: pipeline.Step, work: Any) -> pipeline.Step:
    from dataclasses import replace

    return replace(step, work=work)
