"""A small company with small real models, served in process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import lightgbm as lgb
import numpy as np
import pytest
from starlette.types import ASGIApp

from configs.settings import Settings
from features.build import build
from features.customer import Journey
from features.journeys import journeys
from features.learn import learn_catalog
from features.rows import Rows
from features.tables import open_tables
from serving.keys import Keys
from serving.routes import make_app
from serving.scorer import Scorer
from serving.state import State
from serving.store import Store
from tests.features import company
from training.bundle import Bundle

KEY = "a-key-for-tests-that-guards-nothing"
NOW = datetime(2024, 12, 20, 10, 30, tzinfo=UTC)
"""Within 45 days of the small company's last event."""

PARAMETERS = {
    "num_leaves": 7,
    "min_data_in_leaf": 5,
    "verbosity": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
}


@dataclass(frozen=True)
class Client:
    """Sends requests to an application in this process."""

    app: ASGIApp
    headers: dict[str, str]

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """One request and its answer."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=self.headers) as client:
                return await client.request(method, path, **kwargs)

        return anyio.run(send)

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        """A GET request."""
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> httpx.Response:
        """A POST request."""
        return self.request("POST", path, **kwargs)


@dataclass(frozen=True)
class Served:
    """The company, what is open of it, and a client with a key for everything."""

    settings: Settings
    scorer: Scorer
    store: Store
    state: State
    client: Client
    journeys: dict[str, Journey]

    def post(self, content: Any, **kwargs: Any) -> Any:
        """POST /v1/scores."""
        return self.client.post("/v1/scores", json=content, **kwargs)


def fit(matrix: np.ndarray[Any, Any], label: np.ndarray[Any, Any], categories: list[int], objective: str) -> str:
    """LightGBM's text of a quick model."""
    data = lgb.Dataset(matrix, label, categorical_feature=categories)
    text: str = lgb.train({**PARAMETERS, "objective": objective}, data, num_boost_round=15).model_to_string()
    return text


def train(settings: Settings, seed: int = 0) -> None:
    """Models of all three tasks on labels that the features partly explain."""
    rng = np.random.default_rng(seed)
    with open_tables(settings) as tables:
        catalog = learn_catalog(tables, settings, tables.data_end)
        ids = np.array([f"c{n:03d}" for n in range(60)] * 6, dtype=object)
        last = tables.data_end - 60 * company.DAY
        as_of = np.repeat(np.arange(6) * 30 * company.DAY + last - 150 * company.DAY, 60)
        matrix = build(tables, Rows(ids, as_of), catalog)
    wait = np.nan_to_num(matrix[:, catalog.index("call__wait__mean_90d")], nan=10.0)
    signal = (wait - wait.mean()) / wait.std() + rng.normal(0, 0.7, len(wait))
    categories = [catalog.index(name) for name in catalog.categories]
    reference: dict[str, float | str | None] = {}
    for number, feature in enumerate(catalog.features):
        known = matrix[~np.isnan(matrix[:, number]), number]
        if not len(known):
            reference[feature.name] = None
        elif feature.category:
            reference[feature.name] = catalog.categories[feature.name][int(np.bincount(known.astype(int)).argmax())]
        else:
            reference[feature.name] = float(np.median(known))
    shared: dict[str, Any] = {
        "catalog": catalog,
        "reference": reference,
        "data_from": "2023-11-14T00:00:00Z",
        "data_until": "2024-10-01T00:00:00Z",
        "trained_at": "2024-12-01T00:00:00Z",
        "version": "1",
    }
    grid = np.linspace(0, 1, 101)
    spend = np.exp(3 + 0.3 * signal)
    bundles = [
        Bundle(
            target="churn",
            task="binary",
            spec={"kind": "cancellation", "horizon_days": 60, "lead_days": 0},
            models=(fit(matrix, (signal > 0.8).astype(float), categories, "binary"),),
            calibration=((1.1, -0.05),),
            quantiles=(),
            base_rate=0.2,
            **shared,
        ),
        Bundle(
            target="nps",
            task="ordinal",
            spec={"kind": "survey", "metric": "nps"},
            models=(
                fit(matrix, (signal < 0.5).astype(float), categories, "binary"),
                fit(matrix, (signal < -0.5).astype(float), categories, "binary"),
            ),
            calibration=((1.0, 0.0, 0.0), (0.0, 0.9, 0.1)),
            quantiles=tuple(2 * grid - 1),
            class_rates=(0.3, 0.4, 0.3),
            **shared,
        ),
        Bundle(
            target="value",
            task="amount",
            spec={"kind": "spend", "horizon_days": 60},
            models=(fit(matrix, spend, categories, "gamma"),),
            calibration=((1.0, 0.0),),
            quantiles=tuple(np.quantile(spend, grid)),
            **shared,
        ),
    ]
    for bundle in bundles:
        made = bundle
        if bundle.task == "binary":
            quantiles = np.quantile(bundle.predict(matrix), grid)
            bands = {"medium": float(quantiles[70]), "high": float(quantiles[90])}
            made = Bundle(**{**bundle._fields(), "quantiles": tuple(quantiles), "bands": bands})
        made.save(settings.output / "models" / bundle.target, matrix[:5])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The company, scored and served."""
    folder = tmp_path_factory.mktemp("served")
    company.make(folder, customers=60)
    settings = company.settings(folder)
    train(settings)
    store = Store.at(settings.output, None)
    scorer = Scorer.open(settings)
    with open_tables(settings) as tables:
        store.load_from(tables, vocabularies=scorer.vocabularies)
        known = {journey.customer_id: journey for journey in journeys(tables)}
    state = State.of(settings, scorer, store, Keys.of(KEY), lambda: NOW)
    return Served(settings, state.scorer, store, state, client(state), known)


def client(state: State, key: str | None = KEY) -> Client:
    """A client of a state, with a key."""
    app = make_app()
    app.state.moments = state
    return Client(app, {"Authorization": f"Bearer {key}"} if key else {})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An empty output folder."""
    return tmp_path / "out"


def rows_of(journey: Journey, until: int | None = None) -> dict[str, Any]:
    """A stored journey as a customer of a request: times as text, no empty cells."""
    customer: dict[str, Any] = {"customer_id": journey.customer_id}
    for table, columns in journey.tables.items():
        names = [name for name in columns if name != "customer_id"]
        rows = [
            {
                name.removeprefix("m_"): iso(value) if name.endswith(("_at", "_from")) else value
                for name, value in zip(names, values, strict=True)
                if value is not None
            }
            for values in zip(*(columns[name] for name in names), strict=True)
        ]
        customer["attributes" if table == "customers" else table] = rows[0] if table == "customers" else rows
    return customer


def iso(microseconds: int) -> str:
    """Microseconds UTC as ISO 8601."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()
