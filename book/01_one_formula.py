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
# (ch-one-formula)=
# # One formula
#
# *Cost: a few seconds on one core at `smoke`; trains nothing. This is the form of a chapter, not yet its text.*
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
ledger: str = "cpu"  # whose records tables and figures show: smoke | cpu | gpu
seed: int = 0  # of everything drawn at random below

# %%
import torch

from iai import notebook, plots
from iai.tasks import Gravity

chapter = notebook.setup(globals())

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("table4/mnist/data*")

# %% [markdown]
# ## A task is a distribution
#
# {numref}`fig-gravity` shows three planets.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gravity", "caption": "Bodies thrown on three planets; each planet is a task, and its $g$ is all that differs."}, "image": {"alt": "Scatter plot of height against time on three planets; the stronger gravity is, the sooner the cloud of points bends down."}}
batch = Gravity().sample(torch.Generator().manual_seed(seed), tasks=3, points=40)
figure, (ax,) = plots.panels()
planets = {f"planet {i + 1}": (batch.x[i, :, 0], batch.y[i, :, 0]) for i in range(3)}
plots.scatter(ax, planets, labels=("time (s)", "height (m)"))

# %% [markdown]
# ## Numbers come from the ledger
#
# {numref}`tab-transfer` is generated. In a sentence, a number is bound to its record:
# after ten steps the error on Fashion-MNIST is {val}`table4/mnist/data:fashion-mnist:error:10:.1%`,
# {val}`table4/mnist/data:fashion-mnist:error:10/1:.2f` of what it is after one.

# %% tags=["hide-input", "nbval-check-output"]
rows = {"trained on many steps": "table4/mnist/data", "trained on one step": "table4/mnist/data-1-step"}
grid = chapter.steps(rows, "fashion-mnist", "error", steps=(1, 5, 10))
notebook.table(grid, "Error on Fashion-MNIST of an implicit model trained on MNIST.", "tab-transfer", ".1%")

# %% [markdown]
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
