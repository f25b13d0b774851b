"""What a sceptic asks, answered in sentences: rules, what is explained, steadiness, twins, what was left out and is not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.report.facts import Analysis, Audit
from drivers.report.labels import Labels
from drivers.report.words import Words, mark

REASONS: Final = {
    "earlier_answers": mark("earlier answers: they carry what earlier encounters did"),
    "over_touchpoints": mark("totals over touchpoints: they do not say where"),
    "longer_window": mark("a longer window than the driver model looks at"),
    "follows_outcome": mark("touchpoints that follow from the outcome"),
    "constant": mark("always the same"),
}


@dataclass(frozen=True, slots=True)
class AuditSentences:
    """Says an audit in one language."""

    words: Words
    labels: Labels

    def rules(self, audit: Audit) -> list[Markup]:
        """What was looked at, and by which rules something is confirmed."""
        rules, say = audit.rules, self.words.say
        whole = self.words.whole
        told = []
        if {"tested", "controls", "features"} <= rules.keys() and audit.analysed and audit.rows and audit.customers:
            told.append(
                say(
                    "Looked at: {touchpoints} touchpoints and {controls} groups of circumstances in {features} columns, over "
                    "{analysed} of {rows} rows of {customers} customers.",
                    touchpoints=whole(rules["tested"]),
                    controls=whole(rules["controls"]),
                    features=whole(rules["features"]),
                    analysed=whole(audit.analysed),
                    rows=whole(audit.rows),
                    customers=whole(audit.customers),
                )
            )
        if {"minimum_share", "false_discovery_rate"} <= rules.keys():
            told.append(
                say(
                    "A touchpoint is confirmed only if the whole model beats the average on customers it has not seen, if its effect "
                    "exceeds that of a share of {share} at a false discovery rate of {rate}, and if it stays among the strongest in "
                    "four of five refits on half the customers.",
                    share=self.words.percent(rules["minimum_share"]),
                    rate=self.words.percent(rules["false_discovery_rate"]),
                )
            )
        if {"folds", "repeats", "half_samples", "bootstraps"} <= rules.keys():
            told.append(
                say(
                    "Every value comes from a model that has not seen the customer ({folds} folds, {repeats} times); {halves} refits "
                    "on halves and {draws} resamples of customers make the intervals.",
                    folds=whole(rules["folds"]),
                    repeats=whole(rules["repeats"]),
                    halves=whole(rules["half_samples"]),
                    draws=whole(rules["bootstraps"]),
                )
            )
        return told

    def steadiness(self, audit: Audit) -> list[Markup]:
        """What is explained, whether it is over- or understated, and how much it depends on chance."""
        say, told = self.words.say, []
        if audit.explained is not None:
            touch, controls, _ = audit.explained
            told.append(
                say(
                    "Of what the model explains, touchpoints carry {touch} and circumstances {controls}; the rest moves with both.",
                    touch=self.words.percent(touch, 0),
                    controls=self.words.percent(controls, 0),
                )
            )
        if audit.slope is not None:
            told.append(
                self.words.valued(
                    mark(
                        "All touchpoints together have a slope of {value} on the outcome ({limits}); 1 means that they are neither "
                        "over- nor understated."
                    ),
                    audit.slope,
                    "hundredths",
                )
            )
        if audit.rank_agreement is not None:
            told.append(
                say(
                    "With other folds and other models the order of strengths stays alike: rank correlation {value}.",
                    value=self.words.figure(audit.rank_agreement, "hundredths"),
                )
            )
        return told

    def twins(self, audit: Audit, analysis: Analysis) -> list[Markup]:
        """Touchpoints that the data can hardly tell apart."""
        return [
            self.words.say(
                "{first} and {second} go together (met together {met}, values {values}). Trust their joint strength, {joint}, more than "
                "how it is split.",
                first=self.labels.touchpoint(twins.names[0]),
                second=self.labels.touchpoint(twins.names[1]),
                met=self.words.figure(twins.met_together, "hundredths"),
                values=self.words.figure(twins.values_together, "hundredths"),
                joint=self.words.figure(twins.joint_strength, analysis.points),
            )
            for twins in audit.twins
        ]

    def left_out(self, audit: Audit) -> list[Markup]:
        """Columns in which no driver was looked for."""
        return [
            self.words.count(
                "{n} column: {reason}", "{n} columns: {reason}", count, reason=self.labels.known(REASONS, reason)
            )
            for reason, count in audit.left_out
        ]

    def blind_spots(self, audit: Audit) -> list[Markup]:
        """What these data cannot show."""
        say, told = self.words.say, []
        if audit.hardly_met:
            names = self.words.listing(self.labels.touchpoint(name) for name in audit.hardly_met)
            told.append(say("Met by too few to be tested: {names}.", names=names))
        if audit.not_measured:
            names = self.words.listing(self.labels.touchpoint(name) for name in audit.not_measured)
            told.append(say("Counted only, because nothing is measured there: {names}.", names=names))
        if audit.met_nowhere:
            told.append(
                say("{share} of the rows have met no touchpoint at all.", share=self.words.percent(audit.met_nowhere))
            )
        told.append(
            say(
                "What no table holds can make an encounter look like a driver, or hide one. No figure here rules that out; a "
                "randomised pilot does."
            )
        )
        return told
