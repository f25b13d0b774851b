"""The look at a model on simulated companies: what it calls for, with wide margins; `benchmarks.monitor` measures it closely."""

from __future__ import annotations

from typing import Any

from benchmarks import monitor


def share(found: dict[str, Any], world: str, when: str, word: str) -> float:
    return found["worlds"][world][when].get(word, {"value": 0.0})["value"]


def check(found: dict[str, Any], *, least: float, most: float) -> None:
    """A training is asked for where the relation changed and nowhere else; other changes are watched."""
    for world in ("unchanged", "level", "customers"):
        assert share(found, world, "after", "retrain") <= most
    assert share(found, "unchanged", "before", "watch") <= 2 * most
    assert share(found, "unchanged", "after", "watch") <= 2 * most
    assert share(found, "relation_gone", "after", "retrain") >= least
    assert share(found, "level", "after", "level") >= least
    for world in ("customers", "missing", "unit"):
        assert share(found, world, "before", "watch") >= least
    assert all(share(found, world, "before", "retrain") == 0.0 for world in monitor.WORLDS)


def test_verdicts_follow_the_change() -> None:
    """Five small companies: changes of each kind get the verdict they deserve, nearly always."""
    found = monitor.measure(5, customers=1000)
    check(found, least=0.8, most=0.2)
    text = monitor.table(found)
    assert text.count("\n") == 4 + len(monitor.WORLDS)
