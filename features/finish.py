"""From states to features: one formula each, with the only float division of a feature last."""

from __future__ import annotations

import numba
import numpy as np

from features.encode import NULL
from features.schema import MICROSECONDS_PER_DAY, NO_AS_OF

_NULL = NULL
_NONE = np.iinfo(np.int64).max
_DAY = float(MICROSECONDS_PER_DAY)
_YEAR = 365 * MICROSECONDS_PER_DAY
_NO_AS_OF = NO_AS_OF  # numba freezes module globals into the compiled code


@numba.njit(cache=True, nogil=True)
def finish(formula, args, scale, state, bits, times, place, out):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Write the features of one customer's rows, (features, lines); the numbers are those of `features.plan.Formula`."""
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
            elif how == 12:
                if state[a, r] != _NULL:
                    x = bits[a, r]
            elif how == 13:
                if state[a, r] != _NULL and state[b, r] != _NONE:
                    x = (state[a, r] - state[b, r]) / unit
            elif how == 14:
                if state[b, r] > 0:
                    # Refunds are negative amounts; their share is not.
                    x = abs(float(state[a, r])) / float(state[b, r])
            elif how == 15:
                if state[b, r] > 0:
                    x = state[a, r] * unit / state[b, r]
            elif how == 16:
                if state[a, r] != _NULL:
                    x = 1.0 if state[b, r] > state[a, r] else 0.0
            elif how == 17:
                if state[b, r] > 1 and bits[c, r] > 0.0 and state[a, r] != _NULL and times[r] < _NO_AS_OF:
                    usual = np.sqrt(bits[c, r] / (state[b, r] - 1))
                    x = (float(times[r] - state[a, r]) - bits[b + 1, r]) / usual
            elif how == 18:
                if state[a, r] != _NULL and times[r] < _NO_AS_OF:
                    x = (_YEAR - (times[r] - state[a, r]) % _YEAR) / _DAY
            elif how == 19:
                mask = state[a, r]
                bits_set = 0
                while mask != 0:
                    mask &= mask - 1
                    bits_set += 1
                x = float(bits_set)
            elif how == 20:
                # The worst encounter's kind, counted from the source's first; what training did not see has no name.
                if state[a, r] != _NULL and state[a, r] < c:
                    x = float(state[a, r] - b)
            elif how == 21:
                x = state[b, r] - state[a, r] / unit
            out[f, place[r]] = x
