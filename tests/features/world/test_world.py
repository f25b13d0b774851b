"""The synthetic company: its files, its promised rates, and that the planted effects are really in the data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from configs.errors import DataError
from features import schema
from features.world import World, make_world, story
from features.world.folder import FILES, TABLES
from features.world.journey import KINDS, LANGUAGES, MEASURES

SIZE = 3_000


@dataclass(frozen=True)
class Read:
    """A world and its five tables as pandas reads them, times parsed."""

    world: World
    touchpoints: pd.DataFrame
    customers: pd.DataFrame
    surveys: pd.DataFrame
    transactions: pd.DataFrame
    subscriptions: pd.DataFrame

    @property
    def ends(self) -> pd.DataFrame:
        """Contracts that ended in a farewell."""
        ended = self.subscriptions["end_reason"].notna() & (self.subscriptions["end_reason"] != "plan_change")
        return self.subscriptions[ended]

    @property
    def nps(self) -> pd.DataFrame:
        """Answers to relationship surveys."""
        return self.surveys[self.surveys["metric"] == "nps"]

    def dated(self, kind: str) -> pd.DataFrame:
        """customer_id and occurred_at of one kind of encounter."""
        chosen = self.touchpoints["touchpoint"] == kind
        return self.touchpoints.loc[chosen, ["customer_id", "occurred_at", *(m["column"] for m in MEASURES.values())]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    world = make_world(tmp_path_factory.mktemp("world") / "acme", customers=SIZE, seed=7)
    frames = {}
    for name, file in TABLES.items():
        path = world.folder / file
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        for column, kind in schema.TABLES[name].types.items():
            if kind == "time" and column in frame:
                frame[column] = pd.to_datetime(frame[column], utc=True)
        frames[name] = frame
    return Read(world, **frames)


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def met_before(answers: pd.DataFrame, encounters: pd.DataFrame, days: int) -> pd.Series:
    """For each answer: how many of the encounters lie in the days before it."""
    pairs = answers.reset_index(names="row").merge(encounters, on="customer_id")
    ago = pairs["answered_at"] - pairs["occurred_at"]
    inside = (ago > pd.Timedelta(0)) & (ago < pd.Timedelta(days=days))
    return pairs[inside].groupby("row").size().reindex(answers.index, fill_value=0)


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Seed and size decide every byte of every file."""
    one = make_world(tmp_path / "one", customers=300, seed=3)
    two = make_world(tmp_path / "two", customers=300, seed=3)
    assert digests(one.folder) == digests(two.folder)


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    """Another seed makes another company in every file."""
    one, two = (digests(make_world(tmp_path / str(seed), customers=300, seed=seed).folder) for seed in (3, 4))
    assert all(one[name] != two[name] for name in FILES)


def test_columns_are_the_canonical_ones(read: Read) -> None:
    """Every column is canonical, a declared measure, or an attribute; the required ones are complete and well typed."""
    measures = {measure["column"] for measure in MEASURES.values()}
    for name, table in schema.TABLES.items():
        frame: pd.DataFrame = getattr(read, name)
        assert set(table.required) <= set(frame.columns)
        assert frame[list(table.required)].notna().all().all()
        if name != "customers":
            assert set(frame.columns) <= set(table.types) | (measures if name == "touchpoints" else set())
        for column, kind in table.types.items():
            if column in frame and kind == "number":
                assert pd.api.types.is_numeric_dtype(frame[column])


def test_ids_are_unique_and_customers_known(read: Read) -> None:
    """Customer ids and event ids are unique, and every event belongs to a customer."""
    assert len(read.customers) == SIZE
    assert read.customers["customer_id"].is_unique
    assert (read.customers["customer_id"].str.match(r"C\d{6}$")).all()
    for frame in (read.touchpoints, read.surveys, read.transactions, read.subscriptions):
        assert frame["event_id"].is_unique
        assert frame["customer_id"].isin(read.customers["customer_id"]).all()


def test_times_lie_in_the_period_and_in_order(read: Read) -> None:
    """Events lie within the two years, are recorded after they happened, and contracts end after they start."""
    for frame, column in (
        (read.touchpoints, "occurred_at"),
        (read.surveys, "answered_at"),
        (read.transactions, "occurred_at"),
    ):
        assert frame[column].between(story.START, story.STOP, inclusive="left").all()
    assert (read.touchpoints["recorded_at"] > read.touchpoints["occurred_at"]).all()
    assert (read.touchpoints["recorded_at"] < story.STOP).all()
    ended = read.subscriptions.dropna(subset=["ended_at"])
    assert (ended["ended_at"] >= ended["started_at"]).all()
    assert (ended["ended_at"] < story.STOP).all()


def test_nobody_has_two_contracts_at_once(read: Read) -> None:
    """A customer's contracts follow each other; a change of plan ends one at the instant the next one starts."""
    contracts = read.subscriptions.sort_values(["customer_id", "started_at"])
    following = contracts.groupby("customer_id")["started_at"].shift(-1)
    followed = following.notna()
    assert (contracts.loc[followed, "ended_at"] <= following[followed]).all()
    changed = contracts["end_reason"] == "plan_change"
    assert (contracts.loc[changed, "ended_at"] == following[changed]).all()
    gap = following[followed & ~changed] - contracts.loc[followed & ~changed, "ended_at"]
    assert len(gap) > 10  # some came back
    assert gap.min() >= pd.Timedelta(days=story.RETURN_GAP_DAYS)


def test_after_an_end_only_farewells_follow(read: Read) -> None:
    """Outside contracts there are final bills and retention calls alone, and both soon after an end."""
    contracts = read.subscriptions[["customer_id", "started_at", "ended_at"]].sort_values("started_at")
    events = read.touchpoints[["customer_id", "occurred_at", "touchpoint"]].sort_values("occurred_at")
    last = pd.merge_asof(events, contracts, left_on="occurred_at", right_on="started_at", by="customer_id")
    assert last["started_at"].notna().all()
    after = last[last["ended_at"] <= last["occurred_at"]]
    assert set(after["touchpoint"]) == set(story.AFTER_END)
    days = (after["occurred_at"] - after["ended_at"]).dt.total_seconds() / story.DAY
    assert (days <= after["touchpoint"].map(story.AFTER_END)).all()


def test_every_touchpoint_has_a_name_in_every_language(read: Read) -> None:
    """The configuration names, places and gives an owner to every kind, in four languages and their own letters."""
    journey = yaml.safe_load(read.world.config.read_text(encoding="utf-8"))["journey"]
    assert set(journey) == set(read.touchpoints["touchpoint"]) == {kind.name for kind in KINDS}
    for entry in journey.values():
        assert entry["stage"]
        assert entry["department"]
        assert set(entry["label"]) == set(LANGUAGES)
        assert len(set(entry["label"].values())) == len(LANGUAGES)


def test_the_configuration_loads_as_settings(read: Read) -> None:
    """The written configuration passes validation, and its paths lead to the tables beside it."""
    settings = pytest.importorskip("configs.settings").load(read.world.config)
    assert set(settings.targets) == {"churn", "nps", "value"}
    assert settings.output == read.world.folder / "out"
    assert all(Path(settings.resolve(table.path)).is_file() for table in settings.data.tables.values())


def test_rates_are_the_promised_ones(read: Read) -> None:
    """About 2 % leave a month, half are promoters, a fifth detractors, and there are answers enough."""
    stops = pd.date_range(story.START, periods=story.MONTHS, freq="MS")
    started, ended = read.subscriptions["started_at"], read.subscriptions["ended_at"]
    active = sum(int(((started <= stop) & ~(ended <= stop)).sum()) for stop in stops)
    assert 0.016 < len(read.ends) / active < 0.024
    scores = read.nps["score"]
    assert 3_000 < len(scores) < 6_000
    assert 0.45 < (scores >= 9).mean() < 0.55
    assert 0.18 < (scores <= 6).mean() < 0.26
    assert set(read.surveys["metric"]) == {"nps", "csat", "ces"}
    assert read.surveys.loc[read.surveys["metric"] != "nps", "touchpoint"].notna().all()
    assert 0.01 < read.touchpoints["comment"].notna().mean() < 0.10


def test_the_deep_encounters_move_the_score(read: Read) -> None:
    """Answers within 180 days of an outage or an error are far lower, after a punctual technician far higher."""
    for kind, low, high in (("outage", -9.0, -1.5), ("billing_error", -3.0, -0.4), ("loyalty_offer", 0.2, 2.0)):
        met = met_before(read.nps, read.dated(kind), 180) > 0
        change = read.nps.loc[met, "score"].mean() - read.nps.loc[~met, "score"].mean()
        assert low < change < high, kind
    visits = read.dated("technician_visit")
    punctual = met_before(read.nps, visits[visits["late_days"] == 0], 180) > 0
    late = met_before(read.nps, visits[visits["late_days"] > 1], 180) > 0
    usual = read.nps.loc[~punctual & ~late, "score"].mean()
    assert read.nps.loc[punctual, "score"].mean() - usual > 0.8
    assert abs(read.nps.loc[late & ~punctual, "score"].mean() - usual) < 0.6


def test_waiting_harms_beyond_the_knee_only(read: Read) -> None:
    """A call answered within twenty minutes leaves the score alone; one of more than thirty costs more than a point."""
    calls = read.dated("support_call")
    quick = met_before(read.nps, calls[calls["wait_min"] <= story.KNEE.response.at], 90) > 0
    slow = met_before(read.nps, calls[calls["wait_min"] > story.KNEE.response.at + 10], 90) > 0
    neither = read.nps.loc[~quick & ~slow, "score"].mean()
    assert abs(read.nps.loc[quick & ~slow, "score"].mean() - neither) < 0.35
    assert read.nps.loc[slow, "score"].mean() - neither < -0.8


def test_null_kinds_leave_the_score_alone(read: Read) -> None:
    """Noise has next to no correlation with the score; a proxy only what its true neighbour explains."""
    nulls = read.world.truth["nulls"]["nps"]
    assert {"newsletter", "app_login", "website_visit", "marketing_call"} <= set(nulls)
    score = read.nps["score"].to_numpy(dtype=float)
    for kind in nulls:
        count = met_before(read.nps, read.dated(kind), 180).to_numpy(dtype=float)
        near = read.world.truth["proxies"].get(kind)
        if near is None:
            assert abs(np.corrcoef(count, score)[0, 1]) < 0.08, kind
        else:
            alone = met_before(read.nps, read.dated(near), 365).to_numpy() == 0
            assert abs(np.corrcoef(count[alone], score[alone])[0, 1]) < 0.10, kind


def test_planted_churn_effects_are_in_the_data(read: Read) -> None:
    """Before a farewell outages, errors, complaints and price notices lie closer together than usual, noise does not."""
    created = read.customers.set_index("customer_id")["created_at"]
    first = created.where(created > story.START, pd.Timestamp(story.START))
    last = read.ends.groupby("customer_id")["ended_at"].min().reindex(first.index).fillna(pd.Timestamp(story.STOP))
    exposure = (last - first).dt.total_seconds().clip(lower=0).sum() / story.DAY
    ends = read.ends.rename(columns={"ended_at": "answered_at"})
    for kind, low, high in (
        ("outage", 2.0, 9.0),
        ("billing_error", 1.2, 5.0),
        ("complaint", 1.3, 6.0),
        ("price_change_notice", 1.2, 4.0),
        ("newsletter", 0.8, 1.15),
        ("app_login", 0.8, 1.15),
    ):
        usual = len(read.dated(kind)) / exposure * 90
        assert low < met_before(ends, read.dated(kind), 90).mean() / usual < high, kind


def test_consequences_follow_outcomes_and_complaints_do_not(read: Read) -> None:
    """Most retention calls and call-backs lie around an end or after an answer; complaints are more frequent there, no more."""

    def share_near(kind: str) -> tuple[float, float]:
        events = read.dated(kind).reset_index(names="row")
        ends = events.merge(read.ends[["customer_id", "ended_at"]], on="customer_id")
        near_end = ends[ends["occurred_at"] > ends["ended_at"] - pd.Timedelta(days=30)]["row"].nunique()
        answers = events.merge(read.nps[["customer_id", "answered_at"]], on="customer_id")
        ago = answers["occurred_at"] - answers["answered_at"]
        near = (ago > pd.Timedelta(0)) & (ago < pd.Timedelta(days=14))
        return near_end / len(events), answers[near]["row"].nunique() / len(events)

    named = {entry["touchpoint"] for entry in read.world.truth["consequences"]}
    assert named == {"retention_call", "callback_after_survey"}
    assert share_near("retention_call")[0] > 0.6
    assert share_near("callback_after_survey")[1] > 0.95
    assert share_near("complaint")[0] < 0.25
    assert share_near("complaint")[1] < 0.25


def test_truth_is_whole_and_adds_up(read: Read) -> None:
    """Shares add up to one, every kind has exactly one role per target, and only moments of truth are that deep."""
    truth = read.world.truth
    assert json.loads((read.world.folder / "truth.json").read_text(encoding="utf-8")) == truth
    consequences = [entry["touchpoint"] for entry in truth["consequences"]]
    for target in ("nps", "churn"):
        drivers = {entry["touchpoint"]: entry for entry in truth["drivers"][target]}
        assert sum(truth["true_share"][target].values()) == pytest.approx(1.0, abs=1e-4)
        assert min(truth["true_share"][target].values()) > 0.04
        assert sorted([*drivers, *truth["nulls"][target], *consequences]) == sorted(kind.name for kind in KINDS)
        moments = {entry["touchpoint"] for entry in truth["moments_of_truth"][target]}
        deep = 1.5 * float(np.median([entry["depth"] for entry in drivers.values()]))
        assert {name for name, entry in drivers.items() if entry["depth"] > deep} == moments
    assert truth["knee"] == {"touchpoint": "support_call", "measure": "wait", "unit": "minutes", "value": 20.0}
    assert 0.07 < next(e for e in truth["drivers"]["nps"] if e["touchpoint"] == "outage")["reach"] < 0.17


def test_money_adds_up(read: Read) -> None:
    """Refunds are negative, all else is positive, and a customer pays about once a month."""
    refund = read.transactions["category"] == "refund"
    assert (read.transactions.loc[refund, "amount"] < 0).all()
    assert (read.transactions.loc[~refund, "amount"] > 0).all()
    plan = read.transactions[read.transactions["category"] == "plan"]
    assert len(plan) == pytest.approx(len(read.dated("bill")), rel=0.05)


def test_refuses_a_foreign_folder(tmp_path: Path) -> None:
    """A folder with other content is left as it is, and the error names it and the next move."""
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(DataError, match="not an earlier world") as caught:
        make_world(tmp_path, customers=100, seed=1)
    assert str(tmp_path) in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]


def test_replaces_an_earlier_world_and_keeps_what_is_not_its_own(tmp_path: Path) -> None:
    """An earlier world gives way whole, other files in it stay, and nothing is left beside it."""
    out = tmp_path / "deep" / "world"
    before = digests(make_world(out, customers=100, seed=1).folder)
    (out / "out").mkdir()
    (out / "out" / "notes.txt").write_text("mine", encoding="utf-8")
    after = digests(make_world(out, customers=100, seed=2).folder)
    assert all(before[name] != after[name] for name in FILES)
    assert (out / "out" / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert [item.name for item in out.parent.iterdir()] == ["world"]


def test_a_failure_leaves_the_earlier_world_alone(tmp_path: Path) -> None:
    """When the work is interrupted, the earlier world stands and no half-written folder lies beside it."""
    before = digests(make_world(tmp_path / "world", customers=100, seed=1).folder)

    def interrupt(step: str, _share: float) -> None:
        if step == "touchpoints":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_world(tmp_path / "world", customers=100, seed=2, progress=interrupt)
    assert digests(tmp_path / "world") == before
    assert [item.name for item in tmp_path.iterdir()] == ["world"]


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    """Progress only grows and ends at one."""
    seen: list[float] = []
    make_world(tmp_path / "world", customers=100, seed=0, progress=lambda _step, share: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(("customers", "seed"), [(5, 1), (100, -1)])
def test_refuses_useless_numbers(tmp_path: Path, customers: int, seed: int) -> None:
    """Too few customers or a negative seed is a plain error before anything is written."""
    with pytest.raises(DataError, match="Next:"):
        make_world(tmp_path / "world", customers=customers, seed=seed)
    assert not (tmp_path / "world").exists()
