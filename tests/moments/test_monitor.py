"""`moments monitor` on the demo company: just trained, and some months after a training."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from configs.errors import NotReadyError
from configs.settings import load
from moments.cli import app
from moments.monitor import job
from moments.monitor.unseen import reasons, unseen
from moments.pipeline import run
from moments.progress import quiet
from tests.conftest import NOW, Demo
from training.bundle import Bundle
from training.monitor.baseline import FILE
from training.registry import Registry

Facts = dict[str, Any]


@pytest.fixture(scope="module")
def later(company: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company with a churn model that was taught until half a year before the end of the data."""
    folder = tmp_path_factory.mktemp("later")
    shutil.copytree(company.folder, folder, dirs_exist_ok=True)
    path = folder / "company.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["targets"] = {"churn": content["targets"]["churn"]}
    content["snapshots"] = {"every_days": 30, "last": "2025-04-01"}
    content["languages"] = ["en"]
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    with chdir(folder):
        run(load(path), ["features", "train"], now=NOW, begin=quiet)
    return folder


@pytest.fixture
def folder(later: Path, tmp_path: Path) -> Path:
    """A copy of it, under which the verb works."""
    shutil.copytree(later, tmp_path, dirs_exist_ok=True)
    return tmp_path


def call(*words: str) -> tuple[int, Facts]:
    done = CliRunner().invoke(app, ["monitor", "company.yaml", "--json", *words])
    return done.exit_code, json.loads(done.stdout)


def test_outcomes_since_the_training_are_held_against_the_promise(folder: Path) -> None:
    """Months with known outcomes have a realised loss beside the promised one; the answer is the file's, the page is there."""
    status, answer = call()
    assert status == 0
    content = json.loads((folder / "out" / "monitor.json").read_text())
    assert content["targets"] == answer["targets"]
    churn = content["targets"]["churn"]
    labelled = [period for period in churn["periods"] if period["labelled"]]
    assert labelled[0]["as_of"] >= churn["model"]["data_until"]
    assert churn["periods"][-1]["labelled"] == 0
    assert churn["realised"]["rows"] == sum(period["labelled"] for period in churn["periods"])
    assert churn["realised"]["measures"]["loss"]["value"] > 0
    assert churn["realised"]["promised"]["loss"]["value"] > 0
    assert content["verdict"] in {"keep", "watch", "retrain"}
    assert all(item["text"].endswith(".") for item in churn["reasons"] + churn["limits"])
    assert (folder / "out" / "monitor.html").is_file()
    assert not list((folder / "out").glob(".*monitor*"))


def test_a_look_is_logged_step_by_step(folder: Path) -> None:
    """MLflow has a run with the figures per as_of date, for whoever plots them."""
    call()
    registry = Registry(load(folder / "company.yaml"), NOW)
    found = registry.client.search_runs([registry.experiment], "tags.`mlflow.source.name` = 'moments monitor'")
    assert [item.data.tags["target"] for item in found] == ["churn"]
    steps = [item.step for item in registry.client.get_metric_history(found[0].info.run_id, "announced_loss")]
    assert sorted(steps) == [30 * number for number in range(1, len(steps) + 1)]


def test_a_past_moment_sees_what_was_known_then(folder: Path) -> None:
    """As of shortly after the training there are rows and no outcomes, and the first day with some is named."""
    _, answer = call("--as-of", "2025-06-15")
    churn = answer["targets"]["churn"]
    assert answer["as_of"] == "2025-06-15T00:00:00Z"
    assert [period["as_of"][:10] for period in churn["periods"]] == ["2025-05-01", "2025-05-31"]
    assert churn["realised"] is None
    assert "no_labels" in {item["code"] for item in churn["limits"]}


def test_new_values_are_found_with_their_customers(folder: Path) -> None:
    """A kind of touchpoint that training never saw is named, with the share of customers who met it since."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from features.tables import open_tables

    settings = load(folder / "company.yaml")
    bundle = Bundle.load(folder / "out" / "models" / "churn")
    with open_tables(settings) as tables:
        assert reasons(unseen(tables, bundle, None)) == []
    path = settings.data.tables["touchpoints"].path
    file = folder / str(path)
    table = pq.read_table(file)
    kinds, when = table.column("touchpoint").to_pylist(), table.column("occurred_at").to_pylist()
    changed = [
        "robot_visit" if at.year == 2025 and at.month >= 6 and number % 10 == 0 else kind
        for number, (kind, at) in enumerate(zip(kinds, when, strict=True))
    ]
    place = table.column_names.index("touchpoint")
    pq.write_table(table.set_column(place, "touchpoint", pa.array(changed)), file)
    _, answer = call()
    (found,) = [item for item in answer["targets"]["churn"]["unseen"] if item["column"] == "touchpoint"]
    assert found["values"] == ["robot_visit"]
    assert 0.01 < found["low"] < found["share"] < 1
    assert "unseen" in {item["code"] for item in answer["targets"]["churn"]["reasons"]}


def test_an_older_bundle_is_looked_at_all_the_same(folder: Path) -> None:
    """Without a baseline the look says so, and still holds realised outcomes against calibration."""
    bundle = folder / "out" / "models" / "churn"
    (bundle / FILE).unlink()
    sums = bundle / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(keepends=True) if FILE not in line))
    status, answer = call()
    churn = answer["targets"]["churn"]
    assert status == 0
    assert churn["features"] is None
    assert "no_baseline" in {item["code"] for item in churn["limits"]}
    assert churn["realised"]["measures"]["loss"]["value"] > 0


def test_without_a_model_the_next_move_is_named(folder: Path) -> None:
    """Nothing trained: exit status 1, and the command that is needed."""
    shutil.rmtree(folder / "out" / "models")
    status, answer = call()
    assert status == 1
    assert answer["error"]["code"] == "not_ready_error"
    assert "moments train" in answer["error"]["next"]
    with pytest.raises(NotReadyError):
        job.monitor(load(folder / "company.yaml"), now=NOW)


def test_another_question_is_refused(folder: Path) -> None:
    """A horizon that was changed since the training is named: its outcomes would not be those that were predicted."""
    path = folder / "company.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["targets"]["churn"]["horizon_days"] = 45
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    status, answer = call()
    assert status == 1
    assert "horizon_days" in answer["error"]["where"]


def test_right_after_a_run_all_targets_are_looked_at(demo: Demo, tmp_path: Path) -> None:
    """Just trained, every target has a part: what has rows is compared, what has none says so; a person reads it as a table."""
    copy = demo.copy(tmp_path)
    done = CliRunner().invoke(app, ["monitor", str(copy.config)])
    assert done.exit_code == 0
    content = json.loads((copy.output / "monitor.json").read_text())
    assert list(content["targets"]) == list(copy.settings.targets)
    for name, facts in content["targets"].items():
        assert name in done.stdout
        assert facts["verdict"] in {"keep", "watch"}
        assert facts["realised"] is None
    assert "What cannot be told" in done.stdout
    assert {path.name for path in copy.output.glob("monitor*.html")} >= {"monitor.html"}
