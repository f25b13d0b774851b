"""Our root packages are ours alone, and the wheel holds what runs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("configs", "features", "training", "drivers", "serving", "moments")


def test_the_wheel_lists_our_packages() -> None:
    """The build names exactly the six packages."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert tuple(content["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert "Private :: Do Not Upload" in content["project"]["classifiers"]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_provides_it(name: str) -> None:
    """A package of the same name from elsewhere would overwrite ours; an editable installation lists none, a wheel us."""
    providers = set(importlib.metadata.packages_distributions().get(name, []))
    assert providers <= {"moments-of-truth"}


@pytest.mark.parametrize("name", PACKAGES)
def test_it_is_found_in_this_checkout(name: str) -> None:
    """What is imported is what is tested."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve().is_relative_to(ROOT)


@pytest.mark.slow
def test_the_wheel_holds_data_files(tmp_path: Path) -> None:
    """Every file of the packages that is not Python goes into the wheel too."""
    builder = importlib.util.find_spec("hatchling")
    if builder is None:
        pytest.skip("hatchling is not installed in this environment; the lock's environment builds without it")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= inside
