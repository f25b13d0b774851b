"""What a sceptic asks is answered from the analysis itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml

from configs.settings import load
from drivers.audit import TWINS, _twins, audit
from drivers.core import analyse_arrays
from drivers.problems import prepare
from features.tables import open_tables
from tests.conftest import Demo
from tests.drivers import worlds
from training import dataset


@pytest.fixture(scope="module")
def told(company: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The audit of the demo company's recommendation, with one touchpoint left out as late."""
    demo = company.copy(tmp_path_factory.mktemp("audit"))
    content = yaml.safe_load(demo.config.read_text(encoding="utf-8")) | {"targets": {"nps": {"kind": "survey"}}}
    demo.config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    settings = load(demo.config)
    options = worlds.options()
    with open_tables(settings) as tables:
        data = dataset.read(dataset.make(tables, settings, "nps"))
        problem = prepare(tables, settings, data, {"retention_call"}).problem
    return audit(analyse_arrays(problem, options, seed=1), data, {"retention_call"}, options)


def test_left_out_features_are_named_by_reason(told: dict[str, Any]) -> None:
    """Earlier answers, totals and what follows from the outcome are named; no feature has two reasons."""
    left = told["left_out"]
    assert {"earlier_answers", "over_touchpoints", "follows_outcome"} <= set(left)
    assert all("retention_call" in name for name in left["follows_outcome"])
    names = [name for some in left.values() for name in some]
    assert len(names) == len(set(names))


def test_rules_and_rows_are_those_that_were_used(told: dict[str, Any]) -> None:
    """Tested touchpoints, folds and rows are counted."""
    assert told["rules"]["tested"] == 19
    assert told["rules"]["folds"] == worlds.options().folds
    assert told["rows"]["analysed"] <= told["rows"]["all"]
    assert told["rows"]["customers"] > 300
    assert told["blind_spots"]["met_nowhere"] < 0.2
    assert "newsletter" in told["blind_spots"]["not_measured"]


def test_explained_parts_add_up(told: dict[str, Any]) -> None:
    """Touchpoints, circumstances and what moves with both are all of what is explained; slopes of both lie near one."""
    assert sum(told["explained"].values()) == pytest.approx(1.0)
    assert told["calibration"]["touchpoints"]["low"] < 1.3
    assert told["calibration"]["touchpoints"]["high"] > 0.7


def test_seeds_hold_their_shares(told: dict[str, Any]) -> None:
    """The range over repeats is a range, of touchpoints that have a strength."""
    shares = told["seeds"]["shares"]
    assert shares
    assert all(0 <= one["low"] <= one["high"] <= 1 for one in shares)


def test_twins_are_shown_together(told: dict[str, Any]) -> None:
    """A message that follows three of four outages is their twin; two kinds that have nothing in common are not."""
    pairs = [set(twin["touchpoints"]) for twin in told["twins"]]
    assert {"outage", "status_message"} in pairs or {"delivery", "delivery_tracking"} in pairs
    assert {"bill", "store_visit"} not in pairs
    assert all(max(twin["met_together"], twin["values_together"]) >= TWINS for twin in told["twins"])


def test_twins_of_the_same_columns() -> None:
    """Two touchpoints that are one under two names have one joint strength, larger than each alone."""
    world = worlds.make(3, rows=1500)
    result = analyse_arrays(world.problem, worlds.options(half_samples=2, repeats=1), seed=1)
    names = [block.name for block in result.problem.blocks]
    values = result.values.copy()
    values[:, names.index("mail")] = values[:, names.index("outage")]
    slope = result.slope.copy()
    slope[names.index("mail")] = slope[names.index("outage")]
    twins = _twins(replace(result, values=values, slope=slope))
    joint = next(twin["joint_strength"] for twin in twins if set(twin["touchpoints"]) == {"mail", "outage"})
    own = slope[names.index("outage")] * values[:, names.index("outage")]
    alone = float(np.abs(own - own.mean()).mean())
    assert joint == pytest.approx(2 * alone)
