"""The page: facts to `report.html` and `report.<language>.html`, each a single file that loads nothing from anywhere.

Styles and charts are inside the page, fonts are the system's, and its own security policy forbids everything else. Writing
is atomic: a reader sees the old report or the new one, never half of one.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from configs.settings import Settings
from drivers.report import charts
from drivers.report import labels as known
from drivers.report.adjusted_sentences import AdjustedSentences
from drivers.report.answer_sentences import AnswerSentences
from drivers.report.audit_sentences import AuditSentences
from drivers.report.facts import Analysis, Facts
from drivers.report.group_sentences import GroupSentences
from drivers.report.journey_sentences import JourneySentences
from drivers.report.labels import Labels
from drivers.report.model_sentences import ModelSentences
from drivers.report.pilot_sentences import PilotSentences
from drivers.report.reading import gather
from drivers.report.sentences import Sentences
from drivers.report.words import NAMES, Words

TEMPLATES: Final = Path(__file__).with_name("templates")
REPORT: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Pictures:
    """The charts of one target; each is ``None`` when there is nothing to draw."""

    analysis: Analysis
    forest: charts.Forest | None
    maps: tuple[charts.Map, ...]
    shapes: tuple[charts.Scale, tuple[charts.Bar, ...]] | None
    controls: charts.Forest | None


def write_report(
    settings: Settings, *, generated_at: datetime, progress: Callable[[str, float], None] | None = None
) -> list[Path]:
    """Write the report under `settings.output`, once per language of the settings.

    Parameters
    ----------
    settings
        Says where the files are, how touchpoints are called, and which languages are wanted; the first is that of report.html.
    generated_at
        The time to print on the page, UTC.
    progress
        Told the file being written and the fraction done.

    Returns
    -------
    list of Path
        report.html, then report.<language>.html for each language when there are several.

    Raises
    ------
    NotReadyError
        When drivers.json is not there yet.
    DataError
        When a file is damaged.
    """
    facts = gather(settings, generated_at=generated_at)
    languages = settings.languages
    several = len(languages) > 1
    names = [(REPORT, languages[0]), *((f"report.{language}.html", language) for language in languages if several)]
    written = []
    for done, (name, language) in enumerate(names):
        if progress is not None:
            progress(name, done / len(names))
        written.append(write_page(settings.output / name, render(settings, facts, language)))
    if progress is not None:
        progress(names[-1][0], 1.0)
    return written


def render(settings: Settings, facts: Facts, language: str) -> str:
    """The page in one language."""
    words = Words(language)
    labels = Labels(words, settings.journey, dict(facts.kinds))
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    context: dict[str, Any] = {
        "facts": facts,
        "words": words,
        "labels": labels,
        "sentences": Sentences(words, labels),
        "models": ModelSentences(words, labels),
        "adjusting": AdjustedSentences(words, labels),
        "answering": AnswerSentences(words, labels),
        "piloting": PilotSentences(words, labels),
        "auditing": AuditSentences(words, labels),
        "journeys": JourneySentences(words, labels),
        "grouping": GroupSentences(words, labels),
        "known": known,
        "say": words.say,
        "count": words.count,
        "data": lambda value, kind: data_of(words, value, kind),
        "style": Markup(style),  # noqa: S704 - our own file
        "style_digest": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "languages": [(item, NAMES[item]) for item in settings.languages],
        "pictures": [_pictures(analysis, labels) for analysis in facts.analyses],
        "calibration": charts.calibration,
    }
    return environment().get_template("report.html.j2").render(context)


@cache
def environment() -> Environment:
    """Where templates are found, with everything escaped."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _pictures(analysis: Analysis, labels: Labels) -> Pictures:
    names = {driver.name: labels.plain_touchpoint(driver.name) for driver in analysis.drivers}
    maps = (charts.reach_and_depth(analysis, names, frame) for frame in (charts.WIDE, charts.NARROW))
    return Pictures(
        analysis,
        charts.forest(analysis),
        tuple(item for item in maps if item is not None),
        charts.shapes(analysis),
        charts.forest_of_controls(analysis),
    )


def data_of(words: Words, value: float | None, kind: str) -> Markup:
    """A number as people read it, with the exact one behind it; a dash where there is none."""
    if value is None:
        return Markup("<span aria-hidden='true'>–</span>")
    return Markup('<data value="{}">{}</data>').format(repr(value), words.figure(value, kind))


def write_page(path: Path, text: str) -> Path:
    """Write a page so that a reader sees the old one or the new one; returns the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return path
