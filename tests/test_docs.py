"""The reference pages come from the registries and are fresh."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from features.definition import AGGREGATES
from features.families import FAMILIES
from moments.cli import app

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


def test_pages_are_fresh(generator: ModuleType) -> None:
    """What is written is what the registries say today; `make docs` writes it anew."""
    for name, text in generator.pages().items():
        assert (REFERENCE / name).read_text(encoding="utf-8") == text, f"docs/reference/{name}: run make docs"


def test_every_option_is_documented() -> None:
    """Each verb and each of its options stands in cli.md."""
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    group: Any = typer.main.get_command(app)
    for verb, command in group.commands.items():
        section = page.split(f"## moments {verb}\n")[1].split("\n## ")[0]
        assert f"$ moments {verb} " in section
        for item in command.params:
            if "--help" not in item.opts and item.param_type_name == "option":
                assert all(option in section for option in item.opts)
                assert item.help


def test_every_default_has_its_reason(generator: ModuleType) -> None:
    """Each value of base.yaml stands in settings.md, with a comment that gives its unit or reason."""
    rows = {key: why for key, _, why in generator.defaults()}
    assert set(rows) == generator.known_keys()
    assert [key for key, why in rows.items() if not why] == []


def test_every_aggregate_and_family_is_documented() -> None:
    """features.md names them all."""
    page = (REFERENCE / "features.md").read_text(encoding="utf-8")
    assert [name for name in AGGREGATES if f"| `{name}` |" not in page] == []
    assert [name for name in FAMILIES if f"### {name}\n" not in page] == []


def test_decisions_are_numbered_and_whole() -> None:
    """Every decision has the next number and tells context, choice, what was rejected and the consequence."""
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert all(f"\n## {part}\n" in text for part in ("Context", "Choice", "Rejected", "Consequence")), page.name
