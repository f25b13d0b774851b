"""`moments pilot` sizes a pilot by the company's own figures, and says what it lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from features.tables import open_tables
from moments.cli import app
from tests.drivers.claims.test_pilot_rows import company
from training import dataset


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A company with its training sets."""
    settings = company(tmp_path)
    with open_tables(settings) as tables:
        for name in settings.targets:
            dataset.make(tables, settings, name)
    return str(settings.source)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["pilot", *words])


def test_larger_effects_need_smaller_pilots(config: str) -> None:
    """Without an effect several are sized, each with customers in both arms and weeks."""
    done = call(config, "--touchpoint", "call", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    sizes = [one["customers"] for one in told["pilots"]]
    assert told["target"] == "nps"
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    assert all(one["weeks"] > 4 for one in told["pilots"])


def test_an_effect_and_what_a_size_can_show_are_each_others_inverse(config: str) -> None:
    """So many customers as an effect needs can show that effect."""
    asked = json.loads(call(config, "--effect", "8", "--json").stdout)["pilots"][0]
    back = json.loads(call(config, "--customers", str(asked["customers"]), "--json").stdout)["pilots"][0]
    assert back["effect"] == pytest.approx(8, rel=0.02)


def test_more_power_and_unequal_shares_cost_more(config: str) -> None:
    """Eighty per cent of power at equal shares is the cheapest of the three."""
    sizes = [
        json.loads(call(config, "--effect", "8", "--json", *more).stdout)["pilots"][0]["customers"]
        for more in ((), ("--power", "0.9"), ("--share", "0.2"))
    ]
    assert sizes[0] < min(sizes[1:])


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--touchpoint", "cal"), 1, "did you mean 'call'"),
        (("--target", "npss"), 2, "Did you mean 'nps'"),
        (("--effect", "5", "--weeks", "8"), 2, "one of --effect"),
        (("--weeks", "8"), 1, "--touchpoint"),
        (("--target", "churn", "--effect", "90"), 1, "no pilot of that kind"),
    ],
)
def test_faults_say_what_to_do(config: str, words: tuple[str, ...], status: int, said: str) -> None:
    """Unknown names with the nearest spelling, options that exclude each other, and effects that nothing could show."""
    done = call(config, *words)
    assert done.exit_code == status
    assert said in " ".join(done.output.replace("│", " ").split())


def test_a_person_reads_a_table(config: str) -> None:
    """Improvement, arms and weeks, and by what was counted."""
    done = call(config, "--effect", "8", "--touchpoint", "call")
    assert "improvement, NPS points" in done.stdout
    assert "power 80%" in done.stdout
    assert "customers a week" in done.stdout
