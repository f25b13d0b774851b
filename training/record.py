"""What a training leaves in its run: parameters, metrics, the training set by digest, and files to read.

The files are ``metrics.json``, ``verdict.json``, ``dropped.json`` (features left out), ``model_card.md``, ``config.yaml`` as written, ``calibration.png``, and the held-out
answers that the next challenger is compared on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from configs.settings import Settings
from training.bundle import Bundle
from training.card import calibration_figure, model_card
from training.dataset import Dataset, path_of
from training.gate import Answers, Verdict
from training.model import HeldOut
from training.registry import ANSWERS, Registry
from training.split import Rows, Split


def record(
    registry: Registry,
    run_id: str,
    *,
    dataset: Dataset,
    division: Split,
    held: HeldOut,
    settings: Settings,
    bundle: Bundle,
    metrics: dict[str, Any],
    verdict: Verdict,
    answers: Answers,
    folder: Path,
) -> None:
    """Log everything about a training to its run; `folder` is where the files are put together."""
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1, ensure_ascii=False), "utf-8")
    (folder / "verdict.json").write_text(json.dumps(verdict.to_dict(), indent=1, ensure_ascii=False), "utf-8")
    (folder / "model_card.md").write_text(model_card(bundle, metrics), "utf-8")
    left_out = [{"name": name, "reason": reason} for name, reason in bundle.dropped.items()]
    (folder / "dropped.json").write_text(json.dumps(left_out, indent=1, ensure_ascii=False), "utf-8")
    # The file as written: environment variables in it (passwords) are not put in place.
    shutil.copyfile(settings.source, folder / "config.yaml")
    answers.write(folder / ANSWERS)
    if "curve" in metrics:
        calibration_figure(metrics["curve"], dataset.target).savefig(folder / "calibration.png", dpi=110)
    path = str(path_of(settings, dataset.target))
    features = len(dataset.catalog.names)
    datasets = {"training": (path, dataset.digest, len(dataset), features)}
    if division.out_of_time:
        for context, rows in (("train", division.train), ("test", division.test)):
            datasets[context] = (path, _digest(dataset, rows), len(rows), features)
    learner = {f"learner.{key}": value for key, value in settings.learner.model_dump(mode="json").items()}
    chosen = {f"preset.{key}": value for key, value in bundle.details["preset"].items()}
    registry.log(
        run_id,
        parameters={
            **{f"target.{key}": value for key, value in dataset.spec.items()},
            **learner,
            **chosen,
            "rounds": list(held.choice.rounds),
            "seed": settings.seed,
            "validation": division.kind,
            "config_digest": settings.digest,
            "features": len(bundle.catalog.names),
            "features_dropped": len(bundle.dropped),
        },
        metrics=_numbers(metrics),
        tags={
            "sha256": bundle.sha256,
            "verdict": verdict.reason,
            **({"mlflow.source.git.commit": bundle.commit} if bundle.commit else {}),
        },
        datasets=datasets,
        artifacts=folder,
    )


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Metrics as flat numbers: the value, its limits, and the floors'."""
    flat: dict[str, float | None] = {}
    for name, found in metrics.items():
        if isinstance(found, dict) and {"value", "low", "high"} <= found.keys():
            flat |= {f"{name}{end}": found[key] for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))}
        elif isinstance(found, int | float) and not isinstance(found, bool):
            flat[name] = float(found)
    for floor, found in metrics["baselines"].items():
        flat |= {f"baseline_{floor}_{name}": value for name, value in found.items()}
    return {name: value for name, value in flat.items() if value is not None}


def _digest(dataset: Dataset, rows: Rows) -> str:
    whole = hashlib.sha256()
    for part in (dataset.as_of[rows], dataset.label[rows], dataset.X[rows]):
        whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()
