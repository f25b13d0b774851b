"""Configurations of the made-up telecom, with the files of its analysis in their output folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.settings import Settings, load
from tests.drivers.report import samples
from tests.drivers.report.samples import Make


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a configuration whose output folder holds the files given."""

    def build(
        targets: dict[str, Any] | None = None,
        *,
        languages: list[str] | None = None,
        metrics: dict[str, Any] | None = None,
        findings: dict[str, Any] | None = None,
        scores: bool = False,
        **more: Any,
    ) -> Settings:
        content = {
            "name": "Acme Telecom",
            "data": {
                "tables": {
                    "customers": {"path": "customers.csv"},
                    "touchpoints": {
                        "path": "touchpoints.parquet",
                        "measures": {
                            "wait": {"column": "wait", "unit": "minutes", "effort": "time"},
                            "sentiment": {"column": "tone", "unit": "score", "effort": "emotion", "better": "higher"},
                        },
                    },
                }
            },
            "journey": {
                "support_call": {
                    "label": {"en": "Support call", "he": "שיחת שירות", "ar": "مكالمة دعم", "ru": "Звонок в поддержку"}
                },
                "billing_error": {
                    "label": {
                        "en": "Billing error",
                        "he": "טעות בחשבונית",
                        "ar": "خطأ في الفاتورة",
                        "ru": "Ошибка в счёте",
                    }
                },
            },
            "targets": {
                "nps": {"kind": "survey"},
                "churn": {"kind": "cancellation", "horizon_days": 90},
            },
            "languages": languages or ["en"],
            "output": "out",
        }
        source = tmp_path / "acme.yaml"
        source.write_text(yaml.safe_dump(content | more, allow_unicode=True), encoding="utf-8")
        settings = load(source)
        settings.output.mkdir(exist_ok=True)
        files = {
            "drivers": {"targets": targets} if targets is not None else None,
            "metrics": metrics,
            "check": findings,
        }
        for name, value in files.items():
            if value is not None:
                (settings.output / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
        if scores:
            samples.write_scores(settings.output / "scores.parquet")
        return settings

    return build


@pytest.fixture
def full(make: Make) -> Settings:
    """Everything there is, in every language."""
    return make(
        {"nps": samples.nps_target(), "churn": samples.churn_target()},
        languages=samples.EVERY_LANGUAGE,
        metrics=samples.metrics(),
        findings=samples.findings(),
        scores=True,
    )
