"""The two commands of a fresh machine, as far as they can be looked at without one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from configs.settings import load

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_help_is_made_from_comments() -> None:
    """`make help` shows every target that a person may call, with what it does."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    assert {line.split()[1] for line in shown.splitlines()} == named
    assert {"setup", "demo", "test", "serve", "check", "bench", "help", "fmt"} <= named


def test_no_interpreter_is_fetched() -> None:
    """The installer may find an interpreter, never download one."""
    assert "export UV_PYTHON_DOWNLOADS := never" in MAKEFILE


def test_ci_runs_the_suite() -> None:
    """The file that CI calls is a program, is valid bash, and ends in `make test`."""
    path = ROOT / ".ci" / "run"
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").rstrip().endswith("exec make test")
    if shutil.which("bash"):
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_the_demo_is_the_world(world: Path) -> None:
    """configs/demo.yaml says of the demo company what the world says of itself; only places and the name differ."""
    demo = yaml.safe_load((ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8"))
    own = yaml.safe_load((world / "world.yaml").read_text(encoding="utf-8"))
    for name, table in demo["data"]["tables"].items():
        assert Path(table["path"]).parent == Path("../out/demo-world")
        table["path"] = Path(table["path"]).name
        assert table == own["data"]["tables"][name]
    assert demo["targets"]["value"].pop("drivers") is False
    for key in ("journey", "targets", "languages"):
        assert demo[key] == own[key]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_configuration_is_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each configuration that comes with the product loads."""
    monkeypatch.setenv("MOMENTS_DATA", "/nowhere")
    if path.name != "base.yaml":
        assert load(path).targets
