"""The one compiled kernel: it walks a customer's events once, and each event updates only the rows whose windows hold it.

Batch, online and cluster hosts call `run` with the same program and the same integers, and so get the same bits. Rows of a
customer are sorted by as_of; events of a source by the time they happened, ties by kind, recording time and raw values, so
that "the last" never depends on the order in which rows were read.

Counts and sums are exact integers, so an event is added where its window begins and taken off where it ends, and one running
total over the rows finishes them: the cost of an event does not grow with the number of dates. A row that some event had
happened before, but was not known to, is walked by itself over what was known then.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from features.encode import NULL
from features.finish import finish
from features.plan import Plan
from features.turns import TURNS_WIDTH, VALUES_MADE, make_turns

_NULL = NULL
_NONE = np.iinfo(np.int64).max
_TURNS = TURNS_WIDTH
_MADE = VALUES_MADE


@numba.njit(cache=True, nogil=True)
def _walk(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    at, kind, values, made, turns, derived, first, last, times, lo, hi,
    edges, code_start, program, state, bits, latest, end,
):  # fmt: skip
    """Let the events first..last update the states of the rows lo..hi, all of which know all of them."""
    n_edges = len(edges)
    width = values.shape[1]
    limit = times[hi - 1]
    for e in range(n_edges):
        end[e] = lo
    end[n_edges - 1] = hi
    due = at[first] if first < last else limit
    for i in range(first, last):
        t = at[i]
        if t >= limit:
            break
        if t >= due:
            # Some row leaves a window: until the next one does, the ends of all windows stay.
            due = _NONE
            for e in range(n_edges - 1):
                position = end[e]
                reach = t + edges[e]
                while position < hi and times[position] <= reach:
                    position += 1
                end[e] = position
                if position < hi:
                    due = min(due, times[position] - edges[e])
        here = i - first
        code = kind[i]
        turn = -1
        while True:
            for k in range(code_start[code], code_start[code + 1]):
                stop = end[program[k, 4]]
                if stop <= lo:
                    break
                start = end[program[k, 3]]
                if start >= stop:
                    continue
                s = program[k, 0]
                what = program[k, 1]
                if what == 0:
                    state[s, start] += 1
                    if stop < hi:
                        state[s, stop] -= 1
                    continue
                if what == 6:
                    state[s, start] = t
                    continue
                if what == 5:
                    if latest[s] == _NULL:
                        latest[s] = t
                        state[s, start] = t
                    continue
                column = program[k, 2]
                value = values[i, column] if column < width else made[here, column - width]
                if what == 8:
                    state[s, start] = value
                    continue
                if value == _NULL:
                    continue
                if what == 2:
                    state[s, start] += value
                    if stop < hi:
                        state[s, stop] -= value
                elif what == 1:
                    state[s, start] += 1
                    if stop < hi:
                        state[s, stop] -= 1
                elif what == 3:
                    for r in range(start, stop):
                        state[s, r] = min(state[s, r], value)
                elif what == 4:
                    for r in range(start, stop):
                        state[s, r] = max(state[s, r], value)
                elif what == 7:
                    state[s + 1, start] = latest[s]
                    state[s, start] = value
                    latest[s] = value
                elif what == 9:
                    # Welford (1962): the order of events is total, so the floats are the same on every host.
                    x = float(value)
                    for r in range(start, stop):
                        state[s, r] += 1
                        delta = x - bits[s + 1, r]
                        bits[s + 1, r] += delta / state[s, r]
                        bits[s + 2, r] += delta * (x - bits[s + 1, r])
                elif what == 10:
                    for r in range(start, stop):
                        # Of equally bad encounters the latest counts.
                        if state[s, r] == _NULL or value <= state[s, r]:
                            state[s, r] = value
                            state[s + 1, r] = t
                            state[s + 2, r] = code
                elif what == 11:
                    if latest[s] == _NULL:
                        latest[s] = value
                        state[s, start] = value
                elif what == 12:
                    bit = np.int64(1) << min(value, 62)
                    for r in range(start, stop):
                        state[s, r] |= bit
            if not derived:
                break
            turn += 1
            while turn < _TURNS and turns[here, turn] < 0:
                turn += 1
            if turn >= _TURNS:
                break
            code = turns[here, turn]


@numba.njit(cache=True, nogil=True)
def _reset(op, state, latest, rows):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    for s in range(len(op)):
        what = op[s]
        empty = 0
        if what in (4, 5, 6, 7, 10, 11, 20):
            empty = _NULL
        elif what in (3, 8):
            empty = _NONE
        for r in range(rows):
            state[s, r] = empty
        latest[s] = _NULL


@numba.njit(cache=True, nogil=True)
def _settle(op, state, lo, hi):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Run the totals over the rows, and carry what was last seen to the rows after it."""
    for s in range(len(op)):
        what = op[s]
        if what <= 2:
            for r in range(lo + 1, hi):
                state[s, r] += state[s, r - 1]
        elif what in (5, 6, 11):
            for r in range(lo + 1, hi):
                if state[s, r] == _NULL:
                    state[s, r] = state[s, r - 1]
        elif what == 7:
            for r in range(lo + 1, hi):
                if state[s, r] == _NULL:
                    state[s, r] = state[s, r - 1]
                    state[s + 1, r] = state[s + 1, r - 1]
        elif what == 8:
            for r in range(lo, hi):
                if state[s, r] == _NONE:
                    state[s, r] = state[s, r - 1] if r > lo else _NULL


@numba.njit(cache=True, nogil=True)
def _own(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    at, values, first, last, times, lo, hi, own, state
):
    """Of the encounters in a window, how many were worse than the customer's own median over all that is known."""
    room = np.empty(last - first, dtype=np.int64)
    when = np.empty(last - first, dtype=np.int64)
    for q in range(len(own)):
        column, window, worse, counted = own[q, 0], own[q, 1], own[q, 2], own[q, 3]
        for r in range(lo, hi):
            n = 0
            for i in range(first, last):
                if at[i] >= times[r]:
                    break
                if values[i, column] != _NULL:
                    room[n] = values[i, column]
                    when[n] = at[i]
                    n += 1
            if n == 0:
                continue
            ordered = np.sort(room[:n])
            # Twice the median stays an integer.
            twice = ordered[(n - 1) // 2] + ordered[n // 2]
            for k in range(n - 1, -1, -1):
                if times[r] - when[k] > window:
                    break
                state[counted, r] += 1
                if 2 * room[k] < twice:
                    state[worse, r] += 1


@numba.njit(cache=True, nogil=True)
def _late_rows(at, known, first, last, times, late):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Mark the rows that an event had happened before without being known."""
    found = False
    rows = len(times)
    for i in range(first, last):
        if known[i] > at[i]:
            r = np.searchsorted(times, at[i], side="right")
            while r < rows and times[r] <= known[i]:
                late[r] = True
                found = True
                r += 1
    return found


@numba.njit(cache=True, nogil=True)
def _run(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    sources, edges, op, code_start, program, own, turn_maker, formula, args, scale,
    row_starts, times, places, out,
):  # fmt: skip
    customers = len(row_starts) - 1
    longest = 0
    for c in range(customers):
        longest = max(longest, row_starts[c + 1] - row_starts[c])
    most = 0
    for _at, _known, _kind, _values, starts in sources:
        for c in range(customers):
            most = max(most, starts[c + 1] - starts[c])
    state = np.empty((len(op), longest), dtype=np.int64)
    bits = state.view(np.float64)
    latest = np.empty(len(op), dtype=np.int64)
    end = np.empty(len(edges), dtype=np.int64)
    late = np.zeros(longest, dtype=np.bool_)
    derived = turn_maker[0]
    # One flag per source: which of them make turns or values that a feature of this program reads.
    made = np.empty((most if derived.any() else 0, _MADE), dtype=np.int64)
    turns = np.empty((most if derived.any() else 0, _TURNS), dtype=np.int64)
    seen = np.zeros(turn_maker[1], dtype=np.int64)
    paid = np.zeros(turn_maker[1], dtype=np.float64)
    walks = 0
    for c in range(customers):
        row_lo, row_hi = row_starts[c], row_starts[c + 1]
        if row_lo == row_hi:
            continue
        rows = row_hi - row_lo
        mine = times[row_lo:row_hi]
        _reset(op, state, latest, rows)
        some_late = False
        late[:rows] = False
        for at, known, _kind, _values, starts in sources:
            some_late |= _late_rows(at, known, starts[c], starts[c + 1], mine, late[:rows])
        lo = 0
        while lo < rows:
            # A run of rows that know all that happened before them; or one that does not.
            hi = lo + 1
            if not late[lo]:
                while hi < rows and not late[hi]:
                    hi += 1
            latest[:] = _NULL
            number = -1
            for at, known, kind, values, starts in sources:
                number += 1
                first, last = starts[c], starts[c + 1]
                if first == last:
                    continue
                if some_late and late[lo]:
                    fill = 0
                    some_at = np.empty(last - first, dtype=np.int64)
                    some_kind = np.empty(last - first, dtype=np.int64)
                    some_values = np.empty((last - first, values.shape[1]), dtype=np.int64)
                    for i in range(first, last):
                        if at[i] < mine[lo] and known[i] < mine[lo]:
                            some_at[fill] = at[i]
                            some_kind[fill] = kind[i]
                            some_values[fill] = values[i]
                            fill += 1
                    walks += 1
                    if derived[number]:
                        make_turns(
                            number, some_at, some_kind, some_values, 0, fill, turn_maker, turns, made, seen, paid, walks
                        )
                    _walk(
                        some_at, some_kind, some_values, made, turns, derived[number], 0, fill, mine, lo, hi,
                        edges, code_start, program, state, bits, latest, end,
                    )  # fmt: skip
                    if number == 1 and len(own):
                        _own(some_at, some_values, 0, fill, mine, lo, hi, own, state)
                    continue
                walks += 1
                if derived[number]:
                    make_turns(number, at, kind, values, first, last, turn_maker, turns, made, seen, paid, walks)
                _walk(
                    at, kind, values, made, turns, derived[number], first, last, mine, lo, hi,
                    edges, code_start, program, state, bits, latest, end,
                )  # fmt: skip
                if number == 1 and len(own):
                    _own(at, values, first, last, mine, lo, hi, own, state)
            _settle(op, state, lo, hi)
            lo = hi
        finish(formula, args, scale, state, bits, mine, places[row_lo:row_hi], out)


Sources = tuple[
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...
]
"""Per source, in the order of `schema.TABLES`: at, known, kind (n,), values (n, width), and where each customer's events start
(customers + 1,)."""


def run(
    plan: Plan,
    sources: Sources,
    row_starts: NDArray[np.int64],
    times: NDArray[np.int64],
    places: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Compute the features of every row into `out`.

    Parameters
    ----------
    plan
        The compiled program.
    sources
        Events, ordered by `features.order.order_events`.
    row_starts
        Where each customer's rows start, shape (customers + 1,).
    times
        as_of of each row in microseconds, ascending within a customer, shape (rows,).
    places
        The column of `out` that each row is written to, shape (rows,).
    out
        Shape (features, lines), float64, C order.
    """
    if not sources or len(times) == 0:
        return
    _run(
        sources, plan.edges, plan.op, plan.code_start, plan.program, plan.own, plan.turns, plan.formula, plan.args,
        plan.scale, row_starts, times, places, out,
    )  # fmt: skip
