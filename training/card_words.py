"""The card's sentences: what a model predicts, how it was judged, where it ends, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

METRICS: Final[dict[str, tuple[str, str]]] = {
    "auc": ("Area under the ROC curve", "how often a customer to whom it happened ranks above one to whom it did not; higher is better"),
    "average_precision": ("Average precision", "share of hits among those picked, over all cuts; higher is better"),
    "log_loss": ("Log-loss", "what the probabilities cost against what happened, nats; lower is better"),
    "brier": ("Brier score", "mean squared error of the probabilities; lower is better"),
    "ece": ("Calibration error", "mean distance of predicted and observed rates in ten bins; lower is better"),
    "lift_at_10": ("Lift in the top tenth", "how many times the average rate among the tenth with the highest scores; higher is better"),
    "empc": ("Expected maximum profit", "money per customer of a campaign of the best size, over all acceptance rates; higher is better"),
    "profit_at_size": ("Profit of the campaign", "money per customer of the company if the configured share is reached; higher is better"),
    "profit_at_stop": ("Profit where it still pays", "the same if everyone is reached who promises a profit; higher is better"),
    "calibration_in_the_large": ("Calibration in the large", "mean prediction minus mean outcome; zero is best"),
    "concordance": ("Concordance", "of two customers of whom is known to whom it happened first, how often the one with the higher chance; higher is better"),
    "ibs": ("Integrated Brier score", "mean squared error of the curve over its days, weighted for those lost from sight; lower is better"),
    "rps": ("Ranked probability score", "distance of the predicted categories from the one that came; lower is better"),
    "qwk": ("Quadratic weighted kappa", "agreement of the most likely category beyond chance; higher is better"),
    "macro_f1": ("Macro F1", "hits among the most likely categories, each category counting alike; higher is better"),
    "macro_auc": ("Mean area under the ROC curve", "each category against the rest; higher is better"),
    "nps_points_error": ("Error of the NPS", "predicted minus actual net promoter score, size, points; lower is better"),
    "nps_points_bias": ("Bias of the NPS", "predicted minus actual net promoter score, points; zero is best"),
    "mae": ("Mean absolute error", "money; lower is better"),
    "rmse": ("Root mean squared error", "money; lower is better"),
    "spearman": ("Rank correlation", "of predicted and actual money; higher is better"),
    "bias_ratio": ("Level", "predicted over actual money; one is best"),
}  # fmt: skip
"""Metric to what it is called and what it says."""

UNITS: Final = {"binary": "rate", "ordinal": "share", "amount": "money", "survival": "rate"}
OUTCOMES: Final = {
    "binary": "churn rate",
    "ordinal": "share of detractors",
    "amount": "money",
    "survival": "churn rate by the last day",
}
LEVELS: Final = {
    "binary": "churn rate",
    "ordinal": "NPS, points",
    "amount": "money",
    "survival": "churn rate by the last day",
}

NOT_FOR: Final = (
    (
        "It is not a cause. What raises a score goes with what happened; changing it need not change what happens. Effects come "
        "from a randomised pilot."
    ),
    (
        "Risk is not persuadability. The customers most likely to leave are not the ones whom an offer holds, and some leave "
        "because they were reminded. Whom to contact is a question for a pilot with a no-contact group."
    ),
    (
        "Not for decisions with legal or similarly serious effect on a person (refusal, price, credit, the end of a service) unless "
        "a human decides who knows the case, can decide otherwise, and whom the person can reach."
    ),
    "Not for judging staff: a touchpoint's part in the scores is no one's merit or fault.",
    (
        "Not for customers unlike those it learnt from: another market, product or channel, or times after a change of prices or "
        "rules that the data do not hold."
    ),
)

_KINDS: Final = {
    "repeated_stratified_folds": "The table has no times: every row was answered by models that had not seen its customer, in "
    "repeated folds with equal shares of the outcome. This says nothing of a later period.",
    "grouped_folds": "The data span too short a time for a split in time: every row was answered by models that had not seen "
    "its customer, in folds of whole customers. This says nothing of a later period.",
}

_FORMS: Final = {
    "plain": "one question",
    "cumulative_binaries": "two questions (is the answer above detractor, is it promoter)",
    "cumulative_link": "one score with two thresholds (proportional odds)",
}


def question(spec: Mapping[str, Any]) -> str:
    """What the model predicts, in a sentence."""
    horizon, lead = spec.get("horizon_days"), int(spec.get("lead_days") or 0)
    span = f"the {horizon} days after the moment of asking" + (f", not counting the first {lead}" if lead else "")
    match spec["kind"]:
        case "cancellation":
            return (
                "The probability that a customer who is under contract at the moment of asking ends it, with none running "
                f"after, in {span}."
            )
        case "inactivity":
            return (
                f"The probability that a customer who was active in the {spec.get('active_within_days')} days before the moment "
                f"of asking has no transaction (without a table of them: no encounter) in {span}."
            )
        case "column":
            return (
                f"The probability that the column '{spec.get('column')}' of a customer says '{spec.get('positive')}'."
            )
        case "survey":
            return (
                "The probabilities that a customer who answers the relationship survey at the moment of asking is a detractor "
                "(0 to 6), a passive (7 or 8) or a promoter (9 or 10)."
            )
        case "spend":
            return f"The money that a customer spends, less what is paid back, in {span}."
        case "time_to_churn":
            return _curve_question(spec)
        case kind:
            return f"The target '{spec.get('name')}' of kind '{kind}'."


def _curve_question(spec: Mapping[str, Any]) -> str:
    days = ", ".join(str(day) for day in spec["days"])
    lead = int(spec.get("lead_days") or 0)
    when = f"by day {days} after the moment of asking" + (f" and {lead} more" if lead else "")
    if spec.get("label") == "inactivity":
        return (
            f"A curve: the probability that a customer who was active in the {spec.get('active_within_days')} days before the "
            f"moment of asking has not come back (no transaction; without a table of them: no encounter) {when}. What the model "
            "waits for is the return; the curve falls."
        )
    return (
        "A curve: the probability that a customer who is under contract at the moment of asking has ended it, with none running "
        f"when the period was over, {when}. Who has left stays counted as gone, though a contract may start later; the curve rises."
    )


def protocol(metrics: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    """How it was judged, in sentences."""
    inner = metrics["inner"]
    lines = []
    if metrics["validation"] == "out_of_time":
        dates = [text[:10] for text in metrics["test_as_of"]]
        days = int(spec.get("lead_days") or 0) + int(spec.get("horizon_days") or 0)
        waits = spec.get("kind") == "time_to_churn"
        when = f"on {dates[0]}" if len(set(dates)) == 1 else f"from {dates[0]} to {dates[-1]}"
        lines.append(f"Judged on the newest rows, {when}, which were touched once.")
        lines.append(
            "Taught on earlier rows as far as each could be followed by then: only periods that were over teach, and a customer whose "
            "days were not all over counts for those that were (censored). The newest rows are judged so too."
            if waits
            else f"Taught on rows whose label windows were over by then: {days} days before the first judged date are left out "
            "(purge and embargo: lead and horizon)."
            if days
            else "Taught on the answers before the first judged one."
        )
        kind = (
            "rolling origins, each taught on what was over before it"
            if inner["rolling"]
            else "folds of whole customers"
        )
        lines.append(f"Preset, rounds and calibration were chosen inside the teaching rows on {inner['folds']} {kind}.")
    else:
        lines.append(_KINDS[metrics["validation"]])
        lines.append(
            f"{inner['folds'] // max(inner['repeats'], 1)} folds, {inner['repeats']} times; the choice for a fold was made "
            "on the others."
        )
    if inner.get("forms"):
        scores = ", ".join(f"{_FORMS[form]} {score:.4f}" for form, score in inner["forms"].items())
        lines.append(
            f"Of the forms in which the question can be asked, {_FORMS[inner['form']]} answers: the lowest ranked probability score on "
            f"the folds ({scores})."
        )
    if "engine" in metrics:
        found = metrics["engine"]
        lines.append(
            f"The training set of {number(found['rows'])} rows stayed in its file: chosen and judged on {number(found['sampled_rows'])} "
            "rows, all those of customers drawn at random; the models themselves were grown on all rows that may teach."
        )
    if "random_split" in metrics:
        found = metrics["random_split"]
        lines.append(
            f"A random split by customer among the teaching rows would have shown an area under ROC of {number(found['auc'])}, within "
            f"dates, where later dates give {number(found['out_of_time_auc'])}: a difference of {measured(found['difference'])}. More "
            f"than {number(found['limit'])} means that something is known of earlier customers that is not known of later ones, or "
            "that the world has changed."
        )
        if found["fallen"]:
            lines.append(f"These columns alone tell much less of the judged rows: {', '.join(found['fallen'])}.")
    lines.append(
        "Intervals are 95 %, by resampling customers, not rows. Categories of the outcome are neither weighted nor resampled."
    )
    lines.append(
        "The figures are of a model that had not seen the judged rows; the model that ships is the same choice, refitted on all "
        "labelled rows."
    )
    return lines


def data_size(metrics: Mapping[str, Any]) -> list[str]:
    """Whether more customers would make it better, in sentences; none where that was not looked at."""
    found = metrics.get("data_size")
    if found is None:
        return []
    shown = ", ".join(f"{number(item['loss'])} with {number(item['customers'])}" for item in found["sizes"])
    lines = [f"Taught on some of the customers and judged on the same ones, the loss on the folds was {shown} of them."]
    gain = found["doubling"]
    if gain["value"] is not None:
        worth = (
            "more customers would make it better."
            if gain["low"] > 0
            else "that more customers would make it better is not shown here."
        )
        lines.append(f"Twice the customers would lower it by about {measured(gain)}: {worth}")
    return lines


def limits(facts: Mapping[str, Any]) -> list[str]:
    """What is known to be weak, from the figures."""
    lines, task = [], facts["task"]
    if facts["validation"] != "out_of_time":
        lines.append("It was not judged on a later period: expect it to do worse there.")
    positives = facts["counts"].get("positives")
    if task in {"binary", "survival"} and positives is not None and positives < 100:
        lines.append(
            f"Only {positives} customers' rows with the outcome were judged: differences within the intervals are noise."
        )
    level = next(
        (item for item in facts["metrics"] if item["name"] in {"calibration_in_the_large", "nps_points_bias"}), None
    )
    if level is not None and level["low"] is not None and (level["low"] > 0 or level["high"] < 0):
        side = "too high" if level["value"] > 0 else "too low"
        lines.append(
            f"The predicted level was {side} over the judged rows: {level['label'].lower()} {measured(level)}."
        )
    worst = max(facts["periods"], key=lambda item: abs(item["predicted"] - item["observed"]), default=None)
    if worst is not None:
        lines.append(
            f"The level of a whole period moves more than the intervals say: the largest miss was {worst['period'][:10]}, predicted "
            f"{number(worst['predicted'])}, observed {number(worst['observed'])} ({LEVELS[task]})."
        )
    off = [item for item in facts["segments"] if item["surely_off"]]
    if facts["segments"]:
        verb = "has" if len(off) == 1 else "have"
        shown = ", ".join(f"{item['feature']} = {item['category']}" for item in off[:8]) + (
            " and others" if len(off) > 8 else ""
        )
        lines.append(
            f"Of {len(facts['segments'])} groups of customers, {len(off)} {verb} a predicted level that differs from the observed one "
            f"by more than chance (one in twenty would by chance alone){': ' + shown if off else ''}."
        )
    lines.append(f"Of groups with fewer than {facts['least_rows']} judged rows nothing is said.")
    lines.append(
        "Customers who were contacted because of a score change what later models learn: keep a small share without contact, and "
        "retrain when the realised loss grows."
    )
    return lines


def number(value: float | None) -> str:
    """A number as people read it; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    # What is left of a sum that is zero.
    value = value if abs(value) > 1e-12 else 0.0
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(value: float | None) -> str:
    """A share in per cent."""
    return "" if value is None else f"{100 * value:.1f} %"


def span(interval: Mapping[str, Any]) -> str:
    """The limits of an interval."""
    low, high = interval["low"], interval["high"]
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def measured(item: Mapping[str, Any]) -> str:
    """A metric with the limits of its interval; nothing where it is unknown."""
    if item["value"] is None:
        return ""
    return number(item["value"]) + (f" ({span(item)})" if span(item) else "")


def cell(value: object) -> str:
    """A text as a cell of a Markdown table: no bars, lines or tags of its own."""
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return text.replace("&", "&amp;").replace("<", "&lt;")


def brief(page: str, most: int) -> str:
    """The first whole sections of a Markdown page that fit into so many characters."""
    if len(page) <= most:
        return page
    more = "\nThe whole card is among the run's artefacts: card.html, card.md.\n"
    sections: Sequence[str] = page.split("\n## ")
    kept = sections[0][: most - len(more)]
    for section in sections[1:]:
        if len(kept) + len(section) + 4 + len(more) > most:
            break
        kept += "\n## " + section
    return kept + more
