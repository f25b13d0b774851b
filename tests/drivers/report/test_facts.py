from __future__ import annotations

import dataclasses

import pytest

from configs.settings import Settings
from drivers.report.reading import gather
from tests.drivers.report.samples import NOW, Make, interval, key, nps_target


def test_facts_are_frozen(full: Settings) -> None:
    """A rendering cannot change what it renders."""
    facts = gather(full, generated_at=NOW)
    for fact in (facts, facts.analyses[0], facts.analyses[0].drivers[0], facts.qualities[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(fact, dataclasses.fields(fact)[0].name, "other")


def test_small_strengths_get_another_decimal(make: Make) -> None:
    """Strengths of tenths of a point are told in hundredths, or they would read as zero."""
    small = [key("a", 1, (1, 1), strength=interval(0.42, 0.31, 0.53))]
    for drivers, format_ in ((small, "hundredths"), (nps_target()["drivers"], "points")):
        settings = make({"nps": {"n": 9, "unit": "NPS points", "drivers": drivers}})
        assert gather(settings, generated_at=NOW).analyses[0].points == format_


def test_statuses_partition_the_touchpoints(full: Settings) -> None:
    """Every touchpoint is confirmed, a candidate, not distinguishable or late, and the tested are all but the late."""
    analysis = gather(full, generated_at=NOW).analyses[0]
    parts = [analysis.having(status) for status in ("key_driver", "candidate", "not_distinguishable", "excluded_late")]  # type: ignore[arg-type]
    assert sorted(item.name for part in parts for item in part) == sorted(item.name for item in analysis.drivers)
    assert len(analysis.tested) == len(analysis.drivers) - len(parts[3])
    assert set(analysis.moments) <= set(analysis.confirmed)
    assert [len(tier) for tier in analysis.tiers] == [5]
