"""Trains one target in a process of its own, for tests of several at once: ``python -m tests.training.trainer FOLDER NAME SEED``.

The working folder is FOLDER, so that the store is ``FOLDER/mlruns``; the output is ``FOLDER/NAME``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.training import made
from training.dataset import path_of, write
from training.train import train

TARGETS = {"churn": {"kind": "column", "column": "left", "positive": "yes"}}


def main(folder: Path, name: str, seed: int) -> None:
    """Train a small churn set of this seed."""
    os.chdir(folder)
    (folder / name).mkdir()
    settings = made.settings(folder / name, TARGETS, name=name)
    write(made.dataset(rows=400, seed=seed), path_of(settings, "churn"))
    result = train(settings, "churn", now=made.NOW)
    sys.stdout.write(f"{result.version} {result.verdict.outcome} {result.bundle.sha256}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
