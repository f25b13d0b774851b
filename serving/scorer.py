"""The scorer: the models of one output folder, and what they say of customers in numbers.

`Scorer.numbers` turns feature matrices into numbers, for one customer of a request and for a million of a batch alike; there
is no second path, so that the score in a call and the score in last night's file are the same to the bit. Words are added by
`serving.answers`. A scorer never changes: new models are a new scorer.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import BundleError, NotReadyError
from configs.settings import Settings, TouchpointInfo
from features.company import Calendar
from features.journey import Vocabulary
from serving import messages
from serving.messages import SLOTS, Slot
from serving.models import Array, Model, chosen, passes
from serving.reasons import TopReasons
from serving.sentences import Speaker
from serving.unseen import watched
from training.bundle import Bundle

BANDS: Final[tuple[Literal["low"], Literal["medium"], Literal["high"]]] = ("low", "medium", "high")
CATEGORIES: Final[tuple[Literal["detractor"], Literal["passive"], Literal["promoter"]]] = (
    "detractor",
    "passive",
    "promoter",
)
Matrices = Mapping[Slot, Array]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the models say of n customers; None where no model was asked.

    Parameters
    ----------
    probability, percentile, band
        Of leaving, (n,): in 0..1, in 0..100, index into `BANDS`.
    categories
        Detractor, passive, promoter, (n, 3).
    expected, at_risk
        Money, (n,).
    reasons
        Per target the strongest reasons.
    churn_by_day
        Probability of churn by each day of the time to churn, (n, days).
    """

    probability: Array | None = None
    percentile: Array | None = None
    band: NDArray[np.int64] | None = None
    categories: Array | None = None
    expected: Array | None = None
    at_risk: Array | None = None
    reasons: Mapping[Slot, TopReasons] | None = None
    churn_by_day: Array | None = None


class Scorer:
    """Scores customers with the models of one folder.

    Parameters
    ----------
    bundles
        By target name, in the order of the configuration.
    journey
        The configuration's touchpoints, for their labels.
    reasons
        Reasons of a score unless a caller asks for another count.
    lang
        Language of the sentences unless a caller asks for another.
    """

    def __init__(
        self,
        bundles: Mapping[str, Bundle],
        *,
        journey: Mapping[str, TouchpointInfo] | None = None,
        reasons: int = 5,
        lang: str = "en",
    ) -> None:
        self.models: dict[Slot, Model] = dict(chosen(bundles))
        self.passes = passes(self.models)
        self.watched = watched(model.bundle.catalog.vocabulary for model in self.models.values())
        self.reasons = reasons
        self.lang = lang
        self._journey = journey or {}
        self._speakers: dict[str, Speaker] = {}

    @classmethod
    def open(cls, settings: Settings) -> Scorer:
        """The scorer of a configuration's output folder.

        Raises
        ------
        NotReadyError
            When there is no model.
        BundleError
            When a model is damaged or was made by another version.
        """
        folder = settings.output / "models"
        # The model of a target that is no longer asked for stays where it is and answers nothing.
        found = [name for name in settings.targets if (folder / name).is_dir()]
        if not found:
            raise NotReadyError(
                "there is no model to answer with",
                where=str(folder),
                next_move=f"run 'moments run {settings.source.name}'",
            )
        bundles = {name: Bundle.load(folder / name) for name in found}
        for name, bundle in bundles.items():
            if bundle.target != name:
                raise BundleError(
                    f"this model is of the target '{bundle.target}', not of '{name}'",
                    where=str(folder / name),
                    next_move="copy the right folder back, or train again",
                )
        return cls(
            bundles,
            journey=settings.journey,
            reasons=settings.scores.reasons,
            lang=settings.languages[0],
        )

    @property
    def vocabularies(self) -> tuple[Vocabulary, ...]:
        """Those of the passes that look at the whole company: a store keeps a calendar for each."""
        return tuple(item.catalog.vocabulary for item in self.passes if len(item.catalog.company[0]))

    def knowing(self, calendars: Mapping[str, Calendar]) -> Scorer:
        """The same models with what is known of the company by now, by the digest of the vocabulary it was read with."""
        other = copy.copy(self)
        other.passes = passes(self.models, calendars)
        return other

    def infos(self) -> list[messages.ModelInfo]:
        """What answers."""
        return [
            messages.ModelInfo(
                slot,
                model.bundle.target,
                model.bundle.task,
                model.bundle.version,
                model.bundle.sha256,
                model.bundle.trained_at or None,
                model.bundle.data_from,
                model.bundle.data_until,
                model.horizon_days,
                len(model.bundle.catalog.features),
            )
            for slot, model in self.models.items()
        ]

    def numbers(self, matrices: Matrices, *, targets: Sequence[str] = SLOTS, reasons: int | None = None) -> Numbers:
        """What the models say of n customers.

        Parameters
        ----------
        matrices
            Features per target, (n, p), in the order of its bundle's catalogue.
        targets
            The targets wanted.
        reasons
            Reasons at most; none where it is 0.
        """
        count = self.reasons if reasons is None else reasons
        probability = percentile = band = categories = expected = at_risk = None
        top: dict[Slot, TopReasons] = {}
        churn, value = self.models.get("churn"), self.models.get("value")
        if churn is not None and ("churn" in targets or (value is not None and "value" in targets)):
            probability = churn.bundle.predict(matrices["churn"])
            percentile = _percentile(np.asarray(churn.bundle.quantiles), probability)
            limits = churn.bundle.bands
            medium = probability >= limits.get("medium", math.inf)
            high = probability >= limits.get("high", math.inf)
            band = medium.astype(np.int64) + (medium & high)
        nps = self.models.get("nps")
        if nps is not None and "nps" in targets:
            categories = nps.bundle.predict(matrices["nps"])
        if value is not None and "value" in targets:
            expected = value.bundle.predict(matrices["value"])
            at_risk = None if probability is None else probability * expected
        curve = self.models.get("time_to_churn")
        by_day = None
        if curve is not None and "time_to_churn" in targets:
            by_day = curve.bundle.predict(matrices["time_to_churn"])
        for model in (churn, nps, curve):
            if model is not None and model.slot in targets:
                top[model.slot] = self._top(model, matrices[model.slot], count)
        return Numbers(probability, percentile, band, categories, expected, at_risk, top, by_day)

    def speaker(self, lang: str) -> Speaker:
        """Says reasons in a language."""
        if lang not in self._speakers:
            self._speakers[lang] = Speaker(lang, self._journey)
        return self._speakers[lang]

    def _top(self, model: Model, matrix: Array, count: int) -> TopReasons:
        if count == 0:
            return TopReasons.none(len(matrix))
        contributions = model.bundle.contributions(matrix)
        return model.grouping.top(matrix, contributions, count, raising_first=model.slot != "nps")


def _percentile(quantiles: Array, values: Array) -> Array:
    """Where values stand among 101 reference quantiles, 0 to 100; in the middle of equal ones."""
    left = np.searchsorted(quantiles, values, side="left")
    right = np.searchsorted(quantiles, values, side="right")
    tied = (left + right - 1) / 2
    below = np.clip(left - 1, 0, len(quantiles) - 2)
    width = quantiles[below + 1] - quantiles[below]
    part = np.divide(values - quantiles[below], width, out=np.zeros_like(values), where=width > 0)
    return np.clip(np.where(left < right, tied, below + part), 0.0, 100.0)
