"""House rules that a linter does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("configs", "features", "training", "drivers", "serving", "moments")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
LONGEST = 400


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_a_sentence_under_every_test(path: Path) -> None:
    """Every test says in a sentence what must be true."""
    silent = [node.name for node in functions(path) if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert silent == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_promises(path: Path) -> None:
    """Every module that holds code begins with its contract."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_rooms_are_small(path: Path) -> None:
    """No module grows beyond what can be read at once."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", [path for path in MODULES if "moments" not in path.parts], ids=name)
def test_time_is_read_at_the_edges(path: Path) -> None:
    """No clock is read inside; what must know the time is told. The service's own edge may."""
    calls = [
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    clocks = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "pd.Timestamp.now"}
    if path.parent.name != "serving":
        assert clocks.isdisjoint(calls)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_pickles(path: Path) -> None:
    """Nothing is stored in a form that runs code when it is read."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    words = {alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
    assert {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}.isdisjoint(words)
