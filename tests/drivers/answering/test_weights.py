"""Weights bring the score of those who answer to that of all who could, and do nothing where nobody is told apart."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from drivers.answering import weights
from drivers.answering.weights import Answering

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Rows of customers in six waves, some of whom answer; `true` is the score if all had, waves counted as they answer."""

    matrix: Floats
    names: tuple[str, ...]
    answered: npt.NDArray[np.bool_]
    points: Floats
    customer: npt.NDArray[np.int64]
    wave: npt.NDArray[np.int64]
    true: float

    def weigh(self, seed: int = 0, **changes: object) -> Answering:
        """The result on this world."""
        return weights.answering(
            self.matrix, self.names, self.answered, np.where(self.answered, self.points, np.nan), self.customer,
            **{"stratum": self.wave, "bootstraps": 100, "threads": 1, "seed": seed, **changes},  # type: ignore[arg-type]
        )  # fmt: skip


def make(seed: int, *, size: float, customers: int = 1200, unseen: float = 0.0) -> World:
    """A world; `size` is what a happy journey does to the log-odds of answering, `unseen` what the score itself does."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), 3)
    rows = len(customer)
    journey = 0.7 * rng.normal(size=customers)[customer] + 0.7 * rng.normal(size=rows)
    matrix = np.column_stack([journey + 0.5 * rng.normal(size=rows), rng.normal(size=(rows, 7))])
    matrix[rng.random(rows) < 0.2, 1] = np.nan
    wave = rng.integers(0, 6, rows)
    score = 7.5 + 1.5 * matrix[:, 0] + 0.5 * rng.normal(size=customers)[customer] + rng.normal(size=rows)
    latent = -1.2 + 0.5 * np.sin(wave) + size * matrix[:, 0] + unseen * (score - 7.5 - 1.5 * matrix[:, 0])
    answered = rng.random(rows) < 1 / (1 + np.exp(-latent))
    score = np.clip(np.round(score), 0, 10)
    points = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    share = np.bincount(wave, answered) / np.bincount(wave)
    names = tuple(f"x{k}" for k in range(matrix.shape[1]))
    return World(matrix, names, answered, points, customer, wave, float(np.average(points, weights=share[wave])))


def test_weights_find_the_score_of_all() -> None:
    """Happy customers answer more: the plain score is far too high, the weighted one is not, and its interval holds the truth."""
    world = make(1, size=0.7)
    found = world.weigh()
    assert found.foretold
    assert found.auc.low > 0.6
    assert found.unweighted.value - world.true > 20
    assert abs(found.weighted.value - world.true) < 7
    assert found.weighted.low - 2 < world.true < found.weighted.high + 2
    assert found.distinguishable
    assert found.difference.high < -15
    assert "more pleased" in found.sentence
    assert 0.3 * found.answers < found.effective < found.answers


def test_weights_bring_balance() -> None:
    """The feature that decides is named first, differs much before and hardly after; missing values do not disturb."""
    found = make(2, size=0.7).weigh()
    first = found.balance.features[0]
    assert (first.feature, first.of) == ("x0", "value")
    assert first.before > 0.3
    assert abs(first.after) < 0.05
    assert found.balance.notable_after == 0
    assert found.balance.largest_after < 0.1


def test_weights_are_of_the_answers_with_mean_one() -> None:
    """Rows without an answer weigh nothing; chances are those of all rows."""
    world = make(3, size=0.7)
    found = world.weigh()
    assert (found.weight[~world.answered] == 0).all()
    assert (found.weight[world.answered] > 0).all()
    assert found.weight[world.answered].mean() == pytest.approx(1.0)
    assert found.chance.mean() == pytest.approx(world.answered.mean(), abs=0.02)
    assert 0.0 < found.trimmed <= 0.03


def test_nothing_is_claimed_where_chance_answers() -> None:
    """In eight worlds where anybody may answer, no difference is claimed, and hardly ever are weights made at all."""
    found = [make(seed, size=0.0, customers=400).weigh(seed) for seed in range(8)]
    assert not any(one.distinguishable for one in found)
    assert sum(one.foretold for one in found) <= 2
    even = next(one for one in found if not one.foretold)
    assert set(even.weight.tolist()) == {0.0, 1.0}
    assert even.effective == pytest.approx(even.answers)
    assert (even.difference.value, even.difference.low, even.difference.high) == (0.0, 0.0, 0.0)
    assert "all weights are 1" in even.sentence


def test_waves_are_not_taken_for_customers() -> None:
    """Where only the wave decides who answers, a column that tells the wave foretells nothing of who does."""
    world = make(4, size=0.0)
    told = np.column_stack([world.matrix, world.wave])
    area = [
        weights.answering(
            told, (*world.names, "wave"), world.answered, np.where(world.answered, world.points, np.nan), world.customer,
            stratum=stratum, bootstraps=50, threads=1, seed=0,
        ).auc
        for stratum in (None, world.wave)
    ]  # fmt: skip
    assert area[0].low > 0.52
    assert area[1].low < 0.52


def test_what_leaves_no_trace_is_not_corrected() -> None:
    """An opinion that decides on answering but not in the journey stays in the score: weights are no cure for it."""
    world = make(5, size=0.0, unseen=1.0)
    found = world.weigh()
    assert found.unweighted.value - world.true > 10
    assert found.weighted.value - world.true > 0.7 * (found.unweighted.value - world.true)


def test_few_answers_are_not_weighted() -> None:
    """Under fifty answers nothing is learnt, and the sentence says so; without any there is no score."""
    world = make(6, size=0.7)
    few = world.answered & (np.cumsum(world.answered) <= 20)
    found = weights.answering(
        world.matrix, world.names, few, world.points, world.customer, bootstraps=20, threads=1, seed=0
    )
    assert not found.foretold
    assert found.sentence.startswith("Too few")
    with pytest.raises(ValueError, match="nobody answered"):
        weights.answering(
            world.matrix, world.names, few & ~few, world.points, world.customer, bootstraps=20, threads=1, seed=0
        )


def test_effective_size() -> None:
    """Equal weights count fully; one that is all counts as one."""
    assert weights.effective_size(np.full(8, 0.3)) == pytest.approx(8)
    assert weights.effective_size(np.array([1.0, 0.0, 0.0])) == pytest.approx(1)
    assert weights.effective_size(np.array([1.0, 3.0])) == pytest.approx(1.6)


def test_the_same_seed_gives_the_same_facts() -> None:
    """Facts are plain JSON, and repeat."""
    world = make(7, size=0.7, customers=300)
    told = [json.dumps(world.weigh(3).facts(), allow_nan=False) for _ in range(2)]
    assert told[0] == told[1]
    assert json.loads(told[0])["claim"] == "association"
