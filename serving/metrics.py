"""Request metrics for Prometheus, under BentoML's names but by route instead of by path.

BentoML's own middleware labels by the raw path, which would put customers' ids into the metrics and let any caller grow them
without bound; so it is off, and these take its place. The client runs in multiprocess mode under BentoML's workers.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Final

PREFIX: Final = "bentoml_service_"
_LABELS: Final = ("endpoint", "http_response_code")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@cache
def _instruments() -> tuple[Any, Any]:
    # Imported late: the client chooses multiprocess mode at import, from a variable that BentoML sets for its workers.
    from prometheus_client import Counter, Histogram

    return (
        Counter(f"{PREFIX}request", "Requests answered", _LABELS),
        Histogram(f"{PREFIX}request_duration_seconds", "Seconds to an answer", _LABELS, buckets=_SECONDS),
    )


@cache
def _counter(name: str, text: str, labels: tuple[str, ...]) -> Any:
    from prometheus_client import Counter

    return Counter(name, text, labels)


def count_served(outcome: str, vectors: int) -> None:
    """Count vectors for the log: ``written``, ``dropped`` (too many were waiting) or ``failed`` (the disk took no more)."""
    text = "Scored vectors for the log, by what became of them"
    _counter("moments_served_vectors", text, ("outcome",)).labels(outcome).inc(vectors)


def observe(route: str, status: int, seconds: float) -> None:
    """Count one answer.

    Parameters
    ----------
    route
        The route as written, e.g. ``/v1/customers/{id}/score``.
    status
        HTTP status.
    seconds
        From the request to the answer.
    """
    total, duration = _instruments()
    total.labels(route, status).inc()
    duration.labels(route, status).observe(seconds)


def exposition() -> tuple[bytes, str]:
    """All metrics of all workers and their media type."""
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
