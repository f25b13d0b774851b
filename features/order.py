"""The total order of a customer's events, in which every host walks them."""

from __future__ import annotations

import numba
import numpy as np

_FEW = 24  # events that insertion sorts as fast as anything
_FAR = 1 << 60  # beyond this lies the time of what has none


@numba.njit(cache=True, nogil=True)
def _follows(a, b, at, kind, known, values, raw):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Whether event a comes after event b in the total order."""
    if at[a] != at[b]:
        return at[a] > at[b]
    if kind[a] != kind[b]:
        return kind[a] > kind[b]
    if known[a] != known[b]:
        return known[a] > known[b]
    for j in range(raw):
        if values[a, j] != values[b, j]:
            return values[a, j] > values[b, j]
    return False


@numba.njit(cache=True, nogil=True)
def _insert(order, lo, hi, at, kind, known, values, raw):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Put the places lo..hi in order by insertion."""
    for i in range(lo + 1, hi):
        event = order[i]
        j = i - 1
        while j >= lo and _follows(order[j], event, at, kind, known, values, raw):
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = event


@numba.njit(cache=True, nogil=True)
def _spread(order, lo, hi, at, least, most, mine, tally):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Put the places lo..hi in order of time but for near neighbours; False, and nothing done, where they lie too unevenly.

    As many intervals of equal length as there are events: most hold one or two, and insertion does the rest. Several times
    as fast as comparing, which a processor cannot foresee.
    """
    count = hi - lo
    tally[: count + 1] = 0
    scale = count / (float(most - least) + 1.0)
    for i in range(lo, hi):
        place = min(np.int64((at[order[i]] - least) * scale), count - 1) + 1
        tally[place] += 1
        if tally[place] > _FEW:
            return False
    for place in range(count):
        tally[place + 1] += tally[place]
    mine[:count] = order[lo:hi]
    for i in range(count):
        place = min(np.int64((at[mine[i]] - least) * scale), count - 1)
        order[lo + tally[place]] = mine[i]
        tally[place] += 1
    return True


@numba.njit(cache=True, nogil=True)
def _merge(order, lo, hi, room, at, kind, known, values, raw):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Put the places lo..hi in order by merging ever longer runs; `room` holds as many."""
    width = 1
    while width < hi - lo:
        for begin in range(lo, hi, 2 * width):
            middle, end = min(begin + width, hi), min(begin + 2 * width, hi)
            a, b = begin, middle
            for fill in range(end - begin):
                if b >= end or (a < middle and not _follows(order[a], order[b], at, kind, known, values, raw)):
                    room[fill] = order[a]
                    a += 1
                else:
                    room[fill] = order[b]
                    b += 1
            order[begin:end] = room[: end - begin]
        width *= 2


@numba.njit(cache=True, nogil=True)
def order_events(customer, customers, at, known, kind, values, raw):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Order of events by customer, then in the total order; and where each customer's events start.

    The first `raw` value columns break ties: those that are read, not those computed from them, so that the order does not
    depend on which features are asked for.

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
    longest = 0
    for c in range(customers):
        longest = max(longest, starts[c + 1] - starts[c])
    room = np.empty(longest, dtype=np.int64)
    mine = np.empty(longest, dtype=np.int64)
    tally = np.empty(longest + 1, dtype=np.int64)
    for c in range(customers):
        lo, hi = starts[c], starts[c + 1]
        count = hi - lo
        inversions = 0
        least, most = at[order[lo]] if count else 0, at[order[lo]] if count else 0
        for i in range(lo + 1, hi):
            t = at[order[i]]
            inversions += at[order[i - 1]] > t
            least = min(least, t)
            most = max(most, t)
        spread = False
        if inversions and count > _FEW and least > -_FAR:
            spread = _spread(order, lo, hi, at, least, most, mine, tally)
        if inversions and count > _FEW and not spread:
            bits = 0
            while (np.int64(1) << bits) < count:
                bits += 1
            if least > -_FAR and most - least < (np.int64(1) << (62 - bits)):
                # Time and place fit one integer: sorting those is twice as fast as sorting places by time.
                for i in range(count):
                    mine[i] = order[lo + i]
                    room[i] = ((at[mine[i]] - least) << bits) | i
                room[:count].sort()
                mask = (np.int64(1) << bits) - 1
                for i in range(count):
                    order[lo + i] = mine[room[i] & mask]
            else:
                some = order[lo:hi].copy()
                order[lo:hi] = some[np.argsort(at[some], kind="mergesort")]
        # Times are in order now, or few; events of one time are left to be put in order.
        first = lo
        while first < hi:
            last = hi
            if count > _FEW and not spread:
                last = first + 1
                while last < hi and at[order[last]] == at[order[first]]:
                    last += 1
            if spread or last - first <= _FEW:
                _insert(order, first, last, at, kind, known, values, raw)
            else:
                # Data that know days alone have thousands of events of one time.
                _merge(order, first, last, room, at, kind, known, values, raw)
            first = last
    return order, starts
