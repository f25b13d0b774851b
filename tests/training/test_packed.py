"""The registered model as its users meet it: a plain data frame in, a data frame out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from tests.training.test_bundle import bundle_of
from training.bundle import Bundle
from training.packed import EXAMPLE_ROWS, example, pack
from training.tracking import quiet

PLANS = ("basic", "max", "plus")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Bundle, Path]:
    """MLflow's model of a small churn bundle, loaded; the bundle; MLflow's folder."""
    folder = tmp_path_factory.mktemp("packed")
    bundle, dataset = bundle_of("binary")
    saved = bundle.save(folder / "bundle", dataset.X[:5])
    with quiet("file"):
        import mlflow.pyfunc

        pack(saved, folder / "bundle", folder / "model")
        return mlflow.pyfunc.load_model(str(folder / "model")), saved, folder / "model"


def frame(**changes: Any) -> pd.DataFrame:
    columns: dict[str, Any] = {f"n{k}": [0.5 + k, -1.5] for k in range(5)}
    return pd.DataFrame({**columns, "plan": ["max", "basic"], **changes})


def known(bundle: Bundle, **changes: list[float]) -> np.ndarray:
    columns: dict[str, list[float]] = {f"n{k}": [0.5 + k, -1.5] for k in range(5)} | {"plan": [1.0, 0.0]}
    return bundle.predict(np.column_stack([{**columns, **changes}[name] for name in bundle.catalog.names]))


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ({}, {}),
        ({"n0": [1, 7]}, {"n0": [1.0, 7.0]}),
        ({"n0": [True, False]}, {"n0": [1.0, 0.0]}),
        ({"n0": [np.nan, 1.0]}, {"n0": [np.nan, 1.0]}),
        ({"n0": [None, None]}, {"n0": [np.nan, np.nan]}),
        ({"n0": pd.Series([None, 2.0], dtype=object)}, {"n0": [np.nan, 2.0]}),
        ({"n0": pd.array([3, None], dtype="Int64")}, {"n0": [3.0, np.nan]}),
        ({"plan": ["platinum", "basic"]}, {"plan": [np.nan, 0.0]}),
        ({"plan": [None, "basic"]}, {"plan": [np.nan, 0.0]}),
        ({"plan": [np.nan, np.nan]}, {"plan": [np.nan, np.nan]}),
        ({"plan": pd.Categorical(["max", None], categories=["zero", "max"])}, {"plan": [1.0, np.nan]}),
        ({"plan": pd.array(["max", pd.NA], dtype="string")}, {"plan": [1.0, np.nan]}),
        ({"customer": ["a", "b"]}, {}),
    ],
    ids=[
        "as it is", "whole numbers", "flags", "NaN", "None alone", "None among numbers", "Int64", "unseen category",
        "no category", "only NaN", "pandas categories", "string with NA", "a further column",
    ],
)  # fmt: skip
def test_whatever_pandas_holds_is_answered(
    packed: tuple[Any, Bundle, Path], given: dict[str, Any], means: dict[str, list[float]]
) -> None:
    """Numbers of every kind, gaps of every kind, categories in every form: the bundle's own answers, in the order of the rows."""
    model, bundle, _ = packed
    found = model.predict(frame(**given))
    assert list(found.columns) == ["probability"]
    np.testing.assert_allclose(found["probability"], known(bundle, **means), rtol=1e-12)


def test_order_and_index_of_the_frame(packed: tuple[Any, Bundle, Path]) -> None:
    """Columns may come in any order; the answer has the frame's index."""
    model, bundle, _ = packed
    given = frame()[["plan", "n4", "n3", "n2", "n1", "n0"]].set_index(pd.Index(["x", "y"]))
    found = model.predict(given)
    assert list(found.index) == ["x", "y"]
    np.testing.assert_allclose(found["probability"], known(bundle), rtol=1e-12)


def test_a_missing_column_is_named(packed: tuple[Any, Bundle, Path]) -> None:
    """By MLflow, which checks the signature, and by the model itself, with the nearest that there is."""
    from mlflow.exceptions import MlflowException

    model, _, _ = packed
    with pytest.raises(MlflowException, match=r"Model is missing inputs \['n3'\]"):
        model.predict(frame().drop(columns="n3"))
    with pytest.raises(DataError, match=r"the column 'plan' is not there.*did you mean 'plans'\?"):
        model.unwrap_python_model().predict(None, frame().rename(columns={"plan": "plans"}))


def test_text_instead_of_numbers_is_named(packed: tuple[Any, Bundle, Path]) -> None:
    """The message says which column holds what cannot be a number."""
    model, _, _ = packed
    with pytest.raises(DataError, match="the column 'n2' holds something else than numbers"):
        model.predict(frame(n2=["much", "little"]))


def test_the_model_shows_what_it_takes(packed: tuple[Any, Bundle, Path]) -> None:
    """Signature, example and metadata: every feature by name, rows that the model answers, the categories."""
    model, bundle, folder = packed
    assert tuple(model.metadata.signature.inputs.input_names()) == bundle.catalog.names
    assert model.metadata.signature.outputs.input_names() == ["probability"]
    assert model.metadata.metadata["categories"] == {"plan": list(PLANS)}
    shown = model.input_example
    assert len(shown) == EXAMPLE_ROWS
    assert len(model.predict(shown)) == EXAMPLE_ROWS
    assert list(example(bundle, folder / "artifacts" / "bundle").columns) == list(bundle.catalog.names)


def test_nothing_is_pickled(packed: tuple[Any, Bundle, Path]) -> None:
    """The model is code and text."""
    files = [path for path in packed[2].rglob("*") if path.is_file()]
    assert not any(path.suffix in {".pkl", ".pickle", ".cloudpickle"} for path in files)
    assert not any(path.read_bytes().startswith(b"\x80") for path in files)
