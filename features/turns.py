"""What an event is besides its own kind: a repeat, a hand-over, a step back, a new category, a rise of the fee.

Such turns depend on the events before, so they are made where the events of one customer stand in order, from what was known.
Each event gets up to `TURNS_WIDTH` further kinds (-1: none), which the kernel counts as it counts any kind, and `VALUES_MADE`
further values: the gap since the event before, and the like.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from features.encode import NULL
from features.schema import MICROSECONDS_PER_DAY

TURNS_WIDTH: Final = 8
VALUES_MADE: Final = 3

REPEAT_DAYS: Final = 7
"""The same matter: another encounter within so many days (the usual reach of first-contact resolution)."""

SEQUENCE_DAYS: Final = 30
"""One encounter follows another if it comes within so many days of it."""

CHEAP: Final = 0.9
"""A discount: a price per piece of at most this share of the category's usual one."""

RISEN: Final = 1.02
"""A price rise: a price per piece of more than this multiple of what the customer paid for the category before."""

_NULL = NULL
_DAY = MICROSECONDS_PER_DAY
_REPEAT = REPEAT_DAYS * MICROSECONDS_PER_DAY
_SEQUENCE = SEQUENCE_DAYS * MICROSECONDS_PER_DAY
_CHEAP = CHEAP
_RISEN = RISEN
_TURNS_WIDTH = TURNS_WIDTH
_VALUES_MADE = VALUES_MADE


@numba.njit(cache=True, nogil=True)
def _touchpoints(at, kind, values, first, last, columns, codes, base, repeats, pairs, triples, turns, made):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    channel, department, stage, quality, resolved = columns[0], columns[1], columns[2], columns[3], columns[4]
    switch, handover, loop_back, entry, good = codes[0], codes[1], codes[2], codes[3], codes[4]
    kinds = len(pairs)
    before = np.full(kinds, _NULL, dtype=np.int64)  # when each kind was met last
    unresolved = np.full(kinds, _NULL, dtype=np.int64)  # since when each kind has been unresolved
    channel_before, channel_at = _NULL, _NULL
    department_before, department_at = _NULL, _NULL
    stage_before = _NULL
    last_kind, kind_before_that, last_at, at_before_that = -1, -1, _NULL, _NULL
    for i in range(first, last):
        here = i - first
        t, own = at[i], kind[i] - base
        fill = 0
        for j in range(_TURNS_WIDTH):
            turns[here, j] = -1
        made[here, 0] = _NULL if last_at == _NULL else t - last_at
        made[here, 1] = _NULL if before[own] == _NULL else t - before[own]
        made[here, 2] = _NULL
        if repeats[own] >= 0 and before[own] != _NULL and t - before[own] <= _REPEAT:
            turns[here, fill] = repeats[own]
            fill += 1
        if channel >= 0 and values[i, channel] != _NULL:
            value = values[i, channel]
            if switch >= 0 and channel_before != _NULL and value != channel_before and t - channel_at <= _REPEAT:
                turns[here, fill] = switch
                fill += 1
            channel_before, channel_at = value, t
        if department >= 0 and values[i, department] != _NULL:
            value = values[i, department]
            if (
                handover >= 0
                and department_before != _NULL
                and value != department_before
                and t - department_at <= _REPEAT
            ):
                turns[here, fill] = handover
                fill += 1
            department_before, department_at = value, t
        if stage >= 0 and values[i, stage] != _NULL:
            value = values[i, stage]
            if entry >= 0 and value != stage_before:
                turns[here, fill] = entry
                fill += 1
            if loop_back >= 0 and stage_before != _NULL and value < stage_before:
                turns[here, fill] = loop_back
                fill += 1
            stage_before = value
        if good >= 0 and quality >= 0 and values[i, quality] != _NULL and values[i, quality] > 0:
            turns[here, fill] = good
            fill += 1
        if resolved >= 0 and values[i, resolved] != _NULL:
            if values[i, resolved] > 0:
                # What is resolved at the first contact took no time; only what says nothing of it has none.
                made[here, 2] = t - unresolved[own] if unresolved[own] != _NULL else 0
                unresolved[own] = _NULL
            elif unresolved[own] == _NULL:
                unresolved[own] = t
        if last_kind >= 0 and t - last_at <= _SEQUENCE:
            code = pairs[last_kind, own]
            if code >= 0:
                turns[here, fill] = code
                fill += 1
            if kind_before_that >= 0 and last_at - at_before_that <= _SEQUENCE:
                for k in range(len(triples)):
                    if triples[k, 0] == kind_before_that and triples[k, 1] == last_kind and triples[k, 2] == own:
                        turns[here, fill] = triples[k, 3]
                        fill += 1
                        break
        before[own] = t
        kind_before_that, at_before_that = last_kind, last_at
        last_kind, last_at = own, t


@numba.njit(cache=True, nogil=True)
def _transactions(at, kind, values, first, last, columns, codes, payment, prices, turns, made, seen, paid, walk):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    amount, quantity, category = columns[0], columns[1], columns[2]
    occasion, fresh, premium, discount, risen = codes[0], codes[1], codes[2], codes[3], codes[4]
    day_before, at_before = _NULL, _NULL
    for i in range(first, last):
        here = i - first
        fill = 0
        for j in range(_TURNS_WIDTH):
            turns[here, j] = -1
        for j in range(_VALUES_MADE):
            made[here, j] = _NULL
        if kind[i] != payment:
            continue
        day = at[i] // _DAY
        if day_before == _NULL or day != day_before:
            # Lines of one day are one occasion.
            made[here, 0] = _NULL if at_before == _NULL else at[i] - at_before
            if occasion >= 0:
                turns[here, fill] = occasion
                fill += 1
            day_before, at_before = day, at[i]
        group = values[i, category] if category >= 0 else _NULL
        place = group if group != _NULL else len(seen) - 1
        known = group != _NULL and seen[place] == walk
        if fresh >= 0 and group != _NULL and not known:
            turns[here, fill] = fresh
            fill += 1
        pieces = values[i, quantity] if quantity >= 0 else _NULL
        if values[i, amount] != _NULL and (pieces == _NULL or pieces > 0):
            price = float(values[i, amount]) if pieces == _NULL else float(values[i, amount]) * 1e6 / float(pieces)
            usual, high = prices[place, 0], prices[place, 1]
            if premium >= 0 and high > 0.0 and price >= high:
                turns[here, fill] = premium
                fill += 1
            if discount >= 0 and usual > 0.0 and price <= _CHEAP * usual:
                turns[here, fill] = discount
                fill += 1
            if risen >= 0 and known and paid[place] > 0.0 and price > _RISEN * paid[place]:
                turns[here, fill] = risen
                fill += 1
            if group != _NULL:
                paid[place] = price
        elif group != _NULL and not known:
            paid[place] = 0.0
        if group != _NULL:
            seen[place] = walk


@numba.njit(cache=True, nogil=True)
def _follow(ended, count, side, plan):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Take, of the contracts that ended and that none has followed yet, the last of this plan, or else the last: plan and fee.

    `ended` holds plan and fee, and for each of the two `side`s whether it waits to be followed.
    """
    found = -1
    for j in range(count - 1, -1, -1):
        if ended[j, 2 + side]:
            if found < 0:
                found = j
            if plan == _NULL:
                break
            if ended[j, 0] == plan:
                found = j
                break
    if found < 0:
        return _NULL
    ended[found, 2 + side] = 0
    return ended[found, side]


@numba.njit(cache=True, nogil=True)
def _subscriptions(kind, values, first, last, columns, codes, start, turns, made):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    ended = np.empty((last - first, 4), dtype=np.int64)
    count = 0
    for i in range(first, last):
        here = i - first
        fill = 0
        for j in range(_TURNS_WIDTH):
            turns[here, j] = -1
        for j in range(_VALUES_MADE):
            made[here, j] = _NULL
        fee, plan = values[i, columns[0]], values[i, columns[1]]
        if kind[i] != start:
            ended[count, 0], ended[count, 1] = plan, fee
            ended[count, 2], ended[count, 3] = plan != _NULL, fee != _NULL
            count += 1
            continue
        # What runs beside others follows none of them: only what has ended makes room for another.
        if plan != _NULL:
            plan_before = _follow(ended, count, 0, plan)
            if codes[0] >= 0 and plan_before != _NULL and plan != plan_before:
                turns[here, fill] = codes[0]
                fill += 1
        if fee != _NULL:
            fee_before = _follow(ended, count, 1, plan)
            if fee_before != _NULL:
                made[here, 0] = fee - fee_before
                code = codes[1] if fee > fee_before else codes[2]
                if code >= 0 and fee != fee_before:
                    turns[here, fill] = code
                    fill += 1


@numba.njit(cache=True, nogil=True)
def _customers(kind, values, first, last, version, change, turns, made):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    width = values.shape[1]
    told = np.full(width, _NULL, dtype=np.int64)  # what the versions so far said of each attribute last
    for i in range(first, last):
        here = i - first
        for j in range(_TURNS_WIDTH):
            turns[here, j] = -1
        for j in range(_VALUES_MADE):
            made[here, j] = _NULL
        if kind[i] != version:
            continue
        for j in range(width):
            value = values[i, j]
            if value == _NULL:
                continue
            if told[j] != _NULL and value != told[j]:
                turns[here, 0] = change
            told[j] = value


@numba.njit(cache=True, nogil=True)
def make_turns(source, at, kind, values, first, last, maker, turns, made, seen, paid, walk):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Fill `turns` and `made` for the events first..last of one customer, in their order.

    `source` is the place in `schema.TABLES`; `maker` is `features.plan.TurnMaker` as a tuple; `seen` and `paid` remember the
    categories of this `walk` alone, so they need not be cleared between customers.
    """
    (
        _derived, _categories, version, change, columns, codes, base, repeats, pairs, triples,
        sale_columns, sale_codes, payment, prices, fee_columns, fee_codes, start,
    ) = maker  # fmt: skip
    if source == 0:
        _customers(kind, values, first, last, version, change, turns, made)
    elif source == 1:
        _touchpoints(at, kind, values, first, last, columns, codes, base, repeats, pairs, triples, turns, made)
    elif source == 3:
        _transactions(
            at, kind, values, first, last, sale_columns, sale_codes, payment, prices, turns, made, seen, paid, walk
        )
    elif source == 4:
        _subscriptions(kind, values, first, last, fee_columns, fee_codes, start, turns, made)
