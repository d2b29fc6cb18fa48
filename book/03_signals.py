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
# (ch-signals)=
# # Signals
#
# *Cost: about half a minute on one core at `smoke`; trains two small linear-regression models live, one that sees gradients and one that sees data.
# Comparisons between trained models are read from committed records of profile `small` (three or six seeds, most of them under three minutes each on one core).*
#
# Chapter {ref}`ch-iteration` left open what a step is shown. A learned optimizer reads gradients; in-context learning reads observations; {cite:t}`mittal2025iterative` allow both, and remark that the map from data to gradient cannot be inverted, so that a learner which
# sees gradients alone must be missing something. This chapter makes that remark precise. It says exactly what a gradient tells about a solution, how far a learner can come with it, when the missing part matters and when it
# does not. Then it turns to a question that no formula mentions: how large the tokens are relative to each other at the start, and why that can delay learning.

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

# %%
import math
from dataclasses import replace

import numpy as np
import torch

from iai.study.book import notebook, plots
from iai.study.book.comparisons import Contrast, in_words, sentences
from iai.experiment import build
from iai.evaluation import episodes
from iai.study.registry import experiment
from iai.study.registry.variants import vary
from iai.study.ledger.records import Missing
from iai.study.analysis.theory import gradient_variance, ridge_variance, same_gradient
from iai.types import Batch, UserError

chapter = notebook.setup(globals())
KINDS = {"Grad": "grad", "Data": "data", "Grad+Data": "grad+data"}

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("table2/linear-regression/*", "residual/*", "dimension/32/*")

# %% [markdown]
# ## Tokens
#
# A step $h_\varphi(\theta, \mathcal{B})$ is a Transformer over tokens of three kinds, and the names below are those of {class}`iai.model.refiner.Refiner`. An observation becomes
#
# $$
# t_j = \kappa_{\mathrm{pair}} + E_x x_j + E_y y_j + E_{xy} \bigl( E_x x_j \odot E_y y_j \bigr) ,
# $$ (eq-pair-token)
#
# the last term being optional. A gradient $g = \nabla_\theta \frac{1}{B} \sum_j \mathcal{L}(y_j, f(x_j, \theta))$ becomes
#
# $$
# t_g = \kappa_{\mathrm{grad}} + E_g \Bigl[\, \frac{g}{\rho(g)},\; \log \rho(g) \Bigr] , \qquad \rho(g) = \sqrt{\tfrac{1}{D} \textstyle\sum_d g_d^2} ,
# $$ (eq-gradient-token)
#
# and a slot of the state $t_\theta = \kappa_{\mathrm{slot}} + E_\theta \theta$. The $E$ are affine maps, the $\kappa$ learned vectors that say what kind of token it is. (With several slots each has its own gradient token, and both also say which slot they are about: chapter {ref}`ch-three-regimes`.) There are no positional encodings: the observations of a batch are a set. An absent signal is an axis of length zero, so a Data model has
# no $t_g$ and a Grad model no $t_j$; nothing else differs between them where they share their settings.
#
# The division by $\rho$ in {eq}`eq-gradient-token` is there because the length of a gradient varies between tasks and along a path, and the scale of a token should not vary with it. Dividing keeps the direction at a constant scale, and the logarithm
# returns the length as one moderate number. Nothing is lost: the pair determines $g$. Gradients are *inputs*. They are computed without a graph and detached, so no second derivative is ever taken.
#
# We train a Grad and a Data model live, at the chapter's profile, and look at the gradients along the Grad model's own path.

# %%
models = {name: chapter.train(f"table2/linear-regression/{KINDS[name]}")[0] for name in ("Grad", "Data")}
chosen = experiment("table2/linear-regression/grad", profile)
batches, queries = next(episodes(chosen.task, chosen.evaluation))
model = models["Grad"]
state = model.regime.init(queries.x)
for k, batch in enumerate(batches):
    rms = model.regime.evidence(state, batch).gradients.square().mean((1, 2, 3)).sqrt()
    low, middle, high = rms.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    if k in (0, 1, 5, 10):
        print(
            f"gradient after {k:2d} steps: RMS {middle:.2f} in the median task, {low:.2f} to {high:.2f} in nine of ten"
        )
    with torch.no_grad():
        state = model.step(state, batch)

# %% [markdown]
# In the median task the gradient shrinks a few times over ten steps, and no further than the noise of a mini-batch, $2\sigma/\sqrt{B}$ a coordinate, allows; between tasks it varies by more than that.
#
# ## What a gradient says
#
# Take linear regression, $f(x, \theta) = x^\top \theta$ with squared error, and a batch $(X, y)$ of $n \geq D$ points. With the moments $A = \frac{1}{n} X^\top X$ and $b = \frac{1}{n} X^\top y$,
#
# $$
# g = \nabla_\theta \tfrac{1}{n} \lVert X \theta - y \rVert^2 = 2 (A \theta - b) , \qquad \theta^\star = A^{-1} b = \theta - \tfrac{1}{2} A^{-1} g .
# $$ (eq-newton)
#
# Everything that the batch says about $\theta^\star$ is in $(A, b)$, which are $D (D + 3) / 2$ numbers. The gradient is $D$ numbers, one linear image of them. So the map from $(A, b)$ to the gradient has a fibre of dimension $D (D + 1) / 2$, one symmetric matrix, and it is the matrix that {eq}`eq-newton`
# needs: the solution is a *Newton* step away {cite:p}`nocedal2006numerical`, and $g$ has lost the metric. How bad is that? The fibre could be large and the solutions on it all alike. They are not.
#
# ```{prf:theorem} A gradient is a half-space
# :label: thm-half-space
#
# Let $g \neq 0$ be the gradient of the mean squared error at $\theta$ for some data set of $n \geq D$ points of which the least-squares solution is unique. Then the solutions $w$ of all data sets of $n$ points that have a unique one, and this same gradient at $\theta$, form exactly the open half-space
# $\{ w : g^\top (\theta - w) > 0 \}$.
# ```
#
# ```{prf:proof}
# By {eq}`eq-newton`, $\theta - w = \frac12 A^{-1} g$ with $A$ positive definite, so $g^\top (\theta - w) = \frac12 g^\top A^{-1} g > 0$. Conversely let $s = 2(\theta - w)$ with $s^\top g > 0$ and put, for any $c > 0$,
#
# $$
# P = \frac{s s^\top}{s^\top g} + c \Bigl( I - \frac{g g^\top}{g^\top g} \Bigr) .
# $$
#
# Then $P g = s$. And $P$ is positive definite: $u^\top P u$ is a sum of two squares that vanish together only if $u$ is a multiple of $g$ and $s^\top u = 0$, hence $u = 0$ as $s^\top g \neq 0$. Set $A = P^{-1}$, take $X = \sqrt{n}\, Q A^{1/2}$ with any $Q \in \mathbb{R}^{n \times D}$ of orthonormal columns, and $y = X w$. This data set has moment $A$, solution $w$ and gradient $2 A (\theta - w) = A s = g$.
# ```
#
# So a gradient says one thing with certainty: on which side of a hyperplane through $\theta$ the solution lies. (With a bias the last column of $X$ is ones, so $A_{DD} = 1$, and it says a little more: for $s = 2(\theta - w)$, Cauchy-Schwarz gives $g_D^2 = (e_D^\top A s)^2 \le A_{DD}\, s^\top A s = s^\top g$, so the solution lies beyond a parallel
# hyperplane, $g^\top(\theta - w) \ge \frac12 g_D^2$; any $w$ strictly beyond it that differs from $\theta$ in more than the bias is the solution of some data set. The two data sets with real inputs below have a bias.) The construction is {func}`iai.study.analysis.theory.same_gradient`; it is the secant equation of quasi-Newton methods read backwards, as the freedom that is left rather than a condition that is met. {numref}`fig-half-space` shows it in the plane.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-half-space", "caption": "Three data sets with the same gradient at $\\theta$. The curve of each is its level line of the squared error through $\\theta$, the mark inside is its least-squares solution. The arrow points along the negative gradient. All level lines touch the same line at $\\theta$: a gradient-only learner sees this line, the side and the length of the gradient, and nothing else; any point of the shaded half-plane is the solution of some such data set."}, "image": {"alt": "A plane with a point theta on a straight line; an arrow shows the negative gradient. Three ellipses of different shape and direction touch the line at theta, each with its centre marked in the shaded half-plane beyond the line, far apart from each other."}}
theta, gradient = torch.tensor([0.0, 0.0]), torch.tensor([0.6, 0.8])
solutions = {"data set 1": (-0.3, -0.9), "data set 2": (-2.0, 0.6), "data set 3": (1.2, -1.6)}
figure, (ax,) = plots.panels(width=6.4, height=4)
turn = torch.linspace(0, 2 * math.pi, 200)
for (name, solution), colour, marker in zip(solutions.items(), plots.COLOURS, plots.MARKERS):
    w = torch.tensor(solution)
    batch = same_gradient(theta, gradient, w, 8, torch.Generator().manual_seed(seed))
    x, y = batch.x[0], batch.y[0, :, 0]
    moment, found = x.T @ x / len(y), 2 / len(y) * x.T @ (x @ theta - y)
    least = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    print(f"{name}: gradient ({found[0]:.4f}, {found[1]:.4f}), least squares at ({least[0]:.1f}, {least[1]:.1f})")
    level = ((theta - w) @ moment @ (theta - w)).sqrt()
    root = torch.linalg.cholesky(torch.linalg.inv(moment))
    curve = w[:, None] + level * root @ torch.stack([turn.cos(), turn.sin()])
    ax.plot(*curve.numpy(), color=colour)
    ax.plot(*w.numpy(), marker, color=colour, markersize=7, label=name)
side = torch.tensor([[-4.0, 3.0], [4.0, -3.0]])
ax.plot(*side.T.numpy(), color=plots.INK, linewidth=1)
ax.fill_between(side[:, 0], side[:, 1], -5, color=plots.INK, alpha=0.1, linewidth=0)
ax.annotate(
    "",
    tuple((-0.9 * gradient).tolist()),
    (0, 0),
    arrowprops={"arrowstyle": "->", "color": plots.INK, "linewidth": 1.8},
)
ax.annotate(r"$\theta$", (0.08, 0.08), fontsize=12)
ax.set(xlim=(-4, 3.4), ylim=(-3.4, 2), aspect="equal")
plots.finish(ax, r"$\theta_1$", r"$\theta_2$")

# %% [markdown]
# On the other side there is nothing, and the code says so.

# %%
try:
    same_gradient(theta, gradient, theta + gradient, 8, torch.Generator())
except UserError as error:
    print(error)

# %% [markdown]
# The same can be arranged for real inputs. Draw two sets of inputs from the task's own law, take any targets for the first, and solve for targets of the second with $X_2^\top (X_2 \theta - y_2) = X_1^\top (X_1 \theta - y_1)$. Both models that we trained are now asked for one step from the same $\theta$ on each of the two data sets.

# %%
generator = torch.Generator().manual_seed(seed)
d = chosen.task.theta_shape[1]
n = 4 * d
x = torch.randn(2, n, chosen.task.dx, generator=generator)
design, theta = chosen.task.design(x), 0.5 * torch.randn(1, 1, d, generator=generator)
y = design[:1] @ torch.randn(d, 1, generator=generator) + 0.5 * torch.randn(1, n, 1, generator=generator)
moment = design[0].T @ (design[0] @ theta[0].T - y[0])  # n / 2 times the gradient of the first
other = design[1] @ (theta[0].T - torch.linalg.solve(design[1].T @ design[1], moment))
pair = Batch(x, torch.cat([y, other[None]]))

least_squares = torch.linalg.lstsq(design, pair.y).solution
print(f"distance of the least-squares solutions:     {(least_squares[0] - least_squares[1]).norm():.4f}")
for name, model in models.items():
    state = replace(model.regime.init(x), value=theta.expand(2, 1, d))
    shown, after = model.regime.evidence(state, pair), model.step(state, pair).value.detach()
    if name == "Grad":
        print(f"distance of the gradients that are shown:    {(shown.gradients[0] - shown.gradients[1]).norm():.4f}")
    print(f"distance of the next theta, {name} model:{' ' * (9 - len(name))}     {(after[0] - after[1]).norm():.4f}")

# %% [markdown]
# The Grad model cannot but treat the two alike: whatever it does is wrong for at least one of them by at least half the distance of the solutions. The Data model has what is needed to tell them apart. Here it moves its answers apart by a part of that distance only: such batches are larger than those that it was trained on, and the targets of the second are without noise.
#
# ### Three qualifications
#
# *What is lost is lost in the mean.* One observation has the gradient $g_j = 2 (x_j^\top \theta - y_j)\, x_j$. If the model has a bias, the last coordinate of $x_j$ is 1, so the last coordinate of $g_j$ is twice the residual, and dividing by it returns $x_j$ and then $y_j$: with $\theta$ known, *per-sample* gradients are the data in
# another code ({ref}`ex-per-sample`), as long as residuals are not zero. In regression, information is destroyed when gradients are averaged over a batch; with many classes a small batch may survive it ({ref}`ex-per-sample`). The library offers both, `Signal(tokens="mean")` and `Signal(tokens="sample")`; the first is the usual optimizer's, the default, and the one that we measure.
#
# *Certainty is not what a learner needs.* {prf:ref}`thm-half-space` is about all data sets. A learner has a prior over tasks: inputs are standard normal, say, so $A$ is near the identity when $n \gg D$, and then $\theta - \frac12 g$ is near the solution. The next section computes what a gradient is worth on average.
#
# *Several gradients say more.* On the same batch, $g(\theta') - g(\theta) = 2 A (\theta' - \theta)$: gradients at $D + 1$ points in general position give away $A$ itself. With $k \leq D$ of them, a method that moves within their span stays in a Krylov space $\theta^{(0)} + \operatorname{span}\{g, A g, \dots, A^{k-1} g\}$, of which conjugate gradients {cite:p}`hestenes1952methods` picks the best member,
# and no method that learns of $A$ through gradients alone can do essentially better in the worst case {cite:p}`nemirovsky1983problem`. But this is a different setting from ours. In {eq}`eq-parametric-iteration` every step has a *fresh* batch, whose $A$ is another, and without a history window the refiner does not see earlier gradients, so it can take no
# differences. It has one gradient, and what training taught it about typical $A$.
#
# Observations, by contrast, carry $A$ within a single step. One layer of linear attention over tokens $(x_j, y_j)$ can compute $\sum_j x_j (y_j - x_j^\top \theta)$, the gradient; deeper ones can raise $A$ to powers, which is what preconditioned gradient steps and Newton-Schulz iterations are made of {cite:p}`vonoswald2023transformers,ahn2023transformers,fu2024second`.
#
# (sec-worth)=
# ## What a gradient is worth
#
# Let $e = w - \theta$ be the error of the present state, isotropic with variance $v$ per coordinate, as in the {ref}`memoryless recursion <sec-memoryless>` of the last chapter. A fresh batch of $B$ points gives $m = -\frac12 g = \frac1B X^\top (X e + \varepsilon)$. By symmetry the best linear use of $m$ is a multiple of it. For standard normal inputs $\E A = I$ and $\E A^2 = (1 + \frac{D+1}{B}) I$, hence
#
# $$
# \E\, e^\top m = D v , \qquad \E \lVert m \rVert^2 = D \Bigl[ v \Bigl( 1 + \frac{D + 1}{B} \Bigr) + \frac{\sigma^2}{B} \Bigr] ,
# $$
#
# and the regression of $e$ on $m$ leaves
#
# $$
# \begin{aligned}
# v_{i+1} &= v_i \; \frac{(D + 1) v_i + \sigma^2}{(B + D + 1) v_i + \sigma^2} , \\
# \theta^{(i+1)} &= \theta^{(i)} - \tfrac{1}{2} \beta_i\, g^{(i)} , \qquad \beta_i = \frac{B v_i}{(B + D + 1) v_i + \sigma^2} .
# \end{aligned}
# $$ (eq-gradient-recursion)
#
# This is stochastic gradient descent with the best possible schedule of step sizes, the counterpart for gradients of the memoryless recursion {eq}`eq-memoryless-recursion` for data ({func}`iai.study.analysis.theory.gradient_variance`). A nonlinear learner may do a little better by reading $\lVert m \rVert$, since the length of the gradient tells something of $v$ when tasks differ.
#
# Compare the two far from the noise, $\sigma \to 0$, as functions of the batch size per dimension, $\rho = B / D$. One step on data projects out $B$ of $D$ directions; one step on the gradient shrinks everything a little:
#
# $$
# \begin{aligned}
# \text{data:} \quad \frac{v_{i+1}}{v_i} &\to \max(0,\, 1 - \rho) , \\
# \text{gradient:} \quad \frac{v_{i+1}}{v_i} &\to \frac{1}{1 + \rho} = 1 - \rho + \rho^2 - \dots
# \end{aligned}
# $$ (eq-rho)
#
# For $\rho \ll 1$ the two agree to first order: *to a learner without memory, the gradient of a batch much smaller than the dimension is nearly all that the batch says.* They differ most at $\rho = 1$, where data solve the problem and a gradient halves the error. This is a reading, derived for one task family, of the observation that {cite:t}`mittal2025iterative` report, as summarised by others since we
# have not verified their tables: that observations win in low dimension and gradients are needed in high dimension. On {eq}`eq-rho` gradients never win by what they *say*; they can win only by being *easier to use*, one token that is already a descent direction, against $B$ tokens that a network of given size must first learn to combine. And close to the solution, where noise dominates, both
# recursions turn into $1 / v_{i+1} \approx 1 / v_i + B / \sigma^2$: then a gradient is as good as the data, at any $\rho$.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-worth", "caption": "Left: parametric models of the ledger with gradients, data and both, each with the settings of its own best trial, against the memoryless recursions of {eq}`eq-memoryless-recursion` and {eq}`eq-gradient-recursion` (dashed: data, dotted: gradient; derived for large dimension, not fitted, and guides rather than strict bounds). Bands are 95 % intervals over seeds; the shaded part is beyond training. Right: what one step without noise leaves of the error, against batch size over dimension, in the limit of large dimension."}, "image": {"alt": "Left, a logarithmic line chart of raw mean squared error over steps 0 to 20 for Grad, Data and Grad+Data models with two grey theoretical curves, the one for data below the one for gradients. Right, two curves against the ratio of batch size to dimension, both starting at one; the data curve falls linearly to zero at one, the gradient curve slowly to one half and on."}}
shown = experiment("table2/linear-regression/grad", chapter.shown_profile)
setting = (shown.task.theta_shape[1], shown.objective.points, shown.task.noise_variance)
v, u = [1.0], [1.0]
for _ in range(20):
    v.append(ridge_variance(v[-1], *setting))
    u.append(gradient_variance(u[-1], *setting))
bounds = {
    "data": [setting[0] * q + setting[2] for q in v],
    "gradient": [setting[0] * q + setting[2] for q in u],
}
figure, (left, right) = plots.panels(columns=2, width=8, height=3.3)
for (name, bound), style in zip(bounds.items(), ("--", ":")):
    left.plot(bound, style, color=plots.INK, label=f"{name}, memoryless")
rows = {name: f"table2/linear-regression/{kind}" for name, kind in KINDS.items()}
plots.curves(
    left,
    chapter.curves(rows, "linear-regression", "mse"),
    label="raw MSE",
    horizon=shown.objective.steps,
    logarithmic=True,
)
left.legend(loc="upper right", bbox_to_anchor=(1, 0.95))
rho = np.linspace(0, 2, 81)
plots.lines(
    right,
    {"data": (rho, np.maximum(0, 1 - rho)), "gradient": (rho, 1 / (1 + rho))},
    labels=("points a step / dimension", "share of the error left"),
)

# %% tags=["hide-input", "nbval-check-output"]
asked = (1, 2, 5, 10, 20)
simulated = {"data, limit (simulated)": f"{rows['Data']}|memoryless"}
grid = chapter.steps({**rows, **simulated}, "linear-regression", "mse", steps=asked)
theory = {f"{name}, limit (derived)": tuple(bound[k] for k in asked) for name, bound in bounds.items()}
grid = replace(grid, rows={**grid.rows, **theory})
notebook.table(
    grid,
    "Raw MSE of linear regression by signal, with the memoryless recursion of each signal.",
    "tab-signals",
)

# %% tags=["hide-input", "nbval-check-output"]
body = {}
for name, key in rows.items():
    curve, bound = (chapter.curve(row, "linear-regression", "mse") for row in (key, f"{key}|memoryless"))
    if isinstance(curve, Missing) or isinstance(bound, Missing):
        body[name] = (curve,) * len(asked)
        continue
    limit = bounds["gradient"] if name == "Grad" else [one.mean for one in bound]
    room = {k: limit[k] - setting[2] for k in asked}
    body[name] = tuple(
        replace(
            curve[k],
            values=tuple((value - setting[2]) / room[k] for value in curve[k].values),
            errors=tuple(error / room[k] for error in curve[k].errors),
        )
        for k in asked
    )
header = ("", *(f"{k} step{'s' * (k > 1)}" for k in asked))
caption = "Error above the noise, as a multiple of what the memoryless limit of the model's own signal leaves (for Grad, derived for infinitely many tasks, so that its row carries the luck of these; for the others, that of data, simulated on the same tasks). Near 1, the signal is the limit; early and far above, the network is; late, also the missing count of steps."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-efficiency", ".2f")

# %% [markdown]
# {numref}`tab-efficiency` separates the two things that a model can lack. Where its row is near 1, the model does with its signal all that a learner of this form could do with it, and only more information would help; a little below 1 is possible, as {eq}`eq-gradient-recursion` is the best *linear* use of a gradient, and its length tells a little more. Where it is far above 1, the information is there and is not used. Late steps mix two causes: the limits know how many steps were made, and the models do not (chapter {ref}`ch-iteration`). The first column is the cleanest, since all models start it from the same state: a
# gradient model has to learn one number there, its first step size, and a data model has to learn to solve a linear system within a few layers. Adding gradients to data adds no information, by {eq}`eq-newton` they are a function of it and $\theta$; what Grad+Data can gain over Data is a computation that it need not learn. In {numref}`tab-signals` this gain need not be there from the start: compare the rows Data and Grad+Data at one and two steps. Chapter {ref}`ch-linear-regression` decides it, step by step.
#
# (sec-residual)=
# ## A fourth signal: residuals
#
# Residual tokens show each observation by what the present state gets wrong. The signal `residual` replaces $(x_j, y_j)$ by
#
# $$
# (x_j, r_j) , \qquad r_j = y_j - \E\bigl[ y \mid x_j, \theta^{(i)} \bigr] .
# $$ (eq-residual)
#
# For squared error the mean is the prediction $f(x_j, \theta^{(i)})$. For classes it is the softmax of the logits. Both take one forward pass of the likelihood, known or learned, and no gradient. This signal is ours and not the paper's, so its rows have names of their own.
#
# {numref}`fig-residual` shows one refinement in both signals. Let $e = w - \theta^{(i)}$ be the error of the state. Then $y_j = \tilde x_j^\top \theta^{(i)} + \tilde x_j^\top e + \varepsilon_j$, where $\tilde x$ is the input with a 1 for the bias. The first term is known and large. The second is what the step is after.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-residual", "caption": "What the tokens of 200 observations of one task say about the error $e$ of the state, at $d = 32$. Horizontal: the input along $e$. Vertical: the target above, the residual below. The grey line has the slope that the next step must find, the length of $e$. Before the first step the signals are the same. Afterwards the slope drowns in the known part of the targets (above) and stays visible in the residuals (below). The learner is ridge regression around the present state, 16 points a step."}, "image": {"alt": "Six scatter plots, three columns for 0, 3 and 6 steps, all on one scale. In the first column targets and residuals are the same narrow band around a steep line. In the others targets form a wide cloud, while residuals stay a narrow band around a line that grows flatter."}}
wide = experiment("dimension/32/residual", "small")
D, B, noise = wide.task.theta_shape[1], wide.objective.points, wide.task.noise_variance
generator = torch.Generator().manual_seed(seed)
w, theta, variance = torch.randn(D, 1, generator=generator), torch.zeros(D, 1), 1.0
drawn = {}
for n in (200, *[B] * 10):
    inputs = wide.task.design(torch.randn(n, D - 1, generator=generator))
    drawn[len(drawn)] = (inputs, inputs @ w + noise**0.5 * torch.randn(n, 1, generator=generator))
(seen, targets), *steps = drawn.values()
figure, axes = plots.panels(columns=3, rows=2, width=7.6, height=4.6)
for k, (inputs, y) in enumerate(steps):
    error = w - theta
    along = seen @ error / error.norm()
    for row, values in enumerate((targets, targets - seen @ theta)):
        if k in (0, 3, 6):
            ax = axes[3 * row + k // 3]
            ax.scatter(along, values, s=6, color=plots.COLOURS[row], linewidths=0)
            ax.axline((0, 0), slope=error.norm().item(), color=plots.INK, linewidth=1)
            ax.set(ylim=(-18, 18), xlim=(-3, 3), title=f"after {k} steps" * (not row))
            plots.finish(ax, "input along the error" * row, ("target y", "residual r")[row] * (k == 0))
    ridge = inputs.T @ inputs + noise / variance * torch.eye(D)
    theta = theta + torch.linalg.solve(ridge, inputs.T @ (y - inputs @ theta))  # theta enters through residuals
    variance = ridge_variance(variance, D, B, noise)

# %% [markdown]
# ### What it is equivalent to
#
# The residual is minus the derivative of the loss in the prediction, up to a constant: $-\partial \mathcal{L} / \partial \hat y = c\, r$, with $c = 1$ for cross-entropy and $c = 2 / d_y$ for squared error, averaged over $d_y$ targets. By the chain rule, with $J_j = \partial f(x_j, \theta) / \partial \theta$,
#
# $$
# g = - \frac{c}{B} \sum_j J_j^\top r_j , \qquad \text{for a linear likelihood} \quad g = - \frac{c}{B} \sum_j r_j\, \tilde x_j^\top .
# $$ (eq-pooled)
#
# So a gradient token is one pooled functional of the residual tokens, linear in the residuals. Pooling is what loses the metric $A$ ({prf:ref}`thm-half-space`). The residual tokens keep it, and they lose nothing: with $\theta$ and $x_j$ at hand, $y_j = r_j + \E[y \mid x_j, \theta]$. Least squares is even simpler in residuals, $\theta^\star = \theta + A^{-1} \frac{1}{B} \sum_j \tilde x_j r_j$. Every step is then the same regression of $r$ on $x$, at another scale.
#
# {numref}`tab-residual` checks both likelihoods of the book. It compares the gradient of automatic differentiation with {eq}`eq-pooled` at a random state. Then it gives two refiners with equal random weights the two signals, from $\theta^{(0)} = 0$, and compares the states that they reach.

# %% tags=["hide-input"]
body = {}
for family, label in {"linear-regression": "linear regression", "mnist": "linear softmax"}.items():
    one = experiment(f"residual/{family}/parametric/grad+residual", profile)
    kinds = {kind: replace(one, signal=replace(one.signal, kind=kind)) for kind in ("residual", "data")}
    both, residual, pairs = (build(each, seed) for each in (one, *kinds.values()))
    generator = torch.Generator().manual_seed(seed)
    some = [one.task.sample(generator, tasks=8, points=16) for _ in range(2)]
    start = both.regime.init(some[0].x).detach()
    state = replace(start, value=0.5 * torch.randn(start.value.shape, generator=generator))
    found = both.regime.evidence(state, some[0])
    x = torch.cat([found.pairs.x, torch.ones(8, 16, 1)], dim=-1)
    c = 1 if one.task.loss == "cross_entropy" else 2 / one.task.dy
    apart = (found.gradients[:, 0] + c / 16 * found.pairs.y.mT @ x).abs().max() / found.gradients.abs().max()
    with torch.no_grad():
        torch.nn.init.normal_(residual.refiner.head.weight, std=0.1, generator=generator)
        pairs.load_state_dict(residual.state_dict())
        if c == 1:  # targets less 1 / C, which is a constant: the bias of the tokens
            residual.refiner.kinds[0] += residual.refiner.encode_y.weight.mean(1)
        reached = [[model.g(some[:k], some[0].x).value for model in (residual, pairs)] for k in (1, 2)]
    relative = [(a - b).norm() / (b - start.value).norm() for a, b in reached]
    body[label] = tuple(f"{float(number):.1g}" for number in (apart, *relative))
header = ("", "gradient against pooled residuals", "state after 1 step", "state after 2 steps")
caption = "Live, relative differences. Left: the gradient against the pooled residuals, rounding error. Right: the state from residual tokens against the state from pair tokens, with equal random weights. For the softmax a constant is moved to the bias of the tokens. The first step is the same and the second is not."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-residual")

# %% [markdown]
# ### Why it can help
#
# *Computation.* To use a pair token, the refiner must compute $\theta^\top \tilde x_j$ for every observation. This is a product of the contents of two tokens, and attention has to learn it. Residual tokens contain it.
#
# *Scale.* Near the solution a pair token hides an error of size $|r|$ under a target of size $|y|$. {numref}`tab-residual-scale` puts numbers on this for the learner of {numref}`fig-residual`. It gives the signal-to-noise ratio of a token: the variance of the part $\tilde x^\top e$ that the step is after, over the variance of everything else in the last entry of the token. For residuals everything else is the noise $\sigma^2$. For pairs it is also the known part $\tilde x^\top \theta^{(i)}$, of variance about $D (1 - v)$, until the refiner has subtracted it.
#
# *A fixed point.* At a solution the residuals are noise and independent of the inputs, whatever $\theta$ is. A step that has learned to stay there stays at every solution. From pair tokens it must first see that $y = \theta^\top \tilde x$ holds, for each $\theta$ anew.

# %% tags=["hide-input"]
asked_steps, left = (0, 1, 2, 5, 10), [1.0]
for _ in range(10):
    left.append(ridge_variance(left[-1], D, B, noise))
body = {
    "RMS of $y$": [(D + noise) ** 0.5 for _ in asked_steps],
    "RMS of $r$": [(D * left[k] + noise) ** 0.5 for k in asked_steps],
    "signal to noise, pairs": [D * left[k] / (D * (1 - left[k]) + noise) for k in asked_steps],
    "signal to noise, residuals": [D * left[k] / noise for k in asked_steps],
}
header = ("", *(f"{k} step{'s' * (k != 1)}" for k in asked_steps))
caption = f"Size of targets and residuals, and signal to noise of a token, for ridge regression around the present state. From the recursion {{eq}}`eq-memoryless-recursion` at $d = {D - 1}$, {B} points a step, noise variance {noise:g}; no run."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-residual-scale", ".3g")

# %% [markdown]
# ### Where it cannot
#
# *The first step.* $\theta^{(0)}$ starts at 0, and for symmetric tasks it may stay there. In linear regression it predicts zero, so $r = y$ exactly. Tokens and information are identical. For a softmax $r = y - 1/C$, which differs by a constant. Any other $\theta^{(0)}$ is the same for all tasks, so $r$ and $y$ differ by one function of $x$. The error after one step can therefore differ only through training, and {numref}`tab-residual` shows that the step itself does not.
#
# *A wrong likelihood.* A residual is as good as the prediction that it is formed with. In the explicit regime the decoder is learned along with the refiner. Early in training its residuals say what a poor decoder gets wrong. $y$ is still in them, but only for a refiner that knows this decoder, which changes at every update.
#
# *The implicit regime.* Its state is a prediction at each query. There is no $f$ at the observations, so there are no residuals (chapter {ref}`ch-three-regimes`).
#
# ### Measured
#
# {numref}`tab-residual-rows` compares trained models: residuals in the place of data, alone and beside gradients. Tasks, size and number of updates are the same. Rate and layout of $\theta$ are those that each row's own trials choose. Ratios below 1 are in favour of residuals.

# %% tags=["hide-input", "nbval-check-output"]
ALONE, WITH = {"data": "data", "gradients": "grad"}, {"gradients and data": "grad+data"}
OURS = {"residuals": "residual", "gradients and residuals": "grad+residual"}
keys = {label: f"dimension/32/{kind}" for label, kind in (ALONE | WITH | OURS).items()}
settings = {"$d = 32$, parametric": (keys, "linear-regression:mse")}
for family, metric, name in (("linear-regression", "mse", "$d = 10$"), ("mnist", "error", "MNIST")):
    for number, regime in (("table2", "parametric"), ("table3", "explicit")):
        keys = {label: f"{number}/{family}/{kind}" for label, kind in (ALONE | WITH).items()}
        keys |= {label: f"residual/{family}/{regime}/{kind}" for label, kind in OURS.items()}
        settings[f"{name}, {regime}"] = (keys, f"{family}:{metric}")
compared = {
    title: Contrast(title=title, rows=keys, where=where, at=10, profile=shown_profile)
    for title, (keys, where) in settings.items()
}
rows = {}
for title, one in compared.items():
    for label in one.rows:
        against = {"residuals": "data", "gradients and residuals": "gradients and data"}.get(label)
        ratios = [in_words(one.ratio(label, other)) for other in (against, "gradients")] if against else ["–", "–"]
        rows[f"{title}: {label}"] = (one.result(label, 1), one.result(label, 10), *ratios)
header = ("", "1 step", "10 steps", "against data", "against gradients")
caption = "Residuals against data and against gradients: raw MSE of linear regression, error on MNIST. Ratios are of the values after ten steps, with 95 % intervals over seeds; gradients and residuals are compared with gradients and data."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-residual-rows")

# %% [markdown]
# `python -m iai reproduce 'residual/*' --profile small; python -m iai reproduce 'dimension/32/*' --profile small`

# %% tags=["remove-input", "nbval-check-output"]
pairs_of = {"data": "residuals", "gradients and data": "gradients and residuals", "gradients": "residuals"}
sentences(
    replace(one, rows={label: one.rows[label] for label in (reference, ours)})
    for one in compared.values()
    for reference, ours in pairs_of.items()
)

# %% [markdown]
# ### The product beside residuals
#
# The residual rows do without the product term of {eq}`eq-pair-token`. In a prototype that is not in the ledger, at $d = 32$, the error after ten steps was several times larger with it. We have looked for the reason and have only narrowed it down.
#
# With one target $E_y r = r\, a$ for a fixed vector $a$. The product term is then $r\, M x$ with a fixed matrix $M$, a linear image of the gradient of one observation. There are three suspects.
#
# 1. *Similarity.* Queries and keys start equal, so two tokens score each other by $x^\top x'$, by $r r'$, and with the product also by $r r'\, x^\top x'$. The last has the sign of $r r'$. It could keep attention from comparing inputs.
# 2. *Scale.* Encoders are set for the size of $y$, and residuals become much smaller.
# 3. *A short cut.* Averaged over observations the term is the gradient. A network can use it for gradient descent at once, and may be slow to learn anything better.
#
# {numref}`tab-residual-product` looks at the first two before training.

# %% tags=["hide-input"]
batch = next(episodes(wide.task, replace(wide.evaluation, tasks=64)))[0][0]
near = noise**0.5 / wide.task.y_scale
apart, body = ~torch.eye(B, dtype=torch.bool).expand(64, B, B), {}
for when, r in (("r = y", batch.y), ("r as small as the noise", near * batch.y)):
    for product in (False, True):
        refiner = build(replace(wide, refiner=replace(wide.refiner, bilinear=product)), seed).refiner
        with torch.no_grad():
            terms = [refiner.encode_x(batch.x), refiner.encode_y(r)]
            terms.append(refiner.encode_xy(terms[0] * terms[1]) if product else 0 * terms[0])
            block = refiner.blocks[0]
            q, key, _ = block.qkv(block.norm_attention(sum(terms) + refiner.kinds[0])).chunk(3, dim=-1)
        read = [batch.x @ batch.x.mT, r @ r.mT, r @ r.mT * (batch.x @ batch.x.mT)]
        found = torch.stack([part[apart] for part in (q @ key.mT, *read)]).corrcoef()[0, 1:].tolist()
        sizes = [part.square().mean().sqrt().item() for part in terms]
        body[f"{when}, {'with' if product else 'without'} product"] = (*sizes, *found)
header = ("", "RMS of $E_x x$", "$E_y r$", "product", "$x^\\top x'$", "$r r'$", "$r r'\\, x^\\top x'$")
caption = f"Before training, live, at $d = {D - 1}$ and the size of profile `small`. Left: RMS of the terms of a token. Right: what the scores of the first layer between two observations follow (correlation over pairs, both heads together)."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-residual-product", ".2f")

# %% [markdown]
# The product moves these scores little. At $r = y$ they follow $r r'$ far more than $x^\top x'$, and they do so without the product as well. Near the noise both variants compare inputs. So a loss of similarity is not the work of the product. Scale does not single it out either: $E_y r$ and the product shrink by the same factor.
#
# A scratch run, one seed and not recorded, looked at training: $d = 16$, a model of width 32 and depth 2, 3,200 updates. It compared no product, the product, and a product whose encoder starts at zero. All three ended at about the same error. So the product is not harmful as such once training is long enough at this size. A shorter try at $d = 32$, with 650 updates, stayed near the error of predicting zero in all three and decides nothing.
#
# What remains is a hypothesis: a short cut that costs updates, which a short training at $d = 32$ does not have. One run of the prototype may also have been unlucky. We have tested neither.
#
# (sec-token-scale)=
# ## Token scale and the plateau
#
# All of the above is about what signals *could* tell. Whether a network listens depends on the relative scale of the terms in {eq}`eq-pair-token` at the start. The obvious encoder, one `nn.Linear` applied to the concatenation $[x, y]$ with PyTorch's default initialisation, gives every *entry* of $[x, y]$ the same weight. An image has
# many entries and a one-hot label has one that is not zero, so the label enters as a small perturbation of a large vector, and the layer norm that follows makes sure that it stays small. {numref}`tab-scales` measures this for four starts of the implicit row on images:
#
# - *matched*, as all rows start: $x$ and $y$ have encoders of their own, each divided by the known RMS of its input, so that both terms have RMS 1 a feature; in the implicit regime $x$ also starts in features of its own (`x_share`), so that attention can compare inputs before it has learned to ignore labels; query and key weights of a layer start *equal* (`tied_qk`), so that a token attends to tokens like itself.
# - *mixed*: the same, but $x$ and $y$ share all features.
# - *untied*: the same as matched, but queries and keys start independent.
# - *unmatched*: the concatenation with one linear layer.

# %% tags=["hide-input"]
STARTS = {
    "matched": {},
    "mixed": {"x_share": 0.0},
    "untied": {"tied_qk": 0.0},
    "unmatched": {"x_share": 0.0, "scaled_inputs": False},
}
body = {}
for start, change in STARTS.items():
    one = vary(experiment("table4/mnist/data", profile), refiner=change)
    refiner = build(one, seed).refiner
    batch = one.task.sample(torch.Generator().manual_seed(seed), tasks=64, points=32)
    with torch.no_grad():
        x, y = refiner.encode_x(batch.x), refiner.encode_y(batch.y)
        rms = [part.square().mean().sqrt().item() for part in (x, y)]
        asking, seen = x[:, :16] + refiner.kinds[3], (x + y)[:, 16:] + refiner.kinds[0]
        block = refiner.blocks[0]
        q, key = (block.qkv(block.norm_attention(part)).chunk(3, dim=-1)[i] for i, part in enumerate((asking, seen)))
        weights = (q @ key.mT / q.shape[-1] ** 0.5).softmax(-1)
        alike = (weights * (batch.y[:, :16] @ batch.y[:, 16:].mT)).sum(-1).mean().item()
    body[start] = (*rms, rms[0] / rms[1], alike)
header = ("start", "RMS of $E_x x$", "RMS of $E_y y$", "ratio", "attention to own class")
caption = "Before training, live, at the chapter's profile: the two terms of an observation token, and the share of a query's first-layer"
caption += f" attention that falls on observations of its class (chance: {1 / one.task.dy:.2f})."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-scales", ".2f")

# %% [markdown]
# The label is smallest in the unmatched start. Independent queries and keys begin with attention at chance, equal ones a little above it: a head start, not a match.
#
# ### Why there is a plateau
#
# A caricature shows what to expect. To predict in context, something must *match* the query with observations, with strength $a$ say, and something must *carry* their labels to the output, with strength $c$; the signal that reaches the prediction is $s\, a\, c$, where $s$ is the scale at which the label enters the token. With a squared loss
# $\frac12 (1 - s a c)^2$, gradient descent moves both along
#
# $$
# \dot a = s c \, (1 - s a c) , \qquad \dot c = s a \, (1 - s a c) ,
# $$ (eq-saddle)
#
# the dynamics of a two-layer linear network {cite:p}`saxe2014exact`. At $a = c = 0$ there is a saddle: neither factor can grow until the other has. From small $a = c = \epsilon$ both grow as $\epsilon\, e^{s t}$, so for a time
#
# $$
# t_{\mathrm{plateau}} \approx \frac{1}{s} \ln \frac{1}{\epsilon \sqrt{s}}
# $$ (eq-plateau)
#
# nothing seems to happen, and then everything does. (AdamW and Muon rescale a gradient, so the caricature says which start waits and not for how long.) Abrupt exits from long plateaus are indeed what in-context learning shows {cite:p}`kirsch2022general,reddy2024mechanistic,fu2024breaking`. {eq}`eq-plateau` names two ways out. Raising $s$, the scale of the label in its token, shortens the plateau in proportion. Starting with one of the factors *not* small removes the saddle: if attention matches from the start, $c$ grows at the rate $s\,a$ at once. Equal query and key weights do this:
# the score of tokens $u, u'$ is then $(W u)^\top (W u')$, largest for tokens that resemble each other, so that the untrained layer is already a smoother over neighbours.
#
# For regression the thing to be carried is not $y_j$ but the product $x_j y_j$, whose sum is the gradient at $\theta = 0$. From $E_x x_j + E_y y_j$ an attention layer can form products, by keys that read $y$ and values that read $x$ (as noted above), but it has to learn to. The third term of {eq}`eq-pair-token` hands them over. It is still data only, in the sense that no likelihood and no derivative enters; but one should be
# aware that it is the very product which the gradient of a linear model would contain. Models of `smoke` have this term for regression, and rows of `small` do without.
#
# What a start is worth in a training of `small` is asked of one change, *untied*: it is the lever `apart` of {ref}`sec-train-levers`.
#
# ## Exercises
#
# ```{exercise} Per-sample gradients are data
# :label: ex-per-sample
#
# Let $f(x, \theta)$ be a linear softmax over $C$ classes with a bias each, with cross-entropy. Given $\theta$ and the gradient of the loss of *one* observation, recover $x$ and $y$. What fails when the classifier is certain and right, and what is left when it is averaged over two observations, or over many?
# ```
#
# ```{solution} ex-per-sample
# :class: dropdown
#
# The gradient in row $c$ of the weights is $(p_c - y_c)(x, 1)$ with $p = \operatorname{softmax}(\theta (x, 1))$. The bias column is $p - y$. Exactly one of its entries is negative, that of the true class, so $y$ is known; any row with $p_c \neq y_c$ divided by its bias entry gives $x$. If $p = y$ the gradient vanishes and nothing is known but that $\theta$ classifies this observation with certainty and correctly. The mean of two is a
# matrix of rank at most 2. Its rows span $(x, 1)$ and $(x', 1)$, which puts $x$ and $x'$ on a known line without saying where on it. But $\theta$ is known, so each place on the line has only $C$ possible vectors $p - y$, and the two must reproduce the whole matrix: more equations than the two unknown places, so that in general only the true pair does. Rows sum to zero over classes, so the rank is at
# most $\min(B, C-1, D+1)$, and $(C-1)(D+1)$ numbers cannot hold $B D$ of the inputs once $B > (C-1)(D+1)/D$. A scalar regression with a bias is at that point with its second observation.
# ```
#
# ```{exercise} The half-space, with a prior
# :label: ex-posterior
#
# Inputs are standard normal, $w \sim \mathcal{N}(\theta, v I)$, no noise. Show that for $B \to \infty$ at fixed $D$ the direction of $g$ determines that of $w - \theta$, and for $B = 1$ it determines a line on which the *projection* of $w - \theta$ is nearly known for large $D$. Reconcile this with {prf:ref}`thm-half-space`.
# ```
#
# ```{solution} ex-posterior
# :class: dropdown
#
# For $B \to \infty$, $A \to I$ almost surely and $w = \theta - \frac12 g$. For $B = 1$, $-\frac12 g = x x^\top (w - \theta)$: the direction of $g$ is that of $x$ up to sign, and $\lVert g \rVert = 2 \lVert x \rVert \, |x^\top (w - \theta)|$ gives the projection if $\lVert x \rVert$ were known; it concentrates at $\sqrt{D}$. The theorem speaks of what is *possible*, for any data set. A law of inputs makes nearly all
# of those data sets improbable: the posterior of $w$ given $g$ is supported on the half-space but gathers in a part of it that shrinks as $B/D$ grows. A learned step is the map from $g$ to where that posterior sits, which is why it fails when the law of inputs changes.
# ```
#
# ```{exercise} When is the gradient enough?
# :label: ex-enough
#
# Take $\sigma = 0$ and $B = \rho D$. How many steps does it take to reduce the error by a factor of 100 with data and with gradients, for $\rho = 0.1$ and $\rho = 1$? In observations?
# ```
#
# ```{solution} ex-enough
# :class: dropdown
#
# By {eq}`eq-rho` the number of steps is $\ln 100 / {-\ln(1 - \rho)}$ and $\ln 100 / \ln(1 + \rho)$: for $\rho = 0.1$, 43.7 and 48.3, about $4.4 D$ and $4.8 D$ observations; for $\rho = 1$, one step of $D$ observations against 6.6 steps, $6.6 D$ observations. A learner of *data* with memory needs $D$ observations at either $\rho$: at small $\rho$ both memoryless learners waste observations alike, and the signal is not what limits them.
# ```
#
# ```{exercise} Half-spaces add up
# :label: ex-half-spaces
#
# A learner sees mean gradients of *the same* batch at $\theta_1, \dots, \theta_k$. Each gives a half-space that contains the solution. Why is their intersection not all that it knows?
# ```
#
# ```{solution} ex-half-spaces
# :class: dropdown
#
# All gradients share one $A$: differences give $A (\theta_i - \theta_j)$, so $A$ is known on the span of the differences. A solution $w$ is consistent iff some positive definite $A$ maps $2(\theta_i - w)$ to $g_i$ for *all* $i$, which requires the matrix $(\theta_i - w)^\top g_j$ to be symmetric and positive (semi-)definite. Symmetry alone is $k (k - 1) / 2$ linear equations for $w$, since $w$ enters as $w^\top (g_j - g_i)$: of these $k - 1$ are independent, and $D + 1$ gradients in general position leave one point.
# ```
#
# ## What we found, and what we did not
#
# That data cannot be recovered from a gradient is not only true, it is true in the strongest sense that a mean gradient allows: it fixes a half-space and nothing else, or with a bias a half-space somewhat further off ({prf:ref}`thm-half-space`, {numref}`fig-half-space`), and two trained models show both sides of it. But what is lost is lost in the averaging. And on average over tasks a gradient is worth a good deal, which {eq}`eq-gradient-recursion` quantifies: nearly
# everything, to a learner without memory, when the batch is small against the dimension or when noise dominates, and much less in between. The numbers of the trained models stand in {numref}`tab-signals` beside these limits. How Grad+Data compares with each of its parts is decided in {numref}`tab-lr-both`.
#
# Residual tokens are the data in coordinates that move with the state. The gradient is what is left of them after pooling ({eq}`eq-pooled`), and at the first step they are the pair tokens ({numref}`tab-residual`). Near the solution they show an error that pair tokens hide ({numref}`tab-residual-scale`). Whether trained models profit is what {numref}`tab-residual-rows` reads from the ledger. We do not know why a prototype did worse with the product beside residuals. A residual term also becomes small beside $E_x x$ near the solution, and we have not tried to normalise it as gradients are.
#
# How tokens are scaled at the start sets how large the label enters and how far attention matches before anything is learned ({numref}`tab-scales`). The caricature {eq}`eq-saddle` explains why both should matter for when learning begins; it does not predict the number of updates, and we did not fit it. Of the starts, trained models compare queries and keys alone, equal or independent, and the growing horizon has a lever beside them ({ref}`sec-train-levers`).
# What a mixed or an unmatched start costs with the present training we have not measured, nor what the product of $x$ and $y$ is worth there.
#
# We have not measured the per-sample and running gradient tokens against the mean, nor images with gradient signals at more than one batch size, so that the reading of "gradients are needed in high dimension" offered {ref}`above <sec-worth>` rests on linear regression and on theory.
