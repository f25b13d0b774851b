"""What is learnt of a company at a moment does not depend on what came after it."""

from __future__ import annotations

from pathlib import Path

import yaml

from configs.settings import load
from features.learn import learn_vocabulary
from features.tables import open_tables

DAY = 86_400_000_000
MIDDLE = 19_800 * DAY  # 2024-03-18


def test_an_attribute_that_becomes_an_identifier_later_is_none_before(tmp_path: Path) -> None:
    """Sixty customers of two regions; from April on a unique code stands in the same column. March knows two regions."""
    before = [f"c{n},2024-01-01,{'north' if n % 2 else 'south'}" for n in range(60)]
    after = [f"c{n},2024-04-01,code {n}" for n in range(60)]
    regions = {}
    for name, lines in (("alone", before), ("with the future", before + after)):
        (tmp_path / "customers.csv").write_text("customer_id,valid_from,region\n" + "\n".join(lines), encoding="utf-8")
        (tmp_path / "sales.csv").write_text("customer_id,occurred_at,amount\nc1,2024-01-02,3\n", encoding="utf-8")
        tables = {"customers": {"path": "customers.csv"}, "transactions": {"path": "sales.csv"}}
        content = {"data": {"tables": tables}, "targets": {"churn": {"kind": "inactivity", "horizon_days": 30}}}
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        with open_tables(load(tmp_path / "c.yaml")) as opened:
            learnt = learn_vocabulary(opened, MIDDLE)
            regions[name] = learnt.categories.get("customers.region")
            assert "region" in learnt.attributes
    assert regions == {"alone": ("north", "south"), "with the future": ("north", "south")}
