"""A training set's file written from pieces and from the last training set.

One group of rows after the other, as Arrow writes it. Groups that are those of the last file take over its columns as they lie there
(`training.stitch`), which gives the same bytes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.rows import Rows
from training.columns import Content
from training.pieces import Pieces
from training.reuse import Earlier
from training.stitch import Old, stitcher, written

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]
Fill = Callable[[int, int, Array], None]
"""Puts the features of a group into an array (features, rows): its number, its first row, the array."""


def put_together(
    content: Content, rows: Rows, pieces: Sequence[Pieces], old: Earlier | None, path: Path, progress: Progress
) -> None:
    """Write a training set's file: group by group, or where groups are those of the last file, column by column.

    Parameters
    ----------
    content, rows
        What the file says of itself, and its rows.
    pieces
        The features of new rows, and those of the others that are computed again.
    old
        The last training set and what of it stays; None where nothing does.
    path, progress
        The file, and who is told of the share that is written.
    """
    fill = _filler(content.catalog, pieces, old)
    limits = _limits(content, rows)
    same = {} if old is None else old.same(limits)
    if old is None or not same:
        write_groups(content, rows, fill, path, progress)
        return
    again = replace(content, catalog=content.catalog.select(old.changed))
    file = Old(old.path, old.file.schema_arrow.names)
    with stitcher(path, content) as target:
        for group, (first, last) in enumerate(itertools.pairwise(limits)):
            narrow = content if group not in same else again
            room = np.empty((len(narrow.catalog.features), last - first))
            if group not in same:
                fill(group, first, room)
            elif len(pieces) > 1:
                pieces[1].fill(group, room)
            table = narrow.group(rows.ids(first, last), rows.as_of[first:last], _labels(rows)[first:last], room)
            sources = [written(narrow, table), *([file.group(same[group])] if group in same else [])]
            target.add(last - first, *sources)
            progress("writing", last / len(rows))
    _sync(path)


def _filler(catalog: Catalog, pieces: Sequence[Pieces], old: Earlier | None) -> Fill:
    """What puts the features of a group together: computed ones, those that stayed, and those of them computed again."""
    places = [] if old is None else [catalog.index(name) for name in old.changed]

    def fill(group: int, first: int, out: Array) -> None:
        pieces[0].fill(group, out)
        if old is not None:
            old.fill(first, out)
            if places:
                room = np.empty((len(places), out.shape[1]))
                pieces[1].fill(group, room)
                stays = np.flatnonzero(old.stays[first : first + out.shape[1]])
                for place, values in zip(places, room, strict=True):
                    out[place, stays] = values[stays]

    return fill


def write_groups(content: Content, rows: Rows, fill: Fill, path: Path, progress: Progress | None = None) -> None:
    """Write a training set group by group: `fill` puts the features of a group into an array (features, rows)."""
    limits = _limits(content, rows)
    room = np.empty((len(content.catalog.features), min(content.group_rows, max(1, len(rows)))))
    label = _labels(rows)
    with content.writer(path) as writer:
        for group, (first, last) in enumerate(itertools.pairwise(limits)):
            # Rows of the last group lie as densely as those of the others: a view of the room would not.
            out = room if last - first == room.shape[1] else np.empty((len(room), last - first))
            fill(group, first, out)
            writer.write_table(content.group(rows.ids(first, last), rows.as_of[first:last], label[first:last], out))
            if progress is not None:
                progress("writing", last / len(rows))
    _sync(path)


def _limits(content: Content, rows: Rows) -> list[int]:
    """First row of each group, and one past the last row."""
    return [*range(0, len(rows), content.group_rows), len(rows)] if len(rows) else [0]


def _labels(rows: Rows) -> Array:
    return np.full(len(rows), np.nan) if rows.label is None else rows.label


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
