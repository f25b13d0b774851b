"""The command line: help with examples, exit status, one JSON object on standard output."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.testing import CliRunner, Result

from configs.errors import DataError
from moments import cli
from moments.cli import app
from moments.examples import EXAMPLES

VERBS = list(EXAMPLES)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_python_runs_the_command_too() -> None:
    """`python -m moments` is `moments`: where the script is not on the path, nothing is silently done."""
    done = subprocess.run([sys.executable, "-m", "moments", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)


def test_every_verb_has_an_example() -> None:
    """The examples and the commands are the same list."""
    group: Any = typer.main.get_command(app)
    assert list(group.commands) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_in_an_example(verb: str) -> None:
    """The last line of every help is a command that names the verb and only options that exist."""
    done = call(verb, "--help")
    assert done.exit_code == 0
    last = " ".join(done.stdout.split("Example:")[-1].split())
    words = shlex.split(last)
    assert words[:2] == ["moments", verb]
    group: Any = typer.main.get_command(app)
    known = {option for item in group.commands[verb].params for option in item.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_help_of_the_whole_lists_the_verbs() -> None:
    """`moments --help` names every verb."""
    done = call("--help")
    assert done.exit_code == 0
    assert all(f"\n  {verb} " in done.stdout for verb in VERBS)


def test_no_verb_shows_help() -> None:
    """`moments` alone is a usage error that shows the help."""
    done = call()
    assert done.exit_code == 2
    assert "Usage:" in done.output


@pytest.mark.parametrize("words", [["check"], ["fly"], ["run", "a.yaml", "--speed", "9"], ["world"]])
def test_usage_errors_exit_with_two(words: Sequence[str]) -> None:
    """A missing argument, an unknown verb and an unknown option are usage errors."""
    assert call(*words).exit_code == 2


@pytest.mark.parametrize("moment", ["yesterday", "0001-01-01T00:00:00+14:00"])
def test_a_bad_moment_is_a_usage_error(tmp_path: Path, moment: str) -> None:
    """`--as-of` wants a date, and one that is a date in UTC too, and says so."""
    done = call("score", str(tmp_path / "a.yaml"), "--as-of", moment)
    assert done.exit_code == 2
    assert moment in done.output


def test_a_missing_configuration_exits_with_one(tmp_path: Path) -> None:
    """The message names the file, its neighbour and the next move."""
    (tmp_path / "acme.yaml").write_text("name: acme", encoding="utf-8")
    done = call("check", str(tmp_path / "acne.yaml"))
    assert done.exit_code == 1
    assert "did you mean 'acme.yaml'?" in done.output
    assert "Traceback" not in done.output


def test_an_error_as_json_is_one_object(tmp_path: Path) -> None:
    """With `--json` an error is an object with code, what, where, available and next, and nothing else is on stdout."""
    config = tmp_path / "a.yaml"
    config.write_text(yaml.safe_dump({"targgets": {}}), encoding="utf-8")
    done = call("run", str(config), "--json")
    assert done.exit_code == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "config_error"
    assert set(error) == {"code", "what", "where", "available", "next"}
    assert "did you mean 'targets'?" in error["next"]


def test_an_unexpected_fault_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours escapes as it is; with `--json` the object says so and standard error has the traceback."""

    def broken(_: Path) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cli, "_load", broken)
    done = call("check", "a.yaml")
    assert isinstance(done.exception, ZeroDivisionError)
    told = call("check", "a.yaml", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"]["code"] == "internal"
    assert "Traceback" in told.stderr


def test_an_error_is_shown_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What, where, what was available and the next move stand on lines of their own; brackets in them survive."""

    def wrong(_: Path) -> None:
        raise DataError("the column 'a[0]' is not there", where="customers", available="b, c", next_move="map it")

    monkeypatch.setattr(cli, "_load", wrong)
    lines = call("check", "a.yaml").stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["error", "where", "available", "next"]
    assert "a[0]" in lines[0]


def test_an_unknown_target_is_named(company: Any) -> None:
    """`--target` wants one of the configuration's targets, and offers the nearest."""
    done = call("train", str(company.config), "--target", "chrun")
    assert done.exit_code == 2
    assert "churn" in done.output


def test_version() -> None:
    """`--version` prints the version and leaves."""
    done = call("--version")
    assert done.exit_code == 0
    assert done.stdout.strip().count(".") >= 1


def test_world_says_what_to_do_next(tmp_path: Path) -> None:
    """The world verb writes the tables, the truth and a configuration, and names the next command."""
    done = call("world", "--out", str(tmp_path / "w"), "--customers", "100", "--seed", "3", "--json")
    assert done.exit_code == 0, done.output
    files = {Path(name).name for name in json.loads(done.stdout)["files"]}
    assert {"truth.json", "world.yaml"} <= files


def test_check_as_json(company: Any, tmp_path: Path) -> None:
    """`check --json` gives the findings, their counts, and writes the same to check.json."""
    copy = company.copy(tmp_path)
    done = call("check", str(copy.config), "--json")
    answer = json.loads(done.stdout)
    assert answer["findings"] == json.loads((copy.output / "check.json").read_text(encoding="utf-8"))["findings"]
    assert done.exit_code == (1 if answer["counts"]["error"] else 0)


def test_run_again_skips_and_summarises(demo: Any, tmp_path: Path) -> None:
    """A second run does nothing and still answers with metrics, drivers and the next command."""
    copy = demo.copy(tmp_path / "again")
    first = call("run", str(copy.config), "--json")
    assert first.exit_code == 0, first.output
    second = json.loads(call("run", str(copy.config), "--json").stdout)
    assert all(step["skipped"] for step in second["steps"])
    assert second["metrics"]
    assert second["next"].startswith("moments ") or "moments" in second["next"]


def test_progress_is_not_on_standard_output(company: Any, tmp_path: Path) -> None:
    """Without a terminal, progress is plain lines on standard error and no colour codes."""
    config = str(company.copy(tmp_path).config)
    command = [sys.executable, "-c", "from moments.cli import main; main()", "check", config, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    json.loads(done.stdout)
    assert "check: started" in done.stderr
    assert "\x1b[" not in done.stderr
