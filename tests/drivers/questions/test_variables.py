"""Attributes and tiers of value part the customers, each row by what was true at its as_of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.errors import ConfigError
from configs.settings import Settings, load
from drivers.questions.variables import TIERS, VALUE, variables
from features.tables import open_tables
from tests.conftest import Demo
from training import dataset
from training.dataset import Dataset


@pytest.fixture(scope="module")
def demo(company: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dataset]:
    """A configuration of the demo company and its answers."""
    made = company.copy(tmp_path_factory.mktemp("variables"))
    content = yaml.safe_load(made.config.read_text(encoding="utf-8")) | {"targets": {"nps": {"kind": "survey"}}}
    made.config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    settings = load(made.config)
    with open_tables(settings) as tables:
        return made.config, dataset.read(dataset.make(tables, settings, "nps"))


def _asking(config: Path, segments: object) -> Settings:
    settings = load(config)
    return settings.model_copy(update={"drivers": settings.drivers.model_copy(update={"segments": segments})})


def test_attributes_with_few_values_are_told_apart(demo: tuple[Path, Dataset]) -> None:
    """Every row's code names the value that the training set has for it."""
    config, data = demo
    rows = np.arange(0, len(data), 2)
    found = {one.name: one for one in variables(data, rows, _asking(config, "auto"))}
    assert {"segment", "region", VALUE} <= set(found)
    segment = found["segment"]
    place = data.catalog.names.index("segment")
    names = data.catalog.categories["segment"]
    for row, code in list(zip(rows.tolist(), segment.code.tolist(), strict=True))[:50]:
        assert segment.values[code] == names[int(data.X[row, place])]


def test_tiers_are_thirds_of_what_was_paid(demo: tuple[Path, Dataset]) -> None:
    """Tiers are about as large as each other, and the high one pays more."""
    config, data = demo
    (tier,) = variables(data, np.arange(len(data)), _asking(config, [VALUE]))
    assert tier.values == TIERS
    counts = np.bincount(tier.code[tier.code >= 0])
    assert counts.min() > 0.15 * counts.sum()


def test_an_attribute_that_is_not_there_is_named_with_the_nearest(demo: tuple[Path, Dataset]) -> None:
    """A misspelt attribute is refused with what there is."""
    config, data = demo
    with pytest.raises(ConfigError, match="told apart") as refused:
        variables(data, np.arange(len(data)), _asking(config, ["segmant"]))
    assert refused.value.next_move == "did you mean 'segment'?"
    assert "region" in str(refused.value.available)
