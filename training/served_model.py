"""The MLflow model around a bundle, as code ("models from code"): MLflow stores this file and the bundle, nothing pickled.

It takes a data frame with the bundle's features as columns and gives a data frame: ``probability``, or ``detractor``,
``passive`` and ``promoter``, or ``amount``, or of a time to churn ``by_day_<day>`` for each day. Categories are text (or pandas categories of text); what is missing is NaN, None or
NA; a category that training did not see counts as missing; further columns and the order of columns do not matter. Loading it
verifies the bundle. The project must be installed where it is loaded.
"""

from __future__ import annotations

from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray

from configs.errors import DataError
from training.bundle import Bundle
from training.gate import columns_of

WHERE = "the rows given to the model"


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
        DataError
            When a feature is missing among the columns, or holds text where numbers are meant.
        """
        catalog = self.bundle.catalog
        X = np.empty((len(model_input), len(catalog.names)))
        for place, name in enumerate(catalog.names):
            if name not in model_input.columns:
                raise DataError.missing_column(name, [str(column) for column in model_input.columns], where=WHERE)
            values = model_input[name]
            X[:, place] = _codes(values, catalog.categories[name]) if name in catalog.categories else _numbers(values)
        answers = self.bundle.predict(X).reshape(len(X), -1)
        return pd.DataFrame(
            answers, columns=list(columns_of(self.bundle.task, self.bundle.days)), index=model_input.index
        )


def _codes(values: pd.Series[Any], known: tuple[str, ...]) -> NDArray[np.float64]:
    """Codes of categories; NaN for what is missing or unseen. A category that reads as a number may come as one."""
    texts = [value if isinstance(value, str) or pd.isna(value) else str(value) for value in values.astype(object)]
    codes = pd.Index(known, dtype=object).get_indexer(pd.Index(texts, dtype=object))
    return np.where(codes < 0, np.nan, codes)


def _numbers(values: pd.Series[Any]) -> NDArray[np.float64]:
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the column '{values.name}' holds something else than numbers ({error})",
            where=WHERE,
            next_move="give it as numbers, with NaN where it is missing",
        ) from None


mlflow.models.set_model(BundleModel())
