"""Further presets, proposed by Optuna after the portfolio's: a fixed number of trials, never a time, so that it can be repeated.

Each trial is raced on the folds as the portfolio's presets are and competes with them by the same loss. What a trial found is kept
in a file as soon as it is there: a search that was killed proposes the same trials again, and reads those that were done.

Source: tree-structured Parzen estimator (Bergstra et al., 2011), as Optuna has it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.learner import Curve, Learner, Preset
from training.questions import Question
from training.split import Fold

if TYPE_CHECKING:
    import optuna

Array = NDArray[Any]
Progress = Callable[[str, float], None]
FOLDER: Final = "search"
"""Folder under the output that holds what trials found."""


def search(
    learner: Learner, asked: Sequence[Question], folds: Sequence[Fold], place: Path, progress: Progress | None = None
) -> dict[Preset, tuple[Curve, ...]]:
    """Race as many proposed presets as `learner.options.trials` says: one curve per question each.

    Parameters
    ----------
    learner, asked, folds
        As in the portfolio's race.
    place
        Folder of this target's trials; what another training set left there is removed.
    progress
        Told a message and the share that is done.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=learner.seed))
    folder = place / _key(learner, asked, folds)
    for other in place.glob("*") if place.is_dir() else ():
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    trials, found = learner.options.trials, {}
    for number in range(trials):
        trial = study.ask()
        preset = _proposed(trial, learner.presets[0], number)

        def tell(share: float, number: int = number) -> None:
            if progress is not None:
                progress(f"trial {number + 1} of {trials}", (number + share) / trials)

        file = folder / f"{number}.npz"
        if not file.exists():
            _keep(file, learner.race([(preset, question) for question in asked], folds, tell))
        tell(1.0)
        # Read back even when just written: a search that went on and one that was never stopped hold the same models.
        found[preset] = _read(file, preset, len(asked))
        study.tell(trial, sum(curve.best()[1] for curve in found[preset]))
    return found


def _proposed(trial: optuna.Trial, usual: Preset, number: int) -> Preset:
    """A preset of the trial's: no deeper than exact reasons allow, and with the bins that all share."""
    return replace(
        usual,
        leaves=trial.suggest_int("leaves", 4, min(64, 2**usual.max_depth), log=True),
        learning_rate=trial.suggest_float("learning_rate", usual.learning_rate / 2, usual.learning_rate * 3, log=True),
        rows_per_leaf=trial.suggest_int("rows_per_leaf", 5, max(100, usual.rows_per_leaf), log=True),
        column_share=trial.suggest_float("column_share", 0.2, 1.0),
        row_share=trial.suggest_float("row_share", 0.5, 1.0),
        l2=trial.suggest_float("l2", 0.01, 100.0, log=True),
        kind=f"trial {number + 1}",
    )


def _key(learner: Learner, asked: Sequence[Question], folds: Sequence[Fold]) -> str:
    """Names everything a trial depends on but its own preset."""
    digest = hashlib.sha256(repr((learner.seed, learner.presets, version("lightgbm"), version("optuna"))).encode())
    options = learner.options
    digest.update(repr((options.learning_rate, options.max_rounds, options.early_stopping_rounds)).encode())
    for array in _arrays(learner, asked, folds):
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _arrays(learner: Learner, asked: Sequence[Question], folds: Sequence[Fold]) -> Iterable[Array]:
    yield learner.X
    for question in asked:
        yield question.y
        if question.offset is not None:
            yield question.offset
    for train, valid in folds:
        yield train
        yield valid


def _keep(file: Path, curves: Sequence[Curve]) -> None:
    content: dict[str, Array] = {"sizes": curves[0].sizes}
    for place, curve in enumerate(curves):
        content[f"losses_{place}"] = curve.losses
        content[f"models_{place}"] = np.array([booster.model_to_string() for booster in curve.boosters])
    draft = file.with_suffix(".partial")
    with draft.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **content)
    draft.replace(file)


def _read(file: Path, preset: Preset, questions: int) -> tuple[Curve, ...]:
    with np.load(file, allow_pickle=False) as content:
        return tuple(
            Curve(
                preset,
                content[f"losses_{place}"],
                content["sizes"],
                tuple(lgb.Booster(model_str=str(text)) for text in content[f"models_{place}"]),
            )
            for place in range(questions)
        )
