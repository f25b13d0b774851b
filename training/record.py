"""What a training leaves in MLflow: a run with everything about it, a run below it for each preset, and a line in the run above.

The run holds parameters, metrics (with their limits, the floors', per period and along the gain curve by step), the rows by what they
were for with their digests, tags, and files: the card, ``metrics.json``, ``verdict.json``, ``dropped.json`` (features left out),
``config.yaml`` as written, ``figures/``, and what the next challenger is compared with: the held-out answers and, in ``judged/``,
the model that gave them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from configs.settings import Settings
from training import card
from training.about import About
from training.bundle import Bundle
from training.card_words import brief
from training.dataset import Dataset, path_of
from training.gate import Answers, Verdict
from training.learner import describe
from training.learning import Learning
from training.model import HeldOut
from training.registry import ANSWERS, JUDGED, LONGEST, Registry
from training.split import Split
from training.tracking import LONGEST_TAG, NOTE, Input, Point

Array = NDArray[np.float64]

HEADLINES: Final = {
    "binary": ("auc", "log_loss", "lift_at_10"),
    "ordinal": ("rps", "log_loss", "nps_points_error"),
    "amount": ("mae", "spearman"),
    "survival": ("concordance", "ibs", "log_loss"),
}
"""The metrics that stand with a version, best known first."""
_ENDS: Final = {"value": "", "low": "_low", "high": "_high"}


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
    learning: Sequence[Learning],
    told: About,
    judged: tuple[Bundle, Array] | None,
    folder: Path,
) -> None:
    """Log everything about a training to its run but the model and the card; `folder` is where the files are put together."""
    (folder / "figures").mkdir(parents=True)
    left_out = [{"name": name, "reason": reason} for name, reason in bundle.dropped.items()]
    for name, content in (("metrics", metrics), ("verdict", verdict.to_dict()), ("dropped", left_out)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
    # The file as written: environment variables in it (passwords) are not put in place.
    shutil.copyfile(settings.source, folder / "config.yaml")
    answers.write(folder / ANSWERS)
    if judged is not None:
        model, golden = judged
        model.save(folder / JUDGED, golden)
    for name, picture in told.figures.items():
        (folder / "figures" / f"{name}.png").write_bytes(picture)
    learner = {f"learner.{key}": value for key, value in settings.learner.model_dump(mode="json").items()}
    chosen = {f"preset.{key}": value for key, value in bundle.details["preset"].items()}
    registry.log(
        run_id,
        parameters={
            **{f"target.{key}": value for key, value in dataset.spec.items()},
            **learner,
            **chosen,
            "form": held.form,
            "rounds": list(held.choice.rounds),
            "seed": settings.seed,
            "validation": division.kind,
            "config_digest": settings.digest,
            "features": len(bundle.catalog.names),
            "features_dropped": len(bundle.dropped),
        },
        metrics=[
            *_numbers(metrics),
            *_days(metrics),
            *_periods(metrics),
            *_gains(told),
            *_profits(metrics),
            *_sizes(metrics),
            *_uplift(metrics),
            *_learning(learning),
        ],
        tags={
            "sha256": bundle.sha256,
            "outcome": verdict.outcome,
            "verdict": verdict.reason,
            "config_digest": settings.digest,
            "data_digest": dataset.digest,
            **{f"data_digest.{part.use}": part.digest for part in told.parts},
            **({"mlflow.source.git.commit": bundle.commit} if bundle.commit else {}),
        },
    )
    registry.log_inputs(run_id, _inputs(settings, dataset, told))
    registry.log_files(run_id, folder)


def record_card(registry: Registry, run_id: str, told: About, version: str, folder: Path) -> None:
    """Log the card of a version, or of a model that became none, to its run: as files and as the run's description."""
    folder.mkdir()
    facts = {**told.facts, "version": version}
    card.write(folder, facts, told.figures)
    (folder / card.FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
    registry.log_files(run_id, folder)
    registry.log(run_id, tags={NOTE: brief((folder / card.TEXT).read_text("utf-8"), LONGEST_TAG)})


def record_presets(registry: Registry, run_id: str, target: str, learning: Sequence[Learning]) -> None:
    """One run below the training for each preset that was tried: its loss by rounds, over all folds and in each of them."""
    for preset in dict.fromkeys(item.preset for item in learning):
        below = registry.start(f"{target}: {preset.name}", run_id, {"target": target, "kind": "preset"})
        own = [item for item in learning if item.preset == preset]
        points = []
        for item in own:
            end = f"/{item.question}" if len(own) > 1 else ""
            curves = {"out_of_fold_loss": item.mean}
            curves |= {f"fold_{number}_loss": fold for number, fold in enumerate(item.folds)}
            points += [
                Point(f"{name}{end}", float(loss), int(step))
                for name, values in curves.items()
                for step, loss in zip(item.rounds, values, strict=True)
            ]
            points += [Point(f"best_rounds{end}", item.best[0]), Point(f"best_loss{end}", item.best[1])]
        registry.log(below, parameters=describe(preset), metrics=points)
        registry.finish(below)


def summarise(registry: Registry, parent: str, bundle: Bundle, metrics: dict[str, Any], verdict: Verdict) -> None:
    """A training's outcome and main metrics in the run that holds the trainings of several targets."""
    points = [
        Point(f"{bundle.target}/{name}", metrics[name]["value"])
        for name in HEADLINES[bundle.task]
        if metrics[name]["value"] is not None
    ]
    registry.log(parent, metrics=points, tags={f"{bundle.target}.outcome": verdict.outcome})


def version_tags(
    settings: Settings, dataset: Dataset, bundle: Bundle, metrics: dict[str, Any], verdict: Verdict
) -> dict[str, str]:
    """What a list of versions shows of one."""
    main = {name: metrics[name] for name in HEADLINES[bundle.task]}
    whole = json.dumps(verdict.to_dict())
    return {
        "trained_at": bundle.trained_at,
        "data_from": bundle.data_from or "",
        "data_until": bundle.data_until or "",
        "commit": bundle.commit or "",
        "config_digest": settings.digest,
        "data_digest": dataset.digest,
        "metrics": json.dumps(main),
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        # Half a verdict cannot be read: one with too many figures stands in the run alone.
        **({"verdict": whole} if len(whole) <= LONGEST else {}),
    }


def _inputs(settings: Settings, dataset: Dataset, told: About) -> list[Input]:
    path = str(path_of(settings, dataset.target))
    kinds = {name: "string" if name in dataset.catalog.categories else "double" for name in dataset.catalog.names}
    whole = Input("whole set", dataset.target, path, dataset.digest, len(dataset), kinds)
    return [
        whole,
        *(Input(part.use, f"{dataset.target}-{part.use}", path, part.digest, part.rows, kinds) for part in told.parts),
    ]


def _numbers(metrics: dict[str, Any]) -> list[Point]:
    """Metrics as flat numbers: the value, its limits, and the floors'."""
    flat: dict[str, float | None] = {}
    for name, found in metrics.items():
        if isinstance(found, dict) and {"value", "low", "high"} <= found.keys():
            flat |= {f"{name}{end}": found[key] for key, end in _ENDS.items()}
        elif isinstance(found, int | float) and not isinstance(found, bool):
            flat[name] = float(found)
    if "random_split" in metrics:
        found = metrics["random_split"]
        flat |= {"random_split_auc": found["auc"]}
        flat |= {f"random_split_difference{end}": found["difference"][key] for key, end in _ENDS.items()}
    for floor, found in metrics["baselines"].items():
        flat |= {f"baseline_{floor}_{name}": value for name, value in found.items() if name != "by_day"}
    return [Point(name, value) for name, value in flat.items() if value is not None]


def _days(metrics: dict[str, Any]) -> list[Point]:
    """The metrics of each day of a survival, the floors' and the mean curve, with the day as the step."""
    points = []
    for item in metrics.get("by_day", []):
        for name, found in item.items():
            if isinstance(found, dict):
                points += [
                    Point(f"day/{name}{end}", found[key], item["day"])
                    for key, end in _ENDS.items()
                    if found[key] is not None
                ]
    for floor, known in metrics["baselines"].items():
        points += [
            Point(f"day/baseline_{floor}_{name}", value, item["day"])
            for item in known.get("by_day", [])
            for name, value in item.items()
            if name != "day" and value is not None
        ]
    for item in metrics.get("churn_by_day", []):
        points += [Point(f"day/churn_{name}", item[name], item["day"]) for name in ("predicted", "observed")]
    return points


def _periods(metrics: dict[str, Any]) -> list[Point]:
    """What is known of each judged period, and of each rolling origin before them, with its place as the step."""
    points = []
    for step, period in enumerate(metrics.get("periods", [])):
        known = {**period, "gap": period["predicted"] - period["observed"]}
        points += [
            Point(f"period/{name}", value, step) for name, value in known.items() if isinstance(value, int | float)
        ]
    for step, origin in enumerate(metrics.get("origins", [])):
        known = {name: found["value"] if isinstance(found, dict) else found for name, found in origin.items()}
        points += [
            Point(f"origin/{name}", value, step) for name, value in known.items() if isinstance(value, int | float)
        ]
    return points


def _gains(told: About) -> list[Point]:
    """Gain and lift, with the share of customers in per cent as the step."""
    points = []
    for gain in told.facts["gains"]:
        steps = [round(100 * share) for share in gain["shares"]]
        points += [
            Point(f"gain/{gain['name']}", value, step) for value, step in zip(gain["captured"], steps, strict=True)
        ]
        points += [
            Point(f"lift/{gain['name']}", value, step) for value, step in zip(gain["lift"], steps[1:], strict=True)
        ]
    return points


def _profits(metrics: dict[str, Any]) -> list[Point]:
    """Money per customer by the share that a campaign reaches, with the per cent as the step."""
    return [
        Point(f"profit/{name}", point[name], round(100 * point["share"]))
        for point in metrics.get("campaign", {}).get("curve", [])
        for name in ("expected", "realised")
    ]


def _sizes(metrics: dict[str, Any]) -> list[Point]:
    """The loss by the number of customers that taught, which is the step."""
    return [
        Point("data_size/loss", item["loss"], item["customers"])
        for item in metrics.get("data_size", {}).get("sizes", [])
    ]


def _uplift(metrics: dict[str, Any]) -> list[Point]:
    """What a pilot told, and its Qini curve with the per cent of customers reached as the step."""
    found = metrics.get("uplift", {})
    points = [Point(f"uplift/{name}", float(found[name])) for name in ("foretold_auc", "reach_share") if name in found]
    points += [
        Point(f"uplift/{name}{end}", value[key])
        for name, value in found.items()
        if isinstance(value, dict)
        for key, end in _ENDS.items()
        if value[key] is not None
    ]
    return points + [
        Point(f"uplift/curve_{name}", item[name], round(100 * item["share"]))
        for item in found.get("curve", [])
        for name in ("saved", "by_risk", "at_random")
    ]


def _learning(learning: Sequence[Learning]) -> list[Point]:
    """The mean out-of-fold loss of every preset, with the rounds as the step."""
    return [
        Point(
            f"out_of_fold_loss/{item.question}/{item.preset.name.replace(',', '').replace(' ', '_')}",
            float(loss),
            int(step),
        )
        for item in learning
        for step, loss in zip(item.rounds, item.mean, strict=True)
    ]
