"""Scored vectors as files: what the models saw of whom and said, one row per customer, moment and target.

A file is ``<last moment>-<process>-<number>.parquet`` and is there whole or not at all. It holds customers' ids and what is known
of them: only its owner may read it.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from features.company import Calendar
from features.trace import calendar_hash, event_hashes
from serving.answers import Seen
from serving.intake import iso
from serving.messages import Slot
from serving.scorer import Numbers

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER: Final = "served"
NAMES: Final = b"features"
"""Key of a file's metadata that holds, as JSON, each bundle's sha256 to the names of its features."""

CALENDARS: Final = b"calendars"
"""Key of a file's metadata that holds, as JSON, the number of each calendar in the file to the calendar."""


def schema_of() -> pa.Schema:
    """The columns of a file: one row per customer, moment and target.

    `answer` is the probability of leaving, the three of NPS, or an amount; `features` are in the order of the bundle's catalogue;
    `events` and `calendar` are what `features.trace` tells of the data (`calendar` is null where no feature looks at the company).
    """
    import pyarrow as pa  # Arrow stays out of a process that keeps no vectors

    moment = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            ("customer_id", pa.string()),
            ("as_of", moment),
            ("scored_at", moment),
            ("target", pa.string()),
            ("version", pa.string()),
            ("sha256", pa.string()),
            ("origin", pa.string()),
            ("answer", pa.list_(pa.float64())),
            ("features", pa.list_(pa.float64())),
            ("events", pa.list_(pa.uint64())),
            ("calendar", pa.uint64()),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One customer's vector for one target."""

    customer_id: str
    as_of: int
    scored_at: int
    target: str
    version: str
    sha256: str
    origin: str
    answer: NDArray[np.float64]
    features: NDArray[np.float64]
    events: NDArray[np.uint64]
    calendar: int | None


class Rows:
    """Rows on their way into a file."""

    def __init__(self) -> None:
        self.customers = 0
        self.last = 0
        self._rows: list[_Row] = []
        self._names: dict[str, tuple[str, ...]] = {}
        self._calendars: dict[int, Calendar] = {}
        self._numbers: dict[int, tuple[Calendar, int]] = {}

    def add(self, seen: Seen, pause: Callable[[float], None]) -> None:
        """The rows of one request, all or none; `pause` is told after each customer how many seconds it took."""
        self._rows += list(self._of(seen, pause))
        self.customers += len(seen.subjects)
        self.last = max(self.last, seen.scored_at)

    def _of(self, seen: Seen, pause: Callable[[float], None]) -> Iterator[_Row]:
        answers = {slot: rows for slot, rows in _answers(seen.numbers).items() if slot in seen.matrices}
        for item in seen.scorer.passes:
            models = [model for model in item.models if model.slot in answers]
            for model in models:
                self._names[model.bundle.sha256] = model.bundle.catalog.names
            for row, subject in enumerate(seen.subjects if models else ()):
                began = time.perf_counter()
                as_of = item.at(subject.as_of)
                events = event_hashes(subject.journey, as_of, item.catalog.vocabulary)
                for model in models:
                    looks = len(model.bundle.catalog.company[0]) > 0
                    calendar = self._calendar(item.catalog.calendar) if looks else None
                    yield _Row(
                        subject.journey.customer_id,
                        subject.as_of,
                        seen.scored_at,
                        model.bundle.target,
                        model.bundle.version,
                        model.bundle.sha256,
                        subject.origin,
                        answers[model.slot][row],
                        seen.matrices[model.slot][row],
                        events,
                        calendar,
                    )
                pause(time.perf_counter() - began)

    def _calendar(self, calendar: Calendar) -> int:
        if id(calendar) not in self._numbers:
            number = calendar_hash(calendar)
            self._numbers[id(calendar)] = calendar, number  # held, so that its id stays its own
            self._calendars[number] = calendar
        return self._numbers[id(calendar)][1]

    def table(self) -> pa.Table:
        """The rows as a table."""
        import pyarrow as pa

        columns = schema_of()
        arrays = []
        for field in columns:
            values = [getattr(row, field.name) for row in self._rows]
            if pa.types.is_list(field.type):
                offsets = np.cumsum([0, *(len(value) for value in values)]).astype(np.int32)
                flat = pa.array(np.concatenate(values), field.type.value_type)
                arrays.append(pa.ListArray.from_arrays(pa.array(offsets), flat))
            else:
                arrays.append(pa.array(values, field.type))
        names = json.dumps(self._names, ensure_ascii=False).encode()
        calendars = {str(number): calendar.to_dict() for number, calendar in self._calendars.items()}
        return pa.table(arrays, schema=columns.with_metadata({NAMES: names, CALENDARS: json.dumps(calendars).encode()}))


def _answers(numbers: Numbers) -> dict[Slot, NDArray[np.float64]]:
    """What each model said, (customers, values)."""
    found: dict[Slot, NDArray[np.float64]] = {}
    if numbers.probability is not None:
        found["churn"] = numbers.probability[:, None]
    if numbers.categories is not None:
        found["nps"] = numbers.categories
    if numbers.expected is not None:
        found["value"] = numbers.expected[:, None]
    if numbers.churn_by_day is not None:
        found["time_to_churn"] = numbers.churn_by_day
    return found


def write(folder: Path, table: pa.Table, last: int) -> Path:
    """Write one file, whole or not at all; `last` is the latest moment of scoring in it, in microseconds UTC.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    import pyarrow.parquet as pq

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{_stamp(last)}-{os.getpid()}-{uuid.uuid4().hex[:12]}.parquet"
    temporary = folder / f".{name}.part"
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    return folder / name


def files(folder: Path, since: int | None = None) -> list[Path]:
    """The whole files of a folder, oldest first; with `since` (microseconds UTC), those that may hold scores from then on."""
    first = "" if since is None else _stamp(since)
    return sorted(path for path in folder.glob("[0-9]*.parquet") if path.name >= first)


def _stamp(moment: int) -> str:
    return iso(moment)[:19].replace("-", "").replace(":", "") + "Z"


def forget(folder: Path, before: int) -> None:
    """Delete files whose latest score is older."""
    limit = _stamp(before)
    for path in files(folder):
        if path.name >= limit:
            break
        path.unlink(missing_ok=True)  # another worker may have been there first
