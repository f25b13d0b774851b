"""The README's examples run."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from moments.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(*languages: str) -> list[str]:
    return [
        text
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        if language in languages
    ]


def commands() -> list[str]:
    lines = [line.strip() for block in blocks("console", "shell", "bash", "sh") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith(("$ ", "moments ", "make "))]


@pytest.mark.parametrize("command", commands())
def test_commands_exist(command: str) -> None:
    """Each command of the README is a make target or a verb with options that exist."""
    words = shlex.split(command, comments=True)
    while words and ("=" in words[0] or words[0].startswith(".venv")):
        words = [Path(words[0]).name, *words[1:]] if words[0].startswith(".venv") else words[1:]
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        assert {word for word in words[1:] if "=" not in word} <= targets
    elif words[0] == "moments":
        group: Any = typer.main.get_command(app)
        if words[1].startswith("-"):
            return
        assert words[1] in group.commands
        known = {option for item in group.commands[words[1]].params for option in item.opts} | {"--help"}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Python example runs on the demo company after a whole run, with its paths."""
    here = os.path.relpath(demo.config, demo.folder)
    code = code.replace("configs/demo.yaml", here).replace("out/demo/", "out/")
    monkeypatch.chdir(demo.folder)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own example


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of the README and the pages is a file."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in link and not link.startswith("mailto:"):
            assert (page.parent / link).exists(), link
