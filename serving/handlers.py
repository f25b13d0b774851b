"""What the routes answer: from a request to the answer, everything that takes time in a thread.

Handlers raise a `Problem` for whatever cannot be answered; `serving.edge` has let the request in and renders it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from configs.errors import nearest
from configs.settings import Language
from serving import intake, messages, metrics
from serving.edge import body_of, page_headers
from serving.problems import Problem
from serving.state import UNKNOWN_CUSTOMER, State

JSON: Final = "application/json"
HTML: Final = "text/html"
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)
T = TypeVar("T")


async def score(request: Request, state: State) -> Response:
    """`POST /v1/scores`."""
    body = await body_of(request, state.settings.serving.max_body_bytes)
    return await in_thread(partial(_score, state, body))


async def score_one(request: Request, state: State) -> Response:
    """`GET /v1/customers/{id}/score`."""
    query = query_of(request, ("as_of", "targets", "reasons", "lang"))
    asked = intake.Request(
        [intake.Asked(request.path_params["id"])],
        intake.parameter_moment(query["as_of"], "as_of") if "as_of" in query else None,
        _targets(query.get("targets")),
        _count(query.get("reasons")),
        _language(query.get("lang")),
    )
    return await in_thread(partial(_score_one, state, asked))


async def drivers(request: Request, state: State) -> Response:
    """`GET /v1/drivers`."""
    query = query_of(request, ("target", "segment", "lang"))
    lang = _language(query.get("lang")) or state.scorer.lang
    return await in_thread(partial(_drivers, state, query.get("target"), query.get("segment"), lang))


async def report(request: Request, state: State) -> Response:
    """`GET /report`."""
    lang = _language(query_of(request, ("lang", "token")).get("lang"))
    path = _report_file(state, lang)
    content = await in_thread(path.read_bytes)
    return Response(content, media_type=HTML, headers=dict(page_headers()))


async def models(request: Request, state: State) -> Response:
    """`GET /v1/models`."""
    query_of(request, ())
    return _json(200, messages.Models(state.scorer.infos()))


async def metrics_text(request: Request, state: State) -> Response:  # noqa: ARG001 - the signature of all handlers
    """`GET /metrics`."""
    content, media = await in_thread(metrics.exposition)
    return Response(content, media_type=media)


def _score(state: State, body: bytes) -> Response:
    results = state.score(intake.read(body, state.intake))
    failed = any(isinstance(result, messages.Failed) for result in results)
    return _json(207 if failed else 200, messages.Scores(results))


def _score_one(state: State, asked: intake.Request) -> Response:
    result = state.score(asked)[0]
    if isinstance(result, messages.Failed):
        known = result.error.code != UNKNOWN_CUSTOMER
        raise Problem(
            422 if known else 404,
            result.error.code,
            result.error.message.partition(";")[0],
            "mend the customer's data" if known else "check the id, or POST the journey to /v1/scores",
            field="id",
        )
    return _json(200, result)


def _drivers(state: State, target: str | None, segment: str | None, lang: str) -> Response:
    path = state.settings.output / "drivers.json"
    if not path.is_file():
        raise Problem(
            404,
            "not_ready",
            "there is no driver table yet",
            f"run 'moments drivers {state.settings.source.name}'",
            available="the drivers are made by the step 'drivers'",
        )
    content = json.loads(path.read_bytes())
    targets: dict[str, Any] = content["targets"]
    if target is not None:
        if target not in targets:
            raise Problem(
                404, "not_found", "the table has no such target", "use one of them", "target", ", ".join(targets)
            )
        targets = {target: targets[target]}
    if segment is not None:
        segments = sorted({name for part in targets.values() for name in part.get("segments") or {}})
        if segment not in segments:
            raise Problem(
                404,
                "not_found",
                "the table has no such segment",
                "use one of them" if segments else "leave the segment out: this table has none",
                "segment",
                ", ".join(segments) or None,
            )
        targets = {name: (part.get("segments") or {}).get(segment) for name, part in targets.items()}
    speaker = state.scorer.speaker(lang)
    for part in targets.values():
        for entry in [*(part or {}).get("drivers", []), *(part or {}).get("controls", [])]:
            entry["label"] = speaker.label(entry["touchpoint"])
    return Response(json.dumps({**content, "targets": targets}, ensure_ascii=False, allow_nan=False), media_type=JSON)


def _report_file(state: State, lang: str | None) -> Path:
    output = state.settings.output
    first = state.settings.languages[0]
    names = ["report.html"] if lang is None else [f"report.{lang}.html"] + (["report.html"] if lang == first else [])
    for name in names:
        if (output / name).is_file():
            return output / name
    there = sorted(item.name for item in output.glob("report*.html"))
    raise Problem(
        404,
        "not_found" if there else "not_ready",
        "there is no report in this language" if there else "there is no report yet",
        "use another language, or list it under 'languages' and run 'moments drivers' again"
        if there
        else f"run 'moments drivers {state.settings.source.name}'",
        "lang" if there else None,
        ", ".join(there) or None,
    )


def query_of(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    """The query parameters, each of them known and given once.

    Raises
    ------
    Problem
        Naming the parameter.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            close = nearest(name, allowed)
            raise Problem(
                422,
                "unknown_field",
                "the query parameter is not known",
                f"did you mean '{close}'?" if close else "leave it out",
                name,
                ", ".join(allowed) or None,
            )
        if name in found:
            raise Problem(422, "duplicate_key", "the query parameter is given twice", "give it once", name)
        found[name] = value
    return found


def _targets(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(text.split(","))
    for name in names:
        if name not in messages.SLOTS:
            close = nearest(name, messages.SLOTS)
            raise Problem(
                422,
                "bad_value",
                "the target is not known",
                f"did you mean '{close}'?" if close else "use some of them, separated by commas",
                "targets",
                ", ".join(messages.SLOTS),
            )
    return names


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 20):
        raise Problem(422, "bad_value", "a count of reasons is expected", "use 0 to 20", "reasons", "0 to 20")
    return int(text)


def _language(text: str | None) -> str | None:
    if text is not None and text not in LANGUAGES:
        raise Problem(422, "bad_value", "the language is not known", "use one of them", "lang", ", ".join(LANGUAGES))
    return text


def _json(status: int, content: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), status, media_type=JSON)


async def in_thread(work: Callable[[], T]) -> T:
    """Work that takes time, away from the loop that answers the probes."""
    # Left to itself when the time is up: a thread cannot be stopped, but nobody waits for it.
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
