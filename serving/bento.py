"""A Bento that serves from its own content: models, driver table, reports, journeys and the configuration travel with the code.

``python -m serving.bento CONFIG`` lays the build folder ``<output>/bento`` (sources of the packages that serving needs,
``content/`` with everything it answers from, ``bentofile.yaml``) and builds it; ``bentoml build`` inside that folder builds it
again. Secrets stay at home: the carried configuration has no connection, no paths, no URL of a store.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from configs.errors import MomentsError
from configs.settings import Settings, load
from serving.run import fill_store
from serving.store import FILE, Store

FOLDER: Final = "bento"
NAME: Final = "moments-of-truth"
ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("configs", "features", "serving")
REQUIRED: Final = (
    "babel",
    "bentoml",
    "lightgbm",
    "msgspec",
    "numba",
    "numpy",
    "prometheus-client",
    "pydantic",
    "pyyaml",
    "sqlalchemy",
    "starlette",
)
"""What serving imports; the Bento pins the versions that are installed here."""
DOOR: Final = ("__init__.py", "bundle.py")
"""The one door into training, and all of it that travels."""


def lay(settings: Settings) -> Path:
    """Lay the build folder of a configuration.

    Returns
    -------
    The folder; ``bentoml build`` takes it.

    Raises
    ------
    NotReadyError, BundleError
        When there is no model, or a damaged one.
    """
    from serving.scorer import Scorer

    fill_store(settings, _silent, Scorer.open(settings).vocabularies)
    folder = settings.output / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    content = folder / "content"
    content.mkdir(parents=True)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
        )
    (folder / "training").mkdir()
    for name in DOOR:
        shutil.copy2(ROOT / "training" / name, folder / "training" / name)
    shutil.copytree(settings.output / "models", content / "models")
    for path in (settings.output / "drivers.json", *sorted(settings.output.glob("report*.html"))):
        if path.is_file():
            shutil.copy2(path, content / path.name)
    _carry_journeys(settings, content)
    # JSON is YAML; the settings' reader takes it, and no writer of YAML is needed.
    _write(content / "config.yaml", carried(settings))
    _write(folder / "bentofile.yaml", bentofile(settings))
    return folder


def carried(settings: Settings) -> dict[str, Any]:
    """The configuration inside the Bento: what answering needs, and nothing of where the data live."""
    whole = settings.model_dump(mode="json")
    tables = {
        name: {"path": f"not-carried/{name}", "measures": table["measures"]}
        for name, table in whole["data"]["tables"].items()
    }
    return {
        "name": settings.name,
        "data": {"tables": tables},
        "journey": whole["journey"],
        "targets": whole["targets"],
        "languages": whole["languages"],
        "scores": whole["scores"],
        "serving": {**whole["serving"], "store": None},
        "output": ".",
    }


def bentofile(settings: Settings) -> dict[str, Any]:
    """The build options."""
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in REQUIRED]
    return {
        "service": "serving.service:Moments",
        "name": NAME,
        "labels": {"company": settings.name},
        "description": "Churn, NPS and value of customers, with reasons. Set MOMENTS_KEY; see /docs.",
        "include": [*(f"{package}/**" for package in PACKAGES), "training/**", "content/**"],
        "exclude": ["**/__pycache__/**"],
        # The versions are pinned here already; locking would ask a package index at build time.
        "python": {"packages": pins, "lock_packages": False},
        "envs": [{"name": "BENTOML_DO_NOT_TRACK", "value": "true"}],
    }


def build(settings: Settings) -> None:
    """Lay the folder and have BentoML build it into its store."""
    folder = lay(settings)
    # In a process of its own, so that the Bento's packages are imported from the folder and not from here.
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "true", "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-m", "bentoml", "build"], check=True, env=environment, cwd=folder)


def main(arguments: list[str]) -> int:
    """``python -m serving.bento CONFIG``."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m serving.bento CONFIG\n")
        return 2
    try:
        build(load(arguments[0]))
    except MomentsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    return 0


def _carry_journeys(settings: Settings, content: Path) -> None:
    if settings.serving.store is None:
        shutil.copy2(settings.output / FILE, content / FILE)
        return
    source, target = Store.at(settings.output, settings.serving.store), Store.at(content, None)
    try:
        target.copy_from(source)
    finally:
        source.close()
        target.close()


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _silent(_: str) -> None:
    return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
