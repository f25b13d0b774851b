"""What the learner is worth on flat churn tables: against defaults, floors and tuned rivals, row by row on the same halves.

Each repeat divides the customers into two halves (stratified, seed 1000 + repeat); every contender is taught on one and judged
on the other, and back. Ours is the whole of training: portfolio, choice, calibration and bundle, taught on that half alone.
The same with trees of any depth shows what exact reasons cost, which need trees of at most six levels. CatBoost and Optuna are
in the dependency group `bench`; AutoGluon needs an older pandas than ours and so an environment of its own (`uv pip install
-e .[tune,catboost] autogluon.tabular[lightgbm,catboost]`). What is not installed is left out, and said. Results in ``benchmarks/results/learners.json``
and ``.md``.

``MOMENTS_DATA=folder python -m benchmarks.learners``
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.feature_build import RESULTS, ROOT
from configs.settings import Settings, load
from features.tables import open_tables
from training.baselines import Design
from training.dataset import Dataset, make, read
from training.evaluate import log_losses
from training.model import fit, ship
from training.split import split

Array = NDArray[np.float64]
Contender = Callable[[Dataset, Array, Settings], Array]

CONFIGS: Final = ("telco", "bank_churners")
REPEATS: Final = 3
TRIALS: Final = 12
AUTOGLUON_SECONDS: Final = 120
"""A limit of time, which AutoGluon needs: its figures are not the same twice."""
OURS: Final = "ours"
AVERAGED: Final = "ours, averaged where it wins"
MARKS: Final = {"telco": (0.8475, 0.414), "bank_churners": (0.9932, 0.0755)}
"""AUC to reach and log-loss not to exceed."""


def ours(train: Dataset, test: Array, settings: Settings) -> Array:
    """Training as it is, from the split to the bundle."""
    fitted = fit(train, split(train, settings.validation, settings.seed), settings)
    bundle, _ = ship(train, fitted, settings, answers=np.linspace(0, 1, 101), validation="halves")
    places = [train.catalog.names.index(name) for name in bundle.catalog.names]
    return bundle.predict(np.ascontiguousarray(test[:, places]))


def any_depth(train: Dataset, test: Array, settings: Settings) -> Array:
    """Ours without the limit on depth, and with one wider preset."""
    free = settings.learner.model_copy(update={"max_depth": -1, "leaves": (*settings.learner.leaves, 63)})
    return ours(train, test, settings.model_copy(update={"learner": free}))


def averaged(train: Dataset, test: Array, settings: Settings) -> Array:
    """Ours, averaged with CatBoost where that is surely better on the folds (`learner.catboost`)."""
    both = settings.learner.model_copy(update={"catboost": True})
    return ours(train, test, settings.model_copy(update={"learner": both}))


def defaults(train: Dataset, test: Array, settings: Settings) -> Array:
    """LightGBM as it comes, told the categories."""
    model = lgb.LGBMClassifier(n_jobs=1, verbosity=-1, random_state=settings.seed)
    model.fit(train.X, train.label, categorical_feature=_categories(train))
    return np.asarray(model.predict_proba(test)[:, 1], dtype=np.float64)


def logistic(train: Dataset, test: Array, settings: Settings) -> Array:
    """One column per category, numbers as they are and standardised, missing ones at the mean; scikit-learn's penalty."""
    mean, spread = np.nanmean(train.X, axis=0), np.nanstd(train.X, axis=0)
    columns = _categories(train)
    numbers = [place for place in range(train.X.shape[1]) if place not in columns and spread[place] > 0]

    def design(X: Array) -> Array:
        scaled = np.nan_to_num((X[:, numbers] - mean[numbers]) / spread[numbers])
        coded = [X[:, [place]] == np.unique(train.X[~np.isnan(train.X[:, place]), place]) for place in columns]
        return np.hstack([scaled, *coded])

    model = LogisticRegression(max_iter=2000, random_state=settings.seed).fit(design(train.X), train.label)
    return np.asarray(model.predict_proba(design(test))[:, 1], dtype=np.float64)


def floor(train: Dataset, test: Array, settings: Settings) -> Array:
    """The logistic regression on ranks that training shows beside every model."""
    design = Design.learn(train.X, np.array([feature.category for feature in train.catalog.features]))
    model = LogisticRegression(C=0.3, max_iter=2000, random_state=settings.seed).fit(design.apply(train.X), train.label)
    return np.asarray(model.predict_proba(design.apply(test))[:, 1], dtype=np.float64)


def forest(train: Dataset, test: Array, settings: Settings) -> Array:
    """A random forest of 500 trees, five rows in a leaf."""
    model = RandomForestClassifier(500, min_samples_leaf=5, n_jobs=1, random_state=settings.seed)
    return np.asarray(model.fit(train.X, train.label).predict_proba(test)[:, 1], dtype=np.float64)


def catboost(train: Dataset, test: Array, settings: Settings) -> Array:
    """CatBoost as it comes, told the categories."""
    from catboost import CatBoostClassifier

    columns = _categories(train)

    def frame(X: Array) -> pd.DataFrame:
        table = pd.DataFrame(X)
        return table.astype(dict.fromkeys(columns, "Int64")).astype(dict.fromkeys(columns, str))

    model = CatBoostClassifier(thread_count=1, verbose=0, random_seed=settings.seed, allow_writing_files=False)
    model.fit(frame(train.X), train.label, cat_features=columns)
    return np.asarray(model.predict_proba(frame(test))[:, 1], dtype=np.float64)


def tuned(train: Dataset, test: Array, settings: Settings) -> Array:
    """LightGBM tuned by Optuna: 12 trials, each judged by the log-loss over five folds, rounds by early stopping."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = lgb.Dataset(train.X, train.label, categorical_feature=_categories(train), params={"verbosity": -1})

    def parameters(trial: optuna.Trial | optuna.trial.FrozenTrial) -> dict[str, Any]:
        return {
            "objective": "binary",
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 100, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
            "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
            "bagging_freq": 1,
            "lambda_l2": trial.suggest_float("lambda_l2", 1e-2, 50.0, log=True),
            "seed": settings.seed,
            "num_threads": 1,
            "deterministic": True,
            "verbosity": -1,
            "feature_pre_filter": False,
        }

    def objective(trial: optuna.Trial) -> float:
        found = lgb.cv(
            parameters(trial),
            data,
            num_boost_round=1500,
            nfold=5,
            seed=settings.seed,
            callbacks=[lgb.early_stopping(50, verbose=False)],
        )
        trial.set_user_attr("rounds", len(found["valid binary_logloss-mean"]))
        return float(found["valid binary_logloss-mean"][-1])

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=settings.seed))
    study.optimize(objective, n_trials=TRIALS)
    best = study.best_trial
    model = lgb.train(parameters(best), data, num_boost_round=best.user_attrs["rounds"])
    return np.asarray(model.predict(test), dtype=np.float64)


def autogluon(train: Dataset, test: Array, _settings: Settings) -> Array:
    """AutoGluon's ``good_quality``: bagged and stacked LightGBM, CatBoost and forests, within two minutes of one processor."""
    from autogluon.tabular import TabularPredictor

    columns = _categories(train)

    def frame(X: Array) -> pd.DataFrame:
        table = pd.DataFrame(X, columns=[f"c{place}" for place in range(X.shape[1])])
        names = [f"c{place}" for place in columns]
        return table.astype(dict.fromkeys(names, "Int64")).astype(dict.fromkeys(names, "category"))

    taught = frame(np.vstack([train.X, test]))
    with TemporaryDirectory() as folder:
        model = TabularPredictor(label="y", problem_type="binary", eval_metric="log_loss", path=folder, verbosity=0)
        model.fit(
            taught[: len(train)].assign(y=train.label.astype(int)),
            presets="good_quality",
            time_limit=AUTOGLUON_SECONDS,
            num_cpus=1,
            num_gpus=0,
            dynamic_stacking=False,
        )
        return np.asarray(model.predict_proba(taught[len(train) :])[1], dtype=np.float64)


CONTENDERS: Final[dict[str, tuple[Contender, str | None]]] = {
    OURS: (ours, None),
    AVERAGED: (averaged, "catboost"),
    "ours, trees of any depth": (any_depth, None),
    "LightGBM, defaults": (defaults, None),
    "logistic regression": (logistic, None),
    "logistic regression on ranks": (floor, None),
    "random forest": (forest, None),
    "CatBoost, defaults": (catboost, "catboost"),
    "LightGBM, Optuna with 12 trials": (tuned, "optuna"),
    "AutoGluon, good quality, two minutes": (autogluon, "autogluon"),
}
"""By name: the contender, and the module that it needs beyond ours."""


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = {}
    for name in CONFIGS:
        with TemporaryDirectory() as folder:
            settings = load(ROOT / "configs" / f"{name}.yaml").model_copy(update={"output": Path(folder)})
            with open_tables(settings) as tables:
                dataset = read(make(tables, settings, "churn"))
            found[name] = run(dataset, settings, given.repeats, said=lambda line: print(line, flush=True))
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "learners.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (given.results / "learners.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def run(
    dataset: Dataset,
    settings: Settings,
    repeats: int = REPEATS,
    contenders: dict[str, tuple[Contender, str | None]] = CONTENDERS,
    said: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """AUC, log-loss and CPU seconds per contender, and its paired difference from ours."""
    usable = {
        name: way for name, (way, needs) in contenders.items() if needs is None or importlib.util.find_spec(needs)
    }
    halves = [
        part
        for repeat in range(repeats)
        for part in StratifiedKFold(2, shuffle=True, random_state=1000 + repeat).split(dataset.X, dataset.label)
    ]
    # A single worker: CPU seconds are then those of the work, whatever the machine.
    settings = settings.model_copy(update={"learner": settings.learner.model_copy(update={"threads": 1})})
    losses, figures = {}, {}
    for name, way in usable.items():
        lost, areas, start = np.zeros(len(dataset)), [], time.process_time()
        for train, test in halves:
            chances = way(dataset.take(train), dataset.X[test], settings)
            lost[test] += log_losses(dataset.label[test], chances) / repeats
            areas.append(float(roc_auc_score(dataset.label[test], chances)))
        losses[name] = lost
        figures[name] = {
            "auc": float(np.mean(areas)),
            "log_loss": float(lost.mean()),
            "cpu_seconds": (time.process_time() - start) / len(halves),
            "areas": areas,
        }
        said(f"{settings.name}: {name}: AUC {figures[name]['auc']:.4f}, log-loss {figures[name]['log_loss']:.4f}")
    for name, item in figures.items():
        gap = losses[name] - losses[OURS]
        item["worse_by"] = float(gap.mean())
        item["error"] = float(gap.std(ddof=1) / np.sqrt(len(gap)))
        item["auc_gap"] = float(np.mean(np.subtract(item["areas"], figures[OURS]["areas"])))
    return {
        "rows": len(dataset),
        "churn": float(dataset.label.mean()),
        "features": len(dataset.catalog.features),
        "repeats": repeats,
        "contenders": figures,
        "left_out": [name for name in contenders if name not in usable],
    }


def table(found: dict[str, Any]) -> str:
    """The figures as markdown; differences are contender minus ours, with their standard errors over customers."""
    lines = []
    for name, item in found.items():
        lines += [
            (
                f"**{name}**: {item['rows']:,} customers, {item['churn']:.1%} churn, {item['features']} features; "
                f"{item['repeats']} x 2 halves"
            ),
            "",
            "| learner | AUC | log-loss | AUC minus ours | log-loss minus ours | CPU seconds of a training |",
            "|---|---|---|---|---|---|",
        ]
        for contender, figures in item["contenders"].items():
            gaps = ("", "")
            if contender != OURS:
                gaps = (f"{figures['auc_gap']:+.4f}", f"{figures['worse_by']:+.4f} ± {figures['error']:.4f}")
            shown = f"**{contender}**" if contender == OURS else contender
            lines.append(
                f"| {shown} | {figures['auc']:.4f} | {figures['log_loss']:.4f} | {gaps[0]} | {gaps[1]} "
                f"| {figures['cpu_seconds']:.1f} |"
            )
        if name in MARKS:
            area, loss = MARKS[name]
            said = [
                f"{contender} {'reaches' if figures['auc'] >= area and figures['log_loss'] <= loss else 'misses'} it"
                for contender, figures in item["contenders"].items()
                if contender in (OURS, AVERAGED)
            ]
            lines += ["", f"Mark: AUC {area} and log-loss {loss}; {'; '.join(said)}."]
        if item["left_out"]:
            lines += ["", f"Not installed, so left out: {', '.join(item['left_out'])}."]
        lines.append("")
    return "\n".join(lines)


def _categories(dataset: Dataset) -> list[int]:
    return [place for place, feature in enumerate(dataset.catalog.features) if feature.category]


if __name__ == "__main__":
    raise SystemExit(main())
