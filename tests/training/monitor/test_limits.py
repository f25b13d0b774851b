"""What cannot be told is said with its reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks import monitor
from training.monitor.limits import Contact, limits_of
from training.monitor.periods import Periods


def nobody() -> Periods:
    """No row since the training; the first outcome in the future."""
    none = np.empty(0, dtype=np.int64)
    return Periods(np.empty(0, dtype=object), none, np.empty(0), none, (), first_label=monitor.START)


def test_each_reason_has_its_cause(model: monitor.Model) -> None:
    """No baseline, a flat table, no rows, no outcomes yet, and whether anybody knows who was contacted."""
    codes = {item.code for item in limits_of(model.bundle, None, nobody(), None)}
    assert {"no_baseline", "no_rows", "no_labels", "contact"} <= codes
    flat = replace(model.bundle, data_until=None)
    assert "flat" in {item.code for item in limits_of(flat, model.baseline, nobody(), None)}
    known = limits_of(model.bundle, model.baseline, nobody(), Contact("no_contact", {}))
    assert [item.figures for item in known if item.code == "contact_known"] == [{"column": "no_contact"}]
    assert "no_baseline" not in {item.code for item in known}
