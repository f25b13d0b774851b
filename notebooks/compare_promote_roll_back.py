# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Compare two experiments, read the card, promote, roll back
#
# For a data scientist who wants to know whether another setting is better, and who answers for what the CRM is told. Two trainings of
# the churn model stand beside each other in MLflow; the difference between them is judged customer by customer; the card of the winner
# is read; then it is promoted by hand, and the way back is tried. It runs on the demo company; set `MOMENTS_CONFIG` to your own.

# %%
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from moments.environment import set_environment

set_environment()  # before anything that could report home is imported

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from IPython.display import Markdown

from configs.settings import environment, load
from moments import models
from moments.pipeline import run
from moments.progress import quiet
from training.gate import Answers
from training.registry import ANSWERS, Registry
from training.train import train

settings = load(environment("MOMENTS_CONFIG", "../configs/demo.yaml"))
now = datetime.now(UTC)
run(settings, now=now, begin=quiet)
registry = Registry(settings, now)

# %% [markdown]
# ## Two experiments
#
# The same rows, the same split, the same seed: trees of four leaves only, and trees of sixteen only. Each training is a run of MLflow
# with its parameters, its metrics with their limits, its learning curves and its figures.


# %%
def experiment(*leaves):
    learner = settings.learner.model_copy(update={"leaves": leaves})
    return train(settings.model_copy(update={"learner": learner}), "churn", now=datetime.now(UTC))


small, wide = experiment(4), experiment(16)

# %%
mlflow.set_tracking_uri(registry.uri)
runs = mlflow.search_runs(experiment_ids=[registry.experiment], filter_string="tags.target = 'churn'")
runs = runs[runs["run_id"].isin([small.run_id, wide.run_id])].set_index("params.preset.leaves")
runs[[f"metrics.{name}{end}" for name in ("log_loss", "auc", "empc") for end in ("", "_low", "_high")]].T

# %% [markdown]
# ## Is the difference real?
#
# The limits of two metrics overlap easily although one model is better for nearly everyone: both answered the same customers, so the
# difference is taken row by row. Here it is resampled over customers.


# %%
def losses(result):
    with TemporaryDirectory() as folder:
        answers = Answers.read(registry.fetch_from(result.run_id, ANSWERS, folder), "binary")
    chance = np.where(answers.label == 1, answers.answer, 1 - answers.answer)
    return pd.Series(-np.log(chance)).groupby(answers.customer_id).agg(["sum", "size"])


one, other = losses(small), losses(wide)
gap, rows = (one["sum"] - other["sum"]).to_numpy(), one["size"].to_numpy()
draws = np.random.default_rng(settings.seed).integers(0, len(gap), (500, len(gap)))
resampled = gap[draws].sum(axis=1) / rows[draws].sum(axis=1)
low, high = np.quantile(resampled, [0.025, 0.975])
print(f"log-loss of 4 leaves minus 16 leaves: {gap.sum() / rows.sum():+.5f} ({low:+.5f} to {high:+.5f})")

# %%
figure, ax = plt.subplots(figsize=(6, 2.6))
ax.hist(resampled, bins=40, color="0.7")
ax.axvline(0, color="black", linewidth=1)
ax.set_xlabel("log-loss of 4 leaves minus 16 leaves; left of zero the small trees are better")
ax.set_yticks([])
ax.spines[["top", "right", "left"]].set_visible(False)
figure.tight_layout()

# %% [markdown]
# ## The card
#
# What the model predicts, from which rows, how good it is beside simpler rivals, how steady, where it ends, what it must not be used for.
# The same text is the description of the version in MLflow, and `card.html` beside the bundle is the page with the figures.

# %%
winner = small if gap.sum() <= 0 else wide
with TemporaryDirectory() as folder:
    card = registry.fetch_from(winner.run_id, "card.md", folder).read_text(encoding="utf-8")
Markdown(card.split("\n## Data")[0])

# %% [markdown]
# ## Promote and roll back
#
# The gate let a version take over only if it held against the champion; every verdict is kept with the version. A person may decide
# otherwise: it is noted who, when and why, and one command goes back. On the command line these are
# `moments models CONFIG`, `moments models CONFIG promote` and `moments models CONFIG rollback`.


# %%
def versions():
    listed = models.versions(settings, "churn", now)["churn"]
    return pd.DataFrame(listed)[["version", "aliases", "outcome", "trained_at"]]


versions()

# %%
waiting = [
    item["version"] for item in models.versions(settings, "churn", now)["churn"] if "champion" not in item["aliases"]
]
moved = models.change(settings, "promote", "churn", waiting[0], "tried in a notebook", now)
versions()

# %%
back = models.change(settings, "rollback", "churn", None, "only tried", now)
versions()
