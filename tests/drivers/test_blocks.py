"""Which columns of a training set speak for what."""

from __future__ import annotations

import numpy as np

from drivers.blocks import Design, design
from features.catalog import Catalog
from features.definition import ANY, Feature
from features.journey import Vocabulary

CALL = {"family": "x", "source": "touchpoints", "kind": "call", "role": "touchpoint"}
FEATURES = (
    Feature(**CALL, measure=None, aggregate="count", window_days=90),
    Feature(**CALL, measure=None, aggregate="count", window_days=365),
    Feature(**CALL, measure=None, aggregate="count", window_days=730),
    Feature(**CALL, measure="wait", aggregate="last"),
    Feature("x", "touchpoints", "desk", None, "recency", role="touchpoint"),
    Feature("x", "touchpoints", "late", None, "recency", role="touchpoint"),
    Feature("x", "surveys", "nps", "score", "last", control="voice", role="voice"),
    Feature("x", "touchpoints", ANY, None, "count", window_days=90, role="overall"),
    Feature("x", "customers", "version", "region", "current_category", control="region"),
    Feature("x", "customers", "version", "age", "current", control="age"),
    Feature("x", "customers", "version", "same", "current", control="same"),
)
CATALOG = Catalog(FEATURES, Vocabulary(categories={"customers.region": ("north", "south", "never")}))


def _made(window_days: int = 365) -> tuple[Design, np.ndarray]:
    rng = np.random.default_rng(1)
    matrix = rng.integers(0, 3, (50, len(FEATURES))).astype(float)
    matrix[:, 3] = np.where(rng.random(50) < 0.4, np.nan, matrix[:, 3])
    matrix[:, 4] = np.where(rng.random(50) < 0.5, np.nan, rng.uniform(0, 700, 50))
    matrix[:, 8] = np.where(rng.random(50) < 0.2, np.nan, rng.integers(0, 2, 50))
    matrix[:, 10] = 7.0
    rows = np.arange(5, 45)
    return design(matrix, CATALOG, rows, window_days=window_days, excluded={"late"}), matrix[rows]


def test_blocks_are_touchpoints_then_groups_of_controls() -> None:
    """Voice, totals, excluded touchpoints, longer windows and columns without variation are left out."""
    made, _ = _made()
    assert [(block.name, block.kind) for block in made.blocks] == [
        ("call", "touchpoint"), ("desk", "touchpoint"), ("age", "control"), ("region", "control"),
    ]  # fmt: skip
    assert made.blocks[0].dimensions == ("frequency", "frequency", "wait")
    assert made.blocks[0].window_days == 365
    assert made.X.dtype == np.float32
    assert made.X.shape == (40, 3 + 1 + 1 + 2)


def test_columns_belong_to_one_block() -> None:
    """Blocks cover the matrix once, in order."""
    made, _ = _made()
    assert np.concatenate([block.columns for block in made.blocks]).tolist() == list(range(made.X.shape[1]))


def test_who_met_it() -> None:
    """A count in the longest window says who met a touchpoint, else the days since the last; controls concern all."""
    made, matrix = _made()
    assert made.blocks[0].met.tolist() == (matrix[:, 1] > 0).tolist()
    assert made.blocks[1].met.tolist() == (matrix[:, 4] <= 365).tolist()
    assert made.blocks[2].met.all()


def test_shorter_windows_on_request() -> None:
    """With ninety days only the shortest count stays, and says who met it."""
    made, matrix = _made(90)
    assert made.blocks[0].dimensions == ("frequency", "wait")
    assert made.blocks[0].met.tolist() == (matrix[:, 0] > 0).tolist()
    assert made.blocks[0].window_days == 90


def test_categories_become_columns() -> None:
    """One column per category that is there; a missing one is none of them; missing numbers stay missing."""
    made, matrix = _made()
    place = made.blocks[3].columns
    assert made.X[:, place].sum(axis=1).tolist() == (~np.isnan(matrix[:, 8])).tolist()
    np.testing.assert_array_equal(np.isnan(made.X[:, 2]), np.isnan(matrix[:, 3]))


def test_nothing_to_analyse() -> None:
    """A training set of earlier answers only gives no block."""
    made = design(np.ones((5, 1)), CATALOG.select([FEATURES[6].name]), np.arange(5), window_days=365, excluded=())
    assert made.blocks == ()
    assert made.X.shape == (5, 0)
