"""Columns that a model does without."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.left_out import CONSTANT, CROWD, DATE_ONLY, FEW_DATES, SAME_AS, kind_of, summary, useful_columns

FLAT = np.zeros(50, dtype=np.int64)


def grid(dates: int, customers: int = CROWD) -> NDArray[np.int64]:
    """As_of of so many customers on each of so many dates."""
    return np.repeat(np.arange(dates, dtype=np.int64), customers)


def test_columns_that_say_nothing_are_named() -> None:
    """Constant, all-missing and repeated columns are left out by name; zeros of both signs are one value."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    a[:5] = np.nan
    b = (rng.random(50) < 0.5).astype(float)
    X = np.column_stack([a, np.full(50, 3.0), a, np.full(50, np.nan), b, np.where(b == 0, -0.0, b)])
    found = useful_columns(X, ["a", "three", "copy", "gone", "b", "minus"], FLAT)
    assert found.kept.tolist() == [0, 4]
    assert found.dropped == {"three": "constant", "copy": "same as a", "gone": "constant", "minus": "same as b"}


def test_a_column_that_is_missing_at_times_is_not_constant() -> None:
    """One value and gaps are two things to tell apart."""
    X = np.array([[1.0], [np.nan], [1.0]])
    assert useful_columns(X, ["flag"], FLAT[:3]).kept.tolist() == [0]


def test_a_level_of_the_company_tells_the_date() -> None:
    """One value per date, missing on one of them, goes; a value or a gap of a single customer is enough to stay."""
    as_of = grid(3)
    level = np.array([0.5, np.nan, 0.7])[as_of]
    one_differs, one_lacks = level.copy(), level.copy()
    one_differs[1], one_lacks[-1] = 0.6, np.nan
    X = np.column_stack([level, one_differs, one_lacks])
    found = useful_columns(X, ["level", "differs", "lacks"], as_of)
    assert found.dropped == {"level": DATE_ONLY}
    assert found.levels == {"level"}


def test_a_gap_that_comes_by_date_tells_the_date() -> None:
    """A feature whose window the data fill only on later dates may be one value and gaps: still no more than the date."""
    as_of = grid(2)
    assert useful_columns(np.where(as_of == 0, np.nan, 1.0)[:, None], ["x"], as_of).dropped == {"x": DATE_ONLY}


def test_two_levels_are_not_copies() -> None:
    """Each level is left out for what it is, also where it repeats another."""
    as_of = grid(4)
    level = as_of.astype(float)
    assert useful_columns(np.column_stack([level, level]), ["a", "b"], as_of).dropped == {
        "a": DATE_ONLY,
        "b": DATE_ONLY,
    }


def test_many_dates_are_learnt_from() -> None:
    """From `FEW_DATES` dates on a level stays; on one date fewer it goes; a single date makes it a constant."""
    for dates, dropped in ((FEW_DATES, {}), (FEW_DATES - 1, {"x": DATE_ONLY}), (1, {"x": CONSTANT})):
        as_of = grid(dates)
        assert useful_columns(as_of.astype(float)[:, None], ["x"], as_of).dropped == dropped


def test_answers_that_come_one_by_one_have_no_levels() -> None:
    """Where every row has its own as_of, as answers to a survey do, nothing can be the same for all of a date."""
    rng = np.random.default_rng(1)
    for rows in (40, 400):
        X = rng.normal(size=(rows, 3))
        assert useful_columns(X, ["a", "b", "c"], np.arange(rows)).dropped == {}


def test_a_survey_in_waves_has_dates() -> None:
    """Answers that share few days are a grid, whatever the number of answers on each."""
    as_of = np.repeat(np.array([3, 9, 27], dtype=np.int64), [CROWD, 1, 5 * CROWD])
    assert useful_columns(as_of.astype(float)[:, None], ["x"], as_of).dropped == {"x": DATE_ONLY}


def test_a_few_rows_that_agree_prove_nothing() -> None:
    """Dates of fewer than `CROWD` rows do not show a level, nor does a value that only such dates have."""
    small = grid(5, CROWD - 1)
    assert useful_columns(small.astype(float)[:, None], ["x"], small).dropped == {}
    lone = np.append(grid(3), 3)
    rare = (lone == 3).astype(float)
    assert useful_columns(rare[:, None], ["x"], lone).dropped == {}


def test_the_order_of_rows_does_not_matter() -> None:
    """The same rows in any order leave the same columns out."""
    rng = np.random.default_rng(2)
    as_of = np.repeat(np.arange(6, dtype=np.int64), [30, 11, 2, 1, 40, 10])
    own = rng.normal(size=len(as_of))
    X = np.column_stack([own, as_of % 4, np.where(as_of == 5, own, as_of), own, np.where(as_of > 2, np.nan, 1.0)])
    names = ["own", "level", "last_varies", "copy", "gap"]
    expected = useful_columns(X, names, as_of)
    assert expected.dropped == {"level": DATE_ONLY, "copy": "same as own", "gap": DATE_ONLY}
    for _ in range(5):
        order = rng.permutation(len(as_of))
        found = useful_columns(X[order], names, as_of[order])
        assert found.dropped == expected.dropped
        np.testing.assert_array_equal(found.kept, expected.kept)


def test_what_the_judged_model_lacked_does_not_ship() -> None:
    """A column named as a level on the judged rows goes, although later rows differ; a constant is still called one."""
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(size=50), rng.normal(size=50), np.ones(50)])
    found = useful_columns(X, ["a", "b", "c"], FLAT, {"b", "c"})
    assert found.dropped == {"b": DATE_ONLY, "c": CONSTANT}
    assert found.levels == {"b"}


def test_no_rows_say_nothing() -> None:
    """Without rows every column is constant."""
    found = useful_columns(np.empty((0, 1)), ["a"], np.empty(0, dtype=np.int64))
    assert found.dropped == {"a": CONSTANT}


def test_reasons_are_counted_by_kind() -> None:
    """The line for the log names each kind that occurs; reasons are told apart by their text."""
    assert summary({}) == "no feature"
    assert summary({"a": DATE_ONLY}) == "1 feature (1 the same for all customers of a date)"
    assert summary({"a": f"{SAME_AS}z", "b": f"{SAME_AS}y", "c": CONSTANT}) == (
        "3 features (1 constant, 2 the same as another)"
    )
    assert [kind_of(reason) for reason in (CONSTANT, f"{SAME_AS}z", DATE_ONLY, "later")] == [
        "constant",
        "duplicate",
        "date",
        None,
    ]
