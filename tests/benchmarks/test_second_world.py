"""The second world keeps its promises: what truth.json says can be seen in the tables, and the product reads them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from benchmarks.second_world import Spec, Truth, make
from benchmarks.second_world.__main__ import main
from benchmarks.second_world.folder import START
from benchmarks.second_world.shapley import Game, values
from configs.settings import load
from features.check import check_tables
from features.tables import open_tables

NOW = 1_800_000_000_000_000  # after every world's last day
SEED = 31
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class World:
    """A world with what its tables hold, as arrays: moments in days since the start."""

    truth: Truth
    customer: np.ndarray
    at: np.ndarray
    name: np.ndarray
    end: dict[str, float]
    score: np.ndarray

    def role(self, role: str) -> str:
        """The first touchpoint of a role."""
        return str(next(kind["touchpoint"] for kind in self.truth.facts["kinds"] if kind["role"] == role))

    def ends(self, chosen: np.ndarray) -> np.ndarray:
        """End of the customer of each chosen encounter."""
        return np.array([self.end[customer] for customer in self.customer[chosen]])


def days(column: Any) -> np.ndarray:
    return (column.to_numpy().astype("datetime64[us]") - START) / DAY


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of 2,500 answers with every difficulty."""
    truth = make(tmp_path_factory.mktemp("second") / "world", Spec(answers=2500), SEED)
    met = pq.read_table(truth.folder / "touchpoints.parquet")
    held = pq.read_table(truth.folder / "subscriptions.parquet")
    end = np.where(held["ended_at"].is_null().to_numpy(), np.inf, days(held["ended_at"].fill_null(0)))
    asked = csv.read_csv(truth.folder / "surveys.csv")
    return World(
        truth=truth,
        customer=met["customer_id"].to_numpy(),
        at=days(met["occurred_at"]),
        name=met["touchpoint"].to_numpy(),
        end=dict(zip(held["customer_id"].to_pylist(), end.tolist(), strict=True)),
        score=asked["score"].to_numpy(),
    )


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """The same spec and seed give the same bytes; another seed gives other tables and other effects."""
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    spec = Spec(answers=300)
    truth = make(first, spec, 5)
    make(second, spec, 5)
    another = make(other, spec, 6)
    assert digests(first) == digests(second)
    assert all(value != digests(other)[name] for name, value in digests(first).items())
    weights = [{item["weight"] for item in known.of("nps")["drivers"]} for known in (truth, another)]
    assert not weights[0] & weights[1]


def test_the_product_reads_it(tmp_path: Path) -> None:
    """The configuration loads and `check` finds no error, in a world that the command wrote."""
    assert main([str(tmp_path / "world"), "--answers", "600", "--seed", "3"]) == 0
    settings = load(tmp_path / "world" / "world.yaml")
    assert set(settings.targets) == {"churn", "nps", "value"}
    with open_tables(settings) as tables:
        found = check_tables(tables, NOW)
    assert [item for item in found if item.level == "error"] == []
    assert "unanswered" in {item.code for item in found}


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    """A folder that holds something else is refused; an earlier world is written over."""
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="something else"):
        make(tmp_path, Spec(answers=300), 1)
    make(tmp_path / "world", Spec(answers=300), 1)
    assert make(tmp_path / "world", Spec(answers=300), 2).facts["seed"] == 2


@pytest.mark.parametrize(
    ("wrong", "said"), [({"answers": 10}, "too few"), ({"monthly_churn": 0.5}, "outside"), ({"churners": 3}, "too few")]
)
def test_worlds_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    """A size that makes no world is refused."""
    with pytest.raises(ValueError, match=said):
        Spec(**wrong)


def test_the_written_truth_is_the_returned_one(world: World) -> None:
    """truth.json holds what `make` returns."""
    assert json.loads((world.truth.folder / "truth.json").read_text(encoding="utf-8")) == world.truth.facts


def test_sizes_are_as_asked(world: World, tmp_path: Path) -> None:
    """Answers and churners come out near the wished numbers."""
    facts = world.truth.facts
    assert abs(facts["survey"]["answered"] - 2500) < 150
    assert np.isfinite(world.score).sum() == facts["survey"]["answered"]
    other = make(tmp_path / "world", Spec(answers=600, churners=250), 9).facts
    assert abs(other["churners"] - 250) < 50
    assert abs(other["survey"]["answered"] - 600) < 75


@pytest.mark.parametrize("target", ["nps", "churn"])
def test_truth_is_whole(world: World, target: str) -> None:
    """Shares sum to 1, every touchpoint has one place, drivers are large enough to be found, and roles show."""
    known = world.truth.of(target)
    drivers = {item["touchpoint"]: item for item in known["drivers"]}
    assert sum(known["true_share"].values()) == pytest.approx(1.0, abs=1e-4)
    assert sum(known["true_share_latent"].values()) == pytest.approx(1.0, abs=1e-4)
    assert 5 <= len(drivers) <= 8
    assert min(item["share"] for item in drivers.values()) > 0.04
    assert len(known["nulls"]) >= 8
    assert set(drivers).isdisjoint(known["nulls"])
    assert set(known["consequences"]).isdisjoint(known["nulls"])
    for item in drivers.values():
        expected = {"breaker": -1.0, "maker": 1.0, "linear": 0.0}[item["shape"]]
        assert abs(item["asymmetry"] - expected) < 0.33
        assert 0 < item["reach"] <= 1
        assert item["depth"] > 0
    deep = next(item for item in drivers.values() if item["role"] == "deep")
    assert 0.03 < deep["reach"] < 0.16
    median = np.median([item["depth"] for item in drivers.values()])
    assert deep["depth"] > 1.2 * median
    if target == "nps":
        assert {name for name, item in drivers.items() if item["moment"]} == {
            name for name, item in drivers.items() if item["depth"] > 1.5 * median
        }


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_worlds_differ_within_limits(tmp_path: Path, seed: int) -> None:
    """Other seeds keep the mix of answers and at least eight nulls beside true drivers that are not tiny."""
    truth = make(tmp_path / "world", Spec(answers=1000), seed)
    mix = truth.facts["survey"]["share_asked"]
    assert 0.3 < mix["promoter"] < 0.52
    assert 0.17 < mix["detractor"] < 0.33
    for target in ("nps", "churn"):
        assert len(truth.of(target)["nulls"]) >= 8
        assert min(item["share"] for item in truth.of(target)["drivers"]) > 0.03


def test_nothing_after_the_end(world: World) -> None:
    """Nobody who left is met again, but at the desk that exists because of it."""
    late = world.at > world.ends(np.ones(len(world.at), dtype=bool)) + timedelta(seconds=1) / timedelta(days=1)
    assert set(world.name[late]) == {world.role("desk")}


def test_consequences_lie_where_they_should(world: World) -> None:
    """Most of the desk's encounters lie in the month before an end or after it, most call-backs after a detractor's answer."""
    desk = world.name == world.role("desk")
    near = world.ends(desk) - world.at[desk] <= 30
    assert near.mean() > 0.7
    asked = csv.read_csv(world.truth.folder / "surveys.csv")
    low: dict[str, list[float]] = {}
    for customer, at, score in zip(
        asked["customer_id"].to_pylist(), days(asked["answered_at"]), world.score, strict=True
    ):
        if score <= 6:
            low.setdefault(customer, []).append(at)
    called = np.flatnonzero(world.name == world.role("callback"))
    after = [any(0 < world.at[i] - at <= 14 for at in low.get(world.customer[i], [])) for i in called]
    assert np.mean(after) > 0.6


def test_unhappy_people_meet_one_touchpoint_more_often(world: World) -> None:
    """One kind is more frequent in the two months before an end, by a factor that is no consequence's."""
    ratios = {}
    for role in ("unhappy", "frequent"):
        chosen = world.name == world.role(role)
        before = world.ends(chosen) - world.at[chosen]
        near, earlier = ((before > 0) & (before <= 60)).sum(), ((before > 180) & (before <= 300)).sum()
        ratios[role] = near / earlier * 2
    assert ratios["unhappy"] > 1.15 * ratios["frequent"]
    chosen = world.name == world.role("unhappy")
    assert (world.ends(chosen) - world.at[chosen] <= 30).mean() < 0.25


def test_proxies_come_with_their_hosts(world: World) -> None:
    """Most of a proxy's encounters lie within two days after one of its host's."""
    for proxy, host in world.truth.of("nps")["proxies"].items():
        parts = [(world.name == name) for name in (host, proxy)]
        ids = np.unique(world.customer, return_inverse=True)[1] * 10_000.0
        first, second = (np.sort(ids[part] + world.at[part]) for part in parts)
        place = np.searchsorted(first, second, side="right") - 1
        lag = second - first[np.maximum(place, 0)]
        shifted = second + 30
        by_chance = shifted - first[np.maximum(np.searchsorted(first, shifted, side="right") - 1, 0)]
        # some hosts are rare, so that the proxy's own encounters are most of it: beside chance it still stands out
        assert ((place >= 0) & (lag <= 2.01)).mean() > 2 * (by_chance <= 2.01).mean()


def test_answers_are_missing_for_a_reason(world: World, tmp_path: Path) -> None:
    """Those who answer say something else than all who were asked would; without that difficulty they do not."""
    survey = world.truth.facts["survey"]
    assert abs(survey["nps_answered"] - survey["nps_asked"]) > 4
    rates = list(survey["answer_rate_of"].values())
    assert rates == sorted(rates, reverse=rates[0] > rates[-1])
    plain = make(tmp_path / "world", Spec(answers=2500, non_response=False), SEED).facts["survey"]
    assert abs(plain["nps_answered"] - plain["nps_asked"]) < 4


def test_difficulties_are_told(world: World) -> None:
    """The hidden trait adds to what association shows, mediation to the direct effect, and healing has a size."""
    for target in ("nps", "churn"):
        known = world.truth.of(target)
        (confounded,) = known["confounded"]
        assert confounded["association"]["strength"] > 1.1 * confounded["causal"]["strength"]
        (mediated,) = known["mediation"]
        assert mediated["total"]["strength"] > 1.05 * mediated["direct"]["strength"]
        (healed,) = known["interactions"]
        assert healed["multiplier"] < 1
        assert healed["healer"]["strength"] > 0


def test_difficulties_can_be_left_out(tmp_path: Path) -> None:
    """A switch that is off leaves nothing of its difficulty."""
    off = Spec(answers=400, hidden_confounder=False, interactions=False, mediation=False, consequences=False)
    known = make(tmp_path / "world", off, SEED).of("nps")
    assert [known[name] for name in ("confounded", "interactions", "mediation", "consequences")] == [[], [], [], []]
    assert set(known["true_share"]) == {item["touchpoint"] for item in known["drivers"]}


def test_null_world(tmp_path: Path) -> None:
    """Where nothing moves loyalty there is no driver, no confounding, and everything but consequences is null."""
    truth = make(tmp_path / "world", Spec(answers=800, null=True), SEED)
    for target in ("nps", "churn"):
        known = truth.of(target)
        assert known["drivers"] == []
        assert known["true_share"] == {}
        assert known["confounded"] == []
        assert len(known["nulls"]) + len(known["consequences"]) == len(truth.facts["kinds"])
    assert truth.facts["churners"] > 50


def test_values_of_a_sum() -> None:
    """Where effects only add up, a value is the effect beside the background's mean, and the distance the effect itself."""
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(400, 3))
    found, distance = values(rng, Game(effects, lambda total: total))
    centred = found - found.mean(axis=0)
    assert np.allclose(centred, effects - effects.mean(axis=0))
    assert np.allclose(distance, effects)


def test_values_of_a_product() -> None:
    """An interaction's values add up to the outcome beside the background's, and a healer is worth the more, the more hurts."""
    rng = np.random.default_rng(1)
    effects = np.column_stack([-rng.exponential(size=500), rng.uniform(size=500), rng.normal(size=500)])
    game = Game(effects, lambda total: total, hurt=0, healer=1, multiplier=0.2)
    found, distance = values(rng, game)
    outcome = effects[:, 0] * (1 - 0.8 * effects[:, 1]) + effects[:, 2]
    gap = found.sum(axis=1) - outcome
    assert np.ptp(gap) < 1e-9
    assert np.all(distance[:, 1] >= 0)
    assert np.all(distance[:, 0] <= 0)
    assert np.corrcoef(distance[:, 1], -effects[:, 0] * effects[:, 1])[0, 1] > 0.5
