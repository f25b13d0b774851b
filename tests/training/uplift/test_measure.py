"""The uplift of a training set: figures, and the list of whom to reach."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.training.uplift.pilots import company
from training import campaign_words
from training.uplift.measure import measure, write


def test_a_pilot_gives_figures_and_a_list(tmp_path: Path) -> None:
    """Ranking by effect beats chance and risk; the list holds each customer once; the card says it in words."""
    settings, dataset, _ = company(tmp_path)
    found = measure(dataset, settings)
    assert found is not None
    assert found.facts["qini"]["low"] > 0
    assert found.facts["qini_beyond_risk"]["low"] > 0
    path = tmp_path / "uplift" / "churn.parquet"
    assert write(found, path) == path
    written = pq.read_table(path)
    assert written.column_names == ["customer_id", "as_of", "reached", "churned", "risk", "saved", "reach"]
    assert len(set(written.column("customer_id").to_pylist())) == written.num_rows == 4000
    said = " ".join(campaign_words.uplift({"uplift": found.facts}))
    assert "better than at random" in said
    assert "better than reaching those at most risk" in said


@pytest.mark.parametrize("seed", range(3))
def test_a_campaign_without_effect_shows_none(tmp_path: Path, seed: int) -> None:
    """No effect, no ranking better than chance, and the words say so."""
    settings, dataset, _ = company(tmp_path, effect=0.0, alike=True, seed=seed)
    found = measure(dataset, settings)
    assert found is not None
    said = " ".join(campaign_words.uplift({"uplift": found.facts}))
    assert "is not shown here" in said
    assert "better than at random." not in said


def test_a_choice_gives_no_effect(tmp_path: Path) -> None:
    """What a manager chose is no pilot: nothing is claimed, and an older list is taken away."""
    settings, dataset, _ = company(tmp_path, by_lot=False)
    found = measure(dataset, settings)
    assert found is not None
    assert found.facts["randomised"] is False
    assert "effect" not in found.facts
    old = tmp_path / "churn.parquet"
    old.write_text("old")
    assert write(found, old) is None
    assert not old.exists()
    assert "none is claimed" in " ".join(campaign_words.uplift({"uplift": found.facts}))


def test_most_campaigns_find_none() -> None:
    """Without a pilot the card says nothing of one."""
    assert campaign_words.uplift({}) == []


def test_an_attribute_that_may_be_a_pilot_is_asked_about(tmp_path: Path) -> None:
    """The card says which values it has and where to say what they mean."""
    settings, dataset, _ = company(tmp_path, n=500, words=("A", "B"))
    found = measure(dataset, settings)
    assert found is not None
    assert found.customers is None
    assert "campaign.treated" in " ".join(campaign_words.uplift({"uplift": found.facts}))
