"""What a look at a model cannot tell, and why: no baseline, no rows, no outcomes, or customers who were contacted because of a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.bundle import Bundle
from training.monitor.baseline import Baseline
from training.monitor.periods import Periods
from training.monitor.verdict import Reason
from training.targets.grid import iso


@dataclass(frozen=True)
class Contact:
    """The column that says which customers were contacted (or kept apart), and each customer's value in it."""

    column: str
    value: Mapping[str, str]


def limits_of(bundle: Bundle, baseline: Baseline | None, periods: Periods, contact: Contact | None) -> list[Reason]:
    """What cannot be told, and why."""
    found = []
    if baseline is None:
        found.append(Reason("no_baseline", "limit", {"trained_at": bundle.trained_at}))
    elif not baseline.habit:
        found.append(Reason("no_habit", "limit"))
    if bundle.data_until is None:
        found.append(Reason("flat", "limit"))
    elif not len(periods):
        found.append(Reason("no_rows", "limit", {"data_until": bundle.data_until}))
    if periods.first_label is not None and np.isnan(periods.label).all():
        found.append(Reason("no_labels", "limit", {"first": iso(periods.first_label)}))
    if bundle.task == "ordinal":
        found.append(Reason("answers_only", "limit"))
    if bundle.task == "amount":
        found.append(Reason("no_estimate", "limit"))
    if contact is None:
        found.append(Reason("contact", "limit"))
    else:
        found.append(Reason("contact_known", "limit", {"column": contact.column}))
    return found
