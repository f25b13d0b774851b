"""The one compiled kernel: it walks a customer's events once, and each event updates only the rows whose windows hold it.

Batch, online and cluster hosts call `run` with the same program and the same integers, and so get the same bits. Rows of a
customer are sorted by as_of; events of a source by the time they happened, ties by kind, recording time and values, so that
"the last" never depends on the order in which rows were read.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from features.encode import NULL
from features.plan import Plan
from features.rows import NO_AS_OF
from features.schema import MICROSECONDS_PER_DAY

_NULL = NULL
_NONE = np.iinfo(np.int64).max
_DAY = float(MICROSECONDS_PER_DAY)
_NO_AS_OF = NO_AS_OF  # numba freezes module globals into the compiled code


@numba.njit(cache=True, nogil=True)
def _follows(a, b, at, kind, known, values):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Whether event a comes after event b in the total order."""
    if at[a] != at[b]:
        return at[a] > at[b]
    if kind[a] != kind[b]:
        return kind[a] > kind[b]
    if known[a] != known[b]:
        return known[a] > known[b]
    for j in range(values.shape[1]):
        if values[a, j] != values[b, j]:
            return values[a, j] > values[b, j]
    return False


@numba.njit(cache=True, nogil=True)
def order_events(customer, customers, at, known, kind, values):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Order of events by customer, then in the total order; and where each customer's events start.

    Returns
    -------
    order, starts
        Shapes (n,) and (customers + 1,), int64.
    """
    n = len(at)
    starts = np.zeros(customers + 1, dtype=np.int64)
    for i in range(n):
        starts[customer[i] + 1] += 1
    for c in range(customers):
        starts[c + 1] += starts[c]
    fill = starts[:-1].copy()
    order = np.empty(n, dtype=np.int64)
    for i in range(n):
        order[fill[customer[i]]] = i
        fill[customer[i]] += 1
    for c in range(customers):
        lo, hi = starts[c], starts[c + 1]
        ordered = True
        for i in range(lo + 1, hi):
            if at[order[i - 1]] > at[order[i]]:
                ordered = False
                break
        if not ordered:
            mine = order[lo:hi].copy()
            order[lo:hi] = mine[np.argsort(at[mine], kind="mergesort")]
        # Times are in order now: what is left is to order ties, which are few and short, by insertion.
        for i in range(lo + 1, hi):
            event = order[i]
            j = i - 1
            while j >= lo and _follows(order[j], event, at, kind, known, values):
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = event
    return order, starts


@numba.njit(cache=True, nogil=True)
def _walk(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    at, known, kind, values, first, last, times, edges, op, column, younger, older, kind_start, kind_states, state, bits
):
    rows = len(times)
    n_edges = len(edges)
    end = np.empty(n_edges, dtype=np.int64)
    for i in range(first, last):
        t = at[i]
        if t >= times[rows - 1]:
            break
        seen = np.searchsorted(times, known[i], side="right")
        if seen == rows:
            continue
        position = 0
        for e in range(n_edges):
            limit = edges[e]
            if limit == _NONE or t > _NONE - limit:
                position = rows
            else:
                while position < rows and times[position] <= t + limit:
                    position += 1
            end[e] = position
        for k in range(kind_start[kind[i]], kind_start[kind[i] + 1]):
            s = kind_states[k]
            stop = end[older[s]]
            if stop <= seen:
                break
            start = max(seen, end[younger[s]])
            if start >= stop:
                continue
            what = op[s]
            if what == 0:
                for r in range(start, stop):
                    state[s, r] += 1
                continue
            if what == 5:
                for r in range(start, stop):
                    if state[s, r] == _NULL:
                        state[s, r] = t
                continue
            if what == 6:
                for r in range(start, stop):
                    state[s, r] = t
                continue
            value = values[i, column[s]]
            if what == 8:
                for r in range(start, stop):
                    state[s, r] = value
                continue
            if value == _NULL:
                continue
            if what == 1:
                for r in range(start, stop):
                    state[s, r] += 1
            elif what == 2:
                for r in range(start, stop):
                    state[s, r] += value
            elif what == 3:
                for r in range(start, stop):
                    state[s, r] = min(state[s, r], value)
            elif what == 4:
                for r in range(start, stop):
                    state[s, r] = max(state[s, r], value)
            elif what == 7:
                for r in range(start, stop):
                    state[s + 1, r] = state[s, r]
                    state[s, r] = value
            elif what == 9:
                # Welford (1962): the order of events is total, so the floats are the same on every host.
                x = float(value)
                for r in range(start, stop):
                    state[s, r] += 1
                    delta = x - bits[s + 1, r]
                    bits[s + 1, r] += delta / state[s, r]
                    bits[s + 2, r] += delta * (x - bits[s + 1, r])


@numba.njit(cache=True, nogil=True)
def _reset(op, state, rows):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    for s in range(len(op)):
        what = op[s]
        empty = 0
        if what in (4, 5, 6, 7, 8):
            empty = _NULL
        elif what == 3:
            empty = _NONE
        for r in range(rows):
            state[s, r] = empty


@numba.njit(cache=True, nogil=True)
def _finish(formula, args, scale, state, bits, times, place, out):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    for f in range(len(formula)):
        how, unit = formula[f], scale[f]
        a, b, c, d = args[f, 0], args[f, 1], args[f, 2], args[f, 3]
        for r in range(len(times)):
            x = np.nan
            if how == 0:
                if state[a, r] != _NULL:
                    x = float(state[a, r])
            elif how == 1:
                x = state[a, r] / unit
            elif how == 2:
                if state[b, r] > 0:
                    x = state[a, r] / (state[b, r] * unit)
            elif how == 3:
                if state[a, r] != _NULL and state[a, r] != _NONE:
                    x = state[a, r] / unit
            elif how == 4:
                if state[a, r] != _NULL and times[r] < _NO_AS_OF:
                    x = (times[r] - state[a, r]) / _DAY
            elif how == 5:
                if state[c, r] > 1:
                    x = (state[b, r] - state[a, r]) / ((state[c, r] - 1) * _DAY)
            elif how == 6:
                if state[c, r] > 1 and state[b, r] > state[a, r] and times[r] < _NO_AS_OF:
                    x = float(times[r] - state[b, r]) * (state[c, r] - 1) / float(state[b, r] - state[a, r])
            elif how == 7:
                if state[a, r] > 1:
                    x = np.sqrt(bits[b, r] / (state[a, r] - 1)) / unit
            elif how == 8:
                x = float(state[a, r] - state[b, r])
            elif how == 9:
                x = (state[a, r] - state[b, r]) / unit
            elif how == 10:
                if state[b, r] > 0 and state[d, r] > 0:
                    x = state[a, r] / (state[b, r] * unit) - state[c, r] / (state[d, r] * unit)
            elif how == 11:
                if state[a, r] != _NULL and state[b, r] != _NULL:
                    x = (state[a, r] - state[b, r]) / unit
            elif how == 12 and state[a, r] != _NULL:
                x = bits[a, r]
            out[place[r], f] = x


@numba.njit(cache=True, nogil=True)
def _run(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    sources, edges, op, column, younger, older, kind_start, kind_states, formula, args, scale,
    row_starts, times, places, out,
):  # fmt: skip
    customers = len(row_starts) - 1
    longest = 0
    for c in range(customers):
        longest = max(longest, row_starts[c + 1] - row_starts[c])
    state = np.empty((len(op), longest), dtype=np.int64)
    bits = state.view(np.float64)
    for c in range(customers):
        lo, hi = row_starts[c], row_starts[c + 1]
        if lo == hi:
            continue
        mine = times[lo:hi]
        _reset(op, state, hi - lo)
        for at, known, kind, values, starts in sources:
            _walk(
                at, known, kind, values, starts[c], starts[c + 1], mine,
                edges, op, column, younger, older, kind_start, kind_states, state, bits,
            )  # fmt: skip
        _finish(formula, args, scale, state, bits, mine, places[lo:hi], out)


Sources = tuple[
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...
]
"""Per source: at, known, kind (n,), values (n, width), and where each customer's events start (customers + 1,)."""


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
        Events, ordered by `order_events`.
    row_starts
        Where each customer's rows start, shape (customers + 1,).
    times
        as_of of each row in microseconds, ascending within a customer, shape (rows,).
    places
        The line of `out` that each row is written to, shape (rows,).
    out
        Shape (lines, features), float64, C order.
    """
    if not sources or len(times) == 0:
        return
    _run(
        sources, plan.edges, plan.op, plan.column, plan.younger, plan.older, plan.kind_start, plan.kind_states,
        plan.formula, plan.args, plan.scale, row_starts, times, places, out,
    )  # fmt: skip
