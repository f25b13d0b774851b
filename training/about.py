"""All that a training tells of its model: the facts of the card and the figures, made of the held-out answers and the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import card, figures
from training.card_words import LEVELS, UNITS
from training.curves import calibration, gains
from training.importance import importances, sample
from training.parts import Part, parts
from training.segments import segments
from training.survival import by_last_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from configs.settings import Settings
    from training.bundle import Bundle
    from training.curves import Gain
    from training.dataset import Dataset
    from training.gate import Answers, Verdict
    from training.importance import Part as Importance
    from training.learning import Learning
    from training.split import Rows, Split


@dataclass(frozen=True)
class About:
    """What is told of a model.

    Parameters
    ----------
    facts
        The card's (see `training.card`).
    figures
        PNG files by name.
    parts
        The rows by what they were for.
    """

    facts: dict[str, Any]
    figures: dict[str, bytes]
    parts: tuple[Part, ...]


def about(
    settings: Settings,
    *,
    dataset: Dataset,
    division: Split,
    rows: Rows,
    answers: Answers,
    bundle: Bundle,
    metrics: dict[str, Any],
    verdict: Verdict,
    learning: Sequence[Learning],
) -> About:
    """Gather the facts and draw the figures.

    Parameters
    ----------
    settings
        Names the company and its file; its seed draws the rows whose scores are taken apart.
    dataset, division, rows, answers
        The training set, how it was divided, the judged rows and the answers to them.
    bundle, metrics, verdict, learning
        The model that ships, how good it is, what became of it, and how the portfolio learnt.
    """
    found = parts(dataset, division)
    used = importances(bundle, dataset.take(sample(rows, settings.seed)).select(bundle.catalog))
    if answers.task == "survival":
        # Curves and groups are shown of churn by the last day.
        rows, answers = by_last_day(dataset, rows, answers.answer)
    curves, ranked = calibration(answers), gains(answers)
    facts = card.facts(
        company=settings.name,
        config=settings.source.name,
        bundle=bundle,
        metrics=metrics,
        verdict=verdict,
        parts=found,
        digest=dataset.digest,
        segments=segments(dataset, rows, answers),
        gains=ranked,
        calibration=curves,
        importances=used,
    )
    pictures = draw(dataset.task, metrics, curves, ranked, used, learning)
    return About(facts, pictures, found)


def draw(
    task: str,
    metrics: Mapping[str, Any],
    curves: dict[str, list[dict[str, float]]],
    ranked: Sequence[Gain],
    used: Sequence[Importance],
    learning: Sequence[Learning],
) -> dict[str, bytes]:
    """The figures by name; those that have nothing to show are left out."""
    found = {}
    figure = figures.blank()
    figures.calibration_plot(figure.add_subplot(), curves, UNITS[task])
    found["calibration"] = figures.png(figure)
    if ranked:
        for name, plot in (("gain", figures.gain_plot), ("lift", figures.lift_plot)):
            figure = figures.blank()
            plot(figure.add_subplot(), ranked)
            found[name] = figures.png(figure)
    if metrics.get("campaign"):
        figure = figures.blank()
        figures.profit_plot(figure.add_subplot(), metrics["campaign"])
        found["profit"] = figures.png(figure)
    if metrics.get("uplift", {}).get("curve"):
        figure = figures.blank()
        figures.qini_plot(figure.add_subplot(), metrics["uplift"])
        found["qini"] = figures.png(figure)
    if metrics.get("data_size"):
        figure = figures.blank()
        figures.data_size_plot(figure.add_subplot(), metrics["data_size"]["sizes"])
        found["data_size"] = figures.png(figure)
    periods = metrics.get("periods", [])
    if len(periods) > 1:
        figure = figures.blank()
        figures.periods_plot(figure.add_subplot(), periods, LEVELS[task])
        found["periods"] = figures.png(figure)
    if used:
        figure = figures.blank(5.6, 0.26 * min(len(used), 15) + 1.0)
        figures.importance_plot(figure.add_subplot(), used)
        found["importance"] = figures.png(figure)
    if learning:
        figure = figures.blank()
        figures.learning_plot(figure.add_subplot(), learning)
        found["learning"] = figures.png(figure)
    return found
