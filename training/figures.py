"""The figures of a training: each takes the axes to draw on and gives them back; nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from training.curves import Gain
    from training.importance import Part
    from training.learning import Learning

COLOURS: Final = ("#0067a8", "#b84a00", "#00734f", "#7a3f8f")
_GREY: Final = "#7a828c"
_MOST_DRIVERS: Final = 15
_MOST_TICKS: Final = 12


def blank(width: float = 5.6, height: float = 4.2) -> Figure:
    """An empty figure, in inches, that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes for the same figure."""
    held = BytesIO()
    figure.savefig(held, format="png", dpi=110, metadata={"Software": None})
    return held.getvalue()


def calibration_plot(ax: Axes, curves: Mapping[str, Sequence[Mapping[str, float]]], unit: str = "rate") -> Axes:
    """What happened over what was predicted, in ten bins of equal mass per side; the diagonal is perfection."""
    ends = [point[key] for curve in curves.values() for point in curve for key in ("predicted", "observed")]
    low, top = min([*ends, 0.0]), max([*ends, 1e-6]) * 1.05
    ax.plot([low, top], [low, top], color=_GREY, linewidth=1, linestyle="--")
    for (name, curve), colour in zip(curves.items(), cycle(COLOURS), strict=False):
        predicted, observed = ([point[key] for point in curve] for key in ("predicted", "observed"))
        ax.plot(predicted, observed, marker="o", color=colour, label=name)
    _named(ax, len(curves))
    ax.set(xlabel=f"predicted {unit}", ylabel=f"observed {unit}", xlim=(low, top), ylim=(low, top))
    return ax


def gain_plot(ax: Axes, gains: Sequence[Gain]) -> Axes:
    """Share of the outcome among the customers with the highest predictions, between chance and knowing all."""
    ax.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="by chance")
    for item, colour in zip(gains, cycle(COLOURS), strict=False):
        ax.plot(item.shares, item.best, color=colour, linewidth=1, linestyle=":", label=f"{item.name}: at best")
        ax.plot(item.shares, item.captured, color=colour, label=item.name)
    ax.legend(frameon=False, fontsize="small")
    ax.set(xlabel="share of customers, highest first", ylabel="share of the outcome", xlim=(0, 1))
    return ax


def lift_plot(ax: Axes, gains: Sequence[Gain]) -> Axes:
    """How many times the average the outcome is among the customers with the highest predictions."""
    ax.axhline(1.0, color=_GREY, linewidth=1, linestyle="--")
    for item, colour in zip(gains, cycle(COLOURS), strict=False):
        ax.plot(item.shares[1:], item.lift, marker="o", markersize=3, color=colour, label=item.name)
    _named(ax, len(gains))
    ax.set(xlabel="share of customers, highest first", ylabel="times the average", xlim=(0, 1), ylim=(0, None))
    return ax


def profit_plot(ax: Axes, campaign: Mapping[str, Any]) -> Axes:
    """What a campaign wins by the share of customers that it reaches: what came of it, what was promised, and where to stop."""
    shares = [point["share"] for point in campaign["curve"]]
    ax.axhline(0.0, color=_GREY, linewidth=1, linestyle="--")
    for key, colour, style in (("expected", _GREY, ":"), ("realised", COLOURS[0], "-")):
        ax.plot(shares, [point[key] for point in campaign["curve"]], color=colour, linestyle=style, label=key)
    ax.axvline(campaign["stop_share"], color=COLOURS[1], linewidth=1, label="where it should stop")
    ax.legend(frameon=False, fontsize="small")
    ax.set(xlabel="share of customers, those with the most to win first", ylabel="money per customer", xlim=(0, 1))
    return ax


def qini_plot(ax: Axes, uplift: Mapping[str, Any]) -> Axes:
    """Churners prevented by the share of customers reached: the most persuadable first, those at most risk first, at random."""
    shares = [point["share"] for point in uplift["curve"]]
    for key, name, colour, style in (
        ("at_random", "at random", _GREY, "--"),
        ("by_risk", "at most risk first", COLOURS[1], ":"),
        ("saved", "most persuadable first", COLOURS[0], "-"),
    ):
        ax.plot(shares, [100 * point[key] for point in uplift["curve"]], color=colour, linestyle=style, label=name)
    ax.legend(frameon=False, fontsize="small")
    ax.set(xlabel="share of customers reached", ylabel="churners prevented per 100 customers", xlim=(0, 1))
    return ax


def data_size_plot(ax: Axes, sizes: Sequence[Mapping[str, Any]]) -> Axes:
    """The loss by the number of customers that taught, each step a doubling."""
    counts = [item["customers"] for item in sizes]
    ax.plot(counts, [item["loss"] for item in sizes], marker="o", color=COLOURS[0])
    ax.set_xscale("log", base=2)
    ax.set_xticks(counts, [f"{count:,}" for count in counts])
    ax.minorticks_off()
    ax.set(xlabel="customers that taught", ylabel="loss on the folds")
    return ax


def importance_plot(ax: Axes, parts: Sequence[Part]) -> Axes:
    """Each driver's part in the scores, the largest on top."""
    shown = list(parts[:_MOST_DRIVERS])[::-1]
    ax.barh([item.driver.replace("_", " ") for item in shown], [100 * item.share for item in shown], color=COLOURS[0])
    ax.set(xlabel="part in the score, % of all drivers")
    return ax


def learning_plot(ax: Axes, curves: Sequence[Learning]) -> Axes:
    """Mean out-of-fold loss of every preset over its rounds, above its own lowest of the question; a dot marks each best."""
    lowest = {
        item.question: min(other.best[1] for other in curves if other.question == item.question) for item in curves
    }
    several = len(lowest) > 1
    for item, colour in zip(curves, cycle(COLOURS), strict=False):
        name = item.preset.name + (f", {item.question.replace('_', ' ')}" if several else "")
        above = item.mean - lowest[item.question]
        ax.plot(item.rounds, above, color=colour, label=name)
        ax.plot(item.best[0], item.best[1] - lowest[item.question], marker="o", color=colour)
    ax.legend(frameon=False, fontsize="small")
    ax.set(xlabel="rounds", ylabel="out-of-fold loss above the lowest")
    return ax


def periods_plot(ax: Axes, periods: Sequence[Mapping[str, Any]], unit: str) -> Axes:
    """Predicted and observed level of each judged period."""
    names = [str(item["period"])[:10] for item in periods]
    for key, colour, style in (("observed", _GREY, "--"), ("predicted", COLOURS[0], "-")):
        ax.plot(
            range(len(names)), [item[key] for item in periods], marker="o", color=colour, linestyle=style, label=key
        )
    step = max(1, -(-len(names) // _MOST_TICKS))
    ax.set_xticks(range(0, len(names), step), names[::step], rotation=45, ha="right", fontsize="small")
    ax.legend(frameon=False, fontsize="small")
    ax.set(ylabel=unit)
    return ax


def _named(ax: Axes, count: int) -> None:
    if count > 1:
        ax.legend(frameon=False, fontsize="small")
