from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from configs.settings import Settings
from drivers.report.page import write_report
from tests.drivers.report.samples import (
    EVERY_LANGUAGE,
    NOW,
    Make,
    churn_target,
    flat_target,
    key,
    metrics,
    nps_target,
    null_target,
)

VOID = {"meta", "line", "circle", "rect", "path", "br"}
LOADING = {
    "script",
    "link",
    "img",
    "iframe",
    "object",
    "embed",
    "video",
    "audio",
    "source",
    "base",
    "form",
    "use",
    "image",
}


class Page(HTMLParser):
    """What a page is made of: tags, attributes, text, and the numbers behind `data` per table row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.numbers: dict[str, list[float]] = {}
        self.row = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a tag, and the number of a `data` in a named row."""
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.row = str(named.get("data-driver") or named.get("data-metric") or named.get("data-control") or "")
        if tag == "data" and self.row:
            self.numbers.setdefault(self.row, []).append(float(str(named["value"])))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Tags close in order."""
        assert self.open.pop() == tag
        if tag == "tr":
            self.row = ""

    def handle_data(self, data: str) -> None:
        """Remember what is read, not the style sheet."""
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join(" ".join(self.words).split())


def read(settings: Settings, name: str = "report.html") -> str:
    return (settings.output / name).read_text(encoding="utf-8")


def made(settings: Settings, name: str = "report.html") -> Page:
    write_report(settings, generated_at=NOW)
    return Page(read(settings, name))


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [] if value is None or isinstance(value, bool | str) else [float(value)]


def test_one_language_makes_one_file(make: Make) -> None:
    """A single language writes report.html alone."""
    settings = make({"nps": nps_target()})
    assert [path.name for path in write_report(settings, generated_at=NOW)] == ["report.html"]


def test_several_languages_make_one_file_each(full: Settings) -> None:
    """report.html is in the first language, and each language has its own file; nothing unfinished is left behind."""
    names = [path.name for path in write_report(full, generated_at=NOW)]
    assert names == ["report.html", *(f"report.{language}.html" for language in EVERY_LANGUAGE)]
    assert read(full) == read(full, "report.en.html")
    assert not list(full.output.glob("*.part"))


def test_the_same_facts_make_the_same_page(full: Settings) -> None:
    """Pages are made of facts and the time that was handed in, and of nothing else."""
    write_report(full, generated_at=NOW)
    first = read(full, "report.ar.html")
    write_report(full, generated_at=NOW)
    assert read(full, "report.ar.html") == first


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_nothing_is_loaded(full: Settings, language: str) -> None:
    """No address, no script, no foreign style: the page's own policy forbids what it does not need."""
    text = read_after(full, f"report.{language}.html")
    page = Page(text)
    assert not re.search(r"https?:|//|url\(|@import", text.replace("<!doctype html>", ""))
    assert LOADING.isdisjoint(tag for tag, _ in page.tags)
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not any(name == "style" or name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert len(text.encode()) < 500_000


def read_after(settings: Settings, name: str) -> str:
    write_report(settings, generated_at=NOW)
    return read(settings, name)


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_page_is_well_built(full: Settings, language: str) -> None:
    """Every tag is closed, ids are unique and links lead to them, headings go down one step at a time, charts have names."""
    page = made(full, f"report.{language}.html")
    assert page.open == []
    html = next(attrs for tag, attrs in page.tags if tag == "html")
    assert html == {"lang": language, "dir": "rtl" if language in {"he", "ar"} else "ltr"}
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    links = [str(attrs["href"]) for tag, attrs in page.tags if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert levels.count(1) == 1
    assert {"header", "main", "footer", "nav"} <= {tag for tag, _ in page.tags}
    assert all(attrs.get("aria-label") for _, attrs in page.tags if attrs.get("role") in {"img", "region"})


def test_every_chart_has_a_caption_and_a_table(full: Settings) -> None:
    """Each figure opens with a sentence and holds its numbers as a table."""
    text = read_after(full, "report.html")
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) == 9
    for figure in figures:
        assert figure.index("<figcaption>") < figure.index("<svg")
        assert "<details>" in figure
        assert "<caption>" in figure


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_numbers_are_those_of_the_analysis(full: Settings, language: str) -> None:
    """Every number behind a row of a table stands in drivers.json or metrics.json, and every driver's is there."""
    page = made(full, f"report.{language}.html")
    drivers = json.loads((full.output / "drivers.json").read_text("utf-8"))["targets"]
    measured = json.loads((full.output / "metrics.json").read_text("utf-8"))
    for name in {entry["touchpoint"] for target in drivers.values() for entry in target["drivers"]}:
        entries = [entry for target in drivers.values() for entry in target["drivers"] if entry["touchpoint"] == name]
        allowed = {number for entry in entries for number in numbers(entry)}
        assert set(page.numbers.get(name, [])) <= allowed
        for entry in entries:
            if entry["status"] != "excluded_late":
                keys = ("strength", "share", "rank", "reach", "depth", "slope", "p_value", "q_value")
                wanted = {number for item in keys for number in numbers(entry[item])}
                assert wanted <= set(page.numbers[name])
    for target, content in measured.items():
        for metric, value in content.items():
            if isinstance(value, dict) and "value" in value:
                beside = {scores[metric] for scores in content["baselines"].values() if metric in scores}
                assert set(page.numbers[f"{target}.{metric}"]) == set(value.values()) | beside


def test_shown_numbers_are_the_exact_ones_rounded(full: Settings) -> None:
    """The text of a number is its value, rounded."""
    text = read_after(full, "report.html")
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', text)
    assert len(shown) > 150
    for exact, words in shown:
        plain = words.replace(",", "").replace("\u200e", "").strip()
        if plain.startswith("&lt;"):
            assert float(exact) < 0.001
        elif plain.endswith("%"):
            assert float(plain[:-1]) == pytest.approx(100 * float(exact), abs=0.0501)
        else:
            digits = len(plain.partition(".")[2])
            assert float(plain) == pytest.approx(float(exact), abs=0.501 * 10**-digits)


def test_sentences_come_before_charts(full: Settings) -> None:
    """The page opens with words: the summary stands before the first picture of data."""
    text = read_after(full, "report.html")
    assert text.index("In plain words") < text.index("<figure>")
    assert "confirmed as key drivers: <bdi>Support call</bdi>" in text


def test_names_are_the_company_s_own(full: Settings) -> None:
    """Touchpoints carry the configuration's labels in each language."""
    write_report(full, generated_at=NOW)
    for language, label in zip(
        EVERY_LANGUAGE, ("Billing error", "טעות בחשבונית", "خطأ في الفاتورة", "Ошибка в счёте"), strict=True
    ):
        assert label in read(full, f"report.{language}.html")


def test_no_model_is_said_in_words(make: Make) -> None:
    """Without metrics the page says what to run; with some it names the target that has none."""
    page = made(make({"nps": nps_target()}))
    assert "No model has been trained yet: run “moments train”." in page.text
    partly = made(make({"nps": nps_target()}, metrics={"churn": metrics()["churn"]}))
    assert "NPS (recommendation) : no model has been trained yet" in partly.text.replace(
        "recommendation):", "recommendation) :"
    )


def test_nothing_found_is_said_on_the_page(make: Make) -> None:
    """A null world gives a page that says so and ranks nothing."""
    text = read_after(make({"nps": null_target()}), "report.html")
    assert "Nothing was found" in text
    assert 'class="rank"' not in text
    assert "are confirmed as key drivers" not in text


def test_a_flat_table_shows_circumstances_only(make: Make) -> None:
    """No touchpoints, no map, but the customers' circumstances."""
    page = made(make({"churn": flat_target()}))
    assert "no dates in this table" in page.text
    assert "The customers’ circumstances" in page.text
    assert "How many meet it" not in page.text


def test_the_late_are_on_the_page_but_not_in_its_charts(full: Settings) -> None:
    """What the timing gate left out is named with its reason and drawn nowhere."""
    text = read_after(full, "report.html")
    assert "Retention desk" in text
    assert 'data-driver="retention_desk"' not in text
    assert text.count("close to an outcome") == 2
    assert text.index("happens after the outcome, not before it") < text.index("<figure>")


def test_text_from_the_data_stays_text(make: Make) -> None:
    """Markup in names, units, findings and the company's own name is shown, never run."""
    evil = "<script>alert(1)</script>\"'&{n}"
    hostile = key(evil, 1, (1, 1), stage=evil, department=evil, moment_of_truth=True, moment="break")
    hostile["knee"] = {"measure": evil, "unit": evil, "value": 1.0, "low": 0.5, "high": 2.0}
    hostile["dimensions"] = [{"dimension": evil, "share": 1.0}]
    findings = {"findings": [{"level": evil, "table": evil, "column": evil, "rows": 1, "message": evil, "next": evil}]}
    target = churn_target() | {"claim": evil, "drivers": [hostile, hostile | {"status": "excluded_late"}]}
    settings = make({"churn": target}, findings=findings, name=evil)
    page = made(settings)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.open == []
    assert evil in page.text


def test_a_target_that_is_gone_still_renders(make: Make) -> None:
    """A drivers.json of an older configuration may hold a target that the settings no longer know."""
    page = made(make({"old_nps": nps_target()}))
    assert "Old nps" in page.text


def test_progress_is_told(make: Make) -> None:
    """Whoever waits hears which file is being written, up to the end."""
    told: list[tuple[str, float]] = []
    settings = make({"nps": nps_target()}, languages=["ru", "he"])
    write_report(settings, generated_at=NOW, progress=lambda message, fraction: told.append((message, fraction)))
    assert told[0] == ("report.html", 0.0)
    assert told[-1][1] == 1.0
