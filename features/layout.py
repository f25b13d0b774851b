"""Where a vocabulary's kinds and values lie in the kernel's arrays.

A value column is *read* (a measure, a channel, an amount) or *computed* from those that are read (the effort of an encounter,
its quality). All that is read is always there, because it decides ties; what is computed is there if a feature wants it.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from features import schema
from features.comments import LANGUAGES
from features.journey import (
    FIXED_KINDS,
    GOOD,
    MAX_METRICS,
    MAX_TOUCHPOINTS,
    REPEAT,
    TURNS,
    UNANSWERED,
    UNKNOWN_TOUCHPOINT,
    Vocabulary,
    sequence_kind,
)

if TYPE_CHECKING:
    from features.definition import Feature
    from features.judge import Judge

_NULL: Final = np.iinfo(np.int64).min

MEASURE_SCALE: Final = 1_000_000
"""Measures, scores and quantities are held in millionths."""

MONEY_SCALE: Final = 10_000
"""Money is held in ten-thousandths of its unit, finer than any currency's minor unit."""

MAX_KINDS: Final = 1 << 16
"""Kinds of events in all: a kind's number takes sixteen bits wherever events are kept (see `features.spool`)."""

MEASURE_PREFIX: Final = "m_"
"""Prefix of a measure's column in the canonical touchpoints and here, so that it cannot meet another column's name."""

TOTALS: Final[dict[str, str]] = {"time": "effort_time", "money": "effort_money", "emotion": "effort_emotion"}
"""Effort to the value column that adds it up over an encounter's measures (minutes, money, points below the median)."""

QUALITY: Final = "encounter_quality"
"""How well an encounter went by all its measures, in usual distances from the usual value; higher is better."""

COST: Final = "cost_to_serve"
"""What an encounter costs the company."""

KIND: Final = "touchpoint"
"""The kind of an encounter, as a value."""

COMMENT_LENGTH: Final = "comment_length"
COMMENT_LANGUAGE: Final = "comment_language"
GAP: Final = "time_between"
OWN_GAP: Final = "time_between_same"
RESOLUTION: Final = "time_to_resolution"
FEE_STEP: Final = "fee_step"

MADE: Final[dict[str, tuple[str, ...]]] = {
    schema.TOUCHPOINTS: (GAP, OWN_GAP, RESOLUTION),
    schema.TRANSACTIONS: (GAP,),
    schema.SUBSCRIPTIONS: (FEE_STEP,),
}
"""Values that are made where events stand in order, in the order of the kernel's columns: microseconds, and money."""

RESERVED: Final = frozenset({*TOTALS.values(), QUALITY, COST, COMMENT_LENGTH, GAP, OWN_GAP, RESOLUTION})
"""Names of what is computed of encounters: a measure called so would be taken for it."""

_MONEY: Final = {schema.AMOUNT, schema.MARGIN, schema.MONTHLY_FEE, FEE_STEP, COST}
_CODES: Final = {
    schema.CHANNEL,
    schema.DEPARTMENT,
    schema.STAGE,
    schema.CATEGORY,
    schema.PLAN,
    schema.END_REASON,
    COMMENT_LANGUAGE,
    KIND,
}


class Layout:
    """Where a vocabulary's kinds and values lie in the kernel's arrays.

    Parameters
    ----------
    vocabulary
        Of the company.
    wanted
        The computed columns of touchpoints that are needed; None for all of them.

    Attributes
    ----------
    kinds
        (source, kind) to its code; codes run over all sources.
    turns
        (source, turn) to its code, after those of the kinds.
    values
        Source to the names of its value columns in order: those that are read, those computed, those made in the kernel.
    scales
        Source to the integers that one unit of each value column is.
    raw
        Source to the number of its columns that are read.
    widths
        Source to the number of its columns that its host fills.
    """

    def __init__(self, vocabulary: Vocabulary, wanted: Collection[str] | None = None) -> None:
        self.vocabulary = vocabulary
        self.sources: tuple[str, ...] = tuple(name for name in schema.TABLES if name in vocabulary.tables)
        kinds_of = {
            **FIXED_KINDS,
            schema.TOUCHPOINTS: (*vocabulary.touchpoints, UNKNOWN_TOUCHPOINT),
            schema.SURVEYS: (*vocabulary.metrics, UNKNOWN_TOUCHPOINT, UNANSWERED),
        }
        self.kinds: dict[tuple[str, str], int] = {}
        for source in self.sources:
            for kind in kinds_of[source]:
                self.kinds[source, kind] = len(self.kinds)
        if len(self.kinds) > MAX_KINDS:
            raise DataError(
                f"{len(vocabulary.touchpoints)} touchpoints and {len(vocabulary.metrics)} metrics are too many to be told apart",
                where="the vocabulary's touchpoints and metrics",
                available=f"{MAX_KINDS} kinds of events in all; learning keeps {MAX_TOUCHPOINTS} touchpoints and {MAX_METRICS} metrics",
                next_move="learn the vocabulary from the tables ('moments features'), or group the names with 'sql'",
            )
        self.turns: dict[tuple[str, str], int] = {}
        for source in self.sources:
            for turn in self._turns(source):
                self.turns[source, turn] = len(self.kinds) + len(self.turns)
        efforts = {info.effort for info in vocabulary.measures.values()}
        computed = [column for effort, column in TOTALS.items() if effort in efforts]
        if vocabulary.usual:
            computed.append(QUALITY)
        if vocabulary.costs:
            computed.append(COST)
        computed.append(KIND)
        # Names may hold any sign, so they are put together and never taken apart.
        judged = {
            name
            for name in vocabulary.measures
            if any(f"{kind}|{name}" in vocabulary.usual for kind in vocabulary.touchpoints)
        } | ({QUALITY} if vocabulary.usual else set())
        computed += [flag_of("worse_share", name) for name in (*vocabulary.measures, QUALITY) if name in judged]
        computed += [
            flag_of("within_share", name) for name, info in vocabulary.measures.items() if info.within is not None
        ]
        read = {
            schema.TOUCHPOINTS: (
                *(MEASURE_PREFIX + name for name in vocabulary.measures),
                *_texts(vocabulary, schema.TOUCHPOINTS),
            ),
            schema.SURVEYS: (schema.SCORE, *_texts(vocabulary, schema.SURVEYS)),
            schema.TRANSACTIONS: (
                schema.AMOUNT,
                *(name for name in (schema.MARGIN, schema.QUANTITY) if vocabulary.has(schema.TRANSACTIONS, name)),
                *_texts(vocabulary, schema.TRANSACTIONS),
            ),
            schema.SUBSCRIPTIONS: (schema.MONTHLY_FEE, schema.PLAN, *_texts(vocabulary, schema.SUBSCRIPTIONS)),
            schema.CUSTOMERS: tuple(vocabulary.attributes) or ("-",),
        }
        self.computed = tuple(name for name in computed if wanted is None or name in wanted)
        filled = {**read, schema.TOUCHPOINTS: (*read[schema.TOUCHPOINTS], *self.computed) or ("-",)}
        self.raw: dict[str, int] = {source: len(names) for source, names in read.items()}
        self.widths: dict[str, int] = {source: len(names) for source, names in filled.items()}
        self.values: dict[str, tuple[str, ...]] = {
            source: (*names, *MADE.get(source, ())) for source, names in filled.items()
        }
        self.scales: dict[str, tuple[int, ...]] = {
            source: tuple(
                schema.MICROSECONDS_PER_DAY
                if place >= self.widths[source] and name != FEE_STEP
                else scale_of(name, source)
                for place, name in enumerate(names)
            )
            for source, names in self.values.items()
        }

    @cached_property
    def judge(self) -> Judge:
        """Computes what is computed of encounters."""
        from features.judge import Judge

        return Judge.of(self)

    @cached_property
    def places(self) -> dict[str, NDArray[np.int64]]:
        """Code of each touchpoint's stage and department by the configuration, for rows that do not name one themselves."""
        found = {}
        for side, name in enumerate((schema.STAGE, schema.DEPARTMENT)):
            codes = self.text_codes(schema.TOUCHPOINTS, name)
            places = self.vocabulary.places
            mine = [
                codes.get(places[kind][side], _NULL) if kind in places else _NULL
                for kind in self.vocabulary.touchpoints
            ]
            if any(code != _NULL for code in mine):
                found[name] = np.array([*mine, _NULL], dtype=np.int64)
        return found

    def _turns(self, source: str) -> tuple[str, ...]:
        more: tuple[str, ...] = ()
        if source == schema.TOUCHPOINTS:
            more = tuple(REPEAT + kind for kind in self.vocabulary.touchpoints)
            more += tuple(sequence_kind(kinds) for kinds in self.vocabulary.sequences)
        return (*TURNS.get(source, ()), *more)

    def code(self, source: str, kind: str) -> int:
        """Code of a kind or of a turn."""
        found = self.kinds.get((source, kind))
        return self.turns[source, kind] if found is None else found

    def column(self, source: str, measure: str, *, code: bool = False) -> int:
        """Column of what a feature aggregates; `code` says that a text is meant, which a measure may share its name with."""
        names = self.values[source]
        if source == schema.TOUCHPOINTS and not code and MEASURE_PREFIX + measure in names:
            return names.index(MEASURE_PREFIX + measure)
        return names.index(measure)

    def place(self, source: str, name: str) -> int:
        """Column of a value of a source; -1 if it has none."""
        names = self.values[source][: self.widths[source]]
        return names.index(name) if name in names else -1

    def kind_codes(self, source: str) -> dict[str, int]:
        """Kind name to code within one source."""
        return {kind: code for (of, kind), code in self.kinds.items() if of == source}

    def text_codes(self, source: str, column: str) -> dict[str, int]:
        """Text to code for a column that holds kinds or categories; what is not in it is unseen."""
        learnt = {
            (schema.TOUCHPOINTS, schema.TOUCHPOINT): self.vocabulary.touchpoints,
            (schema.SURVEYS, schema.METRIC): self.vocabulary.metrics,
        }.get((source, column))
        if learnt is not None:
            # Not the kinds of our own: a text can never be one of them.
            return {kind: self.kinds[source, kind] for kind in learnt if (source, kind) in self.kinds}
        if column == COMMENT_LANGUAGE:
            return {text: code for code, text in enumerate(LANGUAGES)}
        return {text: code for code, text in enumerate(self.vocabulary.categories.get(f"{source}.{column}", ()))}


def flag_of(aggregate: str, measure: str) -> str:
    """The computed column that says of each encounter whether a measure was worse than usual, or kept the promised level."""
    return f"{'within' if aggregate == 'within_share' else 'worse'}|{measure}"


def wanted_of(features: Collection[Feature]) -> frozenset[str]:
    """The computed columns of touchpoints that features read."""
    found = {str(feature.measure) for feature in features if feature.source == schema.TOUCHPOINTS}
    found |= {
        flag_of(feature.aggregate, str(feature.measure))
        for feature in features
        if feature.aggregate in {"worse_share", "within_share"}
    }
    of_quality = {"worst_age", "worst_category", "recovered"}
    if any(feature.aggregate in of_quality or feature.kind == GOOD for feature in features):
        found.add(QUALITY)
    return frozenset(found)


def scale_of(name: str, source: str) -> int:
    """Integers that one unit of a value column is; a measure may carry any name and is held in millionths."""
    if source == schema.TOUCHPOINTS and name.startswith(("worse|", "within|")):
        return 1
    if source in {schema.TRANSACTIONS, schema.SUBSCRIPTIONS, schema.TOUCHPOINTS} and name in _MONEY:
        return MONEY_SCALE
    return 1 if name in _CODES and source != schema.CUSTOMERS else MEASURE_SCALE


def text_columns(source: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The columns of texts of a source that the vocabulary reads as codes."""
    return tuple(name for name in _texts(vocabulary, source) if name != COMMENT_LENGTH)


def _texts(vocabulary: Vocabulary, source: str) -> tuple[str, ...]:
    candidates = {
        schema.TOUCHPOINTS: (schema.CHANNEL, schema.DEPARTMENT, schema.STAGE),
        schema.TRANSACTIONS: (schema.CATEGORY,),
        schema.SUBSCRIPTIONS: (schema.END_REASON,),
    }.get(source, ())
    found = tuple(name for name in candidates if vocabulary.categories.get(f"{source}.{name}"))
    if vocabulary.has(source, schema.COMMENT):
        found += (COMMENT_LENGTH, COMMENT_LANGUAGE)
    return found
