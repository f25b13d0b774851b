"""Who answers in sentences: how many, whether the journey foretells it, the score with weights, and whether asking or answering moved it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.answer_facts import Answers, Moved
from drivers.report.labels import Labels
from drivers.report.words import Words, mark

WHY: Final[Mapping[str, tuple[str, str]]] = {
    "asked": (
        mark("unhappy customers are asked less than before"),
        mark("unhappy customers are asked more than before"),
    ),
    "answered": (
        mark("fewer of the unhappy customers who are asked answer than before"),
        mark("more of the unhappy customers who are asked answer than before"),
    ),
    "selection": (
        mark("unhappy customers are asked or answer less than before"),
        mark("unhappy customers are asked or answer more than before"),
    ),
    "profile": (
        mark("those who answer look happier than before, or unhappy customers are no longer asked"),
        mark("those who answer look unhappier than before, or happy customers are no longer asked"),
    ),
}
"""Why a part of a change raised the score, and why it lowered it."""
RATES: Final[Mapping[str, str]] = {
    "asked_rate": mark(
        "From {earlier} to {later} the share of customers who are asked moved by {value} percentage points ({limits})."
    ),
    "answer_rate": mark(
        "From {earlier} to {later} the share of customers who answer moved by {value} percentage points ({limits})."
    ),
}


@dataclass(frozen=True, slots=True)
class AnswerSentences:
    """Says who answers in one language."""

    words: Words
    labels: Labels

    def who(self, answers: Answers) -> list[Markup]:
        """How many answer, whether it can be foretold, and the score beside the weighted one."""
        share = self.words.figure(answers.answers / answers.rows if answers.rows else 0.0, "percent")
        message = (
            mark("{answers} of {rows} questions were answered ({share}).")
            if answers.questions
            else mark(
                "Within thirty days {answers} answers came from {rows} active customers, month by month ({share})."
            )
        )
        told = [
            self.words.say(
                message, answers=self.words.whole(answers.answers), rows=self.words.whole(answers.rows), share=share
            )
        ]
        if not answers.foretold or answers.weighted is None or answers.unweighted is None:
            told.append(
                self.words.say("That the journey foretells who answers is not shown, so answers are not weighted.")
            )
            return told
        told.append(
            self.words.say(
                "Those who answered give an NPS of {plain} ({limits}); weighted to all who could have answered it is {weighted} "
                "({weighted_limits}).",
                plain=self.words.figure(answers.unweighted.value, "points"),
                limits=self.words.limits(answers.unweighted, "points"),
                weighted=self.words.figure(answers.weighted.value, "points"),
                weighted_limits=self.words.limits(answers.weighted, "points"),
            )
        )
        if not answers.distinguishable:
            told.append(self.words.say("The difference is within chance."))
        told.append(
            self.words.say(
                "Weights see what left a trace in the journey. An opinion that itself decides on answering is not seen, so the true "
                "difference may be larger."
            )
        )
        return told

    def strengths(self, answers: Answers) -> list[Markup]:
        """Key drivers whose strength the weights change, the largest change first; nothing where they hardly do."""
        changed = sorted(answers.strengths, key=lambda one: -abs(one[2] - one[1]))
        parts = [
            self.words.say(
                "{touchpoint}: {before} becomes {after}",
                touchpoint=self.labels.touchpoint(name),
                before=self.words.figure(before, "points"),
                after=self.words.figure(after, "points"),
            )
            for name, before, after in changed[:3]
        ]
        if not parts:
            return []
        return [self.words.say("Strength with the same weights: {changes}.", changes=self.words.listing(parts))]

    def shifts(self, answers: Answers) -> list[Markup]:
        """Moves of the score that come of who was asked or answered, or that none is shown."""
        if answers.start is None or answers.stop is None:
            return []
        if answers.moved:
            return [self._moved(one) for one in answers.moved]
        return [
            self.words.say(
                "From {start} to {stop} the score is not shown to have moved because other customers were asked or answered.",
                start=self.words.day(answers.start),
                stop=self.words.day(answers.stop),
            )
        ]

    def _moved(self, one: Moved) -> Markup:
        earlier, later = self.words.day(one.earlier), self.words.day(one.later)
        limits = self.words.limits(one.change, "points")
        if one.part in RATES:
            value = self.words.figure(one.change.value, "points")
            return self.words.say(RATES[one.part], earlier=earlier, later=later, value=value, limits=limits)
        raised = one.change.value > 0
        return self.words.say(
            "From {earlier} to {later} the score moved by {whole} points, {value} of them ({limits}) because {why}.",
            earlier=earlier,
            later=later,
            whole=self.words.figure(one.whole, "points"),
            value=self.words.figure(one.change.value, "points"),
            limits=limits,
            why=self.words.say(WHY.get(one.part, WHY["profile"])[0 if raised else 1]),
        )
