"""Scores in words: results of single customers as the interface promises them, with reasons as sentences and warnings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from configs.errors import MomentsError
from features.customer import Journey
from serving import messages
from serving.activity import NOT_ACTIVE, is_active
from serving.intake import iso
from serving.messages import SLOTS, Slot
from serving.metrics import count_unseen
from serving.models import Array, Model, Pass, leaving
from serving.scorer import BANDS, CATEGORIES, Numbers, Scorer
from serving.sentences import Speaker
from serving.unseen import UNKNOWN_TOUCHPOINT, UNSEEN_CATEGORY, unseen

Origin = Literal["store", "request"]
Result = messages.Scored | messages.Failed


@dataclass(frozen=True, slots=True)
class Subject:
    """A customer at a moment (microseconds UTC), with the warnings that the caller already has, and whence the journey came."""

    journey: Journey
    as_of: int
    warnings: tuple[messages.Warning, ...] = ()
    origin: Origin = "store"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the models saw of some customers and said of them; each target's features are (customers, p)."""

    subjects: Sequence[Subject]
    scored_at: int
    scorer: Scorer
    matrices: Mapping[Slot, Array]
    numbers: Numbers


def answer(
    scorer: Scorer,
    subjects: Sequence[Subject],
    *,
    scored_at: int,
    targets: Sequence[str] | None = None,
    reasons: int | None = None,
    lang: str | None = None,
    seen: Callable[[Seen], None] | None = None,
) -> list[Result]:
    """Results of customers, in their order; a customer who cannot be scored fails alone.

    Parameters
    ----------
    scorer
        The models.
    subjects
        Customers with their journeys and moments.
    scored_at
        Now, in microseconds UTC.
    targets, reasons, lang
        What to answer, how many reasons, in which language.
    seen
        Told what the models saw, once.
    """
    wanted = tuple(SLOTS if targets is None else targets)
    # The value at risk needs the probability of leaving.
    needed = {*wanted, "churn"} if "value" in wanted else {*wanted}
    used = [item for item in scorer.passes if any(model.slot in needed for model in item.models)]
    rows: list[list[Array]] = [[] for _ in used]
    failed: dict[int, messages.Failed] = {}
    for number, subject in enumerate(subjects):
        try:
            computed = [item.online.row(subject.journey, item.at(subject.as_of)) for item in used]
        except MomentsError as error:
            fault = messages.Fault("cannot_score", None, error.what)
            failed[number] = messages.Failed(subject.journey.customer_id, fault)
            continue
        for part, values in zip(rows, computed, strict=True):
            part.append(values)
    scored = [subject for number, subject in enumerate(subjects) if number not in failed]
    words: Iterator[messages.Scored] = iter(())
    if scored:
        matrices = _matrices(used, rows)
        numbers = scorer.numbers(matrices, targets=wanted, reasons=reasons)
        if seen is not None:
            seen(Seen(scored, scored_at, scorer, matrices, numbers))
        words = _Teller(scorer, numbers, wanted, scorer.speaker(lang or scorer.lang)).results(scored, scored_at)
    return [failed[number] if number in failed else next(words) for number in range(len(subjects))]


def _matrices(used: Sequence[Pass], rows: Sequence[list[Array]]) -> dict[Slot, Array]:
    found: dict[Slot, Array] = {}
    for item, values in zip(used, rows, strict=True):
        found.update(item.matrices(np.vstack(values)))
    return found


class _Teller:
    """Puts the numbers of a block of customers into results."""

    def __init__(self, scorer: Scorer, numbers: Numbers, targets: Sequence[str], speaker: Speaker) -> None:
        self.scorer = scorer
        self.numbers = numbers
        self.targets = targets
        self.speaker = speaker

    def results(self, subjects: Sequence[Subject], scored_at: int) -> Iterator[messages.Scored]:
        """One result per customer, in order."""
        names: dict[str, messages.ModelName] = {
            slot: messages.ModelName(model.bundle.version, model.bundle.sha256)
            for slot, model in self.scorer.models.items()
            if slot in self.targets
        }
        now = iso(scored_at)
        for row, subject in enumerate(subjects):
            yield messages.Scored(
                subject.journey.customer_id,
                self._churn(row) if "churn" in self.targets else None,
                self._nps(row),
                self._value(row),
                self._time_to_churn(row),
                names,
                iso(subject.as_of),
                now,
                [*subject.warnings, *self._warnings(subject)],
            )

    def _churn(self, row: int) -> messages.Churn | None:
        if self.numbers.probability is None or self.numbers.percentile is None or self.numbers.band is None:
            return None
        model = self.scorer.models["churn"]
        return messages.Churn(
            float(self.numbers.probability[row]),
            BANDS[int(self.numbers.band[row])],
            float(self.numbers.percentile[row]),
            model.horizon_days,
            float(model.bundle.base_rate or 0.0),
            self._reasons("churn", row),
        )

    def _nps(self, row: int) -> messages.Nps | None:
        if self.numbers.categories is None:
            return None
        chances = self.numbers.categories[row].tolist()
        return messages.Nps(
            CATEGORIES[int(np.argmax(self.numbers.categories[row]))],
            messages.Probabilities(*chances),
            self._reasons("nps", row),
        )

    def _value(self, row: int) -> messages.Value | None:
        if self.numbers.expected is None:
            return None
        return messages.Value(
            float(self.numbers.expected[row]),
            None if self.numbers.at_risk is None else float(self.numbers.at_risk[row]),
        )

    def _time_to_churn(self, row: int) -> messages.TimeToChurn | None:
        if self.numbers.churn_by_day is None:
            return None
        bundle = self.scorer.models["time_to_churn"].bundle
        return messages.TimeToChurn(
            "inactivity" if bundle.waits_for_return else "cancellation",
            int(bundle.spec.get("lead_days", 0)),
            [
                messages.ChurnByDay(day, chance)
                for day, chance in zip(bundle.days, self.numbers.churn_by_day[row].tolist(), strict=True)
            ],
            self._reasons("time_to_churn", row),
        )

    def _reasons(self, slot: Literal["churn", "nps", "time_to_churn"], row: int) -> list[messages.Reason]:
        top = (self.numbers.reasons or {})[slot]
        model = self.scorer.models[slot]
        found = []
        for place, number in enumerate(top.group[row].tolist()):
            if number < 0:
                break
            group = model.grouping.groups[number]
            column = int(top.feature[row, place])
            feature = model.grouping.features[column]
            value = readable(model, column, float(top.value[row, place]))
            contribution = float(top.contribution[row, place])
            direction: Literal["raises", "lowers"] = "raises" if contribution > 0 else "lowers"
            usual = model.bundle.reference.get(model.bundle.catalog.names[column])
            found.append(
                messages.Reason(
                    place + 1,
                    group.code,
                    group.touchpoint,
                    group.dimension,
                    value,
                    feature.unit,
                    direction,
                    contribution,
                    self.speaker.sentence(feature, value, usual, "nps" if slot == "nps" else "churn", direction),
                )
            )
        return found

    def _warnings(self, subject: Subject) -> Iterator[messages.Warning]:
        churn = leaving(self.scorer.models)
        if churn is not None and not is_active(
            subject.journey, churn.bundle.spec, churn.bundle.catalog.vocabulary.tables, subject.as_of
        ):
            yield messages.Warning(
                NOT_ACTIVE, "the customer is not active at as_of; the churn model learnt from active customers only"
            )
        categories: dict[str, int] = {}
        for item, counts in unseen(self.scorer.watched, subject.journey, subject.as_of):
            count_unseen(item.source, item.column, sum(counts.values()))
            if item.code == UNKNOWN_TOUCHPOINT:
                yield messages.Warning(
                    UNKNOWN_TOUCHPOINT,
                    "touchpoints that training did not see count in totals only; train again to let them speak",
                    counts,
                )
            else:
                categories |= {f"{item.source}.{item.column}: {value}": count for value, count in counts.items()}
        if categories:
            yield messages.Warning(
                UNSEEN_CATEGORY,
                "categories that training did not see count as missing; train again to let them speak",
                categories,
            )


def readable(model: Model, column: int, value: float) -> float | str | None:
    """A feature's value as people read it: a category by its name, None for missing."""
    if math.isnan(value):
        return None
    catalog = model.bundle.catalog
    if not catalog.features[column].category:
        return value
    return catalog.categories[catalog.names[column]][int(value)]
