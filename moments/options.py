"""Arguments and options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML configuration.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Engine = Annotated[
    Literal["local", "spark"],
    typer.Option(
        help="Where to compute: this machine, or Spark as the configuration's 'spark' says (extra 'spark', Java)."
    ),
]
Growing = Annotated[
    Literal["local", "chunked", "dask"],
    typer.Option(
        help="How models are grown: in memory; with the training set read group by group, where it is larger than memory; or by Dask's "
        "workers (extra 'dask'). The last two choose and judge on a sample of customers ('learner.sample_rows')."
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Run every step, also those whose inputs have not changed.")]
