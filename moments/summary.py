"""The short summary after a run: headline metrics, top drivers with intervals, where the report is, what to try next.

`facts` gathers them from the files under the output; `lines` renders them. Figures come from `metrics.json` and
`drivers.json`, nothing is computed here.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from configs.settings import Settings

HEADLINES: Final[dict[str, tuple[str, str]]] = {
    "auc": ("AUC", "higher"),
    "concordance": ("concordance", "higher"),
    "ibs": ("integrated Brier score", "lower"),
    "average_precision": ("average precision", "higher"),
    "log_loss": ("log-loss", "lower"),
    "ece": ("calibration error", "lower"),
    "lift_at_10": ("lift in the top tenth", "higher"),
    "rps": ("ranked probability score", "lower"),
    "qwk": ("quadratic weighted kappa", "higher"),
    "nps_points_error": ("error of the NPS, points", "lower"),
    "spearman": ("rank correlation", "higher"),
    "mae": ("mean absolute error", "lower"),
}
"""Metrics that the summary shows, in this order, and which side is better."""

DRIVERS: Final = 5
"""Drivers shown per target."""


def facts(settings: Settings) -> dict[str, Any]:
    """Headline metrics, top drivers, files and the next command; what has not been made is absent."""
    metrics = _read(settings.output / "metrics.json")
    drivers = _read(settings.output / "drivers.json").get("targets", {})
    found: dict[str, Any] = {
        "metrics": {name: _headline(content) for name, content in metrics.items()},
        "drivers": {name: _top(content) for name, content in drivers.items()},
    }
    report = settings.output / "report.html"
    if report.is_file():
        found["report"] = str(report)
    found["next"] = f"{command()} serve {shown(settings.source)}"
    return found


def render(found: dict[str, Any]) -> list[RenderableType]:
    """The facts as things that a console can print."""
    parts: list[RenderableType] = []
    for name, content in found.get("metrics", {}).items():
        parts += [Text(), Text(f"How good is {name}? ({_validation(content)})", style="bold"), _metrics_table(content)]
    for name, content in found.get("drivers", {}).items():
        caution = "; the order holds, the intervals are indicative" if content["intervals"] == "indicative" else ""
        title = f"What drives {name}? ({content['claim']}, {content['unit']}{caution})"
        parts += [
            Text(),
            Text(title, style="bold"),
            _drivers_table(content) if content["top"] else Text("  " + content["none"]),
        ]
        if content["excluded_late"]:
            parts.append(Text(f"  left out, they follow the outcome: {', '.join(content['excluded_late'])}"))
    if "report" in found:
        parts += [Text(), Text.assemble(("Report  ", "bold"), shown(Path(found["report"])))]
    if "next" in found:
        parts.append(Text.assemble(("Next    ", "bold"), found["next"]))
    return parts


def command() -> str:
    """How the reader can call us: `moments` where that is found, else the path we were called by."""
    called = Path(sys.argv[0])
    if shutil.which("moments") or called.name != "moments":
        return "moments"
    return shown(called)


def shown(path: Path) -> str:
    """A path as short as it can be written from the working folder."""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def _headline(content: dict[str, Any]) -> dict[str, Any]:
    kept = {key: content[key] for key in HEADLINES if content.get(key, {}).get("value") is not None}
    about: dict[str, Any] = {
        key: content[key] for key in ("validation", "n_train", "n_test", "baselines") if key in content
    }
    return {**about, "metrics": kept}


def _top(content: dict[str, Any]) -> dict[str, Any]:
    # A flat table has no touchpoints: what is known of its customers is all there is to tell.
    told = content["drivers"] or content.get("controls", [])
    ranked = sorted(
        told, key=lambda item: (item["rank"] or 10_000, -((item.get("strength") or {}).get("value") or 0.0))
    )
    keys = [item for item in ranked if item["status"] == "key_driver"][:DRIVERS]
    fields = ("touchpoint", "rank", "strength", "share", "reach", "depth", "shape", "moment_of_truth", "moment")
    candidates = [item["touchpoint"] for item in ranked if item["status"] == "candidate"]
    return {
        "unit": content.get("unit", ""),
        "claim": content.get("claim", "association"),
        "intervals": content.get("intervals", "nominal"),
        "top": [{key: item.get(key) for key in fields} for item in keys],
        "excluded_late": [item["touchpoint"] for item in content["drivers"] if item["status"] == "excluded_late"],
        "none": ("no touchpoint" if content["drivers"] else "nothing known of customers")
        + " can be told from noise"
        + (f"; candidates: {', '.join(candidates[:DRIVERS])}" if candidates else ""),
    }


def _validation(content: dict[str, Any]) -> str:
    kind = str(content.get("validation", "")).replace("_", " ")
    counts = [
        f"{content[key]:,} {word} rows" for key, word in (("n_train", "training"), ("n_test", "test")) if key in content
    ]
    return ", ".join([part for part in [kind, *counts] if part])


def _metrics_table(content: dict[str, Any]) -> Table:
    table = _table("metric", "value", "95 % interval", "baselines")
    for key, value in content["metrics"].items():
        rivals = [
            f"{name} {rival[key]:.3f}"
            for name, rival in content.get("baselines", {}).items()
            if _number(rival.get(key))
        ]
        table.add_row(HEADLINES[key][0], f"{value['value']:.3f}", _interval(value, 3), ", ".join(rivals))
    return table


def _drivers_table(content: dict[str, Any]) -> Table:
    table = _table("driver", "strength", "95 % interval", "share", "reach", "moment of truth")
    for item in content["top"]:
        strength, reach = item["strength"] or {}, item["reach"] or {}
        table.add_row(
            f"{item['rank']}. {item['touchpoint']}" if item["rank"] else str(item["touchpoint"]),
            _figure(strength.get("value"), 2),
            _interval(strength, 2),
            _percent(item["share"]),
            _percent(reach.get("value")),
            item["moment"] or "",
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    for name in names:
        table.add_column(
            name, justify="right" if name in {"value", "strength", "share", "reach"} else "left", no_wrap=True
        )
    return table


def _number(value: object) -> bool:
    return isinstance(value, int | float)


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _interval(value: dict[str, Any], digits: int) -> str:
    low, high = value.get("low"), value.get("high")
    return "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}
