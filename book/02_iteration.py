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
# (ch-iteration)=
# # Iteration
#
# *Cost: about half a minute on one core at `smoke`; trains two small linear-regression models live, one greedily and one through time.
# Everything said about trained models at full size is read from committed records.*
#
# Chapter {ref}`ch-one-formula` wrote a learner as $f(x, g(\D_T))$ and left open what $g$ is. Reading all of $\D_T$ in one pass is the obvious choice
# and does not scale: attention over $N$ observations costs $N^2$, and a context must fit into memory. Nobody fits a
# model to a large data set in one step either. Stochastic gradient descent reads a mini-batch, moves a little, and forgets the batch. This chapter
# makes that the definition of $g$, derives the objective that trains it, measures what the objective gives away, and works
# out how good a learner *of this form* can be at best, which later chapters need in order to read their own curves.

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
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below
tasks: int = 256  # tasks over which gradients are averaged

# %%
import math
from dataclasses import replace
from functools import partial
from itertools import pairwise, product

import torch

from iai.study.book import notebook, plots
from iai.baselines.classical import Memoryless, Ridge
from iai.experiment import build
from iai.study.measure.cost import peak_saved_bytes
from iai.evaluation import evaluate
from iai.study.jobs.run import fit
from iai.losses import squared_error
from iai.training import rollout_losses, Unrolled
from iai.study.registry import PROFILES, experiment
from iai.study.registry.variants import objective_like
from iai.tasks import episode
from iai.study.analysis.contrasts import ratio
from iai.study.analysis.theory import ridge_variance

chapter = notebook.setup(globals())
KEY = "table2/linear-regression/data"

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("table2/linear-regression/*")

# %% [markdown]
# ## From a step of SGD to an amortized step
#
# Fix a task and a model $f(x, \theta)$ with a known likelihood. Stochastic gradient descent {cite:p}`robbins1951stochastic` splits $\D_T$ into mini-batches
# $\mathcal{B}^{(0)}, \dots, \mathcal{B}^{(k-1)}$ and computes
#
# $$
# \theta^{(i+1)} = u_\eta\bigl(\theta^{(i)}, \mathcal{B}^{(i)}\bigr),
# \qquad u_\eta(\theta, \mathcal{B}) = \theta - \eta \, \nabla_\theta \sum_{(x, y) \in \mathcal{B}} \mathcal{L}\bigl(y, f(x, \theta)\bigr) .
# $$ (eq-sgd-step)
#
# As an instance of $f(x, g(\D_T))$, $f$ is the model and $g$ is a composition,
#
# $$
# g(\D_T) = u_\eta\bigl(\,\cdot\,, \mathcal{B}^{(k-1)}\bigr) \circ \dots \circ u_\eta\bigl(\,\cdot\,, \mathcal{B}^{(0)}\bigr) \bigl(\theta^{(0)}\bigr) .
# $$ (eq-sgd-as-g)
#
# Three properties of {eq}`eq-sgd-as-g` make it scale, and none of them has to do with gradients. All $k$ maps are *the same* map, so its description
# does not grow with the data. Each map reads one mini-batch, so its cost is that of a mini-batch. And all that passes from one to the next is
# $\theta^{(i)}$, so the memory of the process does not grow either. Everything else about $u_\eta$ was chosen by hand and can be learned instead, in
# three moves.
#
# *Learn the map.* Let $h_\varphi(\theta, \nabla_\theta) $ replace $u_\eta$: it is shown the gradient and the parameters, and returns new
# parameters. This is a learned optimizer {cite:p}`andrychowicz2016learning,metz2022velo` (whether the largest of them is worth its training is disputed: {cite:t}`rezk2023scaling`). *Show it the batch.* A gradient is one summary of a mini-batch, and
# chapter {ref}`ch-signals` shows that it loses most of what the batch says about $\theta$. Nothing forces $h_\varphi$ to read only that: $h_\varphi(\theta, \mathcal{B})$ may
# attend to the observations, to the gradient, or to both. *Learn the start.* $\theta^{(0)}$ becomes a parameter, as in MAML {cite:p}`finn2017maml`. The result is eq. 7 of
# {cite:t}`mittal2025iterative` (whose equations we know from notes of others, with the paper's own numbering),
#
# $$
# \theta^{(0)} \xrightarrow{\; h_\varphi(\cdot,\, \mathcal{B}^{(0)}) \;} \theta^{(1)} \xrightarrow{\; h_\varphi(\cdot,\, \mathcal{B}^{(1)}) \;} \cdots
# \xrightarrow{\; h_\varphi(\cdot,\, \mathcal{B}^{(k-1)}) \;} \theta^{(k)} = \theta_T ,
# $$ (eq-parametric-iteration)
#
# which covers the parametric regime, where $f$ is known, and the explicit one, where $\theta$ is a latent code and $f_\gamma$ is learned too. It is
# iterative amortized inference in the sense in which {cite:t}`marino2018iterative` used the words for variational posteriors: an encoder that is shown its own current estimate, and how far off that is, and
# improves it, instead of one that must be right at once.
#
# ### Without parameters: the same step in the space of predictions
#
# The implicit regime has no $\theta$. What could pass from one mini-batch to the next? Write gradient descent on $\theta$, to first order in $\eta$, as what
# it does to the prediction at a query $x$: with $K(x, x') = \nabla_\theta f(x)^\top \nabla_\theta f(x')$ and squared error,
#
# $$
# \hat y^{(i+1)}(x) = \hat y^{(i)}(x) - 2 \eta \sum_{(x_j, y_j) \in \mathcal{B}^{(i)}} K(x, x_j) \bigl(\hat y^{(i)}(x_j) - y_j\bigr) .
# $$ (eq-function-space)
#
# The parameters are gone, up to the kernel: the new prediction is the old one plus an attention-like sum over the batch {cite:p}`vonoswald2023transformers`.
# Learning that step gives eq. 8 of the paper,
#
# $$
# \hat y^{(0)} \longrightarrow r_\gamma\bigl([x, \hat y^{(0)}], \mathcal{B}^{(0)}\bigr) = \hat y^{(1)} \longrightarrow \cdots \longrightarrow
# r_\gamma\bigl([x, \hat y^{(k-1)}], \mathcal{B}^{(k-1)}\bigr) = \hat y^{(k)} ,
# $$ (eq-implicit-iteration)
#
# with a learned $\hat y^{(0)}$, ideally the marginal prediction. One difference from {eq}`eq-function-space` is easy to miss. The sum needs the residuals
# $\hat y^{(i)}(x_j) - y_j$ at the points of the batch, and an implicit learner carries predictions for its *queries* only: it sees $y_j$, not what it would itself have
# predicted at $x_j$. So $r_\gamma$ cannot do gradient descent in function space. What it can do is form an estimate of $y$ at $x$ from the batch alone
# and average it into the running one, and the more batches lie behind $\hat y^{(i)}$ the less the new one should count. Whether it can tell
# how many lie behind is a question to which we return below, for $\theta$.
#
# In the library all of this is one line, `state = self.step(state, batch)`, in {class}`iai.model.amortizer.Amortizer`: `step` is $h_\varphi$ or $r_\gamma$, and the {mod}`regime <iai.model.regimes>` decides what a state is
# and what is shown of a batch.
#
# (sec-greedy)=
# ## The objective: one step at a time
#
# Put {eq}`eq-parametric-iteration` into the objective of chapter {ref}`ch-one-formula`, and let $\ell_i$ be the loss after $i$ steps on held-out queries of the same task,
#
# $$
# \ell_i(\varphi) = \E_{T}\, \E_{(x, y),\, \D_T}\; \mathcal{L}\bigl(y, f(x, \theta^{(i)})\bigr) , \qquad \theta^{(i)} = h_\varphi\bigl(\theta^{(i-1)}, \mathcal{B}^{(i-1)}\bigr) .
# $$ (eq-step-loss)
#
# $\varphi$ enters $\ell_k$ through all $k$ applications of $h_\varphi$. With $J_i = \partial h_\varphi(\theta, \mathcal{B}^{(i)}) / \partial \theta$ at $\theta^{(i)}$ and $\partial_\varphi h_i$ the derivative of
# $h_\varphi(\theta^{(i)}, \mathcal{B}^{(i)})$ in $\varphi$ with $\theta^{(i)}$ *held fixed*, the chain rule gives backpropagation through time {cite:p}`werbos1990backpropagation`,
#
# $$
# \frac{d \ell_k}{d \varphi} = \E \sum_{i=0}^{k-1} \frac{\partial \mathcal{L}}{\partial \theta^{(k)}} \; J_{k-1} J_{k-2} \cdots J_{i+1} \; \partial_\varphi h_i .
# $$ (eq-bptt)
#
# It needs the activations of all $k$ steps at once, it is sequential, and products of Jacobians shrink or explode, which is what makes long unrolls
# of learned optimizers hard to train {cite:p}`metz2019understanding`. Equation 9 of the paper keeps the last term of {eq}`eq-bptt` and drops the rest: it takes *one* step from a *detached* state,
#
# $$
# \min_{\varphi} \; \E_{T}\, \E_{i}\, \E_{(x, y) \in \D_T^{\mathrm{valid}},\; \mathcal{B}^{(i)} \subset \D_T^{\mathrm{train}}} \;
# \mathcal{L}\Bigl(y, f\bigl(x, h_\varphi(\operatorname{detach}(\theta^{(i)}), \mathcal{B}^{(i)})\bigr)\Bigr) ,
# $$ (eq-greedy)
#
# while an outer loop rolls the current $h_\varphi$ out to produce the states. We call
#
# $$
# G_i = \E\, \frac{\partial \mathcal{L}}{\partial \theta^{(i+1)}} \, \partial_\varphi h_i
# $$ (eq-greedy-gradient)
#
# the greedy gradient of step $i$. {func}`iai.training.objectives.greedy_loss` is {eq}`eq-greedy` in two lines. {class}`iai.training.objectives.Greedy` draws $i$ evenly by keeping *tasks in
# flight*: a pool of tasks in equal cohorts, each one step further than the next. (Early in training the horizon may be shorter and grow; `growth` says over what share.) An update refines all of them once, follows $\frac{1}{K} \sum_{i<K} G_i$, and goes on
# from the detached states, so every update sees one cohort of new tasks, and all depths up to the horizon $K$.
#
# Read as an algorithm, {eq}`eq-greedy` is not the gradient of a fixed function of $\varphi$. It alternates between *holding* the distribution of states that the
# present learner visits and improving the step from it. It shares with imitation learning by aggregation {cite:p}`ross2011reduction` that one trains on the states that one reaches oneself,
# or is lost on reaching them (though nothing is aggregated, and there is no expert). And it is where the risk of going beyond the horizon lies, since states that no training roll-out reaches are states on which
# $h_\varphi$ was never asked anything.
#
# ### What is dropped
#
# Compare the two as weights on the same vectors $\partial_\varphi h_i$. For the training objective $\sum_{j \leq K} \ell_j$ the exact gradient is $\E \sum_i \lambda_{i+1}^\top \partial_\varphi h_i$ with the costates
#
# $$
# \lambda_i = a_i + J_i^\top \lambda_{i+1}, \qquad a_i = \Bigl(\frac{\partial \mathcal{L}}{\partial \theta^{(i)}}\Bigr)^{\!\top}, \qquad \lambda_K = a_K ,
# $$ (eq-costate)
#
# and the greedy one is $\E \sum_i a_{i+1}^\top \partial_\varphi h_i$: greed replaces the costate by its first term. Three things follow.
#
# If all successive loss gradients $a_i, a_{i+1}, \dots$ of a task pointed the same way, and the Jacobians were positive multiples of the identity, $\lambda_i$ would be a longer version of $a_i$ and
# greed would only reweight the steps. For a learner that makes small steps towards a solution this is roughly the case early on, and it stops being so near the solution, where successive gradients are mostly
# mini-batch noise.
#
# At the very start of training it is *exactly* the case here. The refiner's update head is initialised at zero, so that $h_\varphi(\theta, \mathcal{B}) = \theta$ for every input: all states are $\theta^{(0)}$, all
# $J_i$ are the identity, and {eq}`eq-bptt` reads $d\ell_k / d\varphi = \sum_{i<k} G_i$ ({ref}`ex-zero-head`). The gradient of the *final* loss through all steps is then the *sum* of the greedy gradients, at no cost of memory.
#
# And if the state that minimises each $\ell_i$ is also the best state to go on from, greed loses nothing at the optimum whatever the gradients on the way. This is so if all that must be passed on shows in the prediction, so that the state
# which minimises $\ell_i$ is determined by it and is sufficient: a Gaussian filter under the log loss of its predictive *distribution* is an example. Room in the state is not enough. Under the squared error $f$ reads the mean alone, $\ell_i$ does not depend on how a covariance is updated, and greed has no gradient for it, however much space there is.
# Nor is it so in general where the state is small: {ref}`ex-chebyshev` has two steps that solve a problem exactly, and in neither order does greed choose the first. A relative of this in noisy problems, where greed takes steps that are too short, is the short-horizon bias {cite:p}`wu2018short`.
#
# ## Memory, measured
#
# We count the bytes that autograd keeps for the backward pass, every storage once ({func}`iai.study.measure.cost.peak_saved_bytes`), while a model of the size that this chapter trains runs $k$ steps on a batch of tasks. The greedy loop calls
# `backward` after each step; the unrolled one calls it once, at the end.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-memory", "caption": "Peak memory kept for backward passes against the number of steps, measured live. Greedy training keeps the graph of one step whatever $k$ is; backpropagation through time keeps all $k$ of them."}, "image": {"alt": "Line chart on logarithmic axes: saved megabytes against 1 to 32 steps. The greedy line is flat; the unrolled line starts at the same value and rises in proportion to the number of steps."}}
chosen = experiment(KEY, profile)
goal, asleep = chosen.objective, build(chosen, seed)
ks, peaks = (1, 2, 4, 8, 16, 32), {"greedy": [], "unrolled": []}
for k in ks:
    batches, queries = episode(goal.task, torch.Generator().manual_seed(seed), 32, k, goal.points, goal.queries)
    roll = partial(rollout_losses, asleep, squared_error, batches, queries)
    greedy = peak_saved_bytes(lambda roll=roll: [loss.backward() for loss in roll(window=1)])
    unrolled = peak_saved_bytes(lambda roll=roll: list(roll(window=0))[-1].backward())
    peaks["greedy"].append(greedy / 2**20)
    peaks["unrolled"].append(unrolled / 2**20)
figure, (ax,) = plots.panels(height=3.2)
plots.lines(
    ax,
    {name: (ks, mib) for name, mib in peaks.items()},
    labels=("steps k", "saved for backward (MiB)"),
    logarithmic=True,
)
ax.set_xscale("log", base=2)
_ = ax.set_xticks(ks, [str(k) for k in ks])
# %% tags=["hide-input"]
slope = (peaks["unrolled"][-1] - peaks["unrolled"][0]) / (ks[-1] - ks[0])
for name, (first, *_, last) in peaks.items():
    print(f"{name}: {first:.2f} MiB at k = 1, {last:.2f} MiB at k = {ks[-1]}")
print(f"unrolled: {slope:.2f} MiB for each further step")

# %% [markdown]
# The count is of tensors, so it is the same on every CPU. What an accelerator allocates beside them (workspaces, fragments) is not in it.
# Recomputing activations would trade the line's slope for time ({ref}`ex-recompute`); greed needs neither.
#
# ## Gradients, measured
#
# Is the direction in which greed moves the weights the one in which the losses fall? We train the data-only model of {numref}`fig-beyond` at the chapter's profile, then compute gradients over many tasks, greedy and through time, and compare them by their
# cosine. Two comparisons matter: the greedy gradient of the *last* step against the unrolled gradient of the last loss, that is one term of {eq}`eq-bptt` against all of them; and the *mean* over steps, what training really follows, against the unrolled
# gradient of the mean loss. A cosine below 1 also has an innocent cause, which is that gradients over a finite number of tasks are noisy; but here both sides are computed on the same tasks, so noise is common to both. The grey lines show how far two independent draws of as many tasks agree with
# *each other*: it is the accuracy with which that many tasks determine a direction at all, and a training update uses far fewer.

# %%
model, _ = chapter.train(KEY)
weights = list(model.parameters())


def gradients(k: int, draw: int, window: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of the last and of the mean loss of a roll-out of k steps, each as one long vector."""
    generator = torch.Generator().manual_seed(10_000 * (seed + 1) + draw)
    batches, queries = episode(goal.task, generator, tasks, k, goal.points, goal.queries)
    losses = list(rollout_losses(model, squared_error, batches, queries, window=window))
    wanted = (losses[-1], torch.stack(losses).mean())
    found = (torch.autograd.grad(loss, weights, retain_graph=True, materialize_grads=True) for loss in wanted)
    last, mean = (torch.cat([g.flatten() for g in gradient]) for gradient in found)
    return last, mean


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cosine", "caption": "Greedy against unrolled gradients of the model trained live, by their cosine, on the same tasks. Left: the last term of the unrolled gradient of the last loss against the whole of it. Right: the mean greedy gradient, which training follows, against the gradient of the mean loss. Grey: two draws of as many tasks against each other."}, "image": {"alt": "Two line charts of cosine against the number of steps, 1 to 20. On the left the cosine of greedy and unrolled gradients starts at one and dips; on the right it stays closer to one. Grey lines show the agreement of two independent draws for reference."}}
steps, cosine = (1, 2, 3, 5, 10, 20), torch.nn.functional.cosine_similarity
pairs = {k: [gradients(k, draw, window) for draw, window in ((0, 1), (0, 0), (1, 1), (1, 0))] for k in steps}
figure, axes = plots.panels(columns=2, width=8, height=3.4)
for which, (ax, title) in enumerate(zip(axes, ("last step", "mean over steps"))):
    greedy, unrolled, again, again_unrolled = ([pairs[k][i][which] for k in steps] for i in range(4))
    compared = {
        "greedy and unrolled": (greedy, unrolled),
        "two draws, greedy": (greedy, again),
        "two draws, unrolled": (unrolled, again_unrolled),
    }
    for (name, (one, other)), style in zip(compared.items(), ("-", "--", ":")):
        colour = plots.COLOURS[0] if style == "-" else plots.INK
        values = [cosine(a, b, dim=0).item() for a, b in zip(one, other)]
        ax.plot(steps, values, style, color=colour, marker="o" if style == "-" else "", label=name)
    ax.set(title=title, ylim=(min(0, ax.get_ylim()[0]), 1.05))
    plots.finish(ax, "steps k", "cosine")
axes[0].get_legend().remove()

# %% tags=["hide-input"]
body = {}
for k in steps:
    compared = []
    for greedy, unrolled, again, again_unrolled in zip(*pairs[k]):  # of the last step, then of the mean
        across = (greedy @ again_unrolled + again @ unrolled) / 2  # noise of different draws has mean zero
        corrected = across / ((greedy @ again) * (unrolled @ again_unrolled)).clamp_min(0).sqrt()
        compared += [cosine(greedy, unrolled, dim=0), corrected, greedy.norm() / unrolled.norm()]
    body[str(k)] = tuple(value.item() for value in compared)
header = (
    "k",
    *(f"{what}, {which}" for which in ("last step", "mean") for what in ("cosine", "corrected", "length")),
)
caption = "Greedy against unrolled gradients, measured live: cosines on the same tasks, cosines corrected for noise (products across two draws of tasks only), and the length of the greedy over that of the unrolled gradient."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-cosine", ".2f")

# %% [markdown]
# The left panel of {numref}`fig-cosine` is the bias of a single greedy gradient, and it is real: the steps before the last one have a say in the last loss, and greed does not hear it. The lengths in {numref}`tab-cosine` say the same: the last term of {eq}`eq-bptt` is only a part
# of the sum. The right panel is what matters for training. Over a few steps the two agree much better there; over many, the last steps have less to do with the first, and both panels come near each other. The mean greedy gradient is then a good deal shorter than the unrolled one: what is neglected is large, and mostly parallel to what is kept,
# as {eq}`eq-costate` suggests. Where the coloured line lies above the grey ones, greed differs from the unrolled gradient by less than one draw of so many tasks differs from another.
#
# A cosine is local. What does the bias cost a training? We train the same model once more from the same initial weights with the unrolled objective ({class}`iai.training.objectives.Unrolled`: the gradient of the mean loss through all steps), at the same number
# of updates and of refinements an update, so that the arithmetic is nearly the same; what differs is the memory, the direction, and the make-up of an update: one step each of many tasks against all steps of a tenth as many.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-unrolled", "caption": "The same model trained greedily and through time, live, with as many updates and refinements; one seed. The shaded steps lie beyond the horizon of both."}, "image": {"alt": "Mean squared error against steps 0 to 20 on a logarithmic axis for a greedily trained and an unrolled model and, in grey, the memoryless bound."}}
unrolled_run = replace(chosen, objective=objective_like(goal, Unrolled))
through_time, _ = fit(unrolled_run, seed=seed, show=False)
after = {
    name: evaluate(one, goal.task, chosen.evaluation)["mse"]["mean"]
    for name, one in {"greedy": model, "unrolled": through_time}.items()
}
figure, (ax,) = plots.panels()
plots.lines(
    ax,
    {name: (range(21), mse) for name, mse in after.items()},
    labels=("steps k", "raw MSE"),
    logarithmic=True,
)
best = Memoryless(noise_variance=goal.task.noise_variance)
best = evaluate(best, goal.task, chosen.evaluation)["mse"]["mean"]
ax.plot(range(21), best, "--", color=plots.INK, label="memoryless bound")
ax.legend()
ax.axvspan(goal.steps, 20, color=plots.INK, alpha=0.08, linewidth=0)
_ = ax.set_xticks(range(0, 21, 5))
# %% tags=["hide-input"]
for name, mse in after.items():
    last = f"{mse[goal.steps]:.3g} after {goal.steps}, {mse[20]:.3g} after 20"
    print(f"{name}: MSE {mse[1]:.3g} after 1 step, {last}")

# %% [markdown]
# One seed of one small problem ranks nothing, and at `smoke` both are still far from the bound, so that this compares them early in training and says little about the end. What it shows is that at this stage greed is no crippled substitute. Where horizons are long and steps must be
# sacrificed for later ones, {ref}`ex-chebyshev` is the warning.
#
# (sec-memoryless)=
# ## How good can a learner without memory be?
#
# A curve over steps says little without a line that it could at best reach. For linear regression, $y = w^\top x + \varepsilon$ with $w \sim \mathcal{N}(0, I_D)$ and $\varepsilon \sim \mathcal{N}(0, \sigma^2)$, the Bayes-optimal learner
# of all points seen is ridge regression {cite:p}`hoerl1970ridge`. But an iterative learner does not have all points seen. It has $\theta^{(i)}$, and the posterior after $i$ batches has a mean *and a
# covariance*, of which $\theta^{(i)}$ can hold the mean alone. The Kalman filter {cite:p}`kalman1960new`, which is exact, would pass both on.
#
# Suppose a learner knows $\theta^{(i)}$ and how large its error $e_i = w - \theta^{(i)}$ is on average, $v_i = \E \lVert e_i \rVert^2 / D$, but not its direction. It then believes $w \sim \mathcal{N}(\theta^{(i)}, v_i I)$, and the posterior mean given a
# batch $(X, y)$ of $B$ points is ridge regression *around the present estimate*,
#
# $$
# \theta^{(i+1)} = \theta^{(i)} + \tfrac{1}{\sigma^2}\, S_i X^\top \bigl(y - X \theta^{(i)}\bigr), \qquad S_i = \Bigl(\tfrac{1}{\sigma^2} X^\top X + \tfrac{1}{v_i} I\Bigr)^{-1} .
# $$ (eq-memoryless-step)
#
# For $\sigma \to 0$ this is the projection of $\theta^{(i)}$ on the solutions of the batch: the block Kaczmarz method {cite:p}`kaczmarz1937angenaeherte,elfving1980block,strohmer2009randomized,needell2014paved`. With noise, $v_i$ sets how far to go. Inserting $y = Xw + \varepsilon$,
#
# $$
# e_{i+1} = S_i \Bigl(\tfrac{1}{v_i} e_i - \tfrac{1}{\sigma^2} X^\top \varepsilon\Bigr) ,
# \qquad \operatorname{Cov}(e_{i+1} \mid X) = S_i \Bigl(\tfrac{1}{v_i} I + \tfrac{1}{\sigma^2} X^\top X\Bigr) S_i = S_i
# $$ (eq-memoryless-error)
#
# if $\operatorname{Cov}(e_i) = v_i I$. The law of $X$ is the same in every rotated coordinate system, so averaged over batches $\E\, S_i$ is again a multiple of the identity, the assumption reproduces itself, and the variances follow a
# deterministic recursion that needs no data at all:
#
# $$
# v_0 = 1, \qquad v_{i+1} = F(v_i) , \qquad F(v) = \tfrac{1}{D} \, \E_X \operatorname{tr} \Bigl(\tfrac{1}{\sigma^2} X^\top X + \tfrac{1}{v} I\Bigr)^{-1} .
# $$ (eq-memoryless-recursion)
#
# The raw error after $i$ steps is $D v_i + \sigma^2$. The trace is the Stieltjes transform of a Wishart matrix, so that for $D$ and $B$ growing together $F$ is the positive root $u$ of a quadratic {cite:p}`marchenko1967distribution`,
#
# $$
# D u^2 + \bigl((B - D) v + \sigma^2\bigr) u - \sigma^2 v = 0 ,
# $$ (eq-memoryless-quadratic)
#
# which {func}`iai.study.analysis.theory.ridge_variance` solves, and full Bayes is the same formula with one batch of $kB$ points from $v = 1$. At finite $D$ and $B$ the simulation lies a few per cent above it at the first steps; a bias, which we count as one more coordinate, has a constant input and makes hardly a difference.
# {class}`iai.baselines.classical.Memoryless` simulates {eq}`eq-memoryless-step` itself. The left panel of {numref}`fig-memoryless` compares the two.
#
# The quadratic also says what the missing covariance costs in the long run. In terms of the precision $p_i = 1 / v_i$, {eq}`eq-memoryless-quadratic` gives for large $p$
#
# $$
# \begin{aligned}
# p_{i+1} &= p_i + \frac{B}{\sigma^2} - \frac{D B}{\sigma^4 p_i} + \dots \\
# \Longrightarrow \quad v_k &\approx \frac{\sigma^2}{B k - D \ln k} , \qquad v_k^{\mathrm{Bayes}} \approx \frac{\sigma^2}{B k - D} ,
# \end{aligned}
# $$ (eq-memoryless-rate)
#
# up to constants beside the logarithm. Having no memory costs neither the rate nor a factor: it costs about $D (\ln k + c)$ observations, with a $c$ that creeps up with $k$ to a limit (printed below the figure for the sizes of this book), instead of the $D$ that anyone must spend. What it costs is much more than that *early*, when
# batches are smaller than $D$ and each step overwrites part of what the last one found out.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-memoryless", "caption": "The memoryless recursion for the linear regression of the ledger's profile. Left: raw MSE of the recursion (lines) and of the simulated learners (marks, live). Right: what happens after the horizon (dotted line) to a learner whose gain stays as it was there: it settles at a floor, where one that knows the number of steps goes on improving."}, "image": {"alt": "Two line charts over steps 0 to 20 with logarithmic vertical axis. Left: full Bayes below the memoryless curve, both falling towards the noise variance, simulated marks on the lines or slightly above. Right: excess error of the memoryless recursion keeps falling, the copy with frozen gain levels off at about half its value at the horizon."}}
shown = experiment(KEY, chapter.shown_profile)
task, points, horizon = shown.task, shown.objective.points, shown.objective.steps
setting = (task.theta_shape[1], points, task.noise_variance)
v, full = [1.0], [ridge_variance(1.0, setting[0], k * points, setting[2]) for k in range(21)]
for _ in range(20):
    v.append(ridge_variance(v[-1], *setting))
at = v[horizon - 1]  # the last prior variance of a training roll-out
tangent = (ridge_variance(1.001 * at, *setting) - ridge_variance(0.999 * at, *setting)) / (0.002 * at)
frozen = v[: horizon + 1]
while len(frozen) < 21:
    frozen.append(v[horizon] + tangent * (frozen[-1] - at))
simulation = replace(shown.evaluation, tasks=512)
figure, (left, right) = plots.panels(columns=2, width=8, height=3.6)
for name, recursion, learner in (("memoryless", v, Memoryless), ("full Bayes", full, Ridge)):
    mse = evaluate(learner(noise_variance=setting[2]), task, simulation, (0, 1, 2, 3, 5, 7, 10, 15, 20))["mse"]["mean"]
    (line,) = left.plot([setting[0] * u + setting[2] for u in recursion], label=name)
    left.plot([m if m is not None else float("nan") for m in mse], "o", color=line.get_color())
plots.finish(left, "steps k", "raw MSE", logarithmic=True)
excess = {"knows the step": v, "gain frozen at the horizon": frozen}
plots.lines(
    right,
    {name: (range(21), [setting[0] * u for u in path]) for name, path in excess.items()},
    labels=("steps k", "MSE above the noise"),
    logarithmic=True,
)
right.axvline(horizon, color=plots.INK, linestyle=":", linewidth=1)
for ax in (left, right):
    ax.set_xticks(range(0, 21, 5))

# %% tags=["hide-input", "nbval-check-output"]
for name in PROFILES:
    sized = experiment(KEY, name)
    D, B, noise = sized.task.theta_shape[1], sized.objective.points, sized.task.noise_variance
    variance, lost = 1.0, []
    for k in range(1, 201):
        variance = ridge_variance(variance, D, B, noise)
        if k in (10, 20, 200):
            lost.append(f"{(B * k - noise / variance) / D - math.log(k):.1f} (k = {k})")
    print(f"{name}: D = {D}, B = {B}: c = {', '.join(lost)}")

# %% [markdown]
# ### Is it a bound?
#
# Not in the strictest sense, and it is worth seeing why. The derivation assumed that a learner knows nothing of the *direction* of $e_i$. But given $\theta^{(1)}$ it does know something: with $B < D$ the first estimate lies in
# the span of the inputs seen, so the error along $\theta^{(1)}$ is smaller than the error across it. A learner that used this would do a little better. It is also conceivable to hide bits of memory in $\theta$. We print the effect in question, live.

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(seed)
w = torch.randn(4000, setting[0], 1, generator=generator)
theta = torch.zeros_like(w)
for k in range(4):
    X = task.design(torch.randn(4000, points, task.dx, generator=generator))
    y = X @ w + task.noise_variance**0.5 * torch.randn(4000, points, 1, generator=generator)
    gram = X @ X.mT + task.noise_variance / v[k] * torch.eye(points)
    theta = theta + X.mT @ torch.linalg.solve(gram, y - X @ theta)
    error, direction = w - theta, theta / theta.norm(dim=1, keepdim=True)
    along = (error * direction).sum(1).square().mean().item()
    across = (error.square().sum(1).mean().item() - along) / (setting[0] - 1)
    print(f"after {k + 1} steps: error variance {along:.3f} along theta, {across:.3f} across it")

# %% [markdown]
# One direction of $D$ is better known than the recursion believes, for the first few steps. So the curve is the best of a *family*, learners that treat their error as isotropic and of known size, and a trained refiner that falls
# slightly below it has not broken a theorem. We call it the memoryless bound, and mean this.
#
# (sec-beyond)=
# ## Beyond the horizon
#
# A learner trained on $K$ steps can be run for more. Should it improve? {eq}`eq-memoryless-step` needs one thing that $h_\varphi$ is not told: $v_i$, hence $i$. The refiner is the same map at every step, it sees $\theta^{(i)}$ and a batch, and no counter. Early on the batch itself gives
# $v_i$ away, since residuals have variance $\sigma^2 + D v_i$. But $B$ residuals estimate a variance to a relative accuracy of $\sqrt{2 / B}$, so once $D v_i \ll \sigma^2 \sqrt{2 / B}$ they no longer tell an early state from a late one, and a learner can only apply the gain that was right on average over the late states
# *of its training*.
#
# What would a gain frozen at $\bar v$ do? From {eq}`eq-memoryless-error` with a state of true variance $q$ and a step computed for $\bar v$, one finds, since $-\partial S / \partial (1/v) = S^2$,
#
# $$
# q_{i+1} = F(\bar v) + F'(\bar v) \, (q_i - \bar v) ,
# $$ (eq-frozen)
#
# the *tangent* of $F$ at $\bar v$, evaluated at $q_i$. $F$ is concave, so the tangent lies above it: a wrong gain is never better than the right one. Its fixed point is the floor
# $q_\infty = (F(\bar v) - \bar v F'(\bar v)) / (1 - F'(\bar v))$, about $\bar v / 2$ when $\bar v$ is small ({ref}`ex-floor`), and $v_K = F(\bar v)$ lies above it. The right panel of {numref}`fig-memoryless` shows it. So a plateau beyond the horizon is what one should *expect* from a learner that does not know how far it has come; but a plateau, approached from
# above. Under {eq}`eq-frozen` an error above the floor never rises.
#
# A *rise* therefore needs another cause, and there is one. Close to the solution the map contracts weakly: the mean error by the factor $F(\bar v) / \bar v$ a step, by {eq}`eq-memoryless-error`, which is $1 - B \bar v / \sigma^2$ to leading order in $\bar v$. A network is not the exact linear map: it makes a small systematic error $\delta$ at every step. Within the horizon greedy training holds it down where the states are. Beyond the horizon nothing
# does: states drift to where no training roll-out came, and what is added at each step is divided by that weak contraction, $\lVert \delta \rVert / (1 - F(\bar v) / \bar v)$. {numref}`fig-beyond` shows what the committed models do, and includes the extreme case, a model trained on *one* step and then iterated.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beyond", "caption": "Linear regression, parametric models of the ledger, iterated to 20 steps. Left: trained on 10 steps; the shaded part is beyond training. Right: trained on one step only, and then iterated just as far. Bands are 95 % intervals over seeds. Grey: the memoryless bound and ridge regression on all points seen."}, "image": {"alt": "Two line charts of raw mean squared error against steps 0 to 20, logarithmic. Left: gradient, data, and both signals, trained on ten steps, with shaded region from 10 to 20. Right: the same for models trained on one step, iterated beyond it. Grey lines for memoryless bound and ridge."}}
kinds = {"Grad": "grad", "Data": "data", "Grad+Data": "grad+data"}
oracles = {"memoryless": f"{KEY}|memoryless", "ridge": f"{KEY}|ridge"}
figure, (left, right) = plots.panels(columns=2, width=8.4, height=3.2)
for ax, suffix, trained in ((left, "", horizon), (right, "-1-step", 1)):
    rows = {name: f"table2/linear-regression/{kind}{suffix}" for name, kind in kinds.items()}
    series, baselines = (chapter.curves(r, "linear-regression", "mse") for r in (rows, oracles))
    plots.curves(ax, series, baselines=baselines, label="raw MSE", horizon=trained, logarithmic=True)
    ax.set_title(f"trained on {trained} step{'s' * (trained > 1)}")
left.get_legend().remove()

# %% tags=["hide-input", "nbval-check-output"]
body = {}
for suffix, trained in (("", f"{horizon} steps"), ("-1-step", "1 step")):
    for name, kind in kinds.items():
        key = f"table2/linear-regression/{kind}{suffix}"
        curve = chapter.curve(key, "linear-regression", "mse")
        if isinstance(curve, notebook.Missing):
            body[f"{name}, trained on {trained}"] = (curve,) * 5
            continue
        least = min(range(1, 21), key=lambda k: curve[k].mean)
        rise = f"{ratio(curve[20], curve[least]):.2f}"
        body[f"{name}, trained on {trained}"] = (curve[1], curve[10], curve[20], str(least), rise)
for name, path in (("memoryless (derived)", v), ("the same, gain frozen at the horizon (derived)", frozen)):
    mse = [setting[0] * u + setting[2] for u in path]
    least = min(range(1, 21), key=lambda k: mse[k])
    body[name] = (mse[1], mse[10], mse[20], str(least), f"{mse[20] / mse[least]:.2f}")
grid = notebook.Grid(header=("", "1 step", "10 steps", "20 steps", "best at k", "20 steps / best"), rows=body)
notebook.table(
    grid,
    "Raw MSE within and beyond the horizon; the last column is the error at 20 steps over the least at any step.",
    "tab-beyond",
)

# %% [markdown]
# {numref}`tab-beyond` gives the numbers. For the models that were trained on many steps, the error at 20 steps is
# {val}`table2/linear-regression/grad:linear-regression:mse:20/10:.2f` (Grad), {val}`table2/linear-regression/data:linear-regression:mse:20/10:.2f` (Data) and {val}`table2/linear-regression/grad+data:linear-regression:mse:20/10:.2f` (Grad+Data) of that at 10, where {eq}`eq-frozen` lets one expect values somewhat below 1 and none above: the last row of the table has what it gives. The memoryless learner, which knows the step, goes from
# {val}`table2/linear-regression/data:linear-regression:memoryless/mse:10` to {val}`table2/linear-regression/data:linear-regression:memoryless/mse:20`.
#
# The models that were trained on one step are another matter. From step 1 to step 10 the Data model multiplies its error by {val}`table2/linear-regression/data-1-step:linear-regression:mse:10/1:.3g` and Grad+Data by {val}`table2/linear-regression/grad+data-1-step:linear-regression:mse:10/1:.3g`. In training
# they met one state, $\theta^{(0)}$, so nothing made the map depend on $\theta$ in any particular way. A data-only step that has learned "add what this batch says about $w$" adds it again at the next step, and again, and the error grows with about the square of the number of steps. (Pure repetition would give several times as much, so the map is not wholly blind to $\theta$.) What
# such a step lacks is feedback: it should add what the batch says about $w - \theta$. Being *shown* the gradient, which contains that difference, is not enough: Grad+Data has the feedback in its input, and nothing at $\theta^{(0)}$ made it use it. A gradient-only step cannot ignore it, since the gradient is taken *at* $\theta$ and vanishes on average where $\theta$ is right; but how far
# to follow it was learned at one state, and is wrong where gradients are smaller. So this is the sense in which the states of {eq}`eq-greedy` matter: not as a refinement of the training distribution, but as the only thing that teaches a step to be a *correction*.
#
# (sec-returns)=
# ### When does the next step stop to pay?
#
# A step costs a mini-batch. After how many is the next no longer worth it? {numref}`tab-returns` counts, for every row of Tables 2 to 4 and of the features of chapter {ref}`ch-features`, the steps until the next one lowers the error by less than two per cent, seed by seed. A count of ten says that every step of training paid; a larger one counts steps that nobody trained. The memoryless learner of linear regression gains a share of its *excess* error at step $k$ that falls towards $1/k$, and the noise, which no step removes, ends its returns as well.

# %% tags=["hide-input", "nbval-check-output"]
LEAST = 0.02  # of the error, that a step has to buy


def worthwhile(errors):
    """The steps until the next one lowers the error by less than `LEAST`."""
    return next((k for k, (one, after) in enumerate(pairwise(errors), 1) if after > (1 - LEAST) * one), len(errors))


places = {"linear-regression": "mse", "mnist": "error", "held-out": "error"}
tables = {"parametric": "table2", "explicit": "table3", "implicit": "table4"}
kinds = ("data", "grad", "grad+data")
models = [(regime, kind) for regime in tables for kind in kinds[: 1 if regime == "implicit" else 3]]
body = {f"{regime}, {kind}": [] for regime, kind in models}
for (regime, kind), (place, metric) in product(models, places.items()):
    key = f"features/{regime}/{kind}" if place == "held-out" else f"{tables[regime]}/{place}/{kind}"
    curve = chapter.curve(key, place, metric)
    seeds = [] if isinstance(curve, notebook.Missing) else zip(*(one.values for one in curve[1:]))
    counts = sorted(map(worthwhile, seeds))
    said = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else curve
    body[f"{regime}, {kind}"].append(said)
body["memoryless (derived)"] = (str(worthwhile([setting[0] * u + setting[2] for u in v[1:]])), "–", "–")
header = ("", "linear regression", "MNIST", "features, held-out classes")
caption = (
    "Steps until the next one lowers the error by less than 2 %, the least and the most over seeds; 20 if none did."
)
notebook.table(
    notebook.Grid(header=header, rows=body),
    caption,
    "tab-returns",
    source=f"(Profile `{shown_profile}`, all seeds of each row.)",
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Greed and backpropagation through time agree at the start
# :label: ex-zero-head
#
# Let the update head of a data-only refiner be zero, so that $h_\varphi(\theta, \mathcal{B}) = \theta$. Show that for the weights of the refiner the unrolled gradient of $\ell_k$ equals $\sum_{i<k} G_i$, and find the corresponding statement for $\theta^{(0)}$.
# ```
#
# ```{solution} ex-zero-head
# :class: dropdown
#
# The update is $\theta + W z(\theta, \mathcal{B}) + b$ with $W = 0$, $b = 0$. So all states are $\theta^{(0)}$, and $J_i = I + W \partial z / \partial \theta = I$. In {eq}`eq-bptt` every product of Jacobians is $I$, and $\partial \mathcal{L} / \partial \theta^{(k)}$, taken at the same state on the same queries, is the same row vector $a^\top$ for
# every $k$: $d\ell_k / d\varphi = \E \sum_{i<k} a^\top \partial_\varphi h_i = \sum_{i<k} G_i$. For $\theta^{(0)}$ the unrolled gradient is $a^\top J_{k-1} \cdots J_0 = a^\top$ for each $k$, while greed sees it in the first step only, and finds $a^\top$ once. Beyond $W$ and $b$ all weights have a zero gradient at this point, since $z$ enters only through $W$: the head wakes first.
# ```
#
# ```{exercise} Two steps that greed cannot find
# :label: ex-chebyshev
#
# Gradient descent with learned step sizes $\eta_0, \eta_1$ on $\ell(\theta) = \frac12 (a \theta_1^2 + b \theta_2^2)$, $a > b > 0$. Which pair solves every such problem in two steps, from any start? What does greed choose for the first step, and what happens to the loss after the first step of the optimal pair?
# ```
#
# ```{solution} ex-chebyshev
# :class: dropdown
#
# Two steps multiply the coordinates by $(1 - \eta_0 a)(1 - \eta_1 a)$ and $(1 - \eta_0 b)(1 - \eta_1 b)$. With $\{\eta_0, \eta_1\} = \{1/a, 1/b\}$ both vanish. If $\eta_0 = 1/b$, the first coordinate is multiplied by $1 - a/b$ and its loss by $(a/b - 1)^2$, which exceeds 1 once $a > 2b$, and the whole loss rises from $a \approx 2.2\, b$ on: by orders of magnitude on ill-conditioned problems, to be
# repaired by the second. In the order $1/a$ first it does not rise, but even so greed does not choose it: averaged over starts with $\E\,\theta_1^2 = \E\,\theta_2^2$ the greedy step minimises $a(1 - \eta a)^2 + b(1 - \eta b)^2$, which gives $\eta = (a^2 + b^2)/(a^3 + b^3) \neq 1/a$, after which no choice of $\eta_1$ solves both coordinates. Greedy steps converge at a linear rate set by $a/b$; two planned
# ones are exact. (Chebyshev's polynomials do this for $k$ steps and any spectrum.)
# ```
#
# ```{exercise} Trading time for memory
# :label: ex-recompute
#
# Backpropagation through time can keep only every $m$-th state and recompute the activations between. What is the peak memory for $k$ steps if a state takes $s$ bytes and the activations of a step $c \gg s$? Choose $m$. What does it cost, and why does greed still differ?
# ```
#
# ```{solution} ex-recompute
# :class: dropdown
#
# $k/m$ states are kept and the activations of $m$ steps are recomputed at a time: $s k/m + c m$ bytes, least at $m = \sqrt{s k / c}$, or simply $m = 1$ if $s k < c$: then memory is that of one step and of $k$ states, and the price is one more forward pass, a third more arithmetic. So memory alone is not what makes greed attractive. What recomputation does not remove is the sequential
# backward pass: no update of the weights before all $k$ steps are done, and a product of $k$ Jacobians in every gradient.
# ```
#
# ```{exercise} The floor of a frozen gain
# :label: ex-floor
#
# Derive {eq}`eq-frozen`, show that its fixed point is about $\bar v / 2$ for small $\bar v$, and say what fraction of the excess error at the horizon a learner can thus still remove by going on.
# ```
#
# ```{solution} ex-floor
# :class: dropdown
#
# With $S = (A + I/\bar v)^{-1}$ and $A = X^\top X / \sigma^2$, a state of error covariance $q I$ becomes $S (q \bar v^{-2} I + A) S$, and $SAS = S - S^2 / \bar v$. Hence $q' = q\, \bar v^{-2} T + F - T / \bar v$ with $T = \E \operatorname{tr} S^2 / D$. As $dS / d(1/\bar v) = -S^2$, $F'(\bar v) = \bar v^{-2} T$. Inserting, $q' = F + F' (q - \bar v)$.
#
# For small $v$, {eq}`eq-memoryless-quadratic` gives $F(v) = v - (B / \sigma^2) v^2 + O(v^3)$, hence $F - \bar v F' \approx (B/\sigma^2) \bar v^2$ and $1 - F' \approx 2 (B/\sigma^2) \bar v$; their ratio is $\bar v / 2$. Since $v_K \approx \bar v$ at a late horizon, about half of the excess error can be removed by going on for ever (and rather more where $\bar v$ is not small, as at $d = 100$); a learner that knows $i$ removes all of it.
# ```
#
# ## What we found, and what we did not
#
# Greed is cheap for the reason given: its memory is that of one step, flat in $k$, where backpropagation through time grows in proportion ({numref}`fig-memory`). It is also biased, as the left panel of {numref}`fig-cosine` shows. But averaged over the
# steps of a roll-out, which is what training follows, the greedy gradient points nearly where the unrolled one does, and in the one run that we compared at equal arithmetic ({numref}`fig-unrolled`) we saw no price that would stand out from the noise of a single seed. That is a statement about one task family
# at small size and at a horizon of ten. Chapter {ref}`ch-ablations` compares the two over seeds. We have not compared them at longer horizons, nor for gradient signals, whose dependence on $\theta$ our unrolled reference cuts as well.
#
# The memoryless recursion is ours, as far as we know, in this closed form; its ingredients are classical, and as an algorithm it is assumed-density filtering with an isotropic Gaussian. It predicts that a state without covariance costs about $D (\ln k + c)$ observations, and that a learner which does not know how many steps it has made settles, beyond its horizon, at a floor and does not rise. {numref}`tab-beyond` is where this can be checked, row by row: a last column near 1 is a floor, one
# far above 1 is a network where it was never trained to be. One-step models that see data, iterated, are the clear case of the second. We explain them by the feedback that one step of training cannot teach; this fits the difference between data and gradients in {numref}`fig-beyond`, and we did not test it by an intervention, such as training from random states, telling the refiner the step, or drawing the horizon at random.
# That floors lie above the memoryless bound at 20 steps is expected of a learner without a counter. But the last rows of {numref}`tab-beyond` say how little of the distance the missing counter explains: a gain frozen at the horizon costs far less than what separates the models from either line, and they miss the bound at step 10 already. Most of the distance is an imperfect network.
