"""On which features those who answered differ from all who could, before and after weights.

(rows, columns) features, weights of everybody, of the answers, and of the answers once more with what corrects them -> the
standardised difference of each column: mean of the answers minus mean of all, over the standard deviation of all (Austin, 2009). A
column with missing values tells two differences, of its known values and of the share that is missing; the larger one stands.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from drivers.attribution import Floats

NOTABLE: Final = 0.1
"""Standard deviations from which a difference is worth a word (Austin, 2009)."""
_SHOWN: Final = 10


@dataclass(frozen=True)
class Imbalance:
    """A feature's standardised difference; `of` says whether its value or its being missing differs."""

    feature: str
    of: str
    before: float
    after: float


@dataclass(frozen=True)
class Balance:
    """The features that differ most before weights, and over all features how many differ notably and by how much at most."""

    features: tuple[Imbalance, ...]
    notable_before: int
    notable_after: int
    largest_before: float
    largest_after: float

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "features": [asdict(one) for one in self.features], "notable": NOTABLE}


def balance(
    matrix: Floats, names: tuple[str, ...], everybody: Floats, before: Floats, after: Floats, shown: int = _SHOWN
) -> Balance:
    """The balance of a matrix (rows, columns), NaN where missing.

    Parameters
    ----------
    matrix, names
        The features and their names.
    everybody, before, after
        Weights (rows,): of all who could answer, of the answers, of the answers once weighted.
    shown
        How many features are named at most.
    """
    known = (~np.isnan(matrix)).astype(np.float64)
    value = _differences(np.nan_to_num(matrix), known, everybody, before, after)
    missing = _differences(1.0 - known, np.ones_like(known), everybody, before, after)
    by_value = np.abs(value[0]) >= np.abs(missing[0])
    chosen = np.where(by_value, value, missing)
    # After weights the other kind of difference may be the larger one: nothing is hidden by the choice.
    worst = np.maximum(np.abs(value[1]), np.abs(missing[1]))
    size = np.abs(chosen[0])
    order = np.argsort(-size, kind="stable")[:shown]
    return Balance(
        features=tuple(
            Imbalance(names[place], "value" if by_value[place] else "missing", *map(float, chosen[:, place]))
            for place in order.tolist()
            if size[place] > 0
        ),
        notable_before=int((size > NOTABLE).sum()),
        notable_after=int((worst > NOTABLE).sum()),
        largest_before=float(size.max(initial=0.0)),
        largest_after=float(worst.max(initial=0.0)),
    )


def standardised(matrix: Floats, everybody: Floats, weight: Floats) -> Floats:
    """(columns,) standardised difference of known values between weighted rows and everybody; 0 where nothing is known or varies."""
    known = (~np.isnan(matrix)).astype(np.float64)
    found: Floats = _differences(np.nan_to_num(matrix), known, everybody, weight, weight)[0]
    return found


def _differences(values: Floats, known: Floats, everybody: Floats, before: Floats, after: Floats) -> Floats:
    """(2, columns): before and after; 0 where nothing is known of one side or nothing varies."""
    centre = _mean(values, known, everybody)
    spread = np.sqrt(_mean((values - centre) ** 2, known, everybody))
    found = np.stack([_mean(values, known, weight) - centre for weight in (before, after)])
    told: Floats = np.divide(
        found, spread, out=np.zeros_like(found), where=np.isfinite(found) & (spread > 1e-9 * (1.0 + np.abs(centre)))
    )
    return told


def _mean(values: Floats, known: Floats, weight: Floats) -> Floats:
    mass = weight @ known
    # The product with `known` keeps what stands in for missing values out of every sum.
    mean: Floats = np.divide(weight @ (values * known), mass, out=np.full_like(mass, np.nan), where=mass > 0)
    return mean
