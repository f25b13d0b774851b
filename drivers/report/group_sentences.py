"""Segments and time in sentences: whose driver differs, what changed, or that nothing is shown to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.facts import Analysis, Change, Difference, Groups
from drivers.report.labels import CONTROLS, Labels
from drivers.report.words import Words, mark

STEPS: Final = {
    "detractor_to_passive": mark("From detractor to passive"),
    "passive_to_promoter": mark("From passive to promoter"),
}


@dataclass(frozen=True, slots=True)
class GroupSentences:
    """Says what was asked of parts of the customers in one language."""

    words: Words
    labels: Labels

    def segments(self, groups: Groups) -> list[Markup]:
        """Drivers whose effect differs, or that none is shown to."""
        if not groups.tested:
            return []
        if groups.differences:
            return [self._difference(one) for one in groups.differences]
        return [
            self.words.say(
                "No driver is shown to work differently in different parts of the customers (looked at by {variables}).",
                variables=self.words.listing(self._variable(name) for name in groups.variables),
            )
        ]

    def changes(self, groups: Groups, analysis: Analysis) -> list[Markup]:
        """Drivers that grew or shrank, or that none is shown to have."""
        if not groups.periods or groups.start is None or groups.stop is None:
            return []
        start, stop = self.words.day(groups.start), self.words.day(groups.stop)
        if groups.changes:
            return [self._change(one, analysis) for one in groups.changes]
        return [
            self.words.say(
                "No key driver is shown to have changed between {start} and {stop}.",
                start=start,
                stop=stop,
            )
        ]

    def steps(self, analysis: Analysis) -> list[Markup]:
        """The key drivers of each step between categories, or that none is confirmed."""
        told = []
        for name, drivers in analysis.steps:
            step = self.labels.known(STEPS, name)
            if drivers:
                names = self.words.listing(self.labels.touchpoint(driver) for driver in drivers)
                told.append(self.words.say("{step}: key drivers are {names}.", step=step, names=names))
            else:
                told.append(self.words.say("{step}: no key driver is confirmed.", step=step))
        return told

    def _difference(self, one: Difference) -> Markup:
        parts = [
            self.words.say(
                "{segment}: {times} times the usual ({limits}), beyond what the model knows of it already",
                segment=self.words.name(segment),
                times=self.words.figure(times.value, "points"),
                limits=self.words.limits(times, "points"),
            )
            for segment, times in one.times
        ]
        told = self.words.say(
            "{touchpoint} works differently by {variable}.",
            touchpoint=self.labels.touchpoint(one.touchpoint),
            variable=self._variable(one.variable),
        )
        return Markup(" ").join([told, self.words.listing(parts)]) if parts else told

    def _change(self, one: Change, analysis: Analysis) -> Markup:
        told = []
        if one.strength is not None:
            told.append(
                self.words.say(
                    "{touchpoint}: strength changed by {value} ({limits}) from the first period to the last.",
                    touchpoint=self.labels.touchpoint(one.touchpoint),
                    value=self.words.figure(one.strength.value, analysis.points),
                    limits=self.words.limits(one.strength, analysis.points),
                )
            )
        if one.reach is not None:
            told.append(self.words.valued(mark("Its reach changed by {value} ({limits})."), one.reach, "percent"))
        if one.depth is not None:
            told.append(self.words.valued(mark("Its depth changed by {value} ({limits})."), one.depth, analysis.points))
        return Markup(" ").join(told)

    def _variable(self, name: str) -> Markup:
        return self.words.say(mark("value tier")) if name == "value_tier" else self.labels.known(CONTROLS, name)
