"""The company as its five canonical tables (Arrow), named and typed as a user would hand them over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features import schema
from features.world import journey, money, story, voices
from features.world.company import Company
from features.world.contracts import OPEN, REASONS
from features.world.people import ATTRIBUTES, Floats, Ints

CHUNK: Final = 500_000  # touchpoints written at once: keeps the memory of texts flat
_TIME: Final = pa.timestamp("us", tz="UTC")
_ORIGIN: Final = int(story.START.timestamp())


def _time(at: Ints, *, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array((at + _ORIGIN) * 1_000_000, mask=missing).cast(_TIME)


def _ids(prefix: str, numbers: Ints, width: int) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0"), "")


def _customer_ids(numbers: Ints, customers: int) -> pa.Array:
    return _ids("C", numbers + 1, max(6, len(str(customers))))


def _event_ids(prefix: str, first: int, count: int) -> pa.Array:
    return _ids(prefix, np.arange(first + 1, first + count + 1), 9)


def _words(words: list[str], codes: Ints, *, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes, mask=missing))


def customers_table(company: Company) -> pa.Table:
    """customer_id, created_at and six attributes; some ages are not known."""
    people = company.people
    columns = {
        schema.CUSTOMER_ID: _customer_ids(np.arange(people.count), people.count),
        schema.CREATED_AT: _time(people.created),
    }
    for name, shares in ATTRIBUTES.items():
        unknown = people.age_unknown if name == "age_band" else None
        columns[name] = _words(list(shares), people.attributes[name], missing=unknown)
    return pa.table(columns)


def subscriptions_table(company: Company) -> pa.Table:
    """One row per contract in the order of its start; a change of plan ends one and starts another in the same instant."""
    contracts = company.contracts
    order = np.lexsort((contracts.customer, contracts.start))
    running = contracts.end[order] == OPEN
    return pa.table(
        {
            schema.EVENT_ID: _event_ids("A", 0, len(order)),
            schema.CUSTOMER_ID: _customer_ids(contracts.customer[order], company.people.count),
            schema.STARTED_AT: _time(contracts.start[order]),
            schema.ENDED_AT: _time(contracts.end[order], missing=running),
            schema.PLAN: _words(list(story.PLANS), contracts.plan[order]),
            schema.MONTHLY_FEE: pa.array(contracts.fee[order]),
            schema.END_REASON: _words(list(REASONS), contracts.reason[order], missing=running),
        }
    )


def surveys_table(company: Company, rng: np.random.Generator) -> pa.Table:
    """NPS, CSAT and CES answers; `touchpoint` is empty where the relationship as a whole was asked about."""
    answers = company.answers
    language = company.people.attributes["language"][answers.customer]
    glad = answers.score >= np.select([answers.metric == "nps", answers.metric == "csat"], [8, 4], 5)
    said = voices.comments(rng, answers.theme, glad, language, voices.ANSWERS_WITH_COMMENT)
    return pa.table(
        {
            schema.EVENT_ID: _event_ids("S", 0, len(answers.at)),
            schema.CUSTOMER_ID: _customer_ids(answers.customer, company.people.count),
            schema.ANSWERED_AT: _time(answers.at),
            schema.METRIC: pa.array(answers.metric, pa.string()),
            schema.SCORE: pa.array(answers.score),
            schema.TOUCHPOINT: pa.array(answers.about, pa.string(), mask=answers.about == ""),
            schema.COMMENT: pa.array(said, pa.string()),
        }
    )


def transactions_table(company: Company) -> pa.Table:
    """Payments and refunds in EUR."""
    payments = company.payments
    return pa.table(
        {
            schema.EVENT_ID: _event_ids("P", 0, len(payments.at)),
            schema.CUSTOMER_ID: _customer_ids(payments.customer, company.people.count),
            schema.OCCURRED_AT: _time(payments.at),
            schema.AMOUNT: pa.array(payments.amount),
            schema.MARGIN: pa.array(payments.margin),
            schema.CATEGORY: _words(list(money.CATEGORIES), payments.category),
            schema.QUANTITY: pa.array(payments.quantity),
        }
    )


class _Stack:
    """All encounters as flat arrays in the order of time, small types where they suffice."""

    def __init__(self, company: Company, rng: np.random.Generator) -> None:
        batches = company.encounters
        sizes = [len(batch) for batch in batches.values()]
        kind = np.repeat(np.arange(len(batches), dtype=np.int8), sizes)
        at = np.concatenate([batch.at for batch in batches.values()])
        customer = np.concatenate([batch.customer.astype(np.int32) for batch in batches.values()])
        delays = np.array([journey.BY_NAME[name].delay_hours * 3600 for name in batches])
        recorded = at + (rng.standard_exponential(len(at)) * delays[kind]).astype(np.int64) + 1
        # the extract was made when the period ended: what had not been recorded by then is not in it
        order = np.lexsort((kind, customer, at))
        order = order[recorded[order] < story.SPAN]
        self.kind, self.at, self.customer, self.recorded = kind[order], at[order], customer[order], recorded[order]
        self.measures: dict[str, Floats] = {}
        for measure in journey.MEASURES:
            parts = [batch.measures.get(measure, np.full(len(batch), np.nan)) for batch in batches.values()]
            self.measures[measure] = np.concatenate(parts)[order]


def _tone(measures: dict[str, Floats]) -> npt.NDArray[np.bool_]:
    """Whether an encounter leaves a glad remark: nothing went wrong in it."""
    bad = np.nan_to_num(measures["wait"]) > story.KNEE.response.at
    bad |= np.nan_to_num(measures["late"]) > 0
    bad |= np.nan_to_num(measures["resolved"], nan=1.0) < 1
    for name in ("charge", "downtime"):
        bad |= ~np.isnan(measures[name])
    return ~bad


def touchpoint_chunks(company: Company, rng: np.random.Generator) -> Iterator[pa.Table]:
    """The touchpoints in the order of time, CHUNK rows at a time."""
    stack = _Stack(company, rng)
    kinds = [journey.BY_NAME[name] for name in company.encounters]
    names = np.array([kind.name for kind in kinds])
    channels = sorted({channel for kind in kinds for channel in kind.channels})
    width = np.array([len(kind.channels) for kind in kinds])
    choice = np.array(
        [[channels.index(kind.channels[i % len(kind.channels)]) for i in range(width.max())] for kind in kinds]
    )
    shares = np.array([kind.comment_share for kind in kinds])
    for first in range(0, len(stack.at), CHUNK):
        part = slice(first, first + CHUNK)
        kind, customer = stack.kind[part].astype(np.int64), stack.customer[part]
        measures = {name: values[part] for name, values in stack.measures.items()}
        size = len(kind)
        talking = rng.random(size) < shares[kind]
        said = np.full(size, None, dtype=object)
        language = company.people.attributes["language"][customer]
        said[talking] = voices.comments(rng, names[kind[talking]], _tone(measures)[talking], language[talking], 1.0)
        columns = {
            schema.EVENT_ID: _event_ids("T", first, size),
            schema.CUSTOMER_ID: _customer_ids(customer, company.people.count),
            schema.OCCURRED_AT: _time(stack.at[part]),
            schema.RECORDED_AT: _time(stack.recorded[part]),
            schema.TOUCHPOINT: _words([item.name for item in kinds], kind),
            schema.CHANNEL: _words(channels, choice[kind, rng.integers(0, 1 << 16, size) % width[kind]]),
            schema.STAGE: _words([item.stage for item in kinds], kind),
            schema.DEPARTMENT: _words([item.department for item in kinds], kind),
            schema.COMMENT: pa.array(said, pa.string()),
        }
        for name, values in measures.items():
            columns[journey.MEASURES[name]["column"]] = pa.array(values, mask=np.isnan(values))
        yield pa.table(columns)
