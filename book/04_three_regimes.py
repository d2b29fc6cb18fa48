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
# (ch-three-regimes)=
# # Three regimes
#
# *Cost: about half a minute on one core at `smoke`, a few minutes at `small`. Five small models are trained live, one of them for a few updates only and three on a task defined in this chapter; images come from the packaged sample, at `small` and `paper` for one model from the full set.
# No committed result is read: every number below is an equation checked, or a measurement made, by this execution.*
#
# Chapters {ref}`ch-one-formula` to {ref}`ch-signals` spoke of a state that is refined step by step, and left open what the state is. {cite:t}`mittal2025iterative` distinguish three cases. In the **parametric** regime it is $\theta$, the parameters of a likelihood
# that is known. In the **explicit** regime it is a code for a likelihood that is learned. In the **implicit** regime there are no parameters at all, and the state is the prediction itself, one for each query. The same Transformer step serves all three. This chapter says precisely
# what the step sees and rewrites in each case, and states what must then be true: which symmetries hold exactly and which only nearly, what a causal mask buys, when predictions do not depend on each other, and what an untrained model does. Each of these statements is short to prove. Each is also
# executed, on models whose weights are random, because an equation that holds in a proof and fails in the code is the kind of error that no loss curve shows.

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
profile: str = "smoke"  # what this chapter trains live: smoke | small | paper
shown_profile: str = "small"  # whose records it shows (none here): smoke | small | paper
seed: int = 0  # of everything drawn at random below

# %%
import ast
import re
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import seaborn as sns
import torch
from matplotlib.colors import ListedColormap

import iai
from iai.study.book import notebook, plots
from iai.baselines.classical import Ridge
from iai.experiment import build, Experiment
from iai.evaluation import evaluate, EvaluationConfig
from iai.study.jobs.run import fit
from iai.model import attention_mask, RefinerConfig, Signal
from iai.study.measure.cost import cost_of_update
from iai.study.registry import experiment
from iai.training import Greedy, train, TrainConfig
from iai.tasks import episode, Images
from iai.types import Batch, State, UserError

chapter = notebook.setup(globals())
generator = torch.Generator().manual_seed(seed)

# %% [markdown]
# ## One state, three meanings
#
# A state is a set of **slots**. Slot $s$ holds a vector $\theta_s$ that the step rewrites, and an **anchor** $a_s$ that it does not: what the slot is about. A regime ({mod}`iai.model.regimes`) answers three questions, and no code that trains, refines or evaluates asks which regime it runs:
# what the state is before any data (`init`), what a step is shown of a mini-batch given the state (`evidence`), and how a state predicts (`f`). With these, one line is all of $g_\varphi$, eqs 7 and 8 of the paper at once:
#
# $$
# S^{(i+1)} = h_\varphi\bigl(S^{(i)}, \mathrm{evidence}(S^{(i)}, \mathcal{B}^{(i)})\bigr), \qquad \hat y(x) = f_\gamma\bigl(x, S^{(k)}\bigr).
# $$ (eq-regime-step)
#
# In the parametric regime $f$ is the task's own `decode(x, theta)`, which has no weights, and $\theta^{(0)}$ is learned. In the explicit regime `decode` has weights, trained together with $h$, and $\theta$ is a code that only they understand. The two are one class, {class}`iai.model.regimes.Parameters`. In the implicit regime,
# {class}`iai.model.regimes.Predictions`, slot $s$ belongs to query $x_s$, which is its anchor; its value is the prediction $\hat y^{(i)}(x_s)$, in a space to be chosen, and $f$ only reads it out. There are no parameters, hence no gradients to be shown: implicit models see observations alone.
#
# The models of this chapter work on small image tasks: four classes in a random order, and pixels through a random projection to eight features. {numref}`tab-shapes` shows the state and the evidence of a mini-batch of six images in each regime.

# %%
task = Images(source="sample", ways=4, projection=8)
plain = Experiment(
    regime="parametric",
    objective=Greedy(task=task, tasks=8, steps=4, points=6, queries=5),
    evaluation_sets={},
    evaluation=EvaluationConfig(tasks=64, steps=10, points=6, queries=5),
    refiner=RefinerConfig(width=32, depth=2, heads=2, feedforward=64),
    latent=12,
)
variants = {
    "parametric": {},
    "parametric, one token": {"theta": "one"},
    "explicit": {"regime": "explicit"},
    "implicit, logits": {"regime": "implicit"},
    "implicit, latent": {"regime": "implicit", "space": "latent"},
    "implicit, softmax": {"regime": "implicit", "space": "softmax"},
}
models = {name: build(replace(plain, **changes), seed) for name, changes in variants.items()}
batches, queries = episode(task, generator, tasks=8, steps=4, points=6, queries=5)

# %% tags=["hide-input"]
rows = {}
for name, model in models.items():
    state = model.regime.init(queries.x)
    evidence = model.regime.evidence(state, batches[0])
    shapes = (state.value[0], state.anchor[0], evidence.pairs.x[0], evidence.gradients[0])
    rows[name] = tuple(" × ".join(map(str, part.shape)) for part in shapes)
notebook.table(
    notebook.Grid(
        header=(
            "",
            "value: slots × width",
            "anchor: slots × features",
            "observations × features",
            "gradient tokens × slots × width",
        ),
        rows=rows,
    ),
    "The state of one task before its first step, and what a step is shown of six images of 8 features in 4 classes, with Grad+Data where there are gradients and 5 queries. An absent part is an axis of length 0.",
    "tab-shapes",
)

# %% [markdown]
# Tokens of the same kind go through the same encoder. Anchors, too, go through the encoder of the data that they resemble: the slot of query $x_s$ through $E_x$, like the inputs of observations, and the slot of class $c$ through $E_y$, like their labels. Queries and keys of a layer start equal ({ref}`ch-signals`), so a slot leans
# towards the observations that resemble it, from the first update on.
#
# ## Before training, nothing happens
#
# The last layer of the refiner, its **head**, starts at zero, and by default it says a *change*:
#
# $$
# \theta^{(i+1)}_s = \theta^{(i)}_s + W_H\, n_s + b_H, \qquad W_H = 0,\; b_H = 0 \text{ at the start},
# $$ (eq-delta)
#
# where $n_s = \gamma \odot u_s + \beta$ is the output of the last layer norm for slot $s$, $u_s$ a vector of mean 0. An untrained refiner is therefore the identity (exactly, or for probabilities up to rounding), in every regime and for any number of steps: training starts from the learned initial prediction and not from noise that $k$ steps have amplified. (The gradient of the head is not zero, so it leaves this
# point at the first update; the layers below follow at the second.) The alternative, `update="absolute"`, lets the head say the next state itself; an untrained refiner then erases the state.

# %%
with torch.no_grad():
    for model in models.values():  # at a start of zero, a step that erases the state would pass as well
        model.regime.initial.normal_(0, 0.5, generator=generator)
    moved = {
        name: float((model(batches, queries.x) - model([], queries.x)).abs().max()) for name, model in models.items()
    }
print("largest change of a prediction by four untrained steps:")
print(*(f"  {name}: {value:.1g}" for name, value in moved.items()), sep="\n")

# %% [markdown]
# From here on the heads have random weights, as if training had happened. Everything that follows is about functions of this family, not about good ones.

# %%
for model in models.values():
    torch.nn.init.normal_(model.refiner.head.weight, std=0.1, generator=generator)

# %% [markdown]
# ## How $\theta$ becomes tokens
#
# A linear softmax over $C$ classes and $p$ features has $\theta \in \mathbb{R}^{C \times (p + 1)}$. It can be shown to the step as **one token**, all of $\theta$ through one linear map, or as **one token a class**, whose anchor is the class's one-hot label. What the paper does we do not know; one token is the simplest reading.
# The choice matters in two ways.
#
# The first is *reach*. By {eq}`eq-delta` every change of a slot is an affine function of a vector $n \in \mathbb{R}^w$, $w$ the width of the Transformer. Hence a slot of more than $w$ entries can go few ways:
#
# ```{prf:proposition} Reach
# :label: thm-reach
#
# With the delta update, a slot of $D$ entries obeys $\theta^{(k)} - \theta^{(0)} \in V$ for every task and every number of steps, where $V$ is a subspace of dimension at most $w$, fixed once the model is trained.
# ```
#
# ```{prf:proof}
# Sum {eq}`eq-delta` over $i = 0, \dots, k - 1$: $\theta^{(k)} - \theta^{(0)} = W_H \operatorname{diag}(\gamma) \sum_i u^{(i)} + k\, (W_H \beta + b_H)$. The $u^{(i)}$ lie in the $w - 1$ dimensions of vectors of mean 0, and the second term adds one direction.
# ```
#
# More steps do not help: they add in the same subspace. A ten-class linear softmax on 64 features has 650 parameters, more than any width in this book, so as one token it could be adapted only within a subspace chosen at training time; as ten tokens of 65 entries, fewer than the width, each goes through the same $W_H$, and nothing is lost.
# {numref}`fig-reach` shows both on tasks of eight classes: the singular values of $\theta^{(k)} - \theta^{(0)}$, collected over many tasks and steps.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reach", "caption": "Singular values of all changes of $\\theta$ within four steps on 128 tasks, for an eight-class linear softmax of 72 parameters and a refiner of width 16 with random weights, relative to the largest. As one token, $\\theta$ moves in 15 directions, one fewer than the bound since the biases of an untrained model are zero; below is rounding. As one token a class it moves in all 72."}, "image": {"alt": "Two curves of singular values against their index on a logarithmic axis. The curve for one token drops by many orders of magnitude after index 15. The curve for a token a class falls slowly and stays within a few orders of magnitude of the largest for all 72 indices."}}
wide = replace(task, ways=8)
narrow = replace(
    plain,
    objective=replace(plain.objective, task=wide),
    refiner=replace(plain.refiner, width=16),
    signal=Signal(kind="data"),
)
many, asked = episode(wide, generator, tasks=128, steps=4, points=12, queries=1)
spectra = {}
for label, theta in (("one token", "one"), ("one token a class", "class")):
    model = build(replace(narrow, theta=theta), seed)
    torch.nn.init.normal_(model.refiner.head.weight, std=0.1, generator=generator)
    with torch.no_grad():
        changes = [(model.g(many[:k], asked.x).value - model.regime.initial).flatten(1) for k in (1, 2, 3, 4)]
    values = torch.linalg.svdvals(torch.cat(changes).double())
    spectra[label] = (np.arange(1, len(values) + 1), (values / values[0]).clamp_min(1e-12))
figure, (ax,) = plots.panels(width=6.0, height=3.2)
plots.lines(ax, spectra, labels=("index", "singular value / largest"), logarithmic=True)

# %% [markdown]
# The second is *symmetry*. Nothing is special about the label 3. If a permutation $P$ relabels the classes of a task, predictions ought to be relabelled and otherwise stay. Let $F_E$ be one step of a model with a token a class, $E$ its label encoder $E_y$ (a column a class), $\theta$ the state with a row a class, and
# $(x, y)$ the mini-batch with one-hot rows $y$.
#
# ```{prf:proposition} Relabelling
# :label: thm-relabel
#
# For every permutation matrix $P$ of the classes, $\; F_{E P^{-1}}\bigl(P\theta, (x, P y)\bigr) = P\, F_E\bigl(\theta, (x, y)\bigr)$.
# ```
#
# ```{prf:proof}
# Write $E' = E P^{-1}$. An observation enters through $E_x x$ and the name of its label, and $E' P y = E y$: its token is what it was. Class $c$ has moved to place $\pi(c)$, and its slot there holds the value $\theta_c$ and the anchor $E' P e_c = E e_c$: the same slot token, in another place. A linear softmax satisfies
# $\mathcal{L}(P y, P z) = \mathcal{L}(y, z)$, so its gradient at $P\theta$ for the relabelled batch is $P$ times the gradient, and the gradient token of class $c$ moves along with its slot. So the refiner sees the same tokens, some in another order. Attention without positional encodings, layer norm, feed-forward layers and head commute with the
# order of the tokens {cite:p}`lee2019set`, so every slot gets the change that it had. (The decoder of the explicit regime treats all codes alike, so the same holds there; and as $\theta^{(0)}$ is alike in every slot, it holds for any number of steps.)
# ```
#
# This is the exact statement, and it is weaker than equivariance: data *and the names of the labels* must be permuted. With the names kept, $E_y$ has one learned column for each label, these columns differ, and a network may treat label 3 in its own way. What training promises is symmetry in law: columns start
# independent and alike, and the law of the tasks does not change under relabelling, so no label is favoured before the seed is drawn. A single trained model breaks the symmetry by as much as it likes.
#
# With one token for all of $\theta$ the analogous exact statement also holds, for any network whatsoever, if *every* weight that touches $\theta$ is permuted too: columns of $E_\theta$ and of the gradient encoder, rows of the head. It says nothing, for these are different weights for different classes. With a token a class they are shared, and only the names remain.
# {numref}`tab-relabel` measures how far each model is from equivariance: the relative distance between the predictions for relabelled data and the relabelled predictions, when the names move along and when they are kept. The last row is a model trained live.

# %%
order = torch.tensor([2, 0, 3, 1])
relabelled = [Batch(batch.x, batch.y[..., order]) for batch in batches]
rows = {}
with torch.no_grad():
    for name in ("parametric", "parametric, one token", "explicit"):
        model, names = models[name], models[name].refiner.encode_y.weight.clone()
        start, answer = model([], queries.x)[..., order], model(batches, queries.x)[..., order]
        kept = model(relabelled, queries.x)
        model.refiner.encode_y.weight.copy_(names[:, order])
        along = model(relabelled, queries.x)
        model.refiner.encode_y.weight.copy_(names)
        rows[name] = tuple(f"{float((found - answer).norm() / (answer - start).norm()):.1g}" for found in (along, kept))

# %% tags=["hide-input"]
live, _ = chapter.train("table2/mnist/grad+data")
few, ask = episode(
    replace(task, ways=live.refiner.interface.dy, projection=live.refiner.interface.dx),
    generator,
    tasks=16,
    steps=4,
    points=16,
    queries=32,
)
cycle = torch.arange(live.refiner.interface.dy).roll(1)
with torch.no_grad():
    answer, start = live(few, ask.x)[..., cycle], live([], ask.x)[..., cycle]
    found = live([Batch(batch.x, batch.y[..., cycle]) for batch in few], ask.x)
rows["parametric, trained live"] = ("", f"{float((found - answer).norm() / (answer - start).norm()):.1g}")
notebook.table(
    notebook.Grid(header=("", "names moved along", "names kept"), rows=rows),
    "Distance from equivariance to relabelling after four steps, relative to how far predictions have moved from the start. Rounding errors in single precision are about 1e-07.",
    "tab-relabel",
)

# %% [markdown]
# With a token a class, moving the names along leaves rounding errors, in the parametric regime and in the explicit one, whose code also has a slot a class. With one token it does not, as nothing makes it so. The trained model is not equivariant, and its deviation is not negligible: relabelling gives an ensemble that needs no training, and an exercise makes the symmetry exact at the price of more passes.
#
# (sec-coordinate-tokens)=
# ## $\theta$: one token, one a class, one a coordinate
#
# For a linear likelihood there is a third layout, in which $\theta$ has a slot for each coordinate of the input and one for the bias (`theta="coordinate"`). {numref}`fig-layouts` shows all three: the entries of $\theta$ that share a slot, and the tokens of a step. (A task may name slots of its own, as the mixtures of chapter {ref}`ch-generation` do with one a component: `theta="component"`.)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-layouts", "caption": "Three layouts of $\\theta$ for a linear softmax of four classes and eight features. Left: $\\theta$ with a row a class and the bias as last column; entries of one colour share a slot. Right: the tokens of a step with six observations, gradients and slots. Finer slots are narrower vectors and more tokens, and each slot has a gradient token of its own colour."}, "image": {"alt": "Three rows. On the left a matrix of four rows and nine columns: in one colour, in a colour a row, in a colour a column. On the right strips of squares: six grey squares for observations in each row, then one, four and nine coloured squares for gradients and as many for slots."}}
layouts = {"one token": "one", "one a class": "class", "one a coordinate": "coordinate"}
built = {label: build(replace(plain, theta=theta), seed) for label, theta in layouts.items()}
figure, axes = plots.panels(columns=2, rows=3, width=7.6, height=3.6)
axes[0].set_title("entries of θ by slot")
axes[1].set_title("tokens of a step: observations, gradients, slots")
for (label, model), left, right in zip(built.items(), axes[::2], axes[1::2]):
    classes, features = task.theta_shape
    slots = model.regime.slots
    kind = {1: np.zeros((classes, features)), classes: np.indices((classes, features))[0]}
    left.imshow(kind.get(slots, np.indices((classes, features))[1]), vmin=-slots / 2, vmax=max(slots - 1, 1))
    left.set(xticks=[], yticks=[], ylabel=label.replace(" a ", "\na "))
    left.grid(visible=False)
    seen = plain.objective.points
    places = np.arange(seen + 2 * slots) + np.repeat([0, 1, 2], [seen, slots, slots])
    right.scatter(places[:seen], np.zeros(seen), marker="s", s=55, color=plots.INK)
    shades = np.tile(np.arange(slots), 2)
    right.scatter(
        places[seen:], np.zeros(2 * slots), marker="s", s=55, c=shades, vmin=-slots / 2, vmax=max(slots - 1, 1)
    )
    right.set(xlim=(-1, 27), ylim=(-1, 1))
    right.annotate(f"{seen} + {slots} + {slots}", (0, -0.75), fontsize=9)
    right.axis("off")

# %% [markdown]
# Slot $m$ holds $\theta_m$, one number for each output, and the bias slot holds $b$. Both can be said in predictions, for the basis vector $e_m$ of the inputs:
#
# $$
# \theta_m = f(e_m, \theta) - f(0, \theta) , \qquad b = f(0, \theta) .
# $$ (eq-coordinate-slot)
#
# So $\theta_m$ is the change of the prediction along $e_m$, and its anchor says this. The anchor is the input $\sqrt d\, e_m$, which is as long as a typical input, and it goes through the encoder of inputs, $E_x$. The anchor of the bias slot is the input 0. A parametric slot is then an implicit slot at a basis input: both hold a prediction and are anchored at an input. What differs is the likelihood, which extends $d + 1$ predictions to all inputs.
#
# The anchor gives attention a useful start. Queries and keys start equal, so slot $m$ scores observation $x_j$ by about $(E_x \sqrt d\, e_m)^\top (E_x x_j)$, up to norms and other terms. For a random $E_x$ this is on average in proportion to $x_{jm}$, the coordinate $m$ of observation $j$. To first order, attention with weights $1 + s\, x_{jm}$ returns the mean of $y_j$ plus $s$ times the mean of $x_{jm} y_j$. The second term is a coordinate of the gradient at $\theta = 0$, up to factor and sign. With residuals in the place of $y$ ({ref}`sec-residual`) it is one at every $\theta$.
#
# The order of coordinates is no information in this layout, as the order of classes above.
#
# ```{prf:proposition} Reordering
# :label: thm-reorder
#
# Let $F_{E}$ be the predictor of a model with a token a coordinate, $E$ the weights of its encoder $E_x$. For every permutation matrix $P$ of the coordinates, $F_{E P^{-1}}(P x; \{(P x_j, y_j)\}) = F_E(x; \{(x_j, y_j)\})$.
# ```
#
# ```{prf:proof}
# Observations enter through $E P^{-1} P x_j = E x_j$: their tokens are what they were. Coordinate $m$ has moved to place $\pi(m)$. Its slot there has the anchor $E P^{-1} P e_m = E e_m$ and holds $\theta_m$. Its gradient token moves along, as the gradient of a linear likelihood at $P \theta$ for inputs $P x$ is $P$ times the gradient. The refiner sees the same tokens in another order, $\theta^{(0)}$ is alike in all slots, and $(P \theta)^\top P x = \theta^\top x$.
# ```
#
# As with labels, the exact statement is about coordinates *and their names*, the columns of $E_x$. The other weights touch no coordinate by its place. With one token for $\theta$ or one a class they do: columns of the slot encoder and rows of the head belong to coordinates. {numref}`tab-reorder` reorders the inputs and the columns of $E_x$ for the three layouts.

# %%
own = torch.Generator().manual_seed(seed)
order, rows = torch.randperm(task.dx, generator=own), {}
renamed = [Batch(batch.x[..., order], batch.y) for batch in batches]
with torch.no_grad():
    for label, model in built.items():
        torch.nn.init.normal_(model.refiner.head.weight, std=0.1, generator=own)
        names, start = model.refiner.encode_x.weight.clone(), model([], queries.x)
        answer, kept = model(batches, queries.x), model(renamed, queries.x[..., order])
        model.refiner.encode_x.weight.copy_(names[:, order])
        along = model(renamed, queries.x[..., order])
        model.refiner.encode_x.weight.copy_(names)
        rows[label] = tuple(
            f"{float((found - answer).norm() / (answer - start).norm()):.1g}" for found in (along, kept)
        )

# %% tags=["hide-input"]
notebook.table(
    notebook.Grid(header=("", "columns of $E_x$ moved along", "columns kept"), rows=rows),
    "Change of the predictions after four steps when coordinates are reordered, relative to how far predictions have moved from the start. Random weights; rounding errors in single precision are about 1e-07.",
    "tab-reorder",
)

# %% [markdown]
# Coordinate tokens cost attention. With gradients a step has $2 (d + 1)$ tokens beside the observations, where one token for $\theta$ has 2 and one a class $2 C$. {numref}`tab-layouts` counts them, and the operations of an update relative to the cheapest layout, with {func}`iai.study.measure.cost.cost_of_update`.

# %% tags=["hide-input"]
rows = {}
for family, size, name in (
    ("linear-regression", "small", "regression"),
    ("linear-regression", "paper", "regression"),
    ("mnist", "small", "images"),
):
    chosen = experiment(f"table2/{family}/grad+data", size)
    about = f"{name}, {chosen.task.dx} features, {chosen.objective.points} points"
    cheapest = None
    for label, theta in layouts.items():
        if theta == "class" and chosen.task.dy == 1:
            continue  # the same as one token
        model = build(replace(chosen, theta=theta), seed)
        cost, slots = cost_of_update(model, chosen.objective), model.regime.slots
        cheapest = cheapest or cost.flops
        tokens = cost.tokens // chosen.objective.tasks
        rows[f"{about}: {label}"] = (slots, slots, tokens, f"{cost.flops / cheapest:.1f}")
header = ("", "slots", "gradient tokens", "tokens of a step", "operations of an update / one token")
caption = (
    "What a layout costs with gradients and data, counted from the configs of this book (profiles `small` and `paper`)."
)
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-layouts")

# %% [markdown]
# Reach is no limit here. A slot has $C$ entries, or one in regression, fewer than any width. What the layout is worth in accuracy is a question for trained models: the rows by dimension of {ref}`sec-abl-dimension` have it at profile `small`.
#
# ## Gradients as tokens
#
# Chapter {ref}`ch-signals` said what gradients can tell. Here is how they are laid out. For a state of $S$ slots and a mini-batch of $B$ observations with per-sample gradients $g_j = \nabla_\theta \mathcal{L}(y_j, f(x_j, \theta))$, the field `Signal.tokens` chooses between
#
# $$
# \begin{aligned}
# \text{mean:}\quad & \bar g_B = \tfrac{1}{B} \textstyle\sum_{j \le B} g_j, \\
# \text{sample:}\quad & g_1, \dots, g_B, \\
# \text{running:}\quad & \bar g_1, \dots, \bar g_B, \qquad \bar g_j = \tfrac{1}{j} \textstyle\sum_{i \le j} g_i ,
# \end{aligned}
# $$ (eq-tokens)
#
# that is $S$, $BS$ and $BS$ tokens; each slot has gradient tokens of its own, with its own anchor. A single mean costs least and is what an optimizer gets. Samples contain the mean, and also its spread. The running mean exists for the causal mask below: $\bar g_j$ is the gradient of the loss of the first $j$ observations, no more and no less.
# All are computed by `vmap(grad(...))` over tasks, with no graph kept.
#
# ```{list-table} The three layouts of gradients for $B$ observations and $S$ slots. A batch is a set where reordering it changes nothing.
# :name: tab-tokens
# :header-rows: 1
#
# * - layout
#   - tokens
#   - is the batch a set?
#   - with a causal mask
# * - mean
#   - $S$
#   - yes
#   - refused: $\bar g_B$ would show every context the whole batch
# * - sample
#   - $BS$
#   - yes
#   - allowed: $g_j$ belongs to observation $j$ alone
# * - running
#   - $BS$
#   - no, the order of the running sums shows
#   - allowed: $\bar g_j$ is the mean over the context
# ```
#
# The refusal is a line of code, not a convention:

# %%
try:
    build(replace(plain, refiner=replace(plain.refiner, mask="causal")))
except UserError as error:
    print(str(error).replace(": ", ":\n"))

# %% [markdown]
# ## Where predictions live
#
# An implicit state can be kept as **logits** $z$, as **softmax** probabilities $p$, or as a **latent** $u$ from which a learned linear map reads logits. The paper compares them: as summarised by others, and only as an order, logits do better than the latent before the last layer, and that does better than probabilities; we have not verified the figure itself.
# Probabilities cannot be changed by adding. The update here multiplies them and renormalises, which keeps them probabilities whatever the head says,
#
# $$
# p^{(i+1)} = \frac{p^{(i)} \odot e^{\Delta^{(i)}}}{\langle 1,\, p^{(i)} \odot e^{\Delta^{(i)}} \rangle},
# $$ (eq-simplex)
#
# and is the exponentiated gradient or entropic mirror step {cite:p}`kivinen1997exponentiated,nemirovsky1983problem` with the head in place of the gradient. Now take logarithms: $\log p^{(i+1)} = \log p^{(i)} + \Delta^{(i)} - \text{const}$. If $z^{(0)} = \log p^{(0)}$ and the same changes are applied, then $p^{(k)} = \operatorname{softmax}(z^{(k)})$ for all $k$.
# As a rule for updates, the simplex is the space of logits in other coordinates. The one difference between the two is what the next step *reads*:

# %% tags=["hide-input"]
changes = 3 * torch.randn(6, 5, 4, generator=generator)
logits, probabilities = torch.zeros(5, 4), torch.full((5, 4), 0.25)
rows = {}
for k, change in enumerate(changes, start=1):
    logits, probabilities = logits + change, (probabilities.log() + change).softmax(-1)
    apart = float((logits.softmax(-1) - probabilities).abs().max())
    read = (
        logits.square().mean().sqrt(),
        probabilities.square().mean().sqrt(),
    )
    rows[str(k)] = (f"{apart:.1g}", *(f"{float(value):.2f}" for value in read))
notebook.table(
    notebook.Grid(
        header=(
            "step",
            "largest difference in probability",
            "RMS entry of logits",
            "RMS entry of probabilities",
        ),
        rows=rows,
    ),
    "The same random changes applied to logits and to probabilities of four classes. The predictions agree; what the next step would read does not.",
    "tab-spaces",
)

# %% [markdown]
# The entries of $p$ are bounded and those of $z$ are not. The encoder of $p$ is scaled for uniform probabilities, $1/C$ each, so that they arrive like all other tokens. But once a prediction is confident, further evidence for it hardly changes the entries of $p$: a linear map of $p$ can hardly tell how much evidence lies behind a prediction, while $z$ counts it.
# That is a mechanism by which the paper's order could arise. It is not evidence that it does; the comparison by training belongs to a later chapter.
#
# ## Memory beside the state
#
# A state $\theta^{(i)}$ carries no record of how it came about. With `Signal(history=H)` a state also carries the values, and where there are gradients the mean of their tokens (for running means a mean of means, and not the gradient of the batch), of its last $H$ steps, as tokens of a fourth kind; at the start they are zero. The step is then a recursion of order $H + 1$ in $\theta$, and can do what momentum does. In the implicit regime the past of a query is seen by
# this query alone, for the reason given below. A third party's notes on the paper say that a window barely helps, save for a model pre-trained on Fashion-MNIST; the default here is $H = 0$.
#
# ## Who sees whom
#
# All of the above are tokens of one sequence, and which token may look at which is decided by one pure function, {func}`iai.model.attention.attention_mask`. It knows two kinds of mask, and two kinds of state. In the parametric and explicit regimes the slots are **shared**: they are parts of one $\theta$ and must see each other, and the evidence should see them too, since what an observation means depends on
# where $\theta$ stands. In the implicit regime the slots are **independent**: they are questions that happen to be asked at the same time. {numref}`fig-masks` is drawn by calling this function.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-masks", "caption": "The four masks, drawn by the code's own function: a filled square where the token of a row sees the token of a column, coloured by what is seen (observations, gradients, slots; a thick line ends a kind). Four observations $o_1 \\dots o_4$. Top: the full mask, with a mean gradient for each of two shared slots, and with three independent queries. Bottom: the causal mask. Left, one shared slot with running gradients answers the context sizes 1, 2 and 4 at once: the present state $\\theta$ is seen by all and sees itself alone, the answers $\\theta_{\\mid 1}, \\theta_{\\mid 2}, \\theta_{\\mid 4}$ are seen each by none but itself. Right, each of three queries has a context size of its own."}, "image": {"alt": "Four square grids. Full and shared: every cell filled. Full and independent: all rows see the four observations, and each query row also sees itself only. Causal and shared: observations and gradients form lower triangles, all rows see the present state, and the answer for context size j sees observations and gradients up to j, the present state and itself. Causal and independent: observations form a lower triangle, and query rows see the first 1, 2 and 4 observations and themselves."}}
four, sizes = torch.arange(1, 5), torch.tensor([1, 2, 4])
seen = [f"$o_{i}$" for i in (1, 2, 3, 4)]
asked_at = [f"$q_{{{i}}}$" for i in "abc"]
answers = [r"$\theta$", *(rf"$\theta_{{\mid {size}}}$" for size in sizes.tolist())]
running = [rf"$\bar g_{i}$" for i in (1, 2, 3, 4)]
drawn = {
    "full, shared slots": (
        attention_mask(
            "full",
            torch.cat([four, torch.ones(2, dtype=torch.long)]),
            torch.tensor([4, 4]),
            torch.zeros(2, dtype=torch.long),
            True,
        ),
        [*seen, r"$\bar g_{\theta_1}$", r"$\bar g_{\theta_2}$", r"$\theta_1$", r"$\theta_2$"],
        [0] * 4 + [1] * 2 + [2] * 2,
    ),
    "full, independent slots": (
        attention_mask("full", four, torch.tensor([4, 4, 4]), torch.arange(3), False),
        [*seen, *asked_at],
        [0] * 4 + [2] * 3,
    ),
    "causal, shared slots": (
        attention_mask("causal", torch.cat([four, four]), torch.tensor([0, 1, 2, 4]), torch.arange(4), True),
        [*seen, *running, *answers],
        [0] * 4 + [1] * 4 + [2] * 4,
    ),
    "causal, independent slots": (
        attention_mask("causal", four, sizes, torch.arange(3), False),
        [*seen, *asked_at],
        [0] * 4 + [2] * 3,
    ),
}
figure, axes = plots.panels(columns=2, rows=2, width=7.6, height=7.8)
for ax, (title, (allowed, names, kinds)) in zip(axes, drawn.items()):
    seen_kinds = allowed.numpy() * (np.array(kinds) + 1)
    colours = {"cmap": ListedColormap(["none", *plots.COLOURS[:3]]), "vmin": 0, "vmax": 3, "cbar": False}
    sns.heatmap(seen_kinds, ax=ax, square=True, linewidths=0.4, linecolor=plots.INK, **colours)
    for edge in np.flatnonzero(np.diff(kinds)) + 1:
        ax.axvline(edge, color=plots.INK, linewidth=2.5)
        ax.axhline(edge, color=plots.INK, linewidth=2.5)
    ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=0)
    ax.set_yticks(np.arange(len(names)) + 0.5, names, rotation=0)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set_title(title)

# %% [markdown]
# The function is what runs: a hook on the first block of a causal model catches the mask that it is given.

# %%
causal = {
    name: build(
        replace(
            plain,
            **changes,
            refiner=replace(plain.refiner, mask="causal"),
            signal=Signal(kind=kind, tokens="running"),
        ),
        seed,
    )
    for name, changes, kind in (
        ("parametric, Data", {}, "data"),
        ("parametric, Grad", {}, "grad"),
        ("parametric, Grad+Data", {}, "grad+data"),
        ("parametric, Grad+Data, one token", {"theta": "one"}, "grad+data"),
        ("explicit, Grad+Data", {"regime": "explicit"}, "grad+data"),
        ("implicit, logits", {"regime": "implicit"}, "data"),
        ("implicit, softmax", {"regime": "implicit", "space": "softmax"}, "data"),
    )
}
for model in causal.values():
    torch.nn.init.normal_(model.refiner.head.weight, std=0.1, generator=generator)

model, given = causal["implicit, logits"], []
hook = model.refiner.blocks[0].register_forward_pre_hook(
    lambda block, tokens_and_mask: given.append(tokens_and_mask[1])
)
state, first = model.regime.init(queries.x[:, :3]), batches[0][:4]
model.refiner(state, model.regime.evidence(state, first), sizes)
hook.remove()
print(
    "the panel at the bottom right is the mask that attention got:",
    torch.equal(given[0], drawn["causal, independent slots"][0]),
)

# %% [markdown]
# ## All context sizes at once
#
# Train a model on mini-batches of one size, and it knows that size. The remedy is to train on all sizes $j = 1, \dots, B$, and a causal mask does that in one pass.
#
# ```{prf:proposition} Fast is slow
# :label: thm-prefix
#
# Let the mask be causal, and let gradient tokens, if any, be samples or running means. Then the answer at context size $j$ from one pass over $B$ observations equals the answer of a pass over the first $j$ observations only.
# ```
#
# ```{prf:proof}
# Call a token *of time $t$* if it is observation $t$, the sample or running gradient $t$, or, with $t = 0$, a remembered or present state (a query's remembered slots count as its own). At the input a token of time $t$ depends on observations up to $t$ only; for the running mean this is {eq}`eq-tokens`, and for the mean of the batch it fails. Suppose it is so at the input of some block. A token of time $t$ looks at tokens of times $\le t$
# and at the present state, and an answer of context $j$ at tokens of times $\le j$, at the present state and at its own slots; the present state looks at itself and at time 0. All of these are there in the pass over $j$ observations, and no others are visible in the long one. So attention takes the same average of the same values; layer norm and feed-forward layers act on each token
# alone. Hence it is so at the output of the block, and by induction at the head.
# ```
#
# Note why a shared state appears twice, as present state and as answer. If the evidence saw the answer at size 4, which reads observation 4 in the first block, then observation 1 would learn of observation 4 in the second, and the answer at size 1 would learn it in the third. The present state, which looks at no observation, can be seen by everybody.
#
# In training, {func}`iai.training.objectives.causal_loss` draws some context sizes at random for each update, eight for a shared state and one for each query otherwise, and averages eq. 9 of the paper over them:
#
# $$
# \mathcal{L}_{\text{causal}} = \mathbb{E}_{j \sim U\{1, \dots, B\}} \; \mathcal{L}\bigl(y, f_\gamma(x, h_\varphi(\theta^{(i)}, \mathcal{B}^{(i)}_{\le j}))\bigr), \qquad \theta^{(i)} \text{ detached.}
# $$ (eq-causal)
#
# The roll-out goes on from the whole batch. {numref}`tab-prefix` compares the answers at all six context sizes from whole batches (one pass for a shared state, one pass a size for independent slots) with passes over batches cut short, at a random state.

# %% tags=["hide-input"]
rows, batch = {}, batches[0]
with torch.no_grad():
    for name, model in causal.items():
        start = model.regime.init(queries.x)
        value = start.value + torch.randn(start.value.shape, generator=generator)
        state = State(value.softmax(-1) if "softmax" in name else value, start.anchor, start.past)
        evidence, slots = model.regime.evidence(state, batch), state.value.shape[1]
        slow = torch.stack([model.step(state, batch[:size]).value for size in range(1, 7)], dim=1)
        if model.refiner.interface.independent:  # all queries at one size, six times
            fast = torch.stack(
                [model.refiner(state, evidence, torch.full((slots,), size)).value for size in range(1, 7)],
                dim=1,
            )
        else:
            fast = model.refiner(state, evidence, torch.arange(1, 7)).value.unflatten(0, (8, 6))
        matters = (slow[:, 0] - slow[:, -1]).abs().max()
        rows[name] = (f"{float((fast - slow).abs().max()):.1g}", f"{float(matters):.2f}")
notebook.table(
    notebook.Grid(header=("", "largest difference, fast and slow", "for scale: sizes 1 and 6 differ by"), rows=rows),
    "Answers at every context size from the whole batch under a causal mask against passes over batches cut to that size.",
    "tab-prefix",
)

# %% [markdown]
# What one pass saves is easily counted. With $S$ slots and $M$ evidence tokens an observation, $B$ passes over the batches of sizes $1, \dots, B$ encode $B(B+1)M/2$ evidence tokens; one pass encodes $BM$, and $S$ more for the present state and for each size that is asked.
#
# What it costs is that evidence no longer sees all evidence: observation 1 is encoded in ignorance of observation 2, so the order of a batch, which carries no information, shows in the answer. The paper's appendix, as summarised by others, finds the non-causal Transformer more expressive and its training gradients noisier. We use the full mask by default.
#
# ## Questions do not influence each other
#
# A distribution over functions should give the same answer about $x_a$ whether or not $x_b$ is asked too. Most attention-based predictors get this by construction, and lose it easily.
#
# ```{prf:proposition} Query independence
# :label: thm-queries
#
# With independent slots, the prediction at a query is a function of this query and the mini-batches, for any number of steps, either mask and any history.
# ```
#
# ```{prf:proof}
# No evidence token looks at a slot. A slot looks at evidence, at itself and at its own past. By induction over blocks and steps its value depends on nothing else.
# ```
#
# In the parametric and explicit regimes the state does not see queries at all, and the statement is trivial. Here is the check: predictions for five queries at once against predictions for each alone, after four steps, also with a history of two.

# %%
models["implicit, logits, history of 2"] = build(replace(plain, regime="implicit", signal=Signal(history=2)), seed)
torch.nn.init.normal_(models["implicit, logits, history of 2"].refiner.head.weight, std=0.1, generator=generator)
rows = {}
with torch.no_grad():
    for name, model in models.items():
        together = model(batches, queries.x)
        alone = torch.cat([model(batches, queries.x[:, i : i + 1]) for i in range(5)], dim=1)
        rows[name] = (f"{float((together - alone).abs().max()):.1g}", f"{float(together.std()):.2f}")
notebook.table(
    notebook.Grid(header=("", "largest difference, together and alone", "for scale: sd of predictions"), rows=rows),
    "Predictions for five queries asked together and one by one.",
    "tab-queries",
)

# %% [markdown]
# An earlier version of this library failed in the last row of {numref}`tab-queries`: tokens of the past lay among the evidence, where every query sees them, so each query read the history of all others. No loss would have shown it. The test that found it runs through combinations of tasks, regimes, signals, masks, tokens and histories, and checks query independence on all of them; another checks {prf:ref}`thm-prefix` on all causal ones.
#
# ## A tour of the library
#
# {numref}`fig-arrows` is made from the library's source: boxes are its parts, rows are the layers that a check enforces, and an arrow says that one part imports another. Read it from below.
#
# - `types` has the words: a batch, a state, evidence, a task. `fields` checks what a config is given. `losses` are pure functions, one number an example.
# - `model` has the refiner, which knows tokens and masks and neither regimes nor tasks; the regimes, which know what a state means and no task; and the amortizer, which joins the two and has the formula as a line of code. `tasks` draw data, and know no model.
# - `training` has eq. 9 and the one training loop, which knows neither regime, task nor loss. `baselines` are called as an amortizer is, and `evaluation` measures both.
# - `experiment` is the place where a task's own likelihood is handed to a regime, from a config that is plain data. `learner` puts all of this behind `fit` and `predict`.
# - `study` is the machinery of this book's evidence: the registry of all runs, their records, and what reads them. Nothing below imports it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arrows", "caption": "The parts of `iai`, from the imports in its source. An arrow points from a part to one that it imports; arrows implied by others are left out. Rows are the layers that the checks enforce: no arrow points up, and none joins two parts of a row."}, "image": {"alt": "Boxes in eight rows: study, learner and experiment each alone; training, baselines and evaluation side by side; model and tasks; losses, fields and types each alone. All arrows point downwards."}}
contract = tomllib.loads(Path("../pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
rows = [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"] if layer != "__main__"]
places = {name: ((i + 0.5) / len(row), -float(level)) for level, row in enumerate(rows) for i, name in enumerate(row)}
imports = nx.DiGraph()
for path in Path("../iai").rglob("*.py"):
    part = path.relative_to("../iai").with_suffix("").parts[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "iai":
            found = node.module.split(".")[1:2] or [alias.name for alias in node.names]
            imports.add_edges_from((part, other) for other in found if other != part)
shown = nx.transitive_reduction(imports.subgraph(places))
figure, (ax,) = plots.panels(width=7.6, height=6.0)
plots.graph(ax, places, sorted(shown.edges))
ax.margins(0.12)

# %% [markdown]
# ## A model is a file, and loading it is a line
#
# A checkpoint holds weights, config, the seed, the identity of the data, and the position of the optimizer, as tensors and JSON; nothing in it is executed when it is read. `iai.load` needs the path and nothing else, since the config inside says what to build.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model.safetensors"
    trained, _ = fit(replace(plain, train=TrainConfig(updates=16, warmup=4)), seed=seed, path=path, show=False)
    loaded = iai.load(path)
    print("same predictions:", torch.equal(loaded(batches, queries.x), trained(batches, queries.x)))
    path.write_bytes(path.read_bytes()[:1000])
    try:
        iai.load(path)
    except UserError as error:
        print("a file cut short:", str(error).replace(folder, "…").replace(": ", ":\n  "))

# %% [markdown]
# ## Your own task, in three regimes
#
# A task is anything that draws data: it has the number of features of an input and of a target, the name of a loss (and the scales of inputs and targets, where they are not 1), and `sample`, which returns observations of new tasks. If it has a known likelihood, `decode` and the shape of its $\theta$ make the parametric regime available. Here is one: waves $y = \theta_1 \sin x + \theta_2 \cos x + \varepsilon$ with $\theta \sim \mathcal{N}(0, I)$,
# that is, of random amplitude and phase, with noise of standard deviation 0.3.


# %%
def features(x):
    return torch.cat([x.sin(), x.cos()], dim=-1)


def sample(generator, tasks, points):
    theta = torch.randn(tasks, 2, 1, generator=generator)
    x = 6 * torch.rand(tasks, points, 1, generator=generator) - 3
    return Batch(x, features(x) @ theta + 0.3 * torch.randn(tasks, points, 1, generator=generator))


waves = SimpleNamespace(dx=1, dy=1, loss="squared_error", sample=sample, x_scale=3**0.5, y_scale=1.04)
waves.theta_shape, waves.decode = (1, 2), lambda x, theta: features(x) @ theta.reshape(2, 1)

# %% [markdown]
# Nothing else is needed to train it in each regime. (Written as a frozen dataclass, as the tasks of the library are and as the README does, a task is also plain data: its runs can be stored, resumed and loaded.)

# %%
updates = {"smoke": 240, "small": 3000, "paper": 3000}[profile]
judged = EvaluationConfig(tasks=128, steps=10, points=4, queries=32)
curves, learners = {}, {}
for regime in ("parametric", "explicit", "implicit"):
    experiment = replace(plain, regime=regime, objective=Greedy(task=waves, tasks=40, steps=5, points=4, queries=16))
    learners[regime] = build(experiment, seed)
    train(
        learners[regime],
        experiment.objective,
        TrainConfig(updates=updates, warmup=40, lr=4e-3),
        seed=seed,
        show=False,
    )
    curves[regime] = evaluate(learners[regime], waves, judged)["mse"]["mean"]
ridge = Ridge(noise_variance=0.09, bias=False)
bayes = evaluate(lambda some, x: ridge([Batch(features(b.x), b.y) for b in some], features(x)), waves, judged)
bayes = bayes["mse"]["mean"]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-waves", "caption": "A task of one's own in three regimes, trained live. Left: one wave, four observations, and what each regime predicts after one step. Large dots: the four observations; small dots: held-out observations of the same wave. Right: error against steps of four observations each, trained on five; in grey the Bayes-optimal prediction, which knows sine and cosine and the noise."}, "image": {"alt": "Left, four large dots and many small ones near a sine wave, and three curves of predictions. Right, mean squared error on a logarithmic axis against 0 to 10 steps: all three regimes fall from about one; the parametric one comes nearest to the grey line of the Bayes-optimal prediction."}}
grid = torch.linspace(-3, 3, 121).view(1, -1, 1)
shown, rest = episode(waves, torch.Generator().manual_seed(seed + 5), tasks=1, steps=1, points=4, queries=200)
with torch.no_grad():
    fits = {name: (grid.flatten(), learner(shown, grid).flatten()) for name, learner in learners.items()}
figure, (left, right) = plots.panels(columns=2, width=8.6, height=3.4)
plots.lines(left, fits, labels=("x", "y"))
left.scatter(rest.x.flatten(), rest.y.flatten(), s=4, color=plots.INK, alpha=0.35)
left.scatter(shown[0].x.flatten(), shown[0].y.flatten(), s=40, color=plots.INK, zorder=4)
plots.lines(
    right,
    {name: (range(11), curve) for name, curve in curves.items()},
    labels=("steps k", "MSE"),
    logarithmic=True,
)
right.plot(range(11), bayes, color=plots.INK, linestyle="--", label="Bayes")
legend = right.legend()
# %% tags=["hide-input"]
chosen = (0, 1, 5, 10)
notebook.table(
    notebook.Grid(
        header=("MSE", *(f"{k} step{'s' * (k != 1)}" for k in chosen)),
        rows={name: tuple(f"{curve[k]:.3g}" for k in chosen) for name, curve in (curves | {"Bayes": bayes}).items()},
    ),
    f"Error on new waves after steps of four observations, live, {updates} updates, one seed. The noise alone has variance 0.09.",
    "tab-waves",
)

# %% [markdown]
# The three models share their Transformer, their optimizer and their data, and differ in what the state means. In the parametric one, the refiner has to find two numbers, and the rest is known. The explicit one must also learn what a code is good for, while the refiner that writes the codes changes under it. The implicit one never writes down what it knows about the wave: each query finds it again. How they compare
# at equal cost on the paper's tasks is the subject of the chapters on results; one seed and a few hundred updates on waves say only that all three run. The models were trained on five steps; what they do in the five after that nobody has asked of them, and an error that rises there is the drift that {ref}`ch-iteration` is about.
#
# ## Exercises
#
# ```{exercise} Equivariance, exactly
# :label: ex-equivariance
#
# Give two changes, one of the predictor and one of the training, after which relabelling is exact, or exact in law for a fixed model. What does each cost?
# ```
#
# ```{solution} ex-equivariance
# :class: dropdown
#
# *Average.* For a group $G$ of relabellings put $\bar f(x; \mathcal{D}) = \frac{1}{|G|} \sum_{P \in G} P^{-1} f(x; P\mathcal{D})$. Then for $Q \in G$, $\bar f(x; Q\mathcal{D}) = \frac{1}{|G|} \sum_P P^{-1} f(x; PQ\mathcal{D}) = Q\, \frac{1}{|G|} \sum_P (PQ)^{-1} f(x; PQ\mathcal{D}) = Q \bar f(x; \mathcal{D})$, since $PQ$ runs through $G$ as $P$ does.
# All permutations of ten labels are too many; the ten cyclic shifts form a group, cost ten times as much, and give equivariance to shifts only.
#
# *Random names.* Draw the columns of $E_y$ anew for each task from an exchangeable law, in training and in use. By {prf:ref}`thm-relabel`, relabelling the data has the effect of a permutation of the columns, under which their law is invariant; so predictions are equivariant in law for the fixed model. It costs nothing, except that answers are now random, and that the refiner must work with names that it has never seen.
# ```
#
# ```{exercise} What the present state may not see
# :label: ex-two-streams
#
# In the mask at the bottom left of {numref}`fig-masks`, let the present state $\theta$ see all observations, as it does under the full mask. With how many blocks does {prf:ref}`thm-prefix` fail, and which answer is the first to be wrong?
# ```
#
# ```{solution} ex-two-streams
# :class: dropdown
#
# In the first block $\theta$ reads observations 1 to 4. Its new value is seen in the second block by every observation and by every answer. So with one block all answers are still right, and with two all answers except the one at the full context are wrong, at once: even $\theta_{\mid 1}$ sees $\theta$ directly. This is why the library keeps two copies, at the price of $S$ more tokens.
# ```
#
# ```{exercise} The simplex and its edge
# :label: ex-simplex
#
# {eq}`eq-simplex` and logits give the same predictions in exact arithmetic. In the code, probabilities below $10^{-9}$ are raised to $10^{-9}$ before their logarithm is taken. How many nats of evidence against a class can a softmax state of four classes hold, and what happens to the next nat?
# ```
#
# ```{solution} ex-simplex
# :class: dropdown
#
# At most $\log(p_{\max} / p_{\min}) \le \log 10^{9} = 9 \log 10 \approx 20.7$ nats enter a step. What lies beyond is forgotten before the step begins: if $p_c = e^{-30}$ and the step has $\Delta_c = +5$, logits end at $-25$, and the softmax state near $-20.7 + 5 = -15.7$. A state of logits can be wrong with more confidence, and one of probabilities can be talked round sooner. In single precision $p$ itself is
# rounded to 1 at about 17 nats. Nothing is lost by that: the odds are kept by the small entries, up to the clamp.
# ```
#
# ```{exercise} Reach of one token
# :label: ex-reach
#
# Show that with `update="absolute"` the reachable states also lie in a fixed affine subspace, of dimension at most $w - 1$. Then show that a single gradient step $\theta - \eta \nabla \mathcal{L}$ on a linear softmax of $C$ classes and $p$ features, from one mini-batch of $B$ observations, changes $\theta$ by a matrix of rank at most $\min(B, C - 1)$. Why does that not help the one-token model?
# ```
#
# ```{solution} ex-reach
# :class: dropdown
#
# The absolute update is $\theta = W_H \operatorname{diag}(\gamma) u + W_H \beta + b_H$ itself, with $u$ in $w - 1$ dimensions. The gradient is $\frac{1}{B} \sum_j (\operatorname{softmax}(\theta x_j) - y_j)\, x_j^\top$, a sum of $B$ matrices of rank one whose columns sum to zero over the $C$ classes. Low rank is not a fixed subspace: over all tasks such matrices span $(C - 1)\,p$ dimensions, and which of them is needed depends on the task, while $V$ does not.
# So no choice of weights makes the one-token refiner of width $w < (C - 1)\,p$ imitate SGD on all tasks. (With a bias read $p + 1$ for $p$.)
# ```
#
# ## What we found, and what we did not
#
# One step serves three regimes, and the regimes differ in three functions. What the code claims about masks, queries, labels and prefixes holds to rounding error on random weights in {numref}`tab-relabel`, {numref}`tab-prefix` and {numref}`tab-queries`; checking it found an implicit history that leaked between queries, and a batch gradient that a causal mask would have let through. Both are now refused or repaired, and tested.
#
# One token for all of $\theta$ confines it to a subspace fixed at training time, whatever the number of steps; for the classifiers of this book one token a class does not. Such a model is equivariant to relabelling up to the names of the labels, and not beyond: the model trained here is visibly not symmetric. Updates of probabilities and of logits are the same updates, so any difference between them in training comes from what the next step reads (and from the clamp of {ref}`ex-simplex`).
#
# A token a coordinate anchors $\theta$ at basis inputs. It makes the step blind to the order of coordinates up to the columns of $E_x$ ({numref}`tab-reorder`), at a price in tokens ({numref}`tab-layouts`). It needs a linear likelihood.
#
# We did not find out which of these choices matters for accuracy at the paper's scale. In this chapter we trained neither causal models, nor other spaces of predictions, nor histories to convergence; chapters {ref}`ch-ablations` and {ref}`ch-claims` have the paper's comparisons of them. We do not know how the paper itself turns $\theta$ into tokens. And the waves show that a new task runs in three regimes, not which regime is best for it.
