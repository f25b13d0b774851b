from __future__ import annotations

import json
import re
from typing import Any

import pytest

from drivers.report.monitor import PAGE, told, write_pages
from drivers.report.monitor_sentences import _SENTENCES
from tests.drivers.report.samples import EVERY_LANGUAGE, NOW, Make, interval
from tests.drivers.report.test_page import LOADING, Page

FIGURES: dict[str, Any] = {
    "realised": 0.31,
    "promised": 0.28,
    "excess": 0.02,
    "advantage": -0.02,
    "low": 0.01,
    "high": 0.03,
    "predicted": 0.1,
    "observed": 0.14,
    "gain": 0.008,
    "psi": 0.12,
    "critical": 0.03,
    "column": "touchpoints.channel",
    "share": 0.04,
    "values": ["<app>", "kiosk"],
    "names": ["support_call__wait__mean_90d"],
    "moved": 3,
    "tested": 120,
    "data_until": "2025-03-01T00:00:00Z",
    "first": "2025-06-01T00:00:00Z",
    "trained_at": "",
    "rows": 40,
    "least": 100,
}
CODES = sorted({*_SENTENCES, "features"})


def reason(code: str) -> dict[str, Any]:
    return {"code": code, "figures": FIGURES}


def content() -> dict[str, Any]:
    """What a look at three models would have written, with every reason and limit."""
    measures = {
        name: interval(0.3, 0.28, 0.32)
        for name in (
            "loss",
            "expected",
            "unmended",
            "level_gain",
            "levelled_advantage",
            "auc",
            "lift_at_10",
            "observed",
        )
    }
    realised = {
        "as_of": ["2025-03-01T00:00:00Z", "2025-05-01T00:00:00Z"],
        "rows": 3000,
        "customers": 1000,
        "measures": measures,
        "promised": measures,
        "by_contact": [{"value": "1", "rows": 10, "predicted": 0.1, "observed": 0.12}],
    }
    period = {
        "as_of": "2025-03-01T00:00:00Z",
        "rows": 1000,
        "features_moved": 2,
        "score_psi": 0.01,
        "score_critical": 0.02,
        "announced": {"predicted": 0.1, "loss": interval(0.3, 0.2, 0.4)},
        "realised": measures,
    }
    feature = {
        "feature": "support_call__wait__mean_90d",
        "moved": True,
        "weight": 0.2,
        "psi": 0.3,
        "critical": 0.02,
        "usual": 0.0,
        "nulls_before": 0.1,
        "nulls": 0.2,
    }
    full = {
        "task": "binary",
        "verdict": "retrain",
        "reference": {"rows": 900, "customers": 900, "first": "2025-01-01T00:00:00Z", "last": "2025-01-01T00:00:00Z"},
        "current": {"as_of": ["2025-05-01T00:00:00Z"], "rows": 1000, "customers": 1000},
        "realised": realised,
        "features": {"list": [feature]},
        "periods": [period],
        "reasons": [reason(code) for code in CODES],
        "limits": [reason("contact")],
    }
    bare = {
        "reference": None,
        "current": None,
        "realised": None,
        "features": None,
        "periods": [{**period, "as_of": None, "announced": None, "realised": None, "features_moved": None}],
        "reasons": [],
        "limits": [reason("no_baseline")],
    }
    return {
        "name": "Acme & Sons",
        "as_of": "2025-06-01T00:00:00Z",
        "untrained": ["other"],
        "targets": {
            "churn": full,
            "nps": {**bare, "task": "ordinal", "verdict": "keep"},
            "value": {**bare, "task": "amount", "verdict": "watch"},
        },
    }


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("task", ["binary", "ordinal", "amount"])
def test_every_reason_is_a_sentence(code: str, task: str) -> None:
    """In plain English for the terminal and the JSON file: no place left open, no mark-up, a full stop."""
    text = told(reason(code), task)
    assert not re.search(r"[{}]|</|&\w+;", text)
    assert text.endswith(".")


def test_values_of_the_company_are_shown_as_they_are() -> None:
    """A value with angle brackets is a value, in the text as on the page."""
    assert "<app> and kiosk" in told(reason("unseen"), "binary")


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_a_page_in_every_language_loads_nothing(make: Make, language: str) -> None:
    """Each language has its file with its direction; no address, no script, tags closed in order."""
    settings = make(languages=EVERY_LANGUAGE)
    names = [path.name for path in write_pages(settings, content(), generated_at=NOW)]
    assert names == [PAGE, *(f"monitor.{item}.html" for item in EVERY_LANGUAGE)]
    text = (settings.output / f"monitor.{language}.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not re.search(r"https?:|//|url\(|@import", text.replace("<!doctype html>", ""))
    assert LOADING.isdisjoint(tag for tag, _ in page.tags)
    assert f'dir="{"rtl" if language in {"he", "ar"} else "ltr"}"' in text
    assert not list(settings.output.glob("*.part"))


def test_one_language_makes_one_file(make: Make) -> None:
    """A single language writes monitor.html alone, and it says verdicts, reasons and limits."""
    settings = make()
    assert [path.name for path in write_pages(settings, content(), generated_at=NOW)] == [PAGE]
    text = (settings.output / PAGE).read_text(encoding="utf-8")
    page = Page(text)
    for words in ("train again", "keep the model", "keep it and watch", "What cannot be told", "other"):
        assert words in page.text
    assert "Acme &amp; Sons" in text
    assert "<app>" not in text


def test_the_page_is_made_of_the_facts(make: Make) -> None:
    """What stands in JSON is enough: facts that were written and read again give the same page."""
    settings = make()
    write_pages(settings, content(), generated_at=NOW)
    first = (settings.output / PAGE).read_text(encoding="utf-8")
    write_pages(settings, json.loads(json.dumps(content())), generated_at=NOW)
    assert (settings.output / PAGE).read_text(encoding="utf-8") == first
