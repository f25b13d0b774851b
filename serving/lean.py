"""Keeping a serving process small: LightGBM without the data-frame libraries that it imports when they happen to be there.

LightGBM's `compat` module tries pandas, scikit-learn and others only to recognise their types; a service hands it numpy arrays.
Left alone the import takes several seconds and a hundred megabytes.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

OPTIONAL: Final = (
    "pandas",
    "sklearn",
    "pyarrow",
    "matplotlib",
    "graphviz",
    "dask",
    "dask.distributed",
    "polars",
    "datatable",
)


def import_lightgbm() -> None:
    """Import LightGBM while its optional companions are hidden; what is imported already stays as it is."""
    if "lightgbm" in sys.modules:
        return
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    # None in sys.modules makes an import fail at once (the import system's own convention).
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        importlib.import_module("lightgbm")
    finally:
        for name in hidden:
            del sys.modules[name]
