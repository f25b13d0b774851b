"""Configurations: defaults with reasons, errors that name the key, what was found, what is allowed and the nearest spelling."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from configs import settings as module
from configs.errors import ConfigError
from configs.settings import BASE, load

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
data: {tables: {customers: {path: a.csv}}}
targets: {churn: {kind: column, column: Churn, positive: "Yes"}}
"""


def write(folder: Path, text: str) -> Path:
    """A configuration on disk."""
    path = folder / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_tables_and_targets_are_needed(tmp_path: Path) -> None:
    """Everything else has a default, and paths start from the file's folder."""
    settings = load(write(tmp_path, GOOD))
    assert settings.name == "acme"
    assert settings.output == tmp_path / "out" / "acme"
    assert settings.resolve("a.csv") == str(tmp_path / "a.csv")
    assert settings.windows_days == (30, 90, 180, 365)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("path: a.csv", "pth: a.csv"), "did you mean 'path'"),
        (("customers", "custommers"), "did you mean 'customers'"),
        (("kind: column", "kind: colum"), "did you mean 'column'"),
        (("positive", "positiv"), "did you mean 'positive'"),
        (("targets", "target"), "did you mean 'targets'"),
        (("path: a.csv", "path: a.csv, sql: SELECT 1"), "exactly one of path, table, sql"),
        (("path: a.csv", "ignore: [x]"), "found none of them"),
        (("targets:", "seed: many\ntargets:"), "seed"),
        (("targets:", "languages: [en, fr]\ntargets:"), "Available: en, he, ar or ru"),
        (("targets:", "snapshots: {evry_days: 3}\ntargets:"), "did you mean 'every_days'"),
        (("targets:", "windows_days: [30, 30]\ntargets:"), "given twice"),
        (("targets:", "learner: {max_depth: 9}\ntargets:"), "max_depth"),
        (
            (
                '{kind: column, column: Churn, positive: "Yes"}',
                "{kind: time_to_churn, label: cancellation, days: [60, 30]}",
            ),
            "days must rise",
        ),
        (("targets:", "data: {}\ntargets:"), "'data' is given twice"),
        (("path: a.csv", "path: '${NOT_SET_ANYWHERE}/a.csv'"), "NOT_SET_ANYWHERE is not set"),
        (("{customers", "{customers: ["), "not YAML"),
    ],
)
def test_errors_name_the_key_and_the_next_move(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    """A wrong key or value is refused in words that say what to do."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(write(tmp_path, GOOD.replace(*change)))


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A path with a spelling mistake is answered with the file that is there."""
    write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"did you mean 'acme\.yaml'"):
        load(tmp_path / "acmee.yaml")


def test_environment_variables_are_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable wins over the default behind it; a relative path in it starts from the working folder."""
    text = GOOD.replace("a.csv", "'${PLACE:-elsewhere}/a.csv'")
    assert load(write(tmp_path, text)).data.tables["customers"].path == "elsewhere/a.csv"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACE", "here")
    assert load(write(tmp_path, text)).data.tables["customers"].path == f"{tmp_path}/here/a.csv"


def test_the_digest_follows_what_can_change_a_result(tmp_path: Path) -> None:
    """Another seed is another digest; another place for the output is not."""
    path = write(tmp_path, GOOD)
    assert load(path).digest == load(path, output="/elsewhere").digest
    assert load(path).digest != load(path, seed=8).digest


def test_settings_are_frozen(tmp_path: Path) -> None:
    """Nothing changes a configuration after it was read."""
    settings = load(write(tmp_path, GOOD))
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 3  # type: ignore[misc]


def test_every_default_has_its_reason() -> None:
    """Each leaf of base.yaml carries a comment on its line."""
    for line in BASE.read_text(encoding="utf-8").splitlines():
        if re.match(r"\s*\w+: \S", line) and not re.match(r"\s*#", line):
            assert "#" in line, line


def test_every_field_has_its_default_in_base() -> None:
    """A knob is one field and its line: none is missing in base.yaml, none stands there in vain."""
    content = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    for name in ("validation", "learner", "drivers", "scores", "serving", "snapshots"):
        model = getattr(module, name.capitalize())
        assert set(model.model_fields) == set(content[name]), name


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    """Every configuration in configs/ loads."""
    if path != BASE:
        assert load(path).name
