"""A whole training: the run, the version, the champion's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from configs.errors import BundleError, ConfigError, LeakageError, NotReadyError
from configs.settings import Settings
from tests.training import made
from training import lifecycle
from training.bundle import Bundle
from training.dataset import Dataset, path_of, write
from training.registry import BUNDLE, Registry
from training.targets import Task
from training.train import close_parent, parent_run, train

TARGETS = {
    "churn": {"kind": "column", "column": "left", "positive": "yes"},
    "nps": {"kind": "survey", "metric": "nps"},
    "value": {"kind": "spend", "horizon_days": 60},
    "staying": {"kind": "time_to_churn", "label": "cancellation"},
}


@pytest.fixture
def ready(tmp_path: Path, tracking: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A configuration of its own name, with no training set yet."""
    monkeypatch.chdir(tmp_path)
    name = request.node.name.replace("[", "-").replace("]", "")
    return made.settings(tmp_path, TARGETS, mlflow={"tracking_uri": f"sqlite:///{tracking}"}, name=name)


def put(settings: Settings, dataset: Dataset) -> None:
    write(dataset, path_of(settings, dataset.target))


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_the_first_training_is_champion(ready: Settings, task: Task) -> None:
    """The bundle lies at its place with the version's number, and the store has run, metrics, data set and alias."""
    dataset = made.dataset(task, rows=900)
    put(ready, dataset)
    result = train(ready, dataset.target, now=made.NOW, commit="f00d")
    assert result.verdict.outcome == "first"
    assert result.folder == ready.output / "models" / dataset.target
    loaded = Bundle.load(result.folder)
    assert (loaded.version, loaded.commit, loaded.trained_at) == ("1", "f00d", "2026-01-15T00:00:00Z")
    registry = Registry(ready, made.NOW)
    champion = registry.find(dataset.target)
    assert champion is not None
    assert champion.sha256 == loaded.sha256
    assert registry.find(dataset.target, "challenger") is None
    run = registry.client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    name = {"binary": "auc", "ordinal": "rps", "amount": "mae", "survival": "ibs"}[task]
    assert run.data.metrics[name] == pytest.approx(result.metrics[name]["value"])
    assert {f"{name}_low", f"{name}_high"} <= run.data.metrics.keys()
    assert run.data.tags["mlflow.source.git.commit"] == "f00d"
    inputs = {item.tags[0].value: json.loads(item.dataset.profile) for item in run.inputs.dataset_inputs}
    assert inputs["whole set"] == inputs["folds"] == {"num_rows": 900, "num_columns": 6}
    files = {item.path for item in registry.client.list_artifacts(result.run_id)}
    assert {"metrics.json", "verdict.json", "config.yaml", "answers.parquet", "model", "figures"} <= files
    assert {"card.html", "card.md", "card.json"} <= files
    figures = {Path(item.path).stem for item in registry.client.list_artifacts(result.run_id, "figures")}
    assert figures == {"calibration", "gain", "lift", "importance", "learning"} | (
        {"profit"} if task == "binary" else set()
    )
    if task == "binary":
        profit = registry.client.get_metric_history(result.run_id, "profit/realised")
        assert sorted(point.step for point in profit) == list(range(0, 101, 5))
    # The card lies beside the bundle, of this version, outside the digest.
    card = (result.folder / "card.md").read_text("utf-8")
    assert "- version: 1, trained at 2026-01-15T00:00:00Z, first" in card
    assert card == Path(registry.fetch(champion, "card.md", ready.output) or "").read_text("utf-8")
    assert run.data.tags["mlflow.note.content"].startswith(f"# Model card: {dataset.target}")
    found = registry.client.get_model_version(registry.model_name(dataset.target), "1")
    assert found.description.startswith(f"# Model card: {dataset.target}")


def test_the_same_training_changes_nothing(ready: Settings) -> None:
    """Same rows and settings on another day: the same metrics, no new version, the champion's folder untouched."""
    put(ready, made.dataset(rows=900))
    first = train(ready, "churn", now=made.NOW)
    stamp = (first.folder / "bundle.json").stat().st_mtime_ns
    again = train(ready, "churn", now=made.NOW + timedelta(days=1))
    assert again.verdict.outcome == "unchanged"
    assert again.metrics == first.metrics
    assert again.version == "1"
    assert (again.folder / "bundle.json").stat().st_mtime_ns == stamp


def test_a_better_challenger_takes_over_and_can_be_rolled_back(ready: Settings, tmp_path: Path) -> None:
    """With a feature that tells more the new version is champion, the old one previous; a rollback swaps them."""
    dataset = made.dataset(rows=1500, numbers=5)
    blind = made.dataset(rows=1500, numbers=5)
    blind.X[:, 0] = np.random.default_rng(9).normal(size=1500)
    put(ready, blind)
    first = train(ready, "churn", now=made.NOW)
    put(ready, dataset)
    second = train(ready, "churn", now=made.NOW)
    assert second.verdict.outcome == "promoted"
    assert second.verdict.figures["relative_loss"]["high"] < 0
    assert Bundle.load(second.folder).sha256 != first.bundle.sha256
    registry = Registry(ready, made.NOW)
    previous = registry.find("churn", "previous")
    assert previous is not None
    assert previous.number == "1"
    # Whoever knows a model by its digest alone finds it and gets it whole.
    assert registry.with_digest("churn", first.bundle.sha256) == previous
    assert registry.with_digest("churn", "0" * 64) is None
    fetched = registry.fetch(previous, BUNDLE, tmp_path)
    assert fetched is not None
    assert Bundle.load(fetched).sha256 == first.bundle.sha256
    restored = registry.rollback("churn")
    assert restored is not None
    assert restored.number == "1"


def test_a_worse_challenger_leaves_the_champion(ready: Settings) -> None:
    """The old champion stays at its place; the new version is registered as challenger with the verdict."""
    blind = made.dataset(rows=1500)
    blind.X[:, 0] = np.random.default_rng(9).normal(size=1500)
    put(ready, made.dataset(rows=1500))
    first = train(ready, "churn", now=made.NOW)
    put(ready, blind)
    second = train(ready, "churn", now=made.NOW)
    assert second.verdict.outcome == "kept"
    assert second.bundle.sha256 == first.bundle.sha256
    registry = Registry(ready, made.NOW)
    challenger, champion = registry.find("churn", "challenger"), registry.find("churn")
    assert challenger is not None
    assert champion is not None
    assert (challenger.number, champion.number) == ("2", "1")
    tags = registry.client.get_model_version(registry.model_name("churn"), "2").tags
    assert json.loads(tags["verdict"])["outcome"] == "kept"


def test_the_same_challenger_again_is_no_new_version(ready: Settings) -> None:
    """Kept out twice it stands in the registry once; when a weaker champion is there, that very version takes over, with its card."""
    blind = made.dataset(rows=1500)
    blind.X[:, 0] = np.random.default_rng(9).normal(size=1500)
    put(ready, made.dataset(rows=1500))
    train(ready, "churn", now=made.NOW)
    put(ready, blind)
    for _ in range(2):
        assert train(ready, "churn", now=made.NOW).verdict.outcome == "kept"
    registry = Registry(ready, made.NOW)
    assert [version.number for version in registry.versions("churn")] == ["2", "1"]
    blinder = made.dataset(rows=1500)
    blinder.X[:, :3] = np.random.default_rng(8).normal(size=(1500, 3))
    put(ready, blinder)
    worst = train(ready, "churn", now=made.NOW)
    assert worst.verdict.outcome == "kept"
    lifecycle.promote(ready, "churn", "3", lifecycle.Hand("anna", made.NOW, "a trial"))
    put(ready, blind)
    again = train(ready, "churn", now=made.NOW)
    assert again.verdict.outcome == "promoted"
    assert again.version == "2"
    assert again.bundle.version == "2"
    assert (again.folder / "card.md").is_file()
    assert len(registry.versions("churn")) == 3


def test_a_month_later_the_champion_as_it_was_judged_is_met(ready: Settings) -> None:
    """Labels of 60 days and a training a month: no row is held out for both, and a worse challenger is kept out all the same."""
    ready = ready.model_copy(update={"validation": ready.validation.model_copy(update={"test_periods": 1})})
    dates = made.months(14)
    whole = made.dataset(rows=14 * 300, dates=dates)
    put(ready, whole.take(np.flatnonzero(whole.as_of < dates[-1])))
    first = train(ready, "churn", now=made.NOW)
    scrambled = made.dataset(rows=14 * 300, dates=dates)
    taught = np.flatnonzero(scrambled.as_of < dates[-1])
    scrambled.label[taught] = np.random.default_rng(9).permutation(scrambled.label[taught])
    put(ready, scrambled)
    second = train(ready, "churn", now=made.NOW + timedelta(days=30))
    assert second.verdict.outcome == "kept", second.verdict
    assert "as it was judged" in second.verdict.figures["ground"]
    assert second.bundle.sha256 == first.bundle.sha256


def test_a_lost_folder_is_fetched_from_the_store(ready: Settings) -> None:
    """If models/<target> is gone or damaged, an unchanged training puts the champion back."""
    put(ready, made.dataset(rows=900))
    first = train(ready, "churn", now=made.NOW)
    shutil.rmtree(first.folder)
    assert train(ready, "churn", now=made.NOW).bundle.sha256 == first.bundle.sha256
    (first.folder / "model_0.txt").write_text("damaged")
    with pytest.raises(BundleError):
        Bundle.load(first.folder)
    train(ready, "churn", now=made.NOW)
    loaded = Bundle.load(first.folder)
    assert loaded.sha256 == first.bundle.sha256
    assert loaded.version == "1"


def test_a_run_tells_how_it_learnt_and_how_each_period_went(ready: Settings) -> None:
    """Rows by use with digests; losses by rounds, in the run and below it for each preset; periods and gains by their steps."""
    dataset = made.dataset(rows=2400, dates=made.months(12))
    put(ready, dataset)
    parent = parent_run(ready, now=made.NOW)
    result = train(ready, "churn", now=made.NOW, parent=parent)
    close_parent(ready, parent, now=made.NOW)
    registry = Registry(ready, made.NOW)
    client = registry.client
    run = client.get_run(result.run_id)
    rows = {item.tags[0].value: json.loads(item.dataset.profile)["num_rows"] for item in run.inputs.dataset_inputs}
    assert rows.keys() == {"whole set", "training", "validation", "test"}
    assert (rows["training"], rows["test"]) == (result.metrics["n_train"], result.metrics["n_test"])
    assert run.data.tags["data_digest.test"].startswith(
        next(item.dataset.digest for item in run.inputs.dataset_inputs if item.tags[0].value == "test")
    )
    periods = result.metrics["periods"]
    found = client.get_metric_history(result.run_id, "period/log_loss")
    assert [(item.step, item.value) for item in found] == [(k, item["log_loss"]) for k, item in enumerate(periods)]
    gain = client.get_metric_history(result.run_id, "gain/churn")
    assert [item.step for item in gain] == list(range(0, 101, 5))
    assert gain[-1].value == 1.0
    below = client.search_runs([registry.experiment], f"tags.`mlflow.parentRunId` = '{result.run_id}'")
    names = {f"churn: {leaves} leaves{kind}" for leaves in (4, 8) for kind in ("", ", light")}
    assert {item.info.run_name for item in below} == names
    for item in below:
        preset = item.info.run_name.removeprefix("churn: ").replace(",", "").replace(" ", "_")
        curve = client.get_metric_history(item.info.run_id, "out_of_fold_loss")
        above = client.get_metric_history(result.run_id, f"out_of_fold_loss/churn/{preset}")
        assert [(point.step, point.value) for point in curve] == [(point.step, point.value) for point in above]
        assert curve[0].step == 10
        assert {"fold_0_loss", "fold_1_loss"} <= item.data.metrics.keys()
        assert item.info.status == "FINISHED"
    held = client.get_run(parent)
    assert held.data.metrics["churn/log_loss"] == result.metrics["log_loss"]["value"]
    assert held.data.tags["churn.outcome"] == "first"


def test_what_was_replaced_by_hand_does_not_come_back_by_itself(ready: Settings, tmp_path: Path) -> None:
    """After a rollback the same training leaves the older model in place and registers nothing; promoted by hand it returns."""
    put(ready, made.dataset(rows=600, seed=1))
    first = train(ready, "churn", now=made.NOW)
    put(ready, made.dataset(rows=600, signal=3.0))
    second = train(ready, "churn", now=made.NOW)
    hand = lifecycle.Hand("anna", made.NOW, "odd scores")
    if second.verdict.outcome == "kept":
        lifecycle.promote(ready, "churn", "2", hand)
    moved = lifecycle.rollback(ready, "churn", hand)
    assert (moved.version, moved.before) == ("1", "2")
    again = train(ready, "churn", now=made.NOW)
    assert again.verdict.outcome == "set_aside"
    assert again.bundle.sha256 == first.bundle.sha256
    registry = Registry(ready, made.NOW)
    assert [item.number for item in registry.versions("churn")] == ["2", "1"]
    lifecycle.promote(ready, "churn", "2", hand)
    assert train(ready, "churn", now=made.NOW).verdict.outcome == "unchanged"


def test_runs_nest_in_a_parent(ready: Settings) -> None:
    """The targets of one training can share a run."""
    put(ready, made.dataset(rows=600))
    parent = parent_run(ready, now=made.NOW)
    result = train(ready, "churn", now=made.NOW, parent=parent)
    close_parent(ready, parent, now=made.NOW)
    client = Registry(ready, made.NOW).client
    assert client.get_run(result.run_id).data.tags["mlflow.parentRunId"] == parent
    assert client.get_run(parent).info.status == "FINISHED"


def test_the_registered_model_answers_a_data_frame(ready: Settings) -> None:
    """Loaded by its alias, MLflow's model gives the bundle's answers for the training set's own columns."""
    dataset = made.dataset("ordinal", rows=900)
    put(ready, dataset)
    result = train(ready, "nps", now=made.NOW)
    import mlflow

    mlflow.set_tracking_uri(Registry(ready, made.NOW).uri)
    model = mlflow.pyfunc.load_model(f"models:/{ready.name}-nps@champion")
    frame = pq.read_table(path_of(ready, "nps")).to_pandas()
    found = model.predict(frame[list(result.bundle.catalog.names)])
    assert list(found.columns) == ["detractor", "passive", "promoter"]
    np.testing.assert_allclose(found.to_numpy(), result.bundle.predict(dataset.select(result.bundle.catalog)))
    assert isinstance(found, pd.DataFrame)


def test_nothing_logged_is_a_pickle(ready: Settings) -> None:
    """The run's files are text, images and parquet."""
    put(ready, made.dataset(rows=600))
    result = train(ready, "churn", now=made.NOW)
    registry = Registry(ready, made.NOW)
    champion = registry.find("churn")
    assert champion is not None
    folder = registry.fetch(champion, "", ready.output)
    assert folder is not None
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert path.suffix not in {".pkl", ".pickle", ".joblib", ".cloudpickle"}
        assert not path.read_bytes().startswith(b"\x80"), path
    assert result.version == "1"


def test_progress_rises_to_one(ready: Settings) -> None:
    """The caller hears of every step, in order."""
    put(ready, made.dataset(rows=600))
    heard: list[float] = []
    train(ready, "churn", now=made.NOW, progress=lambda _message, share: heard.append(share))
    assert heard == sorted(heard)
    assert heard[0] == 0.0
    assert heard[-1] == 1.0


def test_training_says_nothing(ready: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither LightGBM nor MLflow writes to the terminal."""
    put(ready, made.dataset(rows=600))
    train(ready, "churn", now=made.NOW)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def leaking(settings: Settings) -> None:
    dataset = made.dataset(rows=600)
    dataset.X[:, 0] = dataset.label
    put(settings, dataset)


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (lambda _settings: None, NotReadyError, "run 'moments features' first"),
        (leaking, LeakageError, "'n0' gives the label away"),
    ],
    ids=["no set", "leak"],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(
    ready: Settings, prepare: Callable[[Settings], None], error: type[Exception], message: str
) -> None:
    """No training set, or a leaking column: an error that names it, and no model."""
    prepare(ready)
    with pytest.raises(error, match=message):
        train(ready, "churn", now=made.NOW)
    assert not (ready.output / "models").exists()


def test_a_store_that_refuses_is_an_error_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracking server that is away is named with its address."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    settings = made.settings(tmp_path, TARGETS, mlflow={"tracking_uri": "http://127.0.0.1:9"})
    put(settings, made.dataset(rows=400))
    with pytest.raises(ConfigError, match=r"mlflow\.tracking_uri: http://127\.0\.0\.1:9"):
        train(settings, "churn", now=made.NOW)


def test_a_curve_over_time_is_told_by_day(ready: Settings) -> None:
    """The card has a line per day, MLflow the day as the step, and the registered model a column per day."""
    import mlflow.pyfunc

    dataset = made.dataset("survival", rows=1800, dates=made.months(12))
    put(ready, dataset)
    result = train(ready, "staying", now=made.NOW)
    card = (result.folder / "card.md").read_text("utf-8")
    assert "has ended it, with none running when the period was over, by day 30, 60, 90" in card
    assert "## Churn by day" in card
    assert "kaplan meier" in card
    assert "(censored)" in card
    registry = Registry(ready, made.NOW)
    steps = {item.step: item.value for item in registry.client.get_metric_history(result.run_id, "day/auc")}
    assert steps == {item["day"]: item["auc"]["value"] for item in result.metrics["by_day"]}
    model = mlflow.pyfunc.load_model(registry.fetch(registry.find("staying"), "model", ready.output))  # type: ignore[arg-type]
    frame = pd.DataFrame(dataset.X, columns=list(dataset.catalog.names)).assign(plan="max")
    assert list(model.predict(frame.head(3)).columns) == ["by_day_30", "by_day_60", "by_day_90"]
    again = train(ready, "staying", now=made.NOW)
    assert (again.verdict.outcome, again.bundle.sha256) == ("unchanged", result.bundle.sha256)


def test_a_set_beyond_memory_is_trained_from_its_file(ready: Settings) -> None:
    """A sample chooses and judges, all rows teach, and the figures and the card say so; the bundle answers as any other."""
    ready = ready.model_copy(update={"learner": ready.learner.model_copy(update={"sample_rows": 3000})})
    dates = made.months(12)
    put(ready, made.dataset(rows=12 * 1000, dates=dates))
    result = train(ready, "churn", now=made.NOW, engine="chunked")
    known = result.metrics["engine"]
    assert known["name"] == "chunked"
    assert known["rows"] == 12_000
    assert 2000 < known["sampled_rows"] < 4000
    assert result.metrics["auc"]["low"] > 0.7
    assert "stayed in its file" in (result.folder / "card.md").read_text("utf-8")
    assert result.bundle.details["rows"] == 12_000
