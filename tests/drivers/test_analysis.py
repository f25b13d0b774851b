"""From training sets to drivers.json: the promised shape, the same bytes, honest silence."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.errors import NotReadyError
from configs.settings import Settings, load
from drivers import analysis
from features.tables import open_tables
from tests.conftest import Demo
from training import dataset

KEYS = {
    "touchpoint", "stage", "department", "status", "strength", "share", "rank", "rank_low", "rank_high", "reach", "depth",
    "slope", "p_value", "q_value", "refit_loss_change", "asymmetry", "shape", "moment_of_truth", "moment", "knee",
    "dimensions",
}  # fmt: skip


def _train(settings: Settings, *names: str) -> None:
    with open_tables(settings) as tables:
        for name in names:
            dataset.make(tables, settings, name)


@pytest.fixture(scope="module")
def told(company: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Any]]:
    """The demo company with its training sets, and what the analysis says of it."""
    folder = tmp_path_factory.mktemp("drivers")
    targets = {
        "churn": {"kind": "cancellation", "horizon_days": 90},
        "nps": {"kind": "survey"},
        "call": {"kind": "survey", "metric": "csat", "touchpoint": "support_call"},
    }
    demo = company.copy(folder)
    content = yaml.safe_load(demo.config.read_text(encoding="utf-8")) | {"targets": targets}
    demo.config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    settings = load(demo.config)
    _train(settings, "churn", "nps", "call")
    return settings, analysis.analyse(settings)


def test_every_driver_has_every_key(told: tuple[Settings, dict[str, Any]]) -> None:
    """Both targets tell their unit, rows, claim and, per driver and control, all keys."""
    targets = told[1]["targets"]
    assert set(targets) == {"churn", "nps", "call"}
    assert targets["nps"]["unit"] == "NPS points"
    assert targets["call"]["unit"] == "CSAT points"
    assert targets["churn"]["unit"] == "percentage points of churn"
    for target in targets.values():
        assert target["claim"] == "association"
        assert target["n"] > 100
        assert target["as_of"].endswith("Z")
        assert len(target["drivers"]) == 20
        assert target["controls"]
        for entry in (*target["drivers"], *target["controls"]):
            assert set(entry) >= KEYS


def test_consequences_are_excluded_and_told(told: tuple[Settings, dict[str, Any]]) -> None:
    """The retention call and the call-back are named with their figures and have no strength."""
    for target in told[1]["targets"].values():
        late = [entry for entry in target["drivers"] if entry["status"] == "excluded_late"]
        assert {entry["touchpoint"] for entry in late} == {"retention_call", "callback_after_survey"}
        assert all(entry["strength"] is None and entry["rank"] is None for entry in late)
        assert all(entry["timing"]["share"] > 3 * entry["timing"]["usual"] for entry in late)
        assert {one["touchpoint"] for one in target["excluded"]} == {entry["touchpoint"] for entry in late}


def test_the_deepest_driver_is_found(told: tuple[Settings, dict[str, Any]]) -> None:
    """Even among seven hundred customers the outage is a key driver of recommendation, and no noise is."""
    status = {entry["touchpoint"]: entry["status"] for entry in told[1]["targets"]["nps"]["drivers"]}
    assert status["outage"] == "key_driver"
    assert {status[name] for name in ("app_login", "website_visit", "network_maintenance")}.isdisjoint({"key_driver"})


def test_a_rating_owes_most_to_the_encounter_it_is_about(told: tuple[Settings, dict[str, Any]]) -> None:
    """Satisfaction with a call moves with that call, and with no touchpoint that nobody rated."""
    first = told[1]["targets"]["call"]["drivers"][0]
    assert (first["touchpoint"], first["status"]) == ("support_call", "key_driver")
    assert first["depth"]["value"] > 0.2


def test_steps_between_categories_have_tables_of_their_own(told: tuple[Settings, dict[str, Any]]) -> None:
    """Recommendation has two steps, each with every driver; neither churn nor a rating has any."""
    targets = told[1]["targets"]
    assert set(targets["nps"]["steps"]) == {"detractor_to_passive", "passive_to_promoter"}
    for step in targets["nps"]["steps"].values():
        assert len(step["drivers"]) == 20
        assert 0 < step["base_rate"] < 1
    assert targets["churn"]["steps"] is None
    assert targets["call"]["steps"] is None


def test_only_key_drivers_are_ranked(told: tuple[Settings, dict[str, Any]]) -> None:
    """Ranks run from one without gaps over key drivers, which come first; limits hold their values."""
    for target in told[1]["targets"].values():
        ranked = [entry["rank"] for entry in target["drivers"] if entry["rank"] is not None]
        assert ranked == list(range(1, len(ranked) + 1))
        for entry in target["drivers"]:
            assert (entry["rank"] is not None) == (entry["status"] == "key_driver")
            for key in ("strength", "reach", "depth", "asymmetry"):
                if entry[key] is not None:
                    assert entry[key]["low"] <= entry[key]["value"] <= entry[key]["high"]
        shares = [entry["share"] for entry in target["drivers"] if entry["share"] is not None]
        assert sum(shares) == pytest.approx(1.0) or sum(shares) == 0.0


def test_churn_is_found_on_short_windows(told: tuple[Settings, dict[str, Any]]) -> None:
    """The tests of churn were made on thirty days, on fewer cases than ninety days have."""
    churn, nps = told[1]["targets"]["churn"], told[1]["targets"]["nps"]
    assert 0 < churn["found_on"]["cases"] < churn["sized_on"]["cases"]
    assert churn["found_on"]["base_rate"] < churn["sized_on"]["base_rate"] < 0.5
    assert nps["found_on"] is None


def test_places_come_from_the_configuration(told: tuple[Settings, dict[str, Any]]) -> None:
    """Stage and department are those of the journey; a control has none."""
    settings, content = told
    target = content["targets"]["nps"]
    for entry in target["drivers"]:
        info = settings.journey.get(entry["touchpoint"])
        if info is not None:
            assert (entry["stage"], entry["department"]) == (info.stage, info.department)
    assert all(entry["stage"] is None for entry in target["controls"])


def test_files_are_strict_and_the_same_twice(told: tuple[Settings, dict[str, Any]], tmp_path: Path) -> None:
    """drivers.json has no NaN, drivers.csv a row per entry, and a second analysis, which tells its progress, the same bytes."""
    settings, content = told
    json_path, csv_path = analysis.write(content, tmp_path / "out")

    def refuse(name: str) -> float:
        raise AssertionError(name)

    read = json.loads(json_path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert set(read["targets"]) == {"churn", "nps", "call"}
    with csv_path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(t["drivers"]) + len(t["controls"]) for t in read["targets"].values())
    assert {row["family"] for row in rows} == {"touchpoint", "control"}
    one = settings.model_copy(update={"targets": {"nps": settings.targets["nps"]}})
    seen: list[tuple[str, float]] = []
    second = analysis.analyse(one, progress=lambda message, fraction: seen.append((message, fraction)))
    again, _ = analysis.write(second, tmp_path / "again")
    alone, _ = analysis.write({"targets": {"nps": content["targets"]["nps"]}}, tmp_path / "alone")
    assert again.read_bytes() == alone.read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["drivers.csv", "drivers.json"]
    assert all(message.startswith("nps: ") for message, _ in seen)
    assert 0.9 < max(fraction for _, fraction in seen) <= 1.0


def _flat(folder: Path, rows: int, **target: Any) -> Settings:
    """A flat table: one row per customer, no times; contract and charges matter, the rest does not."""
    rng = np.random.default_rng(5)
    contract, charges = rng.choice(["month", "year"], rows), rng.normal(60, 20, rows)
    chance = 1 / (1 + np.exp(2.0 - 2.0 * (contract == "month") - (charges - 60) / 20))
    table = pa.table(
        {
            "customer_id": [f"c{n}" for n in range(rows)],
            "contract": contract,
            "charges": charges,
            "gender": rng.choice(["f", "m"], rows),
            "churned": np.where(rng.random(rows) < chance, "Yes", "No"),
        }
    )
    pq.write_table(table, folder / "customers.parquet")
    config = {
        "data": {"tables": {"customers": {"path": "customers.parquet"}}},
        "targets": {"churn": {"kind": "column", "column": "churned", "positive": "Yes", **target}},
        "drivers": {"repeats": 1, "bootstraps": 20, "half_samples": 5, "folds": 3},
        "output": "out",
    }
    path = folder / "flat.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return load(path)


def test_a_flat_table_has_controls_only(tmp_path: Path) -> None:
    """Without touchpoints the list of drivers is empty and attributes stand among the controls, without an as_of."""
    settings = _flat(tmp_path, 1500)
    _train(settings, "churn")
    target = analysis.analyse(settings)["targets"]["churn"]
    assert target["drivers"] == []
    assert target["as_of"] is None
    assert target["excluded"] == []
    status = {entry["touchpoint"]: entry["status"] for entry in target["controls"]}
    assert set(status) == {"contract", "charges", "gender"}
    assert status["contract"] == status["charges"] == "key_driver"
    assert status["gender"] != "key_driver"


def test_too_few_rows_are_not_analysed(tmp_path: Path) -> None:
    """With sixty customers there is no gate, no model, and nothing distinguishable; the keys are there."""
    settings = _flat(tmp_path, 60)
    _train(settings, "churn")
    target = analysis.analyse(settings)["targets"]["churn"]
    assert target["gate"] is None
    assert {entry["status"] for entry in target["controls"]} == {"not_distinguishable"}
    assert all(set(entry) >= KEYS for entry in target["controls"])
    json_path, _ = analysis.write({"targets": {"churn": target}}, tmp_path)
    assert json.loads(json_path.read_text(encoding="utf-8"))["targets"]["churn"]["validation"] is None


def test_missing_training_sets_name_the_next_move(tmp_path: Path) -> None:
    """Before 'features' the analysis says what to run; without any target that asks for drivers, what to set."""
    settings = _flat(tmp_path, 60)
    with pytest.raises(NotReadyError, match="moments features"):
        analysis.analyse(settings)
    with pytest.raises(NotReadyError, match="drivers: true"):
        analysis.analyse(_flat(tmp_path, 60, drivers=False))
