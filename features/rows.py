"""Rows of a training set or of a batch of scores: always (customer_id, as_of), sorted by as_of, then customer_id.

A company has millions of rows and far fewer customers: an id is held once, a row holds its number.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class Rows:
    """Which customers at which moments, with labels where they are known.

    Parameters
    ----------
    customer_id
        Ids, shape (n,): objects of type str, or Arrow's strings (an array, a chunked array, a dictionary).
    as_of
        Microseconds UTC, shape (n,), int64; `NO_AS_OF` in a flat table.
    label
        Shape (n,), float64; None where nothing is to be learnt.

    Attributes
    ----------
    names
        The different ids, sorted.
    number
        Place of each row's id among `names`, shape (n,), int64.
    """

    __slots__ = ("as_of", "label", "names", "number")

    def __init__(
        self,
        customer_id: NDArray[np.object_] | pa.Array | pa.ChunkedArray,
        as_of: NDArray[np.int64],
        label: NDArray[np.float64] | None = None,
    ) -> None:
        if len(customer_id) != len(as_of):
            raise ValueError("customer_id and as_of differ in length")
        self.as_of = as_of
        self.label = label
        self.names, self.number = _numbered(customer_id)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.as_of)

    @property
    def customer_id(self) -> NDArray[np.object_]:
        """Ids, shape (n,), objects of type str: made when asked for, so not for millions of rows."""
        found: NDArray[np.object_] = self.names.to_numpy(zero_copy_only=False).astype(object)[self.number]
        return found

    def ids(self, first: int, last: int) -> pa.Array:
        """Ids of the rows first..last as Arrow's strings."""
        return self.names.take(pa.array(self.number[first:last]))

    def take(self, lines: NDArray[np.int64]) -> Rows:
        """Some of the rows, and of their customers only."""
        found = Rows.__new__(Rows)
        found.as_of = self.as_of[lines]
        found.label = None if self.label is None else self.label[lines]
        used = np.zeros(len(self.names), dtype=bool)
        used[self.number[lines]] = True
        found.names = self.names.filter(pa.array(used))
        found.number = (np.cumsum(used) - 1)[self.number[lines]]
        return found


def _numbered(customer_id: NDArray[np.object_] | pa.Array | pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """The different ids, sorted as bytes, and the number of each row's among them."""
    ids = customer_id if isinstance(customer_id, pa.Array | pa.ChunkedArray) else pa.array(customer_id, pa.string())
    if not pa.types.is_dictionary(ids.type):
        ids = ids.cast(pa.string()).dictionary_encode()
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks() if ids.num_chunks else pa.array([], pa.string()).dictionary_encode()
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.chunk(0)
    names = ids.dictionary.cast(pa.string())
    order = pc.array_sort_indices(names).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    places = ids.indices.to_numpy(zero_copy_only=False)
    return names.take(pa.array(order)), rank[places.astype(np.int64, copy=False)]
