"""What a look at a model says, in sentences: one per reason and per limit of `training.monitor`, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from drivers.interval import Interval
from drivers.report.words import Words, mark

VERDICTS: Final = {
    "keep": mark("keep the model"),
    "watch": mark("keep it and watch"),
    "retrain": mark("train again"),
}
MEASURES: Final = {
    "loss": mark("Loss"),
    "expected": mark("Loss announced by the scores"),
    "unmended": mark("Not mended by the right level"),
    "level_gain": mark("To be won by the right level"),
    "levelled_advantage": mark("Better than the average alone by"),
    "auc": mark("Ranking (AUC)"),
    "lift_at_10": mark("Lift in the riskiest tenth"),
    "rps": mark("Ranked probability score"),
    "spearman": mark("Rank correlation"),
}
FORMATS: Final = {"lift_at_10": "points"}
LEVELS: Final = {"binary": "percent", "ordinal": "points", "amount": "points"}
_SENTENCES: Final = {
    "loss_worse": mark(
        "Once outcomes were known, the loss was {realised} where {promised} was promised for these customers; {excess} "
        "({limits}) of it is left after the level has been put right. What the features say of the outcome has changed: train again."
    ),
    "error_worse": mark(
        "Once the money was known, the error was by {excess} ({limits}) of the average’s own error larger than promised, after "
        "the level had been put right: train again."
    ),
    "useless": mark(
        "The average alone would have done better than the model, even with the right level: the difference is {advantage} "
        "({limits}). Train again."
    ),
    "level": mark(
        "The level is off: {predicted} was predicted, {observed} came true. The right level would lower the loss by {gain}. "
        "Recalibrating mends that, and so does the next training; the ranking of customers is not at fault."
    ),
    "harder": mark(
        "The loss is {realised}, that of the judged customers was {promised}: these customers are harder to tell apart, and their "
        "scores said so beforehand. Training does not mend that."
    ),
    "scores": mark(
        "The scores are spread otherwise than at training: their stability index is {psi}, and with this many customers an alarm "
        "begins at {critical}."
    ),
    "unseen": mark("{share} of the customers have values of {column} that training never saw: {values}."),
    "holds": mark("Outcomes are known, and the loss of {realised} gives no reason to train again."),
    "quiet": mark("Nothing has moved more than chance and habit explain."),
    "untold": mark("There is nothing to compare yet."),
    "no_baseline": mark(
        "This model was made before a baseline was kept in the bundle, so what has moved cannot be told. The next training keeps one."
    ),
    "no_habit": mark(
        "The training data were too short to learn how much features usually move: whatever is beyond chance counts as moved."
    ),
    "flat": mark(
        "The table has no times: which customers came after the training is not known, and so no realised loss."
    ),
    "no_rows": mark("There is no row after the training data, which end on {data_until}."),
    "no_labels": mark("No outcome after the training is known yet; the first will be on {first}."),
    "few_labels": mark("Only {rows} outcomes after the training are known; {least} are needed, and ten of each kind."),
    "answers_only": mark("Only customers who answer are seen; the silent ones may think otherwise."),
    "no_estimate": mark("Predicted money says nothing of its own error: only realised money judges the model."),
    "contact": mark(
        "Whoever was contacted because of a score may have stayed because of it, and then counts as an error of the model. No column "
        "says who was contacted: leave a small share, drawn by lot, without contact, and record it as an attribute “no_contact”."
    ),
    "contact_known": mark(
        "Whoever was contacted because of a score may have stayed because of it, and then counts as an error of the model. The "
        "attribute {column} tells those customers apart: believe the figures of those without contact."
    ),
}


@dataclass(frozen=True, slots=True)
class MonitorSentences:
    """Sentences in one language."""

    words: Words

    def verdict(self, name: str) -> Markup:
        """What is to be done, in two or three words."""
        return self.words.say(VERDICTS[name])

    def reason(self, code: str, figures: Mapping[str, Any], task: str) -> Markup:
        """The sentence of a reason or a limit."""
        words = self.words
        if code == "features":
            names = words.listing(words.name(name) for name in figures["names"])
            return words.count(
                "{n} of {tested} features has moved more than chance and habit explain: {names}.",
                "{n} of {tested} features have moved more than chance and habit explain, among them {names}.",
                figures["moved"],
                tested=words.whole(figures["tested"]),
                names=names,
            )
        places: dict[str, object] = {}
        for name, value in figures.items():
            places[name] = self._place(code, name, value, task)
        if "low" in figures:
            places["limits"] = words.limits(Interval(0.0, figures["low"], figures["high"]), "fixed")
        return words.say(_SENTENCES[code], **places)

    def _place(self, code: str, name: str, value: Any, task: str) -> object:
        words = self.words
        if isinstance(value, list):
            return words.listing(words.name(item) for item in value)
        if name == "column":
            return words.name(value)
        if name in {"first", "data_until", "trained_at"}:
            return words.day(value) if value else ""
        if value is None:
            return "–"
        if name == "share":
            return words.percent(value)
        if name in {"predicted", "observed"}:
            return words.figure(value, LEVELS[task])
        if code == "few_labels":
            return words.whole(value)
        return words.figure(
            value, "points" if task == "amount" and name in {"realised", "promised", "gain"} else "fixed"
        )
