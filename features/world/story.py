"""The planted truth: what each encounter does to loyalty, who leaves, what merely happens near it. All of it is data.

An encounter's *dose* is a pure number, negative when it harms. Its effect on a recommendation is `nps` score points per dose
(on the 0-10 scale), on leaving `churn` log-odds of the monthly hazard per dose of harm; both fade with `half_life_days`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

START: Final = datetime(2024, 1, 1, tzinfo=UTC)
MONTHS: Final = 24
STOP: Final = datetime(START.year + MONTHS // 12, START.month, 1, tzinfo=UTC)  # exclusive
DAY: Final = 86_400
YEAR: Final = 365 * DAY
SPAN: Final = int((STOP - START).total_seconds())


def month_starts() -> tuple[int, ...]:
    """Seconds from START to the first of each month, and the end of the last one."""
    firsts = (datetime(START.year + m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in range(MONTHS + 1))
    return tuple(int((first - START).total_seconds()) for first in firsts)


@dataclass(frozen=True, slots=True)
class Response:
    """Dose of one encounter: sign x (base + clip((measure - at) / per, floor, cap)); `per` < 0 means that less is worse.

    A floor of 0 makes a knee at `at`; without a floor and cap it is a straight line. No measure: the base alone.
    """

    sign: Literal[-1, 1]
    measure: str | None = None
    base: float = 0.0
    at: float = 0.0
    per: float = 1.0
    floor: float = 0.0
    cap: float = 1.0


@dataclass(frozen=True, slots=True)
class Driver:
    """A touchpoint that really moves loyalty; a weight of 0 means that it does not move that target."""

    touchpoint: str
    shape: Literal["breaker", "linear", "maker"]
    response: Response
    half_life_days: float
    nps: float
    churn: float
    effect: str
    moment: Literal["make", "break"] | None = None


DRIVERS: Final = (
    Driver(
        "support_call", "breaker", Response(-1, "wait", at=20.0, per=10.0, cap=4.0), 150.0, nps=0.85, churn=0.45,
        effect="no harm while the wait stays below the knee, then a loss that grows with every minute",
    ),
    Driver(
        "outage", "breaker", Response(-1, "downtime", base=0.8, at=60.0, per=400.0), 180.0, nps=3.4, churn=2.3,
        effect="rare and deep: each outage is a loss, a longer one a larger loss", moment="break",
    ),
    Driver(
        "billing_error", "breaker", Response(-1, "charge", base=0.6, per=60.0), 150.0, nps=1.2, churn=0.95,
        effect="each error is a loss, a larger wrong amount a larger loss",
    ),
    Driver(
        "complaint", "breaker", Response(-1, "resolved", base=0.4, at=1.0, per=-1.0), 150.0, nps=1.15, churn=0.85,
        effect="a loss, more than three times as large when the complaint was not resolved",
    ),
    Driver(
        "technician_visit", "maker", Response(1, "late", at=1.0, per=-1.0), 180.0, nps=3.3, churn=0.0,
        effect="a visit on the agreed day is rewarded, a late one is not punished", moment="make",
    ),
    Driver(
        "loyalty_offer", "maker", Response(1, base=1.0), 120.0, nps=1.0, churn=0.85,
        effect="an unexpected present is rewarded; its absence is not punished",
    ),
    Driver(
        "delivery", "breaker", Response(-1, "late", per=1.0, cap=6.0), 150.0, nps=0.42, churn=0.0,
        effect="every day of delay is a loss; punctuality is taken for granted",
    ),
    Driver(
        "store_visit", "linear", Response(-1, "wait", at=12.0, per=10.0, floor=-9.0, cap=9.0), 120.0, nps=0.55, churn=0.0,
        effect="short waits please as much as long ones annoy",
    ),
    Driver(
        "bill", "linear", Response(-1, "charge", per=10.0, floor=-9.0, cap=9.0), 120.0, nps=0.16, churn=0.0,
        effect="common and shallow: every euro beyond the plan's fee costs a little",
    ),
    Driver(
        "price_change_notice", "breaker", Response(-1, "charge", base=0.3, per=4.0, cap=3.0), 120.0, nps=0.0, churn=1.0,
        effect="people compare offers after a notice: they leave, but recommend as before",
    ),
)  # fmt: skip

KNEE: Final = next(driver for driver in DRIVERS if driver.touchpoint == "support_call")


@dataclass(frozen=True, slots=True)
class Echo:
    """`touchpoint` follows `after` with probability `share` within `days`; `where` asks that a measure be at most a value."""

    touchpoint: str
    after: str
    share: float
    days: float
    where: tuple[str, float] | None = None


# Proxies stand beside a true driver and do nothing; complaints are echoes with an effect of their own.
ECHOES: Final = (
    Echo("chat", "support_call", 0.45, 3.0),
    Echo("status_message", "outage", 0.75, 1.0),
    Echo("delivery_tracking", "delivery", 0.70, 3.0),
    Echo("complaint", "support_call", 0.12, 10.0, ("resolved", 0.0)),
    Echo("complaint", "billing_error", 0.25, 10.0),
    Echo("complaint", "outage", 0.15, 10.0),
)
PROXIES: Final = {"chat": "support_call", "status_message": "outage", "delivery_tracking": "delivery"}

SPELLS_PER_YEAR: Final = 0.45
SPELL_DAYS: Final = 60.0

CONSEQUENCES: Final = {
    "retention_call": "made because a customer announced leaving, has left, or answered as a detractor",
    "callback_after_survey": "made because a customer answered as a detractor",
}
RETENTION_BEFORE_END: Final = (0.60, 25.0)  # share of ends, at most so many days before
RETENTION_AFTER_END: Final = (0.25, 14.0)
RETENTION_AFTER_DETRACTOR: Final = (0.12, 10.0)
RETENTION_SAVED_PER_YEAR: Final = 0.02  # announced, and stayed
CALLBACK_AFTER_DETRACTOR: Final = (0.60, 5.0)
FINAL_BILL_DAYS: Final = 7.0
AFTER_END: Final = {
    "bill": FINAL_BILL_DAYS,
    "retention_call": RETENTION_AFTER_END[1],
}  # what may follow an end, and for how many days

# Control effects: NPS in score points, churn in log-odds of the monthly hazard.
NPS_CONTROLS: Final = {
    "segment": {"consumer": 0.0, "family": 0.3, "business": -0.3, "student": -0.2},
    "age_band": {"18-29": -0.4, "30-44": -0.1, "45-59": 0.1, "60+": 0.5},
    "region": {"north": 0.2, "center": 0.0, "south": -0.2, "coast": 0.1},
    "payment_method": {"card": 0.0, "autopay": 0.1, "transfer": -0.1},
}
CHURN_CONTROLS: Final = {
    "segment": {"consumer": 0.0, "family": -0.3, "business": -0.45, "student": 0.5},
    "age_band": {"18-29": 0.3, "30-44": 0.0, "45-59": -0.15, "60+": -0.3},
    "acquisition_channel": {"store": -0.15, "web": 0.1, "partner": 0.35, "phone": 0.2},
    "payment_method": {"card": 0.1, "autopay": -0.5, "transfer": 0.3},
}
NPS_PER_10_EUR: Final = -0.30
CHURN_PER_10_EUR: Final = 0.22
NPS_LOYAL_YEARS: Final = 0.15  # per year with the company, up to five
CHURN_NEW: Final = 0.8  # for a brand-new customer, fading with a half-life of a year
NPS_LEVEL: Final = 8.35  # mean of the latent score
NPS_PERSON_SD: Final = 0.8  # what a person always adds and no table shows
NPS_ANSWER_SD: Final = 1.55
CHURN_PERSON_SD: Final = 0.35

MONTHLY_CHURN: Final = 0.020  # of active customers; every month's intercept is set to keep it, times the season
SEASON: Final = (1.10, 1.05, 1.0, 0.95, 0.95, 1.0, 1.05, 1.0, 1.0, 0.95, 0.95, 1.0)
RETURN_MONTHLY: Final = 0.012  # of those gone for at least RETURN_GAP_DAYS
RETURN_GAP_DAYS: Final = 60
PLAN_CHANGE_MONTHLY: Final = 0.008
PLANS: Final = {"basic": 19.0, "plus": 29.0, "max": 42.0, "pro": 55.0}  # monthly list price, EUR

SURVEY_EVERY_DAYS: Final = 150.0
SURVEY_JITTER_DAYS: Final = 25.0
SURVEY_ANSWERED: Final = 0.45
CSAT_ANSWERED: Final = 0.22  # of support calls
CES_ANSWERED: Final = 0.18  # of technician visits and deliveries
