"""A bundle as MLflow's own folder of a model: the code of `training.served_model`, a signature, an example, the bundle.

The signature names every feature and leaves its type open ("Any"): MLflow would otherwise refuse whole numbers, categories of
pandas and columns that are empty in the rows at hand, all of which the model answers. Which features are categories, and which
categories they have, stands in the model's metadata; the example shows what a frame looks like, and none of its rows is a customer.
"""

from __future__ import annotations

import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from training.bundle import GOLDEN, Bundle
from training.gate import columns_of

if TYPE_CHECKING:
    import pandas as pd

_REQUIREMENTS: Final = ("lightgbm", "numpy", "pandas", "mlflow")
EXAMPLE_ROWS: Final = 3


def pack(bundle: Bundle, folder: Path, destination: Path) -> None:
    """Write MLflow's folder of the bundle that lies in `folder`, which is called ``bundle``."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    open_type = AnyType()  # type: ignore[no-untyped-call]
    inputs = Schema([ColSpec(open_type, name) for name in bundle.catalog.names])
    outputs = Schema([ColSpec("double", name) for name in columns_of(bundle.task, bundle.days)])
    mlflow.pyfunc.save_model(
        str(destination),
        python_model=str(Path(__file__).with_name("served_model.py")),
        artifacts={"bundle": str(folder)},
        pip_requirements=[f"{name}=={installed(name)}" for name in _REQUIREMENTS],
        signature=ModelSignature(inputs, outputs),
        input_example=example(bundle, folder),
        metadata={
            "target": bundle.target,
            "task": bundle.task,
            "sha256": bundle.sha256,
            "categories": {name: list(found) for name, found in bundle.catalog.categories.items()},
        },
    )


def example(bundle: Bundle, folder: Path) -> pd.DataFrame:
    """A few of the bundle's golden rows as a data frame: each value drawn on its own, so that no row is a customer's."""
    import pandas as pd

    rows = np.array(json.loads((folder / GOLDEN).read_text("utf-8"))["rows"][:EXAMPLE_ROWS], dtype=np.float64)
    texts = bundle.catalog.categories
    return pd.DataFrame(
        {
            name: [None if np.isnan(code) else texts[name][int(code)] for code in rows[:, place]]
            if name in texts
            else rows[:, place]
            for place, name in enumerate(bundle.catalog.names)
        }
    )
