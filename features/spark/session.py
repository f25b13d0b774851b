"""A Spark session that can run our code: checked, configured, with our packages where the executors find them.

A session that is already open in this process (a notebook of a cluster) is used and left open; otherwise one is made of the
section `spark` of the configuration and stopped afterwards.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from configs.errors import ConfigError, DataError, NotReadyError
from configs.settings import Settings, environment

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder that our packages lie in."""

PACKAGES: Final = ("configs", "features", "training", "serving")
"""What executors run."""

_PYTHONPATH: Final = "spark.executorEnv.PYTHONPATH"

_QUERIES: Final = {
    "spark.sql.session.timeZone": "UTC",
    # Rows per hand-over between Java and Python: enough that a call costs nothing, little enough to hold several.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    # The parts are chosen by weight already; without it a job has two stages, which progress can count.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.parquet.compression.codec": "zstd",
}


@contextmanager
def session(settings: Settings) -> Iterator[SparkSession]:
    """A session of the configuration.

    Raises
    ------
    NotReadyError
        When pyspark or Java is not there.
    ConfigError
        When no Spark answers at `spark.master`.
    """
    need_spark(settings)
    with _no_pandas():
        from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        with _shipped(active):
            yield _own(active)
        return
    made = _start(settings)
    try:
        with _shipped(made):
            yield _own(made)
    finally:
        made.stop()


def need_spark(settings: Settings) -> None:
    """Refuse, in words that help, where pyspark or Java is missing."""
    where = f"{settings.source.name}: --engine spark"
    if importlib.util.find_spec("pyspark") is None:
        raise NotReadyError(
            "pyspark is not installed",
            where=where,
            available="--engine local",
            next_move="uv sync --extra spark (or: pip install 'moments-of-truth[spark]')",
        )
    home = environment("JAVA_HOME")
    if shutil.which("java") is None and not (home and (Path(home) / "bin" / "java").is_file()):
        raise NotReadyError(
            "Spark needs Java, and there is none",
            where=where,
            available="--engine local",
            next_move="install Java 17 or later (apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one",
        )


def run(spark: SparkSession, action: Callable[[], None], told: Callable[[float], None]) -> None:
    """Run an action that starts one Spark job, and tell its share of finished tasks meanwhile.

    Raises
    ------
    DataError
        When the executors' Python lacks a package.
    """
    from pyspark.errors import PySparkException

    context = spark.sparkContext
    tracker = context.statusTracker()
    group = f"moments-{id(action)}"

    def work() -> None:
        context.setJobGroup(group, "moments", interruptOnCancel=True)
        action()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=0.5).done:
                told(_share(tracker, group))
            future.result()
        except PySparkException as error:
            lacking = _lacking(str(error))
            if lacking is None:
                raise
            raise DataError(
                f"the executors' Python cannot import '{lacking}'",
                where=f"spark.master: {context.master}",
                next_move="install our dependencies in the Python that 'spark.python' names, or ship them with spark.archives in 'spark.conf'",
            ) from None
        finally:
            if not future.done():
                context.cancelJobGroup(group)
    told(1.0)


def mapped(frame: Any, function: Callable[..., Any], schema: str) -> Any:
    """`frame.mapInArrow`."""
    with _no_pandas():
        return frame.mapInArrow(function, schema)


def configuration(settings: Settings) -> dict[str, str]:
    """Everything that a new session is told, the configuration's own `spark.conf` last."""
    mine = settings.spark
    local = mine.master.startswith("local")
    log = Path(__file__).with_name("log4j2.properties")
    found = {
        "spark.master": mine.master,
        "spark.app.name": f"moments {settings.name}",
        "spark.driver.memory": mine.driver_memory,
        "spark.executor.memory": mine.executor_memory,
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log.as_uri()}",
        # The models' threads wait asleep, as they do here: see moments.environment.
        "spark.executorEnv.OMP_WAIT_POLICY": "PASSIVE",
    }
    if local:
        # Workers import the very files of this process, with what is compiled already lying beside them.
        found |= {_PYTHONPATH: str(ROOT), "spark.ui.enabled": "false"}
        found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return found | {name: _text(value) for name, value in mine.conf.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _start(settings: Settings) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # PySpark reads the workers' Python from the environment alone.
    os.environ["PYSPARK_PYTHON"] = settings.spark.python or sys.executable
    builder: Any = SparkSession.builder
    for name, value in configuration(settings).items():
        builder = builder.config(name, value)
    try:
        with _no_pandas():
            made: SparkSession = builder.getOrCreate()
    except (Py4JError, PySparkException, RuntimeError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ConfigError(
            f"Spark does not start ({first.strip()[:300]})",
            where=f"{settings.source.name}: spark.master: {settings.spark.master}",
            available="local[*], spark://host:7077, yarn, k8s://https://host:443",
            next_move="mend the master's address, or what the lines above this one say; Java must be 17 or later",
        ) from None
    return made


def _own(spark: SparkSession) -> SparkSession:
    """A session of our own beside others of the same application: its settings of queries are nobody else's."""
    mine = spark.newSession()
    for name, value in _QUERIES.items():
        mine.conf.set(name, value)
    return mine


@contextmanager
def _shipped(spark: SparkSession) -> Iterator[None]:
    """Give executors our packages as a zip, unless they see the folder itself."""
    context = spark.sparkContext
    if str(ROOT) in (context.getConf().get(_PYTHONPATH) or "").split(os.pathsep):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="moments-") as folder:
        context.addPyFile(str(packages(Path(folder) / "moments-packages.zip")))
        yield


def packages(path: Path) -> Path:
    """Write our packages as a zip that Python can import from."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in PACKAGES:
            for file in sorted((ROOT / name).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    out.write(file, file.relative_to(ROOT).as_posix())
    return path


def _share(tracker: Any, group: str) -> float:
    """Tasks done of all tasks of a group's jobs."""
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group)]
    stages = [tracker.getStageInfo(stage) for job in jobs if job is not None for stage in job.stageIds]
    known = [stage for stage in stages if stage is not None]
    done = sum(int(stage.numCompletedTasks) for stage in known)
    return done / max(1, sum(int(stage.numTasks) for stage in known))


def _lacking(message: str) -> str | None:
    """The module that an error of the executors says is not there."""
    found = message.partition("ModuleNotFoundError: No module named ")[2]
    return found.split("'")[1] if found.startswith("'") else None


@contextmanager
def _no_pandas() -> Iterator[None]:
    """PySpark says of pandas 3 that it is not fully supported; rows cross as Arrow here and no data frame is ever made."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        yield
