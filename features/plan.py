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
from features.encode import Layout
from features.journey import END
from features.schema import MICROSECONDS_PER_DAY

FOREVER = np.iinfo(np.int64).max
"""The age limit of what looks at all that is known."""


class Op(IntEnum):
    """What an event does to a state. WELFORD takes three states in a row, LAST two (the last and the one before)."""

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


_WIDTH = {Op.LAST: 2, Op.WELFORD: 3}


@dataclass(frozen=True, slots=True)
class Plan:
    """The kernel's program, as flat arrays.

    Attributes
    ----------
    edges
        Distinct age limits in microseconds, ascending; the first is 0, the last `FOREVER`.
    op, column, younger, older
        Per state: what happens, on which value column (-1: none), between which two edges (indices).
    kind_start, kind_states
        The states that each kind of event touches, in compressed rows, the oldest window first.
    formula, args, scale
        Per feature: how it is computed, from which states (n x 4), in which scale.
    """

    edges: NDArray[np.int64]
    op: NDArray[np.int64]
    column: NDArray[np.int64]
    younger: NDArray[np.int64]
    older: NDArray[np.int64]
    kind_start: NDArray[np.int64]
    kind_states: NDArray[np.int64]
    formula: NDArray[np.int64]
    args: NDArray[np.int64]
    scale: NDArray[np.float64]


@dataclass(slots=True)
class _Builder:
    layout: Layout
    keys: dict[tuple[str, str, Op, int, int, int], int] = field(default_factory=dict)
    states: list[tuple[Op, int, int, int]] = field(default_factory=list)
    touched: dict[int, list[int]] = field(default_factory=dict)

    def state(self, feature: Feature, op: Op, younger: int, older: int, kind: str | None = None) -> int:
        """Index of the state, made on first use."""
        names = self.layout.values[feature.source]
        needs_value = op not in {Op.COUNT, Op.FIRST_AT, Op.LAST_AT}
        column = names.index(feature.measure) if needs_value and feature.measure is not None else -1
        kind = feature.kind if kind is None else kind
        key = (feature.source, kind, op, younger, older, column)
        if key not in self.keys:
            first = len(self.states)
            self.keys[key] = first
            self.states += [(op, column, younger, older)] * _WIDTH.get(op, 1)
            for (source, name), code in self.layout.kinds.items():
                if source == feature.source and kind in (ANY, name):
                    self.touched.setdefault(code, []).append(first)
        return self.keys[key]


def compile_plan(features: tuple[Feature, ...], layout: Layout) -> Plan:
    """The program that computes these features, in this order."""
    builder = _Builder(layout)
    formulas, arguments, scales = [], [], []
    for feature in features:
        formula, args = _states(feature, builder)
        names = layout.values[feature.source]
        scale = layout.scales[feature.source][names.index(feature.measure)] if feature.measure is not None else 1
        if formula == Formula.INTEGER and feature.measure is not None:
            scale = 1
        formulas.append(int(formula))
        arguments.append((*args, *([-1] * (4 - len(args)))))
        scales.append(float(scale))
    edges = sorted({0, FOREVER} | {limit for _, _, younger, older in builder.states for limit in (younger, older)})
    place = {edge: position for position, edge in enumerate(edges)}
    start, touched = [0], []
    for code in range(len(layout.kinds)):
        # The oldest windows first, so that the kernel can leave the list at the first window an event has outgrown.
        mine = sorted(builder.touched.get(code, []), key=lambda state: -builder.states[state][3])
        touched += mine
        start.append(len(touched))
    return Plan(
        edges=np.array(edges, dtype=np.int64),
        op=np.array([state[0] for state in builder.states], dtype=np.int64),
        column=np.array([state[1] for state in builder.states], dtype=np.int64),
        younger=np.array([place[state[2]] for state in builder.states], dtype=np.int64),
        older=np.array([place[state[3]] for state in builder.states], dtype=np.int64),
        kind_start=np.array(start, dtype=np.int64),
        kind_states=np.array(touched, dtype=np.int64),
        formula=np.array(formulas, dtype=np.int64),
        args=np.array(arguments, dtype=np.int64).reshape(len(features), 4),
        scale=np.array(scales, dtype=np.float64),
    )


def _states(feature: Feature, builder: _Builder) -> tuple[Formula, tuple[int, ...]]:
    window = FOREVER if feature.window_days is None else feature.window_days * MICROSECONDS_PER_DAY

    def now(op: Op, kind: str | None = None) -> int:
        return builder.state(feature, op, 0, window, kind)

    def before(op: Op) -> int:
        return builder.state(feature, op, window, 2 * window)

    match feature.aggregate:
        case "count":
            return Formula.INTEGER, (now(Op.COUNT),)
        case "count_change":
            return Formula.DIFFERENCE, (now(Op.COUNT), before(Op.COUNT))
        case "recency":
            return Formula.SINCE, (now(Op.LAST_AT),)
        case "age":
            return Formula.SINCE, (now(Op.FIRST_AT),)
        case "sum":
            return Formula.SCALED, (now(Op.SUM),)
        case "sum_change":
            return Formula.SCALED_DIFFERENCE, (now(Op.SUM), before(Op.SUM))
        case "mean":
            return Formula.MEAN, (now(Op.SUM), now(Op.COUNT_VALUE))
        case "min":
            return Formula.VALUE, (now(Op.MIN),)
        case "max":
            return Formula.VALUE, (now(Op.MAX),)
        case "last":
            return Formula.VALUE, (now(Op.LAST),)
        case "last_change":
            last = now(Op.LAST)
            return Formula.LAST_CHANGE, (last, last + 1)
        case "spread":
            first = now(Op.WELFORD)
            return Formula.SPREAD, (first, first + 2)
        case "trend":
            return Formula.TREND, (now(Op.SUM), now(Op.COUNT_VALUE), before(Op.SUM), before(Op.COUNT_VALUE))
        case "usual_gap":
            return Formula.USUAL_GAP, (now(Op.FIRST_AT), now(Op.LAST_AT), now(Op.COUNT))
        case "gap_ratio":
            return Formula.GAP_RATIO, (now(Op.FIRST_AT), now(Op.LAST_AT), now(Op.COUNT))
        case "open_count":
            return Formula.DIFFERENCE, (now(Op.COUNT), now(Op.COUNT, END))
        case "open_sum":
            return Formula.SCALED_DIFFERENCE, (now(Op.SUM), now(Op.SUM, END))
        case "current":
            return Formula.BITS, (now(Op.CURRENT),)
        case "current_category":
            return Formula.INTEGER, (now(Op.CURRENT),)
        case "last_category":
            return Formula.INTEGER, (now(Op.LAST),)
        case other:
            raise ValueError(f"no formula for the aggregate '{other}'")
