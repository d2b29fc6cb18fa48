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
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.feature_selection import mutual_info_regression
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from iai.study.analysis.information import (
    batch_information,
    gradient_error_with_bias,
    gradient_information,
    gradient_log_density,
)
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
places = {
    "better than data alone": ("lower", None),
    "worse than data alone": ("higher", None),
    "level with data alone": ("equal", None),
    "better than gradients alone": ("lower", "grad"),
    "worse than gradients alone": ("higher", "grad"),
    "level with gradients alone": ("equal", "grad"),
}
where = {
    what: [f"{d}" for d, one in fusion.items() if outcome(one.ratio("grad+data", over=over)) == word]
    for what, (word, over) in places.items()
}
decided = "; ".join(f"{what} at d = {', '.join(found)}" for what, found in where.items() if found) or "pending"
behind = where["worse than data alone"] or where["worse than gradients alone"]
shares = {d: (gradient / batch, (1 - left) / (1 - least)) for d, (batch, least, gradient, left) in says.items()}
explained = [one for _, one in shares.values()]
notebook.Markdown(
    ":::{admonition} In short\n"
    "- **To a learner that knows the inputs, a mean gradient says all that its mini-batch says** of a linear regression ({prf:ref}`thm-sufficient`). What is lost is lost because the inputs are hidden.\n"
    f"- **With hidden inputs it says less: {', '.join(f'{nats:.0%}' for nats, _ in shares.values())} of the nats** at d = {', '.join(map(str, shares))}, in one step from the prior. Of the squared error it explains {min(explained):.0%} to {max(explained):.0%} of what the mini-batch explains.\n"
    f"- **{'Both signals together can be worse than the better one' if behind else 'Both signals together'}.** After one step a model that is shown both is {decided} ({{numref}}`tab-information-fusion`).\n"
    ":::"
)

# %% [markdown]
# ## Nats of a mini-batch
#
# Let $e = \theta^\star - \theta$ be the error of the present state, $e \sim \mathcal{N}(0, v I_D)$, and let a mini-batch have $B$ inputs $X$ with standard normal entries and residuals $s = y - X\theta = X e + \varepsilon$, $\varepsilon \sim \mathcal{N}(0, \sigma^2 I)$. A bias counts as one more input, so that $D = d + 1$. Given $X$ all is Gaussian, and
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
# So about $e$, gradient and inputs together say what the mini-batch says. What a Grad model misses is $X$, and of $X$ the matrix $X^\top X$ alone.
#
# (sec-information-hidden)=
# ## When the inputs are hidden
#
# Now the learner sees $m$ and not $X$. The residuals have length $\lVert s \rVert^2 = (\lVert e \rVert^2 + \sigma^2)\, q$, where $q \sim \chi^2_B$ does not depend on $e$. An input $x_j$ and its residual $s_j$ are jointly Gaussian given $e$. So given $e$ and $s$ the rows of $X$ are independent, with mean $s_j e / (\lVert e \rVert^2 + \sigma^2)$ and covariance $I - e e^\top / (\lVert e \rVert^2 + \sigma^2)$. Summing $x_j s_j / B$ over them,
#
# $$
# m \mid e, q \;\sim\; \mathcal{N}\Bigl( \tfrac{q}{B}\, e ,\;\; \tfrac{q}{B^2} \bigl[ (\lVert e \rVert^2 + \sigma^2) I - e e^\top \bigr] \Bigr) .
# $$ (eq-information-gradient)
#
# A gradient is the error, times a random gain $q / B$ that the learner cannot see and that all coordinates share, plus noise. Along $e$ the noise has variance $q \sigma^2 / B^2$ only. Across it the standard deviation in each direction is about $\sqrt{(\lVert e \rVert^2 + \sigma^2) / B}$: for small $\sigma$ and $B \approx D$ as large as a coordinate of $e$.
#
# {eq}`eq-information-gradient` gives $p(m \mid e)$ as an integral over one number, and by symmetry $p(m)$ depends on $\lVert m \rVert$ alone. So $I(e; m) = \mathbb{E} \log p(m \mid e) / p(m)$ needs no trained estimator, and neither does the best predictor $\mathbb{E}[e \mid m]$, which is $m$ times a function of its length. Means over draws suffice ({func}`iai.study.analysis.information.gradient_information`). As $m$ is a function of the mini-batch and the state, $I(e; X, y \mid m) = I(e; X, y) - I(e; m)$.
#
# A squared error of $u$ a coordinate needs at least $\frac{D}{2} \log (v / u)$ nats, the rate-distortion function of a Gaussian {cite:p}`cover2006elements`. The last two lines of {numref}`tab-information` have it for the two errors.

# %% tags=["hide-input", "nbval-check-output"]
columns = [
    (batch, gradient, batch - gradient, least, left, gradient_variance(1.0, *size), *(-size[0] / 2 * math.log(u) for u in (least, left)))
    for size, (batch, least, gradient, left) in zip(sizes.values(), says.values())
]  # fmt: skip
labels = (
    "nats of the mini-batch",
    "nats of its gradient",
    "nats of the mini-batch, given the gradient",
    "error left by the mini-batch",
    "error left by the gradient",
    "error left by a multiple of the gradient",
    "nats that the error of the mini-batch needs",
    "nats that the error of the gradient needs",
)
body = dict(zip(labels, zip(*columns)))
header = ("", *(f"D = {D}, {B} points" for D, B, _ in sizes.values()))
caption = "One step from the prior, $v = 1$ and $\\sigma^2 = 0.25$, with the sizes of the sweep over the dimension: nats about $e$, and the share of the squared error that the best predictor leaves."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-information", ".3g", source=" ")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-information", "caption": "The closer the state is to the solution, the larger is the share of the gradient. Left: nats of the gradient over nats of its mini-batch, against the squared error of the state over the noise, which is nearly all that it depends on. Right: the same for squared error, what the best predictor explains with the gradient over what it explains with the mini-batch."}, "image": {"alt": "Two panels with four curves each, for 2, 8, 32 and 128 dimensions, against the ratio of squared error to noise on a logarithmic axis. Left, the curves nearly coincide and fall from nearly one to below one fifth. Right, they fall from nearly one to between one half and seven tenths."}}
ratios = np.logspace(-1, 2.5, 8)
nats, squares = {}, {}
for d, size in sizes.items():
    found = []
    for v in ratios * size[2] / size[0]:
        batch, least = batch_information(v, *size, generator, draws=512)
        gradient, left = gradient_information(v, *size, generator, draws=2048)
        found.append((gradient / batch, (v - left) / (v - least)))
    nats[f"d = {d}"], squares[f"d = {d}"] = ((ratios, share) for share in zip(*found))
_, axes = plots.panels(columns=2, width=8.6, height=3.2)
for ax, shares, name in zip(axes, (nats, squares), ("share of the nats", "share of the explained error")):
    plots.lines(ax, shares, labels=("squared error over noise, D v / σ²", name))
    plots.log_scale(ax, "x")
    ax.set_ylim(0, 1.08)

# %% [markdown]
# *Nats and squared error disagree, and the second is what we train.* A mini-batch of $B < D$ points fixes $B$ directions to within the noise. Each of them is worth $\frac12 \log(1 + v \lambda / \sigma^2)$ nats, with $\lambda$ an eigenvalue of $X X^\top$, of order $D$. So a mini-batch has about $\frac{B}{2} \log (D v / \sigma^2)$ nats, which have no limit as $\sigma \to 0$, and a direction has at most $v$ of squared error. The gradient fixes no direction that well, because its noise does not vanish with $\sigma$. Its nats per parameter depend on $B / D$, and hardly on $D$: compare $D = 33$ and $D = 129$ in {numref}`tab-information`, which have nearly the same $B / D$. So the share of nats falls because $D v / \sigma^2$ grows with the dimension; at equal $D v / \sigma^2$ it is nearly the same in all four settings ({numref}`fig-information`, left). The share of the explained error ends at a value that depends on $B / D$.
#
# *Where the difference is largest.* For $\sigma \to 0$ and $B \le D$, data explain $1 + \frac{B + 1}{D}$ times as much per step as the best multiple of the gradient ({eq}`eq-rho`). That is little for small mini-batches and a little more than twice at $B = D$. Beyond that the ratio falls again, as $1 + \frac{D + 1}{B}$.
#
# *The length of a gradient* tells of its gain $q$ in any dimension. Given $q$ the best multiple is $B v / (q v + (D - 1) v + \sigma^2)$. In few dimensions it varies with $q$. In many it hardly does while $B$ is of the order of $D$ or less, so that knowing $q$ is worth little there.
#
# (sec-information-estimators)=
# ## Estimators, calibrated where the answer is known
#
# For images and learned states there is no formula. Two estimators are common. *KSG* {cite:p}`kraskov2004estimating` counts neighbours, and scikit-learn has it for pairs of numbers. *InfoNCE* {cite:p}`vandenoord2018cpc` trains a critic to tell the true pair among $N$, and is a lower bound that cannot exceed $\log N$ {cite:p}`poole2019variational`. Both are first asked about Gaussians, and InfoNCE about gradients too. Two things make InfoNCE too low: the bound itself, and a critic that is not the best. So it is also computed with the best critic, which knows the density.


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


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-information-estimators", "caption": "KSG is right for pairs of numbers. With a trained critic InfoNCE is too low everywhere, for gradients mostly because of the critic, for Gaussians of a few nats and more mostly because of its limit of $\\log 256$ (dotted). Estimates against the truth; crosses have the best critic."}, "image": {"alt": "A scatter plot of estimates against true nats with a diagonal. Circles of KSG lie on it. Squares and triangles of InfoNCE on Gaussians and gradients lie below it, increasingly so towards the dotted line. Crosses of the best critic lie closer to the diagonal for gradients."}}
points = {"KSG, two numbers": [], "InfoNCE, Gaussians of 8": [], "InfoNCE, gradients": [], "with the best critic": []}
for truth in (0.1, 0.3, 1.0, 2.0):
    rho = math.sqrt(1 - math.exp(-2 * truth))
    one, other = torch.randn(2, 2_000, generator=generator)
    other = rho * one + (1 - rho**2) ** 0.5 * other
    estimate = mutual_info_regression(one[:, None].numpy(), other.numpy(), random_state=seed)
    points["KSG, two numbers"].append((truth, estimate[0]))
for truth in (0.3, 1.0, 2.0, 4.0, 8.0):
    rho = math.sqrt(1 - math.exp(-truth / 4))
    one, other = torch.randn(2, 16_000, 8, generator=generator)
    other = rho * one + (1 - rho**2) ** 0.5 * other
    points["InfoNCE, Gaussians of 8"].append((truth, info_nce(one, other)))
    right = -(torch.cdist(rho * one[:256], other[:256]) ** 2) / (2 * (1 - rho**2))
    points["with the best critic"].append((truth, math.log(256) - float(F.cross_entropy(right.T, torch.arange(256)))))
for d, v in ((2, 0.1), (2, 1.0), (8, 0.03), (8, 1.0), (32, 1.0)):
    D, B, noise = sizes[d]
    x, e = torch.randn(16_000, B, D, generator=generator), v**0.5 * torch.randn(16_000, D, generator=generator)
    s = (x @ e[..., None])[..., 0] + noise**0.5 * torch.randn(16_000, B, generator=generator)
    m = (x.mT @ s[..., None])[..., 0] / B
    truth = gradient_information(v, D, B, noise, generator, draws=2048)[0]
    points["InfoNCE, gradients"].append((truth, info_nce(e, m)))
    size = e[:256].square().sum(1, keepdim=True).expand(-1, 256).flatten()
    along = (e[:256] @ m[:256].T).flatten() / size.sqrt()
    across = m[:256].square().sum(1).repeat(256) - along.square()
    parts = zip(along.split(4096), across.split(4096), size.split(4096))
    right = torch.cat([gradient_log_density(*part, D, B, noise) for part in parts]).view(256, 256)
    points["with the best critic"].append((truth, math.log(256) - float(F.cross_entropy(right.T, torch.arange(256)))))
_, (ax,) = plots.panels(width=5.6, height=3.6)
for (name, found), colour, marker in zip(points.items(), (*plots.COLOURS[:3], plots.INK), (*plots.MARKERS[:3], "x")):
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
d, B, noise = chosen.task.dx, chosen.objective.points, chosen.task.noise_variance
w = torch.randn(4_000, d + 1, 1, generator=generator)
x = torch.randn(4_000, B, d, generator=generator)
design = chosen.task.design(x)
batch = Batch(x, design @ w + noise**0.5 * torch.randn(4_000, B, 1, generator=generator))
left = torch.linalg.inv(design.mT @ design / noise + torch.eye(d + 1)).diagonal(dim1=1, dim2=2).mean()
best = {"grad": 1 - gradient_error_with_bias(1.0, d, B, noise, generator), "data": 1 - float(left)}
truth, misses, itself = w[..., 0], {}, {}
whole = truth[3_000:].square().sum(1).mean()
for kind in ("grad", "data", "grad+data"):
    model, _ = chapter.train(f"table2/linear-regression/{kind}")
    for where, features in inside(model, batch).items():
        probes = {
            "linear": Ridge(),
            "network": MLPRegressor(
                hidden_layer_sizes=(64,), max_iter=500, early_stopping=True, random_state=seed
            ),  # 500 and not 100, the first value: it had not converged
        }
        for name, probe in probes.items():
            fitted = make_pipeline(StandardScaler(), probe).fit(features[:3_000].numpy(), truth[:3_000].numpy())
            found = torch.from_numpy(fitted.predict(features[3_000:].numpy()))
            misses[kind, where, name] = (found - truth[3_000:]).square().sum(1) / whole
    itself[kind] = 1 - float((features[3_000:] - truth[3_000:]).square().sum(1).mean() / whole)  # the last is the state
STATE = "state after the step"
table = {
    f"{kind}: {where}": (
        1 - float(misses[kind, where, "linear"].mean()),
        1 - float(misses[kind, where, "network"].mean()),
        itself[kind] if where == STATE else "–",
    )
    for kind, where, name in misses
    if name == "linear"
}
names = {"grad": "gradient", "data": "mini-batch"}
table |= {f"best with the {names[kind]}": ("–", "–", one) for kind, one in best.items()}
header = ("", "linear probe", "small network", "as it is")
caption = f"Held-out R² of θ* after one step, from parts of three models that are trained live at `{profile}`: {d + 1} parameters, {B} points. Last column: R² of the state as a prediction of θ*, and of the best predictors."
notebook.table(notebook.Grid(header=header, rows=table), caption, "tab-information-probes", ".3f", source=" ")

# %% tags=["hide-input"]
again = torch.randint(1_000, (400, 1_000), generator=generator)
linear = {(kind, where): miss for (kind, where, name), miss in misses.items() if name == "linear"}
tops = {kind: min((key for key in linear if key[0] == kind and key[1] != STATE), key=lambda key: float(linear[key].mean())) for kind in itself}  # fmt: skip
pairs = {kind: linear[kind, "mean of the pair tokens"] for kind in ("data", "grad+data")}
differences = {
    **{f"1. {kind}: linear R² of the {tops[kind][1]} over that of the state, at most 0.02": (linear[kind, STATE] - linear[tops[kind]], -math.inf, 0.02) for kind in itself},
    **{f"2. {kind}: gain of a network on the state, less than 0.02": (linear[kind, STATE] - misses[kind, STATE, "network"], -math.inf, 0.02) for kind in itself},
    "3. grad: linear R² of the state below the best, at most 0.05": (linear["grad", STATE] - (1 - best["grad"]), -math.inf, 0.05),
    "3. data: linear R² of the state below the best, more than 0.1": (linear["data", STATE] - (1 - best["data"]), 0.1, math.inf),
    "4. pair tokens with both signals over data alone, within 0.05": (pairs["data"] - pairs["grad+data"], -0.05, 0.05),
}  # fmt: skip
lines = []
for what, (one, least, most) in differences.items():
    low, high = one[again].mean(1).quantile(torch.tensor([0.025, 0.975], dtype=one.dtype)).tolist()
    word = (
        "As expected." if least < low and high < most else "Not as expected." if high < least or most < low else "Open."
    )
    lines.append(f"- {what}: {float(one.mean()):+.3f} [{low:+.3f}, {high:+.3f}]. **{word}**")
notebook.Markdown("\n".join(lines))

# %% [markdown]
# Intervals are bootstrapped over the held-out tasks; each model has one seed. Three things were changed after the probes had been run once. The network has 500 epochs at most in the place of 100, in which it had not converged. The best with the gradient takes the bias as it is, where it had been one more random input. And intervals decide, where means had: by means alone point 1 had failed (a slot was 0.021 above its state) and both parts of point 3 had come. Where the last column of a state is below its linear probe, the model moves too little or too far: the right multiple of its state is a better answer. The prediction that $\mathbb{E}[\theta^\star \mid \theta^{(1)}]$ is nearly $\theta^{(1)}$ was not tested by point 2 and can be read there. Point 4 could not have failed: the token is taken before any attention, so that it is the same map of the means of $x$, $y$ and their product in both models. It says nothing of what training did.

# %% [markdown]
# (sec-information-fusion)=
# ## Does fusion add what it could?
#
# Gradients add nothing to observations: they are a function of these and the state. So by information alone a model that is shown both should be level with one that is shown the data. {numref}`tab-information-fusion` has the rows of the sweep over the dimension after one step, from a learned start that is nearly zero. (These rows were in the ledger before this chapter was written; nothing here was predicted.)

# %% tags=["hide-input", "nbval-check-output"]
body = {}
for d, one in fusion.items():
    D, B, noise = sizes[d]
    cells = []
    for kind in ("data|memoryless", "data", "grad", "grad+data"):
        start, after = (
            records.summary(f"dimension/{d}/{name}", shown_profile, "linear-regression", "mse", k)
            for name, k in ((kind.split("|")[0], 0), (kind, 1))
        )
        if isinstance(after, records.Summary) and isinstance(start, records.Summary):
            room = start.mean - noise
            after = replace(
                after,
                values=tuple((value - noise) / room for value in after.values),
                errors=tuple(error / room for error in after.errors),
            )
        cells.append(after)
    cells.insert(2, gradient_error_with_bias(1.0, d, B, noise, generator))
    body[f"d = {d}"] = (*cells, in_words(one.ratio("grad+data")), in_words(one.ratio("grad+data", over="grad")))
labels = (
    "best with data",
    "data",
    "best with the gradient",
    "gradient",
    "both",
    "both over data",
    "both over gradient",
)
header, body = ("", *body), dict(zip(labels, zip(*body.values())))
caption = "What one step leaves of the squared error above the noise, by what is shown, beside the best that each signal allows (data: memoryless, simulated on the same tasks; gradient: derived for all tasks). Ratios are of the whole error, noise included, have 95 % intervals and pass the gate of chapter {ref}`ch-claims`."
notebook.table(notebook.Grid(header=header, rows=body), caption, "tab-information-fusion")

# %% [markdown]
# The Grad models read nearly all that one gradient says, at every dimension. The Data models do not, and fall further behind as the dimension grows. A model that is shown both gains on Grad only by reading the pairs. It has to learn that while the gradient, which is easier to use, explains most of what one step can. At $d = 32$ it has not learned it: its numbers are those of Grad.

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
# The determinant in {eq}`eq-information-batch` has $\min(B, D)$ eigenvalues that grow like $v / \sigma^2$. Without noise $m$ is linear in $e$ for each $X$, so scaling $e$ scales $m$, and mutual information does not change if both are multiplied by a number. Given $e$, the part of $m$ along $e$ is $\lVert e \rVert q / B$, which has a density. Given $q$ too, the part across it is Gaussian with variance $q \lVert e \rVert^2 / B^2$. As $\mathbb{E} \log q$ and $\mathbb{E} \log \lVert e \rVert$ are finite, so is the entropy $h(m \mid e)$. The entropy $h(m)$ is at least that, and finite because $m$ has second moments. So $I(e; m) = h(m) - h(m \mid e)$ is finite.
# ````
#
# ## What we found, and what we did not
#
# *What was found* is in the box at the top, in {numref}`tab-information`, in the verdicts under {numref}`tab-information-probes` and in {numref}`tab-information-fusion`. The closed form is for standard normal inputs and one mean gradient. It says nothing of images, where gradients of a small mini-batch may determine it ({ref}`ex-per-sample`). *InfoNCE*, with a critic and a number of pairs that one would use, is too low by an amount that differs between laws ({numref}`fig-information-estimators`). We show no estimate of it on learned states, where that amount is unknown. *Probes* show what can be read out, not what the model uses. Those models are trained live, with one seed. The chapter looks at one step; later steps start from states that are no longer isotropic around the truth.
