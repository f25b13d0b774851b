"""What is asked of a world: its size, how many leave, and which difficulties it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spec:
    """A world's size and its difficulties; everything else is drawn from the seed.

    Parameters
    ----------
    answers
        Expected number of answers to the relationship survey; the number of customers follows from it.
    monthly_churn
        Customers who leave within 30 days, of those who are there.
    churners
        Expected number of customers who leave within the data; replaces `monthly_churn` where it is given.
    null
        Nothing that is met moves loyalty: only controls and the person do.
    hidden_confounder
        A trait that nobody sees raises the rate of one touchpoint, and unhappiness.
    interactions
        One driver is healed where another touchpoint follows within a week.
    mediation
        One driver raises the rate of another within weeks.
    non_response
        Whether a customer answers depends on how content the customer is; if False, on chance alone.
    consequences
        Two touchpoints that exist because of an end, and because of a detractor's answer.

    Raises
    ------
    ValueError
        A number is too small or too large for a world.
    """

    answers: int = 5000
    monthly_churn: float = 0.015
    churners: int | None = None
    null: bool = False
    hidden_confounder: bool = True
    interactions: bool = True
    mediation: bool = True
    non_response: bool = True
    consequences: bool = True

    def __post_init__(self) -> None:
        if self.answers < 200:
            raise ValueError(f"{self.answers} answers are too few to find anything: give at least 200")
        if not 0.001 <= self.monthly_churn <= 0.1:
            raise ValueError(f"a monthly churn of {self.monthly_churn} is outside .001 to .1")
        if self.churners is not None and self.churners < 20:
            raise ValueError(f"{self.churners} churners are too few to find anything: give at least 20")
