"""The audit as a job: log in, `audit.json` and `audit.parquet` out.

``audit.parquet`` has one row per difference: customer_id, as_of, target, feature (null where the whole vector could not be
computed, ``(answer)`` where the model answers otherwise), served, recomputed, cause; then scored_at, version, sha256, origin and
how many events the tables have more and less than the service saw. Both files hold ids: only their owner may read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from configs.errors import NotReadyError
from configs.settings import Settings
from features.build import build
from features.catalog import Catalog
from features.company_learn import with_calendar
from features.journeys import journeys
from features.rows import Rows
from features.schema import NO_AS_OF
from features.tables import Tables, open_tables
from moments.audit.causes import ANSWER, Cause, Judge, Vector, differing
from moments.audit.lots import Array, Lot, lots
from moments.audit.models import Audited, Found, find, together
from moments.audit.tally import SCHEMA, Difference, Tally
from moments.manifest import write_json
from serving.vectors import FOLDER, files

FACTS: Final = "audit.json"
ROWS: Final = "audit.parquet"

Progress = Callable[[str, float], None]
Keep = Callable[[Iterable[Difference]], None]


def audit(settings: Settings, *, since: int | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Compute the logged vectors again and write what differs.

    Parameters
    ----------
    settings
        The configuration that was served.
    since
        Only what was scored from this moment on, microseconds UTC.
    progress
        Told a message and the fraction done.

    Returns
    -------
    The content of ``audit.json``.

    Raises
    ------
    NotReadyError
        When no vector was ever logged.
    DataError
        When a file cannot be read, or the tables lack what a model reads.
    """
    tell = progress or (lambda _message, _share: None)
    folder = settings.output / FOLDER
    if not files(folder):
        raise NotReadyError(
            "no scored vector was kept",
            where=str(folder),
            next_move="set serving.log_vectors.share above 0 (1 keeps all), serve, and come back",
        )
    chosen = files(folder, since)
    tally, found = Tally(), dict[str, Found]()
    path, temporary = settings.output / ROWS, settings.output / f".{ROWS}.part"
    with TemporaryDirectory(prefix="moments-audit-") as scratch, open_tables(settings) as tables:
        known = tables.arrow("SELECT DISTINCT customer_id FROM customers").column(0).combine_chunks()
        try:
            temporary.unlink(missing_ok=True)
            temporary.touch(mode=0o600)
            with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
                for lot, done, width in lots(chosen, since):
                    tally.meet(lot)
                    for target, _, sha256 in tally.models:
                        if sha256 not in found:
                            found[sha256] = find(settings, target, sha256, Path(scratch))
                    models = {sha256: item.model for sha256, item in found.items() if item.model is not None}

                    def keep(found: Iterable[Difference], lot: Lot = lot) -> None:
                        rows = tally.add(lot, found)
                        if rows is not None:
                            writer.write_table(rows)

                    _check(tables, lot, models, known, keep, _part(tell, done, width))
                    tally.differing += len(lot.differing)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    facts = tally.facts(found, since)
    write_json(settings.output / FACTS, facts)
    (settings.output / FACTS).chmod(0o600)
    return facts


def _part(tell: Progress, done: float, width: float) -> Progress:
    return lambda message, share: tell(message, done + width * share)


def _check(
    tables: Tables,
    lot: Lot,
    models: Mapping[str, Audited],
    known: pa.Array,
    keep: Keep,
    tell: Progress,
) -> None:
    """Every difference of a lot, written and counted."""
    shas = lot.table.column("sha256").to_numpy()
    there = pc.is_in(lot.table.column("customer_id"), value_set=known).to_numpy()
    stranger = ~there & (lot.table.column("origin").to_numpy() == "store")
    lost = ~np.isin(shas, list(models))
    keep(_whole(np.flatnonzero(lost), "model_not_found"))
    keep(_whole(np.flatnonzero(stranger & ~lost), "unknown_customer"))
    here = {sha256: model for sha256, model in models.items() if (shas == sha256).any()}
    groups = together(here)
    for number, (catalog, members) in enumerate(groups):
        lines = np.flatnonzero(np.isin(shas, members) & ~stranger)
        if not len(lines):
            continue
        flat = here[members[0]].flat
        as_of = np.full(len(lines), NO_AS_OF) if flat else lot.times("as_of")[lines]
        ids = lot.table.column("customer_id").to_numpy()[lines]
        told = _part(tell, number / len(groups), 0.9 / len(groups))
        computed, places = _computed(tables, ids, as_of, catalog, told)
        column = {name: place for place, name in enumerate(catalog.names)}
        judge = Judge(with_calendar(catalog, tables))
        differences: dict[int, list[tuple[str, float, float]]] = {}
        for sha256 in members:
            mine = np.flatnonzero(shas[lines] == sha256)
            if len(mine):
                model = here[sha256]
                served = lot.matrix(lines[mine])
                usable = [name in column for name in model.names]
                today = np.full(served.shape, np.nan)
                today[:, usable] = computed[places[mine]][:, [column[name] for name in model.names if name in column]]
                for row, feature in np.argwhere(differing(served, today) | ~np.array(usable)):
                    values = model.names[feature], float(served[row, feature]), float(today[row, feature])
                    differences.setdefault(int(mine[row]), []).append(values)
                keep(_answers(lot, model, lines[mine], served))
        keep(_judged(tables, lot, here, lines, as_of, differences, judge))
        tell("causes", (number + 1) / len(groups))


def _computed(
    tables: Tables, ids: NDArray[np.object_], as_of: NDArray[np.int64], catalog: Catalog, tell: Progress
) -> tuple[Array, NDArray[np.int64]]:
    """Today's features of the different (customer, moment), and the place of each vector among them."""
    pairs = pa.table({"id": pa.array(ids, pa.string()), "at": as_of, "line": np.arange(len(ids))})
    unique = pairs.group_by(["id", "at"], use_threads=False).aggregate([])
    unique = unique.append_column("place", pa.array(np.arange(len(unique))))
    joined = pairs.join(unique, ["id", "at"]).sort_by("line")
    rows = Rows(np.array(unique.column("id").to_pylist(), dtype=object), unique.column("at").to_numpy())
    return build(tables, rows, catalog, tell), joined.column("place").to_numpy()


def _whole(lines: NDArray[np.int64], cause: Cause) -> Iterator[Difference]:
    """Vectors that cannot be computed at all."""
    return (Difference(int(line), cause) for line in lines)


def _answers(lot: Lot, model: Audited, lines: NDArray[np.int64], served: Array) -> Iterator[Difference]:
    """Vectors that the very model answers otherwise than it did."""
    if model.bundle is None:
        return
    answers = lot.table.column("answer").take(pa.array(lines)).combine_chunks()
    logged = answers.flatten().to_numpy(zero_copy_only=False).reshape(len(lines), -1)
    again = model.bundle.predict(served).reshape(len(lines), -1)
    for row in np.flatnonzero(differing(logged, again).any(axis=1)):
        place = int(np.argmax(differing(logged[row], again[row])))
        yield Difference(int(lines[row]), "bug", ANSWER, float(logged[row, place]), float(again[row, place]))


def _judged(
    tables: Tables,
    lot: Lot,
    models: Mapping[str, Audited],
    lines: NDArray[np.int64],
    as_of: NDArray[np.int64],
    differences: Mapping[int, list[tuple[str, float, float]]],
    judge: Judge,
) -> Iterator[Difference]:
    """Every differing feature with its cause."""
    by_customer: dict[str, list[int]] = {}
    rows = {}
    for place, row in zip(differences, lot.table.take(pa.array(lines[list(differences)])).to_pylist(), strict=True):
        rows[place] = row
        by_customer.setdefault(row["customer_id"], []).append(place)
    by_name = {
        sha256: {feature.name: feature for feature in model.catalog.features} for sha256, model in models.items()
    }
    for journey in journeys(tables, sorted(by_customer)):
        for place in by_customer[journey.customer_id]:
            row, found = rows[place], differences[place]
            vector = Vector(
                row["customer_id"],
                int(as_of[place]),
                row["origin"],
                np.array(row["events"], dtype=np.uint64),
                None if row["calendar"] is None else lot.calendars[row["calendar"]],
            )
            features = by_name[row["sha256"]]
            verdict = judge.judge(
                vector,
                journey,
                int(as_of[place]),
                [(features.get(name), served) for name, served, _ in found],
                models[row["sha256"]].changed,
            )
            for (name, served, today), cause in zip(found, verdict.causes, strict=True):
                yield Difference(int(lines[place]), cause, name, served, today, verdict.new, verdict.gone)
