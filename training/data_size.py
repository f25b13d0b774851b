"""Is more data worth it? The preset that won, taught on a part of the customers, beside itself taught on all of them.

The same folds, the same judged rows, half and a quarter of the teaching customers (each inside the next). Losses over sizes fall
about as a power of the size (Hestness et al., 2017), so that each doubling wins the same part of what the one before it won; the next
doubling is foreseen from the last two. Its interval comes from the spread over the folds, which share rows and are few, with the
correction of Nadeau and Bengio (2003): it is wide where little is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from training.choose import Contest
from training.split import Fold

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]

SHARES: Final = (0.25, 0.5)
"""Shares of the teaching customers beside all of them, each twice the one before."""
LEAST_CUSTOMERS: Final = 200
"""Customers below which a quarter of them teaches nothing."""


@dataclass(frozen=True)
class Sizes:
    """Shares of the customers (k,), how many these are, mean loss of each fold by share (folds, k), rows judged and taught (folds,)."""

    shares: tuple[float, ...]
    customers: tuple[int, ...]
    losses: Array
    rows: NDArray[np.int64]
    taught: NDArray[np.int64]

    @property
    def mean(self) -> Array:
        """Loss over all folds by share, (k,)."""
        return np.asarray(self.rows @ self.losses / self.rows.sum())

    def doubling(self) -> dict[str, float | None]:
        """How much less loss twice the customers would give: value, low, high (95 %); None with one fold or two shares."""
        steps = self.losses[:, :-1] - self.losses[:, 1:]
        mean = self.mean[:-1] - self.mean[1:]
        if len(steps) < 2 or len(mean) < 2:
            return {"value": None, "low": None, "high": None}
        # A doubling is taken to win no more than the one before it, and not to lose.
        lasting = float(np.clip(mean[-1] / mean[-2], 0.0, 1.0)) if mean[-2] > 0 else 1.0
        value = lasting * float(mean[-1])
        shared = 1 / len(steps) + float((self.rows / self.taught).mean())
        error = float(steps[:, -1].std(ddof=1) * np.sqrt(shared))
        width = float(stats.t.ppf(0.975, len(steps) - 1)) * error
        return {"value": value, "low": value - width, "high": value + width}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "sizes": [
                {"share": share, "customers": count, "loss": float(loss)}
                for share, count, loss in zip(self.shares, self.customers, self.mean, strict=True)
            ],
            "doubling": self.doubling(),
        }


def data_size(
    found: Contest, customers: NDArray[np.int64], seed: int, progress: Progress | None = None
) -> Sizes | None:
    """Race the winner again on parts of the customers; None where there are too few of them.

    Parameters
    ----------
    found
        The contest that the whole teaching part gave.
    customers
        Number of each teaching row's customer, (n,).
    seed
        Of the draw of customers.
    progress
        Told a message and the share that is done.
    """
    names, number = np.unique(customers, return_inverse=True)
    if len(names) < LEAST_CUSTOMERS:
        return None
    place = np.random.default_rng(seed).permutation(len(names))
    preset, asked = found.choice.preset.alone(), found.asked
    columns, counts = [], []
    for done, share in enumerate(SHARES):
        kept = (place < round(share * len(names)))[number]
        folds: list[Fold] = [(train[kept[train]], valid) for train, valid in found.folds]
        if not _teach(found, folds):
            return None
        tell = None if progress is None else _told(progress, done)
        curves = found.learner.race([(preset, question) for question in asked], folds, tell)
        # With the best round of its own, as the whole had: what is compared is what the data allow.
        columns.append(sum(curve.losses[:, curve.best()[0] - 1] for curve in curves))
        counts.append(round(share * len(names)))
    whole = found.curves[preset]
    columns.append(sum(curve.losses[:, curve.best()[0] - 1] for curve in whole))
    taught, rows = (np.array([len(fold[side]) for fold in found.folds]) for side in (0, 1))
    return Sizes((*SHARES, 1.0), (*counts, len(names)), np.column_stack(columns), rows, taught)


def _teach(found: Contest, folds: list[Fold]) -> bool:
    """Whether every part still has both answers of each question."""
    return all(len(np.unique(question.y[train])) > 1 for train, _ in folds for question in found.asked)


def _told(progress: Progress, done: int) -> Callable[[float], None]:
    return lambda share: progress(f"{SHARES[done]:.0%} of the customers", (done + share) / len(SHARES))
