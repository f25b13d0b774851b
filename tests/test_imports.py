"""Imports point down, and heavy ones do not happen where they would be paid for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "mlflow",
    "shap",
    "lightgbm",
    "bentoml",
    "pandas",
    "sklearn",
    "matplotlib",
    "duckdb",
    "numba",
    "pyarrow",
    "ibis",
}


def loaded(code: str) -> set[str]:
    """Root names of all modules after running code in a fresh interpreter."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    """`moments --help` answers without any model, table or plotting library."""
    code = (
        "import contextlib, io, sys\n"
        "from moments.cli import main\n"
        "sys.argv = ['moments', '--help']\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main()"
    )
    assert loaded(code) & HEAVY == set()


def test_settings_load_nothing_heavy() -> None:
    """Reading a configuration needs no table or model library."""
    assert loaded("import configs.settings, features.schema, features.definition") & HEAVY == set()


@pytest.mark.parametrize("module", ["training.bundle", "serving.scorer", "serving.routes"])
def test_serving_is_light(module: str) -> None:
    """The request path needs no experiment tracking, no explainers' library, no plotting."""
    assert loaded(f"import {module}") & {"mlflow", "shap", "matplotlib", "optuna"} == set()


@pytest.mark.parametrize("package", ["configs", "features", "training", "drivers", "serving", "moments"])
def test_importing_has_no_side_effects(package: str, tmp_path: Path) -> None:
    """Importing a package writes no file into the working folder and prints nothing."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {package}"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_imports_point_down() -> None:
    """The import rules of pyproject.toml hold."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
