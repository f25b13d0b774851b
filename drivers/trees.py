"""Exact TreeSHAP of small trees from tables: the driver analysis asks for millions of rows of it.

A tree with k splits sees a row as k bits (which way each split sends it). So everything TreeSHAP can say about the row is a
table of 2^k lines, one column per group of features, made once per tree; a row costs k comparisons and one line. Groups are
summed inside the table, which is what the analysis wants: values per touchpoint, before taking absolute values.

Contract: numeric splits only (categories come one-hot), at most `MAX_SPLITS` splits a tree. The values equal LightGBM's
``predict(pred_contrib=True)`` summed over each group (Lundberg et al., 2020; cover ratios are data counts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
import numpy.typing as npt

MAX_SPLITS: Final = 10
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss((MAX_SPLITS + 2) // 2)
# On [0, 1]; exact for polynomials of a degree below 2 x points, and a path of d features needs degree d - 1.
_NODES = (_NODES + 1) / 2
_WEIGHTS = _WEIGHTS / 2
_ZERO = 1e-35  # what LightGBM takes for zero
_CATEGORICAL, _DEFAULT_LEFT = 1, 2


@dataclass(frozen=True)
class Ensemble:
    """A boosted model as arrays: trees x splits, ready for `values`.

    Parameters
    ----------
    feature, threshold, missing, default_left
        (trees, splits): what each split compares; feature is -1 beyond a tree's last split. `missing` is LightGBM's type:
        0 none (a missing value counts as zero), 1 zero, 2 NaN.
    table
        (trees, 2^splits, slots): what a tree adds to the group in each slot when its splits answer so.
    group
        (trees, slots): which group a slot stands for; -1 for none.
    bias
        The model's expected raw score; values over groups + bias = raw score.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    missing: npt.NDArray[np.int8]
    default_left: npt.NDArray[np.bool_]
    table: npt.NDArray[np.float32]
    group: npt.NDArray[np.int32]
    bias: float


def ensemble(model: str, groups: npt.NDArray[np.int32], leaves: int) -> Ensemble:
    """Tables of a LightGBM model.

    Parameters
    ----------
    model
        LightGBM's own text.
    groups
        (features,) the group of each feature.
    leaves
        The most leaves a tree may have.
    """
    splits = leaves - 1
    if splits > MAX_SPLITS:
        raise ValueError(f"tables of trees with {splits} splits are too large; at most {MAX_SPLITS}")
    trees = _parse(model)
    count = len(trees)
    shape = (count, splits)
    feature = np.full(shape, -1, dtype=np.int32)
    threshold = np.zeros(shape)
    kind = np.zeros(shape, dtype=np.int8)
    left = np.full(shape, -1, dtype=np.int32)
    right = np.full(shape, -1, dtype=np.int32)
    node_cover = np.ones(shape)
    leaf_value = np.zeros((count, leaves))
    leaf_cover = np.zeros((count, leaves))
    used = np.zeros(count, dtype=np.int32)
    for i, tree in enumerate(trees):
        k = len(tree["split_feature"])
        used[i] = k
        if k == 0:
            leaf_value[i, 0], leaf_cover[i, 0] = tree["leaf_value"][0], 1.0
            continue
        feature[i, :k] = tree["split_feature"]
        threshold[i, :k] = tree["threshold"]
        kind[i, :k] = tree["decision_type"]
        left[i, :k] = tree["left_child"]
        right[i, :k] = tree["right_child"]
        node_cover[i, :k] = tree["internal_count"]
        leaf_value[i, : k + 1] = tree["leaf_value"]
        leaf_cover[i, : k + 1] = tree["leaf_count"]
    if np.any(kind & _CATEGORICAL):
        raise ValueError("a category split in a driver model: categories must come one-hot")
    covered = leaf_cover.sum(axis=1)
    bias = float((leaf_value * leaf_cover).sum(axis=1) @ (1 / np.maximum(covered, 1)))
    table, group = _tables(
        feature, left, right, node_cover, leaf_value, leaf_cover, used, groups.astype(np.int32), _NODES, _WEIGHTS
    )
    return Ensemble(
        feature=feature,
        threshold=threshold,
        missing=(kind >> 2).astype(np.int8),
        default_left=(kind & _DEFAULT_LEFT) > 0,
        table=table,
        group=group,
        bias=bias,
    )


def values(
    model: Ensemble, matrix: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], groups: int
) -> npt.NDArray[np.float64]:
    """Grouped SHAP values of some rows: (len(rows), groups), in the unit of the raw score."""
    out = np.zeros((len(rows), groups))
    _add(
        matrix,
        rows,
        model.feature,
        model.threshold,
        model.missing,
        model.default_left,
        model.table,
        model.group,
        out,
        _ZERO,
    )
    return out


def _parse(model: str) -> list[dict[str, npt.NDArray[np.float64]]]:
    wanted = {
        "split_feature", "threshold", "decision_type", "left_child", "right_child",
        "leaf_value", "leaf_count", "internal_count",
    }  # fmt: skip
    trees = []
    for part in model.split("end of trees", 1)[0].split("\nTree=")[1:]:
        lines = (line.split("=", 1) for line in part.splitlines()[1:] if "=" in line)
        tree = {key: np.array(text.split(), dtype=np.float64) for key, text in lines if key in wanted}
        trees.append({key: tree.get(key, np.zeros(0)) for key in wanted})
    return trees


@nb.njit(cache=True, nogil=True)
def _tables(  # pragma: no cover - compiled
    feature: npt.NDArray[np.int32],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    node_cover: npt.NDArray[np.float64],
    leaf_value: npt.NDArray[np.float64],
    leaf_cover: npt.NDArray[np.float64],
    used: npt.NDArray[np.int32],
    groups: npt.NDArray[np.int32],
    points: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Per tree and pattern of answers, the quadrature form of SHAP: v (o_i - z_i) int prod_{j != i} (z_j (1-t) + o_j t) dt."""
    trees, splits = feature.shape
    patterns = 1 << splits
    table = np.zeros((trees, patterns, splits), dtype=np.float32)
    group = np.full((trees, splits), -1, dtype=np.int32)
    line = np.zeros((patterns, splits))
    path_node = np.zeros(splits, dtype=np.int32)
    path_left = np.zeros(splits, dtype=np.bool_)
    distinct = np.zeros(splits, dtype=np.int32)
    slot_of = np.zeros(splits, dtype=np.int32)
    z = np.ones(splits)
    o = np.zeros(splits)
    member = np.zeros(splits, dtype=np.int32)
    parent = np.full(2 * splits + 1, -1, dtype=np.int32)
    for tree in range(trees):
        k = used[tree]
        if k == 0:
            continue
        for node in range(k):
            for child in (left[tree, node], right[tree, node]):
                parent[child if child >= 0 else splits + (-child - 1)] = node
        parent[0] = -1
        slots = 0
        for node in range(k):
            mine = groups[feature[tree, node]]
            found = -1
            for s in range(slots):
                if group[tree, s] == mine:
                    found = s
            if found < 0:
                group[tree, slots] = mine
                slots += 1
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
                    for s in range(slots):
                        if group[tree, s] == groups[f]:
                            slot_of[d] = s
                    d += 1
                z[where] *= cover / node_cover[tree, node]
                path_node[depth] = node
                path_left[depth] = left[tree, node] == child
                member[depth] = where
                depth += 1
                child = node
                node = parent[node]
            v = leaf_value[tree, leaf]
            for pattern in range(1 << k):
                for j in range(d):
                    o[j] = 1.0
                for step in range(depth):
                    if ((pattern >> path_node[step]) & 1) != (1 if path_left[step] else 0):
                        o[member[step]] = 0.0
                for i in range(d):
                    total = 0.0
                    for q in range(len(points)):
                        t = points[q]
                        product = weights[q]
                        for j in range(d):
                            if j != i:
                                product *= z[j] * (1.0 - t) + o[j] * t
                        total += product
                    line[pattern, slot_of[i]] += v * (o[i] - z[i]) * total
        for pattern in range(1 << k):
            for s in range(slots):
                table[tree, pattern, s] = line[pattern, s]
    return table, group


@nb.njit(cache=True, nogil=True)
def _add(  # pragma: no cover - compiled
    matrix: npt.NDArray[np.float32],
    rows: npt.NDArray[np.intp],
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
    missing: npt.NDArray[np.int8],
    default_left: npt.NDArray[np.bool_],
    table: npt.NDArray[np.float32],
    group: npt.NDArray[np.int32],
    out: npt.NDArray[np.float64],
    zero: float,
) -> None:
    trees, splits = feature.shape
    for start in range(0, len(rows), 128):  # a block of rows and one tree's table stay in the nearest cache
        stop = min(start + 128, len(rows))
        for tree in range(trees):
            for i in range(start, stop):
                row = rows[i]
                pattern = 0
                for node in range(splits):
                    f = feature[tree, node]
                    if f < 0:
                        break
                    x = np.float64(matrix[row, f])
                    kind = missing[tree, node]
                    if np.isnan(x) and kind != 2:
                        x = np.float64(0.0)
                    if (kind == 2 and np.isnan(x)) or (kind == 1 and abs(x) <= zero):
                        go_left = default_left[tree, node]
                    else:
                        go_left = x <= threshold[tree, node]
                    if go_left:
                        pattern |= 1 << node
                for s in range(splits):
                    g = group[tree, s]
                    if g < 0:
                        break
                    out[i, g] += table[tree, pattern, s]
