"""Which parts of the customers are told apart: values of attributes, and tiers of what customers pay.

Training set -> `Variable`s, each with a code per row; -1 is unknown. An attribute is what it was at as_of. Tiers are thirds of what was paid
in the longest window, among customers who paid anything; where nothing is paid, or contracts say it, of the monthly fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from configs.errors import ConfigError, nearest
from configs.settings import Settings
from features.schema import CUSTOMERS, MONTHLY_FEE
from training.dataset import Dataset

VALUE: Final = "value_tier"
TIERS: Final = ("low", "middle", "high")
_FEWEST_VALUES: Final = 2
_MOST_VALUES: Final = 8
_MOST_VARIABLES: Final = 8
_LEAST_SHARE: Final = 0.5  # of rows whose value is known


@dataclass(frozen=True)
class Variable:
    """A way to part customers: code (rows,) of each row's value in `values`, -1 where it is unknown."""

    name: str
    values: tuple[str, ...]
    code: npt.NDArray[np.int64]


def variables(data: Dataset, rows: npt.NDArray[np.intp], settings: Settings) -> tuple[Variable, ...]:
    """The variables of some rows of a training set, as `drivers.segments` asks.

    Raises
    ------
    ConfigError
        When a named attribute does not exist or has no values to tell apart.
    """
    wanted: Literal["auto"] | tuple[str, ...] = settings.drivers.segments
    attributes = {
        str(feature.measure): place
        for place, feature in enumerate(data.catalog.features)
        if feature.source == CUSTOMERS and feature.measure is not None and feature.category
    }
    tier = _tiers(data, rows)
    if wanted == "auto":
        found = [_attribute(data, rows, name, place) for name, place in attributes.items()]
        plain = [one for one in found if one is not None and _FEWEST_VALUES <= len(one.values) <= _MOST_VALUES]
        return (*plain[:_MOST_VARIABLES], *([tier] if tier else []))
    chosen = []
    for name in wanted:
        known = tier if name == VALUE else None
        if name in attributes:
            known = _attribute(data, rows, name, attributes[name])
        if known is None:
            available = [*attributes, *([VALUE] if tier else [])]
            close = nearest(name, available)
            raise ConfigError(
                f"'{name}' has no values by which customers could be told apart",
                where=f"{settings.source.name}: drivers.segments",
                available=", ".join(sorted(available)) or "no attribute with categories",
                next_move=f"did you mean '{close}'?" if close else "name attributes with categories, or auto",
            )
        chosen.append(known)
    return tuple(chosen)


def _attribute(data: Dataset, rows: npt.NDArray[np.intp], name: str, place: int) -> Variable | None:
    values = data.X[rows, place]
    known = ~np.isnan(values)
    if known.mean() < _LEAST_SHARE:
        return None
    names = data.catalog.categories[data.catalog.names[place]]
    used, code = np.unique(values[known].astype(np.int64), return_inverse=True)
    if len(used) < _FEWEST_VALUES:
        return None
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[known] = code
    return Variable(name, tuple(names[one] for one in used.tolist()), codes)


def _tiers(data: Dataset, rows: npt.NDArray[np.intp]) -> Variable | None:
    """Thirds of what was paid in the longest window, or else of the monthly fee."""
    paid = [
        (feature.window_days or 0, place)
        for place, feature in enumerate(data.catalog.features)
        if feature.family == "money" and feature.aggregate == "sum" and feature.kind == "payment"
    ]
    fee = [
        place
        for place, feature in enumerate(data.catalog.features)
        if feature.measure == MONTHLY_FEE and feature.aggregate == "open_sum"
    ]
    if paid:
        values = data.X[rows, max(paid)[1]]
        values = np.where(values > 0, values, np.nan)
    elif fee:
        values = data.X[rows, fee[0]]
    else:
        return None
    known = ~np.isnan(values)
    if known.mean() < _LEAST_SHARE:
        return None
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    if low >= high:
        return None
    code = np.full(len(values), -1, dtype=np.int64)
    code[known] = np.searchsorted(np.array([low, high]), values[known], side="left")
    if len(np.unique(code[known])) < len(TIERS):
        return None
    return Variable(VALUE, TIERS, code)
