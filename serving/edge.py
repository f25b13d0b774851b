"""The edge of the service: what happens to every request before and after its handler.

In this order: metrics by route, security headers, problem documents, preflight, key and scope, concurrency, timeout. The probes
(BentoML's) never come here.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from configs.errors import BundleError, MomentsError, NotReadyError
from serving import metrics
from serving.keys import Scope
from serving.problems import MEDIA_TYPE, Problem, not_ready
from serving.state import State

Handler = Callable[[Request, State], Awaitable[Response]]

HEADERS: Final[dict[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# Pages may style and script themselves, and load nothing from anywhere.
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_LOG = logging.getLogger("moments.serving")


class Gate:
    """Requests under way, of all routes: beyond the limit the next is answered 429, at once."""

    def __init__(self) -> None:
        self.running = 0


def guarded(
    route: str, scope: Scope | None, handler: Handler, gate: Gate, *, token: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint around a handler.

    Parameters
    ----------
    route
        The route as written; the label of its metrics.
    scope
        What the key must allow; None where any known key will do.
    handler
        Makes the answer, or raises a `Problem`.
    gate
        Counts the requests under way.
    token
        Whether the key may stand in the query (``?token=``), for pages that are opened in a browser.
    """

    async def endpoint(request: Request) -> Response:
        started = perf_counter()
        try:
            state: State = request.app.state.moments
            authorise(request, state, scope, token=token)
            response = await _limited(request, state, handler, gate)
        except ClientDisconnect:
            response = Response(status_code=499)
        except Exception as error:
            response = problem_response(_as_problem(error))
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        metrics.observe(route, response.status_code, perf_counter() - started)
        return response

    return endpoint


def authorise(request: Request, state: State, scope: Scope | None, *, token: bool) -> None:
    """Let the request through, or say why not.

    Raises
    ------
    Problem
        401 without a known key, 403 with a key that may not do this.
    """
    kind, _, presented = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        presented = ""
    if not presented and token:
        presented = request.query_params.get("token", "")
    presented = presented.strip()
    scopes = state.keys.scopes(presented) if presented else None
    if scopes is None:
        hint = ", or open the page with ?token=<key>" if token else ""
        raise Problem(
            401,
            "no_key",
            "the key is not known" if presented else "no key was sent",
            f"send 'Authorization: Bearer <key>'{hint}",
            headers={"WWW-Authenticate": 'Bearer realm="moments"'},
        )
    if scope is not None and scope not in scopes:
        raise Problem(
            403,
            "wrong_scope",
            f"this needs the scope '{scope}'",
            "use a key with that scope",
            available=", ".join(sorted(scopes)),
            headers={"WWW-Authenticate": f'Bearer realm="moments", error="insufficient_scope", scope="{scope}"'},
        )


async def _limited(request: Request, state: State, handler: Handler, gate: Gate) -> Response:
    limits = state.settings.serving
    if gate.running >= limits.max_concurrency:
        raise Problem(
            429,
            "too_many",
            f"{limits.max_concurrency} requests are under way",
            "send it again after the seconds in Retry-After",
            headers={"Retry-After": "1"},
        )
    gate.running += 1
    try:
        with anyio.fail_after(limits.timeout_seconds):
            return await handler(request, state)
    except TimeoutError:
        raise Problem(
            504, "timeout", f"no answer within {limits.timeout_seconds:g} seconds", "send fewer customers at once"
        ) from None
    finally:
        gate.running -= 1


async def body_of(request: Request, limit: int) -> bytes:
    """The body, counted as it arrives.

    Raises
    ------
    Problem
        415 unless it says application/json, 413 beyond the limit.
    """
    media, _, _ = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() != "application/json" or "content-encoding" in request.headers:
        packed = "content-encoding" in request.headers
        raise Problem(
            415,
            "not_json",
            "the body is packed" if packed else f"the body is '{media.strip() or 'of no type'}'",
            "send JSON with 'Content-Type: application/json' and no Content-Encoding",
            field="Content-Type",
        )
    too_large = Problem(413, "too_large", f"a body may hold {limit} bytes", "split the customers over several requests")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def problem_response(problem: Problem) -> Response:
    """A problem as it is sent."""
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)


def page_headers() -> Mapping[str, str]:
    """Headers of an HTML page that loads nothing."""
    return {"Content-Security-Policy": PAGE_POLICY}


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, (NotReadyError, BundleError)):
        return not_ready(error)
    if isinstance(error, MomentsError):
        return Problem(422, "cannot_score", error.what, error.next_move, available=error.available or None)
    # Where, not what: the message of a foreign error could hold ids or values, which are not logged.
    place = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("unexpected %s\n%s", type(error).__name__, place)
    return Problem(500, "internal", "an unexpected error has happened", "tell the operator the time of this request")
