"""The model card and the calibration figure that a run logs: renderings of facts, nothing computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.left_out import summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from training.bundle import Bundle

_VALIDATION = {
    "out_of_time": "judged on the newest period, taught on rows whose label windows were over by then",
    "repeated_stratified_folds": "repeated stratified folds: the table has no times, so nothing is known of the next period",
    "grouped_folds": "folds grouped by customer: the data span too short a time for a split in time",
}


def model_card(bundle: Bundle, metrics: dict[str, Any]) -> str:
    """Markdown: what the model answers, on what it was judged, how well beside the floors, and what it must not be used for."""
    lines = [
        f"# Model card: {bundle.target}",
        "",
        f"- question: {', '.join(f'{key} {value}' for key, value in bundle.spec.items() if key not in {'name', 'drivers'})}",
        f"- data: {bundle.data_from or 'no times'} to {bundle.data_until or 'no times'}; {bundle.details.get('rows')} rows",
        f"- validation: {_VALIDATION[metrics['validation']]}",
        f"- rows: {metrics['n_train']} taught, {metrics['n_test']} judged, {metrics['customers']} customers judged",
        f"- features: {len(bundle.catalog.names)}; learner: LightGBM, {bundle.details.get('preset')}",
        f"- left out: {summary(bundle.dropped)}",
        "",
        "| metric | value | 95 % interval | prior | logistic |",
        "|---|---|---|---|---|",
    ]
    floors = metrics["baselines"]
    for name, found in metrics.items():
        if isinstance(found, dict) and {"value", "low", "high"} <= found.keys():
            others = " | ".join(_number(floors.get(floor, {}).get(name)) for floor in ("prior", "logistic"))
            lines.append(
                f"| {name} | {_number(found['value'])} | {_number(found['low'])} to {_number(found['high'])} | {others} |"
            )
    if bundle.dropped:
        lines += ["", "Features left out, as they say nothing of a customer that is not said already:", ""]
        lines += [f"- {name}: {reason}" for name, reason in bundle.dropped.items()]
    lines += [
        "",
        "The figures are of a model that had not seen the judged rows; the model that ships is the same choice, refitted on all",
        "labelled rows. It ranks and estimates; it does not say why: reasons are associations, not effects. Retrain when realised",
        "loss grows, not by the calendar alone.",
        "",
    ]
    return "\n".join(lines)


def calibration_figure(curve: list[dict[str, float]], title: str) -> Figure:
    """The calibration curve on a figure of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    calibration_plot(figure.add_subplot(), curve).set_title(title)
    return figure


def calibration_plot(ax: Axes, curve: list[dict[str, float]]) -> Axes:
    """Observed rate over predicted probability, in ten bins of equal mass; the diagonal is perfection."""
    predicted, observed = ([point[key] for point in curve] for key in ("predicted", "observed"))
    top = max([*predicted, *observed, 1e-6]) * 1.05
    ax.plot([0, top], [0, top], color="0.7", linewidth=1)
    ax.plot(predicted, observed, marker="o", color="#1f4e79")
    ax.set(xlabel="predicted probability", ylabel="observed rate", xlim=(0, top), ylim=(0, top))
    return ax


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
