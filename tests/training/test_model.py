"""Held-out answers and the bundle that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.settings import Settings
from tests.training import made
from training import judge, model
from training.bundle import Bundle
from training.evaluate import auc
from training.left_out import DATE_ONLY
from training.periods import periods
from training.split import split
from training.targets import Task
from training.targets.grid import iso


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made.settings(tmp_path, {"churn": {"kind": "column", "column": "left", "positive": "y"}})


def shipped(settings: Settings, task: Task, dates: tuple[int, ...] = ()) -> tuple[Bundle, made.Dataset, np.ndarray]:  # type: ignore[type-arg]
    dataset = made.dataset(task, rows=1800, dates=dates)
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    rows, answer = judge.held_out_answers(dataset, division, fitted.held)
    level = judge.level(dataset, answer)
    bundle, golden = model.ship(dataset, fitted, settings, answers=level, validation=division.kind)
    assert len(rows) == len(answer)
    return bundle, dataset, golden


@pytest.mark.parametrize("dates", [(), made.months(12)], ids=["flat", "dated"])
@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_every_task_ships(settings: Settings, tmp_path: Path, task: Task, dates: tuple[int, ...]) -> None:
    """Each task, with time or without: a bundle that loads, with answers in its shape and references in order."""
    bundle, dataset, golden = shipped(settings, task, dates)
    bundle.save(tmp_path / "bundle", golden)
    loaded = Bundle.load(tmp_path / "bundle")
    answers = loaded.predict(dataset.select(loaded.catalog))
    assert answers.shape == ((len(dataset), 3) if task in {"ordinal", "survival"} else (len(dataset),))
    assert list(bundle.quantiles) == sorted(bundle.quantiles)
    assert len(bundle.quantiles) == 101
    assert bundle.reference["plan"] in made.PLANS
    assert bundle.data_from == (
        "2024-01-01T00:00:00Z" if dates else "1970-01-01T00:00:00Z" if task == "survival" else None
    )
    if task == "binary":
        assert bundle.bands["medium"] <= bundle.bands["high"]
        assert bundle.base_rate == pytest.approx(dataset.label.mean())
        assert auc(dataset.label, answers) > 0.75
    if task == "ordinal":
        np.testing.assert_allclose(answers.sum(axis=1), 1.0)
        assert bundle.class_rates is not None
    if task == "survival":
        rows, happened = periods(dataset).by(3)
        assert answers[rows, 2].mean() == pytest.approx(happened.mean(), abs=0.05)
        assert auc(happened, answers[rows, 2]) > 0.75
    if task == "amount":
        assert answers.mean() == pytest.approx(dataset.label.mean(), rel=0.2)


def test_the_same_rows_give_the_same_bundle(settings: Settings, tmp_path: Path) -> None:
    """Training twice gives one digest."""
    digests = []
    for name in ("one", "two"):
        bundle, _, golden = shipped(settings, "binary", made.months(12))
        digests.append(bundle.save(tmp_path / name, golden).sha256)
    assert digests[0] == digests[1]


def test_what_became_known_later_teaches_nothing(settings: Settings) -> None:
    """What happened after the first judged date, or in a period that was not over by then, changes no held-out curve."""
    dataset = made.dataset("survival", rows=2400, dates=made.months(12))
    division = split(dataset, settings.validation, 7)
    before = model.fit(dataset, division, settings).held
    end = division.ends(dataset)
    assert end is not None
    known = periods(dataset, end)
    followed = np.array([0, *known.days], dtype=float)[known.over]
    open_ends = (known.event == 0) & (known.over < 3)
    dataset.label[open_ends] = np.where(dataset.X[open_ends, 0] > 0, followed[open_ends] + 1.0, -90.0)
    assert (periods(dataset).code[division.train] != known.code[division.train]).any()
    after = model.fit(dataset, division, settings).held
    np.testing.assert_array_equal(after.margins[0], before.margins[0])
    assert after.calibration == before.calibration


def test_labels_of_the_judged_rows_touch_nothing_judged(settings: Settings) -> None:
    """Turning the judged labels round changes no held-out answer: choice, model, calibration and season come from before."""
    dataset = made.dataset(rows=1800, dates=made.months(12))
    division = split(dataset, settings.validation, 7)
    before = model.fit(dataset, division, settings).held
    dataset.label[division.test] = 1 - dataset.label[division.test]
    after = model.fit(dataset, division, settings).held
    np.testing.assert_array_equal(before.margins[0], after.margins[0])
    assert before.calibration == after.calibration


def test_golden_rows_are_nobodys(settings: Settings) -> None:
    """A golden row is put together column by column, and the last is all missing."""
    _, dataset, golden = shipped(settings, "binary")
    real = {row.tobytes() for row in dataset.X}
    assert not any(row.tobytes() in real for row in golden)
    assert np.isnan(golden[-1]).all()


def test_columns_left_out_are_named_in_the_bundle(settings: Settings) -> None:
    """A copy of a feature does not ship, and the bundle says whose copy it was."""
    dataset = made.dataset(rows=600)
    dataset.X[:, 3] = dataset.X[:, 2]
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    answers = np.linspace(0, 1, 50)
    bundle, _ = model.ship(dataset, fitted, settings, answers=answers, validation=division.kind)
    assert "n3" not in bundle.catalog.names
    assert bundle.dropped == {"n3": "same as n2"}


def test_a_level_of_the_company_neither_judges_nor_ships(settings: Settings) -> None:
    """What is the same for all customers of each teaching date teaches nothing, even where it differs on a judged date."""
    dataset = made.dataset(rows=1800, dates=made.months(12))
    division = split(dataset, settings.validation, 7)
    dataset.X[:, 3] = np.sin(dataset.as_of)
    dataset.X[division.test[::2], 3] = 5.0
    fitted = model.fit(dataset, division, settings)
    assert fitted.held.columns.dropped == fitted.columns.dropped == {"n3": DATE_ONLY}
    answers = np.linspace(0, 1, 50)
    bundle, _ = model.ship(dataset, fitted, settings, answers=answers, validation=division.kind)
    assert "n3" not in bundle.catalog.names
    assert bundle.dropped == {"n3": DATE_ONLY}


@pytest.mark.parametrize("task", ["binary", "ordinal", "amount", "survival"])
def test_the_judged_model_is_kept_for_the_challengers_to_come(settings: Settings, tmp_path: Path, task: Task) -> None:
    """As a bundle that answers the judged rows as training did (but for a level foreseen later), and knows nothing after them."""
    dataset = made.dataset(task, rows=1800, dates=made.months(12))
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    rows, answer = judge.held_out_answers(dataset, division, fitted.held)
    shipped, _ = model.ship(dataset, fitted, settings, answers=judge.level(dataset, answer), validation=division.kind)
    found = model.as_judged(dataset, division, fitted.held, shipped, settings)
    assert found is not None
    found[0].save(tmp_path / "judged", found[1])
    judged = Bundle.load(tmp_path / "judged")
    assert judged.data_until == iso(int(dataset.as_of[rows].min()))
    ours = judged.predict(dataset.take(rows).select(judged.catalog))
    if judged.waits_for_return:
        ours = 1.0 - ours
    if task == "binary":
        # One date's level stands in the bundle for all judged dates.
        newest = dataset.as_of[rows] == dataset.as_of[rows].max()
        np.testing.assert_allclose(ours[newest], answer[newest], atol=1e-12)
    else:
        np.testing.assert_allclose(ours, answer, atol=1e-12)
    # Labels of the judged rows change nothing in it.
    some = rows[::5]
    dataset.label[some] = np.roll(dataset.label[some], 1)
    again = model.as_judged(dataset, division, model.fit(dataset, division, settings).held, shipped, settings)
    assert again is not None
    assert again[0].models == found[0].models


def test_folds_have_no_judged_model(settings: Settings) -> None:
    """Without time every row is answered by another model, and rows stay common from one training to the next."""
    dataset = made.dataset(rows=600)
    division = split(dataset, settings.validation, 7)
    fitted = model.fit(dataset, division, settings)
    shipped, _ = model.ship(dataset, fitted, settings, answers=np.linspace(0, 1, 101), validation=division.kind)
    assert model.as_judged(dataset, division, fitted.held, shipped, settings) is None
