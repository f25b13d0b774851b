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
# # Retrain, compare with the champion, read the drivers
#
# For a data scientist who looks after the models of one company. It trains the churn model anew with another setting, looks at
# whether the challenger took over and why, and reads what drives loyalty. It runs on the demo company (`make demo` makes it);
# set `MOMENTS_CONFIG` to a configuration of your own.

# %%
import json
from datetime import UTC, datetime

from moments.environment import set_environment

set_environment()  # before anything that could report home is imported

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow.parquet as pq

from configs.settings import environment, load
from moments.pipeline import run
from moments.progress import quiet
from training.bundle import Bundle
from training.train import train

settings = load(environment("MOMENTS_CONFIG", "../configs/demo.yaml"))
now = datetime.now(UTC)

# %% [markdown]
# ## What there is
#
# Steps that are done are skipped: after `make demo` this takes seconds.

# %%
outcomes = run(settings, now=now, begin=quiet)
pd.DataFrame([{"step": one.step, "skipped": one.skipped, "seconds": one.seconds} for one in outcomes])

# %% [markdown]
# The training set is a plain table: customer, as_of, label, one column per feature.

# %%
rows = pq.read_table(settings.output / "training" / "churn.parquet").to_pandas()
print(f"{len(rows):,} rows, {rows.shape[1] - 3} features, {rows['label'].mean():.1%} left within the horizon")
rows.groupby("as_of")["label"].agg(["size", "mean"])

# %% [markdown]
# The champion is a bundle: a folder without code or pickles that names its features, its data and its digest.

# %%
champion = Bundle.load(settings.output / "models" / "churn")
print(f"version {champion.version}, {len(champion.catalog.names)} features, data until {champion.data_until}")
metrics = json.loads((settings.output / "metrics.json").read_text(encoding="utf-8"))
pd.DataFrame({name: metrics["churn"][name] for name in ("auc", "log_loss", "ece", "lift_at_10")}).T

# %% [markdown]
# ## A challenger
#
# The same target with trees of four leaves. `train` judges it on the newest period, which neither model has learnt from, and
# lets it take over only where it is not worse there: the verdict says why.

# %%
learner = settings.learner.model_copy(update={"leaves": (4,)})
challenger = train(settings.model_copy(update={"learner": learner}), "churn", now=now)
print(f"{challenger.verdict.outcome}: {challenger.verdict.reason}")

# %%
pd.DataFrame(
    {
        "champion before": {name: metrics["churn"][name]["value"] for name in ("auc", "log_loss", "ece", "lift_at_10")},
        "challenger": {name: challenger.metrics[name]["value"] for name in ("auc", "log_loss", "ece", "lift_at_10")},
        "logistic": {name: challenger.metrics["baselines"]["logistic"].get(name) for name in ("auc", "log_loss")},
    }
)

# %% [markdown]
# ## What drives the recommendation
#
# Strength in NPS points with its 95 % interval: how far the touchpoint moves answers, on average over all customers. Reach is
# the share of customers who met it, depth the strength among those. Only what can be told from noise is ranked, and all of it is
# association: what an effort would change is for a pilot to say.

# %%
analysis = json.loads((settings.output / "drivers.json").read_text(encoding="utf-8"))["targets"]["nps"]
table = pd.json_normalize(analysis["drivers"]).set_index("touchpoint")
wanted = ["status", "rank", "strength.value", "strength.low", "strength.high", "reach.value", "shape", "moment"]
table.reindex(columns=wanted)

# %%
keys = table[table["status"] == "key_driver"].sort_values("rank", ascending=False)
figure, ax = plt.subplots(figsize=(7, 0.4 * len(keys) + 1))
ax.hlines(keys.index, keys.get("strength.low"), keys.get("strength.high"), color="0.6")
ax.plot(keys.get("strength.value"), keys.index, "o", color="black")
ax.set_xlabel(f"strength, {analysis['unit']}")
ax.spines[["top", "right", "left"]].set_visible(False)
figure.tight_layout()

# %% [markdown]
# What came into being because of the answer (a call-back to those who gave a low score) is excluded and named, however strong it
# looks:

# %%
[driver["touchpoint"] for driver in analysis["drivers"] if driver["status"] == "excluded_late"]
