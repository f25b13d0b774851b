"""A company that has one flat table and no times: scores without a moment, by file and by request alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import Settings, load
from features.build import build
from features.learn import learn_catalog
from features.rows import Rows
from features.schema import NO_AS_OF
from features.tables import open_tables
from serving import batch
from serving.keys import Keys
from serving.run import fill_store
from serving.state import State
from tests.serving.conftest import KEY, PARAMETERS, client
from training.bundle import Bundle


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two hundred customers with a label, a fee and a contract, and a model of them."""
    folder = tmp_path_factory.mktemp("flat")
    rng = np.random.default_rng(1)
    fee, contract = rng.normal(60, 20, 200), rng.choice(["monthly", "yearly"], 200)
    left = rng.random(200) < np.where(contract == "monthly", 0.6, 0.1)
    ids = np.array([f"f{n:03d}" for n in range(200)], dtype=object)
    table = {"customer_id": pa.array(ids), "fee": fee, "contract": contract, "Churn": np.where(left, "Yes", "No")}
    pq.write_table(pa.table(table), folder / "customers.parquet")
    content = {
        "data": {"tables": {"customers": {"path": "customers.parquet"}}},
        "targets": {"churn": {"kind": "column", "column": "Churn", "positive": "Yes"}},
    }
    (folder / "flat.yaml").write_text(yaml.safe_dump(content))
    settings = load(folder / "flat.yaml")
    with open_tables(settings) as tables:
        catalog = learn_catalog(tables, settings, NO_AS_OF)
        matrix = build(tables, Rows(ids, np.full(200, NO_AS_OF)), catalog)
    data = lgb.Dataset(matrix, left.astype(float), categorical_feature=[catalog.index("contract")])
    text = lgb.train({**PARAMETERS, "objective": "binary"}, data, num_boost_round=10).model_to_string()
    Bundle(
        target="churn",
        task="binary",
        spec={"kind": "column", "column": "Churn", "positive": "Yes", "as_of": None},
        catalog=catalog,
        models=(text,),
        calibration=((1.0, 0.0),),
        quantiles=tuple(np.linspace(0, 1, 101)),
        reference={"fee": 60.0, "contract": "yearly"},
        base_rate=0.3,
        bands={"medium": 0.4, "high": 0.6},
        version="1",
    ).save(settings.output / "models" / "churn", matrix[:5])
    return settings


def test_no_moment_in_the_file_and_the_same_score_by_request(flat: Settings) -> None:
    """The file's as_of is null; the service answers with the same numbers at any time, and the other targets are null."""
    rows = pq.read_table(batch.score(flat)).to_pylist()
    assert {row["as_of"] for row in rows} == {None}
    assert {row["nps_category"] for row in rows} == {row["expected_value"] for row in rows} == {None}
    fill_store(flat, lambda _: None)
    for year in (2025, 2035):
        state = State.open(flat, Keys.of(KEY), lambda now=year: datetime(now, 1, 1, tzinfo=UTC))
        customers = [{"customer_id": row["customer_id"]} for row in rows]
        results = client(state).post("/v1/scores", json={"customers": customers}).json()["results"]
        assert [one["churn"]["probability"] for one in results] == [row["churn_probability"] for row in rows]
        assert results[0]["nps"] is results[0]["value"] is None
        assert results[0]["warnings"] == []
        assert results[0]["churn"]["horizon_days"] is None


def test_the_label_may_not_be_sent(flat: Settings) -> None:
    """The column that is the label is no attribute: it is refused by name."""
    state = State.open(flat, Keys.of(KEY), lambda: datetime(2025, 1, 1, tzinfo=UTC))
    customer = {"customer_id": "new", "attributes": {"fee": 99, "contract": "monthly", "Churn": "No"}}
    answer = client(state).post("/v1/scores", json={"customers": [customer]})
    assert answer.status_code == 207
    assert answer.json()["results"][0]["error"]["field"] == "customers[0].attributes.Churn"
    del customer["attributes"]["Churn"]  # type: ignore[attr-defined]
    (one,) = client(state).post("/v1/scores", json={"customers": [customer]}).json()["results"]
    assert one["churn"]["probability"] > 0.3


def test_a_report_path_never_leaves_the_output(flat: Settings, tmp_path: Path) -> None:
    """A language is one of four words, never a path."""
    state = State.open(flat, Keys.of(KEY), lambda: datetime(2025, 1, 1, tzinfo=UTC))
    assert client(state).get("/report?lang=../../../etc/passwd").status_code == 422
