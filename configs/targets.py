"""The targets of a configuration: what is predicted or explained, by kind."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from configs.frozen import Frozen, as_utc


class _Target(Frozen):
    drivers: bool = True

    @property
    def trains(self) -> bool:
        """Whether a model is trained for it; a rating is read for its drivers alone."""
        return True


class _Windowed(_Target):
    horizon_days: Annotated[int, Field(ge=1)]
    lead_days: Annotated[int, Field(ge=0)] = 0


class Cancellation(_Windowed):
    """Churn: a subscription ends in the label window and none is running after."""

    kind: Literal["cancellation"]


class Inactivity(_Windowed):
    """Churn: active lately, no transaction in the label window."""

    kind: Literal["inactivity"]
    active_within_days: Annotated[int, Field(ge=1)] = 180


class Column(_Target):
    """Churn: a column of the customers table says it."""

    kind: Literal["column"]
    column: str
    positive: str | int | float | bool
    as_of: datetime | None = None

    @field_validator("as_of", mode="before")
    @classmethod
    def _utc(cls, value: Any) -> Any:
        return value if value is None else as_utc(value)


class Survey(_Target):
    """An answer: NPS of the relationship, or a rating, read for its drivers alone.

    Ratings are satisfaction (csat), ease (ces, higher is easier) and any answer about one `touchpoint`. They are never mixed with the
    relationship's NPS: what a customer says of a call is not what they think of the company.
    """

    kind: Literal["survey"]
    metric: Literal["nps", "csat", "ces"] = "nps"
    touchpoint: Annotated[str, Field(min_length=1)] | None = None

    @property
    def relationship(self) -> bool:
        """Whether it is the NPS of the relationship."""
        return self.metric == "nps" and self.touchpoint is None

    @property
    def trains(self) -> bool:
        """Only the relationship's NPS has a model."""
        return self.relationship

    @property
    def scale(self) -> tuple[int, int]:
        """Lowest and highest answer."""
        return {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}[self.metric]


class Spend(_Windowed):
    """Value: money in the horizon."""

    kind: Literal["spend"]


class TimeToChurn(_Target):
    """Time to churn: a curve over the days ahead, of which one model answers each of `days`.

    `days` end the periods in which it is looked whether it has happened, counted from as_of + `lead_days`. `label` says what is
    waited for: with `cancellation` a subscription that ends with none running when the period is over, and the curve tells the
    chance to have left by each day (it rises); with `inactivity` the next transaction of who was active in the last
    `active_within_days`, and the curve tells the chance *not* to have come back by each day (it falls). A `column` has no
    times: `check` refuses it. Customers whose days are not all over teach what is known of them. Drivers are found with a
    churn target of its own.
    """

    kind: Literal["time_to_churn"]
    label: Literal["cancellation", "inactivity", "column"]
    days: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, max_length=24)] = (30, 60, 90)
    lead_days: Annotated[int, Field(ge=0)] = 0
    active_within_days: Annotated[int, Field(ge=1)] = 180
    drivers: Literal[False] = False

    @field_validator("days")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(value)):
            raise ValueError(f"days must rise, each above the one before: {', '.join(map(str, value))}")
        return value

    @property
    def horizon_days(self) -> int:
        """Days that the curve looks ahead: the last of `days`."""
        return self.days[-1]


Target = Annotated[Cancellation | Inactivity | Column | Survey | Spend | TimeToChurn, Field(discriminator="kind")]
