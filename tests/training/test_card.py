"""The model card: one set of facts, two renderings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.test_bundle import bundle_of
from training import card
from training.card_words import METRICS, brief, cell, limits, protocol, question
from training.curves import Gain
from training.gate import Verdict
from training.importance import Part as Importance
from training.left_out import CONSTANT, DATE_ONLY, SAME_AS
from training.parts import Part
from training.segments import Segment

NOTHING = {"value": None, "low": None, "high": None}
INNER = {"folds": 2, "repeats": 1, "rolling": True, "losses": {}}
METRICS_FOUND: dict[str, Any] = {
    "validation": "out_of_time",
    "test_as_of": ["2025-03-01T00:00:00Z", "2025-04-01T00:00:00Z"],
    "n_train": 90,
    "n_test": 90,
    "customers": 45,
    "positives": 40,
    "base_rate": 0.3,
    "auc": {"value": 0.81234, "low": 0.79, "high": 0.83},
    "rps": NOTHING,
    "calibration_in_the_large": {"value": 0.05, "low": 0.02, "high": 0.08},
    "baselines": {"prior": {"auc": 0.5}, "logistic": {"auc": 0.8}},
    "inner": INNER,
    "periods": [
        {"period": "2025-03-01T00:00:00Z", "rows": 45, "predicted": 0.3, "observed": 0.2},
        {"period": "2025-04-01T00:00:00Z", "rows": 45, "predicted": 0.3, "observed": 0.31},
    ],
    "by_customer": {
        "seen": {"n": 80, "auc": {"value": 0.8, "low": 0.7, "high": 0.9}},
        "unseen": {"n": 10, "auc": NOTHING},
    },
    "origins": [
        {
            "as_of": "2024-12-01T00:00:00Z",
            "taught": 60,
            "n": 30,
            "auc": {"value": 0.78, "low": 0.7, "high": 0.85},
            "predicted": 0.3,
            "observed": 0.25,
        }
    ],
    "dropped_rows": {"censored": 12, "left_during_lead": 0},
}
GROUP = Segment(
    "region", "no|rth <b>", 300, 200, 0.2, 0.3, {"value": 0.1, "low": 0.05, "high": 0.15}, NOTHING, NOTHING, 0.2
)


def facts(**changes: Any) -> dict[str, Any]:
    bundle, _ = bundle_of("binary")
    given: dict[str, Any] = {
        "company": "A & B <i>",
        "config": "made.yaml",
        "bundle": replace(bundle, details={"preset": {"leaves": 8}, "rounds": [90]}, sha256="e" * 64),
        "metrics": METRICS_FOUND,
        "verdict": Verdict("first", "there is no champion yet", {}),
        "parts": (Part("training", 90, 45, "2024-01-01T00:00:00Z", "2024-12-01T00:00:00Z", "f" * 64),),
        "digest": "d" * 64,
        "segments": (GROUP,),
        "gains": (Gain("churn", (0.0, 0.5, 1.0), (0.0, 0.8, 1.0), (0.0, 1.0, 1.0), (1.6, 1.0)),),
        "calibration": {"churn": [{"predicted": 0.1, "observed": 0.2, "rows": 9}]},
        "importances": (Importance("support_call", 3, 0.4, 1.0),),
    }
    return card.facts(**{**given, **changes})


def test_the_card_says_on_what_the_model_was_judged() -> None:
    """Question, protocol in words, each metric with its interval beside the floors, periods, groups, parts, the way back."""
    text = card.markdown(facts())
    assert text.startswith("# Model card: churn of A &amp; B &lt;i>")
    assert "The probability that the column 'left' of a customer says 'yes'." in text
    assert "Judged on the newest rows, from 2025-03-01 to 2025-04-01, which were touched once." in text
    assert "| Area under the ROC curve | 0.8123 | 0.79 to 0.83 | 0.5 | 0.8 |" in text
    assert "| Ranked probability score |  |  |  |  |" in text
    assert "| training | 90 | 45 | 2024-01-01 | 2024-12-01 | ffffffffffffffff |" in text
    assert "- 12 rows left out: censored" in text
    assert "| 2025-03-01 | 45 | 0.3 | 0.2 |" in text
    assert "| 50.0 % | 80.0 % | 1.6 |" in text
    assert "- unseen: 10 rows, auc unknown" in text
    assert "`moments models made.yaml rollback --target churn`" in text
    assert "Risk is not persuadability" in text
    assert re.search(r"\n{3,}", text) is None


def test_the_card_names_what_was_left_out() -> None:
    """Each feature that the model does without is on both cards, with its reason."""
    assert card.markdown(facts()).endswith("## Columns left out\n\nNone.\n")
    dropped = {"gone": CONSTANT, "copy": f"{SAME_AS}n1", "level": DATE_ONLY}
    bundle, _ = bundle_of("binary")
    found = facts(bundle=replace(bundle, dropped=dropped))
    assert "- copy: same as n1\n- level: same for all customers of a date\n" in card.markdown(found)
    assert '<th scope="row">copy</th><td>same as n1</td>' in card.html(found, {})


def test_names_of_the_company_are_no_markup() -> None:
    """A category with a bar, a tag or a line of its own breaks neither a table nor the page."""
    found = facts()
    assert "| region | no\\|rth &lt;b> | 300 |" in card.markdown(found)
    page = card.html(found, {})
    assert "no|rth &lt;b&gt;" in page
    assert "A &amp; B &lt;i&gt;" in page
    assert cell("a\n## b`c`\\") == "a ## b'c'\\\\"


def test_the_page_loads_nothing() -> None:
    """Figures are inside, its own policy forbids the rest, and each figure says in words what it shows."""
    page = card.html(facts(), {"calibration": b"png", "gain": b"png"})
    assert page.count('<img src="data:image/png;base64,cG5n" alt="') == 2
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in page
    assert re.findall(r"(?:src|href)=\"(?!data:|#)", page) == []
    assert "url(" not in page
    assert "<script" not in page
    assert page.count("<section") == page.count("</section>")


def test_limits_come_from_the_figures() -> None:
    """Few positives, a level that is off, the worst period and the groups that are off are said."""
    told = " ".join(limits(facts()))
    assert "Only 40" in told
    assert "The predicted level was too high" in told
    assert "the largest miss was 2025-03-01, predicted 0.3, observed 0.2" in told
    assert "Of 1 groups of customers, 1 has" in told
    assert "region = no|rth <b>" in told
    flat = {**METRICS_FOUND, "validation": "repeated_stratified_folds", "periods": [], "by_customer": {}}
    assert "not judged on a later period" in " ".join(limits(facts(metrics=flat)))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"kind": "cancellation", "horizon_days": 90, "lead_days": 14},
            "in the 90 days after the moment of asking, not counting",
        ),
        ({"kind": "inactivity", "horizon_days": 60, "active_within_days": 180}, "was active in the 180 days before"),
        ({"kind": "survey", "metric": "nps"}, "a detractor (0 to 6)"),
        ({"kind": "spend", "horizon_days": 365}, "money that a customer spends"),
        ({"kind": "column", "column": "left", "positive": "yes"}, "column 'left'"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_every_kind_of_target_is_put_into_words(spec: dict[str, Any], words: str) -> None:
    """The question is a sentence that names the horizon."""
    assert words in question({"lead_days": 0, **spec})


def test_the_protocol_names_purge_and_folds() -> None:
    """Rolling origins with their embargo, or folds that say nothing of a later period."""
    windowed = " ".join(protocol(METRICS_FOUND, {"horizon_days": 90, "lead_days": 10}))
    assert "100 days before the first judged date are left out (purge and embargo" in windowed
    assert "on 2 rolling origins" in windowed
    flat = " ".join(protocol({"validation": "grouped_folds", "inner": {**INNER, "folds": 6, "repeats": 2}}, {}))
    assert "folds of whole customers" in flat
    assert "3 folds, 2 times" in flat


def test_a_description_keeps_whole_sections() -> None:
    """What is too long for a description ends between two sections and says where the rest is."""
    page = card.markdown(facts())
    assert brief(page, 100_000) == page
    short = brief(page, 1500)
    assert len(short) <= 1500
    assert "## How good it is" in short
    assert short.endswith("The whole card is among the run's artefacts: card.html, card.md.\n")
    assert len(brief("x" * 9000, 5000)) <= 5000


def test_both_renderings_lie_beside_the_bundle(tmp_path: Path) -> None:
    """Writing gives a page and a text."""
    card.write(tmp_path, facts(), {})
    assert {item.name for item in tmp_path.iterdir()} == {"card.html", "card.md"}
    assert all(name in METRICS for name in ("auc", "rps", "mae"))


def test_the_form_that_answers_is_named_with_what_each_scored() -> None:
    """Where a question can be asked in two ways, the reader sees which one answers and by how much it was better."""
    inner = {**INNER, "form": "cumulative_link", "forms": {"cumulative_binaries": 0.1201, "cumulative_link": 0.1197}}
    told = " ".join(protocol({**METRICS_FOUND, "inner": inner}, {}))
    assert "one score with two thresholds (proportional odds) answers" in told
    assert "0.1201" in told
    assert "answers: the lowest" not in " ".join(protocol({**METRICS_FOUND, "inner": {**INNER, "forms": {}}}, {}))
