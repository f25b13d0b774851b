"""A look at a model as a run of MLflow: its verdict, and per as_of date what was announced and what came true.

The step of a figure is the number of days between the date and the last one that was judged at training, its time the date
itself, so that charts of several looks lie over each other.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from configs.settings import Settings
from training.tracking import Point, Tracking

_DAY: Final = 86_400
_INTERVALS: Final = ("loss", "gap", "unmended", "auc", "lift_at_10", "rps", "spearman")


def log(settings: Settings, name: str, facts: dict[str, Any], *, now: datetime) -> str:
    """Log one target's facts; returns the run's id.

    Raises
    ------
    ConfigError
        When the tracking store does not answer.
    """
    tracking = Tracking(settings, now)
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run_id = tracking.start(
        f"monitor {name} {moment}",
        tags={"target": name, "verdict": facts["verdict"], "mlflow.source.name": "moments monitor"},
    )
    try:
        with TemporaryDirectory() as scratch:
            (Path(scratch) / f"monitor.{name}.json").write_text(
                json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8"
            )
            tracking.log(
                run_id,
                parameters={
                    "target": name,
                    "model_version": facts["model"]["version"],
                    "sha256": facts["model"]["sha256"],
                    "data_until": facts["model"]["data_until"],
                },
                metrics=[*summary(facts), *series(facts)],
                tags={"advice": facts["advice"] or "", "reasons": ", ".join(item["code"] for item in facts["reasons"])},
            )
            tracking.log_files(run_id, Path(scratch))
        tracking.finish(run_id)
    except BaseException:
        tracking.finish(run_id, failed=True)
        raise
    return run_id


def summary(facts: dict[str, Any]) -> list[Point]:
    """The look as a whole in flat numbers."""
    found: dict[str, Any] = {
        "retrain": float(facts["verdict"] == "retrain"),
        "watch": float(facts["verdict"] == "watch"),
    }
    if facts["features"] is not None:
        found["features_moved_now"] = facts["features"]["moved"]
    if facts["realised"] is not None:
        excess = facts["realised"]["excess"]
        found |= {"excess": excess["value"], "excess_low": excess["low"], "excess_high": excess["high"]}
    return _points(found)


def series(facts: dict[str, Any]) -> list[Point]:
    """The figures of every period: the step is the days since the last judged date, the time the date itself."""
    start = (facts["reference"] and facts["reference"]["last"]) or facts["model"]["data_until"]
    found: list[Point] = []
    for period in facts["periods"]:
        if period["as_of"] is None or start is None:
            continue
        at = datetime.fromisoformat(period["as_of"])
        figures = {key: period[key] for key in ("rows", "labelled", "features_moved", "score_psi")}
        told = period["announced"] or {}
        figures |= {"announced_loss": (told.get("loss") or {}).get("value"), "announced_auc": told.get("auc")}
        figures["predicted"] = told.get("predicted")
        for key in _INTERVALS:
            item = (period["realised"] or {}).get(key)
            if item is not None:
                figures |= {f"realised_{key}": item["value"], f"realised_{key}_low": item["low"]}
                figures[f"realised_{key}_high"] = item["high"]
        step = round((at - datetime.fromisoformat(start)).total_seconds() / _DAY)
        found += _points(figures, step, int(at.timestamp() * 1000))
    return found


def _points(figures: dict[str, Any], step: int = 0, at: int | None = None) -> list[Point]:
    return [Point(key, float(value), step, at) for key, value in figures.items() if value is not None]
