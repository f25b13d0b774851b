"""Pilots in sentences: what one showed or could not, whether chance drew it, and what a pilot of a key driver would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.facts import Analysis
from drivers.report.labels import Labels
from drivers.report.pilot_facts import Experiment, Needed, Shown
from drivers.report.words import Words

_TOO_LONG: Final = 104  # weeks: nobody runs a pilot for longer


@dataclass(frozen=True, slots=True)
class PilotSentences:
    """Says the experimental tier in one language."""

    words: Words
    labels: Labels

    def shown(self, experiment: Experiment, analysis: Analysis, unit: Markup) -> list[Markup]:
        """What the pilot showed; nothing without one."""
        one = experiment.shown
        if one is None:
            return []
        told = [self._verdict(one, analysis, unit)]
        if one.touchpoint is not None:
            told.insert(
                0, self.words.say("A pilot of {touchpoint}.", touchpoint=self.labels.touchpoint(one.touchpoint))
            )
        if one.bounds is not None:
            told.append(
                self.words.say(
                    "The outcome is unknown of {reached} of those reached and {others} of the others; whatever kept them away, the effect "
                    "lies within {limits}.",
                    reached=self.words.figure(one.lost[0], "percent"),
                    others=self.words.figure(one.lost[1], "percent"),
                    limits=self.words.limits(one.bounds, analysis.points),
                )
            )
        return [Markup(" ").join(told)]

    def needed(self, experiment: Experiment, analysis: Analysis, unit: Markup) -> list[Markup]:
        """For each key driver the pilot that would show half of what it moves, the smallest pilot first."""
        sizes = sorted(experiment.needed, key=lambda one: one.customers)
        told = [self._needed(one, analysis, unit) for one in sizes]
        if any(one.answering for one in sizes):
            told.append(self.words.say("Counted are customers who answer: how many of those asked do is not recorded."))
        return told

    def _verdict(self, one: Shown, analysis: Analysis, unit: Markup) -> Markup:
        kind = analysis.points
        reached, others = (self.words.whole(count) for count in one.customers)
        if one.status == "too_few" or one.difference is None:
            return self.words.say(
                "The pilot is too small to compare: {reached} customers reached, {others} not.",
                reached=reached,
                others=others,
            )
        if one.status == "not_randomised":
            return self.words.say(
                "Chance did not draw who was reached, so the difference of {value} {unit} ({limits}) is an association.",
                value=self.words.figure(one.difference.value, kind),
                limits=self.words.limits(one.difference, kind),
                unit=unit,
            )
        if one.status == "shown" and one.effect is not None:
            return self.words.say(
                "Reaching customers changed the outcome by {value} {unit} ({limits}); {reached} were reached, {others} not, drawn by lot.",
                value=self.words.figure(one.effect.value, kind),
                limits=self.words.limits(one.effect, kind),
                unit=unit,
                reached=reached,
                others=others,
            )
        return self.words.say(
            "No effect is shown: {value} {unit} ({limits}); {reached} were reached, {others} not. An effect of {smallest} would have shown in "
            "four pilots of five.",
            value=self.words.figure(one.difference.value, kind),
            limits=self.words.limits(one.difference, kind),
            unit=unit,
            reached=reached,
            others=others,
            smallest=self.words.figure(one.smallest or 0.0, kind),
        )

    def _needed(self, one: Needed, analysis: Analysis, unit: Markup) -> Markup:
        values = {
            "touchpoint": self.labels.touchpoint(one.touchpoint),
            "effect": self.words.figure(one.effect, analysis.points),
            "unit": unit,
            "customers": self.words.whole(one.customers),
        }
        if one.weeks is None:
            return self.words.say(
                "{touchpoint}: a pilot that shows {effect} {unit} among those who meet it needs {customers} customers.",
                **values,
            )
        if one.weeks > _TOO_LONG:
            return self.words.say(
                "{touchpoint}: a pilot that shows {effect} {unit} among those who meet it needs {customers} customers; as many do not meet it "
                "in two years.",
                **values,
            )
        return self.words.say(
            "{touchpoint}: a pilot that shows {effect} {unit} among those who meet it needs {customers} customers and {weeks}.",
            weeks=self.words.quantity(float(one.weeks), "weeks", 0),
            **values,
        )
