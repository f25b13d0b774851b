"""The rows of a training by what they were for."""

from __future__ import annotations

import numpy as np

from configs.settings import Validation
from tests.training import made
from training.parts import digest, parts
from training.split import split


def test_every_use_has_its_rows_and_digest() -> None:
    """Out of time: training, validation inside it, test after it; each has a digest of its own."""
    dataset = made.dataset(rows=2400, dates=made.months(12))
    settings = made.QUICK["validation"]
    division = split(dataset, Validation(test_periods=2, test_share=0.2, **settings), 7)
    found = {part.use: part for part in parts(dataset, division)}
    assert list(found) == ["training", "validation", "test"]
    assert found["training"].rows == len(division.train)
    assert found["validation"].rows == sum(len(valid) for _, valid in division.folds)
    assert (found["training"].last or "") < (found["test"].first or "")
    assert found["test"].customers == 200
    assert len({part.digest for part in found.values()}) == 3


def test_folds_are_one_part() -> None:
    """A flat table has no dates, and all of its rows play every role."""
    dataset = made.dataset(rows=300)
    settings = made.QUICK["validation"]
    division = split(dataset, Validation(test_periods=2, test_share=0.2, **settings), 7)
    (part,) = parts(dataset, division)
    assert (part.use, part.rows, part.first, part.last) == ("folds", 300, None, None)


def test_a_digest_is_of_the_rows() -> None:
    """It does not depend on how many are read at once, and changes with a label."""
    dataset = made.dataset(rows=300)
    rows = np.arange(100)
    before = digest(dataset, rows)
    assert digest(dataset.take(np.arange(200)), rows) == before
    dataset.label[5] = 1 - dataset.label[5]
    assert digest(dataset, rows) != before
