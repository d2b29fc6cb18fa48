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
# *Cost: about half a minute on one core at `smoke`, some five minutes at `small`. Six small models are trained live, on simulated planets; nothing is downloaded,
# and no committed result is read: what the figure, the tables and the last section say is what this execution measured.*
#
# You are on a planet that you do not know. You throw stones off a cliff, and write down for each how fast you threw it, how long you waited, and how high it then was.
# You want to say where the next stone will be. If this is the first planet of your life, you must find out that heights are parabolas, and that is a long afternoon of throwing.
# If you have thrown stones on a thousand planets before, you know the law already, and one number is missing: the strength of gravity here. A few stones give it.
#
# What should be worked out afresh from the stones of this planet, and what can be carried over from the others, is the question of this book.
# Meta-learning, learned optimizers, hypernetworks, neural processes, in-context learning and prompt tuning are answers to it, found by
# different people in different decades. {cite:t}`mittal2025iterative` write all of them as one formula, $f_\gamma(x, g_\varphi(\D_T))$, and this chapter makes each of them
# run as an instance of it, in about twenty lines apiece, on the planets. That they fit one formula is bookkeeping. What the bookkeeping shows is which parts are learned,
# what may be precomputed, how narrow the passage from data to prediction is, and, at the end, which combination of them is left to try.

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

# %% tags=["hide-input"]
import inspect
import math

import torch

import formulas
from iai.study.book import notebook, plots
from iai.baselines.classical import Planet
from iai.experiment import Experiment
from iai.evaluation import EvaluationConfig
from iai.study.jobs.run import fit
from iai.training import Greedy, train, TrainConfig
from iai.model import RefinerConfig
from iai.study.ledger.records import Summary
from iai.tasks import Gravity

chapter = notebook.setup(globals())
longer = {"smoke": 1, "small": 8, "paper": 8}[profile]


def source(*parts: object) -> notebook.Markdown:
    """The code of parts of the library, as it is."""
    return notebook.Markdown("```python\n" + "\n\n".join(inspect.getsource(part) for part in parts) + "```")


# %% [markdown]
# ## A task is a distribution
#
# A **task** $T$ is a joint distribution of inputs $x$ and targets $y$, and its data set $\D_T = \{(x_i, y_i)\}_{i \le n}$ is a sample of it. Tasks are themselves drawn
# from a distribution $p(T)$. Here a task is a planet:
#
# $$
# y = v\,t - \tfrac12 \, g_T \, t^2 + \varepsilon, \qquad x = (t, v), \quad \varepsilon \sim \N(0, \sigma^2),
# $$ (eq-gravity)
#
# with $t$ uniform on 0 to 2 s, $v$ uniform on 0 to 5 m/s, $\sigma = 1$ m, and $g_T$ uniform between the gravity of the Moon and that of Jupiter. We write
# $g_T = 9.81\,\theta_T$ m/s², so that $\theta_T$ is 1 on the Earth; the letter $g$ is needed for something else. {numref}`fig-gravity` shows three planets.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gravity", "caption": "Forty throws on each of three planets. The law of motion and the noise are shared; the strength of gravity is all that tells one planet from another."}, "image": {"alt": "Scatter plot of height in metres against time in seconds on three planets; the stronger gravity is, the sooner the cloud of points bends down."}}
task = Gravity()
throws = task.sample(torch.Generator().manual_seed(seed), tasks=3, points=40)
figure, (ax,) = plots.panels()
planets = {f"planet {i + 1}": (throws.x[i, :, 0], throws.y[i, :, 0]) for i in range(3)}
plots.scatter(ax, planets, labels=("time t (s)", "height y (m)"))

# %% [markdown]
# **Learning one task.** Take a model $f(x, \theta)$ and a loss $\L$. What we want, and what we can compute in its stead, are
#
# $$
# \theta^* = \argmin_\theta \; \E_{(x, y) \sim T} \, \L\bigl(y, f(x, \theta)\bigr)
# $$ (eq-erm)
#
# $$
# \theta^*_{\text{emp}} = \argmin_\theta \; \frac1n \sum_{(x, y) \in \D_T} \L\bigl(y, f(x, \theta)\bigr) .
# $$ (eq-empirical)
#
# The second is usually solved by stochastic gradient descent {cite}`robbins1951stochastic`. It starts from nothing, on every planet anew.
#
# **Learning across tasks.** Two ways of not starting from nothing have been followed for long. One keeps gradient descent, and learns where it starts. MAML {cite}`finn2017maml` minimises
#
# $$
# \min_{\theta_0} \; \E_T \, \E_{(x, y),\, \D_T} \, \L\bigl(y, f(x, g_{\theta_0}(\D_T))\bigr), \qquad g_{\theta_0} = \text{SGD on } \D_T \text{ from } \theta_0 .
# $$ (eq-maml)
#
# The other drops parameters altogether. A prior-fitted network {cite}`mueller2022pfn`, or a Transformer trained to learn in context
# {cite}`garg2022what`, as large language models turned out to do untaught {cite}`brown2020language`, reads the data set and the query together:
#
# $$
# \min_\gamma \; \E_T \, \E_{(x, y),\, \D_T} \, \L\bigl(y, f_\gamma(x, \D_T)\bigr) .
# $$ (eq-icl)
#
# In {eq}`eq-maml` the prediction rule is given and the way from data to parameters has something to learn. In {eq}`eq-icl` the way from the data is trivial and the
# prediction rule learns everything.
#
# ## The formula
#
# Let both learn. The **unified objective** (eq. 5 of {cite:t}`mittal2025iterative`) is
#
# $$
# \min_{\gamma, \varphi} \; \E_{T} \, \E_{(x, y),\, \D_T} \, \L\bigl(y, f_\gamma(x, g_\varphi(\D_T))\bigr) .
# $$ (eq-unified)
#
# Here $g_\varphi$ **adapts**: it turns the data of a task into whatever $f$ will need, $\theta_T = g_\varphi(\D_T)$. And $f_\gamma$ **predicts**: it answers a query, given that.
# Nothing else about the task reaches $f$. In practice the expectations are sums over tasks that we can draw, and the data of each are split in two:
#
# $$
# \min_{\gamma, \varphi} \; \sum_T \; \sum_{(x, y) \in \D_T^{\text{valid}}} \L\bigl(y, f_\gamma(x, g_\varphi(\D_T^{\text{train}}))\bigr), \qquad \D_T^{\text{train}} \cap \D_T^{\text{valid}} = \emptyset .
# $$ (eq-split)
#
# The split is not a refinement for good practice; without it the objective is another one. If the query were among the data, then the $g$ that hands on its
# input and the $f$ that looks $x$ up in it would have no loss, and would have learned nothing. In this library {func}`iai.tasks.episode`
# draws the data of a task once and cuts it, so that the two parts are disjoint by construction. Equations {eq}`eq-erm` to {eq}`eq-split` are the paper's eqs 1 to 6, in its order.
#
# ### What the best learner does
#
# If $f$ and $g$ could be any functions at all, what would {eq}`eq-unified` make of them? Bayesian inference, though nobody has written a prior or a likelihood down. This was
# noted for prior-fitted networks by {cite:t}`mueller2022pfn` and for meta-learning with memory by {cite:t}`ortega2019meta`; the argument is short, and more than the conclusion is worth having.
# Let $\L$ be the squared error, and write $m_T(x) = \E[y \mid x, T]$ for the best that could be said by somebody who knows the task, and
# $m(x, \D) = \E[m_T(x) \mid x, \D]$ for its posterior mean (given $x$ too: where the law of inputs differs between tasks, the query itself tells something about $T$). Let $\hat y = f(x, g(\D))$ be any learner. Then
#
# $$
# \E\,(y - \hat y)^2
# \;=\; \underbrace{\E\,(y - m_T(x))^2}_{\text{noise}}
# \;+\; \underbrace{\E\,(m_T(x) - m(x, \D))^2}_{\text{what the data leave open}}
# \;+\; \underbrace{\E\,(m(x, \D) - \hat y)^2}_{\text{what the learner leaves}} .
# $$ (eq-decomposition)
#
# To see it, expand $y - \hat y = (y - m_T) + (m_T - m) + (m - \hat y)$ and take the cross terms one by one. Given $x$, $T$ and $\D$, the first bracket has mean zero (a query
# is drawn independently of the data once the task is fixed) while the other two are constants; so its products vanish. Given $x$ and $\D$, the second has mean
# zero by the definition of $m$, while the third is a constant; so theirs vanishes too. Only the third term depends on the learner, and it is zero exactly if $\hat y = m(x, \D)$.
#
# So the minimiser of {eq}`eq-unified` predicts the posterior mean, and its distance from that can be measured wherever the posterior can be computed. We call it the **amortisation gap**, in a wider sense than {cite:t}`cremer2018inference`, who reserve the name for what an inference network
# loses against the best member of its own variational family. On the planets the posterior can be computed. Equation {eq}`eq-gravity` is linear in $\theta$: with $s_i = -\tfrac12\, 9.81\, t_i^2$ and $r_i = y_i - v_i t_i$ it says $r_i = s_i\, \theta + \varepsilon_i$, so that
#
# $$
# p(\theta \mid \D) \;\propto\; p(\theta)\, \exp\!\Bigl(-\frac{A\,\theta^2 - 2\,b\,\theta}{2\sigma^2}\Bigr), \qquad A = \sum_i s_i^2, \quad b = \sum_i s_i r_i ,
# $$ (eq-sufficient)
#
# a Gaussian cut off at the ends of the prior; $m(x, \D) = v t + s\,\E[\theta \mid A, b]$. `iai.baselines.classical.Planet` computes this on a fine grid, and is the oracle of all that follows.
# Once there are enough data to forget the prior, its second term in {eq}`eq-decomposition` is, for large $n$, about $\E[s^2]\, \sigma^2 / (n\, \E[s^2]) = \sigma^2/n$ (larger by a factor of about $1 + 1.8/n$, since $A$ varies): one unknown number, one squared metre shared out among $n$ stones.
#
# ## Three regimes
#
# Which of $f$ and $g$ are learned sorts the field into three regimes, {numref}`tab-taxonomy`. The division is the paper's Table 1 as others have summarised it; we have not had the
# paper's own cells before us.
#
# ```{list-table} Three regimes of $f_\gamma(x, g_\varphi(\D_T))$, by what is learned across tasks.
# :name: tab-taxonomy
# :header-rows: 1
# :widths: 12 24 26 38
#
# * - regime
#   - $f$
#   - $g$
#   - members
# * - **parametric**
#   - fixed: a known likelihood, or an architecture whose weights are $\theta_T$
#   - learned
#   - hypernetworks {cite}`ha2017hypernetworks`; learned optimizers {cite}`andrychowicz2016learning,metz2022velo`; MAML, where $g$ is SGD and only its start is learned
# * - **implicit**
#   - learned
#   - fixed: the identity, or a choice of a part of the data
#   - in-context learning; prior-fitted networks
# * - **explicit**
#   - learned
#   - learned
#   - neural processes {cite}`garnelo2018cnp,garnelo2018np`; LEO {cite}`rusu2019leo`, which descends in a learned latent space
# ```
#
# Plain supervised learning is the corner in which both are fixed. Prompt tuning {cite}`lester2021prompt` and prefix tuning {cite}`li2021prefix` learn $f$, once, on something else,
# freeze it, and let $g$ be gradient descent on a few of its inputs, or of its activations. Amortised inference in the older sense, as in {cite:t}`gershman2014amortized` and the
# tutorial of {cite:t}`amos2023tutorial`, is the parametric row: $g_\varphi$ replaces inference, or the $\argmin$ of {eq}`eq-empirical`, by a function that was fitted to many such problems.
#
# (sec-not-unique)=
# ### The split is not unique
#
# A learner is the map $(x, \D) \mapsto \hat y$, and many pairs $(f, g)$ give the same one. Whatever $g$ does, $f$ can do in its place: with
#
# $$
# g'(\D) = \D, \qquad f'(x, \D) = f(x, g(\D))
# $$ (eq-fold)
#
# nothing has changed but the name of the one who works. By this move every learner is implicit, SGD included. The reverse fails: work that needs the query cannot be moved
# into $g$, since $g$ never sees $x$. (It could return the function $x \mapsto f(x, \D)$ whole, as a closure; but that is the data set once more in other clothes,
# and not a $\theta_T$ that one could store.) To make the names of {numref}`tab-taxonomy` mean something, a convention is needed, and we follow the paper's: **work that does not depend on the query belongs to $g$, the rest to $f$.** Taken literally the rule moves more than the paper does: where queries are hidden from the data, as in the Transformer of this chapter, the keys and values of the data can be computed once a task, and would belong to $g$. We keep the name "implicit" for learners whose $g$ hands on something as long as the data.
#
# The convention has consequences which are not conventional. First, cost: what $g$ does is done once a task, what $f$ does is done once a query. A hypernetwork pays for reading the data once; an in-context
# learner attends to all $n$ observations again with every question. Second, the width of the passage. By the data-processing inequality $\theta_T = g(\D_T)$ holds no more information about the task than $\D_T$, and if it is a vector of fixed
# size it may hold less. A learner can reach the posterior mean through a narrow $\theta_T$ only if the family of tasks has a statistic that narrow. Planets have one: by {eq}`eq-sufficient`
# *two* numbers, $A$ and $b$, are all that a data set says of $\theta_T$, however many stones were thrown. *One* number, a best guess of $\theta_T$, is enough to predict with, but not to go on learning with: it does not say how much it rests on, hence
# not how far the next stone should move it. {ref}`The next chapter <ch-iteration>` meets this again as the limit of every learner whose memory is its present guess. Third, training: what is fixed in one regime is fitted in another, by gradients that have
# to pass through whatever stands between. The explicit regime contains the parametric one as functions; whether it is therefore the better of the two is not a matter of containment, and the later chapters measure it.
#
# ## Seven learners
#
# In code, the formula is a class with a method `g` that is not given the query, a method `f`, and one line that composes them. With no data at all `g` must answer too: what it returns then
# is the learner's prior.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.Formula)

# %% [markdown]
# Two $f$ are shared by two learners each, and written once. One is Newton's law, that is the likelihood of {eq}`eq-gravity`, and its $\theta$ is a single number. The other is a network that knows no physics, and its
# 129 weights are $\theta$. All networks read and write in units of the typical size of $x$ and of $y$, the one concession to their comfort.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.newton, formulas.small_network)

# %% [markdown]
# **SGD** {cite}`robbins1951stochastic`. The model is Newton's law, and $g$ starts at the Earth's gravity and takes one step of gradient descent a mini-batch. Nothing is carried over from
# other planets but what we put in ourselves: the law, the start and the rate, $\theta_{i+1} = \theta_i - \eta\, \nabla_\theta \L$. {ref}`ex-rate` derives what this learner can and cannot reach.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.SGD, formulas.gradient)

# %% [markdown]
# **MAML** {cite}`finn2017maml`. The same $g$, on a model without physics, with one change: the start is a parameter, and the loss after the steps is differentiated through the steps. `torch.func.grad`
# can be differentiated again, so this is MAML proper, with its second derivatives, and not the first-order approximation that was tried there too, and analysed by {cite:t}`nichol2018reptile`. What the planets have in common must all go into
# $\theta_0$: it has to be a point from which a few gradient steps lead to the parabola of *any* planet.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.MAML)

# %% [markdown]
# **A learned optimizer** {cite}`andrychowicz2016learning`. Newton's law again, but the update rule is a recurrent network that is fed the gradient and the present guess. (That a recurrent network can be a learning algorithm at all goes back to {cite:t}`hochreiter2001learning`; theirs read observations.) Its memory is
# part of the state that $g$ carries from batch to batch, and only the guess is handed to $f$. This is one number *and a memory*, which is how it can get around the argument of the last section.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.LearnedOptimizer)

# %% [markdown]
# **A hypernetwork**. No descent at all: a network writes the weights of another {cite}`ha2017hypernetworks`, here in one go, after reading all observations. Observations have no order, so they are encoded one by one and
# averaged {cite}`zaheer2017deep`. A mean forgets how many things it is a mean of; we put $1/(1+n)$ beside it.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.HyperNetwork, formulas.pooled)

# %% [markdown]
# **A conditional neural process** {cite}`garnelo2018cnp`. The same reader, but what it writes are not weights: it is a code of 64 numbers (and $1/(1+n)$) that a learned $f$ takes as one more input. What the numbers mean is settled
# between $f$ and $g$ in training. This is the explicit regime: both sides learn.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.NeuralProcess)

# %% [markdown]
# **In-context learning** {cite}`garg2022what,mueller2022pfn`. Now $g$ does nothing, and $f$ is a Transformer that reads the observations beside each query. Queries are hidden from all other tokens, so that each is answered by itself. The passage
# from data to prediction is as wide as the data.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.InContext)

# %% [markdown]
# **Prompt tuning** {cite}`lester2021prompt`. Take that Transformer after its training and freeze it. Put, in the place of observations, tokens that no observation need ever have produced, here a single one, and let $g$ be gradient descent on it, twenty passes over the data of the
# task at hand. Nothing is trained for this use beforehand: $f$ learned another trade, and the start is the embedding of a stone thrown on some other planet, as prompts for language models are started from the embeddings of words.
# The last line of `InContext.f` and of `PromptTuning.f` is the same call. Embedded data *are* a prompt, one that needed no search.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.PromptTuning)

# %% [markdown]
# **One step, repeated.** The eighth learner is the one that this book is about. It is parametric, its $f$ is Newton's law, and its $g$ is a Transformer that refines $\theta$ a mini-batch at a time, reading observations *and* gradients:
#
# $$
# \theta^{(i+1)} = h_\varphi\bigl(\theta^{(i)}, \mathcal{B}^{(i)}\bigr), \qquad g_\varphi(\D_T) = \theta^{(k)} .
# $$ (eq-preview)
#
# SGD, MAML and the learned optimizer take many small steps, but their only view of the data is the gradient. The hypernetwork, the neural process and the Transformer see the data themselves, but all at once.
# {eq}`eq-preview` is the combination that our seven leave out: steps that see data and hand on a state of fixed size. (Recurrent meta-learners since {cite:t}`hochreiter2001learning` are of this kind too, an observation a step.) It is a configuration of the library and not an example of twenty lines; {ref}`the next chapter <ch-iteration>` derives it and its training, which differs from that of the others.

# %% [markdown]
# ## Side by side
#
# All are trained on the same objective, {eq}`eq-split`: new planets at every update, between none and ten mini-batches of five stones each, the loss on sixteen further stones.

# %% tags=["remove-input", "nbval-check-output"]
source(formulas.amortized)

# %% [markdown]
# Each gets a number of updates that takes about the same time, a few seconds at `smoke`. The refined learner is trained on its own objective, one step at a time. Then all meet the same new planets.

# %%
budgets = {  # updates at smoke, learning rate
    "MAML": (formulas.MAML, 350, 1e-2),
    "learned optimizer": (formulas.LearnedOptimizer, 250, 3e-3),
    "hypernetwork": (formulas.HyperNetwork, 800, 3e-3),
    "neural process": (formulas.NeuralProcess, 800, 3e-3),
    "in context": (formulas.InContext, 300, 3e-3),
}
learners = {"SGD": formulas.SGD(task)}
for name, (family, updates, lr) in budgets.items():
    torch.manual_seed(seed)
    learners[name] = family(task)
    config = TrainConfig(updates=longer * updates, lr=lr, weight_decay=0.0)
    train(learners[name], formulas.amortized, config, seed=seed, show=False)
    learners[name].eval()
learners["prompt tuning"] = formulas.PromptTuning(learners["in context"])
learners["refinement"], _ = fit(
    Experiment(
        regime="parametric",
        objective=Greedy(task=task, tasks=40, steps=10, points=5, queries=16),
        evaluation_sets={},
        evaluation=EvaluationConfig(),
        refiner=RefinerConfig(width=32, depth=2, feedforward=64, bilinear=False),
        train=TrainConfig(updates=longer * 400, lr=3e-3),
    ),
    seed=seed,
    show=False,
)

# %% [markdown]
# The error that we report is that of the height *without* its noise, so the first term of {eq}`eq-decomposition` is gone, the oracle shows the second, and a learner's distance from the oracle is the third.

# %%
batches = (0, 1, 2, 5, 10, 20)
judged = EvaluationConfig(tasks=256 if profile == "smoke" else 1024, steps=20, points=5, queries=64)
error = {
    name: [
        Summary(values=(mean,), errors=(se,), seeds=(seed,), profile=profile)
        for mean, se in formulas.height_error(learner, task, judged, batches)
    ]
    for name, learner in {"Bayes": Planet(task=task), **learners}.items()
}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-seven", "caption": "Seven families of learners, iterated refinement, and the exact posterior (dashed) on the same new planets: squared error of the noiseless height against the number of stones seen, five a mini-batch. Left, an $f$ that knows Newton's law; right, an $f$ that had to learn it on other planets. Bands are 95 % intervals over planets; the shaded range is longer than any data set of the training."}, "image": {"alt": "Two logarithmic panels of squared error against stones seen, from 5 to 100. The posterior falls as a straight line below all formulas. On the left SGD, the learned optimizer and refinement fall and then level off; on the right MAML, hypernetwork, neural process, in-context learning and prompt tuning level off at different heights."}}
physics = ("SGD", "learned optimizer", "refinement")
stones = [5 * k for k in batches]
figure, axes = plots.panels(columns=2, width=8.4, height=4.0)
for ax, informed in zip(axes, (True, False)):
    shown = [name for name in learners if (name in physics) == informed]
    for name, colour, marker in zip(shown, plots.COLOURS, plots.MARKERS):
        _, mean, low, high = plots.columns(error[name])
        ax.plot(stones[1:], mean[1:], color=colour, marker=marker, label=name)
        ax.fill_between(stones[1:], low[1:], high[1:], color=colour, alpha=0.2, linewidth=0)
    ax.plot(stones[1:], [point.mean for point in error["Bayes"][1:]], "--", color=plots.INK, label="Bayes")
    ax.axvspan(50, 100, color=plots.INK, alpha=0.08, linewidth=0)
    ax.annotate("beyond training", (51, 0.01), xycoords=("data", "axes fraction"), fontsize=8)
    ax.set(title="f knows Newton's law" if informed else "f has to learn it", ylim=(4e-3, 40))
    plots.finish(ax, "stones seen", "squared error (m²)" if informed else "", logarithmic=True)
    ax.set_xscale("log")
    ax.set_xticks(stones[1:], stones[1:])
    ax.minorticks_off()
    ax.legend(loc="lower left" if informed else "upper right", ncols=1 if informed else 2, fontsize=8)

# %% tags=["hide-input"]
what = {
    "Bayes": ("Newton's law", "the posterior mean of θ", "nothing: prior and noise are given"),
    "SGD": ("Newton's law", "descent on θ", "nothing"),
    "MAML": ("a network of weights θ", "descent on θ", "where it starts"),
    "learned optimizer": ("Newton's law", "recurrent steps on θ", "the steps"),
    "hypernetwork": ("a network of weights θ", "one pass that writes θ", "the writer"),
    "neural process": ("a network of x and a code", "one pass that writes the code", "both"),
    "in context": ("a Transformer of x and the data", "the identity", "the Transformer"),
    "prompt tuning": ("that Transformer, frozen", "descent on a token", "the Transformer, for another use"),
    "refinement": ("Newton's law", "Transformer steps on θ", "the steps"),
}
grid = notebook.Grid(header=("learner", "f", "g", "learned on other planets"), rows=what)
notebook.table(grid, "The learners of {numref}`fig-seven`: what each is.", "tab-seven-what")

# %% tags=["hide-input"]
errors = {name: (*(error[name][i] for i in (1, 2, 3, 4, 5)),) for name in what}
header = ("squared error (m²) after", *(f"{stones[i]} stones" for i in (1, 2, 3, 4, 5)))
caption = "The learners of {numref}`fig-seven`, trained live: their errors after so many stones."
notebook.table(notebook.Grid(header=header, rows=errors), caption, "tab-seven", ".2g")

# %% [markdown]
# Four things can be read off {numref}`fig-seven` and {numref}`tab-seven` that the formula alone does not say; the last section has their numbers for this execution.
#
# *What is seen decides the first stones.* SGD and the learned optimizer see a batch once, as one gradient in $\theta$. For Newton's law that gradient is $2\,(A\theta - b)/B$, one number made of the two that
# {eq}`eq-sufficient` asks for: a steep slope may mean a distant optimum or a curved loss, and a batch that is not seen again cannot say which. (MAML's has 129 numbers, so that this argument does not bind it; what it lacks after one batch is steps.) The refined learner has the same $f$ and the same batches, and sees the stones; so do the hypernetwork, the neural process and
# the Transformer. {ref}`Chapter 3 <ch-signals>` is about this difference.
#
# *A fixed step has a floor.* The posterior's error falls as one over the number of stones because each new stone moves the estimate less than the one before, so that all end up with equal weight. SGD with a constant rate lets every new batch move it as much as the first did, and so forgets the old ones;
# by {ref}`ex-rate` it cannot come below 0.16 m² in the mean at its rate of 0.005, however many stones it is given. (On a sample of planets it may lie a little below.) Whoever hands on a guess and nothing else is in the same position: it may learn a better compromise between forgetting and averaging, but it cannot know that it is time to average.
#
# *What was learned has a floor too, of another kind.* A learned $f$, or a learned writer of its weights, is wrong by a little wherever one looks, and more stones repair that only slowly.
# Longer training, which is more updates and more planets at once, should lower it (run with `profile=small`); it cannot lower that of SGD.
#
# *A passage that is wide enough may still not be found.* One token of 32 numbers has ample room for $A$ and $b$. Twenty passes of descent, through a frozen network that was never trained to be prompted, do not find the right 32; many more come nearer to the learner in context (try `passes=500`). What fails is the search, and embedded data do without it.
#
# Before any stone most learners stand where the prior puts them. SGD stands on the Earth, where we put it; prompt tuning on the embedding of another planet's stone; and the refined learner was never asked, for its objective begins after the first step.
#
# What this comparison is not is a ranking of families. The models are small, their sizes and rates were chosen by a few trials each, the budgets are seconds, and the task has one unknown number.

# %% [markdown]
# ## Exercises
#
# ```{exercise} Two readings of one learner
# :label: ex-split
#
# Write SGD on Newton's law as $f(x, g(\D_T))$ in two ways, one parametric and one implicit, and count what $q$ queries after $n$ stones cost in each. Then say where the $k$ nearest neighbours of a query belong.
# ```
#
# ```{solution} ex-split
# :class: dropdown
#
# Parametric: $g$ returns the last iterate $\theta$ at a cost of order $n$, and $f$ is Newton's law at a cost of order 1; in all $n + q$. Implicit, by {eq}`eq-fold`: $g$ returns the data, and $f$ descends and predicts, for each query anew; in all $n\,q$.
# The predictions are the same. By the convention the descent belongs to $g$, since it does not depend on the query. Nearest neighbours are implicit by the convention itself: which stones are near cannot be known before the query is.
# Building a search tree does not need the query, so that part belongs to $g$, and what it returns is a data set in another arrangement.
# ```
#
# ```{exercise} One number is not enough
# :label: ex-sufficient
#
# Let $g$ return the posterior mean of $\theta$ alone, and let a second batch arrive. Give two data sets with the same posterior mean after which the same second batch must move the guess by different amounts. Which of the seven learners could tell them apart at that point?
# ```
#
# ```{solution} ex-sufficient
# :class: dropdown
#
# Far from the ends of the prior the posterior is $\N(b/A, \sigma^2/A)$. Take any data set, and the same one with every stone thrown twice: $(A, b)$ and $(2A, 2b)$ have the same mean. A second batch with statistics $(A', b')$ leads to
# $(b + b')/(A + A')$ and to $(2b + b')/(2A + A')$; they differ unless $b'/A' = b/A$. SGD and MAML hand nothing but $\theta$ from batch to batch and treat both alike. (MAML has 129 numbers, some of which might hold a count; nothing forces them to.) The
# learned optimizer can tell them apart by its memory, in this library if the batches differ in number; the hypernetwork and the neural process read all data at once and are told $n$; prompt tuning reads all data again and so can; the in-context learner can, though only just: attention averages, so doubling every stone changes only the weight that a query gives to itself.
# ```
#
# ```{exercise} What a constant rate can reach
# :label: ex-rate
#
# Let SGD on Newton's law take steps of rate $\eta$ on batches of $B = 5$ stones. Derive how its mean squared error in $\theta$ evolves, the range of $\eta$ in which it does not diverge, the rate that forgets the start fastest, and the floor at that rate. How does the floor compare with $\sigma^2/n$?
# ```
#
# ```{solution} ex-rate
# :class: dropdown
#
# The batch loss is $\frac1B \sum_i (r_i - s_i\theta)^2$. With $e = \theta - \theta_T$ and $H = \frac2B\sum_i s_i^2$ a step is $e \leftarrow (1 - \eta H)\,e + \frac{2\eta}{B} \sum_i s_i \varepsilon_i$. New stones are independent of $e$ and $\varepsilon$ has mean zero, so
#
# $$
# \E\,e_{k+1}^2 = \rho\;\E\,e_k^2 + \frac{4\eta^2\sigma^2}{B}\,\E[s^2], \qquad \rho = 1 - 2\eta\,\E H + \eta^2\,\E H^2 .
# $$ (eq-sgd-error)
#
# Here $s^2 = c\,t^4$ with $c = (9.81/2)^2 = 24.06$, and for $t$ uniform on $[0, 2]$, $\E t^4 = 16/5$ and $\E t^8 = 256/9$. So $\E[s^2] = 77.0$, $\E H = 154$, and
# $\E H^2 = 4c^2 \bigl((\E t^4)^2 + \operatorname{Var}(t^4)/B\bigr) = 4 c^2 \cdot 13.88 = 3.21 \cdot 10^4$. The error is forgotten if $\rho < 1$, that is $\eta < 2\,\E H/\E H^2 = 0.0096$; fastest at $\eta^* = \E H/\E H^2 = 0.0048$, where
# $\rho = 1 - (\E H)^2/\E H^2 = 0.26$. The floor of the error in $\theta$ is $4\eta^2\sigma^2\,\E[s^2]/(B(1-\rho))$, and the height's is $\E[s^2]$ times that: $0.15$ m² at $\eta^*$. The posterior passes that level after about nine stones ($\sigma^2/n$ says seven). A smaller rate lowers the floor, in proportion once it is small (half of $\eta^*$ leaves a third), and forgets more slowly;
# letting $\eta$ fall like $1/k$ gets both, which meets the conditions of {cite:t}`robbins1951stochastic`, and needs a memory of $k$.
# ```
#
# ```{exercise} The best learner under the log loss
# :label: ex-log
#
# Replace the squared error by $\L(y, q) = -\log q(y)$, where the learner predicts a distribution $q(\cdot \mid x, \D)$ over classes. Show that the minimiser of {eq}`eq-unified` is the posterior predictive distribution, and give the counterpart of {eq}`eq-decomposition`.
# ```
#
# ```{solution} ex-log
# :class: dropdown
#
# Let $p_T(y \mid x)$ be the truth of a task and $p(y \mid x, \D) = \E[p_T(y \mid x) \mid x, \D]$. Given $x$ and $\D$, $y$ has the law $p(\cdot \mid x, \D)$, so $\E[-\log q(y)] = H(y \mid x, \D) + \mathrm{KL}\bigl(p(\cdot \mid x, \D)\,\|\,q\bigr)$,
# which is least where $q = p(\cdot \mid x, \D)$. The entropy splits further, $H(y \mid x, \D) = H(y \mid x, T) + I(y; T \mid x, \D)$, as $y$ does not depend on $\D$ once $T$ is known. In all
#
# $$
# \E\,\L = \underbrace{H(y \mid x, T)}_{\text{noise}} + \underbrace{I(y; T \mid x, \D)}_{\text{what the data leave open}} + \underbrace{\E\,\mathrm{KL}\bigl(p(\cdot \mid x, \D)\,\|\,q\bigr)}_{\text{what the learner leaves}} .
# $$ (eq-log-decomposition)
# ```
#
# ```{exercise} A longer prompt
# :label: ex-prompt
#
# Argue that with as many prompt tokens as there are observations, some prompt predicts at least as well on the data of the task as in-context learning does. Does it follow that prompt tuning generalises at least as well? Try `examples.PromptTuning(learners["in context"], tokens=8)`.
# ```
#
# ```{solution} ex-prompt
# :class: dropdown
#
# The embedded observations are a prompt of that length, and with it the two learners are the same function; so the best prompt is at least as good *on those data*. It does not follow for new queries. Tuning minimises the empirical loss {eq}`eq-empirical` in a space of
# $32$ numbers a token, with nothing that says which prompts are plausible, while the Transformer's own reading of the data was trained for the loss on held-out queries {eq}`eq-split`. And descent need not find the best prompt: in our trials more tokens, at the same rate and number of passes, were no better.
# ```

# %% [markdown]
# ## What we found, and what we did not

# %% tags=["hide-input"]
groups = {
    "gradients": ("SGD", "MAML", "learned optimizer"),
    "stones": ("hypernetwork", "neural process", "in context", "refinement"),
    "law": physics,
    "no law": ("MAML", "hypernetwork", "neural process", "in context"),
}
final = {name: points[4].mean for name, points in error.items()}
first = {group: sorted(error[name][1].mean for name in names) for group, names in groups.items()}
gaps = {group: sorted((final[name] - final["Bayes"], name) for name in names) for group, names in groups.items()}
rising = [
    name
    for name in learners
    if error[name][5].mean - error[name][4].mean > 2 * math.hypot(*(error[name][i].spread for i in (4, 5)))
]
notebook.Markdown(
    f"*In this execution* (`{profile}`, seed {seed}): before any stone the squared error of the posterior is {error['Bayes'][0].mean:.0f} m², of SGD {error['SGD'][0].mean:.0f} m², "
    f"of the refined learner {error['refinement'][0].mean:.0f} m². After five stones the squared errors of those who see the stones lie between {first['stones'][0]:.2g} and {first['stones'][-1]:.2g} m², "
    f"of those who see one gradient a batch between {first['gradients'][0]:.2g} and {first['gradients'][-1]:.2g} m²; the posterior's is {error['Bayes'][1]:.2g} m². "
    f"After fifty the posterior's is {final['Bayes']:.2g} m². The distances from the posterior of those whose $f$ knows Newton's law then lie between {gaps['law'][0][0]:.2g} ({gaps['law'][0][1]}) and {gaps['law'][-1][0]:.2g} m² ({gaps['law'][-1][1]}), "
    f"of those trained to do without it between {gaps['no law'][0][0]:.2g} ({gaps['no law'][0][1]}) and {gaps['no law'][-1][0]:.2g} m² ({gaps['no law'][-1][1]}). "
    f"Prompt tuning of the Transformer that reaches {final['in context']:.2g} m² in context reaches {final['prompt tuning']:.2g} m². "
    f"From fifty stones, the longest data sets of the training, to a hundred the mean error rises by more than two standard errors for {', '.join(rising) or 'nobody'}."
)

# %% [markdown]
# We found that seven families do fit the formula as code that runs, in one or two dozen lines each; that the posterior is their common target, and their distance from it a number; and that the split between $f$ and $g$, free on paper,
# fixes what is paid once a task, how narrow the passage is, and whether errors can go on falling as data come in.
#
# We did not find an order of merit, and did not look for one: one seed, one toy task with one unknown, untuned sizes. SGD, the learned optimizer and refinement rely on a likelihood that is exactly right; real data do not come with one. And nothing here says what happens if $\D_T$ is too large for one context, which is where the next chapter starts:
# SGD does not care how large it is, and the readers of whole data sets do.
