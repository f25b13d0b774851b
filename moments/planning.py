"""The verb `pilot`: how many customers and weeks a pilot needs, by the company's own figures. Calculates, writes nothing."""

from __future__ import annotations

import json as json_of_file
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from moments.options import Config, Json
from moments.talk import Talk, talking

if TYPE_CHECKING:
    from rich.console import RenderableType

    from configs.settings import Settings
    from drivers.claims.plan import Figures
    from drivers.claims.size import PilotSize

_PARTS: Final = (0.25, 0.5, 1.0)  # of what a touchpoint moves among those who meet it
_USUAL: Final[dict[str, tuple[float, ...]]] = {
    "nps": (2.0, 5.0, 10.0),
    "churn": (0.1, 0.25, 0.5),
    "money": (0.05, 0.1, 0.2),
}
"""Effects where no touchpoint says what could be won: points; for churn and money shares of the mean."""
_WORDS: Final = {"nps": "NPS points", "churn": "percentage points of churn", "money": "money"}


def pilot(
    config: Config,
    target: Annotated[
        str | None, typer.Option(help="The target that is to improve.", show_default="the NPS, else the first")
    ] = None,
    touchpoint: Annotated[
        str | None,
        typer.Option(
            help="The touchpoint to improve: its customers are drawn as they meet it.", show_default="all customers"
        ),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="The smallest improvement worth finding: points, percentage points or money.",
            show_default="several",
        ),
    ] = None,
    share: Annotated[float, typer.Option(min=0.01, max=0.99, help="Share of the customers who are reached.")] = 0.5,
    power: Annotated[float, typer.Option(min=0.06, max=0.999, help="Chance to show an effect of that size.")] = 0.8,
    customers: Annotated[
        int | None, typer.Option(min=2, help="What so many customers could show, instead.", show_default=False)
    ] = None,
    weeks: Annotated[
        float | None, typer.Option(min=0.1, help="What so many weeks could show, instead.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Say how many customers and weeks a randomised pilot needs to show an effect.

    Counts with the company's own figures: how the outcome varies, how many customers meet the touchpoint in a week, and how
    many questions are answered (where they are recorded and 'drivers' has run). Needs 'features'.
    """
    if sum(option is not None for option in (effect, customers, weeks)) > 1:
        raise typer.BadParameter("give one of --effect, --customers and --weeks", param_hint="--effect")
    with talking("pilot", as_json=json) as talk:
        from configs.settings import load

        settings = load(config)
        name = _target(settings, target)
        talk.answer |= {"config": str(settings.source), "target": name, "touchpoint": touchpoint}
        found, effects = _figures(talk, settings, name, touchpoint, share=share, power=power)
        sizes = _sizes(found, (effect,) if effect is not None else effects, customers, weeks)
        talk.answer["pilots"] = [size.facts() for size in sizes]
        talk.say(_table(sizes, found))


def _figures(
    talk: Talk, settings: Settings, name: str, touchpoint: str | None, *, share: float, power: float
) -> tuple[Figures, tuple[float, ...]]:
    """What the calculator needs to know, and effects to ask it for."""
    from configs.errors import ConfigError, DataError, nearest
    from drivers.claims import plan
    from features.tables import open_tables
    from training import dataset

    data = dataset.read(dataset.path_of(settings, name))
    told = _told(settings, name)
    with talk.progress.step("pilot") as report, open_tables(settings) as tables:
        report("reading the tables", 0.5)
        known = data.catalog.vocabulary.touchpoints
        if touchpoint is not None and touchpoint not in known:
            close = nearest(touchpoint, known)
            raise ConfigError(
                f"there is no touchpoint '{touchpoint}'",
                where="--touchpoint",
                available=", ".join(known) or "none",
                next_move=f"did you mean '{close}'?" if close else "name one of those",
            )
        found = plan.figures(
            tables,
            settings,
            data,
            touchpoint,
            answer_rate=plan.answer_rate_of(told),
        )
    if found is None:
        raise DataError(
            f"'{name}' does not vary, or is a rating of one encounter: no pilot can be sized by it",
            where=f"{settings.source.name}: targets.{name}",
            available=", ".join(settings.targets),
            next_move="choose another --target",
        )
    entry = next((one for one in told.get("drivers") or [] if one["touchpoint"] == touchpoint), None)
    depth = ((entry or {}).get("depth") or {}).get("value")
    kind = found.outcome.kind
    unit = {"nps": 1.0, "churn": 100 * found.outcome.mean, "money": found.outcome.mean}[kind]
    effects = tuple(depth * part for part in _PARTS) if depth else tuple(unit * part for part in _USUAL[kind])
    return plan.changed(found, share=share, power=power), effects


def _sizes(
    found: Figures, effects: tuple[float, ...], customers: int | None, weeks: float | None
) -> tuple[PilotSize, ...]:
    from configs.errors import DataError
    from drivers.claims import plan
    from drivers.claims.size import smallest_effect, smallest_effect_within

    sizes: tuple[PilotSize, ...]
    if customers is not None or weeks is not None:
        if weeks is not None and found.terms.per_week is None:
            raise DataError(
                "nobody knows how many customers come by in a week",
                where="--weeks",
                available="--customers",
                next_move="name a --touchpoint that customers met in the last thirteen weeks",
            )
        size = (
            smallest_effect(found.outcome, customers, found.terms)
            if customers is not None
            else smallest_effect_within(found.outcome, weeks or 0.0, found.terms)
        )
        sizes = () if size is None else (size,)
    else:
        sizes = plan.sizes(found, tuple(effect for effect in effects if effect > 0))
    if not sizes:
        raise DataError(
            "no pilot of that kind could show such an effect",
            where="--effect, --customers, --weeks",
            available=f"a mean of {found.outcome.mean:.3g} with a standard deviation of {found.outcome.sd:.3g}",
            next_move="ask for another effect, or for more customers or weeks",
        )
    return sizes


def _target(settings: Settings, target: str | None) -> str:
    from configs.errors import nearest
    from configs.settings import Survey

    if target is None:
        relations = [name for name, one in settings.targets.items() if isinstance(one, Survey) and one.relationship]
        return (relations or list(settings.targets))[0]
    if target not in settings.targets:
        close = nearest(target, settings.targets)
        hint = f" Did you mean '{close}'?" if close else ""
        raise typer.BadParameter(
            f"'{target}' is not one of {', '.join(settings.targets)}.{hint}", param_hint="--target"
        )
    return target


def _told(settings: Settings, name: str) -> dict[str, Any]:
    """What the last analysis says of the target; empty where there is none that can be read."""
    path = settings.output / "drivers.json"
    try:
        content = json_of_file.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = content.get("targets", {}).get(name) if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def _table(sizes: tuple[PilotSize, ...], found: Figures) -> RenderableType:
    from rich.table import Table

    terms, kind = found.terms, found.outcome.kind
    grid = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in (f"improvement, {_WORDS[kind]}", "reached", "not reached", "weeks"):
        grid.add_column(heading, justify="right")
    for size in sizes:
        weeks = "unknown" if size.weeks is None else f"{size.weeks:,}"
        grid.add_row(f"{size.effect:,.2f}", f"{size.treated:,}", f"{size.control:,}", weeks)
    said = [f"power {terms.power:.0%}, two-sided 5 %"]
    if kind == "nps" and terms.answer_rate == 1:
        said.append("counted in customers who answer, as no table says how many of those who are asked do")
    if terms.answer_rate < 1:
        said.append(f"{terms.answer_rate:.0%} of the questions are answered")
    if terms.per_week is not None:
        said.append(f"{terms.per_week:,.0f} new customers a week")
    grid.caption = "; ".join(said)
    grid.caption_justify = "left"
    return grid
