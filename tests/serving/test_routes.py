from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.routes import ROUTES
from serving.state import State
from tests.serving.conftest import KEY, Served, client, rows_of


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, which must be complete."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = response.json()
    assert content["type"] == f"urn:moments:problem:{code.replace('_', '-')}"
    assert content["status"] == status
    assert content["title"]
    assert content["detail"]
    assert content["next"]
    return content


def with_output(served: Served, output: Path) -> Any:
    """A client of the same state over another output folder."""
    settings = served.settings.model_copy(update={"output": output})
    state = State(**{**served.state.__dict__, "settings": settings})
    return client(state)


def test_a_known_customer(served: Served) -> None:
    """One id gives churn, NPS and value with reasons in words, and which models said so."""
    response = served.post({"customers": [{"customer_id": "c001"}]})
    assert response.status_code == 200
    (one,) = response.json()["results"]
    assert one["status"] == "ok"
    assert one["customer_id"] == "c001"
    assert 0 < one["churn"]["probability"] < 1
    assert one["churn"]["band"] in {"low", "medium", "high"}
    assert 0 <= one["churn"]["percentile"] <= 100
    assert one["churn"]["horizon_days"] == 60
    assert one["churn"]["base_rate"] == 0.2
    assert sum(one["nps"]["probabilities"].values()) == pytest.approx(1)
    assert one["value"]["at_risk"] == one["churn"]["probability"] * one["value"]["expected"]
    assert set(one["model"]) == {"churn", "nps", "value"}
    assert len(one["model"]["churn"]["sha256"]) == 64
    assert one["as_of"] == one["scored_at"] == "2024-12-20T10:30:00Z"
    reasons = one["churn"]["reasons"]
    assert [reason["rank"] for reason in reasons] == list(range(1, len(reasons) + 1))
    assert set(reasons[0]) == {
        "rank", "code", "touchpoint", "dimension", "value", "unit", "direction", "contribution", "text"
    }  # fmt: skip
    assert "risk of leaving" in reasons[0]["text"]
    directions = [reason["direction"] for reason in reasons]
    assert directions == sorted(directions, reverse=True), "raising ones come first"


def test_the_get_route_says_the_same(served: Served) -> None:
    """GET of one customer is the POST of the same customer."""
    posted = served.post({"customers": [{"customer_id": "c002"}], "reasons": 2, "lang": "he"}).json()["results"][0]
    got = served.client.get("/v1/customers/c002/score", params={"reasons": 2, "lang": "he"})
    assert got.status_code == 200
    assert got.json() == posted


def test_the_journey_in_the_request_scores_as_the_stored_one(served: Served) -> None:
    """A customer sent with all that is stored of them gets the same score, to the bit."""
    as_of = "2024-11-01T00:00:00Z"
    stored = served.post({"customers": [{"customer_id": "c003"}], "as_of": as_of}).json()["results"][0]
    inline = served.post({"customers": [rows_of(served.journeys["c003"])], "as_of": as_of})
    assert inline.status_code == 200, inline.text
    assert inline.json()["results"][0] == stored


def test_what_happens_at_as_of_is_not_seen(served: Served) -> None:
    """An event at the moment of the score or after it changes nothing."""
    as_of = "2024-11-01T00:00:00Z"
    customer = rows_of(served.journeys["c004"])
    before = served.post({"customers": [customer], "as_of": as_of}).json()["results"][0]["churn"]
    late = {"occurred_at": as_of, "touchpoint": "call", "wait": 500.0}
    customer["touchpoints"] = [*customer["touchpoints"], late]
    assert served.post({"customers": [customer], "as_of": as_of}).json()["results"][0]["churn"] == before
    late["occurred_at"] = "2024-10-31T23:59:59.999999Z"
    assert served.post({"customers": [customer], "as_of": as_of}).json()["results"][0]["churn"] != before


def test_a_time_without_a_zone_is_utc(served: Served) -> None:
    """A time without a zone is UTC; one with a zone is the same moment."""
    answers = [
        served.post({"customers": [{"customer_id": "c005"}], "as_of": text}).json()["results"][0]
        for text in ("2024-11-01T00:00:00", "2024-11-01", "2024-11-01T02:00:00+02:00", "2024-11-01T00:00:00Z")
    ]
    assert all(answer == answers[0] for answer in answers)


def test_results_in_request_order_with_one_status_each(served: Served) -> None:
    """Customers who cannot be scored fail alone, in their place, and the answer is 207."""
    response = served.post(
        {
            "customers": [
                {"customer_id": "c007"},
                {"customer_id": "nobody"},
                {"customer_id": "x", "touchpoints": [{"occurred_at": "yesterday", "touchpoint": "call"}]},
                {"customer_id": "y", "attributes": {"shoe_size": 43}},
                {"touchpoints": []},
                {"customer_id": "c001"},
            ]
        }
    )
    assert response.status_code == 207
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["ok", "error", "error", "error", "error", "ok"]
    assert [result["customer_id"] for result in results] == ["c007", "nobody", "x", "y", None, "c001"]
    errors = [result["error"] for result in results[1:5]]
    assert [error["code"] for error in errors] == ["unknown_customer", "bad_time", "unknown_field", "missing_field"]
    assert [error["field"] for error in errors] == [
        "customer_id",
        "customers[2].touchpoints[0].occurred_at",
        "customers[3].attributes.shoe_size",
        "customers[4].customer_id",
    ]


def test_targets_reasons_and_language(served: Served) -> None:
    """Only what is asked for is answered, with at most so many reasons, in the language asked for."""
    one = served.post(
        {"customers": [{"customer_id": "c001"}], "targets": ["churn"], "reasons": 1, "lang": "ru"}
    ).json()["results"][0]
    assert one["nps"] is None
    assert one["value"] is None
    assert set(one["model"]) == {"churn"}
    assert len(one["churn"]["reasons"]) == 1
    assert "риск ухода" in one["churn"]["reasons"][0]["text"]
    none = served.post({"customers": [{"customer_id": "c001"}], "reasons": 0}).json()["results"][0]
    assert none["churn"]["reasons"] == none["nps"]["reasons"] == []


def test_unknown_touchpoints_are_counted_and_warned_of(served: Served) -> None:
    """A kind of encounter that training did not see is not silently dropped."""
    touchpoints = [{"occurred_at": "2024-11-01T00:00:00Z", "touchpoint": "hologram"}] * 3
    one = served.post({"customers": [{"customer_id": "new", "touchpoints": touchpoints}]}).json()["results"][0]
    warnings = {warning["code"]: warning for warning in one["warnings"]}
    assert warnings["unknown_touchpoint"]["counts"] == {"hologram": 3}
    assert "not_active" in warnings


def test_an_event_sent_twice_counts_once(served: Served) -> None:
    """Rows that repeat an event_id are dropped and told of."""
    row = {"occurred_at": "2024-11-01T00:00:00Z", "touchpoint": "call", "wait": 9.0, "event_id": "e1"}
    once = served.post({"customers": [{"customer_id": "n", "touchpoints": [row]}]}).json()["results"][0]
    twice = served.post({"customers": [{"customer_id": "n", "touchpoints": [row, row]}]}).json()["results"][0]
    assert twice["churn"] == once["churn"]
    assert "duplicate_event" in [warning["code"] for warning in twice["warnings"]]


def test_data_that_ended_long_ago(served: Served) -> None:
    """Where the stored data ended long ago, the default moment is their end, and the answer says so."""
    from datetime import UTC, datetime

    late = State(**{**served.state.__dict__, "clock": lambda: datetime(2026, 1, 1, tzinfo=UTC)})
    one = client(late).get("/v1/customers/c001/score").json()
    assert one["as_of"] == "2024-12-18T00:00:00Z"
    assert one["scored_at"] == "2026-01-01T00:00:00Z"
    assert "stale_data" in [warning["code"] for warning in one["warnings"]]


def test_an_unknown_customer_is_not_found(served: Served) -> None:
    """GET of a customer who is nowhere is a 404 that says what to do."""
    content = problem(served.client.get("/v1/customers/nobody/score"), 404, "unknown_customer")
    assert "/v1/scores" in content["next"]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("as_of=soon", "bad_time", "as_of"),
        ("as_of=20245-01-01", "bad_time", "as_of"),
        ("as_of=9999-01-01", "bad_time", "as_of"),
        ("targets=churm", "bad_value", "targets"),
        ("reasons=-1", "bad_value", "reasons"),
        ("reasons=99", "bad_value", "reasons"),
        ("lang=fr", "bad_value", "lang"),
        ("langs=he", "unknown_field", "langs"),
        ("lang=he&lang=ru", "duplicate_key", "lang"),
    ],
)
def test_bad_parameters_are_named(served: Served, query: str, code: str, field: str) -> None:
    """A parameter that is unknown or wrong is a 422 that names it."""
    assert problem(served.client.get(f"/v1/customers/c001/score?{query}"), 422, code)["field"] == field


def test_an_id_with_a_slash(served: Served) -> None:
    """An id may hold a slash, sent as %2F."""
    content = problem(served.client.get("/v1/customers/a%2Fb/score"), 404, "unknown_customer")
    assert content["field"] == "id"


def test_models(served: Served) -> None:
    """Which models answer: name, version, digest, when trained, on data until when."""
    models = served.client.get("/v1/models").json()["models"]
    assert [model["target"] for model in models] == ["churn", "nps", "value"]
    assert models[0]["data_until"] == "2024-10-01T00:00:00Z"
    assert models[0]["trained_at"] == "2024-12-01T00:00:00Z"


def test_drivers(served: Served, output: Path) -> None:
    """The driver table is served as it was written, with labels; one target, when asked for."""
    answers = with_output(served, output)
    problem(answers.get("/v1/drivers"), 404, "not_ready")
    output.mkdir()
    table = {"targets": {"nps": {"unit": "NPS points", "drivers": [{"touchpoint": "call", "rank": 1}]}, "churn": {}}}
    (output / "drivers.json").write_text(json.dumps(table))
    assert set(answers.get("/v1/drivers").json()["targets"]) == {"nps", "churn"}
    one = answers.get("/v1/drivers?target=nps&lang=ar").json()["targets"]
    assert one == {"nps": {"unit": "NPS points", "drivers": [{"touchpoint": "call", "rank": 1, "label": "Call"}]}}
    assert problem(answers.get("/v1/drivers?target=x"), 404, "not_found")["available"] == "nps, churn"
    assert problem(answers.get("/v1/drivers?segment=x"), 404, "not_found")["field"] == "segment"


def test_report(served: Served, output: Path) -> None:
    """The report is served in the languages it was written in, and may load nothing from elsewhere."""
    answers = with_output(served, output)
    problem(answers.get("/report"), 404, "not_ready")
    output.mkdir()
    (output / "report.html").write_text("<h1>Report</h1>")
    (output / "report.he.html").write_text("<h1>דוח</h1>")
    page = answers.get("/report")
    assert page.text == "<h1>Report</h1>"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert answers.get("/report?lang=en").text == "<h1>Report</h1>"
    assert answers.get("/report?lang=he").text == "<h1>דוח</h1>"
    assert problem(answers.get("/report?lang=ru"), 404, "not_found")["available"] == "report.he.html, report.html"
    problem(answers.get("/report?lang=xx"), 422, "bad_value")


def test_no_path_no_method(served: Served) -> None:
    """What is not there is a problem document too, with the nearest route and the methods that are allowed."""
    assert "/v1/scores" in problem(served.client.get("/v1/score"), 404, "not_found")["next"]
    response = served.client.request("DELETE", "/v1/scores")
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST, OPTIONS"
    for path in ("/", "/schema.json", "/docs.json", "/static_content/x.js"):
        problem(served.client.get(path), 404, "not_found")


def test_preflight_needs_no_key(served: Served) -> None:
    """OPTIONS of a route is let through."""
    response = client(served.state, key=None).request("OPTIONS", "/v1/scores")
    assert (response.status_code, response.headers["allow"]) == (204, "POST, OPTIONS")


def test_docs_load_nothing(served: Served) -> None:
    """The docs page tells every route and holds no address but its own."""
    page = served.client.get("/docs")
    assert all(route.path in page.text for route in ROUTES)
    assert "src=" not in page.text
    assert "<link" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert {part.split("/")[0] for part in page.text.split("http://")[1:]} == {"test"}
    assert "https://" not in page.text


def test_metrics_hold_routes_not_ids(served: Served) -> None:
    """Metrics count by route; no customer's id gets into them."""
    served.client.get("/v1/customers/c042-secret/score")
    text = served.client.get("/metrics").text
    assert 'endpoint="/v1/customers/{id}/score"' in text
    assert "c042-secret" not in text


def test_logs_hold_no_ids(served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is a 500 without details, and neither answer nor log holds a customer's id."""

    def fail(*_: Any) -> None:
        raise RuntimeError("c-" + str(1).zfill(3))

    broken = State(**served.state.__dict__)
    monkeypatch.setattr(broken, "score", fail, raising=False)
    content = problem(client(broken).get("/v1/customers/c001/score"), 500, "internal")
    assert "c-001" not in json.dumps(content)
    assert "RuntimeError" in caplog.text
    assert "c-001" not in caplog.text
    assert "c001" not in caplog.text
    assert KEY not in caplog.text
