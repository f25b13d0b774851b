"""What a model card says of a campaign: what the scores are worth in money, and whom it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.card_words import measured, number, percent


def campaign(metrics: Mapping[str, Any]) -> list[str]:
    """What the scores are worth in money and up to where a campaign pays, in sentences; none where the target is not churn."""
    found = metrics.get("campaign")
    if found is None:
        return []
    worth = (
        f"{number(found['customer_value'])} on average, each customer's own"
        if found["own_values"]
        else number(found["customer_value"])
    )
    lines = [
        (
            f"Assumed (`campaign` in the configuration): a customer who stays brings {worth}; an offer costs {number(found['offer'])}, a "
            f"contact {number(found['contact'])}; the offer holds {percent(found['acceptance'])} of those who would leave."
        )
    ]
    if found["break_even"] is None:
        lines.append(
            "Under these terms reaching a customer of usual worth never pays, however likely the customer is to leave."
        )
    else:
        lines.append(
            f"Reaching a customer of usual worth pays from a probability of {percent(found['break_even'])} on. "
            f"{percent(found['stop_share'])} of the judged customers promise a profit: a larger campaign loses money on the rest."
        )
    for name, said in (
        ("profit_at_size", f"reaches {percent(found['size'])} of the customers"),
        ("profit_at_stop", "reaches everyone who promises a profit"),
    ):
        if metrics[name]["value"] is not None:
            lines.append(
                f"A campaign that {said} would have won {measured(metrics[name])} per customer of the company on the judged rows."
            )
    if found["empc_is_noise"]:
        lines.append("Fewer than 5 % of the judged rows left: expected maximum profit is mostly noise there.")
    lines.append(
        "That the offer holds everyone alike is an assumption. Whom it holds is a question for a pilot with a no-contact group."
    )
    return lines


def uplift(metrics: Mapping[str, Any]) -> list[str]:
    """What a randomised pilot told of whom a campaign holds, in sentences; none where there was no pilot."""
    found = metrics.get("uplift")
    if found is None:
        return []
    if "unclear" in found:
        return [
            (
                f"The attribute '{found['treatment']}' has the values {', '.join(found['unclear'])}: if it tells of a randomised pilot, name "
                "the value of those who were reached under 'campaign.treated'."
            )
        ]
    lines = [
        (
            f"{number(found['customers'])} customers of a pilot, of whom {number(found['reached'])} were reached "
            f"('{found['treatment']}' is '{found['treated']}')."
        )
    ]
    if not found["randomised"]:
        return [
            *lines,
            (
                f"Chance did not decide who was reached: features foretell it with an area under ROC of {number(found['foretold_auc'])} "
                "(chance gives 0.5). What became of those who were reached is therefore no effect of the campaign, and none is claimed."
            ),
        ]
    effect, gained = found["effect"], found["qini_beyond_risk"]
    shown = effect["low"] > 0 or effect["high"] < 0
    lines.append(
        f"Reaching a customer lowered the chance to leave by {measured(effect)}."
        if shown
        else f"That reaching customers changes whether they leave is not shown here: it lowered the chance by {measured(effect)}."
    )
    if found["alike"]:
        lines.append("Whom it holds more than others is not shown here: one effect is said of all.")
    else:
        lines.append(
            f"Qini coefficient, held out: {measured(found['qini'])}, ranking by risk {measured(found['qini_of_risk'])}. "
            + (
                "Reaching the most persuadable first is better than at random."
                if found["qini"]["low"] > 0
                else "That reaching the most persuadable first is better than at random is not shown here."
            )
            + (" It is also better than reaching those at most risk." if gained["low"] > 0 else "")
        )
    lines.append(
        f"Under the terms of `campaign` it pays to reach {percent(found['reach_share'])} of them: {measured(found['profit'])} of money "
        f"per customer of the pilot; reaching all would bring {measured(found['profit_of_all'])}."
    )
    return lines
