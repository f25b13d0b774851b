"""The form in which NPS is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from tests.training import made
from training import judge, model
from training.bundle import Bundle
from training.forms import rivals
from training.split import split


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"nps": {"kind": "survey"}})


@pytest.mark.parametrize("dates", [(), made.months(12)], ids=["folds", "out of time"])
def test_the_form_with_the_lower_score_wins(settings: Settings, dates: tuple[int, ...]) -> None:
    """Both forms race on the same folds; the winner lost least on what was held out, and each is better than guessing."""
    dataset = made.dataset("ordinal", rows=900, dates=dates)
    found = rivals(dataset, split(dataset, settings.validation, 7), settings)
    assert set(found.scores) == {"cumulative_binaries", "cumulative_link"}
    assert found.scores[found.winner.form] == min(found.scores.values())
    assert max(found.scores.values()) < 0.2


def test_a_fold_does_not_choose_the_form_that_answers_it(settings: Settings) -> None:
    """A form that is unbeatable on one part only is not taken there."""
    dataset = made.dataset("ordinal", rows=900)
    found = rivals(dataset, split(dataset, settings.validation, 7), settings)
    loser = next(form for form in found.losses if form != found.winner.form)
    per = len(found.winner.folds) // 2
    lost = {form: losses.copy() for form, losses in found.losses.items()}
    lost[found.winner.form][:] = 1.0
    lost[loser][:] = 1.1
    lost[loser][[0, per]] = 0.9
    margins, _ = replace(found, losses=lost).crosswise(2)
    valid = found.winner.folds[0][1]
    np.testing.assert_array_equal(margins[0][valid], found.answers[found.winner.form][0][0][valid])


def test_churn_and_money_have_one_form(settings: Settings) -> None:
    """Nothing is compared where there is nothing to choose."""
    dataset = made.dataset(rows=600)
    found = rivals(dataset, split(dataset, settings.validation, 7), settings)
    assert found.winner.form == "plain"
    assert found.scores == {}


@pytest.mark.parametrize("form", ["cumulative_binaries", "cumulative_link"])
def test_each_form_ships_with_exact_reasons(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A bundle of either form loads, its classes add up to one, and its reasons add up to its score; a link has one model."""
    monkeypatch.setattr("training.forms.forms", lambda _task: (form,))
    dataset = made.dataset("ordinal", rows=900)
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    rows, answer = judge.held_out_answers(dataset, division, fitted.held)
    bundle, golden = model.ship(dataset, fitted, settings, answers=judge.level(dataset, answer), validation="folds")
    bundle.save(tmp_path / "bundle", golden)
    loaded = Bundle.load(tmp_path / "bundle")
    X = dataset.select(loaded.catalog)
    assert len(rows) == len(dataset)
    assert len(loaded.models) == (1 if form == "cumulative_link" else 2)
    assert loaded.details["form"] == form
    np.testing.assert_allclose(loaded.predict(X).sum(axis=1), 1.0)
    np.testing.assert_allclose(loaded.contributions(X).sum(axis=1), loaded.raw(X), atol=1e-9)


def test_the_classes_of_a_link_are_in_order(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The happier the score, the fewer detractors and the more promoters: one score, two thresholds."""
    monkeypatch.setattr("training.forms.forms", lambda _task: ("cumulative_link",))
    dataset = made.dataset("ordinal", rows=900)
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    bundle, _ = model.ship(dataset, fitted, settings, answers=np.linspace(-1, 1, 101), validation="folds")
    X = dataset.select(bundle.catalog)
    order = np.argsort(bundle.raw(X), kind="stable")
    classes = bundle.predict(X)[order]
    assert (np.diff(classes[:, 0]) <= 1e-12).all()
    assert (np.diff(classes[:, 2]) >= -1e-12).all()
