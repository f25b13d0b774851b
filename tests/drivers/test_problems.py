"""What is explained, over which rows."""

from __future__ import annotations

import numpy as np
from pydantic import TypeAdapter

from configs.settings import Target
from drivers import problems


def test_money_is_cut_and_scores_become_points() -> None:
    """Promoters count 100, passives 0, detractors -100; money beyond its 99 % quantile counts as that."""
    targets = {"nps": {"kind": "survey"}, "value": {"kind": "spend", "horizon_days": 90}}
    made = {name: TypeAdapter(Target).validate_python(target) for name, target in targets.items()}
    assert problems.outcome_of(made["nps"], np.array([0.0, 6, 7, 8, 9, 10])).tolist() == [-100, -100, 0, 0, 100, 100]
    money = np.concatenate([np.arange(100.0), [1e6]])
    assert problems.outcome_of(made["value"], money).max() == 99.0
    assert problems.outcome_of(made["value"], np.array([0.0] * 200 + [5.0])).max() == 5.0
