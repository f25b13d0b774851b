from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from serving.keys import Keys
from serving.routes import ROUTES, make_app
from serving.state import State
from tests.serving.conftest import KEY, Served, client
from tests.serving.test_routes import problem

CUSTOMERS = {"customers": [{"customer_id": "c001"}]}


def limited(served: Served, **limits: Any) -> State:
    """The same state with other limits."""
    serving = served.settings.serving.model_copy(update=limits)
    return State(**{**served.state.__dict__, "settings": served.settings.model_copy(update={"serving": serving})})


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_no_answer_without_a_key(served: Served, route: Any) -> None:
    """Every route wants a key, and says how to send it."""
    for key in (None, "wrong", "wröng"):
        headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
        response = client(served.state, key=None).request(
            route.method, route.path.replace("{id}", "c001"), headers=headers
        )
        content = problem(response, 401, "no_key")
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert "Authorization: Bearer" in content["next"]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.scope], ids=lambda route: route.path)
def test_a_key_of_another_scope(served: Served, route: Any) -> None:
    """A key may do what its scopes say and nothing else."""
    entry = Keys.of(KEY).entries[0][0]
    others = frozenset({"score", "ingest", "read"}) - {route.scope}
    state = State(**{**served.state.__dict__, "keys": Keys(((entry, others),))})
    response = client(state).request(route.method, route.path.replace("{id}", "c001"))
    assert problem(response, 403, "wrong_scope")["available"] == ", ".join(sorted(others))


def test_the_key_in_the_address_of_pages_only(served: Served) -> None:
    """A page may be opened with ?token=; a route for machines may not."""
    answers = client(served.state, key=None)
    assert answers.get(f"/docs?token={KEY}").status_code == 200
    assert answers.get("/docs?token=wrong").status_code == 401
    assert answers.get(f"/v1/models?token={KEY}").status_code == 401


def test_security_headers(served: Served) -> None:
    """Answers are not stored, not sniffed, not framed, and tell no referrer."""
    for path in ("/v1/models", "/nowhere", "/docs"):
        headers = served.client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.bentoml+pickle", ""]
)
def test_json_only(served: Served, media: str) -> None:
    """Nothing but application/json is read."""
    response = served.client.post("/v1/scores", content=b"{}", headers={"Content-Type": media})
    assert problem(response, 415, "not_json")["field"] == "Content-Type"


def test_no_packed_bodies(served: Served) -> None:
    """A packed body could unfold beyond any limit."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    problem(served.client.post("/v1/scores", content=b"x", headers=headers), 415, "not_json")


def test_the_body_is_counted_as_it_arrives(served: Served) -> None:
    """A body beyond the limit is refused, whether it declares its length or not."""
    answers = client(limited(served, max_body_bytes=1024))
    headers = {"Content-Type": "application/json"}
    problem(answers.post("/v1/scores", content=b" " * 1025, headers=headers), 413, "too_large")
    taken = 0

    async def drip() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 100
            yield b" " * 100

    problem(answers.post("/v1/scores", content=drip(), headers=headers), 413, "too_large")
    # httpx hands the whole body over in this process; over a socket the rest would not be read.
    assert answers.post("/v1/scores", json=CUSTOMERS).status_code == 200


def test_too_long(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that takes too long is given up with a 504."""
    state = limited(served, timeout_seconds=0.05)
    monkeypatch.setattr(state, "score", lambda _: time.sleep(0.5), raising=False)
    problem(client(state).post("/v1/scores", json=CUSTOMERS), 504, "timeout")


def test_too_many_at_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit of requests under way the next is sent back, with when to return."""
    state = limited(served, max_concurrency=1)
    going, stop = threading.Event(), threading.Event()
    whole = state.score

    def slow(request: Any) -> Any:
        going.set()
        stop.wait(10)
        return whole(request)

    monkeypatch.setattr(state, "score", slow, raising=False)
    app = make_app()
    app.state.moments = state

    async def both() -> tuple[httpx.Response, httpx.Response]:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://test", headers=headers
        ) as requests:
            answers: dict[str, httpx.Response] = {}

            async def first() -> None:
                answers["first"] = await requests.post("/v1/scores", json=CUSTOMERS)

            async with anyio.create_task_group() as group:
                group.start_soon(first)
                await anyio.to_thread.run_sync(going.wait)
                answers["second"] = await requests.post("/v1/scores", json=CUSTOMERS)
                stop.set()
            return answers["first"], answers["second"]

    first, second = anyio.run(both)
    assert first.status_code == 200
    problem(second, 429, "too_many")
    assert second.headers["retry-after"] == "1"
