"""Texts to numbers by their 64-bit hash: ids and categories cross from the database as integers, not as millions of strings.

The database hashes (its own function, the same within one connection), a small open-addressing table finds. Two known texts with
one hash are noticed and looked up as texts instead. Beside a million known texts, one in about 10^13 of the others has the hash of
one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.tables import Tables


@dataclass(frozen=True)
class HashTable:
    """Hash to number: a power of two of slots, each a key and the number after its own, 0 where it is free; shape (n, 2).

    They lie side by side, as finding one fetches the other into the processor's cache.
    """

    slots: NDArray[np.uint64]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], numbers: NDArray[np.int64]) -> HashTable | None:
        """A table of these; None where two of them share a hash."""
        if len(np.unique(hashes)) < len(hashes):
            return None
        size = 1 << max(4, int(2 * len(hashes)).bit_length())
        slots = np.zeros((size, 2), dtype=np.uint64)
        _fill(hashes, numbers, slots)
        return cls(slots)

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Number of each hash, -1 where it is not known."""
        found: NDArray[np.int64] = _find(hashes, self.slots)
        return found


def hash_table(
    tables: Tables, texts: pa.Array | Sequence[str], numbers: NDArray[np.int64] | None = None
) -> HashTable | None:
    """The hashes of known texts, as the database of `tables` computes them; numbered in order unless numbers are given."""
    array = pa.array(texts, type=pa.string()) if not isinstance(texts, pa.Array) else texts.cast(pa.string())
    order = np.arange(len(array), dtype=np.int64)
    known = pa.table({"text": array, "place": order})
    tables.con.register("hashed", known)
    try:
        found = tables.arrow("SELECT hash(text) AS h, place FROM hashed")
    finally:
        tables.con.unregister("hashed")
    places = found.column("place").to_numpy()
    return HashTable.of(found.column("h").to_numpy(), places if numbers is None else numbers[places])


@numba.njit(cache=True, nogil=True)
def _fill(hashes, numbers, slots):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    mask = np.uint64(len(slots) - 1)
    for i in range(len(hashes)):
        slot = hashes[i] & mask
        while slots[slot, 1] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot, 0] = hashes[i]
        slots[slot, 1] = np.uint64(numbers[i] + 1)


@numba.njit(cache=True, nogil=True)
def _find(hashes, slots):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    mask = np.uint64(len(slots) - 1)
    found = np.empty(len(hashes), dtype=np.int64)
    for i in range(len(hashes)):
        slot = hashes[i] & mask
        found[i] = -1
        while slots[slot, 1] != 0:
            if slots[slot, 0] == hashes[i]:
                found[i] = np.int64(slots[slot, 1]) - 1
                break
            slot = (slot + np.uint64(1)) & mask
    return found
