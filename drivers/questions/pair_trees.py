"""Exact SHAP interaction values of small trees from tables, summed by pair of groups: what two touchpoints do only together.

As in `drivers.trees` a tree with k splits sees a row as k bits, so a pair's value is a line of a table made once per tree. For
features i, j on the path to a leaf of value v it is v (o_i - z_i) (o_j - z_j) times the integral over t in [0, 1] of the
product over the path's other features of z (1 - t) + o t, with o whether the row passes a feature's splits and z their cover
ratio (Shapley interaction index; Grabisch and Roubens, 1999; Lundberg et al., 2020). Pairs within one group belong to the group.

Contract: the splits of `drivers.trees` (numeric, at most `MAX_SPLITS`); a missing feature goes where the tree sends it. A pair
has its whole value here (SHAP's matrix holds half of it in each of two cells), and a group's main value has none of it:
main values + pair values + bias = raw score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numba as nb
import numpy as np
import numpy.typing as npt

from drivers import trees
from drivers.trees import MAX_SPLITS, Ensemble, _parse

# On [0, 1]; d features on a path need degree d - 2, points are exact below twice their number.
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(MAX_SPLITS // 2)
_POINTS = (_POINTS + 1) / 2
_WEIGHTS = _WEIGHTS / 2
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class PairEnsemble:
    """A boosted model as tables of main values and of pair values.

    Parameters
    ----------
    main
        Slots are groups: SHAP values less half of every pair the group is in.
    pairs
        Slots are pairs of groups a < b, numbered a x groups + b.
    groups
        How many groups there are.
    """

    main: Ensemble
    pairs: Ensemble
    groups: int


def pair_ensemble(model: str, groups: npt.NDArray[np.int32], leaves: int) -> PairEnsemble:
    """Tables of a LightGBM model.

    Parameters
    ----------
    model
        LightGBM's own text.
    groups
        (features,) the group of each feature, from 0.
    leaves
        The most leaves a tree may have.
    """
    whole = trees.ensemble(model, groups, leaves)
    parsed = _parse(model)
    count, splits = whole.feature.shape
    left = np.full((count, splits), -1, dtype=np.int32)
    right = np.full((count, splits), -1, dtype=np.int32)
    node_cover = np.ones((count, splits))
    leaf_value = np.zeros((count, leaves))
    leaf_cover = np.ones((count, leaves))
    for i, tree in enumerate(parsed):
        k = len(tree["split_feature"])
        if k == 0:
            continue
        left[i, :k] = tree["left_child"]
        right[i, :k] = tree["right_child"]
        node_cover[i, :k] = tree["internal_count"]
        leaf_value[i, : k + 1] = tree["leaf_value"]
        leaf_cover[i, : k + 1] = tree["leaf_count"]
    number = int(groups.max()) + 1 if len(groups) else 0
    table, pair, half = _pair_tables(
        whole.feature,
        left,
        right,
        node_cover,
        leaf_value,
        leaf_cover,
        groups.astype(np.int32),
        whole.group,
        number,
        _POINTS,
        _WEIGHTS,
    )
    slots = max(table.shape[2], splits)

    def wide(array: npt.NDArray[_Scalar], fill: float) -> npt.NDArray[_Scalar]:
        made = np.full((count, slots), fill, dtype=array.dtype)
        made[:, :splits] = array
        return made

    # `trees.values` reads as many slots as there are splits: splits beyond the last one are padding.
    pairs = replace(
        whole,
        feature=wide(whole.feature, -1),
        threshold=wide(whole.threshold, 0),
        missing=wide(whole.missing, 0),
        default_left=wide(whole.default_left, 0),
        table=table,
        group=pair,
        bias=0.0,
    )
    return PairEnsemble(replace(whole, table=whole.table - half), pairs, number)


def main_values(
    model: PairEnsemble, matrix: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Main values of some rows: (len(rows), groups), in the unit of the raw score."""
    return trees.values(model.main, matrix, rows, model.groups)


def pair_values(
    model: PairEnsemble,
    matrix: npt.NDArray[np.float32],
    rows: npt.NDArray[np.intp],
    pairs: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Values of some pairs (n, 2) of groups: (len(rows), n + 1); the last column sums all pairs that are not asked for."""
    column = np.full(model.groups * model.groups + 1, len(pairs), dtype=np.int32)
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    column[low * model.groups + high] = np.arange(len(pairs))
    column[-1] = -1  # where a slot is empty
    compact = replace(model.pairs, group=column[model.pairs.group])
    return trees.values(compact, matrix, rows, len(pairs) + 1)


@nb.njit(cache=True, nogil=True)
def _pair_tables(  # pragma: no cover - compiled
    feature: npt.NDArray[np.int32],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    node_cover: npt.NDArray[np.float64],
    leaf_value: npt.NDArray[np.float64],
    leaf_cover: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int32],
    group: npt.NDArray[np.int32],
    number: int,
    points: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Pair values per tree and pattern (trees, patterns, pairs), which pairs, and half of them per slot of `group`."""
    count, splits = feature.shape
    patterns = 1 << splits
    most = max(splits * (splits - 1) // 2, 1)
    table = np.zeros((count, patterns, most), dtype=np.float32)
    pair = np.full((count, most), -1, dtype=np.int32)
    half = np.zeros((count, patterns, splits), dtype=np.float32)
    line = np.zeros((patterns, most))
    slot_of_pair = np.full((splits, splits), -1, dtype=np.int32)
    path_node = np.zeros(splits, dtype=np.int32)
    path_left = np.zeros(splits, dtype=np.bool_)
    member = np.zeros(splits, dtype=np.int32)
    distinct = np.zeros(splits, dtype=np.int32)
    slot = np.zeros(splits, dtype=np.int32)
    z = np.ones(splits)
    o = np.zeros(splits)
    parent = np.full(2 * splits + 1, -1, dtype=np.int32)
    for tree in range(count):
        k = 0
        while k < splits and feature[tree, k] >= 0:
            k += 1
        if k < 2:
            continue
        for node in range(k):
            for child in (left[tree, node], right[tree, node]):
                parent[child if child >= 0 else splits + (-child - 1)] = node
        parent[0] = -1
        slot_of_pair[:] = -1
        used = 0
        line[:] = 0.0
        for leaf in range(k + 1):
            depth = 0
            d = 0
            child = -leaf - 1
            node = parent[splits + leaf]
            z[:] = 1.0
            while node >= 0:
                cover = leaf_cover[tree, -child - 1] if child < 0 else node_cover[tree, child]
                f = feature[tree, node]
                where = -1
                for j in range(d):
                    if distinct[j] == f:
                        where = j
                if where < 0:
                    where = d
                    distinct[d] = f
                    for s in range(splits):
                        if group[tree, s] == groups[f]:
                            slot[d] = s
                    d += 1
                z[where] *= cover / node_cover[tree, node]
                path_node[depth] = node
                path_left[depth] = left[tree, node] == child
                member[depth] = where
                depth += 1
                child = node
                node = parent[node]
            v = leaf_value[tree, leaf]
            for a in range(d):
                for b in range(a):
                    low, high = min(slot[a], slot[b]), max(slot[a], slot[b])
                    if low != high and slot_of_pair[low, high] < 0:
                        slot_of_pair[low, high] = used
                        first, second = group[tree, low], group[tree, high]
                        pair[tree, used] = min(first, second) * number + max(first, second)
                        used += 1
            for pattern in range(1 << k):
                o[:] = 1.0
                for step in range(depth):
                    if ((pattern >> path_node[step]) & 1) != (1 if path_left[step] else 0):
                        o[member[step]] = 0.0
                for a in range(d):
                    for b in range(a):
                        low, high = min(slot[a], slot[b]), max(slot[a], slot[b])
                        if low == high:
                            continue
                        total = 0.0
                        for q in range(len(points)):
                            product = weights[q]
                            for j in range(d):
                                if j not in (a, b):
                                    product *= z[j] * (1.0 - points[q]) + o[j] * points[q]
                            total += product
                        line[pattern, slot_of_pair[low, high]] += v * (o[a] - z[a]) * (o[b] - z[b]) * total
        for low in range(splits):
            for high in range(low + 1, splits):
                s = slot_of_pair[low, high]
                if s < 0:
                    continue
                for pattern in range(1 << k):
                    table[tree, pattern, s] = line[pattern, s]
                    half[tree, pattern, low] += 0.5 * line[pattern, s]
                    half[tree, pattern, high] += 0.5 * line[pattern, s]
    return table, pair, half
