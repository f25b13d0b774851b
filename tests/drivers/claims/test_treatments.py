"""Counts of encounters around rows, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from configs.errors import ConfigError
from configs.models import Graph
from configs.settings import Settings, load
from drivers.claims.levels import check_levels
from drivers.claims.tell import graph_of
from drivers.claims.treatments import Treatments
from features.layout import MEASURE_PREFIX
from features.quoting import column
from features.schema import MICROSECONDS_PER_DAY
from features.tables import open_tables
from tests.conftest import Demo
from training import dataset
from training.dataset import Dataset

DAY = MICROSECONDS_PER_DAY


@pytest.fixture(scope="module")
def demo(company: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Dataset]:
    """The demo company and its answers."""
    made = company.copy(tmp_path_factory.mktemp("treatments"))
    content = yaml.safe_load(made.config.read_text(encoding="utf-8")) | {"targets": {"nps": {"kind": "survey"}}}
    made.config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    settings = load(made.config)
    with open_tables(settings) as tables:
        return settings, dataset.read(dataset.make(tables, settings, "nps"))


def test_counts_are_those_of_the_tables(demo: tuple[Settings, Dataset]) -> None:
    """Before as_of, beyond a level and after as_of, row by row as counted from the events themselves."""
    settings, data = demo
    rows = np.arange(0, len(data), 7)
    with open_tables(settings) as tables:
        events = tables.arrow(
            f"""SELECT customer_id, occurred_at AS at, {column(MEASURE_PREFIX + "wait")} AS wait FROM touchpoints
                WHERE touchpoint = 'support_call'"""
        )
        counts = Treatments(tables, data.customer_id[rows], data.as_of[rows], 365)
        met = counts.encounters("support_call")
        long = counts.beyond("support_call", "wait", 20.0, higher_is_better=False)
        short = counts.beyond("support_call", "wait", 20.0, higher_is_better=True)
        after, over = counts.after("support_call", 90)
        end = tables.data_end
    who, at, wait = (events.column(name).to_numpy(zero_copy_only=False) for name in ("customer_id", "at", "wait"))
    for place, row in enumerate(rows.tolist()):
        mine, as_of = who == data.customer_id[row], int(data.as_of[row])
        inside = mine & (at < as_of) & (at >= as_of - 365 * DAY)
        assert met[place] == inside.sum()
        assert long[place] == (inside & (wait > 20.0)).sum()
        assert short[place] == (inside & (wait < 20.0)).sum()
        assert after[place] == (mine & (at > as_of) & (at <= as_of + 90 * DAY)).sum()
        assert over[place] == (as_of + 90 * DAY <= end)
    assert met.sum() > 0
    assert after.sum() > 0


def test_names_of_the_configuration_are_checked(demo: tuple[Settings, Dataset]) -> None:
    """Levels and graphs that name what there is not are refused with the nearest spelling."""
    settings, data = demo

    def asking(**drivers: object) -> Settings:
        return settings.model_copy(update={"drivers": settings.drivers.model_copy(update=drivers)})

    with pytest.raises(ConfigError, match="did you mean 'support_call'"):
        check_levels(asking(levels={"suport_call": {"wait": 20}}), data.catalog.vocabulary)
    with pytest.raises(ConfigError, match="did you mean 'wait'"):
        check_levels(asking(levels={"support_call": {"wayt": 20}}), data.catalog.vocabulary)
    check_levels(asking(levels={"support_call": {"wait": 20}}), data.catalog.vocabulary)
    with pytest.raises(ConfigError, match="did you mean 'tenure'"):
        graph_of(asking(graph=Graph(edges=("tenur -> support_call",))), data)
    assert graph_of(settings, data) is None
