"""Models grown by several processes or machines: LightGBM's own Dask estimators, with the rounds that were chosen beforehand.

A worker reads the groups of the file that fall to it, so every machine must reach the file. Without an address workers are
started here, one per configured thread. Objectives of our own need all rows' levels before each tree: these are grown on this
machine, group by group.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from training.growth import OWN
from training.learner import Preset, workers
from training.questions import Question
from training.whole import Array, Columns, Reader, Rows, Whole, chunked

PARTS_PER_WORKER: Final = 4
_BUILT_IN: Final = {"binary": "binary", "tweedie": "tweedie"}


def distributed(
    whole: Whole, preset: Preset, question: Question, rounds: int, rows: Rows, columns: Columns
) -> lgb.Booster:
    """Grow a model by Dask's workers; see `training.whole.Grow`."""
    if question.objective in OWN:
        return chunked(whole, preset, question, rounds, rows, columns)
    from dask import array
    from dask.delayed import delayed

    parameters = preset.parameters(question.objective, whole.seed)
    for key in ("objective", "metric", "num_threads", "force_col_wise", "feature_pre_filter"):
        parameters.pop(key)
    with _client(whole) as client:
        count = PARTS_PER_WORKER * len(client.scheduler_info()["workers"])
        parts = _parts(whole, rows, count)
        load = delayed(_load, pure=True)
        width = len(columns.kept)
        X = array.concatenate(
            [
                array.from_delayed(load(whole, columns, part), shape=(len(part), width), dtype=np.float64)
                for part in parts
            ]
        )
        chunks = tuple(len(part) for part in parts)
        y = array.from_array(question.y, chunks=(chunks,))
        offset = None if question.offset is None else array.from_array(question.offset, chunks=(chunks,))
        model = lgb.DaskLGBMRegressor(
            client=client,
            n_estimators=rounds,
            objective=_BUILT_IN[question.objective],
            n_jobs=1,
            **parameters,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y, init_score=offset, categorical_feature=list(columns.categories))
        return model.booster_


@contextmanager
def _client(whole: Whole) -> Iterator[Any]:
    from dask.distributed import Client, LocalCluster

    address = whole.options.dask
    if address is not None:
        with Client(address) as client:
            yield client
        return
    with (
        LocalCluster(n_workers=workers(whole.options), threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _parts(whole: Whole, rows: Rows, count: int) -> list[Rows]:
    """Rows in about so many parts, cut where groups of the file end."""
    limits = np.array(whole.limits)
    wanted = np.linspace(0, len(whole), count + 1)[1:-1]
    cuts = np.unique(limits[np.abs(limits[:, None] - wanted).argmin(axis=0)])
    return [part for part in np.split(rows, np.searchsorted(rows, cuts)) if len(part)]


def _load(whole: Whole, columns: Columns, rows: Rows) -> Array:
    """The features of some rows, (n, kept)."""
    reader = Reader(whole.path, whole.catalog, columns.kept)
    limits = np.array(whole.limits)
    found = []
    for number in np.unique(np.searchsorted(limits, rows, side="right") - 1):
        first, last = np.searchsorted(rows, limits[[number, number + 1]])
        found.append(reader.read(int(number))[rows[first:last] - limits[number]])
    return np.concatenate(found)
