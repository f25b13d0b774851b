"""The gate between a challenger and the champion: it must not be worse where both can be compared.

Both are compared on the same held-out rows: those that both have held out, or else the champion answers the challenger's
judged rows, if its labels ended before them. Where they reach into them, as when labels are longer than the time between two
trainings, the model that was judged in the champion's training answers instead: it has not seen them. The challenger wins unless its log-loss (money: its absolute error) is worse by
more than half a per cent at the upper end of a paired bootstrap over customers, its lift at ten per cent is lower by more than
one standard error, its calibration error is surely above .03 and above the champion's, or a segment (a category with two hundred rows or
more) surely loses and by more than five per cent. The verdict carries its figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from configs.errors import DataError
from features.schema import AS_OF, CUSTOMER_ID, LABEL
from training import evaluate
from training.bundle import Bundle
from training.dataset import Dataset
from training.hazards import curve_losses
from training.periods import periods
from training.split import Rows
from training.targets.grid import iso
from training.targets.nps import classes

Array = NDArray[np.float64]

TOLERANCE: Final = 0.005
ECE_LIMIT: Final = 0.03
LEAST_ROWS: Final = 100
SEGMENT_TOLERANCE: Final = 0.05
SEGMENT_ROWS: Final = 200
MOST_SEGMENTS: Final = 20
"""Categories of one feature beyond which it divides customers too finely to be a segmentation."""
ASKED: Final = (
    "kind",
    "horizon_days",
    "lead_days",
    "active_within_days",
    "column",
    "positive",
    "metric",
    "label",
    "days",
)
"""Settings of a target that say which question a model answers."""
COLUMNS: Final = {"binary": ("probability",), "ordinal": ("detractor", "passive", "promoter"), "amount": ("amount",)}


def columns_of(task: str, days: Sequence[int] = ()) -> tuple[str, ...]:
    """Names of an answer's columns: one for each day of a survival, `COLUMNS` of any other task."""
    return tuple(f"by_day_{day}" for day in days) if task == "survival" else COLUMNS[task]


@dataclass(frozen=True)
class Verdict:
    """What became of a challenger.

    Parameters
    ----------
    outcome
        ``first``, ``unchanged``, ``promoted``, ``kept`` (the old champion stays) or ``set_aside`` (so it does, because this very
        model was replaced by hand).
    reason
        One sentence.
    figures
        What it was decided on.
    """

    outcome: str
    reason: str
    figures: dict[str, Any]

    @property
    def promotes(self) -> bool:
        """Whether the challenger becomes the champion."""
        return self.outcome in {"first", "promoted"}

    @property
    def new(self) -> bool:
        """Whether the model is one that the registry does not hold yet."""
        return self.outcome in {"first", "promoted", "kept"}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"outcome": self.outcome, "reason": self.reason, "figures": self.figures}


@dataclass(frozen=True)
class Answers:
    """Held-out answers with their labels: what two models are compared on; also a parquet file among a run's artefacts.

    Of a survival the label is what is known of a row (`training.periods.Periods.code`), the answer the chance that it has
    happened by each of `days`.
    """

    task: str
    customer_id: NDArray[np.object_]
    as_of: NDArray[np.int64]
    label: Array
    answer: Array
    days: tuple[int, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, rows: Rows, answer: Array) -> Answers:
        """The answers to some rows of a training set."""
        label = dataset.label
        days: tuple[int, ...] = ()
        if dataset.task == "survival":
            known = periods(dataset)
            label, days = known.code.astype(np.float64), known.days
        return cls(dataset.task, dataset.customer_id[rows], dataset.as_of[rows], label[rows], answer, days)

    def write(self, path: Path) -> None:
        """Columns customer_id, as_of (microseconds UTC), label and the answer's own."""
        answer = self.answer.reshape(len(self.label), -1)
        columns: dict[str, Any] = {
            CUSTOMER_ID: pa.array(self.customer_id, pa.string()),
            AS_OF: pa.array(self.as_of),
            LABEL: pa.array(self.label),
        }
        columns |= {name: pa.array(answer[:, place]) for place, name in enumerate(columns_of(self.task, self.days))}
        pq.write_table(pa.table(columns), path, compression="zstd")

    @classmethod
    def read(cls, path: Path, task: str, days: tuple[int, ...] = ()) -> Answers:
        """The inverse of `write`."""
        table = pq.read_table(path)
        answer = np.column_stack([table.column(name).to_numpy() for name in columns_of(task, days)])
        return cls(
            task,
            np.array(table.column(CUSTOMER_ID).to_pylist(), dtype=object),
            table.column(AS_OF).to_numpy(),
            table.column(LABEL).to_numpy(),
            answer if task in {"ordinal", "survival"} else answer[:, 0],
            days,
        )

    def take(self, rows: Rows) -> Answers:
        """Some of the rows."""
        return replace(
            self,
            customer_id=self.customer_id[rows],
            as_of=self.as_of[rows],
            label=self.label[rows],
            answer=self.answer[rows],
        )


def judge(
    challenger: Answers,
    champion: Answers,
    dataset: Dataset,
    bundle: Bundle,
    rows: Rows,
    *,
    judged: Bundle | None = None,
    draws: int,
    seed: int,
) -> Verdict:
    """Whether the challenger takes over.

    Parameters
    ----------
    challenger, champion
        The held-out answers of both.
    dataset, rows
        The challenger's training set and its judged rows, for the case that the champion has to answer them.
    bundle
        The champion.
    judged
        The model that was judged in the champion's training (`training.model.as_judged`).
    draws, seed
        Of the paired bootstrap.
    """
    if any(bundle.spec.get(key) != dataset.spec.get(key) for key in ASKED):
        return Verdict("promoted", "the question has changed, so there is nothing to compare", {})
    ours, theirs = _common(challenger, champion)
    ground = "rows that both have held out"
    if len(ours) < LEAST_ROWS:
        ground = "the champion answers the challenger's judged rows"
        answered = _answered(bundle, dataset, rows)
        if answered is None and judged is not None:
            ground = "the champion as it was judged answers the challenger's judged rows"
            answered = _answered(judged, dataset, rows)
        if answered is None:
            return Verdict("promoted", "no row is held out for both, and the newer labels decide", {"rows": len(ours)})
        ours = np.arange(len(rows))
        first, second = challenger, answered
    else:
        first, second = challenger.take(ours), champion.take(theirs)
    segments = _segments(dataset, rows[ours])
    return _compare(first, second, segments, draws=draws, seed=seed, ground=ground)


def _compare(
    ours: Answers, theirs: Answers, segments: dict[str, Rows], *, draws: int, seed: int, ground: str
) -> Verdict:
    label = ours.label
    customers = np.asarray(
        pa.array(ours.customer_id, pa.string()).dictionary_encode().indices.to_numpy(), dtype=np.int64
    )
    new, old = losses(ours), losses(theirs)
    ratio = _relative(new, old, customers, draws, seed)
    figures: dict[str, Any] = {"rows": len(label), "ground": ground, "relative_loss": ratio}
    reasons = []
    if ratio["high"] is None or ratio["high"] > TOLERANCE:
        reasons.append(
            f"its loss may be {100 * (ratio['high'] or 0.0):.2f} % higher (at most {100 * TOLERANCE} % is allowed)"
        )
    if ours.task == "binary":
        mine, other = (
            evaluate.intervals([evaluate.binary(label, item.answer, item.answer)], customers, draws, seed)
            for item in (ours, theirs)
        )
        for name in ("lift_at_10", "ece", "auc", "log_loss"):
            figures[name] = {"challenger": mine[name]["value"], "champion": other[name]["value"]}
        lift, before, low, high = (
            mine["lift_at_10"]["value"],
            other["lift_at_10"]["value"],
            *_limits(other["lift_at_10"]),
        )
        if lift is not None and before is not None and lift < before - (high - low) / (2 * 1.96):
            reasons.append(f"its lift at 10 % is {lift:.2f}, the champion's {before:.2f}")
        # On few rows a calibration error is mostly noise: its lower limit is what is surely there.
        gap, known = mine["ece"]["low"] or 0.0, other["ece"]["value"] or 0.0
        if gap > max(ECE_LIMIT, known):
            reasons.append(f"its calibration error is at least {gap:.3f}, the champion's {known:.3f}")
    worse = {}
    for name, rows in segments.items():
        change = _relative(new[rows], old[rows], customers[rows], draws, seed)
        if (change["value"] or 0.0) > SEGMENT_TOLERANCE and (change["low"] or 0.0) > 0.0:
            worse[name] = change
    figures |= {"segments": len(segments), "worse_segments": worse}
    if worse:
        reasons.append(f"it is worse for {', '.join(worse)}")
    if reasons:
        return Verdict("kept", "the challenger does not take over: " + "; ".join(reasons), figures)
    return Verdict("promoted", "the challenger is not worse than the champion where both can be compared", figures)


def _segments(dataset: Dataset, rows: Rows) -> dict[str, Rows]:
    """Places among `rows` of each category that holds enough of them, as ``feature = category``."""
    found = {}
    for place, feature in enumerate(dataset.catalog.features):
        names = dataset.catalog.categories.get(feature.name, ())
        if feature.category and len(names) <= MOST_SEGMENTS:
            for code, name in enumerate(names):
                members = np.flatnonzero(dataset.X[rows, place] == code)
                if len(members) >= SEGMENT_ROWS:
                    found[f"{feature.name} = {name}"] = members
    return found


def _limits(interval: evaluate.Interval) -> tuple[float, float]:
    return interval["low"] or 0.0, interval["high"] or 0.0


def losses(item: Answers) -> Array:
    """What each answer (n,) costs: log-loss in nats, or the absolute error of money."""
    if item.task == "survival":
        return curve_losses(1.0 - item.answer, item.label.astype(np.int64))
    if item.task == "amount":
        return np.abs(item.answer - item.label)
    label = classes(item.label).astype(np.float64) if item.task == "ordinal" else item.label
    return evaluate.log_losses(label, item.answer)


def _relative(new: Array, old: Array, customers: NDArray[np.int64], draws: int, seed: int) -> evaluate.Interval:
    """Mean new loss over mean old loss, minus 1, with the interval of a paired bootstrap over customers."""

    def compute(w: Array) -> dict[str, Array]:
        return {"ratio": (w @ new) / (w @ old) - 1.0}

    return evaluate.intervals([compute], customers, draws, seed)["ratio"]


def _common(a: Answers, b: Answers) -> tuple[Rows, Rows]:
    """Places of the rows (customer, as_of, label) that both hold."""
    keys = [
        pc.binary_join_element_wise(
            pa.array(item.customer_id, pa.string()),
            pa.array(item.as_of).cast(pa.string()),
            pa.array(item.label).cast(pa.string()),
            "\x1f",
        )
        for item in (a, b)
    ]
    place = pc.index_in(keys[0], value_set=keys[1])
    ours = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
    return ours, np.asarray(place.drop_null().to_numpy(), dtype=np.int64)


def _answered(bundle: Bundle, dataset: Dataset, rows: Rows) -> Answers | None:
    """The champion's answers to the judged rows, if no label it learnt from reaches into them and it finds its features."""
    if dataset.flat or bundle.data_until is None or len(rows) < LEAST_ROWS:
        return None
    if bundle.data_until > iso(int(dataset.as_of[rows].min())):
        return None
    part = dataset.take(rows)
    try:
        X = part.select(bundle.catalog)
    except DataError:
        return None
    answer = bundle.predict(X)
    return Answers.of(part, np.arange(len(part)), 1.0 - answer if bundle.waits_for_return else answer)
