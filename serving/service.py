"""The BentoML service: one process tree, the Starlette application mounted into it, the models of one output folder.

Where a worker finds its configuration: the file that ``MOMENTS_CONFIG`` names, else ``content/config.yaml`` beside the packages,
which is how a Bento carries its own (see `serving.bento`). Importing this module is light: models, LightGBM and the routes are
a worker's, and are opened when it starts.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

# Read by BentoML when it is imported, and by the workers that it starts: exactly this word.
os.environ["BENTOML_DO_NOT_TRACK"] = "true"

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from configs.errors import NotReadyError
from configs.settings import environment, load
from serving import keys

CONFIG: Final = "MOMENTS_CONFIG"
WORKERS: Final = "MOMENTS_WORKERS"
CONTENT: Final = Path(__file__).resolve().parents[1] / "content" / "config.yaml"
PROBES: Final = frozenset({"/livez", "/readyz", "/healthz"})

_LOG = logging.getLogger("bentoml.moments")


class Front:
    """The mounted application: a worker puts its Starlette application behind it when it has opened its models."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the server takes none before the worker is up."""
        if self.app is None:
            raise RuntimeError("a request came before the worker was up")
        await self.app(scope, receive, send)


front = Front()


class OnlyOurs:
    """Lets BentoML answer the probes and nothing else: its index, schema and assets need no key and load from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.bento = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        bento = scope["type"] != "http" or scope["path"] in PROBES
        await (self.bento if bento else front)(scope, receive, send)


def ensure_key() -> bool:
    """Make a key for this run and its workers if none is configured; whether one was made."""
    if keys.Keys.read() is not None:
        return False
    os.environ[keys.KEY] = keys.new_key()
    return True


class Worker:
    """Churn, NPS and value of customers, with reasons."""

    def __init__(self) -> None:
        from serving.lean import import_lightgbm

        import_lightgbm()  # before anything else does: seconds sooner, a hundred megabytes lighter
        from serving.routes import make_app
        from serving.state import State

        found = keys.Keys.read()
        if found is None:
            raise NotReadyError("no key is configured", where=keys.KEY, next_move=f"set {keys.KEY} or {keys.KEYS_FILE}")
        self.state = State.open(load(config_path()), found, _now)
        self.state.warm_up()
        app = make_app()
        app.state.moments = self.state
        front.app = app

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Leave nothing unwritten."""
        self.state.close()

    def __is_ready__(self) -> bool:
        """Whether this worker can answer."""
        return self.state.is_ready()

    @staticmethod
    def prepare() -> None:
        """Once per run, in the process that starts the workers: a key, if none is configured."""
        if ensure_key():
            _LOG.warning("no key is configured; made one for this run: %s=%s", keys.KEY, os.environ[keys.KEY])


bentoml.on_deployment(Worker.prepare)

Moments: Any = bentoml.service(
    name="moments-of-truth",
    workers=int(environment(WORKERS) or 1),
    traffic={"timeout": 3600},  # ours comes first and answers with a problem document
    logging={"access": {"enabled": False}},  # paths hold customers' ids
    tracing={"excluded_urls": ".*"},
    metrics={"enabled": False},  # theirs label by path, see serving.metrics
)(Worker)
Moments.add_asgi_middleware(OnlyOurs)
Moments.mount_asgi_app(front, name="moments")


def config_path() -> Path:
    """The configuration of this process.

    Raises
    ------
    NotReadyError
        When none is named and none is carried along.
    """
    given = environment(CONFIG)
    if given:
        return Path(given)
    if CONTENT.is_file():
        return CONTENT
    raise NotReadyError(
        "there is no configuration to serve",
        where=CONFIG,
        next_move=f"set {CONFIG}=<file.yaml>, or start it with 'moments serve <file.yaml>'",
    )


def _now() -> datetime:
    return datetime.now(UTC)
