"""The routes: one list that the application, the OpenAPI description, the docs page and the tests are made of.

The application is plain Starlette with JSON by msgspec, mounted into BentoML (see `service`); scoring runs in threads, so that
probes answer while a thousand customers are scored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import compile_path

from configs.errors import nearest
from serving import messages, page
from serving.edge import Gate, Handler, guarded, page_headers
from serving.handlers import (
    HTML,
    JSON,
    LANGUAGES,
    drivers,
    metrics_text,
    models,
    query_of,
    report,
    score,
    score_one,
)
from serving.keys import Scope
from serving.openapi import describe
from serving.problems import Problem
from serving.state import State


@dataclass(frozen=True)
class Parameter:
    """A query or path parameter. `kind` is its JSON schema."""

    name: str
    place: str
    text: str
    kind: dict[str, Any]
    required: bool = False


@dataclass(frozen=True)
class Route:
    """One route: where, who may, what it does, what it answers.

    Parameters
    ----------
    answers
        Status to the struct of the body, or to a media type where it is not JSON of a struct.
    problems
        Statuses of the problem documents that it may answer with, besides those every route has.
    """

    method: str
    path: str
    scope: Scope | None
    summary: str
    handler: Handler
    answers: dict[int, Any]
    problems: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    takes_scores: bool = False
    token: bool = False


async def openapi(request: Request, state: State) -> Response:  # noqa: ARG001 - the signature of all handlers
    """`GET /openapi.json`."""
    return Response(json.dumps(describe(ROUTES, state.intake), ensure_ascii=False), media_type=JSON)


async def docs(request: Request, state: State) -> Response:
    """`GET /docs`."""
    query_of(request, ("token",))
    html = page.render(describe(ROUTES, state.intake), str(request.base_url).rstrip("/"))
    return Response(html, media_type=HTML, headers=dict(page_headers()))


_AS_OF = Parameter(
    "as_of",
    "query",
    "The moment of the score (ISO 8601, 1900 to 2199; without a zone: UTC).",
    {"type": "string", "format": "date-time", "pattern": messages.MOMENT_PATTERN},
)
_LANG = Parameter("lang", "query", "Language of the sentences.", {"type": "string", "enum": list(LANGUAGES)})

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/scores",
        "score",
        "Scores with reasons for 1 to 1,000 customers, by id or with their journeys; 207 when some failed.",
        score,
        {200: messages.Scores, 207: messages.Scores},
        (400, 413, 415, 422),
        takes_scores=True,
    ),
    Route(
        "GET",
        "/v1/customers/{id}/score",
        "score",
        "The score of one known customer.",
        score_one,
        {200: messages.Scored},
        (404, 422),
        (
            Parameter("id", "path", "The customer's id.", {"type": "string", "minLength": 1}, required=True),
            _AS_OF,
            Parameter(
                "targets",
                "query",
                "Targets wanted, separated by commas.",
                {"type": "string", "pattern": "^(churn|nps|value)(,(churn|nps|value))*$"},
            ),
            Parameter("reasons", "query", "Reasons at most.", {"type": "integer", "minimum": 0, "maximum": 20}),
            _LANG,
        ),
    ),
    Route(
        "GET",
        "/v1/drivers",
        "read",
        "The driver table: which touchpoints move NPS and churn, how much, how sure.",
        drivers,
        {200: JSON},
        (404, 422),
        (
            Parameter("target", "query", "One target; all when left out.", {"type": "string"}),
            Parameter("segment", "query", "One segment of customers.", {"type": "string"}),
            _LANG,
        ),
    ),
    Route(
        "GET",
        "/report",
        "read",
        "The analysts' report.",
        report,
        {200: HTML},
        (404, 422),
        (_LANG,),
        token=True,
    ),
    Route("GET", "/v1/models", "read", "Which models answer.", models, {200: messages.Models}, (422,)),
    Route("GET", "/metrics", "read", "Metrics for Prometheus.", metrics_text, {200: "text/plain"}),
    Route("GET", "/openapi.json", None, "This description.", openapi, {200: JSON}),
    Route("GET", "/docs", None, "The description as a page.", docs, {200: HTML}, (422,), token=True),
)
"""Every route but the probes, which are BentoML's own."""


def make_app() -> Starlette:
    """The application; its ``state.moments`` must be set to a `State` before the first request."""
    gate = Gate()
    table = [
        StarletteRoute(
            # An id may hold a slash (sent as %2F), which the server decodes before the routes see it.
            route.path.replace("{id}", "{id:path}"),
            guarded(route.path, route.scope, route.handler, gate, token=route.token),
            methods=[route.method],
        )
        for route in ROUTES
    ]
    # Matches what no route has: BentoML's own pages and plain-text errors are never reached.
    other = guarded("(none)", None, _nowhere, gate)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    catch_all = StarletteRoute("/{path:path}", partial(_other, other), methods=methods)
    return Starlette(routes=[*table, catch_all])


async def _other(guard: Callable[[Request], Any], request: Request) -> Response:
    if request.method == "OPTIONS" and (allowed := _allowed(request.url.path)):
        return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
    response: Response = await guard(request)
    return response


async def _nowhere(request: Request, state: State) -> Response:  # noqa: ARG001 - the signature of all handlers
    path = request.url.path
    if allowed := _allowed(path):
        raise Problem(
            405,
            "method_not_allowed",
            f"{request.method} is not for {_template(path)}",
            f"use {' or '.join(allowed)}",
            available=", ".join(allowed),
            headers={"Allow": ", ".join(allowed)},
        )
    paths = [route.path for route in ROUTES]
    close = nearest(path, paths)
    raise Problem(
        404,
        "not_found",
        "no route has this path",
        f"did you mean '{close}'?" if close else "see /docs",
        available=", ".join(paths),
    )


def _matching(path: str) -> list[Route]:
    return [route for route in ROUTES if compile_path(route.path.replace("{id}", "{id:path}"))[0].match(path)]


def _allowed(path: str) -> list[str]:
    methods = [route.method for route in _matching(path)]
    return [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"] if methods else []


def _template(path: str) -> str:
    return _matching(path)[0].path
