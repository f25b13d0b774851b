"""The page of a look at the models: `monitor.html` and `monitor.<language>.html`, single files that load nothing.

Facts are those of ``monitor.json``; nothing is computed here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from configs.settings import Settings
from drivers.report import monitor_sentences as known
from drivers.report.facts import Kind
from drivers.report.labels import Labels
from drivers.report.monitor_sentences import MonitorSentences
from drivers.report.page import TEMPLATES, data_of, environment, write_page
from drivers.report.words import NAMES, Words

PAGE: Final = "monitor.html"
SHOWN: Final = 25
"""Features in a table: those that moved, then the ones that matter most to the model."""
_KINDS: Final[dict[str, Kind]] = {"binary": "churn", "ordinal": "nps", "amount": "value"}


def told(reason: Mapping[str, Any], task: str) -> str:
    """A reason or a limit in plain English."""
    sentence = MonitorSentences(Words("en")).reason(reason["code"], reason["figures"], task)
    return str(sentence.striptags())


def write_pages(settings: Settings, content: dict[str, Any], *, generated_at: datetime) -> list[Path]:
    """Write the page under `settings.output`, once per language of the settings.

    Parameters
    ----------
    settings
        Which languages are wanted; the first is that of monitor.html.
    content
        The content of ``monitor.json``.
    generated_at
        The time to print on the page, UTC.
    """
    languages = settings.languages
    several = languages if len(languages) > 1 else []
    names = [(PAGE, languages[0]), *((f"monitor.{language}.html", language) for language in several)]
    return [
        write_page(settings.output / name, render(settings, content, language, generated_at))
        for name, language in names
    ]


def render(settings: Settings, content: dict[str, Any], language: str, generated_at: datetime) -> str:
    """The page in one language."""
    words = Words(language)
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    kinds = {name: _KINDS[facts["task"]] for name, facts in content["targets"].items()}
    context: dict[str, Any] = {
        "content": content,
        "words": words,
        "labels": Labels(words, settings.journey, kinds),
        "sentences": MonitorSentences(words),
        "known": known,
        "shown": SHOWN,
        "say": words.say,
        "data": lambda value, kind: data_of(words, value, kind),
        "style": Markup(style),  # noqa: S704 - our own file
        "style_digest": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "languages": [(item, NAMES[item]) for item in settings.languages],
        "generated_at": generated_at,
    }
    return environment().get_template("monitor.html.j2").render(context)
