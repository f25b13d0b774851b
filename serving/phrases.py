"""The words that reasons are made of: what is looked at, how it became a number, in which window, and what it does to the score.

All are nominal parts ("wait, average, last 90 days"), because parts that need no agreement in gender or case can be translated
one by one. English is the source language; the catalogues of the others lie in `locales`. A new aggregate, turn or made value
of the features needs a line here, and a test says so.
"""

from __future__ import annotations

from typing import Final

from features import journey, layout, schema
from features.company import PRICE

WITH_USUAL: Final = "{label} - {what}: {value}, usually {usual}. {effect}"
WITHOUT_USUAL: Final = "{label} - {what}: {value}. {effect}"
ATTRIBUTE_WITH_USUAL: Final = "{label}: {value}, usually {usual}. {effect}"
ATTRIBUTE: Final = "{label}: {value}. {effect}"

EFFECTS: Final[dict[tuple[str, str], str]] = {
    ("churn", "raises"): "Raises the risk of leaving.",
    ("churn", "lowers"): "Lowers the risk of leaving.",
    ("nps", "raises"): "Raises the willingness to recommend.",
    ("nps", "lowers"): "Lowers the willingness to recommend.",
}

_LAST: Final = "the last time"

AGGREGATES: Final[dict[str, str]] = {
    "count": "number of times",
    "count_change": "number of times, change against the period before",
    "recency": "time since the last one",
    "age": "time since the first one",
    "sum": "total",
    "sum_change": "total, change against the period before",
    "mean": "average",
    "min": "lowest",
    "max": "highest",
    "last": _LAST,
    "last_change": "the last time against the time before",
    "last_step": "the last one against the one it replaced",
    "previous": "the time before the last",
    "spread": "variation",
    "range": "highest minus lowest",
    "trend": "average, change against the period before",
    "usual_gap": "usual time between two",
    "gap_ratio": "time since the last one in units of the usual time between two",
    "gap_score": "how unusual the time since the last one is, in standard deviations",
    "pace": "pace, {window} against {longer}",
    "open_count": "running now",
    "open_sum": "total of what is running now",
    "current": "current value",
    "current_category": "current value",
    "last_category": _LAST,
    "first_category": "the first time",
    "max_category": "the furthest one reached",
    "worst_category": "at the worst encounter",
    "count_value": "number of times given",
    "zeros": 'number of times the answer was "no"',
    "distinct": "number of different ones",
    "worse_share": "share of encounters worse than usual",
    "own_worse_share": "share of encounters worse than usual for this customer",
    "within_share": "share of encounters within the promised level",
    "repeats": "times it happened again within 7 days",
    "repeat_share": "share of times it happened again within 7 days",
    "worst_age": "time since the worst one",
    "recovered": "a good encounter after the worst one",
    "share": "share of all",
    "money_share": "share of the amount paid",
    "per_occasion": "average per day with a payment",
    "lines_per_occasion": "average number per day with a payment",
    "per_payment": "as a share of the amount paid",
    "anniversary": "time until the next anniversary",
    "company_change": "level, {window} against {longer}",
    "company_pace": "pace compared with that of all customers, {window} against {longer}",
    "company_relative": "average against that of all customers",
}
"""How a window of events became one number."""

NAMED: Final[dict[str, str]] = {
    "count": "",
    "count_change": "change against the period before",
    "lines_per_occasion": "average per day with a payment",
}
"""The same after words that name the events counted: "refunds, last 90 days: 2" needs no "number of times"."""

FLAGS: Final[dict[str, str]] = {
    "mean": "share of times",
    "min": "every time",
    "max": "at least once",
    "trend": "share of times, change against the period before",
}
"""The same for what is yes or no at each encounter."""

EVENTS: Final[dict[tuple[str, str], str]] = {
    (schema.TOUCHPOINTS, journey.SWITCH): "changes of channel within 7 days",
    (schema.TOUCHPOINTS, journey.HANDOVER): "hand-overs between departments within 7 days",
    (schema.TOUCHPOINTS, journey.LOOP_BACK): "steps back to an earlier stage",
    (schema.TOUCHPOINTS, journey.ENTRY): "moves to another stage",
    (schema.TOUCHPOINTS, journey.GOOD): "encounters better than usual",
    (schema.SURVEYS, journey.UNANSWERED): "questions left unanswered",
    (schema.TRANSACTIONS, journey.PAYMENT): "payments",
    (schema.TRANSACTIONS, journey.REFUND): "refunds",
    (schema.TRANSACTIONS, journey.OCCASION): "days with a payment",
    (schema.TRANSACTIONS, journey.FRESH): "payments in a category new to the customer",
    (schema.TRANSACTIONS, journey.PREMIUM): "payments at a premium price",
    (schema.TRANSACTIONS, journey.DISCOUNT): "payments at a discount",
    (schema.TRANSACTIONS, journey.RISEN): "payments at a higher price than before",
    (schema.SUBSCRIPTIONS, journey.START): "contracts started",
    (schema.SUBSCRIPTIONS, journey.END): "contracts ended",
    (schema.SUBSCRIPTIONS, journey.PLAN_CHANGE): "changes of plan",
    (schema.SUBSCRIPTIONS, journey.FEE_RISE): "rises of the fee",
    (schema.SUBSCRIPTIONS, journey.FEE_CUT): "cuts of the fee",
    (schema.CUSTOMERS, journey.CHANGE): "changes of the customer's details",
}
"""What is counted or timed, where the label (a touchpoint, a group of controls) does not say it."""

THEN: Final = "{first} then {second}"
ANSWERS: Final = "{metric} answers"
ABOUT_ENCOUNTER: Final = "{metric} after an encounter"

MADE: Final[dict[tuple[str, str], str]] = {
    (schema.TOUCHPOINTS, layout.GAP): "time between encounters",
    (schema.TOUCHPOINTS, layout.OWN_GAP): "time between two of the same kind",
    (schema.TOUCHPOINTS, layout.RESOLUTION): "time until resolved",
    (schema.TOUCHPOINTS, layout.QUALITY): "quality of encounters",
    (schema.TOUCHPOINTS, layout.COST): "cost of service",
    (schema.TOUCHPOINTS, layout.KIND): "touchpoint",
    (schema.TOUCHPOINTS, layout.TOTALS["time"]): "time spent on encounters",
    (schema.TOUCHPOINTS, layout.TOTALS["money"]): "money spent on encounters",
    (schema.TOUCHPOINTS, layout.TOTALS["emotion"]): "emotional effort",
    (schema.TOUCHPOINTS, layout.COMMENT_LENGTH): "characters in comments on encounters",
    (schema.TOUCHPOINTS, layout.COMMENT_LANGUAGE): "script of comments on encounters",
    (schema.SURVEYS, layout.COMMENT_LENGTH): "characters in survey comments",
    (schema.SURVEYS, layout.COMMENT_LANGUAGE): "script of survey comments",
    (schema.TRANSACTIONS, layout.GAP): "time between days with a payment",
    (schema.SUBSCRIPTIONS, layout.FEE_STEP): "change of the monthly fee",
    ("company", layout.QUALITY): "quality of all customers' encounters",
    ("company", PRICE): "average price paid by all customers",
}
"""Values that no table holds and the features make, by source."""

WHOLE: Final[dict[tuple[str, str, str], str]] = {
    (schema.TOUCHPOINTS, layout.COMMENT_LENGTH, "count_value"): "comments on encounters",
    (schema.SURVEYS, layout.COMMENT_LENGTH, "count_value"): "survey comments",
    (schema.TOUCHPOINTS, layout.QUALITY, "worst_age"): "time since the worst encounter",
    (schema.TOUCHPOINTS, layout.QUALITY, "recovered"): "a good encounter after the worst one",
    (schema.TOUCHPOINTS, layout.QUALITY, "worse_share"): "share of encounters worse than usual",
    (schema.TOUCHPOINTS, layout.QUALITY, "own_worse_share"): "share of encounters worse than usual for this customer",
    (
        schema.TOUCHPOINTS,
        layout.GAP,
        "gap_score",
    ): "how unusual the time since the last encounter is, in standard deviations",
    (
        schema.TRANSACTIONS,
        layout.GAP,
        "gap_score",
    ): "how unusual the time since the last payment is, in standard deviations",
    (schema.TOUCHPOINTS, layout.KIND, "first_category"): "first touchpoint",
    (schema.TOUCHPOINTS, layout.KIND, "last_category"): "last touchpoint",
    (schema.TOUCHPOINTS, layout.KIND, "worst_category"): "touchpoint of the worst encounter",
    (schema.TOUCHPOINTS, schema.STAGE, "last_category"): "present stage",
    (schema.TOUCHPOINTS, schema.STAGE, "max_category"): "furthest stage reached",
    (schema.TOUCHPOINTS, schema.STAGE, "distinct"): "number of stages",
    (schema.TOUCHPOINTS, schema.CHANNEL, "last_category"): "last channel",
    (schema.TOUCHPOINTS, schema.CHANNEL, "distinct"): "number of channels used",
    (schema.SUBSCRIPTIONS, schema.MONTHLY_FEE, "open_sum"): "monthly fees of running contracts",
    (schema.SUBSCRIPTIONS, schema.MONTHLY_FEE, "last"): "monthly fee of the newest contract",
    (
        schema.SUBSCRIPTIONS,
        schema.MONTHLY_FEE,
        "last_step",
    ): "monthly fee of the newest contract against the one it replaced",
    (schema.SUBSCRIPTIONS, schema.PLAN, "last_category"): "plan of the newest contract",
    (schema.SUBSCRIPTIONS, schema.END_REASON, "last_category"): "reason why the last contract ended",
    (schema.SUBSCRIPTIONS, journey.START, "open_count"): "contracts running now",
    (schema.SUBSCRIPTIONS, journey.START, "recency"): "time since the newest contract started",
    (schema.SUBSCRIPTIONS, journey.START, "anniversary"): "time until the next anniversary of the contract",
}
"""Measure (or kind, where there is no measure) and aggregate said in one, where two parts side by side would not be natural."""

YES: Final = "yes"
NO: Final = "no"
NEVER: Final = "never"
UNKNOWN: Final = "not known"
OTHER: Final = "other"

WINDOW: Final = ("last {n} day", "last {n} days")
"""The window in both English forms; other languages have their own number of them."""

NAMES: Final[dict[str, str]] = {
    "acquisition_channel": "acquisition channel",
    "age": "age",
    "age_band": "age band",
    "amount": "amount",
    "channel": "channel",
    "charge": "charge",
    "company": "the whole company",
    "contract": "contract",
    "department": "department",
    "downtime": "time without service",
    "duration": "duration",
    "effort": "effort",
    "end_reason": "reason for the end",
    "journey": "customer journey",
    "language": "language",
    "late": "delay",
    "margin": "margin",
    "monthly_fee": "monthly fee",
    "overall": "all touchpoints",
    "payment_method": "payment method",
    "plan": "plan",
    "price": "price",
    "quantity": "quantity",
    "region": "region",
    "resolved": "resolved",
    "score": "score",
    "segment": "segment",
    "sentiment": "tone",
    "stage": "stage",
    "tenure": "time as a customer",
    "value": "spending",
    "voice": "earlier answers",
    "wait": "waiting time",
}
"""Measures, attributes and groups of controls that most companies share; any other is shown under its own name."""

SCRIPTS: Final[dict[str, str]] = {"he": "Hebr", "ar": "Arab", "cyrillic": "Cyrl", "latin": "Latn"}
"""What `features.comments` tells of a comment to the script's code, whose name the locale knows."""

MESSAGES: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        message
        for message in (
            WITH_USUAL,
            WITHOUT_USUAL,
            ATTRIBUTE_WITH_USUAL,
            ATTRIBUTE,
            *EFFECTS.values(),
            *AGGREGATES.values(),
            *NAMED.values(),
            *FLAGS.values(),
            *EVENTS.values(),
            THEN,
            ANSWERS,
            ABOUT_ENCOUNTER,
            *MADE.values(),
            *WHOLE.values(),
            YES,
            NO,
            NEVER,
            UNKNOWN,
            OTHER,
            *NAMES.values(),
        )
        if message
    )
)
"""Everything a catalogue must translate, besides `WINDOW` in the language's plural forms."""
