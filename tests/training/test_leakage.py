"""Leak guards."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.errors import LeakageError
from configs.settings import load
from features.tables import open_tables
from tests.training import made
from training.leakage import attribute_columns, check_labels_of, column_auc, refuse, suspects, suspects_in

DATA = Path(os.environ.get("MOMENTS_DATA", Path(__file__).resolve().parents[2] / "../shared/data"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def labels(rng: np.random.Generator, n: int = 2000) -> np.ndarray:  # type: ignore[type-arg]
    return (rng.random(n) < 0.2).astype(float)


def test_leaks_of_every_shape_are_found(rng: np.random.Generator) -> None:
    """A copy, its opposite, a noisy copy, a code, a category and a column that is filled for churners only."""
    y = labels(rng)
    filled = np.where(y == 1, rng.integers(1, 5, len(y)), np.nan)
    code = np.where(y == 1, 1.0, rng.integers(0, 2, len(y)) * 2.0)
    columns = [
        ("copy", y, False),
        ("opposite", 1 - y, False),
        ("noisy", y + rng.normal(0, 0.1, len(y)), False),
        ("code", code, False),
        ("reason", filled, True),
        ("ended", np.where(y == 1, rng.normal(size=len(y)), np.nan), False),
        ("category", code, True),
    ]
    assert [item.column for item in suspects(columns, y)] == [name for name, _, _ in columns]


def test_what_only_churners_have_is_found(rng: np.random.Generator) -> None:
    """A reason on file for half of the churners ranks little, and yet gives them away: as a gap, as filled, as one category."""
    y = labels(rng, 4000)
    half = (y == 1) & (rng.random(len(y)) < 0.5)
    others = rng.integers(0, 3, len(y)).astype(float)
    columns = [
        ("filled", np.where(half, rng.normal(size=len(y)), np.nan), False),
        ("gone", np.where(half, np.nan, rng.normal(size=len(y))), False),
        ("status", np.where(half, 3.0, others), True),
        ("flag", half.astype(float), False),
    ]
    found = suspects(columns, y)
    assert [item.column for item in found] == ["filled", "gone", "status", "flag"]
    assert all("churned" in item.reason for item in found)
    assert suspects(columns, y, attributes=()) == []
    # What leaves a tenth of those who stay in it is a strong sign and no leak; nor is one where nearly everybody leaves anyway.
    mixed = half | ((y == 0) & (rng.random(len(y)) < 0.03))
    assert suspects([("sign", np.where(mixed, 1.0, np.nan), False)], y) == []
    # Of those on a trial 97 of 100 leave: a risk, not a leak.
    trial = np.where(half | ((y == 0) & (rng.random(len(y)) < 0.004)), 3.0, others)
    assert y[trial == 3.0].mean() > 0.95
    assert suspects([("plan", trial, True)], y) == []
    most = (rng.random(4000) < 0.93).astype(float)
    assert suspects([("segment", rng.integers(0, 4, 4000).astype(float), True)], most) == []


def test_strong_but_honest_columns_pass(rng: np.random.Generator) -> None:
    """An AUC of about .95 alone is a good feature."""
    y = labels(rng)
    strong = y + rng.normal(0, 0.43, len(y))
    assert 0.93 < column_auc(strong, y, category=False) < 0.97
    assert suspects([("strong", strong, False)], y) == []


def test_identifiers_do_not_look_like_answers(rng: np.random.Generator) -> None:
    """A category that is different for everyone is valued on rows it was not counted on."""
    y = labels(rng)
    names = np.arange(len(y), dtype=float)
    assert column_auc(names, y, category=True) < 0.6
    assert suspects([("id", rng.permutation(names), False), ("name", names, True)], y) == []


def test_few_rows_prove_nothing(rng: np.random.Generator) -> None:
    """Below fifty rows, or ten of a class, even a perfect column is luck."""
    y = np.array([1.0] * 20 + [0.0] * 20)
    assert suspects([("copy", y, False)], y) == []
    rare = np.array([1.0] * 9 + [0.0] * 500)
    assert suspects([("copy", rare, False)], rare) == []


def test_luck_among_many_columns_is_no_leak(rng: np.random.Generator) -> None:
    """Hundreds of columns of noise on a small table: none is named."""
    y = np.array([1.0] * 12 + [0.0] * 48)
    columns = [(f"n{place}", rng.normal(size=60), False) for place in range(400)]
    columns += [(f"c{place}", rng.integers(0, 8, 60).astype(float), True) for place in range(100)]
    assert suspects(columns, y) == []


def test_a_name_like_the_labels_needs_less(rng: np.random.Generator) -> None:
    """A column that is named like the label and follows it is suspected from .9 on; a namesake that does not is not."""
    y = labels(rng)
    columns = [
        ("Churn Score", y + rng.normal(0, 0.43, len(y)), False),
        ("churn_region", rng.normal(size=len(y)), False),
    ]
    found = suspects(columns, y, label_name="Churn")
    assert [item.column for item in found] == ["Churn Score"]
    assert "named like 'Churn'" in found[0].reason


def test_training_refuses_and_names_the_column() -> None:
    """A feature that gives the label away stops the training with its name."""
    dataset = made.dataset(rows=600)
    refuse(dataset)
    dataset.X[:, 2] = dataset.label * 3 + 1
    with pytest.raises(LeakageError, match=r"'n2' gives the label away \(alone it ranks the rows with AUC 1\.0000\)"):
        refuse(dataset)


def test_a_border_of_nps_can_leak_too() -> None:
    """A feature that knows who is a promoter is named; money has no such test."""
    nps = made.dataset("ordinal", rows=600)
    nps.X[:, 2] = nps.label >= 9
    assert [item.column for item in suspects_in(nps)] == ["n2"]
    money = made.dataset("amount", rows=600)
    money.X[:, 2] = money.label
    assert suspects_in(money) == []


def test_large_tables_are_sampled_first(rng: np.random.Generator) -> None:
    """Many rows change nothing in what is found."""
    y = labels(rng, 60_000)
    found = suspects([("noise", rng.normal(size=len(y)), False), ("copy", y, False)], y)
    assert [item.column for item in found] == ["copy"]


def test_attributes_are_aligned_with_customers(tmp_path: Path) -> None:
    """Values stand in the order asked for, of the newest version; texts are codes."""
    rows = {
        "customers": {
            "customer_id": ["a", "b", "b", "c"],
            "valid_from": ["2024-01-01", "2024-01-01", "2024-05-01", None],
            "age": [1.0, 2.0, 3.0, None],
            "plan": ["x", "x", "y", None],
        }
    }
    with made.company(tmp_path, {"nps": {"kind": "survey"}}, rows) as tables:
        found = {name: values for name, values, _ in attribute_columns(tables, np.array(["c", "b", "a"], dtype=object))}
    np.testing.assert_array_equal(found["age"], [np.nan, 3.0, 1.0])
    assert np.isnan(found["plan"][0])
    assert found["plan"][1] != found["plan"][2]


def test_check_names_the_leaks_of_a_flat_table(tmp_path: Path, rng: np.random.Generator) -> None:
    """`moments check` gets an error with code leak_suspect for each leak, and only for those."""
    y = rng.random(300) < 0.3
    rows = {
        "customers": {
            "customer_id": [f"c{place}" for place in range(300)],
            "left": ["yes" if churned else "no" for churned in y],
            "complained": [float(churned) for churned in y],
            "age": rng.normal(40, 9, 300).tolist(),
        }
    }
    targets = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}
    with made.company(tmp_path, targets, rows) as tables:
        found = check_labels_of(tables, tables.settings)
    assert [(item.level, item.code, item.table, item.column) for item in found] == [
        ("error", "leak_suspect", "customers", "complained")
    ]
    assert "ignore" in found[0].next


@pytest.mark.skipif(not (DATA / "bank_churners.csv").is_file(), reason="the bank data are not beside the project")
def test_bank_churners(tmp_path: Path) -> None:
    """Of the public bank table exactly the two columns of somebody's classifier are named."""
    content = {
        "data": {
            "tables": {
                "customers": {
                    "path": str((DATA / "bank_churners.csv").resolve()),
                    "columns": {"customer_id": "CLIENTNUM"},
                }
            }
        },
        "targets": {"churn": {"kind": "column", "column": "Attrition_Flag", "positive": "Attrited Customer"}},
    }
    (tmp_path / "bank.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    settings = load(tmp_path / "bank.yaml")
    with open_tables(settings) as tables:
        found = check_labels_of(tables, settings)
    assert len(found) == 2
    assert all(str(item.column).startswith("Naive_Bayes_Classifier") for item in found)
    assert {(item.level, item.code) for item in found} == {("error", "leak_suspect")}
