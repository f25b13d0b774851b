"""The plain sentences of the report, each made from facts. What is seen together is said so; nothing is called a cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.facts import Analysis, Driver, Facts, Kind
from drivers.report.labels import DIMENSIONS, Labels
from drivers.report.words import Words, decimals, mark

_DEPTH: Final[dict[Kind, str]] = {
    "nps": mark("Among them, how it went goes with a difference of {value} NPS points on average ({limits})."),
    "churn": mark(
        "Among them, how it went goes with a difference of {value} percentage points of churn on average ({limits})."
    ),
    "value": mark("Among them, how it went goes with a difference of {value} in spend on average ({limits})."),
    "rating": mark(
        "Among them, how it went goes with a difference of {value} points of the answer on average ({limits})."
    ),
}
_STRENGTH: Final[dict[Kind, str]] = {
    "nps": mark("Over all customers that is a strength of {value} NPS points ({limits})."),
    "churn": mark("Over all customers that is a strength of {value} percentage points ({limits})."),
    "value": mark("Over all customers that is a strength of {value} in spend ({limits})."),
    "rating": mark("Over all answers that is a strength of {value} points of the answer ({limits})."),
}
_MOMENTS: Final = {
    "break": mark("A moment of truth that breaks: bad encounters weigh more than good ones."),
    "make": mark("A moment of truth that makes: good encounters weigh more than bad ones."),
    "both": mark("A moment of truth both ways: good and bad encounters weigh alike."),
}
_UNITS: Final[dict[Kind, str]] = {
    "nps": mark("NPS points"),
    "churn": mark("percentage points of churn"),
    "value": mark("spend"),
    "rating": mark("points of the answer"),
}


@dataclass(frozen=True, slots=True)
class Sentences:
    """Says the facts in one language."""

    words: Words
    labels: Labels

    def unit(self, kind: Kind) -> Markup:
        """The unit of strength and depth."""
        return self.words.say(_UNITS[kind])

    def names(self, drivers: tuple[Driver, ...]) -> Markup:
        """The labels of several touchpoints as a list in a sentence."""
        return self.words.listing(self.labels.touchpoint(driver.name) for driver in drivers)

    def verdict(self, analysis: Analysis) -> list[Markup]:
        """What was found for a target, or plainly that nothing was."""
        if not analysis.tested:
            return [
                self.words.say(
                    "There are no touchpoints to compare for this target: the data say who the customers are, "
                    "not what they met. Only their circumstances are shown."
                )
            ]
        if not analysis.measured:
            return [
                self.words.count(
                    "There is too little to analyse: {n} row, or an outcome that hardly varies. Nothing can be said of any "
                    "touchpoint.",
                    "There is too little to analyse: {n} rows, or an outcome that hardly varies. Nothing can be said of any "
                    "touchpoint.",
                    analysis.rows,
                )
            ]
        if not analysis.confirmed:
            return self._nothing(analysis)
        sentences = [
            self.words.count(
                "{n} of {total} touchpoints is confirmed as a key driver: {names}.",
                "{n} of {total} touchpoints are confirmed as key drivers: {names}.",
                len(analysis.confirmed),
                total=self.words.whole(len(analysis.tested)),
                names=self.names(analysis.confirmed),
            )
        ]
        if analysis.moments:
            sentences.append(
                self.words.count(
                    "{n} of them is a moment of truth, an encounter that makes or breaks loyalty for those who meet it: "
                    "{names}.",
                    "{n} of them are moments of truth, encounters that make or break loyalty for those who meet them: "
                    "{names}.",
                    len(analysis.moments),
                    names=self.names(analysis.moments),
                )
            )
        else:
            sentences.append(self.words.say("No moment of truth stands out among them."))
        return sentences

    def _nothing(self, analysis: Analysis) -> list[Markup]:
        sentences = [self.words.say("Nothing was found: no touchpoint could be confirmed as a key driver.")]
        if analysis.gate_passed is False:
            sentences.append(
                self.words.say(
                    "The whole driver model did not predict better than the average alone for customers it had not "
                    "seen, so nothing is declared."
                )
            )
        sentences.append(
            self.words.count(
                "That is a result, not a fault: with {n} row, differences between encounters cannot be told from chance, "
                "or encounters matter little here. Acting on any one touchpoint below would be guessing.",
                "That is a result, not a fault: with {n} rows, differences between encounters cannot be told from chance, "
                "or encounters matter little here. Acting on any one touchpoint below would be guessing.",
                analysis.rows,
            )
        )
        return sentences

    def driver(self, driver: Driver, analysis: Analysis) -> Markup:
        """One confirmed driver with reach, depth, strength, share and rank, each with its interval."""
        parts: list[Markup] = []
        if driver.reach is not None:
            parts.append(
                self.words.valued(mark("{value} of customers met it ({limits})."), driver.reach, "percent")
                if driver.reach.value < 1
                else self.words.say("Every customer met it.")
            )
        if driver.depth is not None:
            parts.append(self.words.valued(_DEPTH[analysis.kind], driver.depth, analysis.points))
        if driver.strength is not None:
            parts.append(self.words.valued(_STRENGTH[analysis.kind], driver.strength, analysis.points))
        if driver.share is not None:
            parts.append(
                self.words.say("Its share of all touchpoints is {share}.", share=self.words.percent(driver.share))
            )
        if driver.rank is not None:
            parts.append(self.words.say("{rank}.", rank=self.rank(driver)))
        return Markup(" ").join(parts)

    def rank(self, driver: Driver) -> Markup:
        """The rank of a confirmed driver with its band."""
        rank = self.words.whole(driver.rank or 0)
        if driver.rank_low is None or driver.rank_high is None or driver.rank_low == driver.rank_high:
            return self.words.say("Rank {rank}", rank=rank)
        low, high = self.words.whole(driver.rank_low), self.words.whole(driver.rank_high)
        return self.words.say("Rank {rank}, could be {low} to {high}", rank=rank, low=low, high=high)

    def moment(self, driver: Driver) -> Markup:
        """How a moment of truth works."""
        return self.words.say(_MOMENTS.get(driver.moment or "both", _MOMENTS["both"]))

    def markers(self, analysis: Analysis) -> set[str]:
        """The kinds of marks that the map of a target holds."""
        return {(driver.moment or "key") if driver.confirmed else "grey" for driver in analysis.tested}

    def knees(self, driver: Driver) -> list[Markup]:
        """Where the outcome turns, per measure."""
        sentences = []
        for knee in driver.knees:
            edges = [edge for edge in (knee.at.low, knee.at.high) if edge is not None]
            digits = decimals(knee.at.value, *edges)
            at = self.words.quantity(knee.at.value, knee.unit, digits)
            limits = self.words.say("no interval")
            if len(edges) == 2:
                low, high = (self.words.quantity(edge, knee.unit, digits) for edge in edges)
                limits = self.words.say("{low} to {high}", low=low, high=high)
            message = (
                mark(
                    "Turning point of {measure}: {value} ({limits}). Down to there no difference is seen; the further below, the worse the outcomes."
                )
                if knee.higher_is_better
                else mark(
                    "Turning point of {measure}: {value} ({limits}). Up to there no difference is seen; the further beyond, the worse the outcomes."
                )
            )
            measure = self.labels.known(DIMENSIONS, knee.measure)
            sentence = self.words.say(message, measure=measure, value=at, limits=limits)
            if knee.best_fifth is not None:
                best = self.words.quantity(knee.best_fifth, knee.unit)
                reached = self.words.say("The best fifth of customers already has {value}.", value=best)
                sentence = Markup(" ").join([sentence, reached])
            sentences.append(sentence)
        return sentences

    def unproved(self, analysis: Analysis) -> list[Markup]:
        """What was looked at and is not shown to matter; nothing where nothing could be measured."""
        if not analysis.measured:
            return []
        candidates, rest = analysis.having("candidate"), analysis.having("not_distinguishable")
        sentences = []
        if candidates:
            sentences.append(
                self.words.count(
                    "{n} touchpoint is a candidate: there are signs, but not enough to confirm it: {names}.",
                    "{n} touchpoints are candidates: there are signs, but not enough to confirm them: {names}.",
                    len(candidates),
                    names=self.names(candidates),
                )
            )
        if rest:
            sentences.append(
                self.words.count(
                    "{n} touchpoint could not be told from chance: {names}.",
                    "{n} touchpoints could not be told from chance: {names}.",
                    len(rest),
                    names=self.names(rest),
                )
            )
        return sentences

    def late_names(self, analysis: Analysis) -> Markup:
        """Which touchpoints the timing gate left out, in short."""
        late = analysis.having("excluded_late")
        return self.words.count(
            "{n} touchpoint is left out because it happens after the outcome, not before it: {names}.",
            "{n} touchpoints are left out because they happen after the outcome, not before it: {names}.",
            len(late),
            names=self.names(late),
        )

    def late(self, driver: Driver, facts: Facts) -> Markup:
        """Why a touchpoint is left out by the timing gate."""
        name = self.labels.touchpoint(driver.name)
        sentence = self.words.say(
            "{name} is left out: most of its encounters happen close to an outcome, within {after} after a survey answer, or "
            "in the last {before} before a customer leaves and later. It follows from the outcome and cannot explain it.",
            name=name,
            after=self.words.quantity(facts.late_days_after_answer, "days"),
            before=self.words.quantity(facts.late_days_before_end, "days"),
        )
        if driver.timing is None or driver.timing.share is None or driver.timing.usual is None:
            return sentence
        figures = self.words.say(
            "That is true of {share} of its encounters, against {usual} of all encounters.",
            share=self.words.percent(driver.timing.share),
            usual=self.words.percent(driver.timing.usual),
        )
        return Markup(" ").join([sentence, figures])

    def validation(self, analysis: Analysis) -> Markup | None:
        """How well the whole driver model predicts customers it has not seen."""
        held = analysis.validation
        if held is None:
            return None
        return self.words.say(
            "The driver model behind this reaches {measure} {value} on customers it has not seen; the average alone reaches "
            "{baseline}.",
            measure={"r2": "R²", "auc": "AUC"}.get(held.measure, held.measure),
            value=self.words.figure(held.value, "fixed"),
            baseline=self.words.figure(held.baseline, "fixed"),
        )
