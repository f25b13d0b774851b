"""A randomised pilot: who was reached, and whether chance decided it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.errors import ConfigError
from tests.training import made
from tests.training.uplift.pilots import company
from training.uplift.pilot import Pilot, Unclear, pilot


@pytest.mark.parametrize("words", [("yes", "no"), (1, 0), (True, False), ("treatment", "control"), (1.0, 0.0)])
def test_who_was_reached_is_found_however_it_is_written(tmp_path: Path, words: tuple[object, object]) -> None:
    """Words, numbers and flags; the attribute itself is no feature of the effect."""
    settings, dataset, _ = company(tmp_path, words=words, n=800)
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    assert 0.4 < found.share < 0.6
    assert found.X.shape == (800, 7)
    assert found.by_chance


def test_another_name_and_value_are_taken_from_the_configuration(tmp_path: Path) -> None:
    """With `treated` every other value counts as not reached."""
    keys = {"campaign": {"treatment": "offer_group", "treated": "blue"}}
    settings, dataset, _ = company(tmp_path, n=800, column="offer_group", words=("blue", "green"), **keys)
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    assert found.facts()["treated"] == "blue"


@pytest.mark.parametrize(
    ("campaign", "said"),
    [
        ({"treatment": "treatmnt"}, "did you mean 'treatment'"),
        ({"treatment": "plan"}, "campaign.treated"),
        ({"treated": "maybe"}, "is never 'maybe'"),
    ],
)
def test_what_does_not_say_who_was_reached_is_refused(tmp_path: Path, campaign: dict[str, str], said: str) -> None:
    """A name that does not exist, values that do not divide, a value that nobody has: with what there was and the next move."""
    settings, dataset, _ = company(tmp_path, n=500, campaign=campaign)
    with pytest.raises(ConfigError, match=said):
        pilot(dataset, settings)


def test_without_a_pilot_there_is_none(tmp_path: Path) -> None:
    """No such attribute, one that means something else, a side that is too small, or none wanted."""
    settings, dataset, _ = company(tmp_path, n=500, column="group")
    assert pilot(dataset, settings) is None
    settings, dataset, _ = company(tmp_path, n=150)
    assert pilot(dataset, settings) is None
    settings, dataset, _ = company(tmp_path, n=500, campaign={"treatment": None})
    assert pilot(dataset, settings) is None
    assert pilot(made.dataset("ordinal"), settings) is None


def test_an_attribute_of_the_usual_name_may_mean_something_else(tmp_path: Path) -> None:
    """Its values are told, and nothing is learnt of them."""
    settings, dataset, _ = company(tmp_path, n=500, words=("massage", "physio"))
    found = pilot(dataset, settings)
    assert isinstance(found, Unclear)
    assert found.values == ("massage", "physio")


@pytest.mark.parametrize(("words", "treated"), [(("True", "False"), True), (("YES", "NO"), "yes"), ((1.5, 2.5), 1.5)])
def test_a_value_is_found_as_yaml_reads_it(tmp_path: Path, words: tuple[object, object], treated: object) -> None:
    """`treated: true` means what a table wrote as True, and numbers are numbers."""
    settings, dataset, _ = company(tmp_path, n=500, words=words, campaign={"treated": treated})
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    assert 0.4 < found.share < 0.6


def test_a_choice_is_no_lot(tmp_path: Path) -> None:
    """Where those at risk were reached, features foretell it, and it is said."""
    settings, dataset, _ = company(tmp_path, by_lot=False, n=1500)
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    assert not found.by_chance
    assert found.foretold > 0.7


def test_of_dated_rows_each_customer_counts_once(tmp_path: Path) -> None:
    """The first date at which it is known who was reached."""
    settings, _, _ = company(tmp_path, n=300, campaign={"treatment": "n0"})
    dataset = made.dataset(rows=12 * 300, dates=made.months(12))
    reached = np.arange(300) % 2
    dataset.X[:, 0] = np.tile(reached.astype(float), 12)
    dataset.X[dataset.as_of < made.months(12)[3], 0] = np.nan
    found = pilot(dataset, settings)
    assert isinstance(found, Pilot)
    assert len(found.rows) == 300
    assert set(dataset.as_of[found.rows]) == {made.months(12)[3]}
