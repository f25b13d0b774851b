"""``retrain``, ``watch`` or ``keep``: which figures lead to which, and how often by chance alone.

Only realised loss asks for a training: it must be worse than promised for these very customers, by more than half a per cent
and beyond noise (lower limit over customers), after the level has been put right, because a wrong level is mended by
recalibration and harder customers by nothing. Everything else is to be watched: what moves before labels are known does not say
that the answers are wrong. Each of the families of tests for ``watch`` (features, answers, level) has a third of
one chance in twenty, so a world without change is watched in one look of twenty at most, and asked to retrain in one of forty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from scipy import stats

from training.evaluate import Interval
from training.gate import TOLERANCE

RETRAIN: Final = "retrain"
WATCH: Final = "watch"
KEEP: Final = "keep"
ORDER: Final = (KEEP, WATCH, RETRAIN)

ALARM: Final = 0.05
FAMILIES: Final = 3
LEVEL: Final = ALARM / FAMILIES
"""Chance of a false alarm of each family of tests."""
LEAST_LABELS: Final = 100
LEAST_PER_CLASS: Final = 10
UNSEEN_SHARE: Final = 0.01
"""Share of new rows with a value that training never saw from which on it is worth watching (lower limit)."""
_Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that the verdict rests on, or a limit of what can be told.

    Parameters
    ----------
    code
        Which; the sentence that is made of it has the same name.
    asks
        ``retrain``, ``watch``, ``keep`` or ``limit``.
    figures
        The sentence's numbers and names.
    """

    code: str
    asks: str
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"code": self.code, "asks": self.asks, "figures": self.figures}


def verdict(reasons: list[Reason]) -> str:
    """The gravest of what is asked."""
    return max((reason.asks for reason in reasons if reason.asks in ORDER), key=ORDER.index, default=KEEP)


def difference(now: Interval, before: Interval | None) -> Interval:
    """The difference of two independent estimates with limits from both (Zou and Donner, 2008); the second may be missing."""
    before = before or {"value": 0.0, "low": 0.0, "high": 0.0}
    a, la, ua = (now[key] for key in ("value", "low", "high"))
    b, lb, ub = (before[key] for key in ("value", "low", "high"))
    if a is None or b is None or la is None or ua is None or lb is None or ub is None:
        return {"value": None if a is None or b is None else a - b, "low": None, "high": None}
    return {"value": a - b, "low": a - b - math.hypot(a - la, ub - b), "high": a - b + math.hypot(ua - a, b - lb)}


def p_value(found: Interval) -> float:
    """Two-sided chance of an estimate so far from 0, from the width of its 95 % interval."""
    value, low, high = found["value"], found["low"], found["high"]
    if value is None or low is None or high is None or high <= low:
        return 1.0
    return float(2 * stats.norm.sf(abs(value) / ((high - low) / (2 * _Z95))))


def of_labels(
    task: str, now: dict[str, Interval], held: dict[str, Interval] | None
) -> tuple[dict[str, Any], list[Reason]]:
    """Figures and reasons from realised measures and the promised ones.

    Parameters
    ----------
    task
        ``binary``, ``ordinal`` or ``amount``.
    now, held
        `training.monitor.realised.measures` of the new rows and of the judged ones; None where a bundle kept none.
    """
    promised = (held or {}).get("loss")
    excess = difference(now["unmended"], (held or {}).get("unmended"))
    scale = _scale(task, now, held)
    tolerance = TOLERANCE * scale
    shift = difference(now["shift"], _noise(held))
    loss, gain = now["loss"]["value"], now["level_gain"]["value"] or 0.0
    figures: dict[str, Any] = {
        "promised_loss": promised,
        "promised_for_these": None,
        "excess": excess,
        "tolerance": tolerance,
        "level_p": p_value(shift),
    }
    if task != "amount" and now["expected"]["value"] is not None:
        surprise = ((held or {}).get("surprise") or {"value": 0.0})["value"] or 0.0
        figures["promised_for_these"] = now["expected"]["value"] + surprise
    reasons = []
    beyond = excess["low"] is not None and excess["low"] > tolerance
    useless = (now["levelled_advantage"]["high"] or 0.0) < 0.0
    if beyond:
        reasons.append(
            Reason(
                "loss_worse" if task != "amount" else "error_worse",
                RETRAIN,
                {
                    "realised": loss,
                    "promised": figures["promised_for_these"] if task != "amount" else (promised or {}).get("value"),
                    **_named("excess", excess),
                },
            )
        )
    if useless:
        reasons.append(Reason("useless", RETRAIN, _named("advantage", now["levelled_advantage"])))
    level_off = figures["level_p"] < LEVEL and gain >= tolerance
    if level_off:
        reasons.append(
            Reason(
                "level",
                WATCH,
                {"predicted": now["predicted"]["value"], "observed": now["observed"]["value"], "gain": gain},
            )
        )
    if promised is not None and not beyond and not level_off and _surely_worse(now["loss"], promised):
        reasons.append(Reason("harder", WATCH, {"realised": loss, "promised": promised["value"]}))
    if not reasons:
        reasons.append(Reason("holds", KEEP, {"realised": loss, "promised": (promised or {}).get("value")}))
    return figures, reasons


def _scale(task: str, now: dict[str, Interval], held: dict[str, Interval] | None) -> float:
    """What half a per cent is a share of: the promised loss of these customers, or the relative error."""
    key = "unmended" if task == "amount" else "expected"
    found = ((held or {}).get(key) if task == "amount" else now.get(key)) or now[key]
    return abs(found["value"] or 0.0)


def _noise(held: dict[str, Interval] | None) -> Interval | None:
    """The promise is that the level is right; how well that was known is the width of the held-out one."""
    if held is None or held["shift"]["value"] is None or held["shift"]["low"] is None or held["shift"]["high"] is None:
        return None
    half = (held["shift"]["high"] - held["shift"]["low"]) / 2
    return {"value": 0.0, "low": -half, "high": half}


def _surely_worse(now: Interval, promised: Interval) -> bool:
    found = difference(now, promised)
    return found["low"] is not None and found["low"] > 0.0


def _named(name: str, found: Interval) -> dict[str, float | None]:
    return {name: found["value"], "low": found["low"], "high": found["high"]}
