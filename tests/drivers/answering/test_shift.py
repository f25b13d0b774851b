"""A score that moves because others are asked is flagged and sized; one that moves because customers fare otherwise is not."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from drivers.answering.shift import Active, Change, Shift, shift

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """All active customers of some periods, with what is foretold and what they would say."""

    active: Active
    points: Floats

    def take_apart(self, *, known: bool = True, asked: bool = True, seed: int = 0) -> Shift:
        """The result; `known`: all active customers are handed over, `asked`: so is who was asked."""
        a = self.active
        said = a.answered
        active = Active(a.period, a.predicted, a.customer, a.answered, a.asked if asked else None)
        return shift(
            a.period[said], a.predicted[said], self.points[said], a.customer[said],
            active=active if known else None, bootstraps=200, seed=seed,
        )  # fmt: skip


def make(
    seed: int,
    *,
    periods: int = 4,
    customers: int = 1500,
    shy: tuple[float, ...] = (),
    silent: tuple[float, ...] = (),
    happier: tuple[float, ...] = (),
    better: tuple[float, ...] = (),
    rate: tuple[float, ...] = (),
) -> World:
    """A world; per period: how much less unhappy customers are asked and answer, how much happier all are, foretold or not."""
    rng = np.random.default_rng(seed)
    none = (0.0,) * periods
    period = np.repeat(np.arange(periods), customers)
    customer = np.tile(np.arange(customers), periods)

    def of(values: tuple[float, ...]) -> Floats:
        return np.array(values or none)[period]

    mood = 0.8 * rng.normal(size=customers)[customer] + 0.6 * rng.normal(size=len(period)) + of(happier)
    lies = mood - of(happier)
    asked = rng.random(len(period)) < 1 / (1 + np.exp(-(1.0 + of(shy) * lies)))
    answered = asked & (rng.random(len(period)) < 1 / (1 + np.exp(-(of(rate) - 0.4 + (0.3 + of(silent)) * lies))))
    score = np.clip(np.round(7.5 + 1.5 * mood + of(better) + rng.normal(size=len(period)) * 1.5), 0, 10)
    points = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    predicted = 5.0 + 42.0 * (mood + 0.4 * rng.normal(size=len(period)))
    return World(Active(period, predicted, customer, answered, asked), points)


def _flagged(change: Change) -> set[str]:
    return {part.name for part in (*change.parts, *change.rates) if part.flagged}


def _part(change: Change, name: str) -> float:
    return next(part.change.value for part in change.parts if part.name == name)


def test_unhappy_customers_who_are_no_longer_asked_are_seen() -> None:
    """From the third period on the unhappy are asked less: the score rises for no other reason, and the flag says so."""
    world = make(1, shy=(0.0, 0.0, 2.5, 2.5))
    found = world.take_apart()
    first, jump, after, whole = found.changes
    assert _flagged(first) == set()
    assert _flagged(jump) == {"asked"}
    assert _flagged(after) == set()
    assert _flagged(whole) == {"asked"}
    assert jump.change.value > 8
    assert 0.6 * jump.change.value < _part(jump, "asked") < 1.4 * jump.change.value
    assert "unhappy customers are asked less than before" in jump.flags[0]
    assert "higher" in jump.flags[0]


def test_unhappy_customers_who_no_longer_answer_are_told_apart() -> None:
    """Asked as before, the unhappy keep silent: that is another part, with words of its own."""
    change = make(2, silent=(0.0, 0.0, 1.5, 1.5)).take_apart().changes[1]
    assert "answered" in _flagged(change)
    assert "asked" not in _flagged(change)
    assert "fewer of the unhappy customers who are asked answer" in change.flags[0]


def test_more_unhappy_customers_lower_the_score() -> None:
    """The other way round the score falls, and the words turn."""
    change = make(3, shy=(2.5, 0.0), periods=2).take_apart().changes[0]
    assert _flagged(change) == {"asked"}
    assert "lower" in change.flags[0]
    assert "asked more than before" in change.flags[0]


def test_happier_customers_are_no_shift_of_sampling() -> None:
    """All customers fare better, as foretold: the score rises, and nothing is flagged."""
    change = make(4, happier=(0.0, 0.5), periods=2).take_apart().changes[0]
    assert change.change.value > 10
    assert _flagged(change) == set()
    assert 0.6 * change.change.value < _part(change, "customers") < 1.4 * change.change.value


def test_what_no_prediction_shows_is_the_rest() -> None:
    """A better product that no feature sees moves the rest, and nothing is flagged."""
    change = make(5, better=(0.0, 1.0), periods=2).take_apart().changes[0]
    assert _flagged(change) == set()
    assert 0.7 * change.change.value < _part(change, "rest") < 1.3 * change.change.value


def test_a_stable_world_is_hardly_ever_flagged() -> None:
    """Forty worlds in which nothing shifts: at most four are flagged at all."""
    flagged = sum(make(seed, customers=400).take_apart(seed=seed).flagged for seed in range(100, 140))
    assert flagged <= 4


def test_a_falling_rate_of_answers_is_flagged() -> None:
    """Half as many answer, whoever they are: the rate is flagged, no part of the score is."""
    change = make(6, rate=(0.0, -1.0), periods=2).take_apart().changes[0]
    assert _flagged(change) == {"answer_rate"}
    assert "who answer moved by -" in change.flags[0]


@pytest.mark.parametrize(("known", "names"), [(True, ["selection", "customers", "rest"]), (False, ["profile", "rest"])])
def test_less_is_told_where_less_is_known(*, known: bool, names: list[str]) -> None:
    """Without who was asked there is one part of selection; without the active customers it holds how they fare as well."""
    change = make(7, shy=(0.0, 2.5), periods=2).take_apart(known=known, asked=False).changes[0]
    assert [part.name for part in change.parts] == names
    assert names[0] in _flagged(change)
    assert ("or unhappy customers are no longer asked" in change.flags[0]) == (not known)


def test_parts_add_up() -> None:
    """Parts of every change sum to it exactly; the slope is near one where predictions are fair."""
    found = make(8, shy=(0.0, 1.0, 2.0, 0.5), happier=(0.0, 0.2, 0.1, 0.3)).take_apart()
    for change in found.changes:
        assert sum(part.change.value for part in change.parts) == pytest.approx(change.change.value)
        score = {period.period: period.score for period in found.periods}
        assert change.change.value == pytest.approx(score[change.later] - score[change.earlier])
    assert 0.5 < found.slope.value < 1.2


def test_counts_and_rates_of_periods() -> None:
    """Each period tells how many were active, asked and answered, and their rates."""
    world = make(9, periods=2)
    found = world.take_apart()
    a = world.active
    assert a.asked is not None
    one = found.periods[1]
    mine = a.period == 1
    assert (one.active, one.asked, one.answers) == (
        1500,
        int(a.asked[mine].sum()),
        int(a.answered[mine].sum()),
    )
    assert one.asked_rate == pytest.approx(a.asked[mine].mean())
    assert one.answer_rate == pytest.approx(a.answered[mine].sum() / a.asked[mine].sum())
    assert one.predicted_active == pytest.approx(a.predicted[mine].mean())


def test_thin_periods_are_left_out() -> None:
    """A period of ten answers is named and left out; with fewer than two others there is nothing to compare."""
    world = make(10, periods=3)
    a = world.active
    said = np.flatnonzero(a.answered & ((a.period != 1) | (np.cumsum(a.answered & (a.period == 1)) <= 10)))
    found = shift(a.period[said], a.predicted[said], world.points[said], a.customer[said], bootstraps=50, seed=0)
    assert found.left_out == (1,)
    assert [(change.earlier, change.later) for change in found.changes] == [(0, 2)]
    one = said[a.period[said] == 0]
    with pytest.raises(ValueError, match="two periods"):
        shift(a.period[one], a.predicted[one], world.points[one], a.customer[one], bootstraps=50, seed=0)


def test_predictions_without_spread_explain_nothing() -> None:
    """Where the model foretells the same of everybody all of the change is rest."""
    world = make(11, periods=2, shy=(0.0, 2.5))
    a = world.active
    flat = World(Active(a.period, np.full(len(a.period), 7.0), a.customer, a.answered, a.asked), world.points)
    (change,) = flat.take_apart().changes
    assert _part(change, "asked") == 0
    assert not change.flags


def test_the_same_seed_gives_the_same_facts() -> None:
    """Facts are plain JSON, and repeat."""
    world = make(12, periods=2)
    told = [json.dumps(world.take_apart(seed=3).facts(), allow_nan=False) for _ in range(2)]
    assert told[0] == told[1]
    assert json.loads(told[0])["claim"] == "association"
