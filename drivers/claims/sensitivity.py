"""What a hidden cause would do to an adjusted effect, if it were as strong as the strongest measured one.

The bias that a hidden common cause leaves is bounded by what it would explain of the outcome and of the treatment beyond all that is held
fixed (Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis, 2022, "Long story short"; for a slope: Cinelli and Hazlett, 2020). Both shares
are taken from a measured group of circumstances: what the group explains beyond the others is what the hidden one is supposed to.

The limits are told, not a "robustness value": that is the larger, the further off a confounded estimate is. They do not say whether
there is such a cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats
from drivers.claims.adjusted import Effect, Study, partialled

_MOST = 0.95  # share beyond which "as strong as" would leave nothing of the treatment


@dataclass(frozen=True)
class Sensitivity:
    """Limits of the effect under a hidden cause as strong as `like`, 95 % limits of the estimate included.

    `outcome` and `treatment` are the shares of what is left of either that such a cause would explain, `bias` the most it
    could shift the estimate, in the told unit.
    """

    like: str
    outcome: float
    treatment: float
    bias: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether an effect would still be told apart from none."""
        return self.low > 0 or self.high < 0


def strongest(importance: Floats, groups: Mapping[str, npt.NDArray[np.intp]]) -> str | None:
    """The group whose columns foretell most of outcome and treatment together; None where none foretells both."""
    sums = {name: float(importance[columns].sum()) for name, columns in groups.items()}
    best = max(sums, key=lambda name: sums[name], default=None)
    return best if best is not None and sums[best] > 0 else None


def sensitivity(
    study: Study,
    treatment: Floats,
    fixed: npt.NDArray[np.float32],
    found: Effect,
    like: str,
    columns: npt.NDArray[np.intp],
    *,
    seed: int,
    threads: int = 1,
) -> Sensitivity:
    """What a hidden cause as strong as a measured group would do.

    Parameters
    ----------
    study, treatment, fixed, found
        As `adjusted.effect` was asked, and what it said.
    like, columns
        The measured group and its columns in `fixed`.
    seed, threads
        As there: the folds are the same.
    """
    without = partialled(study, treatment, np.delete(fixed, columns, axis=1), seed=seed, threads=threads)
    outcome = _gained(found.left.outcome, without.outcome, study.weight)
    part = min(_gained(found.left.treatment, without.treatment, study.weight), _MOST)
    return bounded(study, found, like, outcome, part)


def bounded(study: Study, found: Effect, like: str, outcome: float, treatment: float) -> Sensitivity:
    """Limits when a hidden cause explains these shares of what is left of the outcome and of the treatment."""
    noise = float(np.average(found.left.outcome**2, weights=study.weight))
    left = float(np.average(found.left.treatment**2, weights=study.weight))
    bias = study.scale * float(np.sqrt(noise / left * outcome * treatment / (1.0 - treatment)))
    return Sensitivity(like, outcome, treatment, bias, found.low - bias, found.high + bias)


def _gained(whole: Floats, without: Floats, weight: Floats) -> float:
    """Share of what is left without a group that the group explains; 0 where it explains nothing."""
    return max(0.0, 1.0 - float(weight @ whole**2) / float(weight @ without**2))
