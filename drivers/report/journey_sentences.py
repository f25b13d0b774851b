"""The journey as a whole in sentences: which touchpoints act together, whether peak, end, the weakest link or consistency count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.facts import Analysis, Journey, Pair
from drivers.report.labels import Labels
from drivers.report.words import Words, mark

PEAK_END: Final = {
    "peak_and_end": mark("Both the worst and the last encounter count beyond the mean of the journey."),
    "peak": mark("The worst encounter counts beyond the mean of the journey; that the last one does is not shown."),
    "end": mark("The last encounter counts beyond the mean of the journey; that the worst one does is not shown."),
    "neither: the mean tells as much": mark(
        "Neither the worst nor the last encounter tells more than the mean of the journey: all of it counts."
    ),
    "not_shown": mark(
        "Whether the worst or the last encounter counts beyond the mean of the journey is not shown here."
    ),
}
WEAKEST_LINK: Final = {
    "weakest_link": mark("The weakest link decides: the worst touchpoint counts beyond the sum of all."),
    "not_shown": mark(
        "That the weakest link decides is not shown here: as far as can be seen, what touchpoints do adds up."
    ),
}
CONSISTENCY: Final = {
    "consistency_counts": mark("Uneven journeys go with worse outcomes than even ones of the same mean."),
    "not_shown": mark("That uneven journeys are worse than even ones of the same mean is not shown here."),
}


@dataclass(frozen=True, slots=True)
class JourneySentences:
    """Says what was asked of the whole journey in one language."""

    words: Words
    labels: Labels

    def verdicts(self, journey: Journey) -> list[Markup]:
        """An answer to every question that was asked."""
        asked = ((PEAK_END, journey.peak_end), (WEAKEST_LINK, journey.weakest_link), (CONSISTENCY, journey.consistency))
        return [self.words.say(known[verdict]) for known, verdict in asked if verdict in known]

    def pairs(self, journey: Journey, analysis: Analysis) -> list[Markup]:
        """The pairs that act together, or that none is shown."""
        if journey.pairs:
            return [self._pair(pair, analysis) for pair in journey.pairs]
        if not journey.considered:
            return []
        return [
            self.words.count(
                "That touchpoints do together what neither does alone is not shown here ({n} pair was looked at).",
                "That touchpoints do together what neither does alone is not shown here ({n} pairs were looked at).",
                journey.considered,
            )
        ]

    def _pair(self, pair: Pair, analysis: Analysis) -> Markup:
        first, second = self.labels.touchpoint(pair.first), self.labels.touchpoint(pair.second)
        if pair.alone is None or pair.together is None:
            return self.words.say(
                "{first} and {second} do together what neither does alone; too few met both to say how much.",
                first=first,
                second=second,
            )
        told = self.words.say(
            "{first} and {second} do together what neither does alone: {first} goes with {alone} ({alone_limits}) without {second}, and "
            "with {together} ({together_limits}) with it.",
            first=first,
            second=second,
            alone=self.words.figure(pair.alone.value, analysis.points),
            alone_limits=self.words.limits(pair.alone, analysis.points),
            together=self.words.figure(pair.together.value, analysis.points),
            together_limits=self.words.limits(pair.together, analysis.points),
        )
        notes = [
            self.words.say(
                "{name} counts here only where it went worse than for most.", name=self.labels.touchpoint(name)
            )
            for name in pair.badly
        ]
        return Markup(" ").join([told, *notes])
