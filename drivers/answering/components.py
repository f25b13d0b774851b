"""The parts of a change of score, resampled: means per period, the slope of points on predictions, and what they add up to.

Rows are summed once per customer and period; a resample of customers is then one product of matrices. Everything is drawn
together, so that parts, rates and their sum are paired in every draw. Linear in the mean prediction, the parts are exact and ask
for no overlap: an unhappy fifth that is no longer asked at all leaves nobody behind who could be weighted up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Ints
from training.evaluate import weights


@dataclass(frozen=True)
class Active:
    """All customers active in each period, whether they were asked or not.

    Parameters
    ----------
    period, predicted, customer
        (rows,) as those of the answers, by the same model and the same codes of customers.
    answered
        (rows,) whether they answered.
    asked
        (rows,) whether they were asked; None where it is not known.
    """

    period: Ints
    predicted: Floats
    customer: Ints
    answered: npt.NDArray[np.bool_]
    asked: npt.NDArray[np.bool_] | None = None


def draws(
    kept: Ints,
    period: Ints,
    predicted: Floats,
    points: Floats,
    customer: Ints,
    active: Active | None,
    bootstraps: int,
    seed: int,
) -> tuple[dict[str, Floats], Floats]:
    """Means (draws, periods) by name and slopes (draws,); the first draw is the data, the others resample customers."""
    everybody = customer if active is None else np.concatenate([customer, active.customer])
    names, number = np.unique(everybody, return_inverse=True)
    centre = float(predicted.mean())  # sums of squares then lose no digits
    x = predicted - centre
    own = _Sums(number[: len(customer)], period, kept, len(names))
    sums = {
        "n": own.of(np.ones_like(x)), "x": own.of(x), "y": own.of(points), "xx": own.of(x * x), "xy": own.of(x * points),
    }  # fmt: skip
    if active is not None:
        theirs = _Sums(number[len(customer) :], active.period, kept, len(names))
        other = active.predicted - centre
        sums |= {"active": theirs.of(np.ones_like(other)), "active_x": theirs.of(other)}
        sums["answered"] = theirs.of(active.answered.astype(np.float64))
        if active.asked is not None:
            asked = active.asked.astype(np.float64)
            sums |= {"asked": theirs.of(asked), "asked_x": theirs.of(asked * other)}
    stacked = np.concatenate(list(sums.values()), axis=1)
    drawn = np.concatenate([block @ stacked for block in weights(np.arange(len(names)), bootstraps, seed)])
    total = dict(zip(sums, np.split(drawn, len(sums), axis=1), strict=True))
    means = {"score": _ratio(total["y"], total["n"]), "predicted": _ratio(total["x"], total["n"])}
    within = (total["xx"] - total["n"] * means["predicted"] ** 2).sum(axis=1)
    together = (total["xy"] - total["n"] * means["predicted"] * means["score"]).sum(axis=1)
    # A prediction without any spread explains nothing.
    slope = np.divide(together, within, out=np.zeros_like(within), where=within > 1e-9 * len(period))
    means["predicted"] = means["predicted"] + centre
    if active is not None:
        means["predicted_active"] = _ratio(total["active_x"], total["active"]) + centre
        below = total["asked"] if active.asked is not None else total["active"]
        if active.asked is not None:
            means["predicted_asked"] = _ratio(total["asked_x"], total["asked"]) + centre
            means["asked_rate"] = _ratio(total["asked"], total["active"])
        means["answer_rate"] = _ratio(total["answered"], below)
    return means, slope


class _Sums:
    """Sums of rows per customer and period, (customers, periods)."""

    def __init__(self, number: npt.NDArray[np.intp], period: Ints, kept: Ints, customers: int) -> None:
        self._rows = np.flatnonzero(np.isin(period, kept))
        self._cell = number[self._rows] * len(kept) + np.searchsorted(kept, period[self._rows])
        self._shape = (customers, len(kept))

    def of(self, values: Floats) -> Floats:
        summed = np.bincount(self._cell, values[self._rows], minlength=self._shape[0] * self._shape[1])
        # Without any row the sums come as integers.
        made: Floats = summed.astype(np.float64).reshape(self._shape)
        return made


def parts(means: dict[str, Floats], slope: Floats, a: int, b: int) -> dict[str, Floats]:
    """Draws of each part of the change from period a to period b; the parts add up, the rates stand beside them."""

    def moved(name: str, less: str | None = None) -> Floats:
        level = means[name] if less is None else means[name] - means[less]
        change: Floats = level[:, b] - level[:, a]
        return change

    if "predicted_asked" in means:
        found = {
            "asked": slope * moved("predicted_asked", "predicted_active"),
            "answered": slope * moved("predicted", "predicted_asked"),
            "customers": slope * moved("predicted_active"),
        }
    elif "predicted_active" in means:
        found = {
            "selection": slope * moved("predicted", "predicted_active"),
            "customers": slope * moved("predicted_active"),
        }
    else:
        found = {"profile": slope * moved("predicted")}
    found["rest"] = moved("score") - sum(found.values(), start=np.zeros_like(slope))
    rates = {name: 100.0 * moved(name) for name in ("asked_rate", "answer_rate") if name in means}
    return found | rates


def _ratio(above: Floats, below: Floats) -> Floats:
    found: Floats = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
    return found
