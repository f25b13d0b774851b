"""One part of the customers: encoded events in, features out. What every host that has many customers calls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.arrays import arrange, group_rows
from features.catalog import Catalog
from features.company import add_company
from features.encode import Events
from features.kernel import run


def features_of(
    catalog: Catalog,
    events: Mapping[str, Events],
    customers: int,
    customer: NDArray[np.int64],
    as_of: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Features of some rows.

    Parameters
    ----------
    catalog
        Which features, in which order.
    events
        Source to the events of these customers, in any order.
    customers
        How many customers the indices run over.
    customer, as_of
        Of each row: index of the customer, microseconds UTC; shape (rows,).

    Returns
    -------
    Shape (rows, features), float64: codes for categories, NaN for what is missing.
    """
    starts, times, places = group_rows(customer, as_of, customers)
    # A feature's values lie side by side, as a column of a file wants them.
    out = np.empty((len(catalog.features), len(as_of)), dtype=np.float64)
    run(catalog.plan, arrange(events, customers, catalog.layout), starts, times, places, out)
    add_company(catalog, out, as_of)
    return out.T
