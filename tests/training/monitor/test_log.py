from __future__ import annotations

import json
from pathlib import Path

from benchmarks import monitor
from configs.settings import Settings
from tests.training import made
from training.monitor.log import log, series, summary
from training.registry import Registry


def test_figures_have_a_course(model: monitor.Model, used: Settings) -> None:
    """Each as_of date is a step: the days since the last judged one, with what was announced and what came true."""
    facts = monitor.look(model, monitor.WORLDS["unchanged"], used, 1)["after"]
    points = series(facts)
    assert sorted({point.step for point in points}) == [60, 90, 120]
    figures = {point.name for point in points if point.step == 60}
    assert {
        "rows",
        "announced_loss",
        "announced_auc",
        "score_psi",
        "realised_loss",
        "realised_loss_low",
    } <= figures
    assert next(point.value for point in summary(facts) if point.name == "retrain") == 0.0


def test_a_look_is_a_run(model: monitor.Model, used: Settings, tmp_path: Path, tracking: Path) -> None:
    """The run carries the verdict, the reasons, the model's digest, the figures step by step, and the facts as a file."""
    facts = monitor.look(model, monitor.WORLDS["relation_gone"], used, 1)["after"]
    uri = f"sqlite:///{tracking}"
    settings = made.settings(tmp_path, {"nps": {"kind": "survey"}}, mlflow={"tracking_uri": uri, "experiment": "looks"})
    run_id = log(settings, "churn", facts, now=made.NOW)
    registry = Registry(settings, made.NOW)
    run = registry.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["verdict"] == "retrain"
    assert run.data.tags["mlflow.source.name"] == "moments monitor"
    assert "loss_worse" in run.data.tags["reasons"]
    assert run.data.metrics["excess_low"] > 0
    history = registry.client.get_metric_history(run_id, "realised_loss")
    assert [item.step for item in sorted(history, key=lambda item: item.step)] == [60, 90, 120]
    path = registry.client.download_artifacts(run_id, "monitor.churn.json", str(tmp_path))
    assert json.loads(Path(path).read_text())["verdict"] == "retrain"


def test_a_flat_table_has_no_course(model: monitor.Model, used: Settings) -> None:
    """Without dates there are no steps, and the look is logged all the same."""
    facts = monitor.look(model, monitor.WORLDS["unchanged"], used, 1)["before"]
    facts["periods"] = [{**facts["periods"][0], "as_of": None}]
    assert series(facts) == []
    assert {point.name: point.value for point in summary(facts)} == {
        "retrain": 0.0,
        "watch": 0.0,
        "features_moved_now": 0.0,
    }
