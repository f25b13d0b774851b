"""From a training set to the driver model's blocks: which columns speak for which touchpoint or group of controls.

(n, p) features -> (n, q) float32 with `Block`s over the q columns. Left out are earlier answers (voice: they carry earlier
encounters), totals over touchpoints (overall), windows longer than the driver model's, and touchpoints that the timing gate
excluded. Categories become one column each (the most frequent ones; a missing category is none of them), missing numbers stay
missing, columns without variation go.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.attribution import Block, Floats
from features.catalog import Catalog
from features.definition import Feature

_CATEGORIES: Final = 12  # of one feature that get a column: rarer ones cannot carry a driver


@dataclass(frozen=True)
class Design:
    """The driver model's matrix (rows, columns) and its blocks, touchpoints first, each kind by name."""

    X: npt.NDArray[np.float32]
    blocks: tuple[Block, ...]


def design(
    matrix: Floats, catalog: Catalog, rows: npt.NDArray[np.intp], *, window_days: int, excluded: Collection[str]
) -> Design:
    """Blocks over some rows of a training set."""
    used = [
        (place, feature)
        for place, feature in enumerate(catalog.features)
        if feature.role in {"touchpoint", "control"}
        and (feature.window_days is None or feature.window_days <= window_days)
        and not (feature.role == "touchpoint" and feature.driver in excluded)
    ]
    kinds: dict[tuple[str, str], list[tuple[int, Feature]]] = {}
    for place, feature in used:
        kinds.setdefault((feature.role, feature.driver), []).append((place, feature))
    columns: list[npt.NDArray[np.float32]] = []
    blocks = []
    for role, name in sorted(kinds, key=lambda key: (key[0] != "touchpoint", key[1])):
        members = kinds[role, name]
        mine: list[int] = []
        dimensions: list[str] = []
        for place, feature in members:
            values = matrix[rows, place]
            for column in _columns(values, feature, catalog):
                mine.append(len(columns))
                dimensions.append(feature.dimension)
                columns.append(column)
        if not mine:
            continue
        touchpoint = role == "touchpoint"
        blocks.append(
            Block(
                name=name,
                kind="touchpoint" if touchpoint else "control",
                columns=np.array(mine, dtype=np.int64),
                dimensions=tuple(dimensions),
                met=_met(matrix, rows, members, window_days) if touchpoint else np.ones(len(rows), dtype=bool),
                window_days=max((f.window_days for _, f in members if f.window_days is not None), default=window_days),
            )
        )
    made = np.column_stack(columns) if columns else np.zeros((len(rows), 0), dtype=np.float32)
    return Design(np.ascontiguousarray(made, dtype=np.float32), tuple(blocks))


def _columns(values: Floats, feature: Feature, catalog: Catalog) -> list[npt.NDArray[np.float32]]:
    if not feature.category:
        return [values.astype(np.float32)] if _varies(values) else []
    codes = np.where(np.isnan(values), -1, values).astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(catalog.categories[feature.name]))
    frequent = np.argsort(-counts, kind="stable")[:_CATEGORIES]
    return [(codes == code).astype(np.float32) for code in frequent.tolist() if 0 < counts[code] < len(values)]


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    if not len(known):
        return False
    return bool(known.min() < known.max()) or len(known) < len(values)


def _met(
    matrix: Floats, rows: npt.NDArray[np.intp], members: list[tuple[int, Feature]], window_days: int
) -> npt.NDArray[np.bool_]:
    """Whether a row's customer met the touchpoint within the window, by its count or else by the days since the last."""
    counts = [(f.window_days, place) for place, f in members if f.aggregate == "count" and f.window_days is not None]
    if counts:
        met: npt.NDArray[np.bool_] = matrix[rows, max(counts)[1]] > 0
        return met
    recency = [place for place, feature in members if feature.aggregate == "recency"]
    if recency:
        near: npt.NDArray[np.bool_] = matrix[rows, recency[0]] <= window_days
        return near
    return np.ones(len(rows), dtype=bool)
