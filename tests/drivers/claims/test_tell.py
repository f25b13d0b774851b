"""The adjusted tier as drivers.json tells it, on the demo company whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from configs.models import Graph
from configs.settings import Settings, load
from drivers import content
from drivers.analysis import Table, table
from drivers.claims import adjusted
from drivers.claims.tell import graph_of, tell
from drivers.claims.treatments import Treatments
from drivers.timing import timings
from features.tables import open_tables
from tests.conftest import Demo
from training import dataset
from training.dataset import Dataset

KEYS = {
    "touchpoint", "treatment", "measure", "level", "unit", "level_from", "status", "reason", "held_fixed", "caused", "concerned",
    "effect", "without", "overlap", "placebo", "hidden",
}  # fmt: skip


@pytest.fixture(scope="module")
def analysed(company: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Dataset, Table]:
    """The driver table of the demo company's answers."""
    made = company.copy(tmp_path_factory.mktemp("adjusted"))
    changed = {"targets": {"nps": {"kind": "survey"}}, "drivers": {"repeats": 2, "half_samples": 4, "bootstraps": 50}}
    written = yaml.safe_load(made.config.read_text(encoding="utf-8")) | changed
    made.config.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
    settings = load(made.config)
    with open_tables(settings) as tables:
        data = dataset.read(dataset.make(tables, settings, "nps"))
        late = timings(tables, settings.drivers)
        return settings, data, table(tables, settings, data, late, content.places(tables, settings))


def _told(analysed: tuple[Settings, Dataset, Table], **drivers: Any) -> dict[str, Any]:
    settings, data, found = analysed
    assert found.result is not None
    changed = settings.model_copy(update={"drivers": settings.drivers.model_copy(update=drivers)})
    with open_tables(settings) as tables:
        told = tell(
            tables,
            changed,
            data,
            found.result,
            found.prepared.rows,
            graph_of(changed, data),
            lambda _message, _part: None,
        )
    assert told is not None
    return told


def test_every_key_driver_has_an_effect_or_a_reason(analysed: tuple[Settings, Dataset, Table]) -> None:
    """Outages cost and are told so, with what they would bring if there were none; whatever is not told says why."""
    pytest.importorskip("econml", reason="the adjusted tier needs the extra 'adjusted'")
    told = _told(analysed, levels={"support_call": {"wait": 20}})
    keys = {entry["touchpoint"] for entry in analysed[2].told["drivers"] if entry["status"] == "key_driver"}
    assert {one["touchpoint"] for one in told["effects"]} == keys
    for one in told["effects"]:
        assert set(one) == KEYS
        assert one["status"] in {"adjusted", "not_shown", "refused_overlap", "placebo_failed", "too_few"}
    outage = next(one for one in told["effects"] if one["touchpoint"] == "outage")
    assert outage["status"] == "adjusted"
    assert outage["effect"]["high"] < -20
    assert 0 < outage["without"]["all"]["value"] < outage["without"]["concerned"]["value"]
    assert outage["hidden"]["low"] <= outage["effect"]["low"]
    assert outage["placebo"] is None or not outage["placebo"]["moved"]
    if "support_call" in keys:
        level = next(one for one in told["effects"] if one["level"] == 20)
        assert (level["measure"], level["unit"], level["level_from"]) == ("wait", "minutes", "configuration")


def test_a_hidden_cause_in_the_graph_is_a_reason(analysed: tuple[Settings, Dataset, Table]) -> None:
    """A company that draws a hidden cause of outages and opinions gets no effect of outages; and none of what they cause is held fixed."""
    pytest.importorskip("econml", reason="the adjusted tier needs the extra 'adjusted'")
    hidden = Graph(edges=("area -> outage", "area -> nps", "outage -> support_call"), hidden=("area",))
    outage = next(one for one in _told(analysed, graph=hidden)["effects"] if one["touchpoint"] == "outage")
    assert outage["status"] == "not_identified"
    assert "area" in outage["reason"]
    assert outage["effect"] is None
    assert outage["caused"] == ["support_call"]


def test_money_has_no_placebo(company: Demo, tmp_path: Path) -> None:
    """What comes after as_of may move the money that follows: it is no placebo there, and no effect is thrown away for it."""
    pytest.importorskip("econml", reason="the adjusted tier needs the extra 'adjusted'")
    made = company.copy(tmp_path)
    changed = {
        "targets": {"value": {"kind": "spend", "horizon_days": 90, "drivers": True}},
        "drivers": {"repeats": 1, "half_samples": 2, "bootstraps": 20, "max_rows": 3000},
    }
    written = yaml.safe_load(made.config.read_text(encoding="utf-8")) | changed
    made.config.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
    settings = load(made.config)
    with open_tables(settings) as tables:
        data = dataset.read(dataset.make(tables, settings, "value"))
        found = table(tables, settings, data, None, content.places(tables, settings))
        assert found.result is not None
        # Whatever is confirmed in this small company: one touchpoint is asked for its effect.
        status = ["key_driver" if block.name == "outage" else "candidate" for block in found.result.problem.blocks]
        result = replace(found.result, standing=replace(found.result.standing, status=tuple(status)))
        told = tell(tables, settings, data, result, found.prepared.rows, None, lambda _message, _part: None)
    assert told is not None
    assert {one["touchpoint"] for one in told["effects"]} == {"outage"}
    assert all(one["placebo"] is None and one["status"] != "placebo_failed" for one in told["effects"])


def test_without_the_extra_it_says_so(
    analysed: tuple[Settings, Dataset, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The analysis goes on, and the tier says that it needs a package."""
    monkeypatch.setattr(adjusted, "available", lambda: False)
    told = _told(analysed)
    assert (told["status"], told["effects"]) == ("not_installed", [])


def test_a_consequence_of_the_answer_fails_the_placebo(analysed: tuple[Settings, Dataset, Table]) -> None:
    """Were the retention call among the drivers, calls after the answer would seem to move it, and nothing would be claimed."""
    pytest.importorskip("econml", reason="the adjusted tier needs the extra 'adjusted'")
    settings, data, _ = analysed
    with open_tables(settings) as tables:
        reader = Treatments(tables, data.customer_id, data.as_of, 365)
        after, over = reader.after("callback_after_survey", 90)
    points = np.where(data.label <= 6, -100.0, np.where(data.label >= 9, 100.0, 0.0))[over]
    study = adjusted.Study(points, data.customers[over], np.ones(int(over.sum())), "linear")
    fixed = data.X[over].astype(np.float32)
    found = adjusted.effect(study, after[over], fixed, seed=1)
    assert found.excludes_zero(0.01)
    assert found.value < -20
