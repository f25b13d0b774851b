"""Starting the service from a terminal: everything that can be wrong is found here, before a worker is started."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from configs.errors import ConfigError, MomentsError
from configs.settings import Settings
from features.journey import Vocabulary
from serving import keys
from serving.lean import import_lightgbm
from serving.store import Loaded, Store, digest_of

Tell = Callable[[str], None]


def serve(
    settings: Settings, host: str = "127.0.0.1", port: int = 3000, workers: int = 1, *, tell: Tell | None = None
) -> None:
    """Serve a configuration's models until interrupted.

    Parameters
    ----------
    settings
        The configuration; models are read from its output folder, journeys from its tables.
    host, port
        Where to listen.
    workers
        Processes that answer.
    tell
        Told each line for the terminal; standard error when left out.

    Raises
    ------
    NotReadyError, BundleError, ConfigError
        When there is no model, a damaged one, a wrong file of keys, or the port is taken.
    """
    say = tell or _to_terminal
    address = _free(host, port)
    import_lightgbm()
    from serving.scorer import Scorer

    fill_store(settings, say, Scorer.open(settings).vocabularies)
    import bentoml

    from serving.service import CONFIG, WORKERS, Moments, ensure_key

    made = ensure_key()
    os.environ[CONFIG] = str(settings.source)
    os.environ[WORKERS] = str(workers)
    Moments.config["workers"] = workers
    folder = str(Path(__file__).resolve().parents[1])
    url = f"http://{host}:{port}"
    with tempfile.TemporaryDirectory(prefix="moments-metrics-") as scratch:
        # Of this run alone: BentoML's own place is shared by all services of a user, and emptied by each start.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = scratch
        probe = "127.0.0.1" if ipaddress.ip_address(address).is_unspecified else host
        threading.Thread(target=_announce, args=(f"http://{probe}:{port}", url, made, say), daemon=True).start()
        bentoml.serve("serving.service:Moments", host=address, port=port, working_dir=folder, blocking=True)


def fill_store(settings: Settings, tell: Tell, vocabularies: Sequence[Vocabulary] = ()) -> Loaded:
    """Load the journey store when it is empty or when the tables have changed since.

    With the journeys goes the company's calendar, once for each of the models' `vocabularies`: what is usual in the whole
    company is as fresh as the journeys, however long ago the models learnt.

    Where the tables cannot be read any more (the warehouse is away) but the store is filled, what it holds is served, and that
    is said.

    Raises
    ------
    MomentsError
        When the tables cannot be read and nothing is in the store.
    """
    from features.tables import open_tables

    store = Store.at(settings.output, settings.serving.store)
    try:
        before = store.loaded()
        try:
            with open_tables(settings) as tables:
                if before is not None and before.digest == digest_of(tables):
                    store.learn_calendars(tables, vocabularies)
                    return before
                tell("loading the journey store")
                loaded = store.load_from(tables, _tenths(tell), vocabularies)
        except MomentsError as error:
            if before is None:
                raise
            tell(f"the tables cannot be read ({error.what}); serving the {before.customers} journeys loaded before")
            return before
    finally:
        store.close()
    return loaded


def _tenths(tell: Tell) -> Callable[[str, float], None]:
    said = 0

    def progress(message: str, done: float) -> None:
        nonlocal said
        if int(done * 10) > said:
            said = int(done * 10)
            tell(f"{message} ({done:.0%})")

    return progress


def _free(host: str, port: int) -> str:
    """The host as an address, if the port there can be taken."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(place)
    except OSError as error:
        raise ConfigError(
            f"cannot listen there ({error.strerror})",
            where=f"{host}:{port}",
            next_move="use another --port, or end what listens on this one",
        ) from None
    return str(place[0])


def _announce(probe: str, url: str, made: bool, tell: Tell) -> None:  # noqa: FBT001 - one call, in a thread
    """Wait until the service is ready and say where; a browser opens the line as it is."""
    while True:
        try:
            with urllib.request.urlopen(f"{probe}/readyz", timeout=5):  # noqa: S310 - our own address
                break
        except OSError:
            time.sleep(0.2)
    tell(f"ready: {url}/docs" + (f"?token={os.environ[keys.KEY]}" if made else ""))
    if made:
        tell(f"key of this run: {os.environ[keys.KEY]} (set {keys.KEY} or {keys.KEYS_FILE} for one that stays)")


def _to_terminal(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
