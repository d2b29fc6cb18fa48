# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One formula
#
# *Cost: a few seconds on one core at `smoke`. This is the form of a chapter, not yet its text.*
#
# A learner maps a data set and a query to a prediction. {cite:t}`mittal2025iterative` write it as
#
# $$
# \min_{\gamma, \varphi} \; \E_{T} \, \E_{(x, y),\, \D_T} \, \L\bigl(y, f_\gamma(x, g_\varphi(\D_T))\bigr)
# $$ (eq-unified)
#
# and everything in this book is a choice of $f$ and $g$ in {eq}`eq-unified`.

# %% tags=["hide-cell"]
# In Colab: clone the project, with the results that this chapter reads, and work inside it.
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.isfile("../iai/types.py"):
    subprocess.run(["git", "clone", "--quiet", "--depth=1", "https://github.com/OWNER/iai"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "jaxtyping", "safetensors"], check=True)
    os.chdir("iai/book")
    sys.path.insert(0, os.path.abspath(".."))

# %% tags=["parameters"]
profile: str = "smoke"  # what this chapter trains live: smoke | cpu | gpu
ledger: str = "cpu"  # whose committed records the tables and figures show: smoke | cpu | gpu
seed: int = 0  # of everything drawn at random below

# %%
import torch

from iai.tasks import Gravity

# %% [markdown]
# ## A task is a distribution
#
# {numref}`fig-gravity` shows four planets.

# %% mystnb={"figure": {"name": "fig-gravity", "caption": "Bodies thrown on four planets; each planet is a task, and its $g$ is all that differs."}, "image": {"alt": "Scatter plot of height against time for four planets; heavier planets bend the cloud down sooner."}}
import matplotlib.pyplot as plt

batch = Gravity().sample(torch.Generator().manual_seed(seed), tasks=4, points=50)
fig, ax = plt.subplots(figsize=(6, 3.2), dpi=100)
for i in range(4):
    ax.scatter(batch.x[i, :, 0], batch.y[i, :, 0], s=9, label=f"planet {i + 1}")
ax.set(xlabel="time", ylabel="height")
ax.legend(frameon=False)
plt.show()

# %% tags=["nbval-check-output"]
from IPython.display import Markdown

Markdown(""":::{table} A generated table.
:name: tab-stub

| planet | points |
|---|---:|
| 1 | 50 |
:::""")

# %% [markdown]
# {numref}`tab-stub` came from code.
#
# ## Exercises
#
# ```{exercise} The split is not unique
# :label: ex-split
#
# Write SGD as $f(x, g(\D_T))$ in two ways.
# ```
#
# ```{solution} ex-split
# :class: dropdown
#
# Either $g$ returns the final weights and $f$ is the model, or $g$ returns the data and $f$ trains and predicts.
# ```
#
# ## What we found, and what we did not
#
# - Found: the pipeline runs.
# - Not found: anything else yet.
