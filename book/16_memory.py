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
# (ch-memory)=
# # Memory beside θ
#
# *Cost: under half a minute on one core; one small model takes a few updates live. Tables of trained models show committed records of profile `small` (six seeds of what decides, three of the rest).*

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
profile: str = "smoke"  # of the model that takes a few updates live: smoke | small | paper
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below

# %% tags=["hide-input"]
from dataclasses import replace
from itertools import product

import torch

from iai.baselines.classical import Descent, Memoryless, Ridge
from iai.baselines.classical.fitted import ByStep, best
from iai.evaluation import evaluate
from iai.experiment import build
from iai.losses import squared_error
from iai.study.book import notebook, plots
from iai.study.book.comparisons import Contrast, in_words, outcome
from iai.study.registry import experiment
from iai.study.registry.ablations import MEMORIES
from iai.study.registry.variants import vary
from iai.tasks import episode
from iai.types import concat

chapter = notebook.setup(globals())
GREEDY = {10: "residual/linear-regression/parametric/residual", 32: "dimension/32/residual"}
KS = (1, 2, 5, 10, 20)

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("memory/*", "doubled/memory/*")

# %% [markdown]
# A state that is θ alone forgets what each mini-batch said about the *certainty* of θ. Chapter {ref}`ch-iteration` derived what this costs: the distance between the memoryless bound and ridge regression on all points ({ref}`sec-memoryless`). This chapter gives the state room for more, asks what that room could buy, and trains models that may use it.
#
# :::{admonition} In short
# - **Greedy training writes nothing into a memory.** No loss reads what a step writes there, so that gradient is exactly zero. Training has to look through two steps at least.
# - **A little memory can buy a lot in the first steps.** After five mini-batches a Kalman filter that keeps four directions beside θ is far below the memoryless bound. After twenty it is level with it at ten dimensions ({numref}`tab-memory-worth`).
# - **Whether a trained refiner uses it** is in {numref}`tab-memory-trained`, with what we expected before any of its models was trained.
# :::
#
# ## The state, and who can teach it
#
# Beside each number of θ the state has $m$ further numbers, $s^{(i)} = (\theta^{(i)}, \mu^{(i)})$ with $\mu^{(i)} \in \mathbb{R}^{m \times \dim \theta}$. The refiner reads and writes all of $s$; the likelihood reads θ alone, and gradients and residuals are those of θ. So a token per class or per coordinate grows wider and there are no more of them. In code it is one argument:
#
# ```python
# replace(experiment, memory=4)
# ```
#
# Eq. 9 trains each step on the loss after it, from a detached state:
#
# $$
# \ell_i(\varphi) = L\bigl(\theta^{(i+1)}\bigr), \qquad (\theta^{(i+1)}, \mu^{(i+1)}) = h_\varphi\bigl(\operatorname{sg}[\theta^{(i)}, \mu^{(i)}], \mathcal{B}_i\bigr) .
# $$ (eq-memory-greedy)
#
# $\ell_i$ does not depend on $\mu^{(i+1)}$. What the last layer writes there has no gradient, and the head starts at zero. So the memory stays at its start, which is learned but the same for all tasks and steps, and remembers nothing. With gradients through two steps, $\partial \ell_{i+1} / \partial \mu^{(i+1)} \neq 0$, because the second step reads what the first one wrote. The cell shows both, for one mini-batch of tasks.

# %%
base = vary(experiment("memory/10/4-3", profile), refiner={"depth": 1})
written = {}
for window in (1, 2, 3):
    objective = replace(base.objective, window=window, tasks=4 * base.objective.steps)
    model = build(base, seed)
    torch.nn.init.normal_(model.refiner.head.weight, std=0.1, generator=torch.Generator().manual_seed(seed))
    next(objective(model, torch.Generator().manual_seed(seed))).backward()
    of_theta, of_memory = model.refiner.head.weight.grad.split([model.regime.width, model.regime.memory])
    written[window] = of_theta.norm().item(), of_memory.norm().item()
    print(
        f"through {window}: gradient of what is written to theta {written[window][0]:.2g}, to memory {written[window][1]:.2g}"
    )
assert written[1][1] == 0 < written[2][1]

# %% [markdown]
# (sec-memory-worth)=
# ## What could it buy?
#
# After each mini-batch the posterior of a linear regression is a Gaussian with mean $\theta$ and a covariance of $D (D + 1) / 2$ numbers. The memoryless learner of {eq}`eq-memoryless-step` replaces that covariance by $v I$. With room for $m$ vectors of the size of θ and one number it can keep more: $m$ principal axes of the covariance with their variances, and one mean variance for all other axes,
#
# $$
# \begin{aligned}
# \hat S &= \sum_{j \in K} s_j\, u_j u_j^\top + \bar s \Bigl(I - \sum_{j \in K} u_j u_j^\top\Bigr), \\
# |K| &= m, \qquad \bar s = \frac{1}{D - m} \sum_{j \notin K} s_j .
# \end{aligned}
# $$ (eq-memory-filter)
#
# $K$ has the smallest and the largest variances, as many of each as leave the others most alike. This is a Kalman filter of low rank ({class}`iai.baselines.classical.Memoryless` with `directions=m`). From $m = D - 1$ on it is ridge regression on all points. At $m = 0$ the mean is taken over tasks as well, which is the memoryless bound. It is the best that we know for so many numbers, not a proof that nothing is better. {numref}`tab-memory-worth` has its error on the tasks of two rows.
#
# The second group of lines needs no covariance, only gradients. *SGD* keeps nothing. *Momentum* {cite:p}`polyak1964some` keeps one vector, $\mu \leftarrow \beta \mu + \nabla$, $\theta \leftarrow \theta - \eta \mu$; rate and $\beta$ are tuned for each number of steps on other tasks. *Conjugate gradients* {cite:p}`hestenes1952methods` keep two vectors, and all mini-batches read so far: they take $k$ iterations on the ridge problem of $k$ mini-batches, which is no learner of our kind, and a measure of what first-order steps can do with all data at hand. A Transformer with memory can express these linear first-order methods {cite:p}`dutta2024memory`, and one with a layer for it can solve the regression exactly {cite:p}`vonoswald2025mesanet`.


# %% tags=["hide-input"]
def conjugate_gradients(batches, x):
    """As many iterations as mini-batches on the ridge problem of all of them, from zero."""
    seen, design = concat(batches), task.design
    known, noise = design(seen.x), task.noise_variance
    theta = torch.zeros(len(x), known.shape[2], 1)
    residual = direction = known.mT @ seen.y
    for _ in batches:
        curved = known.mT @ (known @ direction) + noise * direction
        size = residual.square().sum(1, keepdim=True)
        step = size / (direction * curved).sum(1, keepdim=True)
        theta, residual = theta + step * direction, residual - step * curved
        direction = residual + residual.square().sum(1, keepdim=True) / size * direction
    return design(x) @ theta


RATES, MOMENTA = (0.03, 0.05, 0.08, 0.1, 0.13, 0.15, 0.17, 0.2), (0.0, 0.3, 0.6, 0.8)
curves = {}
for d, key in GREEDY.items():
    row = experiment(key, shown_profile)
    task, points = row.task, row.objective.points
    tuning = episode(task, torch.Generator().manual_seed(seed + 1), 64, max(KS), points, 32)
    known = {"decode": task.decode, "loss": task.loss, "theta_shape": task.theta_shape}
    heavy = [Descent(learning_rate=rate, momentum=beta, **known) for rate, beta in product(RATES, MOMENTA)]
    learners = {f"filter, m = {m}": Memoryless(noise_variance=task.noise_variance, directions=m) for m in (0, 1, 4, 16)}
    learners |= {
        "ridge, all points": Ridge(noise_variance=task.noise_variance),
        "SGD, m = 0": ByStep(task.decode, {k: best(heavy[:: len(MOMENTA)], squared_error, *tuning, [k]) for k in KS}),
        "momentum, m = 1": ByStep(task.decode, {k: best(heavy, squared_error, *tuning, [k]) for k in KS}),
        "conjugate gradients": conjugate_gradients,
    }
    judged = replace(row.evaluation, tasks=256)
    for label, learner in learners.items():
        curves[d, label] = evaluate(learner, task, judged, KS)["mse"]["mean"]

# %% tags=["hide-input"]
labels = dict.fromkeys(label for _, label in curves)
rows = {label: tuple(curves[d, label][k] for d in GREEDY for k in (2, 5, 10, 20)) for label in labels}
header = ("", *(f"d = {d}, {k} steps" for d in GREEDY for k in (2, 5, 10, 20)))
caption = "Squared error of learners written by hand on the tasks of the rows, live, on 256 tasks. Mini-batches have 10 points at d = 10 and 16 at d = 32; 0.25 is noise."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-memory-worth", ".3f", source=" ")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-memory-worth", "caption": "Four directions beside θ bring a filter most of the way from the memoryless bound to ridge regression at d = 10, and a part of it at d = 32, where sixteen do. Momentum adds nothing to SGD at a well-tuned rate. Error above the noise, live."}, "image": {"alt": "Two panels, ten and thirty-two dimensions: error above the noise against mini-batches, both logarithmic. Coloured lines of filters with 0, 1, 4 and 16 directions fall in this order to the line of ridge regression; grey lines are SGD, momentum and conjugate gradients."}}
_, axes = plots.panels(columns=2, width=9.0, height=3.4)
for ax, d in zip(axes, GREEDY):
    noise = experiment(GREEDY[d], shown_profile).task.noise_variance
    lines = {label: (KS, [curves[d, label][k] - noise for k in KS]) for label in labels}
    filters = {label: line for label, line in lines.items() if label.startswith("filter")}
    for (label, line), dashes in zip([pair for pair in lines.items() if pair[0] not in filters], plots.DASHES):
        ax.plot(*line, color=plots.INK, linestyle=dashes, linewidth=1.4, label=label)
    plots.lines(ax, filters, labels=("mini-batches", "squared error above the noise"), logarithmic=True)
    plots.log_scale(ax, "x")
    ax.set_title(f"d = {d}")
    ax.get_legend().remove()
_ = ax.figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)

# %% [markdown]
# *What pays is to remember which directions are known.* At $d = 10$ a mini-batch has almost as many points as θ has numbers, so most of the gain comes early, and after twenty steps there is hardly any left. At $d = 32$ a batch says nothing about half of the directions, and a filter that remembers which ones gains at every step. *Momentum pays nothing that we could find.* It averages gradients of different mini-batches, and helps where the curvature is uneven. Inputs here are alike in all directions, and with a grid of rates that is fine enough plain SGD is as good. So a memory that a model learns to use as momentum should not be expected to do much on these tasks; one that it uses as a record of certainty could.
#
# (sec-memory-expected)=
# ## What was expected
#
# Models read residuals ({ref}`sec-residual`), have the sizes and budgets of their greedy rows, and train on roll-outs of ten steps ({class}`iai.training.objectives.Unrolled`) with gradients through some of them. A key `memory/10/4-3` is $d = 10$, four numbers beside each one of θ, and gradients through three steps. Each key has rates of its own, from trials. The following was written and committed before any of these models was trained, trials included; of two half-length trainings by hand (four numbers, three steps, at $d = 10$) one had been seen, which ended at 0.340 after ten steps, where greedy trials of the same length end at 0.350.
#
# 1. *A memory that training can reach lowers the error*: four numbers against none, both through three steps, after five and after ten steps, at both dimensions.
# 2. *It does not bring a model of this size below the memoryless bound*: four numbers through three steps are not lower than the bound, after five and after ten steps, at both dimensions. Without memory the greedy rows are 11 and 13 per cent above it at $d = 10$ and twice and 1.6 times as high at $d = 32$. The filter with $m = 4$ gains less than that everywhere but at $d = 10$ after five steps. There this can fail.
# 3. *Through one step it gains nothing*: four numbers are not lower than none, both through one step, after ten steps, at both dimensions.
# 4. *More memory or a longer look is no further gain* at $d = 10$ after ten steps: sixteen numbers, five steps and ten steps are not lower than four numbers through three steps.
# 5. *Without memory foresight does not pay*: through three steps the model is not lower than through one, after ten steps, at both dimensions. The loss is quadratic, and a step that is best for itself is nearly the best for the next.
#
# The rule is that of the book: ratios paired by seed and task, decided where the 95 % interval is on one side of 1, through the gate of chapter {ref}`ch-claims`. *Lower* and *higher* are that; *not lower* is higher, or equal within 5 %; an open interval gets no verdict. Points 1 and 2 have six seeds, and must keep their side with twice the training. Points 3 to 5 have three, and are about this budget. The greedy row of the tables is trained by another loop, with tasks in flight (chapter {ref}`ch-cost`), so that it is shown and not compared.
#
# ## What was found

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for d, pairs in MEMORIES.items():
    rows[f"d = {d}: greedy row"] = GREEDY[d]
    rows |= {f"d = {d}: m = {m}, through {steps}": f"memory/{d}/{m}-{steps}" for m, steps in pairs}
    rows |= {f"d = {d}: memoryless bound": f"{GREEDY[d]}|memoryless", f"d = {d}: ridge": f"{GREEDY[d]}|ridge"}
caption = (
    "Squared error after so many mini-batches, with m numbers beside each one of θ and gradients through so many steps."
)
notebook.table(chapter.steps(rows, "linear-regression", "mse", KS), caption, "tab-memory-trained", ".3f")

# %% tags=["remove-input", "nbval-check-output"]
pairs = []
for d, k in product(GREEDY, (5, 10)):
    pairs += [
        (f"1. Four numbers against none, d = {d}, {k} steps", "lower", f"memory/{d}/4-3", f"memory/{d}/0-3", k),
        (f"2. Four numbers against the memoryless bound, d = {d}, {k} steps", "not lower", f"memory/{d}/4-3", f"{GREEDY[d]}|memoryless", k),
    ]  # fmt: skip
for d in GREEDY:
    pairs += [
        (f"3. Four numbers against none, both through one step, d = {d}", "not lower", f"memory/{d}/4-1", f"memory/{d}/0-1", 10),
        (f"5. None, through three steps against one, d = {d}", "not lower", f"memory/{d}/0-3", f"memory/{d}/0-1", 10),
    ]  # fmt: skip
longer = {"16-3": "Sixteen numbers against four", "4-5": "Five steps against three", "4-10": "Ten steps against three"}
pairs += [(f"4. {what}, d = 10", "not lower", f"memory/10/{one}", "memory/10/4-3", 10) for one, what in longer.items()]
lines = []
for what, said, row, other, k in sorted(pairs, key=lambda pair: pair[0][0]):
    asked = Contrast(title=what, rows={"": other, "row": row}, where="linear-regression:mse", at=k, profile=shown_profile, fixed_budget=what[0] in "345")  # fmt: skip
    found = asked.ratio("row")
    came = {"lower": ("lower",), "not lower": ("equal", "higher")}[said]
    verdict = f" **{'As' if outcome(found) in came else 'Not as'} expected.**"
    decided = outcome(found) in ("lower", "higher", "equal")
    lines.append(f"- {what}: expected {said}; found {in_words(found)}.{verdict * decided}")
notebook.Markdown("\n".join(lines))

# %% [markdown]
# ## Exercises
#
# ````{exercise} Momentum in a slot
# :label: ex-memory-momentum
#
# Write the step of SGD with momentum as one linear map of $(\theta, \mu, \nabla)$ for each coordinate. For a quadratic of curvature $\lambda$ and no noise, for which $\beta$ is the slowest error of $\eta = 1/\lambda_{\max}$ faster than that of SGD?
# ````
#
# ````{solution} ex-memory-momentum
# :class: dropdown
#
# $\mu' = \beta \mu + \nabla$ and $\theta' = \theta - \eta \beta \mu - \eta \nabla$. With $\nabla = \lambda e$ and $e = \theta - \theta^*$, the pair $(e, \mu)$ is multiplied by $\bigl(\begin{smallmatrix} 1 - \eta\lambda & -\eta\beta \\ \lambda & \beta \end{smallmatrix}\bigr)$, whose determinant is $\beta$ and trace $1 + \beta - \eta\lambda$. SGD contracts by $1 - \eta\lambda$. While the eigenvalues are real the larger one falls with $\beta$; they meet at $\beta = (1 - \sqrt{\eta\lambda})^2$, and there both are $1 - \sqrt{\eta\lambda} < 1 - \eta\lambda$. Beyond it the pair is complex with modulus $\sqrt\beta$, which is below $1 - \eta\lambda$ as long as $\beta < (1 - \eta\lambda)^2$.
# ````
#
# ````{exercise} A clock
# :label: ex-memory-clock
#
# One number of memory is enough to count steps. What can a refiner that counts do at step 20 that one without memory cannot? Which curve of chapter {ref}`ch-iteration` is it then compared with?
# ````
#
# ````{solution} ex-memory-clock
# :class: dropdown
#
# It can let its gain fall with the step, as {eq}`eq-memoryless-step` does through $v_i$, beyond the horizon too, where a refiner without a clock keeps the gain of its last trained step and settles at a floor ({numref}`fig-memoryless`, right). With a clock and no covariance the curve to compare with is the memoryless bound itself. (Trained on ten steps, nothing teaches it to count further.)
# ````
#
# ## What we found, and what we did not
#
# What was found of trained models is in the list under {numref}`tab-memory-trained`, and of learners written by hand under {numref}`tab-memory-worth`. *The filter is not learned*, and knows the noise and the prior. It is a measure of what room could hold. *Models are small and trained briefly*: their distance to the memoryless bound has causes other than memory, and memory can help with those too, for instance as a clock ({ref}`ex-memory-clock`). *The learned optimizer* of chapter {ref}`ch-baselines` is the rival with a memory: it reads gradients alone and was trained through all steps.

# %% tags=["hide-input", "nbval-check-output"]
tried = {f"{d}, m = {m}, {steps}": f"memory/{d}/{m}-{steps}" for d, pairs in MEMORIES.items() for m, steps in pairs}
caption = "Validation loss after ten mini-batches of trials with half the updates, by multiples of the rates of the greedy row; columns are d, m and the steps of the gradient."
notebook.table(chapter.trials(tried), caption, "tab-memory-trials", ".3f")
