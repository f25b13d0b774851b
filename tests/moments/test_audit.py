"""The audit: each cause made on purpose, and nothing found where nothing was changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from configs.errors import ConfigError, DataError, NotReadyError
from configs.settings import LogVectors, Settings
from features.company import COLUMNS, Calendar
from features.layout import QUALITY
from moments.audit import job, words
from moments.audit.causes import CAUSES, company_state, differing
from moments.cli import app
from serving import intake, vectors
from serving.intake import microseconds
from serving.keys import Keys
from serving.run import fill_store
from serving.scorer import Scorer
from serving.state import State
from serving.store import Store
from tests.features import company
from tests.serving.conftest import KEY, NOW, iso, rows_of, train
from training.registry import BUNDLE, Registry, Version

AS_OF = microseconds(NOW.replace(month=11, day=1, hour=0, minute=0))
CUSTOMERS = 60
MODELS = 3
VECTORS = MODELS * (CUSTOMERS + 2)
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose customers were all scored, two of them also with their journeys in the request, and the vectors kept."""
    folder = tmp_path_factory.mktemp("audited")
    company.make(folder, customers=CUSTOMERS)
    settings = company.settings(folder)
    train(settings)
    scorer = Scorer.open(settings)
    fill_store(settings, lambda _: None, scorer.vocabularies)
    options = LogVectors(share=1, rows=1000, seconds=600, waiting=5000, keep_days=0)
    serving = settings.serving.model_copy(update={"log_vectors": options})
    store = Store.at(settings.output, None)
    state = State.of(settings.model_copy(update={"serving": serving}), scorer, store, Keys.of(KEY), lambda: NOW)
    names = [f"c{n:03d}" for n in range(CUSTOMERS)]
    state.score(intake.Request([intake.Asked(name) for name in names], AS_OF, None, 0, None))
    own = [rows_of(store.get_many([name])[name]) for name in ("c001", "c002")]
    own[1]["touchpoints"].append({"touchpoint": "call", "occurred_at": iso(AS_OF - company.DAY), "wait": 5.0})
    body = json.dumps({"customers": own, "as_of": iso(AS_OF), "reasons": 0}).encode()
    state.score(intake.read(body, state.intake))
    state.close()
    store.close()
    return folder


@pytest.fixture
def folder(scored: Path, tmp_path: Path) -> Path:
    """A copy of it to change things in."""
    shutil.copytree(scored, tmp_path, dirs_exist_ok=True)
    return tmp_path


def change(folder: Path, table: str, how: Change) -> None:
    """Change a table of the company."""
    path = folder / f"{table}.parquet"
    pq.write_table(how(pq.read_table(path)), path)


def audited(folder: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The audit's facts and the rows of its file."""
    settings = company.settings(folder)
    facts = job.audit(settings, **options)
    assert facts == json.loads((settings.output / job.FACTS).read_text("utf-8"))
    rows = pq.read_table(settings.output / job.ROWS).to_pylist()
    assert sum(item["differences"] for item in facts["causes"].values()) == len(rows)
    return facts, rows


def late_call(customer: str) -> Change:
    """A call a week before the moment that the tables did not have when the customer was scored."""

    def add(table: pa.Table) -> pa.Table:
        row: dict[str, Any] = dict.fromkeys(table.column_names)
        row |= {"customer_id": customer, "touchpoint": "call", "channel": "web", "wait_min": 55.0, "event_id": "late"}
        row["occurred_at"] = NOW.replace(month=10, day=25)
        return pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)])

    return add


def test_nothing_differs_where_nothing_changed(folder: Path) -> None:
    """Computed again from the same tables by the batch host, every vector is the same to the bit, but one of a request's own."""
    facts, rows = audited(folder)
    assert facts["vectors"] == VECTORS
    assert facts["equal"] == VECTORS - MODELS
    assert {(row["customer_id"], row["origin"], row["cause"]) for row in rows} == {("c002", "request", "request_data")}
    assert {row["events_less"] for row in rows} == {1}
    assert {row["events_more"] for row in rows} == {0}
    assert [(item["target"], item["found"], item["vectors"]) for item in facts["models"]] == [
        (target, "output", CUSTOMERS + 2) for target in ("churn", "nps", "value")
    ]
    assert facts["causes"].keys() == CAUSES.keys()
    assert len(facts["examples"]["request_data"]) == 3


def test_late_data(folder: Path) -> None:
    """An encounter that came after the score explains its customer's features, and in company-wide ones everybody's."""
    change(folder, "touchpoints", late_call("c005"))
    facts, rows = audited(folder)
    own = [row for row in rows if row["customer_id"] == "c005"]
    assert {row["cause"] for row in own} == {"late_data"}
    assert {(row["events_more"], row["events_less"]) for row in own} == {(1, 0)}
    assert any(row["feature"] == "call__count_90d" and row["recomputed"] == row["served"] + 1 for row in own)
    others = [row for row in rows if row["customer_id"] not in {"c005", "c002"}]
    assert others
    assert {row["cause"] for row in others} == {"late_data"}
    assert facts["causes"]["bug"]["vectors"] == facts["causes"]["changed_data"]["vectors"] == 0


def test_a_record_of_what_happened_before(folder: Path) -> None:
    """What was recorded only after the moment of a score was unknown then and is so now: nothing differs."""

    def add(table: pa.Table) -> pa.Table:
        later = late_call("c005")(table)
        known = pc.if_else(
            pc.equal(later.column("event_id"), "late"),
            pa.scalar(NOW, later.schema.field("recorded_at").type),
            later.column("recorded_at"),
        )
        return later.set_column(later.column_names.index("recorded_at"), "recorded_at", known)

    change(folder, "touchpoints", add)
    facts, _ = audited(folder)
    assert facts["equal"] == VECTORS - MODELS


def test_a_contract_that_ended_unknown(folder: Path) -> None:
    """The end of a contract that the service took for running is late data too, not another contract."""

    def end(table: pa.Table) -> pa.Table:
        started, ended = table.column("started_at"), table.column("ended_at")
        mine = pc.and_(pc.equal(table.column("customer_id"), "c007"), pc.is_null(ended))
        mine = pc.and_(mine, pc.less(started, pa.scalar(NOW.replace(month=9), started.type)))
        assert pc.sum(mine).as_py()
        now = pa.scalar(NOW.replace(month=10, day=3), ended.type)
        return table.set_column(table.column_names.index("ended_at"), "ended_at", pc.if_else(mine, now, ended))

    change(folder, "subscriptions", end)
    _, rows = audited(folder)
    assert {row["cause"] for row in rows if row["customer_id"] != "c002"} == {"late_data"}
    assert {row["customer_id"] for row in rows} == {"c002", "c007"}


def test_changed_data(folder: Path) -> None:
    """A value that was edited, and events that are gone, are said to be changed, in company-wide features too."""

    def edit(table: pa.Table) -> pa.Table:
        mine = pc.equal(table.column("customer_id"), "c005")
        wait = pc.if_else(mine, pc.add(table.column("wait_min"), 10.0), table.column("wait_min"))
        return table.set_column(table.column_names.index("wait_min"), "wait_min", wait)

    change(folder, "touchpoints", edit)
    change(folder, "surveys", lambda table: table.filter(pc.not_equal(table.column("customer_id"), "c006")))
    facts, rows = audited(folder)
    assert {row["cause"] for row in rows if row["customer_id"] != "c002"} == {"changed_data"}
    assert {"c005", "c006"} <= {row["customer_id"] for row in rows}
    assert facts["features"][0]["differences"] >= facts["features"][-1]["differences"]


def test_a_bug(folder: Path) -> None:
    """Other bits out of the same data and definition are a bug, also beside late data, and in the model's own answer."""

    def forge(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        for row in rows:
            if row["target"] == "churn" and row["origin"] == "store":
                if row["customer_id"] in {"c010", "c011"}:
                    row["features"][3] = np.nextafter(row["features"][3], 1e9)
                elif row["customer_id"] == "c012":
                    row["answer"][0] = np.nextafter(row["answer"][0], 1.0)
        return pa.Table.from_pylist(rows, schema=table.schema)

    (path,) = vectors.files(company.settings(folder).output / vectors.FOLDER)
    pq.write_table(forge(pq.read_table(path)), path)
    change(folder, "touchpoints", late_call("c011"))
    facts, rows = audited(folder)
    bugs = {(row["customer_id"], row["feature"]) for row in rows if row["cause"] == "bug"}
    name = Scorer.open(company.settings(folder)).models["churn"].bundle.catalog.names[3]
    # A vector that was forged is answered otherwise as well, if the model looks at it there.
    assert {item for item in bugs if item[1] != "(answer)"} == {("c010", name), ("c011", name)}
    assert ("c012", "(answer)") in bugs
    assert facts["causes"]["bug"]["vectors"] == 3
    assert any(row["customer_id"] == "c011" and row["cause"] == "late_data" for row in rows)


def test_unknown_customers(folder: Path) -> None:
    """A customer who is no longer in the tables is said to be unknown, once per vector; a request's own is request data."""
    for name in ("customers", "touchpoints", "surveys", "transactions", "subscriptions"):
        change(folder, name, lambda table: table.filter(pc.not_equal(table.column("customer_id"), "c001")))
    _, rows = audited(folder)
    mine = [row for row in rows if row["customer_id"] == "c001"]
    assert [row["feature"] for row in mine if row["origin"] == "store"] == [None] * MODELS
    assert {row["cause"] for row in mine if row["origin"] == "store"} == {"unknown_customer"}
    # Where a feature looks at the company alone, it is the company that has changed.
    assert {row["cause"] for row in mine if row["origin"] == "request"} == {"request_data", "changed_data"}


def test_a_model_that_is_gone(folder: Path) -> None:
    """Without its model a vector cannot be computed; those of the other models are."""
    shutil.rmtree(company.settings(folder).output / "models" / "churn")
    facts, rows = audited(folder)
    gone = [row for row in rows if row["cause"] == "model_not_found"]
    assert {row["target"] for row in gone} == {"churn"}
    assert len(gone) == CUSTOMERS + 2
    assert facts["models"][0]["found"] is None
    assert "registry" in facts["models"][0]["note"]
    assert {row["cause"] for row in rows if row["target"] != "churn"} == {"request_data"}


def test_a_model_of_the_registry(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that was replaced since is taken from the registry, whole; a registry that is away is said to be so."""
    settings = company.settings(folder)
    kept = tmp_path / "kept"
    shutil.move(settings.output / "models" / "churn", kept)
    asked: list[str] = []

    def with_digest(_: Registry, target: str, sha256: str) -> Version:
        asked.append(target)
        return Version("1", sha256, "run")

    def fetch(_: Registry, version: Version, path: str, into: Path) -> Path:
        assert (version.number, path) == ("1", BUNDLE)
        return Path(shutil.copytree(kept, into / "bundle"))

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    monkeypatch.setattr(Registry, "with_digest", with_digest)
    monkeypatch.setattr(Registry, "fetch", fetch)
    facts, _ = audited(folder)
    assert facts["equal"] == VECTORS - MODELS
    assert [item["found"] for item in facts["models"]] == ["registry", "output", "output"]
    assert asked == ["churn"]

    def away(*_: Any) -> None:
        raise ConfigError("the tracking store refused", where="", next_move="")

    monkeypatch.setattr(Registry, "with_digest", away)
    facts, _ = audited(folder)
    assert facts["models"][0]["note"] == "the tracking store refused"
    assert facts["causes"]["model_not_found"]["vectors"] == CUSTOMERS + 2


def redefine(settings: Settings, how: Callable[[dict[str, Any]], None]) -> None:
    """Another version's bundle of churn, and vectors that name it."""
    folder = settings.output / "models" / "churn"
    path, listing = folder / "bundle.json", folder / "SHA256SUMS"
    old = hashlib.sha256(listing.read_bytes()).hexdigest()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    content = json.loads(path.read_text("utf-8"))
    how(content["catalog"])
    path.write_text(json.dumps(content), "utf-8")
    listing.write_text(listing.read_text().replace(before, hashlib.sha256(path.read_bytes()).hexdigest()))
    new = hashlib.sha256(listing.read_bytes()).hexdigest()
    (file,) = vectors.files(settings.output / vectors.FOLDER)
    table = pq.read_table(file)
    named = pc.replace_substring(table.column("sha256"), old, new)
    pq.write_table(table.set_column(table.column_names.index("sha256"), table.schema.field("sha256"), named), file)


def test_changed_definitions(folder: Path) -> None:
    """A feature that is defined otherwise today, or is not known today, says so; one whose value is the same is no difference."""

    def other(catalog: dict[str, Any]) -> None:
        for part in catalog["features"][:2]:
            part["fingerprint"] = "0" * 16
        catalog["features"][2]["aggregate"] = "no longer known"

    redefine(company.settings(folder), other)
    facts, rows = audited(folder)
    changed = [row for row in rows if row["cause"] == "changed_definition"]
    assert len({row["feature"] for row in changed} & {"feature 2"}) == 1
    assert len(changed) >= CUSTOMERS + 2
    assert {row["target"] for row in changed} == {"churn"}
    assert facts["causes"]["bug"]["vectors"] == 0
    assert "defined otherwise" in facts["models"][0]["note"]


def test_a_damaged_model(folder: Path) -> None:
    """A bundle that was edited is not trusted: its vectors are not computed, and the note says why."""
    (company.settings(folder).output / "models" / "churn" / "golden.json").write_text("{}")
    facts, rows = audited(folder)
    assert {row["cause"] for row in rows if row["target"] == "churn"} == {"model_not_found"}
    assert "golden.json is not what was saved" in facts["models"][0]["note"]


def test_since(folder: Path) -> None:
    """Only what was scored from a moment on is looked at; nothing at all is an answer too."""
    facts, _ = audited(folder, since=microseconds(NOW))
    assert facts["vectors"] == VECTORS
    facts, rows = audited(folder, since=microseconds(NOW) + 1)
    assert (facts["vectors"], rows) == (0, [])
    assert [str(part) for part in words.render(facts, where="x")] == ["No vector was scored since then."]


def test_in_lots(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long log is read in parts, and found to be the same."""
    (path,) = vectors.files(company.settings(folder).output / vectors.FOLDER)
    whole = audited(folder)
    table = pq.read_table(path)
    for start in range(0, len(table), 50):
        vectors.write(path.parent, table.slice(start, 50), microseconds(NOW) + start * 1_000_000)
    path.unlink()
    monkeypatch.setattr("moments.audit.lots.AT_ONCE", 20_000)
    parts = audited(folder)
    assert {name: parts[0][name] for name in parts[0] if name != "examples"} == {
        name: whole[0][name] for name in whole[0] if name != "examples"
    }
    assert len(parts[1]) == len(whole[1])


def test_no_log_and_no_file_of_it(folder: Path) -> None:
    """Without a log the next move is said; a file that is none of ours is named."""
    settings = company.settings(folder)
    (settings.output / vectors.FOLDER / "2024.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"2024\.parquet"):
        job.audit(settings)
    shutil.rmtree(settings.output / vectors.FOLDER)
    with pytest.raises(NotReadyError, match="log_vectors"):
        job.audit(settings)


def test_the_command(folder: Path) -> None:
    """The verb says what it found in words or as one object, and ends with 1 where there is a bug; its files are private."""
    config, output = folder / "small.yaml", company.settings(folder).output
    done = CliRunner().invoke(app, ["audit", str(config), "--since", "2024-01-01"])
    assert done.exit_code == 0, done.output
    assert f"{VECTORS} vectors scored 2024-12-20 10:30" in done.stdout
    assert "request_data" in done.stdout
    assert {(output / name).stat().st_mode & 0o777 for name in (job.FACTS, job.ROWS)} == {0o600}
    (path,) = vectors.files(output / vectors.FOLDER)
    table = pq.read_table(path)
    answers = table.column("answer").to_pylist()
    answers[0] = [0.123]
    place = table.column_names.index("answer")
    pq.write_table(
        table.set_column(place, table.schema.field("answer"), pa.array(answers, table.schema.field("answer").type)),
        path,
    )
    done = CliRunner().invoke(app, ["audit", str(config), "--json"])
    assert done.exit_code == 1
    content = json.loads(done.stdout)
    assert content["causes"]["bug"] == {"vectors": 1, "differences": 1, "meaning": CAUSES["bug"]}
    assert CliRunner().invoke(app, ["audit", str(config), "--since", "soon"]).exit_code == 2


def test_how_two_calendars_stand() -> None:
    """More on a day, or more days, is later data; less of anything, or other quality for as many encounters, is a change."""
    until = np.array([10, 20], dtype=np.int64)
    amounts = np.full((2, len(COLUMNS)), 5, dtype=np.int64)
    served = Calendar(until, amounts)
    assert company_state(served, served, 25) == "same"
    assert company_state(Calendar(), Calendar(), 25) == "same"
    assert company_state(Calendar(), served, 25) == "more"
    assert company_state(Calendar(), served, 5) == "same"
    assert company_state(served, Calendar(until[:1], amounts[:1]), 25) == "changed"
    assert company_state(served, Calendar(until[:1], amounts[:1]), 15) == "same"
    for column, by, state in (("encounters", 1, "more"), ("encounters", -1, "changed"), (QUALITY, -1, "changed")):
        other = amounts.copy()
        other[0, COLUMNS.index(column)] += by
        assert company_state(served, replace(served, amounts=other), 25) == state, column


def test_bits() -> None:
    """The sign of zero is a difference, the bits of a missing value are none."""
    odd = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    one, other = np.array([0.0, np.nan, 1.0, np.nan]), np.array([-0.0, odd, 1.0, 0.0])
    assert differing(one, other).tolist() == [True, False, False, True]
