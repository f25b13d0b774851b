"""The plain sentences about models: how well they predict beside simpler predictions, and what today's scores add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drivers.interval import Interval
from drivers.report.facts import Metric, Quality, Scores
from drivers.report.labels import BASELINES, DROPPED, HEADLINES, LEFT_OUT, METRICS, VALIDATIONS, Labels
from drivers.report.words import Words, mark

_MOST_DATES: Final = 4


@dataclass(frozen=True, slots=True)
class ModelSentences:
    """Says the models' quality in one language."""

    words: Words
    labels: Labels

    def headline(self, quality: Quality) -> Metric | None:
        """The metric that a model is summed up by."""
        named = (quality.metric(name) for name in HEADLINES[quality.kind])
        return next((metric for metric in named if metric is not None), next(iter(quality.metrics), None))

    def quality(self, quality: Quality) -> Markup:
        """The model's quality in one sentence, beside its baselines."""
        metric = self.headline(quality)
        if metric is None:
            return self.words.say("The model was trained, but its quality was not measured.")
        known = METRICS.get(metric.name)
        format_ = known.format if known else "fixed"
        sentence = self.words.say(
            "{metric}: {value} ({limits})",
            metric=self.metric(metric.name),
            value=self.words.figure(metric.value.value, format_),
            limits=self.words.limits(metric.value, format_),
        )
        if not metric.baselines:
            return Markup("{}.").format(sentence)
        beside = self.words.listing(
            self.words.say(
                "{value} for {baseline}",
                value=self.words.figure(value, format_),
                baseline=self.labels.known(BASELINES, name),
            )
            for name, value in metric.baselines
        )
        compared = self.words.say("{sentence}, beside {others}.", sentence=sentence, others=beside)
        return Markup(" ").join([compared, self._against(metric)]) if known else compared

    def _against(self, metric: Metric) -> Markup:
        """Whether the model's interval lies clear of its best baseline."""
        higher = METRICS[metric.name].higher_is_better
        values = [value for _, value in metric.baselines]
        if higher is None:
            return Markup("")
        best, value = (max(values) if higher else min(values)), metric.value
        if value.low is None or value.high is None:
            return Markup("")
        if (value.low > best) if higher else (value.high < best):
            return self.words.say("The model is better than each of them beyond its interval.")
        if (value.high < best) if higher else (value.low > best):
            return self.words.say("The model is worse than the best of them: do not rely on it.")
        return self.words.say("The model cannot be told from the best of them.")

    def rivals(self, quality: Quality) -> list[str]:
        """The baselines that any metric of a model is compared with, in the order they were written."""
        return list(dict.fromkeys(name for metric in quality.metrics for name, _ in metric.baselines))

    def tested(self, quality: Quality) -> list[Markup]:
        """How, when and on how many rows the model was judged, and which rows were dropped before."""
        sentences = []
        if quality.validation:
            sentences.append(self.words.say("Tested {how}.", how=self.labels.known(VALIDATIONS, quality.validation)))
        if quality.test_as_of:
            sentences.append(self.words.say("Test dates: {dates}.", dates=self._dates(quality)))
        if quality.n_train is not None and quality.n_test is not None:
            train, test = self.words.whole(quality.n_train), self.words.whole(quality.n_test)
            sentences.append(self.words.say("Rows to learn from: {train}; to test on: {test}.", train=train, test=test))
        if quality.positives is not None and quality.kind == "churn":
            sentences.append(self.words.say("Of the tested, {n} left.", n=self.words.whole(quality.positives)))
        if quality.by_day:
            sentences.append(self._by_day(quality))
        if quality.dropped:
            reasons = self.words.listing(
                Markup("{} ({})").format(self.labels.known(DROPPED, reason), self.words.whole(rows))
                for reason, rows in quality.dropped
            )
            sentences.append(self.words.say("Rows left out: {reasons}.", reasons=reasons))
        if quality.left_out:
            counts = Counter(reason for _, reason in quality.left_out)
            reasons = self.words.listing(
                Markup("{} ({})").format(self.labels.known(LEFT_OUT, reason), self.words.whole(features))
                for reason, features in counts.items()
            )
            sentences.append(
                self.words.say("Features left out because they say nothing more: {reasons}.", reasons=reasons)
            )
        return sentences

    def _by_day(self, quality: Quality) -> Markup:
        """The curve of a time to churn, day by day."""
        days = self.words.listing(
            self.words.say(
                "by day {day} {predicted}, observed {observed}",
                day=self.words.whole(item.day),
                predicted=self.words.percent(item.predicted),
                observed=self.words.percent(item.observed),
            )
            for item in quality.by_day
        )
        return self.words.say("Share of customers expected to be lost: {days}.", days=days)

    def _dates(self, quality: Quality) -> Markup:
        days = list(dict.fromkeys(self.words.day(date) for date in quality.test_as_of))
        # Answers have no grid of dates: the first and the last are given, and all between them were judged.
        if len(days) > 1 and (quality.kind == "nps" or len(days) > _MOST_DATES):
            return self.words.say("{low} to {high}", low=days[0], high=days[-1])
        return self.words.listing(days)

    def groups(self, quality: Quality) -> Markup | None:
        """The headline metric on customers that the model had learnt from, and on those it had not."""
        metric = self.headline(quality)
        parts = {group.name: dict(group.metrics) for group in quality.groups}
        if metric is None or not all(metric.name in parts.get(name, {}) for name in ("seen", "unseen")):
            return None
        format_ = METRICS[metric.name].format if metric.name in METRICS else "fixed"
        return self.words.say(
            "{metric} on customers with rows it had learnt from: {seen}; on customers it had never seen: {unseen}.",
            metric=self.metric(metric.name),
            seen=self.words.figure(parts["seen"][metric.name], format_),
            unseen=self.words.figure(parts["unseen"][metric.name], format_),
        )

    def metric(self, name: str) -> Markup:
        """The name of a metric."""
        return self.words.say(METRICS[name].label) if name in METRICS else self.labels.known({}, name)

    def lift(self, quality: Quality) -> Markup | None:
        """Lift in words."""
        metric = quality.metric("lift_at_10")
        if metric is None:
            return None
        return self.words.valued(
            mark(
                "Among the tenth of customers with the highest risk, {value} times as many left as on average ({limits})."
            ),
            metric.value,
            "points",
        )

    def calibration(self, quality: Quality) -> Markup | None:
        """Calibration in words."""
        metric = quality.metric("ece")
        if metric is None:
            return None
        return self.words.valued(
            mark("Predicted and observed probabilities lie {value} apart on average ({limits})."),
            metric.value,
            "percent",
        )

    def pilot(self, quality: Quality) -> Markup | None:
        """Whether it is known whom a campaign holds; only of a model of churn at one horizon."""
        if quality.kind != "churn" or quality.by_day:
            return None
        found = quality.pilot
        if found is None:
            return self.words.say(
                "Risk is not persuadability: who is most likely to leave may leave all the same. Whom an offer holds is shown only by "
                "a randomised pilot; these data hold none."
            )
        if found.effect is None or not found.randomised:
            return self.words.say(
                "Chance did not decide whom the campaign reached, so that no effect of it is claimed. Risk is not persuadability: whom "
                "an offer holds is shown only by a randomised pilot."
            )
        shown = found.effect.low is not None and found.effect.low > 0
        effect = self.words.valued(
            mark(
                "In a randomised pilot reaching customers lowered their probability of leaving by {value} percentage points ({limits})."
            )
            if shown
            else mark(
                "In a randomised pilot it is not shown that reaching customers lowers their probability of leaving: by {value} percentage points ({limits})."
            ),
            _points(found.effect),
            "points",
        )
        ranked = found.qini is not None and found.qini.low is not None and found.qini.low > 0
        whom = self.words.say(
            mark("Reaching first those whom it holds most prevents more than reaching at random.")
            if ranked
            else mark("Whom it holds more than others is not shown.")
        )
        return Markup(" ").join([effect, whom])

    def scores(self, scores: Scores) -> list[Markup]:
        """What today's scores add up to."""
        counted = self.words.count("{n} customer was scored.", "{n} customers were scored.", scores.customers)
        sentences = [counted]
        if scores.churn_probability is not None:
            mean = self.words.percent(scores.churn_probability)
            sentences.append(self.words.say("Their mean probability of leaving is {value}.", value=mean))
        if scores.expected_value is not None:
            total = self.words.whole(scores.expected_value)
            sentences.append(self.words.say("Their expected value is {value}.", value=total))
        if scores.value_at_risk is not None:
            total = self.words.whole(scores.value_at_risk)
            sentences.append(self.words.say("The value at risk is {value}.", value=total))
        return sentences


def _points(share: Interval) -> Interval:
    """A difference of probabilities in percentage points."""
    limits = (None if limit is None else 100 * limit for limit in (share.low, share.high))
    return Interval(100 * share.value, *limits)
