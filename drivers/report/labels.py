"""What things are called: targets, statuses, metrics, baselines, circumstances, dimensions, and the company's touchpoints.

Known names are messages and get translated; a name that is not known here is the company's own and is shown as it is, with
underscores as spaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from configs.settings import TouchpointInfo
from drivers.report.facts import Kind
from drivers.report.words import Words, mark

KINDS: Final[dict[Kind, str]] = {
    "churn": mark("Churn"),
    "nps": mark("NPS (recommendation)"),
    "value": mark("Value (spend)"),
    "rating": mark("Rating"),
}
STATUSES: Final = {
    "key_driver": mark("key driver"),
    "candidate": mark("candidate, not confirmed"),
    "not_distinguishable": mark("not distinguishable from chance"),
    "excluded_late": mark("left out: comes after the outcome"),
}
MOMENTS: Final = {
    "break": mark("breaks"),
    "make": mark("makes"),
    "both": mark("makes and breaks"),
}
SHAPES: Final = {
    "breaker": mark("bad encounters weigh more"),
    "linear": mark("both sides weigh alike"),
    "maker": mark("good encounters weigh more"),
}
CLAIMS: Final = {
    "association": mark("association (not proof of cause)"),
    "adjusted": mark("adjusted for observed circumstances (not proof of cause)"),
    "experimental": mark("experiment"),
}
VALIDATIONS: Final = {
    "out_of_time": mark("on later dates than it learnt from"),
    "grouped_folds": mark("on customers it had not seen (folds by customer, because the data span too short a time)"),
    "repeated_stratified_folds": mark("by repeated stratified folds, because the table has no times"),
}
BANDS: Final = {"low": mark("low"), "medium": mark("medium"), "high": mark("high")}
CATEGORIES: Final = {"detractor": mark("detractors"), "passive": mark("passives"), "promoter": mark("promoters")}
DROPPED: Final = {
    "censored": mark("outcome not over by the end of the data"),
    "left_during_lead": mark("left before the label window began"),
    "no_label": mark("outcome not known"),
    "not_answered": mark("asked, and not answered"),
    "score_out_of_range": mark("no whole score from 0 to 10"),
    "about_something_else": mark("answer about something else"),
    "about_an_encounter": mark("answer about one encounter, not about the relationship"),
    "same_moment": mark("another answer of the same moment"),
}
LEFT_OUT: Final = {
    "constant": mark("always the same"),
    "duplicate": mark("the same as another"),
    "date": mark("the same for all customers of a date"),
}
FAMILIES: Final = {
    "frequency": mark("how often and how lately encounters happen"),
    "measures": mark("how each of them went"),
    "effort": mark("time, money and feelings they cost the customer"),
    "response": mark("how fast and how finally the company answered"),
    "consistency": mark("how evenly it served"),
    "peak_end": mark("the worst, the best and the last encounter"),
    "sequence": mark("what followed what"),
    "voice": mark("what the customer said before"),
    "money": mark("what the customer pays"),
    "contract": mark("contract, fee and plan"),
    "cost": mark("what serving the customer costs"),
    "shocks": mark("what hit the whole company"),
    "attributes": mark("who the customer is"),
}
LEVELS: Final = {"error": mark("error"), "warning": mark("warning"), "note": mark("note")}
DIMENSIONS: Final = {
    "frequency": mark("how often it happened"),
    "recency": mark("how lately it happened"),
    "repeats": mark("how often it came back within a week"),
    "effort_emotion": mark("emotional effort"),
    "time_to_resolution": mark("time until resolved"),
    "charge": mark("charge"),
    "downtime": mark("time without service"),
    "duration": mark("duration"),
    "late": mark("delay"),
    "resolved": mark("whether it was resolved"),
    "sentiment": mark("tone"),
    "wait": mark("waiting time"),
}
CONTROLS: Final = {
    "acquisition_channel": mark("Acquisition channel"),
    "age_band": mark("Age band"),
    "company": mark("The whole company"),
    "journey": mark("Customer journey"),
    "language": mark("Language"),
    "payment_method": mark("Payment method"),
    "region": mark("Region"),
    "voice": mark("Earlier answers"),
    "price": mark("Price and fees"),
    "tenure": mark("Tenure"),
    "segment": mark("Segment"),
    "value": mark("Customer value"),
    "contract": mark("Contract"),
}
BASELINES: Final = {
    "prior": mark("the average alone"),
    "logistic": mark("a logistic regression"),
    "recency": mark("the time since the last event alone"),
    "bgnbd": mark("BG/NBD, a model of purchase rhythm"),
    "same_again": mark("spending as before"),
    "kaplan_meier": mark("one curve for all (Kaplan-Meier)"),
    "logistic_hazard": mark("a logistic regression of the hazards"),
}


@dataclass(frozen=True, slots=True)
class MetricLabel:
    """Name and meaning of a metric, which side is better (``None``: neither), and the format of its numbers."""

    label: str
    meaning: str
    higher_is_better: bool | None
    format: str = "fixed"


METRICS: Final = {
    "auc": MetricLabel(
        mark("Ranking (AUC)"),
        mark("how often a customer who left was ranked above one who stayed; 0.5 is guessing"),
        True,
    ),
    "average_precision": MetricLabel(
        mark("Average precision"), mark("share of leavers among those ranked on top, over all cut-offs"), True
    ),
    "log_loss": MetricLabel(mark("Log-loss"), mark("penalty for wrong and for over-sure probabilities"), False),
    "brier": MetricLabel(mark("Brier score"), mark("mean squared error of the probabilities"), False),
    "ece": MetricLabel(
        mark("Calibration error"), mark("mean distance between predicted and observed probabilities"), False
    ),
    "lift_at_10": MetricLabel(
        mark("Lift in the riskiest tenth"), mark("how many times more leavers there than on average"), True, "points"
    ),
    "empc": MetricLabel(
        mark("Expected profit (EMPC)"), mark("expected profit of a campaign per customer, at its best size"), True
    ),
    "profit_at_size": MetricLabel(
        mark("Profit of the campaign"), mark("money per customer when the planned share is reached"), True, "points"
    ),
    "profit_at_stop": MetricLabel(
        mark("Profit where it still pays"),
        mark("the same when everyone is reached who promises a profit"),
        True,
        "points",
    ),
    "concordance": MetricLabel(
        mark("Order of leaving (concordance)"),
        mark("of two customers, how often the one who left first had the higher risk; 0.5 is guessing"),
        True,
    ),
    "ibs": MetricLabel(
        mark("Integrated Brier score"), mark("mean squared error of the curve over its days; 0 is perfect"), False
    ),
    "rps": MetricLabel(
        mark("Ranked probability score"), mark("error of the three probabilities, in their order; 0 is perfect"), False
    ),
    "qwk": MetricLabel(
        mark("Weighted kappa"), mark("agreement of predicted and real category beyond chance; 1 is perfect"), True
    ),
    "macro_f1": MetricLabel(mark("Macro F1"), mark("hits in the three categories, each counted alike"), True),
    "macro_auc": MetricLabel(
        mark("Ranking of the categories (AUC)"), mark("each category against the rest; 0.5 is guessing"), True
    ),
    "nps_points_error": MetricLabel(
        mark("Error of the overall NPS"), mark("distance of predicted from real NPS, in points"), False, "points"
    ),
    "nps_points_bias": MetricLabel(
        mark("Bias of the overall NPS"), mark("predicted minus real NPS, in points"), None, "points"
    ),
    "calibration_in_the_large": MetricLabel(
        mark("Bias of the churn rate"), mark("mean predicted probability minus real churn rate"), None
    ),
    "mae": MetricLabel(mark("Mean absolute error"), mark("mean distance from the real amount"), False, "points"),
    "rmse": MetricLabel(
        mark("Root mean squared error"), mark("the same with large errors weighing more"), False, "points"
    ),
    "spearman": MetricLabel(
        mark("Rank correlation"), mark("agreement of predicted and real order; 1 is perfect"), True
    ),
    "bias_ratio": MetricLabel(mark("Predicted over real total"), mark("1 is perfect"), None, "hundredths"),
}
HEADLINES: Final[dict[Kind, tuple[str, ...]]] = {
    "churn": ("auc", "concordance", "log_loss"),
    "nps": ("rps", "log_loss"),
    "value": ("spearman", "mae"),
    "rating": (),
}


def humanised(name: str) -> str:
    """A technical name for people: underscores become spaces, the first letter a capital."""
    text = " ".join(name.replace("_", " ").split())
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels in one language. `journey` is the configuration's own naming of touchpoints."""

    words: Words
    journey: Mapping[str, TouchpointInfo]
    kinds: Mapping[str, Kind]

    def plain_touchpoint(self, name: str) -> str:
        """The company's label of a touchpoint in this language, else a readable form of its name; not escaped."""
        info = self.journey.get(name)
        given: Mapping[str, str] = {} if info is None else {str(key): text for key, text in info.label.items()}
        return given.get(self.words.language) or humanised(name)

    def touchpoint(self, name: str) -> Markup:
        """The label of a touchpoint for a sentence or a cell."""
        return self.words.name(self.plain_touchpoint(name))

    def target(self, name: str) -> Markup:
        """What a target is called: by its kind, with its own name where that says more."""
        kind = self.kinds.get(name)
        if kind is None:
            return self.words.name(humanised(name))
        label = self.words.say(KINDS[kind])
        alone = sum(other == kind for other in self.kinds.values()) == 1
        return label if alone else Markup("{} · {}").format(label, self.words.name(humanised(name)))

    def known(self, table: Mapping[str, str], name: str) -> Markup:
        """The translated label of a known name, or the name itself made readable."""
        if name in table:
            return self.words.say(table[name])
        return self.words.name(humanised(name))
