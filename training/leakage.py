"""Leak guards: columns that give the label away are named, before a model makes them look like skill.

Looks at one column at a time, all on labelled rows: it alone ranks the classes with AUC > .98 (a number by its ranks, a
category or a code by the label rate of the other half of the rows, missing values on either side or as a flag); it repeats the
label; it is named like the label and follows it; being filled or being missing of an attribute of customers is found with nearly
nobody but churners, or one of its values with churners alone, and with many of them. Fewer than 50 rows, or 10 of a class, prove nothing. A category is valued on
rows it was not counted on, so that an identifier, which is different for everyone, does not look like an answer.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from configs.errors import LeakageError
from configs.settings import Column, Settings
from features.findings import Finding
from features.schema import CUSTOMERS
from features.sources import column as quoted_column
from features.tables import Tables
from training.dataset import Dataset
from training.evaluate import auc
from training.periods import periods
from training.targets import rows_for

Array = NDArray[np.float64]

AUC_LIMIT: Final = 0.98
NAMED_AUC_LIMIT: Final = 0.9
"""A column that is named like the label needs less to be suspected."""
NAME_LIKENESS: Final = 0.8
STEM: Final = 0.7
"""Share of the label's name that is its stem: `churn_flag` is named like `churned`."""
LEAST_ROWS: Final = 50
LEAST_PER_CLASS: Final = 10
MOST_CODES: Final = 50
"""Numbers with at most this many different values are also looked at as codes."""
PURE: Final = 0.95
"""Share of churners, at its lower 95 % limit, from which a value or a gap gives them away; those who stay must also be ten times rarer.

A value must be nobody else's."""
PURE_REACH: Final = 0.05
"""Share of all churners that such a category or gap must hold."""
_SAMPLE: Final = 10_000
_NEAR: Final = 0.95


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column that gives the label away: how well it does so alone, and why it is suspected."""

    column: str
    auc: float
    reason: str

    def finding(self) -> Finding:
        """The line of ``check.json``."""
        return Finding(
            "error",
            "leak_suspect",
            CUSTOMERS,
            self.column,
            0,
            f"'{self.column}' gives the label away: {self.reason}",
            f"list '{self.column}' under ignore, or bring it as it was before the label was known",
        )


def column_auc(values: Array, y: Array, *, category: bool, seed: int = 0) -> float:
    """How well one column alone ranks the classes, in either direction: .5 to 1.

    Parameters
    ----------
    values
        Numbers or codes of categories, NaN for missing, (n,).
    y
        Labels 0/1, (n,).
    category
        Whether the values are codes without an order.
    seed
        Of the halves.
    """
    missing = np.isnan(values)
    found = [0.5]
    if missing.any() and not missing.all():
        found.append(auc(y, missing.astype(np.float64)))
    if not category:
        sides = (-np.inf, np.inf) if missing.any() else (0.0,)
        found += [auc(y, np.where(missing, side, values)) for side in sides]
    codes = np.unique(values[~missing], return_inverse=True)[1]
    if category or (len(codes) and codes.max() < MOST_CODES):
        number = np.zeros(len(values), dtype=np.int64)
        number[~missing] = codes + 1
        found.append(_rate_auc(number, y, seed))
    return max(max(area, 1.0 - area) for area in found)


def suspects(
    columns: Iterable[tuple[str, Array, bool]],
    y: Array,
    *,
    label_name: str | None = None,
    attributes: Container[str] | None = None,
) -> list[Suspect]:
    """The columns that give the label away, in the order given.

    Parameters
    ----------
    columns
        (name, values (n,), whether they are categories).
    y
        Labels 0/1, (n,).
    label_name
        What the label's column is called, if it has a name.
    attributes
        Names of the columns whose gaps and categories are looked at one by one; None: all. A gap in what is counted of events says
        that there was none, which may well foretell.
    """
    positives = int(y.sum())
    if len(y) < LEAST_ROWS or min(positives, len(y) - positives) < LEAST_PER_CLASS:
        return []
    some = _sample(y)
    found = []
    for name, values, category in columns:
        named = label_name is not None and _alike(name, label_name)
        limit = NAMED_AUC_LIMIT if named else AUC_LIMIT
        area = column_auc(values[some], y[some], category=category)
        if area > min(limit, _NEAR) and len(some) < len(y):
            area = column_auc(values, y, category=category)
        if area > limit:
            reason = f"alone it ranks the rows with AUC {area:.4f}"
            found.append(Suspect(name, area, f"it is named like '{label_name}' and {reason}" if named else reason))
        elif attributes is None or name in attributes:
            told = _pure(values, y, category=category)
            if told is not None:
                found.append(Suspect(name, area, told))
    return found


def _pure(values: Array, y: Array, *, category: bool) -> str | None:
    """What a gap, a category or a code gives away: nearly all rows with it churned, and they are many; None where nothing does."""
    missing = np.isnan(values)
    codes = np.unique(values[~missing], return_inverse=True)[1]
    coded = category or codes.max(initial=0) < MOST_CODES
    if not coded:
        codes = np.zeros_like(codes)
    number = np.zeros(len(values), dtype=np.int64)
    number[~missing] = codes + 1
    rows, hits = np.bincount(number), np.bincount(number, weights=y)
    base = float(y.mean())
    enough = (rows >= LEAST_ROWS) & (rows < len(y)) & (hits >= PURE_REACH * y.sum())
    for place in np.flatnonzero(enough):
        low = float(stats.beta.ppf(0.025, hits[place], rows[place] - hits[place] + 1))
        # Nearly everybody on a trial may leave: a value gives churners away if it is nobody else's.
        shared = coded and place > 0 and hits[place] < rows[place]
        if low > max(PURE, 1.0 - (1.0 - base) / 10) and not shared:
            state = "it is missing" if place == 0 else "it has one of its values" if coded else "it is filled"
            return (
                f"{int(hits[place]):,} of the {int(rows[place]):,} rows where {state} churned, of all rows {base:.1%}"
            )
    return None


def suspects_in(dataset: Dataset) -> list[Suspect]:
    """The features of a training set that give its label away; for NPS, either of its two borders. Money has no such test."""
    features = dataset.catalog.features
    columns = [(feature.name, dataset.X[:, place], feature.category) for place, feature in enumerate(features)]
    if dataset.task == "amount":
        return []
    if dataset.task == "survival":
        known = periods(dataset)
        rows, y = known.by(len(known.days))
        return suspects([(name, values[rows], category) for name, values, category in columns], y, attributes=())
    if dataset.task == "ordinal":
        borders = [(dataset.label >= border).astype(np.float64) for border in (7, 9)]
        found = [suspect for y in borders for suspect in suspects(columns, y, attributes=())]
        return list({suspect.column: suspect for suspect in found}.values())
    attributes = {feature.name for feature in features if feature.source == CUSTOMERS}
    return suspects(columns, dataset.label, label_name=dataset.spec.get("column"), attributes=attributes)


def refuse(dataset: Dataset) -> None:
    """Stop before training on a leak.

    Raises
    ------
    LeakageError
        Naming every column that gives the label away.
    """
    found = suspects_in(dataset)
    if found:
        names = ", ".join(f"'{suspect.column}'" for suspect in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise LeakageError(
            f"{names}{more} {'give' if len(found) > 1 else 'gives'} the label away ({found[0].reason})",
            where=f"training set of '{dataset.target}'",
            available=f"{len(dataset.catalog.features) - len(found)} other features",
            next_move="list the column under 'ignore' of its table, or date it with when it became known (recorded_at)",
        )


def check_labels_of(tables: Tables, settings: Settings) -> list[Finding]:
    """Findings on the attributes of customers against every target of kind `column`, for ``moments check``.

    Suspects are errors: a model of theirs would only repeat what is already known.
    """
    found: dict[str, Finding] = {}
    for name, target in settings.targets.items():
        if isinstance(target, Column):
            labelled = rows_for(tables, settings, name)
            columns = attribute_columns(tables, labelled.rows.customer_id)
            assert labelled.rows.label is not None  # noqa: S101 - labelled rows have labels
            for suspect in suspects(columns, labelled.rows.label, label_name=target.column):
                found.setdefault(suspect.column, suspect.finding())
    return list(found.values())


def attribute_columns(tables: Tables, customer_id: NDArray[np.object_]) -> list[tuple[str, Array, bool]]:
    """Each attribute's values for these customers (newest version), as `suspects` takes them."""
    if not tables.attributes:
        return []
    selected = []
    for name, kind in tables.attributes.items():
        own = quoted_column(name)
        code = f"CASE WHEN {own} IS NOT NULL THEN dense_rank() OVER (ORDER BY {own})::DOUBLE END AS {own}"
        selected.append(code if kind == "category" else own)
    table = tables.arrow(
        f"""SELECT customer_id, {", ".join(selected)} FROM {CUSTOMERS}
            QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY valid_from DESC NULLS LAST) = 1"""
    )
    place = pc.index_in(pa.array(customer_id, pa.string()), value_set=table.column("customer_id"))
    table = table.take(place)
    return [
        (name, np.asarray(table.column(name).to_numpy(), dtype=np.float64), kind == "category")
        for name, kind in tables.attributes.items()
    ]


def _rate_auc(number: NDArray[np.int64], y: Array, seed: int) -> float:
    """AUC of the smoothed label rate of each code, counted on one half and valued on the other, both ways."""
    half = np.random.default_rng(seed).permutation(len(y)) % 2
    size = int(number.max()) + 1
    score = np.empty(len(y))
    for side in (0, 1):
        counted = half == side
        rows = np.bincount(number[counted], minlength=size)
        hits = np.bincount(number[counted], weights=y[counted], minlength=size)
        prior = float(y[counted].mean())
        rate = (hits + prior) / (rows + 1.0)
        score[~counted] = rate[number[~counted]]
    return 0.5 * (auc(y[half == 0], score[half == 0]) + auc(y[half == 1], score[half == 1]))


def _alike(name: str, label: str) -> bool:
    """Whether a column is named like the label: one contains the other, they share a stem, or are spelt nearly the same."""
    ours, theirs = _plain(name), _plain(label)
    if not ours or not theirs:
        return False
    spelt = SequenceMatcher(None, ours, theirs)
    stem = spelt.find_longest_match().size
    return stem >= max(4, min(len(ours), STEM * len(theirs))) or spelt.ratio() > NAME_LIKENESS


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _sample(y: Array) -> NDArray[np.int64]:
    """At most so many rows of each class, evenly spread: enough to let a harmless column go."""
    parts: Sequence[NDArray[np.int64]] = [np.flatnonzero(y > 0), np.flatnonzero(y <= 0)]
    kept = [rows[:: max(1, len(rows) // _SAMPLE)] for rows in parts]
    return np.sort(np.concatenate(kept))
