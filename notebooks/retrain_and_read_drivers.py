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
# whether the challenger was promoted and why, and reads what drives loyalty. It runs on the demo company (`make demo` makes
# it); set `MOMENTS_CONFIG` to a configuration of your own.

# %%
import json
from contextlib import nullcontext
from datetime import UTC, datetime

import matplotlib.pyplot as plt
import pandas as pd

from configs.settings import environment, load
from moments.environment import set_environment
from moments.pipeline import run
from training.bundle import Bundle

set_environment()
settings = load(environment("MOMENTS_CONFIG", "configs/demo.yaml"))
now = datetime.now(UTC)


def begin(_):
    """Steps run without a progress bar here."""
    return nullcontext(lambda message, fraction: None)


# %% [markdown]
# ## What there is
#
# Steps that are done are skipped: after `make demo` this takes seconds.

# %%
outcomes = run(settings, now=now, begin=begin)
pd.DataFrame([{"step": one.step, "skipped": one.skipped, "seconds": one.seconds, **one.rows} for one in outcomes])

# %%
champion = Bundle.load(settings.output / "models" / "churn")
print(f"version {champion.version}, {len(champion.catalog.names)} features, data until {champion.data_until}")
champion.catalog.names[:10]

# %% [markdown]
# ## A challenger
#
# The same target with a smaller step per round. `train` evaluates it on the newest period, which neither model has learnt from,
# and promotes it only if it is not worse there.

# %%
changed = settings.model_copy(update={"learner": settings.learner.model_copy(update={"learning_rate": 0.05})})
result = train(changed, "churn", now=now)
