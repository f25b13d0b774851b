"""Adjusted effects in sentences: what an encounter does with all that is measured held fixed, why some are not told, what nobody can know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.claim_facts import Adjusted, AdjustedEffect
from drivers.report.facts import Analysis
from drivers.report.labels import CONTROLS, DIMENSIONS, Labels
from drivers.report.words import Words, mark

REASONS: Final[Mapping[str, str]] = {
    "foretold": mark(
        "{what}: not told. What else is known of customers foretells {share} of it, so nothing is left to compare."
    ),
    "certain": mark(
        "{what}: not told. {share} of those concerned were nearly sure to have it, so they have nobody to be compared with."
    ),
    "placebo_failed": mark(
        "{what}: not told. Encounters after the answer seem to move it too, which they cannot: something else moves both."
    ),
    "not_identified": mark(
        "{what}: not told. The graph in the configuration has a cause of both that is not measured."
    ),
    "too_few": mark("{what}: not told. Too few customers had it, or too few had not."),
    "not_shown": mark("{what}: no effect is shown once all else is held fixed."),
}
STATUSES: Final[Mapping[str, str]] = {
    "not_installed": mark(
        "Effects with all that is measured held fixed were not computed: they need the package's extra 'adjusted'."
    ),
}


@dataclass(frozen=True, slots=True)
class AdjustedSentences:
    """Says the adjusted tier in one language."""

    words: Words
    labels: Labels

    def told(self, adjusted: Adjusted, analysis: Analysis, unit: Markup) -> list[Markup]:
        """The effects that are told, those that would bring most first."""
        found = [one for one in adjusted.effects if one.status == "adjusted" and one.effect and one.everyone]
        found.sort(key=lambda one: -abs(one.everyone.value) if one.everyone else 0.0)
        return [self._effect(one, analysis, unit) for one in found]

    def untold(self, adjusted: Adjusted) -> list[Markup]:
        """Why there is no effect of other key drivers, or of any."""
        if adjusted.status in STATUSES:
            return [self.words.say(STATUSES[adjusted.status])]
        return [self._reason(one) for one in adjusted.effects if one.status != "adjusted"]

    def limits_of_knowledge(self, adjusted: Adjusted) -> list[Markup]:
        """What this rests on, and what it cannot know."""
        if not adjusted.effects:
            return []
        drawn = mark(
            "Held fixed is what the graph of causes in the configuration asks for; it is not proved by the data."
        )
        whole = mark(
            "Held fixed are all circumstances and all other touchpoints, as if none of those came of the touchpoint itself."
        )
        said = [self.words.say(drawn if adjusted.drawn else whole)]
        if adjusted.placebos:
            said.append(
                self.words.count(
                    "As a check, encounters after the answer were looked at for {n} touchpoint.",
                    "As a check, encounters after the answer were looked at for {n} touchpoints.",
                    adjusted.placebos,
                )
            )
        said.append(
            self.words.say(
                "What nothing measured tells of is not held fixed, and no figure can show that there is nothing of the kind: only a pilot with a lot can."
            )
        )
        return said

    def _what(self, one: AdjustedEffect) -> Markup:
        touchpoint = self.labels.touchpoint(one.touchpoint)
        if one.measure is None or one.level is None:
            return touchpoint
        message = (
            mark("{touchpoint} with {measure} below {level}")
            if one.higher_is_better
            else mark("{touchpoint} with {measure} above {level}")
        )
        return self.words.say(
            message,
            touchpoint=touchpoint,
            measure=self.labels.known(DIMENSIONS, one.measure),
            level=self.words.quantity(one.level, one.unit),
        )

    def _effect(self, one: AdjustedEffect, analysis: Analysis, unit: Markup) -> Markup:
        kind = analysis.points
        told = [
            self.words.say(
                "{what}: each one changes the outcome by {value} {unit} ({limits}).",
                what=self._what(one),
                value=self.words.figure(one.effect.value, kind),
                limits=self.words.limits(one.effect, kind),
                unit=unit,
            )
            if one.effect
            else Markup("")
        ]
        if one.everyone is not None and one.concerned is not None:
            told.append(
                self.words.say(
                    "Without any it would change by {everyone} ({limits}) over all customers, by {concerned} among those concerned.",
                    everyone=self.words.figure(one.everyone.value, kind),
                    limits=self.words.limits(one.everyone, kind),
                    concerned=self.words.figure(one.concerned.value, kind),
                )
            )
        if one.hidden is not None and one.like is not None:
            message = (
                mark("A hidden cause as strong as “{like}” would leave each one's effect between {low} and {high}.")
                if _apart(one)
                else mark("A hidden cause as strong as “{like}” could explain it away: between {low} and {high}.")
            )
            told.append(
                self.words.say(
                    message,
                    like=self.labels.known(CONTROLS, one.like),
                    low=self.words.figure(one.hidden.low or 0.0, kind),
                    high=self.words.figure(one.hidden.high or 0.0, kind),
                )
            )
        return Markup(" ").join(told)

    def _reason(self, one: AdjustedEffect) -> Markup:
        key = one.reason if one.status == "refused_overlap" and one.reason else one.status
        share = one.foretold if key == "foretold" else one.certain
        return self.words.say(
            REASONS.get(key, REASONS["not_shown"]),
            what=self._what(one),
            share=self.words.figure(share or 0.0, "percent"),
        )


def _apart(one: AdjustedEffect) -> bool:
    hidden = one.hidden
    return hidden is not None and ((hidden.low or 0.0) > 0 or (hidden.high or 0.0) < 0)
