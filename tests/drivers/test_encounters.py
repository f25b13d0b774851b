"""Single encounters before rows, as the tables hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivers.encounters import EncounterReader
from features.learn import learn_vocabulary
from features.tables import open_tables
from tests.features import company


def test_encounters_are_those_known_before_the_row(tmp_path: Path) -> None:
    """Every measured encounter within the window, happened and known before as_of, with its age in days."""
    company.make(tmp_path, customers=20, seed=3)
    ids = np.array(["c001", "c002", "c001"], dtype=object)
    as_of = company.START + np.array([300, 310, 350], dtype=np.int64) * company.DAY
    with open_tables(company.settings(tmp_path)) as tables:
        vocabulary = learn_vocabulary(tables, int(as_of.max()))
        reader = EncounterReader(tables, vocabulary, ids, as_of, 120)
        found = {one.measure: one for one in reader("call")}
        expected = tables.con.execute(
            f"""SELECT count(*), sum(m_wait), sum(({as_of[0]} - occurred_at) / 86400e6) FROM touchpoints
                WHERE customer_id = 'c001' AND touchpoint = 'call' AND m_wait IS NOT NULL AND occurred_at < {as_of[0]}
                  AND occurred_at >= {as_of[0] - 120 * company.DAY}
                  AND (recorded_at IS NULL OR recorded_at < {as_of[0]})"""
        ).fetchall()[0]
        assert reader("unheard of") == []
    assert set(found) == set(vocabulary.measured["call"])
    wait = found["wait"]
    assert (wait.unit, wait.higher_is_better, found["tone"].higher_is_better) == ("minutes", False, True)
    first = wait.row == 0
    assert first.sum() == expected[0] > 0
    np.testing.assert_allclose(wait.value[first].sum(), expected[1])
    np.testing.assert_allclose(wait.age_days[first].sum(), expected[2])
    assert wait.age_days.min() >= 0
    assert wait.age_days.max() <= 120
    assert set(wait.row) == {0, 1, 2}
