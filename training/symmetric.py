"""CatBoost's symmetric trees as LightGBM's: an average of both learners is one model of LightGBM, served and explained as any other.

A symmetric (oblivious) tree asks the same question at every node of a level, so that d questions make 2^d leaves (Prokhorenkova et
al., 2018). Written out it is an ordinary tree: a missing value goes the way of the smallest ones, and a part that no teaching row
reached is cut away, since exact reasons weigh the sides of a node by the rows on them. Categories are taken as the numbers of
their codes. CatBoost reads numbers in single precision; between two values that differ only beyond it, either side is as good.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DEPTH: Final = 6
MOST_TREES: Final = 400
"""Trees that are grown; those that count are chosen on the folds."""
EVERY: Final = 20
_NUMERIC_MISSING_LEFT: Final = 10
"""LightGBM's code of a split on a number where NaN goes left."""


@dataclass(frozen=True)
class Symmetric:
    """Symmetric trees in the order in which they grew, each with its splits and its leaves' values and rows, and a constant."""

    trees: tuple[dict[str, Any], ...]
    bias: float

    def scores(self, X: Array, counts: Sequence[int]) -> Array:
        """Log-odds of rows (n, p) by the first so many trees, for each of `counts`, (n, len(counts)); counts rise."""
        total, found = np.full(len(X), self.bias), []
        columns = np.asarray(X, dtype=np.float32)
        done = 0
        for count in counts:
            for tree in self.trees[done:count]:
                place = np.zeros(len(X), dtype=np.int64)
                for bit, split in enumerate(tree["splits"]):
                    place |= (columns[:, split["float_feature_index"]] > np.float32(split["border"])).astype(
                        np.int64
                    ) << bit
                total = total + np.asarray(tree["leaf_values"])[place]
            done = count
            found.append(total)
        return np.column_stack(found)


def grow(X: Array, y: Array, offset: Array | None, trees: int, seed: int) -> Symmetric:
    """Symmetric trees on rows (n, p) with labels 0/1 (n,) and what is known of each row beforehand (n,), log-odds; one thread."""
    from catboost import CatBoostClassifier, Pool

    model = CatBoostClassifier(
        iterations=trees, depth=DEPTH, thread_count=1, random_seed=seed, verbose=0, allow_writing_files=False
    )
    model.fit(Pool(np.ascontiguousarray(X), y, baseline=offset))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        content = json.loads(path.read_text("utf-8"))
    scale, (bias,) = content["scale_and_bias"]
    found = [
        {**tree, "leaf_values": [scale * value for value in tree["leaf_values"]]} for tree in content["oblivious_trees"]
    ]
    return Symmetric(tuple(found), float(bias))


def average(booster: lgb.Booster, rounds: int, other: Symmetric, trees: int) -> lgb.Booster:
    """The mean of two models' log-odds as one of LightGBM: the first trees of each, their values halved."""
    text = booster.model_to_string(num_iteration=rounds)
    head, body = text[: text.index("\nTree=0")], text[text.index("Tree=0") : text.index("end of trees")]
    blocks = [_halved(block) for block in re.split(r"\n{2,}(?=Tree=)", body.strip())]
    # The constant of the one model goes into its first tree, as LightGBM does with its own.
    blocks += [_written(tree, 0.5, other.bias if place == 0 else 0.0) for place, tree in enumerate(other.trees[:trees])]
    # Without the sizes of the trees LightGBM reads them one after the other.
    head = "\n".join(line for line in head.split("\n") if not line.startswith("tree_sizes="))
    numbered = "\n\n".join(re.sub(r"^Tree=\d+", f"Tree={place}", block) for place, block in enumerate(blocks))
    rest = text[text.index("end of trees") :]
    made = lgb.Booster(model_str=f"{head}\n\n{numbered}\n\n{rest}")
    return lgb.Booster(model_str=made.model_to_string())


def _halved(block: str) -> str:
    def half(match: re.Match[str]) -> str:
        values = " ".join(repr(0.5 * float(value)) for value in match[2].split())
        return f"{match[1]}={values}"

    return re.sub(r"^(leaf_value|internal_value)=(.*)$", half, block.strip(), flags=re.MULTILINE)


def _written(tree: dict[str, Any], factor: float, constant: float) -> str:
    """One symmetric tree as LightGBM's text, without the parts that no row reached."""
    values = factor * (np.asarray(tree["leaf_values"], dtype=np.float64) + constant)
    rows = np.asarray(tree["leaf_weights"], dtype=np.float64)
    splits: list[tuple[int, float, float, float]] = []
    children: list[list[int]] = []
    leaves: list[tuple[float, float]] = []

    def build(level: int, places: NDArray[np.int64]) -> int:
        """Node (from 0) or leaf (-1 - leaf) for the leaves at these places."""
        if level < 0 or len(places) == 1:
            reached = rows[places]
            # Only where nothing taught at all are there several: then they are one.
            weights = reached if reached.sum() > 0 else np.ones(len(places))
            leaves.append((float(np.average(values[places], weights=weights)), float(reached.sum())))
            return -len(leaves)
        high = (places >> level & 1).astype(bool)
        left, right = places[~high], places[high]
        if not rows[right].sum() > 0:
            return build(level - 1, left)
        if not rows[left].sum() > 0:
            return build(level - 1, right)
        split = tree["splits"][level]
        node = len(splits)
        count = float(rows[places].sum())
        mean = float(np.average(values[places], weights=rows[places]))
        splits.append((split["float_feature_index"], float(np.float32(split["border"])), count, mean))
        children.append([0, 0])
        children[node] = [build(level - 1, left), build(level - 1, right)]
        return node

    build(len(tree["splits"]) - 1, np.arange(len(values)))
    lines = ["Tree=0", f"num_leaves={len(leaves)}", "num_cat=0"]
    if splits:
        lines += [
            "split_feature=" + " ".join(str(split[0]) for split in splits),
            "split_gain=" + " ".join("0" for _ in splits),
            "threshold=" + " ".join(repr(split[1]) for split in splits),
            "decision_type=" + " ".join(str(_NUMERIC_MISSING_LEFT) for _ in splits),
            "left_child=" + " ".join(str(pair[0]) for pair in children),
            "right_child=" + " ".join(str(pair[1]) for pair in children),
        ]
    lines += ["leaf_value=" + " ".join(repr(value) for value, _ in leaves)]
    if splits:
        counts = " ".join(str(round(count)) for _, count in leaves)
        lines += [
            f"leaf_weight={counts}",
            f"leaf_count={counts}",
            "internal_value=" + " ".join(repr(split[3]) for split in splits),
            "internal_weight=" + " ".join(str(round(split[2])) for split in splits),
            "internal_count=" + " ".join(str(round(split[2])) for split in splits),
        ]
    return "\n".join([*lines, "is_linear=0", "shrinkage=1"])
