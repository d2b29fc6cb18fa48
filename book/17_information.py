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
# (ch-information)=
# # What a signal says
#
# *Cost: about a minute on one core; three small models and some probes are trained live. Tables of trained models show committed records of profile `small` (three or six seeds, most of them under three minutes each on one core).*

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
profile: str = "smoke"  # of the models that are trained and probed live: smoke | small | paper
shown_profile: str = "small"  # whose records tables show: smoke | small | paper
seed: int = 0  # of everything drawn at random below

# %% tags=["hide-input"]
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.feature_selection import mutual_info_regression
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from iai.study.analysis.information import batch_information, gradient_information
from iai.study.analysis.theory import gradient_variance
from iai.study.book import notebook, plots
from iai.study.book.comparisons import Contrast, in_words, outcome
from iai.study.ledger import records
from iai.study.registry import experiment
from iai.types import Batch

chapter = notebook.setup(globals())
DIMENSIONS = (2, 8, 32, 128)
rows = {d: experiment(f"dimension/{d}/data", shown_profile) for d in DIMENSIONS}
sizes = {d: (row.task.theta_shape[1], row.objective.points, row.task.noise_variance) for d, row in rows.items()}
fusion = {
    d: Contrast(
        title=f"d = {d}",
        rows={kind: f"dimension/{d}/{kind}" for kind in ("data", "grad", "grad+data")},
        where="linear-regression:mse",
        at=1,
        profile=shown_profile,
    )
    for d in DIMENSIONS
}
generator = torch.Generator().manual_seed(seed)
says = {
    d: (*batch_information(1.0, *size, generator), *gradient_information(1.0, *size, generator))
    for d, size in sizes.items()
}

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("dimension/*")

# %% [markdown]
# Chapter {ref}`ch-signals` showed that a gradient forgets the metric of its mini-batch. This chapter counts what that costs, in nats and in squared error, and asks what trained models take from what they are shown.

# %% tags=["remove-input", "nbval-check-output"]
alike = [d for d, one in fusion.items() if outcome(one.ratio("grad+data", over="grad")) == "equal"]
behind = [d for d, one in fusion.items() if outcome(one.ratio("grad+data")) == "higher"]
ahead = [d for d, one in fusion.items() if outcome(one.ratio("grad+data")) == "lower"]
places = {"level with gradients alone": alike, "worse than data alone": behind, "better than data alone": ahead}
decided = [f"{what} at d = {', '.join(map(str, where))}" for what, where in places.items() if where]
shares = {d: (gradient / batch, (1 - left) / (1 - least)) for d, (batch, least, gradient, left) in says.items()}
notebook.Markdown(
    ":::{admonition} In short\n"
    "- **To a learner that knows the inputs, a mean gradient says all that its mini-batch says** of a linear regression ({prf:ref}`thm-sufficient`). What is lost is lost because the inputs are hidden.\n"
    "- **With hidden inputs it says "
    + ", ".join(f"{nats:.0%} of the nats at d = {d}" for d, (nats, _) in shares.items())
    + f".** Of the squared error it explains {min(one for _, one in shares.values()):.0%} to {max(one for _, one in shares.values()):.0%} of what the mini-batch explains. Most nats go to digits that no squared error asks for.\n"
    + f"- **Fusion is not the sum of its signals.** After one step a model that is shown both is {'; '.join(decided) or '(pending)'} ({{numref}}`tab-information-fusion`).\n"
    + ":::"
)

# %% [markdown]
# ## Nats of a mini-batch
#
# Let $e = \theta^\star - \theta$ be the error of the present state, $e \sim \mathcal{N}(0, v I_D)$, and let a mini-batch have $B$ inputs $X$ with standard normal entries and residuals $s = y - X\theta = X e + \varepsilon$, $\varepsilon \sim \mathcal{N}(0, \sigma^2 I)$. A bias counts as one more input. Given $X$ all is Gaussian, so that
#
# $$
# I(e; X, y) = \tfrac12\, \mathbb{E} \log\det\bigl( I_B + \tfrac{v}{\sigma^2} X X^\top \bigr) .
# $$ (eq-information-batch)
#
# The mean gradient is $g = -2 m$ with $m = \frac1B X^\top s$.
#
# ```{prf:theorem} Given the inputs a gradient is enough
# :label: thm-sufficient
#
# $I(e; m \mid X) = I(e; X, y)$ for every law of the inputs that does not depend on $e$.
# ```
#
# ```{prf:proof}
# The likelihood of $e$ given $(X, y)$ is proportional to $\exp(-\lVert s - X e \rVert^2 / 2\sigma^2)$, and in $e$ this is $\exp\bigl( (B\, m^\top e - \frac12 e^\top X^\top X e) / \sigma^2 \bigr)$. It depends on $y$ through $m$ alone, so $m$ is sufficient given $X$: $I(e; m \mid X) = I(e; y \mid X)$. And $I(e; X, y) = I(e; X) + I(e; y \mid X)$, whose first term is zero.
# ```
#
# So gradient and inputs together are the mini-batch in another code. What a Grad model misses is $X$, and of $X$ the matrix $X^\top X$ alone.
#
# (sec-information-hidden)=
# ## When the inputs are hidden
#
# Now the learner sees $m$ and not $X$. The residuals have length $\lVert s \rVert^2 = (\lVert e \rVert^2 + \sigma^2)\, q$ with $q \sim \chi^2_B$. Given $s$, each column of $X$ is Gaussian, because $X e$ and $s$ are jointly so. Hence
#
# $$
# m \mid e, q \;\sim\; \mathcal{N}\Bigl( \tfrac{q}{B}\, e ,\;\; \tfrac{q}{B^2} \bigl[ (\lVert e \rVert^2 + \sigma^2) I - e e^\top \bigr] \Bigr) .
# $$ (eq-information-gradient)
#
# A gradient is the error, times a random gain $q / B$ that the learner cannot see, plus noise that is as large as the error itself in every direction across it. Noise along $e$ has variance $q \sigma^2 / B^2$ only. The gain is common to all coordinates.
#
# {eq}`eq-information-gradient` gives $p(m \mid e)$ as an integral over one number, and by symmetry $p(m)$ depends on $\lVert m \rVert$ alone. So $I(e; m) = \mathbb{E} \log p(m \mid e) / p(m)$ needs no estimator, and neither does the best predictor $\mathbb{E}[e \mid m]$, which is a multiple of $m$ by a function of its length ({func}`iai.study.analysis.information.gradient_information`). The chain rule gives the rest: $m$ is a function of the mini-batch and the state, so $I(e; X, y \mid m) = I(e; X, y) - I(e; m)$.

# %% tags=["hide-input", "nbval-check-output"]
body = {
    f"d = {d}, {sizes[d][1]} points": (
        batch,
        gradient,
        batch - gradient,
        least,
        left,
        gradient_variance(1.0, *sizes[d]),
    )
    for d, (batch, least, gradient, left) in says.items()
}
header = ("", "nats of the batch", "of its gradient", "of the batch given the gradient", "error left by the batch", "by the gradient", "by a multiple of it")  # fmt: skip
caption = "One step from the prior, $v = 1$, with the sizes of the sweep over the dimension: nats about $e$, and the share of the squared error that the best predictor leaves."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-information", ".3g", source=" ")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-information", "caption": "As the state comes close to the solution, a gradient says nearly all that is left to say. Left: nats of the gradient over nats of its mini-batch, against the error of the state over the noise. Right: the same for squared error: what the best predictor explains with the gradient, over what it explains with the mini-batch."}, "image": {"alt": "Two panels with four curves each, for 2, 8, 32 and 128 dimensions, against the ratio of error to noise on a logarithmic axis. Left, all curves fall from one, to between one half and one tenth. Right, they fall from one to between one half and three quarters."}}
ratios = np.logspace(-2, 1.5, 8)
nats, squares = {}, {}
for d, size in sizes.items():
    found = []
    for v in ratios * size[2]:
        batch, least = batch_information(v, *size, generator, draws=512)
        gradient, left = gradient_information(v, *size, generator, draws=2048)
        found.append((gradient / batch, (v - left) / (v - least)))
    nats[f"d = {d}"], squares[f"d = {d}"] = ((ratios, share) for share in zip(*found))
_, axes = plots.panels(columns=2, width=8.6, height=3.2)
for ax, shares, name in zip(axes, (nats, squares), ("share of the nats", "share of the explained error")):
    plots.lines(ax, shares, labels=("error of a coordinate over noise, v / σ²", name))
    plots.log_scale(ax, "x")
    ax.set_ylim(0, 1.08)

# %% [markdown]
# *Nats and squared error disagree, and the second is what we train.* A mini-batch of $B < D$ points fixes $B$ directions to within the noise. Each of them is worth $\frac12 \log(1 + v \lambda / \sigma^2)$ nats, which has no limit as $\sigma \to 0$, and at most $v$ of squared error. A gradient fixes no direction that well, since its noise is as large as the error. So the share of nats falls with the dimension. The share of explained error depends on $B / D$ instead.
#
# *Where the difference is largest.* Per step, data explain $1 + \frac{B + 1}{D}$ times as much as the best multiple of the gradient, for small noise and $B \le D$ ({eq}`eq-gradient-recursion`): little for small mini-batches, a little more than twice at $B = D$. Reading the length of the gradient as well helps in few dimensions, where it tells of the gain $q$, and not in many, where the length says nothing new.
#
# (sec-information-estimators)=
# ## Estimators, calibrated where the answer is known
#
# For images and learned states there is no formula. Two estimators are common. *KSG* {cite:p}`kraskov2004estimating` counts neighbours, and scikit-learn has it for pairs of numbers. *InfoNCE* {cite:p}`vandenoord2018cpc` trains a critic to tell the true pair among $N$, and is a lower bound that cannot exceed $\log N$ {cite:p}`poole2019variational`. Both are asked first what we know: correlated Gaussians, and gradients.


# %%
def info_nce(x, y, size=256, updates=400):
    """A lower bound on I(x; y) in nats, at most log(size), from a critic trained on three quarters of the pairs."""
    torch.manual_seed(seed)
    halves = [nn.Sequential(nn.Linear(z.shape[1], 128), nn.GELU(), nn.Linear(128, 64)) for z in (x, y)]
    adam = torch.optim.Adam([weight for half in halves for weight in half.parameters()], lr=3e-3)
    x, y = (((z - z.mean(0)) / z.std(0)).float() for z in (x, y))
    known, right = 3 * len(x) // 4, torch.arange(size)
    for _ in range(updates):
        some = torch.randint(known, (size,), generator=generator)
        loss = F.cross_entropy(halves[0](x[some]) @ halves[1](y[some]).T, right)
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        chunks = zip(x[known:].split(size), y[known:].split(size))
        losses = [F.cross_entropy(halves[0](a) @ halves[1](b).T, right) for a, b in chunks if len(a) == size]
    return math.log(size) - float(torch.stack(losses).mean())


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-information-estimators", "caption": "KSG is right for pairs of numbers. InfoNCE is right while the truth is a nat or two, and far too low well before its limit of $\\log 256$ (dotted), most of all for gradients. Estimates against the truth."}, "image": {"alt": "A scatter plot of estimates against true nats with a diagonal. Circles of KSG lie on it. Squares of InfoNCE on Gaussians follow it for small values and bend below it. Triangles of InfoNCE on gradients lie below it."}}
points = {"KSG, two numbers": [], "InfoNCE, Gaussians of 8": [], "InfoNCE, gradients": []}
for truth in (0.1, 0.3, 1.0, 2.0):
    rho = math.sqrt(1 - math.exp(-2 * truth))
    one, other = torch.randn(2, 2_000, generator=generator)
    estimate = mutual_info_regression(one[:, None].numpy(), (rho * one + (1 - rho**2) ** 0.5 * other).numpy(), random_state=seed)  # fmt: skip
    points["KSG, two numbers"].append((truth, estimate[0]))
for truth in (0.3, 1.0, 2.0, 4.0, 8.0):
    rho = math.sqrt(1 - math.exp(-truth / 4))
    one, other = torch.randn(2, 16_000, 8, generator=generator)
    points["InfoNCE, Gaussians of 8"].append((truth, info_nce(one, rho * one + (1 - rho**2) ** 0.5 * other)))
for d, v in ((2, 0.1), (2, 1.0), (8, 0.03), (8, 1.0), (32, 1.0)):
    D, B, noise = sizes[d]
    x, e = torch.randn(16_000, B, D, generator=generator), v**0.5 * torch.randn(16_000, D, generator=generator)
    s = (x @ e[..., None])[..., 0] + noise**0.5 * torch.randn(16_000, B, generator=generator)
    truth = gradient_information(v, D, B, noise, generator, draws=2048)[0]
    points["InfoNCE, gradients"].append((truth, info_nce(e, (x.mT @ s[..., None])[..., 0] / B)))
_, (ax,) = plots.panels(width=5.6, height=3.6)
for (name, found), colour, marker in zip(points.items(), plots.COLOURS, plots.MARKERS):
    ax.plot(*zip(*found), marker, color=colour, label=name)
ax.plot([0.08, 12], [0.08, 12], color=plots.INK, linewidth=1)
ax.axhline(math.log(256), color=plots.INK, linestyle=":", linewidth=1)
plots.log_scale(ax, "x")
plots.finish(ax, "true nats", "estimated nats", logarithmic=True)

# %% [markdown]
# (sec-information-expected)=
# ## What trained models read
#
# The rest of the chapter probes models of `table2/linear-regression`, trained live at the chapter's profile. A probe {cite:p}`alain2016probes` predicts $\theta^\star$ from what is inside: linear ones by ridge regression, small networks of one hidden layer. It is fitted on 3,000 tasks and judged by $R^2$ on 1,000 others, after one step from $\theta^{(0)}$. The following was written and committed before any probe was run.
#
# 1. *The state is where the linear probe finds most*: no token or slot has a linear $R^2$ more than 0.02 above that of the state after the step, in any of the three models. The loss rewards the state for being the best prediction, and what a slot holds the head can read.
# 2. *A small network finds nothing more in the state than the linear probe*: less than 0.02. $\mathbb{E}[\theta^\star \mid \theta^{(1)}]$ is nearly $\theta^{(1)}$ itself.
# 3. *The Grad model reads its token to the end*: the $R^2$ of its state is within 0.05 of the best that a gradient allows. *The Data model does not*: it is more than 0.1 below the best that the mini-batch allows.
# 4. *With both signals the mean pair token has no more in it than with data alone* (within 0.05): a linear probe finds the products $x_j y_j$ there, which are the gradient at zero, if the encoder multiplies, and nothing if it does not.


# %%
def inside(model, batch):
    """Features `tasks width` of one step, by where they are: mean tokens, the slot after each block, the state."""
    seen = []
    hooks = [block.register_forward_hook(lambda _, before, after: seen.append((before[0], after))) for block in model.refiner.blocks]  # fmt: skip
    start = model.regime.init(batch.x)
    with torch.no_grad():
        after = model.step(start, batch)
    for hook in hooks:
        hook.remove()
    shown = model.regime.evidence(start, batch)
    pairs, gradients = shown.pairs.points, shown.gradients.shape[1]
    found = {"mean of the pair tokens": seen[0][0][:, :pairs].mean(1)} if pairs else {}
    found |= {"gradient token": seen[0][0][:, pairs]} if gradients else {}
    found |= {f"slot after block {i}": slot[:, -1] for i, (_, slot) in enumerate(seen, start=1)}
    return found | {"state after the step": after.value.flatten(1)}


# %% tags=["hide-input"]
chosen = experiment("table2/linear-regression/data", profile)
D, B, noise = chosen.task.theta_shape[1], chosen.objective.points, chosen.task.noise_variance
w = torch.randn(4_000, D, 1, generator=generator)
x = torch.randn(4_000, B, chosen.task.dx, generator=generator)
design = chosen.task.design(x)
batch = Batch(x, design @ w + noise**0.5 * torch.randn(4_000, B, 1, generator=generator))
left = torch.linalg.inv(design.mT @ design / noise + torch.eye(D)).diagonal(dim1=1, dim2=2).mean()
best = {"data": 1 - float(left), "grad": 1 - gradient_information(1.0, D, B, noise, generator)[1]}
found = {}
for kind in ("grad", "data", "grad+data"):
    model, _ = chapter.train(f"table2/linear-regression/{kind}")
    for where, features in inside(model, batch).items():
        probes = (Ridge(), MLPRegressor(hidden_layer_sizes=(64,), max_iter=500, early_stopping=True, random_state=seed))
        held = []
        for probe in probes:
            fitted = make_pipeline(StandardScaler(), probe).fit(features[:3_000].numpy(), w[:3_000, :, 0].numpy())
            held.append(fitted.score(features[3_000:].numpy(), w[3_000:, :, 0].numpy()))
        found[kind, where] = held
table = {f"{kind}: {where}": held for (kind, where), held in found.items()}
table |= {f"best with the {'gradient' if kind == 'grad' else 'mini-batch'}": (one, one) for kind, one in best.items()}
header = ("", "linear probe", "small network")
caption = f"Held-out R² of θ* after one step, from parts of three models that are trained live at `{profile}`: {D} parameters, {B} points."
notebook.table(notebook.Grid(header=header, rows=table), caption, "tab-information-probes", ".3f", source=" ")

# %% [markdown]
# The best with the gradient is derived with the bias as one more random input. That its input is always 1 tells a little more of the gain, so a probe may be above this line by a little.

# %% tags=["hide-input"]
linear = {key: held[0] for key, held in found.items()}
states = {kind: linear[kind, "state after the step"] for kind in ("grad", "data", "grad+data")}
most = max(value - states[kind] for (kind, _), value in linear.items())
gain = max(found[kind, "state after the step"][1] - value for kind, value in states.items())
pairs = [linear[kind, "mean of the pair tokens"] for kind in ("data", "grad+data")]
verdicts = {
    f"1. Largest linear R² over that of the state: {most:+.3f}, expected at most 0.02": most <= 0.02,
    f"2. Largest gain of a network on a state: {gain:+.3f}, expected less than 0.02": gain < 0.02,
    f"3. Grad, below the best: {best['grad'] - states['grad']:.3f}, expected within 0.05": best["grad"] - states["grad"] <= 0.05,
    f"3. Data, below the best: {best['data'] - states['data']:.3f}, expected more than 0.1": best["data"] - states["data"] > 0.1,
    f"4. Pair tokens with both signals against data alone: {pairs[1] - pairs[0]:+.3f}, expected within 0.05": abs(pairs[1] - pairs[0]) <= 0.05,
}  # fmt: skip
notebook.Markdown(
    "\n".join(f"- {what}. **{'As' if right else 'Not as'} expected.**" for what, right in verdicts.items())
)

# %% [markdown]
# (sec-information-fusion)=
# ## Does fusion add what it could?
#
# Gradients add nothing to observations: they are a function of these and the state. So by information alone a model that is shown both should be level with one that is shown the data, and ahead of one that is shown gradients by what {numref}`tab-information` says. {numref}`tab-information-fusion` has the rows of the sweep over the dimension after one step, which all start from the same state. (These rows were in the ledger before this chapter was written; nothing here was predicted.)

# %% tags=["hide-input", "nbval-check-output"]
body = {}
for d, one in fusion.items():
    D, B, noise = sizes[d]
    bounds = (records.summary(f"dimension/{d}/data|memoryless", shown_profile, "linear-regression", "mse", 1), D * says[d][3] + noise)  # fmt: skip
    body[f"d = {d}"] = (bounds[0], one.result("data"), bounds[1], one.result("grad"), one.result("grad+data"), in_words(one.ratio("grad+data")), in_words(one.ratio("grad+data", over="grad")))  # fmt: skip
header = (
    "",
    "best with data",
    "data",
    "best with the gradient",
    "gradient",
    "both",
    "both over data",
    "both over gradient",
)
caption = "Squared error after one step, by what is shown, beside the best that each signal allows (data: simulated on the same tasks; gradient: derived, with a bias counted as an input). Ratios have 95 % intervals and pass the gate of the chapter on claims."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-information-fusion")

# %% [markdown]
# ## Exercises
#
# ````{exercise} A step size from the law of a gradient
# :label: ex-information-step
#
# Derive the best multiple $\beta$ of $m$, and the variance that it leaves, from {eq}`eq-information-gradient` alone. Compare with {eq}`eq-gradient-recursion`.
# ````
#
# ````{solution} ex-information-step
# :class: dropdown
#
# $\mathbb{E}\, e^\top m = \mathbb{E}[q / B]\, \mathbb{E} \lVert e \rVert^2 = D v$. With $\mathbb{E} q^2 = B (B + 2)$, $\mathbb{E} \lVert m \rVert^2 = \frac{B + 2}{B} D v + \frac{1}{B} \bigl[ D (D v + \sigma^2) - D v \bigr] = D \bigl[ v (1 + \frac{D + 1}{B}) + \frac{\sigma^2}{B} \bigr]$. So $\beta = D v / \mathbb{E} \lVert m \rVert^2 = B v / ((B + D + 1) v + \sigma^2)$ and $v (1 - \beta)$ is left, which is {eq}`eq-gradient-recursion`.
# ````
#
# ````{exercise} Why nats of a gradient stay finite
# :label: ex-information-finite
#
# Let $\sigma \to 0$. Show that $I(e; X, y)$ grows without limit and that $I(e; m)$ does not depend on $v$. Is $I(e; m)$ finite?
# ````
#
# ````{solution} ex-information-finite
# :class: dropdown
#
# The determinant in {eq}`eq-information-batch` has $\min(B, D)$ eigenvalues that grow like $v / \sigma^2$. Without noise $m$ is linear in $e$ for each $X$, so scaling $e$ scales $m$, and mutual information does not change if both are multiplied by a number. In {eq}`eq-information-gradient` the covariance becomes $\frac{q}{B^2}(\lVert e \rVert^2 I - e e^\top)$, which is singular along $e$: there $m$ is exactly $\frac{q}{B} e$, of which $q$ is unknown. The density given $e$ is the mixture over $q$, which has full rank, so the information is finite.
# ````
#
# ## What we found, and what we did not
#
# *What was found* is in the box at the top, in {numref}`tab-information` and in the verdicts under {numref}`tab-information-probes`. The closed form is for standard normal inputs and one mean gradient; it says nothing of images, where gradients of a small mini-batch may determine it ({ref}`ex-per-sample`). *InfoNCE was calibrated and found too low* for what we would have used it for, so no estimate of it on learned states is shown: where the truth is a few nats, linear probes say more, and say it as a squared error. *Probes* show what can be read out, not what the model uses. The models that are probed are small, and trained live with one seed.
