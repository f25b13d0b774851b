"""A made-up telecom for the report's tests: what the analysis steps would have written about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.settings import Settings

Make = Callable[..., Settings]
"""Makes a configuration from the content of its files."""

NOW = datetime(2025, 7, 2, 9, 30, tzinfo=UTC)
EVERY_LANGUAGE = ["en", "he", "ar", "ru"]


def interval(value: float, low: float, high: float) -> dict[str, float]:
    """An estimate with its limits, as the analysis writes it."""
    return {"value": value, "low": low, "high": high}


def driver(name: str, status: str = "not_distinguishable", **more: Any) -> dict[str, Any]:
    """One entry of drivers.json with every key present."""
    entry: dict[str, Any] = {
        "touchpoint": name,
        "stage": None,
        "department": None,
        "status": status,
        "strength": interval(0.31, 0.0, 0.74),
        "share": 0.011,
        "rank": None,
        "rank_low": None,
        "rank_high": None,
        "reach": interval(0.42, 0.406, 0.434),
        "depth": interval(0.66, 0.1, 1.31),
        "slope": 0.214,
        "p_value": 0.4371,
        "q_value": 0.6102,
        "refit_loss_change": {"value": 0.00011, "p_value": 0.3902},
        "asymmetry": None,
        "shape": None,
        "moment_of_truth": False,
        "moment": None,
        "knee": None,
        "dimensions": [],
    }
    return entry | more


def key(name: str, rank: int, band: tuple[int, int], **more: Any) -> dict[str, Any]:
    """A confirmed driver."""
    base: dict[str, Any] = {
        "rank": rank,
        "rank_low": band[0],
        "rank_high": band[1],
        "slope": 0.974,
        "p_value": 0.0000021,
        "q_value": 0.0000188,
        "asymmetry": interval(0.05, -0.14, 0.22),
        "shape": "linear",
        "dimensions": [{"dimension": "frequency", "share": 0.7}, {"dimension": "recency", "share": 0.3}],
    }
    return driver(name, "key_driver", **(base | more))


def nps_target() -> dict[str, Any]:
    """An NPS analysis with five key drivers, three moments of truth, a candidate, noise, and a late touchpoint."""
    return {
        "unit": "NPS points",
        "n": 4812,
        "customers": 4120,
        "as_of": "2025-06-28T17:40:00Z",
        "claim": "association",
        "gate": {"z": 14.2, "p_value": 0.0, "passed": True},
        "validation": {
            "measure": "r2",
            "value": 0.2134,
            "baseline": 0.0,
            "loss": 4100.0,
            "baseline_loss": 5212.0,
            "rounds": 90,
        },
        "sized_on": {"rows": 4812, "customers": 4120, "cases": None, "base_rate": None},
        "found_on": None,
        "drivers": [
            key(
                "support_call",
                1,
                (1, 2),
                stage="service",
                department="support",
                strength=interval(9.42, 8.31, 10.63),
                share=0.312,
                reach=interval(0.613, 0.601, 0.625),
                depth=interval(14.7, 12.9, 16.8),
                knee={"measure": "wait", "unit": "minutes", "value": 20.5, "low": 19.0, "high": 21.4},
                dimensions=[{"dimension": "wait", "share": 0.66}, {"dimension": "frequency", "share": 0.34}],
            ),
            key(
                "billing_error",
                2,
                (1, 3),
                stage="payment",
                department="billing",
                strength=interval(7.9, 6.4, 9.3),
                share=0.261,
                reach=interval(0.118, 0.109, 0.127),
                depth=interval(31.2, 25.4, 37.9),
                asymmetry=interval(-0.62, -0.78, -0.44),
                shape="breaker",
                moment_of_truth=True,
                moment="break",
            ),
            key(
                "delivery",
                3,
                (2, 4),
                stage="purchase",
                strength=interval(4.8, 3.9, 5.9),
                share=0.159,
                reach=interval(0.882, 0.87, 0.894),
                depth=interval(5.4, 4.4, 6.6),
            ),
            key(
                "surprise_gift",
                4,
                (3, 5),
                strength=interval(2.7, 1.9, 3.5),
                share=0.09,
                reach=interval(0.094, 0.086, 0.102),
                depth=interval(27.3, 21.8, 33.0),
                asymmetry=interval(0.55, 0.37, 0.71),
                shape="maker",
                moment_of_truth=True,
                moment="make",
            ),
            key(
                "contract_renewal",
                5,
                (4, 5),
                strength=interval(2.1, 1.5, 2.9),
                share=0.07,
                reach=interval(0.171, 0.16, 0.182),
                depth=interval(23.9, 19.0, 29.4),
                moment_of_truth=True,
                moment="both",
            ),
            driver("app_login", reach=interval(0.951, 0.94, 0.96), strength=interval(0.9, 0.0, 1.9)),
            driver("newsletter", reach=interval(0.44, 0.43, 0.45), depth=interval(0.7, 0.1, 1.3)),
            driver("shop_visit", "candidate", strength=interval(1.6, 0.2, 2.9), depth=interval(4.4, 1.1, 7.2)),
            driver(
                "callback_to_detractors",
                "excluded_late",
                strength=None,
                share=None,
                reach=None,
                depth=None,
                timing={"share": 0.87, "usual": 0.06},
            ),
        ],
        "controls": [
            driver("price", strength=interval(3.2, 2.1, 4.4), share=None, reach=None, depth=None),
            driver("tenure", strength=interval(1.1, 0.4, 1.9), share=None, reach=None, depth=None),
        ],
    }


def churn_target() -> dict[str, Any]:
    """A churn analysis with one key driver and a late touchpoint."""
    return {
        "unit": "percentage points of churn",
        "n": 38214,
        "customers": 3120,
        "as_of": "2025-03-01T00:00:00Z",
        "claim": "association",
        "base_rate": 0.083,
        "sized_on": {"rows": 20000, "customers": 1634, "cases": 1660, "base_rate": 0.083},
        "found_on": {"rows": 20000, "customers": 1634, "cases": 540, "base_rate": 0.027},
        "drivers": [
            key(
                "support_call",
                1,
                (1, 1),
                strength=interval(2.4, 1.7, 3.2),
                share=0.71,
                reach=interval(0.384, 0.37, 0.398),
                depth=interval(5.9, 4.1, 8.0),
                knee={"measure": "sentiment", "unit": "score", "value": -0.25, "low": -0.4, "high": -0.1},
            ),
            driver("newsletter"),
            driver("retention_desk", "excluded_late", strength=None, share=None, reach=None, depth=None),
        ],
        "controls": [driver("contract", strength=interval(4.0, 3.1, 5.0), share=None, reach=None, depth=None)],
    }


def null_target() -> dict[str, Any]:
    """A world in which nothing matters."""
    names = ("app_login", "delivery", "newsletter", "shop_visit")
    return {
        "unit": "NPS points",
        "n": 1204,
        "as_of": "2025-06-28T17:40:00Z",
        "claim": "association",
        "gate": {"z": 0.4, "p_value": 0.34, "passed": False},
        "drivers": [driver(name) for name in names],
        "controls": [],
    }


def flat_target() -> dict[str, Any]:
    """A flat churn table: no encounters, only circumstances."""
    return {
        "unit": "percentage points of churn",
        "n": 7043,
        "as_of": None,
        "claim": "association",
        "drivers": [],
        "controls": [
            driver("contract", strength=interval(8.2, 7.1, 9.4), share=None, reach=None, depth=None),
            driver("online_security", strength=interval(2.2, 1.4, 3.1), share=None, reach=None, depth=None),
        ],
    }


def metrics() -> dict[str, Any]:
    """What training writes for a churn and an NPS model."""
    return {
        "churn": {
            "validation": "out_of_time",
            "test_as_of": ["2025-03-01T00:00:00Z"],
            "n_train": 31020,
            "n_test": 2984,
            "positives": 241,
            "auc": interval(0.8412, 0.8173, 0.8633),
            "average_precision": interval(0.4121, 0.3618, 0.4644),
            "log_loss": interval(0.2213, 0.2051, 0.2387),
            "ece": interval(0.0112, 0.0064, 0.0171),
            "lift_at_10": interval(4.31, 3.72, 4.88),
            "baselines": {
                "prior": {"log_loss": 0.2862},
                "logistic": {"auc": 0.8121, "log_loss": 0.2344},
                "recency": {"auc": 0.6402},
            },
            "by_customer": {
                "seen": {
                    "n": 2700,
                    "auc": {"value": 0.8431, "low": 0.81, "high": 0.87},
                    "log_loss": {"value": 0.2199, "low": 0.2, "high": 0.24},
                },
                "unseen": {"n": 284, "auc": 0.8216, "log_loss": 0.2342},
            },
            "periods": [{"period": "2025-03-01T00:00:00Z", "rows": 2984, "predicted": 0.0791, "observed": 0.0808}],
            "dropped_rows": {"censored": 2871, "left_during_lead": 0},
            "curve": [
                {"predicted": 0.012, "observed": 0.014, "rows": 900},
                {"predicted": 0.061, "observed": 0.055, "rows": 1200},
                {"predicted": 0.213, "observed": 0.24, "rows": 600},
                {"predicted": 0.61, "observed": 0.57, "rows": 284},
            ],
        },
        "nps": {
            "validation": "out_of_time",
            "test_as_of": ["2025-02-02T10:00:00Z", "2025-06-28T17:40:00Z"],
            "n_train": 3850,
            "n_test": 962,
            "periods": [
                {"period": "2025-02", "rows": 180, "predicted": 21.3, "observed": 24.0},
                {"period": "2025-03", "rows": 201, "predicted": 20.8, "observed": 18.9},
            ],
            "rps": interval(0.1711, 0.1633, 0.1788),
            "log_loss": interval(0.8921, 0.8605, 0.9244),
            "nps_points_error": interval(1.42, 0.2, 4.33),
            "nps_points_bias": interval(-1.42, -4.1, 1.33),
            "house_metric": interval(0.5, 0.4, 0.6),
            "baselines": {
                "prior": {"rps": 0.2241, "log_loss": 1.0822},
                "logistic": {"rps": 0.1764, "log_loss": 0.9107},
            },
        },
    }


def findings() -> dict[str, Any]:
    """What the check of the data writes."""
    return {
        "findings": [
            {
                "level": "note",
                "code": "blind_spot",
                "table": "touchpoints",
                "column": None,
                "rows": 0,
                "message": "no touchpoint is known in May 2024.",
                "next": "see whether an export is missing.",
            },
            {
                "level": "warning",
                "code": "duplicates",
                "table": "surveys",
                "column": "event_id",
                "rows": 12,
                "message": "12 rows repeat an event_id and are dropped.",
                "next": "nothing, unless they are not the same event.",
            },
        ]
    }


def write_scores(path: Path) -> None:
    """Scores of four customers."""
    table = pa.table(
        {
            "customer_id": ["a", "b", "c", "d"],
            "as_of": pa.array([datetime(2025, 7, 1, tzinfo=UTC)] * 4, pa.timestamp("us", tz="UTC")),
            "churn_probability": [0.02, 0.06, 0.1, 0.42],
            "churn_band": ["low", "low", "medium", "high"],
            "nps_category": ["promoter", "passive", None, "detractor"],
            "expected_value": [100.0, 200.0, 300.0, 400.0],
            "value_at_risk": [2.0, 12.0, 30.0, 168.0],
        }
    )
    pq.write_table(table, path)


def journey() -> dict[str, Any]:
    """Answers about the whole journey: one pair, a peak, no weakest link."""
    cells = {
        "split": ["went_badly", "met"],
        "mean": [interval(1.0, 0.2, 1.8)] * 4,
        "customers": [1200, 340, 410, 92],
        "alone": interval(-31.0, -36.5, -25.5),
        "together": interval(-6.2, -14.0, 1.6),
        "difference": interval(24.8, 15.1, 34.5),
    }
    pair = {"first": "delivery", "second": "apology", "strength": interval(2.1, 1.2, 3.0), "q": 0.003, "cells": cells}
    return {
        "interactions": {"pairs": [pair], "considered": 28},
        "peak_end": {"verdict": "peak"},
        "weakest_link": {"verdict": "not_shown"},
        "consistency": {"verdict": "not_shown"},
    }


def groups() -> dict[str, Any]:
    """One driver that works differently by plan, and one that changed in a year."""
    return {
        "segments": {},
        "steps": {
            "detractor_to_passive": {"drivers": [key("outage", 1, (1, 1)), driver("bill")]},
            "passive_to_promoter": {"drivers": [driver("outage")]},
        },
        "segment_differences": [
            {
                "variable": "plan",
                "touchpoint": "support_call",
                "differs": True,
                "p_value": 0.0002,
                "q_value": 0.004,
                "times": [
                    {"segment": "basic", **interval(0.6, 0.3, 0.9)},
                    {"segment": "pro", **interval(1.9, 1.4, 2.4)},
                ],
            },
            {"variable": "plan", "touchpoint": "outage", "differs": False, "times": None},
        ],
        "changes": {
            "periods": [
                {"from": "2024-07-01T00:00:00Z", "to": "2024-12-31T00:00:00Z", "n": 2400},
                {"from": "2024-12-31T00:00:00Z", "to": "2025-06-28T00:00:00Z", "n": 2412},
            ],
            "drivers": [
                {
                    "touchpoint": "outage",
                    "change": interval(4.6, 2.1, 7.2),
                    "change_of_reach": interval(0.08, 0.05, 0.11),
                    "change_of_depth": interval(0.4, -2.2, 3.1),
                    "changed": True,
                }
            ],
        },
    }


def audit() -> dict[str, Any]:
    """What a sceptic asks, as the analysis answers it."""
    return {
        "rules": {
            "tested": 14,
            "controls": 5,
            "features": 231,
            "false_discovery_rate": 0.05,
            "minimum_share": 0.02,
            "gate_z": 2.33,
            "window_days": 365,
            "folds": 5,
            "repeats": 5,
            "bootstraps": 200,
            "half_samples": 20,
            "leaves": 8,
            "rounds": 81,
        },
        "rows": {"all": 5210, "analysed": 5210, "customers": 3120, "dropped": {"not_answered": 812}, "weighted": False},
        "explained": {"touchpoints": 0.71, "controls": 0.22, "together": 0.07},
        "calibration": {"touchpoints": interval(1.03, 0.97, 1.09), "controls": interval(0.98, 0.9, 1.06)},
        "seeds": {"rank_agreement": 0.96, "shares": [{"touchpoint": "outage", "low": 0.21, "high": 0.25}]},
        "twins": [
            {
                "touchpoints": ["outage", "status_message"],
                "met_together": 0.82,
                "values_together": 0.31,
                "joint_strength": 7.4,
            }
        ],
        "left_out": {"earlier_answers": ["nps__last", "csat__last"], "over_touchpoints": ["touchpoints__count_90d"]},
        "blind_spots": {"hardly_met": ["gala"], "not_measured": ["newsletter"], "met_nowhere": 0.031},
    }


def adjusted() -> dict[str, Any]:
    """Effects of three key drivers: a level that is told, one that a hidden cause could explain away, and those that are refused."""

    def effect(touchpoint: str, status: str, **changed: Any) -> dict[str, Any]:
        blank = dict.fromkeys(
            ("measure", "level", "unit", "level_from", "reason", "effect", "without", "overlap", "placebo", "hidden")
        )
        return {"touchpoint": touchpoint, "treatment": "encounters", "status": status, **blank, **changed}

    return {
        "adjusted": {
            "claim": "adjusted",
            "status": "told",
            "graph": None,
            "rows": 4812,
            "effects": [
                effect(
                    "support_call",
                    "adjusted",
                    measure="wait",
                    level=20.0,
                    unit="minutes",
                    effect=interval(-12.5, -15.1, -10.2),
                    without={"all": interval(5.7, 4.6, 6.8), "concerned": interval(16.8, 13.5, 20.1)},
                    placebo={**interval(-0.4, -1.2, 0.5), "days": 90, "moved": False},
                    hidden={"like": "tenure", "low": -17.3, "high": -8.4},
                ),
                effect(
                    "outage",
                    "adjusted",
                    effect=interval(-14.2, -20.1, -8.3),
                    without={"all": interval(2.4, 1.4, 3.4), "concerned": interval(16.2, 9.4, 22.9)},
                    hidden={"like": "price", "low": -49.7, "high": 21.3},
                ),
                effect("bill", "refused_overlap", reason="foretold", overlap={"foretold": 0.993, "certain": None}),
                effect("delivery", "placebo_failed"),
                effect("technician_visit", "not_identified", reason="not measured, and a cause of both: mood"),
            ],
        }
    }


def answers() -> dict[str, Any]:
    """Who answers: pleased customers do more often, and from spring to autumn unhappy ones were asked less."""
    return {
        "answering": {
            "reason": None,
            "basis": "questions",
            "rows": 11369,
            "answers": 4881,
            "auc": interval(0.574, 0.563, 0.590),
            "foretold": True,
            "unweighted": interval(28.4, 25.9, 31.1),
            "weighted": interval(24.1, 21.3, 26.6),
            "difference": interval(-4.4, -4.8, -4.0),
            "distinguishable": True,
            "strengths": [
                {"touchpoint": "support_call", "unweighted": 9.4, "weighted": 10.2},
                {"touchpoint": "outage", "unweighted": 4.6, "weighted": 4.7},
            ],
            "shift": {
                "periods": [{"period": "2025-01-01T00:00:00Z"}, {"period": "2025-07-01T00:00:00Z"}],
                "changes": [
                    {
                        "earlier": "2025-01-01T00:00:00Z",
                        "later": "2025-07-01T00:00:00Z",
                        "change": interval(6.3, 2.1, 10.5),
                        "parts": [
                            {"name": "asked", "change": interval(5.2, 3.3, 7.1), "flagged": True},
                            {"name": "customers", "change": interval(0.4, -1.0, 1.8), "flagged": False},
                        ],
                        "rates": [{"name": "asked_rate", "change": interval(-12.5, -15.0, -10.0), "flagged": True}],
                    }
                ],
            },
        }
    }


def experiment(status: str = "shown") -> dict[str, Any]:
    """A pilot of calls that lifted the score, with unlike losses, and what pilots of two drivers would take."""
    found = interval(8.3, 4.1, 12.5)
    return {
        "pilot": {
            "status": status,
            "claim": "experimental",
            "source": "query",
            "touchpoint": "support_call",
            "effect": None if status in {"not_randomised", "too_few"} else found,
            "difference_of_means": None if status == "too_few" else interval(7.9, 3.2, 12.6),
            "adjusted": None if status == "too_few" else found,
            "smallest_effect": 6.1,
            "customers": {"reached": 812, "not_reached": 798},
            "lost": {"reached": 0.31, "not_reached": 0.22, "p_value": 0.001},
            "bounds": {"low": -1.3, "high": 17.4} if status == "shown" else None,
        },
        "pilot_size": [
            {"touchpoint": "outage", "effect": 20.0, "customers": 488, "weeks": 31},
            {"touchpoint": "support_call", "effect": 4.6, "customers": 9216, "weeks": None},
            {"touchpoint": "bill", "effect": 0.9, "customers": 88000, "weeks": 1857, "kind": "nps", "answer_rate": 1.0},
        ],
    }
