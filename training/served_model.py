"""The MLflow model around a bundle, as code ("models from code"): MLflow stores this file and the bundle, nothing pickled.

It takes a data frame with the bundle's features as columns (categories as text, missing as null, further columns ignored) and
gives a data frame: ``probability``, or ``detractor``, ``passive`` and ``promoter``, or ``amount``. Loading it verifies the
bundle. The project must be installed where it is loaded.
"""

from __future__ import annotations

from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from training.bundle import Bundle
from training.gate import COLUMNS


class BundleModel(PythonModel):
    """Answers rows of features with a bundle."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load and verify the bundle among the model's files."""
        self.bundle = Bundle.load(context.artifacts["bundle"])

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Answers in the order of the rows.

        Raises
        ------
        KeyError
            When a feature is missing among the columns.
        """
        catalog = self.bundle.catalog
        X = np.empty((len(model_input), len(catalog.names)))
        for place, name in enumerate(catalog.names):
            values = model_input[name]
            if name in catalog.categories:
                codes = pd.Index(catalog.categories[name]).get_indexer(pd.Index(values.astype(object)))
                X[:, place] = np.where(codes < 0, np.nan, codes)
            else:
                X[:, place] = values.to_numpy(dtype=np.float64, na_value=np.nan)
        answers = self.bundle.predict(X).reshape(len(X), -1)
        return pd.DataFrame(answers, columns=list(COLUMNS[self.bundle.task]), index=model_input.index)


mlflow.models.set_model(BundleModel())
