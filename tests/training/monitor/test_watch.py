from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import monitor
from configs.settings import Settings
from training.monitor.limits import Contact
from training.monitor.periods import Periods
from training.monitor.verdict import WATCH, Reason
from training.monitor.watch import Seen, compare


def facts(model: monitor.Model, used: Settings, world: str, when: str = "after") -> dict[str, Any]:
    return monitor.look(model, monitor.WORLDS[world], used, 1)[when]


def codes(found: dict[str, Any], part: str = "reasons") -> set[str]:
    return {item["code"] for item in found[part]}


def nothing() -> Seen:
    none = np.zeros(0, dtype=np.int64)
    return Seen(Periods(np.zeros(0, dtype=object), none, np.zeros(0), none, ()), np.zeros(0), None)


def test_without_change_the_model_is_kept(model: monitor.Model, used: Settings) -> None:
    """Nothing is found before or after labels, and both looks say on what they rest."""
    before, after = (facts(model, used, "unchanged", when) for when in ("before", "after"))
    assert (before["verdict"], codes(before)) == ("keep", {"quiet"})
    assert (after["verdict"], codes(after)) == ("keep", {"holds"})
    assert before["realised"] is None
    assert after["realised"]["rows"] == 3000
    assert len(after["realised"]["as_of"]) == len(after["periods"]) == 3


def test_before_labels_it_says_when_there_will_be_some(model: monitor.Model, used: Settings) -> None:
    """The first day with outcomes is named, and so is the bias of contacts, for which no column is known."""
    limits = facts(model, used, "unchanged", "before")["limits"]
    assert codes({"limits": limits}, "limits") == {"no_labels", "contact"}
    assert limits[0]["figures"]["first"].startswith("20")


def test_a_changed_relation_asks_for_a_training(model: monitor.Model, used: Settings) -> None:
    """It cannot be seen before labels, and with them it asks for a training with its figures."""
    found = facts(model, used, "relation_gone")
    assert found["verdict"] == "retrain"
    excess = found["realised"]["excess"]
    assert excess["high"] > excess["value"] > excess["low"] > found["realised"]["tolerance"] > 0
    assert facts(model, used, "relation_gone", "before")["verdict"] == "keep"


def test_a_moved_level_asks_for_calibration(model: monitor.Model, used: Settings) -> None:
    """More leave, the order is right: recalibrate and watch, do not train."""
    found = facts(model, used, "level")
    assert (found["verdict"], found["advice"]) == ("watch", "recalibrate")
    assert "level" in codes(found)


@pytest.mark.parametrize(("world", "feature"), [("customers", "n0"), ("missing", "n1"), ("unit", "n2")])
def test_moved_features_are_named(model: monitor.Model, used: Settings, world: str, feature: str) -> None:
    """The column that moved is the first of the list, with the index, where its alarm begins, and what it matters."""
    found = facts(model, used, world, "before")
    first = found["features"]["list"][0]
    assert found["verdict"] == "watch"
    assert first["moved"]
    assert feature in first["feature"]
    assert 0.0 <= first["weight"] <= 1.0
    if world == "missing":
        assert first["nulls"] > first["nulls_before"] + 0.15
    else:
        assert first["psi"] > first["critical"] > 0.0


def test_what_grows_older_every_month_is_no_alarm(model: monitor.Model, used: Settings) -> None:
    """A feature that moved between the taught months as well is not called moved."""
    listed = facts(model, used, "unchanged")["features"]["list"]
    old = next(item for item in listed if "old" in item["feature"])
    assert old["usual"] > 0.03
    assert not old["moved"]


def test_an_older_bundle_says_what_cannot_be_told(model: monitor.Model, used: Settings) -> None:
    """Without a baseline nothing is said of features; realised loss is held against what calibration implies."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.02, 0.3, 2000)
    label = (rng.random(2000) < p).astype(float)
    none = np.zeros(2000, dtype=np.int64)
    ids = np.array([f"c{n}" for n in range(2000)], dtype=object)
    periods = Periods(ids, none, label, none, (0,))
    found = compare(model.bundle, None, Seen(periods, p, None), draws=50, seed=1)
    assert found["features"] is found["scores"] is found["reference"] is None
    assert "no_baseline" in codes(found, "limits")
    assert found["verdict"] == "keep"
    unknown = replace(periods, label=np.full(2000, np.nan))
    assert codes(compare(model.bundle, None, Seen(unknown, p, None), draws=50, seed=1)) == {"untold"}


def test_no_row_and_few_labels_are_limits(model: monitor.Model) -> None:
    """Without rows there is nothing to compare and it is said; with a handful of labels their number is."""
    empty = compare(model.bundle, model.baseline, nothing(), draws=10, seed=1)
    assert codes(empty) == {"untold"}
    assert "no_rows" in codes(empty, "limits")
    n = 40
    label = np.where(np.arange(n) < 20, 1.0, 0.0)
    zeros = np.zeros(n, dtype=np.int64)
    ids = np.array([f"c{i}" for i in range(n)], dtype=object)
    few = Seen(Periods(ids, zeros, label, zeros, (0,)), np.full(n, 0.1), None)
    found = compare(model.bundle, model.baseline, few, draws=10, seed=1)
    assert found["realised"] is None
    assert {"rows": 40, "least": 100} in [item["figures"] for item in found["limits"]]


def test_contacted_customers_are_told_apart(model: monitor.Model, used: Settings) -> None:
    """Where a column says who was contacted, predicted and observed level stand per group, and the limit names the column."""
    rng = np.random.default_rng(5)
    n = 3000
    p = rng.uniform(0.05, 0.4, n)
    contacted = rng.random(n) < 0.5
    label = (rng.random(n) < np.where(contacted, 0.5 * p, p)).astype(float)
    zeros = np.zeros(n, dtype=np.int64)
    ids = np.array([f"c{i}" for i in range(n)], dtype=object)
    seen = Seen(Periods(ids, zeros, label, zeros, (0,)), p, None)
    contact = Contact("no_contact", {name: "0" if flag else "1" for name, flag in zip(ids, contacted, strict=True)})
    found = compare(model.bundle, None, seen, draws=used.validation.bootstraps, seed=1, contact=contact)
    with_contact, without = found["realised"]["by_contact"]
    assert with_contact["observed"] < 0.7 * with_contact["predicted"]
    assert without["observed"] == pytest.approx(without["predicted"], rel=0.15)
    assert {"column": "no_contact"} in [item["figures"] for item in found["limits"]]


def test_reasons_from_elsewhere_count(model: monitor.Model) -> None:
    """A reason that was found beside, such as values never seen, takes part in the verdict."""
    beside = [Reason("unseen", WATCH, {"column": "customers.plan", "share": 0.2, "values": ["gold"]})]
    found = compare(model.bundle, model.baseline, nothing(), draws=10, seed=1, beside=beside)
    assert found["verdict"] == "watch"
    assert codes(found) == {"unseen"}


def test_facts_are_plain_json(model: monitor.Model, used: Settings) -> None:
    """Everything can be written without a number that JSON does not know."""
    text = json.dumps(facts(model, used, "unit"), allow_nan=False)
    assert json.loads(text)["task"] == "binary"
