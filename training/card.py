"""The model card: one dictionary of facts, rendered as a page (HTML) that loads nothing from anywhere and as Markdown.

It tells what the model predicts, from which rows, how it was judged and how well, for which groups of customers, what was left
out, where it ends, what it must not be used for, and how to go back to the model before. It is in English: it speaks to those
who answer for the model. Names and categories of the company are printed as data, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training import campaign_words
from training import card_words as words
from training.gate import SEGMENT_ROWS

if TYPE_CHECKING:
    from jinja2 import Environment

    from training.bundle import Bundle
    from training.curves import Gain
    from training.gate import Verdict
    from training.importance import Part as Importance
    from training.parts import Part
    from training.segments import Segment

TEMPLATES: Final = Path(__file__).with_name("templates")
PAGE: Final = "card.html"
TEXT: Final = "card.md"
FACTS: Final = "card.json"


def facts(
    *,
    company: str,
    config: str,
    bundle: Bundle,
    metrics: Mapping[str, Any],
    verdict: Verdict,
    parts: Sequence[Part],
    digest: str,
    segments: Sequence[Segment],
    gains: Sequence[Gain],
    calibration: Mapping[str, Sequence[Mapping[str, float]]],
    importances: Sequence[Importance],
) -> dict[str, Any]:
    """Everything that a card says, as plain JSON values.

    Parameters
    ----------
    company, config
        Name and file of the configuration.
    bundle
        The model that ships.
    metrics
        The target's part of ``metrics.json``.
    verdict
        What became of it when it was trained.
    parts, digest
        The rows by what they were for, and sha256 of the whole training set.
    segments, gains, calibration, importances
        The figures that are not in `metrics`.
    """
    floors = metrics["baselines"]
    found: dict[str, Any] = {
        "company": company,
        "config": config,
        "target": bundle.target,
        "task": bundle.task,
        "question": words.question(bundle.spec),
        "validation": metrics["validation"],
        "version": bundle.version,
        "sha256": bundle.sha256,
        "trained_at": bundle.trained_at,
        "commit": bundle.commit,
        "verdict": {"outcome": verdict.outcome, "reason": verdict.reason},
        "data_from": bundle.data_from,
        "data_until": bundle.data_until,
        "digest": digest,
        "parts": [asdict(part) for part in parts],
        "counts": {
            key: metrics[key]
            for key in ("positives", "base_rate", "detractors", "passives", "promoters", "mean")
            if key in metrics
        },
        "protocol": words.protocol(metrics, bundle.spec),
        "features": len(bundle.catalog.names),
        "preset": dict(bundle.details.get("preset", {})),
        "rounds": list(bundle.details.get("rounds", [])),
        "floors": [floor for floor in floors if floors[floor]],
        "metrics": [
            {
                "name": name,
                "label": words.METRICS[name][0],
                "meaning": words.METRICS[name][1],
                **value,
                "floors": {floor: known.get(name) for floor, known in floors.items()},
            }
            for name, value in metrics.items()
            if name in words.METRICS
        ],
        "by_day": _by_day(metrics),
        "by_customer": metrics.get("by_customer", {}),
        "origins": metrics.get("origins", []),
        "periods": metrics.get("periods", []),
        "campaign": campaign_words.campaign(metrics),
        "uplift": campaign_words.uplift(metrics),
        "data_size": words.data_size(metrics),
        "calibration": {name: list(curve) for name, curve in calibration.items()},
        "gains": [gain.to_dict() for gain in gains],
        "segments": [{**segment.to_dict(), "surely_off": segment.surely_off} for segment in segments],
        "least_rows": SEGMENT_ROWS,
        "importances": [asdict(item) for item in importances],
        "left_out": [{"name": name, "reason": reason} for name, reason in bundle.dropped.items()],
        "dropped_rows": {reason: count for reason, count in metrics.get("dropped_rows", {}).items() if count},
        "not_for": list(words.NOT_FOR),
        "rollback": f"moments models {config} rollback --target {bundle.target}",
    }
    return {**found, "limits": words.limits(found)}


def _by_day(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a curve over time, each day's level and metrics, with the floors' log-loss."""
    curve = {item["day"]: item for item in metrics.get("churn_by_day", [])}
    floors = {
        floor: {item["day"]: item["log_loss"] for item in known.get("by_day", [])}
        for floor, known in metrics["baselines"].items()
    }
    return [
        {**item, **curve[item["day"]], "floors": {floor: known[item["day"]] for floor, known in floors.items()}}
        for item in metrics.get("by_day", [])
    ]


def markdown(found: Mapping[str, Any]) -> str:
    """The card as Markdown, the weightiest first; figures stand as tables."""
    return _environment().get_template("card.md.j2").render(facts=found, words=words)


def html(found: Mapping[str, Any], figures: Mapping[str, bytes]) -> str:
    """The card as a page; `figures` are PNG files by name (calibration, gain, lift, profit, qini, periods, importance, learning, data_size)."""
    style = (TEMPLATES / "card.css").read_text("utf-8")
    return (
        _environment()
        .get_template("card.html.j2")
        .render(
            facts=found,
            words=words,
            style=style,
            style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            figures={name: base64.b64encode(content).decode() for name, content in figures.items()},
        )
    )


def write(folder: Path, found: Mapping[str, Any], figures: Mapping[str, bytes]) -> None:
    """Write both renderings into a folder: beside a bundle they lie outside its digest."""
    (folder / PAGE).write_text(html(found, figures), "utf-8")
    (folder / TEXT).write_text(markdown(found), "utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["zip"] = zip
    return made
