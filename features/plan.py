"""From a catalogue of features to what the kernel runs: few states that many features share, and a formula for each feature.

A state is one running integer (a count, a sum, a last time, ...) over the events of some kinds whose age at as_of lies in
``(younger, older]``; as_of - at is at most the window and more than zero, so windows are ``[as_of - w, as_of)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from features.definition import ANY, Feature
from features.journey import END, GOOD, OCCASION, PAYMENT, REPEAT, TURNS, UNKNOWN_TOUCHPOINT
from features.layout import COST, FEE_STEP, QUALITY, Layout, flag_of
from features.maker import TurnMaker, turn_maker
from features.schema import AMOUNT, MICROSECONDS_PER_DAY, TOUCHPOINTS, TRANSACTIONS

FOREVER = np.iinfo(np.int64).max
"""The age limit of what looks at all that is known."""


class Op(IntEnum):
    """What an event does to a state.

    WELFORD and WORST take three states in a row, LAST two (the last and the one before): those after the first are
    CARRIED (missing at first) or COUNTED (zero at first), and the kernel fills them beside the first.
    """

    COUNT = 0
    COUNT_VALUE = 1
    SUM = 2
    MIN = 3
    MAX = 4
    FIRST_AT = 5
    LAST_AT = 6
    LAST = 7
    CURRENT = 8
    WELFORD = 9
    WORST = 10
    FIRST = 11
    DISTINCT = 12
    CARRIED = 20
    COUNTED = 21


class Formula(IntEnum):
    """How states become a feature."""

    INTEGER = 0
    SCALED = 1
    MEAN = 2
    VALUE = 3
    SINCE = 4
    USUAL_GAP = 5
    GAP_RATIO = 6
    SPREAD = 7
    DIFFERENCE = 8
    SCALED_DIFFERENCE = 9
    TREND = 10
    LAST_CHANGE = 11
    BITS = 12
    RANGE = 13
    SHARE = 14
    PACE = 15
    RECOVERED = 16
    GAP_SCORE = 17
    ANNIVERSARY = 18
    BITS_SET = 19
    WORST_KIND = 20
    ZEROS = 21
    NOTHING = 22


_MORE = {
    Op.LAST: (Op.CARRIED,),
    Op.WELFORD: (Op.COUNTED, Op.COUNTED),
    Op.WORST: (Op.CARRIED, Op.CARRIED),
    Op.COUNTED: (Op.COUNTED,),
}
_WITHOUT_VALUE = {Op.COUNT, Op.FIRST_AT, Op.LAST_AT, Op.COUNTED}
_SCALED = {
    Formula.SCALED,
    Formula.MEAN,
    Formula.VALUE,
    Formula.SPREAD,
    Formula.SCALED_DIFFERENCE,
    Formula.TREND,
    Formula.LAST_CHANGE,
    Formula.RANGE,
    Formula.ZEROS,
}
_OF_PAYMENTS = {(TRANSACTIONS, turn) for turn in TURNS[TRANSACTIONS]}
_CODED = {"last_category", "first_category", "max_category", "distinct"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The kernel's program, as flat arrays.

    Attributes
    ----------
    edges
        Distinct age limits in microseconds, ascending; the first is 0, the last `FOREVER`.
    op
        Per state: what happens to it.
    code_start, program
        What each kind of event does, in compressed rows, the oldest window first: state, op, value column (-1: none), and
        between which two edges (indices); shape (n, 5).
    own
        Per pair of states of a customer's own median: value column, window in microseconds, the two states; shape (n, 4).
    turns
        What the kernel needs to tell the turns of events, see `features.maker`.
    formula, args, scale
        Per feature: how it is computed, from which states (n x 4), in which scale.
    """

    edges: NDArray[np.int64]
    op: NDArray[np.int64]
    code_start: NDArray[np.int64]
    program: NDArray[np.int64]
    own: NDArray[np.int64]
    turns: TurnMaker
    formula: NDArray[np.int64]
    args: NDArray[np.int64]
    scale: NDArray[np.float64]


@dataclass(slots=True)
class _Builder:
    layout: Layout
    keys: dict[tuple[str, str, Op, int, int, int], int] = field(default_factory=dict)
    states: list[tuple[Op, int, int, int]] = field(default_factory=list)
    touched: dict[int, list[int]] = field(default_factory=dict)
    own: list[tuple[int, int, int, int]] = field(default_factory=list)

    def state(self, source: str, kind: str, op: Op, column: int, younger: int, older: int) -> int:
        """Index of the state, made on first use."""
        key = (source, kind, op, younger, older, column)
        if key not in self.keys:
            first = len(self.states)
            self.keys[key] = first
            self.states += [(item, column, younger, older) for item in (op, *_MORE.get(op, ()))]
            if op != Op.COUNTED:
                for code in self._codes(source, kind):
                    self.touched.setdefault(code, []).append(first)
        return self.keys[key]

    def _codes(self, source: str, kind: str) -> list[int]:
        if kind == ANY:
            return list(self.layout.kind_codes(source).values())
        return [self.layout.code(source, kind)]


def compile_plan(features: tuple[Feature, ...], layout: Layout) -> Plan:
    """The program that computes these features, in this order."""
    builder = _Builder(layout)
    made = [_Compiler(feature, builder).compile() for feature in features]
    edges = sorted({0, FOREVER} | {limit for _, _, younger, older in builder.states for limit in (younger, older)})
    place = {edge: position for position, edge in enumerate(edges)}
    start, program = [0], []
    for code in range(len(layout.kinds) + len(layout.turns)):
        # The oldest windows first, so that the kernel can leave the list at the first window an event has outgrown.
        for state in sorted(builder.touched.get(code, []), key=lambda state: -builder.states[state][3]):
            op, column, younger, older = builder.states[state]
            program.append((state, int(op), column, place[younger], place[older]))
        start.append(len(program))
    return Plan(
        edges=np.array(edges, dtype=np.int64),
        op=np.array([int(state[0]) for state in builder.states], dtype=np.int64),
        code_start=np.array(start, dtype=np.int64),
        program=np.array(program, dtype=np.int64).reshape(len(program), 5),
        own=np.array(builder.own, dtype=np.int64).reshape(len(builder.own), 4),
        turns=turn_maker(layout, set(builder.touched), _made_sources(builder)),
        formula=np.array([int(formula) for formula, _, _ in made], dtype=np.int64),
        args=np.array([(*args, *([-1] * (4 - len(args)))) for _, args, _ in made], dtype=np.int64).reshape(
            len(made), 4
        ),
        scale=np.array([scale for _, _, scale in made], dtype=np.float64),
    )


def _made_sources(builder: _Builder) -> set[str]:
    """Sources of which a state reads a value that is made in the kernel."""
    return {
        source
        for (source, _, _, _, _, column) in builder.keys
        if column >= builder.layout.widths.get(source, column + 1)
    }


@dataclass(slots=True)
class _Compiler:
    """One feature to its formula and states."""

    feature: Feature
    builder: _Builder
    window: int = field(init=False)

    def __post_init__(self) -> None:
        days = self.feature.window_days
        self.window = FOREVER if days is None else days * MICROSECONDS_PER_DAY

    def compile(self) -> tuple[Formula, tuple[int, ...], float]:
        """Formula, states, scale."""
        formula, args = self._states()
        if formula == Formula.PACE:
            return formula, args, float(self.feature.against_days or 1) / float(self.feature.window_days or 1)
        scaled = self.feature.measure is not None and formula in _SCALED
        return formula, args, float(self._scale() if scaled else 1)

    def _column(self, measure: str | None = None) -> int:
        name = measure or self.feature.measure
        if name is None:
            return -1
        return self.builder.layout.column(self.feature.source, name, code=self.feature.aggregate in _CODED)

    def _scale(self) -> int:
        return self.builder.layout.scales[self.feature.source][self._column()]

    def _state(
        self,
        op: Op,
        *,
        kind: str | None = None,
        source: str | None = None,
        column: int | None = None,
        before: bool = False,
    ) -> int:
        source = source or self.feature.source
        if column is None:
            column = -1 if op in _WITHOUT_VALUE else self._column()
        younger, older = (self.window, 2 * self.window) if before else (0, self.window)
        return self.builder.state(source, kind or self.feature.kind, op, column, younger, older)

    def _states(self) -> tuple[Formula, tuple[int, ...]]:
        found = self._counted() or self._valued() or self._ordered() or self._compared()
        if found is None:
            raise ValueError(f"no formula for the aggregate '{self.feature.aggregate}'")
        return found

    def _counted(self) -> tuple[Formula, tuple[int, ...]] | None:
        """Counts, times and gaps."""
        state = self._state
        match self.feature.aggregate:
            case "count":
                return Formula.INTEGER, (state(Op.COUNT),)
            case "count_change":
                return Formula.DIFFERENCE, (state(Op.COUNT), state(Op.COUNT, before=True))
            case "count_value":
                return Formula.INTEGER, (state(Op.COUNT_VALUE),)
            case "recency":
                return Formula.SINCE, (state(Op.LAST_AT),)
            case "age":
                return Formula.SINCE, (state(Op.FIRST_AT),)
            case "anniversary":
                return Formula.ANNIVERSARY, (state(Op.LAST_AT),)
            case "usual_gap":
                return Formula.USUAL_GAP, (state(Op.FIRST_AT), state(Op.LAST_AT), state(Op.COUNT))
            case "gap_ratio":
                return Formula.GAP_RATIO, (state(Op.FIRST_AT), state(Op.LAST_AT), state(Op.COUNT))
            case "gap_score":
                spread = state(Op.WELFORD)
                return Formula.GAP_SCORE, (state(Op.LAST_AT), spread, spread + 2)
            case "open_count":
                return Formula.DIFFERENCE, (state(Op.COUNT), state(Op.COUNT, kind=END))
            case "pace" | "company_pace":
                # Over the company's own pace, which the host divides by (see `features.company`).
                longest = int(self.feature.against_days or 1) * MICROSECONDS_PER_DAY
                whole = self.builder.state(self.feature.source, self.feature.kind, Op.COUNT, -1, 0, longest)
                return Formula.PACE, (state(Op.COUNT), whole)
        return None

    def _valued(self) -> tuple[Formula, tuple[int, ...]] | None:
        """What is known of a measure in a window."""
        state = self._state
        match self.feature.aggregate:
            case "sum":
                return Formula.SCALED, (state(Op.SUM),)
            case "sum_change":
                return Formula.SCALED_DIFFERENCE, (state(Op.SUM), state(Op.SUM, before=True))
            case "open_sum":
                return Formula.SCALED_DIFFERENCE, (state(Op.SUM), state(Op.SUM, kind=END))
            case "mean":
                return Formula.MEAN, (state(Op.SUM), state(Op.COUNT_VALUE))
            case "min":
                return Formula.VALUE, (state(Op.MIN),)
            case "max":
                return Formula.VALUE, (state(Op.MAX),)
            case "range":
                return Formula.RANGE, (state(Op.MAX), state(Op.MIN))
            case "spread":
                first = state(Op.WELFORD)
                return Formula.SPREAD, (first, first + 2)
            case "trend":
                now = state(Op.SUM), state(Op.COUNT_VALUE)
                return Formula.TREND, (*now, state(Op.SUM, before=True), state(Op.COUNT_VALUE, before=True))
            case "zeros":
                return Formula.ZEROS, (state(Op.SUM), state(Op.COUNT_VALUE))
            case "distinct":
                return Formula.BITS_SET, (state(Op.DISTINCT),)
            case "max_category":
                return Formula.VALUE, (state(Op.MAX),)
        return None

    def _ordered(self) -> tuple[Formula, tuple[int, ...]] | None:
        """What came first, last or worst."""
        state, layout = self._state, self.builder.layout
        match self.feature.aggregate:
            case "last":
                return Formula.VALUE, (state(Op.LAST),)
            case "previous":
                return Formula.VALUE, (state(Op.LAST) + 1,)
            case "last_step":
                return Formula.VALUE, (state(Op.LAST, column=self._column(FEE_STEP)),)
            case "last_change":
                last = state(Op.LAST)
                return Formula.LAST_CHANGE, (last, last + 1)
            case "current":
                return Formula.BITS, (state(Op.CURRENT),)
            case "current_category":
                return Formula.INTEGER, (state(Op.CURRENT),)
            case "last_category":
                return Formula.INTEGER, (state(Op.LAST),)
            case "first_category":
                return Formula.INTEGER, (state(Op.FIRST),)
            case "worst_age":
                return Formula.SINCE, (state(Op.WORST, column=self._column(QUALITY)) + 1,)
            case "recovered":
                worst = state(Op.WORST, column=self._column(QUALITY))
                good = self.builder.state(TOUCHPOINTS, GOOD, Op.LAST_AT, -1, 0, FOREVER)
                return Formula.RECOVERED, (worst + 1, good)
            case "worst_category":
                codes = layout.kind_codes(TOUCHPOINTS)
                unknown = codes[UNKNOWN_TOUCHPOINT]
                worst = state(Op.WORST, column=self._column(QUALITY))
                return Formula.WORST_KIND, (worst + 2, unknown - len(layout.vocabulary.touchpoints), unknown)
        return None

    def _compared(self) -> tuple[Formula, tuple[int, ...]] | None:
        """Shares and ratios."""
        state = self._state
        match self.feature.aggregate:
            case "worse_share" | "within_share":
                flag = flag_of(self.feature.aggregate, str(self.feature.measure))
                column = self.builder.layout.column(TOUCHPOINTS, flag)
                return Formula.SHARE, (state(Op.SUM, column=column), state(Op.COUNT_VALUE, column=column))
            case "own_worse_share":
                counted = self.builder.state(
                    TOUCHPOINTS, f"own {self.feature.measure}", Op.COUNTED, self._column(), 0, self.window
                )
                mine = (self._column(), self.window, counted + 1, counted)
                if mine not in self.builder.own:
                    self.builder.own.append(mine)
                return Formula.SHARE, (counted + 1, counted)
            case "repeats":
                return Formula.INTEGER, (state(Op.COUNT, kind=REPEAT + self.feature.kind),)
            case "repeat_share":
                return Formula.SHARE, (state(Op.COUNT, kind=REPEAT + self.feature.kind), state(Op.COUNT))
            case "share":
                return Formula.SHARE, (state(Op.COUNT), state(Op.COUNT, kind=_whole(self.feature)))
            case "money_share":
                paid = state(Op.SUM, kind=PAYMENT, column=self._column(AMOUNT))
                return Formula.SHARE, (state(Op.SUM, column=self._column(AMOUNT)), paid)
            case "per_occasion":
                return Formula.MEAN, (state(Op.SUM), state(Op.COUNT, kind=OCCASION))
            case "lines_per_occasion":
                return Formula.SHARE, (state(Op.COUNT), state(Op.COUNT, kind=OCCASION))
            case "per_payment":
                amount = self.builder.layout.column(TRANSACTIONS, AMOUNT)
                paid = state(Op.SUM, source=TRANSACTIONS, kind=PAYMENT, column=amount)
                return Formula.SHARE, (state(Op.SUM, column=self._column(COST)), paid)
            case "company_change" | "company_relative":
                # Of the company as a whole, which the host puts in (see `features.company`); here the customer's side.
                if self.feature.aggregate == "company_change":
                    return Formula.NOTHING, ()
                return Formula.MEAN, (state(Op.SUM), state(Op.COUNT_VALUE))
        return None


def _whole(feature: Feature) -> str:
    """What a share is a share of: what a payment is besides, of payments; any other kind, of all events of its table."""
    return PAYMENT if (feature.source, feature.kind) in _OF_PAYMENTS else ANY
