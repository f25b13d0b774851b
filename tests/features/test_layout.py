"""Words of our own never meet those of a company, whatever its tables hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from configs.errors import DataError
from features.build import build
from features.catalog import Catalog
from features.definition import Feature
from features.journey import REPEAT, MeasureInfo, Vocabulary, sequence_kind
from features.learn import learn_catalog
from features.online import Online
from features.rows import Rows
from features.tables import open_tables
from tests.features import company
from tests.features.company import DAY, START
from tests.features.strategies import CATALOG, VOCABULARY, journey

OURS = {"bill": "(good)", "call": "(unknown)", "visit": "any", "csat": "(unanswered)"}
"""Touchpoints and a metric, and what a stranger may call them instead; in the same order, as that decides ties."""


def stranger(feature: Feature, catalog: Catalog) -> Feature:
    """The same feature in the stranger's words."""
    kinds = {
        sequence_kind(some): sequence_kind(tuple(OURS[kind] for kind in some)) for some in catalog.vocabulary.sequences
    }
    return replace(feature, kind={**OURS, **kinds}.get(feature.kind, feature.kind))


def values(folder: Path, names: dict[str, str]) -> tuple[Catalog, np.ndarray]:
    """Features of a company whose touchpoints and metrics have these names, with spaces around them."""
    tables = company.make(folder)
    for table, column in (("touchpoints", "touchpoint"), ("surveys", "metric")):
        told = pa.array([f" {names.get(text, text)} " for text in tables[table][column].to_pylist()])
        tables[table] = tables[table].set_column(tables[table].column_names.index(column), column, told)
    company.write(folder, tables)
    with open_tables(company.settings(folder)) as opened:
        catalog = learn_catalog(opened, opened.settings, START + 300 * DAY)
        ids = np.array([f"c{n:03d}" for n in range(40)], dtype=object)
        return catalog, build(opened, Rows(ids, np.full(40, START + 350 * DAY)), catalog)


def test_a_strangers_tables_may_hold_our_own_words(tmp_path: Path) -> None:
    """A touchpoint "any", "(unknown)" or "(good)" and a metric "(unanswered)" count as any other name does, to the bit."""
    plain, before = values(tmp_path / "plain", {})
    odd, after = values(tmp_path / "odd", OURS)
    assert {"(good)", "(unknown)", "any"} == set(odd.vocabulary.touchpoints)
    assert {"(unanswered)", "nps"} <= set(odd.vocabulary.metrics)
    for place, feature in enumerate(plain.features):
        name = stranger(feature, plain).name
        np.testing.assert_array_equal(before[:, place], after[:, odd.index(name)], err_msg=name)


@pytest.mark.parametrize("word", [" any", " (unknown)", " (good)", f"{REPEAT}call"])
def test_a_word_of_our_own_that_comes_over_the_wire_is_an_unknown_kind(word: str) -> None:
    """The service is asked with our very words, spaces and all: they count in the totals and as nothing else."""
    online = Online(CATALOG)
    rows = {"touchpoints": [{"occurred_at": DAY, "touchpoint": kind} for kind in ("call", word)]}
    unknown = {"touchpoints": [{"occurred_at": DAY, "touchpoint": kind} for kind in ("call", "hologram")]}
    assert online.unknown(journey(rows)) == {word: 1}
    assert online.row(journey(rows), 2 * DAY).tobytes() == online.row(journey(unknown), 2 * DAY).tobytes()


def test_answers_about_an_encounter_are_not_a_metric_of_that_name() -> None:
    """A metric of the company's called "nps_encounter" is no NPS answer about an encounter."""
    online = Online(CATALOG)
    answer = {"answered_at": DAY, "score": 3.0}
    told = online.row(journey({"surveys": [{**answer, "metric": "nps_encounter", "touchpoint": None}]}), 2 * DAY)
    about = online.row(journey({"surveys": [{**answer, "metric": "nps", "touchpoint": "call"}]}), 2 * DAY)
    place = CATALOG.index("surveys__nps_encounter__score__last")
    assert np.isnan(told[place])
    assert about[place] == 3.0
    with pytest.raises(DataError, match="two features would be called 'surveys__nps_encounter__"):
        Catalog.of(replace(VOCABULARY, metrics=(*VOCABULARY.metrics, "nps_encounter")), (2, 5))


def test_bars_that_would_mix_two_measures_are_refused() -> None:
    """The measure "b|c" at "a" and "c" at "a|b" have one key: refused by name, while a bar alone is none."""
    infos = {name: MeasureInfo("minutes", "lower") for name in ("c", "b|c")}
    with pytest.raises(DataError, match=r"'c' at 'a\|b' and 'b\|c' at 'a' cannot be told apart"):
        Catalog((), Vocabulary(tables=("touchpoints",), touchpoints=("a", "a|b"), measures=infos))
    assert Catalog((), Vocabulary(tables=("touchpoints",), touchpoints=("a", "b"), measures=infos)).names == ()
