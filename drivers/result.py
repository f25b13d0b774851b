"""What an analysis finds, as plain arrays: one entry per block, strengths in the told unit. Renderings come later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Ints, Problem
from drivers.dose_response import Knee
from drivers.moments import Moment, Moved, Shape
from drivers.significance import Gate

Status = Literal["key_driver", "candidate", "not_distinguishable", "excluded_late"]


@dataclass(frozen=True)
class Limits:
    """An estimate with its 95 % limits, (blocks,) each; NaN where it has no meaning."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Validation:
    """Held out: the driver model beside the prior. `loss` is squared error or log-loss in nats."""

    measure: Literal["r2", "auc"]
    value: float
    baseline: float
    loss: float
    baseline_loss: float
    rounds: int


@dataclass(frozen=True)
class SlopeTests:
    """Median over repeats: slope, p against the minimum effect and against zero, with their q within each family."""

    gate: Gate
    slope: Floats
    p: Floats
    q: Floats
    p_any: Floats
    q_any: Floats


@dataclass(frozen=True)
class Standing:
    """Where blocks stand within their family (touchpoints, or groups of controls).

    `rank` with its band is 0 for whatever is no key driver: what is not confirmed is not ranked. `in_top` is the share of
    half-samples in which a block is among the top k; `tier` 1 to 3 compares with the strongest, 0 is no strength.
    """

    status: tuple[Status, ...]
    share: Floats
    in_top: Floats
    rank: Ints
    rank_low: Ints
    rank_high: Ints
    tier: Ints


@dataclass(frozen=True)
class Result:
    """Everything that is told of one outcome.

    `values` are held-out values (rows, blocks), averaged over `repeats` (repeats, rows, blocks), and `raw` (rows,) the calibrated raw
    prediction they add up to: what further questions are asked of. `refit` is, for blocks that are at all distinguishable, the
    relative change of held-out loss without them and its p.
    """

    problem: Problem
    values: Floats
    repeats: Floats
    raw: Floats
    tests: SlopeTests
    validation: Validation
    standing: Standing
    strength: Limits
    depth: Limits
    reach: Limits
    slope: Floats
    refit: dict[int, tuple[float, float]]
    asymmetry: Limits
    shape: tuple[Shape | None, ...]
    moment: tuple[Moment | None, ...]
    moved: Moved
    knee: tuple[Knee | None, ...]
    dimensions: tuple[dict[str, float], ...]
    base_rate: float

    @property
    def key(self) -> npt.NDArray[np.bool_]:
        """(blocks,) which blocks are key drivers."""
        return np.array([status == "key_driver" for status in self.standing.status], dtype=bool)

    @property
    def customers(self) -> int:
        """How many customers the rows are of."""
        return len(set(self.problem.customer.tolist()))
