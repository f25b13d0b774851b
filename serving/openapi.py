"""The OpenAPI 3.1 description, made of the same route list and the same structs that answer: it cannot say anything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from serving import messages
from serving.messages import Intake
from serving.problems import MEDIA_TYPE, Document

if TYPE_CHECKING:
    from serving.routes import Route

EVERYWHERE: Final = (401, 403, 429, 500, 503, 504)
"""Problems that every route may answer with."""

_TEXTS: Final = {
    200: "The answer.",
    207: "Some customers have no score; each result says its own status.",
    400: "The body is not JSON, or holds a key twice or a number that is not finite.",
    401: "No key, or an unknown one.",
    403: "The key may not do this.",
    404: "There is no such thing.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A field or parameter is unknown, missing or wrong; the document names it.",
    429: "Too many requests at once; Retry-After says when to come back.",
    500: "A fault of ours.",
    503: "A step has to run first.",
    504: "No answer in time.",
}


def describe(routes: Sequence[Route], intake: Intake) -> dict[str, Any]:
    """The description for one company's measures and attributes."""
    structs = [intake.request, messages.Scores, messages.Scored, messages.Models, Document]
    schemas, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    by_struct = dict(zip(structs, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, intake, by_struct)
    for probe, text in (("/livez", "Whether the process lives."), ("/readyz", "Whether it can answer.")):
        failing = {} if probe == "/livez" else {"503": {"description": "Not yet, or not any more."}}
        answers = {"200": {"description": "Yes.", "content": {"text/plain": {"schema": {"type": "string"}}}}, **failing}
        paths[probe] = {"get": {"summary": text, "security": [], "responses": answers}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "moments-of-truth",
            "version": "1",
            "description": "Churn, NPS and value of customers, with reasons; the drivers behind them. Times are UTC.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(route: Route, intake: Intake, by_struct: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "description": f"Scope of the key: {route.scope}." if route.scope else "Any key.",
        "parameters": [
            {
                "name": item.name,
                "in": item.place,
                "description": item.text,
                "required": item.required,
                "schema": item.kind,
            }
            for item in route.parameters
        ],
        "responses": {
            str(status): {"description": _TEXTS[status], "content": _content(kind, by_struct)}
            for status, kind in route.answers.items()
        },
    }
    for status in sorted({*EVERYWHERE, *route.problems}):
        answer: dict[str, Any] = {
            "description": _TEXTS[status],
            "content": {MEDIA_TYPE: {"schema": by_struct[Document]}},
        }
        if status == 429:
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        if status == 401:
            answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
        operation["responses"][str(status)] = answer
    if route.takes_scores:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_struct[intake.request]}},
        }
    return operation


def _content(kind: Any, by_struct: dict[Any, Any]) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {"schema": {"type": "object"} if kind == "application/json" else {"type": "string"}}}
    return {"application/json": {"schema": by_struct[kind]}}
