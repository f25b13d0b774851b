"""What our dependencies may not do: report home, load pickles, or spin while they wait. Set before any of them is imported.

Importing this module does nothing; the command line, the tests and the notebooks call `set_environment` first.
"""

from __future__ import annotations

import os
from typing import Final

ENVIRONMENT: Final = {
    "BENTOML_DO_NOT_TRACK": "true",  # BentoML takes exactly this word
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "OMP_WAIT_POLICY": "PASSIVE",  # LightGBM's waiting threads sleep: on a busy machine spinning ones double the time
}


def set_environment() -> None:
    """Put `ENVIRONMENT` into this process's environment; child processes inherit it."""
    os.environ.update(ENVIRONMENT)
