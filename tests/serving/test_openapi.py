from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from serving.openapi import describe
from serving.routes import ROUTES
from tests.serving.conftest import Served, rows_of


@pytest.fixture(scope="module")
def description(served: Served) -> dict[str, Any]:
    """What /openapi.json says."""
    content: dict[str, Any] = served.client.get("/openapi.json").json()
    return content


def test_every_route_is_described(served: Served, description: dict[str, Any]) -> None:
    """The description holds every route and both probes, and is made of the list that answers."""
    told = {(method.upper(), path) for path, methods in description["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in ROUTES} | {("GET", "/livez"), ("GET", "/readyz")}
    assert description == json.loads(json.dumps(describe(ROUTES, served.state.intake)))


def test_the_companys_own_names(description: dict[str, Any]) -> None:
    """Measures and attributes stand in the description under their configured names, and nothing else is allowed."""
    schemas = description["components"]["schemas"]
    assert {"wait", "fee", "tone", "occurred_at"} <= set(schemas["Touchpoint"]["properties"])
    assert {"region", "income", "created_at"} == set(schemas["Attributes"]["properties"]) - {"valid_from"}
    assert schemas["Touchpoint"]["additionalProperties"] is False


def validate(description: dict[str, Any], name: str, content: Any) -> None:
    """Check a value against a named schema."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
    Draft202012Validator(schema).validate(content)


def test_answers_are_as_described(served: Served, description: dict[str, Any]) -> None:
    """Real requests and answers, failed customers among them, fit the description."""
    request = {"customers": [{"customer_id": "c001"}, {"customer_id": "nobody"}, rows_of(served.journeys["c002"])]}
    validate(description, "ScoreRequest", request)
    validate(description, "Scores", served.post(request).json())
    validate(description, "Models", served.client.get("/v1/models").json())
    validate(description, "Document", served.client.get("/v1/nothing").json())


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_description_is_true(served: Served, route: Any) -> None:
    """Requests made from the description, right and wrong ones, are answered as it says (Schemathesis)."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", served.client.app, headers=served.client.headers)

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(schema[route.path][route.method].as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(headers=served.client.headers)

    check()
