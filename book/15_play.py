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
# (ch-play)=
# # A page to play with
#
# *Cost: a few seconds on one core; nothing is trained. The models below are seed 0 of committed runs of profile `small`; tables and figures show all their seeds.*
#
# The other chapters average over tasks. Here is one at a time, yours: place observations, choose how many a mini-batch has, and press *Step*. The models run in this page, in plain JavaScript, with the weights of a run in the ledger; nothing is sent anywhere, and a saved copy works without a network.

# %% tags=["hide-cell"]
# In Colab: clone the project, with the results that this chapter reads, and work inside it.
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.isfile("../iai/types.py"):
    if not os.path.isdir("iai"):  # it is there after a restart, in which only the working directory is lost
        subprocess.run(["git", "clone", "--quiet", "--depth=1", "https://github.com/OWNER/iai"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "jaxtyping", "safetensors"], check=True)
    os.chdir("iai/book")
    sys.path.insert(0, os.path.abspath(".."))

# %% tags=["parameters"]
profile: str = "smoke"  # not used here: nothing is trained live
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below

# %%
from IPython.display import HTML

from iai.study.analysis.gate import compared
from iai.study.book import notebook, play, plots
from iai.study.book.comparisons import in_words
from iai.study.ledger import records
from iai.tasks import Smooth

chapter = notebook.setup(globals())
CURVE, MAP = "smooth/curve/implicit/data", "smooth/map/implicit/data"

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("smooth/*")

# %% [markdown]
# ## Two families of tasks
#
# {class}`iai.tasks.Smooth`, *a curve*: a function on $[-2, 2]$ from a Gaussian process of unit variance with a squared-exponential kernel of length 0.5, observed with noise of standard deviation 0.1. The process is a sum of twenty sines with Gaussian weights {cite:p}`solin2020hilbert`, so that full Bayes has a closed form: a ridge regression in twenty features.
#
# {class}`iai.tasks.SmoothClasses`, *a map*: four functions on $[-2, 2]^2$ with kernels of length 1, each with an offset of its own; a point has the class whose function is largest there. By the offsets some tasks show few classes, and others all four; a label is now and then another one, as at a temperature of 0.1.
#
# Both models are implicit (chapter {ref}`ch-three-regimes`): the state is the prediction at each point of a grid, and a step reads a mini-batch and rewrites every one of them. Both were trained on ten mini-batches of eight, each step learning from the first one to eight of its observations; the state that the next step started from had read all eight. So a batch of nine, an eleventh step, a second reading of the same points, or a step that follows a batch of fewer than eight is something that training never showed, and the page says so.
#
# (sec-play)=
# ## The page

# %% tags=["remove-input"]
HTML(play.page(play.kept()))

# %% [markdown]
# What to try:
#
# 1. *Step by step.* The page opens with a random task. Press *Step*: each mini-batch moves the curve, and what earlier ones said is kept, more or less. The dashed line is what Bayes makes of the same points, and the distance to it is printed.
# 2. *At once, or in turn.* Press *Clear*, place five points, and read them as one mini-batch; then *Reset*, and read them one by one. In turn is usually worse. Two things are mixed in this: a state holds no count of what it stands for, and training never went on from a state that had read fewer than eight points.
# 3. *A contradiction.* Press *Clear*, and place two points at nearly the same $x$, one a little above the other. Read one by one, the later point counts for more than its share.
# 4. *One step, repeated.* Switch the 1-step model on. It only ever met the first state, so it adds the answer again at every step: watch it overshoot.
# 5. *Beyond the training.* Go on for twenty steps with the same points. A learner that knew what it has read would stand still.
#
# ## What was expected
#
# Written, and committed, before any of these models was trained. *First*, after ten mini-batches of eight, a model of ten steps has a lower error than the 1-step model repeated, on the line and on the square. *Second*, on the line it stays above the memoryless bound after ten mini-batches, and has more than twice the error that full Bayes leaves: a slot holds a number and not how sure it is, nor which step this is. *Third*, on the square its error after one mini-batch is lower than that of nearest neighbours on the same points, and higher after ten, where neighbours still have all eighty points and the model has a state.
# Each is judged by the gate of chapter {ref}`ch-claims`, squared errors with the noise in them, as the tables have them: without it the distance to Bayes is larger. What is called the memoryless bound here is ridge regression around the present estimate with one variance for all features ({ref}`sec-memoryless`); features of unequal scale would deserve a variance each, so on these tasks it is a learner to compare with, and no bound.

# %% tags=["hide-input", "nbval-check-output"]
ks = (1, 2, 5, 10, 20)
rows = {
    "ten steps": CURVE,
    "1 step, repeated": f"{CURVE}-1-step",
    "SGD, tuned": f"{CURVE}|sgd",
    "nearest neighbours": f"{CURVE}|neighbours",
    "memoryless": f"{CURVE}|memoryless",
    "Bayes": f"{CURVE}|bayes",
}
noise = Smooth().noise_sd ** 2
caption = f"A curve: squared error on new points after so many mini-batches of eight. Of it {noise:.2f} is noise, which nobody can predict."
notebook.table(chapter.steps(rows, "as-trained", "mse", ks), caption, "tab-play-curve", ".4f")

# %% tags=["hide-input", "nbval-check-output"]
classes = {
    "ten steps": MAP,
    "1 step, repeated": f"{MAP}-1-step",
    "SGD, tuned": f"{MAP}|sgd",
    "nearest neighbours": f"{MAP}|neighbours",
    "most frequent class": f"{MAP}|mean",
}
caption = "A map: share of new points with a wrong class after so many mini-batches of eight."
notebook.table(chapter.steps(classes, "as-trained", "error", ks), caption, "tab-play-map")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-play-steps", "caption": "Error against mini-batches of eight, for the rows of {numref}`tab-play-curve` and {numref}`tab-play-map`. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels against 0 to 20 mini-batches. Left, squared error of a curve, logarithmic; right, error of a map. Lines for the model of ten steps and the 1-step model repeated, and grey lines for learners that were not trained."}}
_, axes = plots.panels(columns=2, width=8.6, height=3.3)
for ax, known, where, label in zip(axes, (rows, classes), ("mse", "error"), ("squared error", "error")):
    lines = {name: row for name, row in known.items() if "|" not in row}
    greys = {name: row for name, row in known.items() if "|" in row}
    found, beside = (chapter.curves(some, "as-trained", where) for some in (lines, greys))
    plots.curves(ax, found, label=label, baselines=beside, horizon=10, logarithmic=where == "mse")
    ax.legend(fontsize=8)
for ax, title in zip(axes, ("a curve", "a map")):
    ax.set_title(title)

# %% tags=["remove-input", "nbval-check-output"]


def after(row, k):
    """The result of a row on its tasks after k mini-batches."""
    return records.summary(row, shown_profile, "as-trained", "mse" if row.startswith(CURVE) else "error", k)


line, square = after(CURVE, 10), after(MAP, 10)
expected = {
    "On the line, the 1-step model repeated against ten steps": ("higher", compared(after(f"{CURVE}-1-step", 10), line, beyond=True)),
    "The same on the square": ("higher", compared(after(f"{MAP}-1-step", 10), square, beyond=True)),
    "Ten steps against the memoryless bound, after ten": ("higher", compared(line, after(f"{CURVE}|memoryless", 10))),
    "Ten steps against Bayes, after ten": ("higher than 2", compared(line, after(f"{CURVE}|bayes", 10), limit=2.0)),
    "On the square, against nearest neighbours after one": ("lower", compared(after(MAP, 1), after(f"{MAP}|neighbours", 1))),
    "The same after ten": ("higher", compared(square, after(f"{MAP}|neighbours", 10))),
}  # fmt: skip
lines = [f"- {what}: expected {said}; found {in_words(found)}." for what, (said, found) in expected.items()]
notebook.Markdown("\n".join(lines))

# %% [markdown]
# ## How the page is made
#
# `iai/study/book/play` has it: `forward.js` is the refiner of chapter {ref}`ch-three-regimes` without a library, in some two hundred lines; `play.exported` derives every constant that it needs from a trained model, with weights rounded to sixteen bits; `page.js` draws. A test runs the same inputs through both and holds every layer's output to PyTorch's, to $10^{-5}$, and another one opens the page in a browser where there is one. `make play` puts the weights of finished runs into the package.
#
# A model of your own will do if it is implicit, of a {class}`iai.tasks.Smooth` task on the line or of a {class}`iai.tasks.SmoothClasses` task on the square with four classes, with logits as its state, a full mask and no history.
#
# ```python
# from iai.experiment import restore
# from iai.study.book import play
#
# experiment, model, _ = restore("my-model.safetensors")
# html = play.page({"curve": play.exported(model, **play.facts(experiment))})
# ```
#
# ## Exercises
#
# ````{exercise} The weight of a number
# :label: ex-play-weight
#
# A memoryless learner holds $\hat y$ at a point, reads one observation $y$ there, and answers $\hat y + a (y - \hat y)$ with a constant $a$. For which $a$ is its answer after $n$ readings the mean of all $n$ observations and a prior mean of weight $r$? What does that say about a model whose state holds no count?
# ````
#
# ````{solution} ex-play-weight
# :class: dropdown
#
# The mean after $n$ has $a_n = 1 / (n + r)$, which falls with $n$: no constant will do. With a constant $a$ the last observation has weight $a$ and the one before it $a (1 - a)$, so old ones fade at a fixed rate, and the variance of the answer rises to $\sigma^2 a / (2 - a)$, where that of the mean falls to zero. A model can do better only by reading how far along it is from its own number, and from how far the mini-batch is from that.
# ````
#
# ````{exercise} A grid that does not talk
# :label: ex-play-grid
#
# In the page a step costs time in proportion to the points of the grid. Why not to their square, as in a Transformer over all tokens?
# ````
#
# ````{solution} ex-play-grid
# :class: dropdown
#
# Slots of the implicit regime never see each other: each attends to the observations of the mini-batch and to itself, so $q$ slots and $n$ observations take $q (n + 1)$ products of queries and keys in a layer, and the observations $n^2$ among themselves. That is also why the curve can be asked at any points, and why refining the grid does not change it elsewhere.
# ````
#
# ## What we found, and what we did not
#
# The list under {numref}`fig-play-steps` says how each expectation came out. The rates were chosen by trials on tasks of other seeds ({numref}`tab-play-trials`), whose best is at the end of the grid; the number of updates, and that products of $x$ and $y$ are not shown, were settled by one run by hand on such tasks. Sizes were chosen for a browser, where a step takes a small part of a second.
#
# *What the page is not.* Its laws are ours, and a curve that is drawn by hand is seldom a draw from them: the models then answer for a law that the points do not have, and so does the Bayes line. On the square no posterior has a closed form, and none is shown. What is seen on one task is an illustration; the tables are the evidence.

# %% tags=["hide-input", "nbval-check-output"]
tried = {"a curve": CURVE, "a map": MAP}
caption = "Validation loss after ten mini-batches, squared error of a curve and cross-entropy of a map, after half of the updates, by multiples of the rates."
notebook.table(chapter.trials(tried), caption, "tab-play-trials", ".4f")
