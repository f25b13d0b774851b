"""What tests share: the environment without telemetry, and one small demo company that went through the whole pipeline.

The company is made once per session; whoever changes its files takes a copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.settings import Settings, load
from moments.environment import set_environment
from moments.progress import quiet

set_environment()
os.environ.setdefault("MPLBACKEND", "Agg")  # charts without a display

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 1, 15, tzinfo=UTC)
"""The present of every test: after the demo company's two years."""

SMALL: dict[str, Any] = {
    "snapshots": {"every_days": 60},
    "validation": {"inner_folds": 2, "bootstraps": 20},
    "learner": {"leaves": [8], "learning_rate": 0.1, "max_rounds": 60, "early_stopping_rounds": 10, "threads": 1},
    "drivers": {"repeats": 1, "bootstraps": 20, "half_samples": 4, "folds": 3, "max_rows": 3000},
}
"""Settings that make every step quick; figures are then rough, their shapes are not."""


@dataclass(frozen=True)
class Demo:
    """A company on disk and what the pipeline made of it."""

    folder: Path
    config: Path
    settings: Settings

    @property
    def output(self) -> Path:
        """Where the pipeline wrote."""
        return self.settings.output

    def copy(self, folder: Path, **changes: Any) -> Demo:
        """The same company and files in another folder, with changes merged into the configuration's top-level keys."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return _demo(folder, **changes)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo company of 700 customers, as `moments world` makes it."""
    from features.world import make_world

    folder = tmp_path_factory.mktemp("world") / "demo"
    make_world(folder, customers=700, seed=7)
    return folder


@pytest.fixture(scope="session")
def company(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo company with quick settings; nothing has been run on it."""
    folder = tmp_path_factory.mktemp("company")
    shutil.copytree(world, folder, dirs_exist_ok=True)
    return _demo(folder)


@pytest.fixture(scope="session")
def demo(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo company after a whole run. Read only."""
    from moments.pipeline import run

    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(world, folder, dirs_exist_ok=True)
    made = _demo(folder)
    with chdir(folder):  # experiments go under the working folder
        run(made.settings, now=NOW, begin=quiet)
    return made


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One real Spark on two cores of this machine for all tests that need one; they skip where pyspark or Java is missing."""
    from configs.errors import NotReadyError
    from features.spark.session import need_spark, session
    from tests.features import company as small

    folder = tmp_path_factory.mktemp("spark")
    small.make(folder)
    settings = spark_settings(small.settings(folder))
    try:
        need_spark(settings)
    except NotReadyError as error:
        pytest.skip(str(error))
    with session(settings) as opened:
        yield opened


def spark_settings(settings: Settings, **changes: Any) -> Settings:
    """A configuration whose Spark is small and local."""
    section = settings.spark.model_copy(update={"master": "local[2]", "driver_memory": "1g", **changes})
    return settings.model_copy(update={"spark": section})


def _demo(folder: Path, **changes: Any) -> Demo:
    """Write `company.yaml`: the world's own configuration with quick settings."""
    content = yaml.safe_load((folder / "world.yaml").read_text(encoding="utf-8"))
    for key, value in {**SMALL, "output": "out", **changes}.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    config = folder / "company.yaml"
    config.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return Demo(folder, config, load(config))
