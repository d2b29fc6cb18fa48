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
# (ch-ablations)=
# # One habit at a time
#
# *Cost: about twenty seconds on one core at `smoke`; trains two small models live. Tables and figures show committed records of profile `cpu` (three seeds, a minute or so each on one core). Every comparison of results, in prose as in tables, is computed from those records.*
#
# The models of the last chapters have many habits in common: they add a change to their state, they read a whole mini-batch at once, they are trained on eight or ten steps and learn from one at a time. Which of these matter? Here each is changed, one at a time, with all else kept: tasks, data, updates, learning rate. (Two cannot: mini-batches of other sizes get as many tokens, so other numbers of updates, and another dimension other sizes of batches.) {mod}`iai.study.registry.ablations` is the list, and a test holds every key to changing what its name says and nothing else.
# Some of the questions are those of {cite:t}`mittal2025iterative`, some are those that its reviewers asked, some are ours.

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
profile: str = "smoke"  # what this chapter trains live: smoke | cpu | small | paper
shown_profile: str = "cpu"  # whose records tables and figures show: smoke | cpu | small | paper
seed: int = 0  # of everything drawn at random below
habit: str = "laws/mnist/16"  # the key of an ablation on MNIST, trained live beside the base

# %%
from collections import Counter
from dataclasses import replace

from iai.study.book import notebook, plots
from iai.study.ledger import records
from iai.study.book.comparisons import (
    Contrast,
    conclusion,
    contrast_table,
    error_bars,
    in_words,
    outcome,
    sentences,
)
from iai.study.registry.ablations import BASE_KEYS, DIMENSIONS, LAWS
from iai.study.analysis.contrasts import exact, scaled
from iai.study.analysis.gate import compared
from iai.evaluation import evaluate
from iai.experiment import build
from iai.study.registry import experiment
from iai.study.analysis.theory import ridge_variance

chapter = notebook.setup(globals())
plots.style(dots=70)  # many figures
asked: dict[str, list[Contrast]] = {}
REGRESSION, IMAGES = (BASE_KEYS[family] for family in ("linear-regression", "mnist"))
MSE, ERROR = "linear-regression:mse", "mnist:error"


def contrast(title, rows, where=MSE, at=10, beside=None, beyond=False):
    """Rows of the chapter's ledger against the first of them."""
    known = {"where": where, "at": at, "profile": shown_profile, "beside": beside or {}, "beyond": beyond}
    return Contrast(title=title, rows=rows, **known)


def draw(contrasts, height=2.6):
    """A panel a contrast: its rows against steps, on a logarithmic axis if it is one of squared errors."""
    _, axes = plots.panels(columns=len(contrasts), width=3.8 * len(contrasts), height=height)
    for ax, one in zip(axes, contrasts):
        key = next(iter(one.rows.values()))
        horizon = experiment(key, shown_profile).objective.steps
        squares = one.where.endswith("mse")
        label = "raw MSE" if squares else "error"
        lines, greys = (chapter.curves(rows, *one.where.split(":")) for rows in (one.rows, one.beside))
        plots.curves(ax, lines, label=label, baselines=greys, horizon=horizon, logarithmic=squares)
        for line in ax.lines:
            line.set_markevery(5)
        ax.legend(fontsize=8)
        ax.set_title(one.title)


# %% tags=["remove-input", "nbval-check-output"]
GROUPS = (
    "state",
    "theta",
    "update",
    "dimension",
    "mask",
    "history",
    "token-scale",
    "steps",
    "split",
    "points",
)
GROUPS += ("reuse", "size", "laws", "unrolled")
chapter.banner(*(f"{group}/*" for group in GROUPS))

# %% [markdown]
# ## How to read this chapter
#
# *The bases.* Most changes start from one of two models of chapters {ref}`ch-linear-regression` and {ref}`ch-images`, trained for half of their updates so that the whole chapter costs an afternoon: a *parametric* model that sees data, on linear regression with ten dimensions and a bias, ten points a step and a horizon of ten steps; and an *implicit* one on MNIST tasks of both laws, 32 images a step and a horizon of eight. Where a change starts from a whole row of Tables 2 to 4 instead, its section says so.
#
# *The comparison.* It was fixed before any of these rows had been run (the two bases, whole rows of Tables 2 and 4, and the rows of {ref}`sec-abl-scale` and of images in {ref}`sec-abl-split` were there before): raw MSE or error **after ten steps**, on new tasks of the family, as a ratio to the base, paired by seed and by task. A ratio is called **lower** or **higher** if its 95 % interval (in brackets in the tables) lies below or above 1, **equal** if two one-sided tests place it within 5 % of 1, and **open** otherwise. Three seeds make a wide interval, so *open* often means "we could not tell", not "no difference".
# A comparison is **not testable**, with the reason, unless it passes the gate of chapter {ref}`ch-claims`: both models beat the trivial predictor by 10 %, ten steps are within what they were trained on, and the ratio stays on its side of 1 with twice the training.
# With as many comparisons as here, a few will be called lower or higher by luck ({ref}`sec-abl-all` counts them). Settings of the bases were chosen for the bases: a variant that wants another learning rate is at a disadvantage, and no variant has been tuned.
#
# *Grades.* What the paper is reported to find carries its grade: [S] a summary, [N] a third party's reading notes.
#
# ## What is refined
#
# (sec-abl-state)=
# ### Logits, a latent, or probabilities
#
# The state of an implicit model is its prediction. As logits, as a latent vector before the last linear layer, or as probabilities? The paper's Fig. 4 has logits best, then the latent, then probabilities; we know the order only [S].
#
# What to expect: evidence from independent mini-batches adds up in log-odds, so that in the space of logits a good step is nearly a sum. The update of our probabilities is multiplicative, $p \leftarrow \operatorname{softmax}(\log p + \Delta)$, which is the same sum; what differs is what the refiner *reads*. Near 0 and 1 a probability hardly moves while its logit does, and a learner that reads it cannot tell how sure it is. The latent contains logits as a linear image and can keep more, at the price of eight times as many numbers.
# Rows start from the whole row of Table 4; the latent and the probabilities have the settings that were chosen for logits.

# %% tags=["hide-input", "nbval-check-output"]
rows = {"logits": "table4/mnist/data", "latent": "state/mnist/latent", "softmax": "state/mnist/softmax"}
asked["state"] = [
    contrast("MNIST", rows, ERROR), contrast("Fashion-MNIST", rows, "fashion-mnist:error")
]  # fmt: skip
caption = "What an implicit model refines: error on new tasks of digits, on which all were trained, and of clothes."
contrast_table(asked["state"], (1, 10, 20), caption, "tab-abl-state")

# %% [markdown]
# `python -m iai reproduce 'state/*' --profile cpu` computes these rows again.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-state", "caption": "Error of implicit models by the space of their state. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of error against 0 to 20 steps, MNIST and Fashion-MNIST, each with lines for logits, latent and softmax states."}}
draw(asked["state"])

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["state"])

# %% tags=["remove-input", "nbval-check-output"]
order = {one.title: one.ascending() for one in asked["state"]}
said = {"holds": "holds", "fails": "does not hold"} | {w: f"is {w}" for w in ("open", "not testable", "pending")}
lines = [f"on {title} it {said[word]}" for title, word in order.items()]
notebook.Markdown(
    "The order of Fig. 4, logits < latent < softmax, with both neighbours apart by their intervals: "
    f"{'; '.join(lines)}. Chapter {{ref}}`ch-claims` has the same claim at one step, too."
)

# %% tags=["remove-input", "nbval-check-output"]
readings = [
    conclusion(
        asked["state"][0].ratio("latent"),
        "The latent keeps more than a prediction, and makes use of it.",
        "More room than a prediction needs was of no use at this budget.",
        "Eight times as many numbers make no difference that shows on digits.",
    ),
    conclusion(
        asked["state"][0].ratio("softmax"),
        "Probabilities are ahead of logits, which the argument about saturation does not explain.",
        "Probabilities are behind logits, as a state should be whose entries hardly move where it is sure.",
        "Whether the refiner reads probabilities or their logarithms makes no difference that shows on digits.",
    ),
]
notebook.Markdown(" ".join(dict.fromkeys(map(str, readings))))

# %% [markdown]
# (sec-abl-theta)=
# ### All of $\theta$ as one token, or one token a class
#
# A softmax layer over 64 features and ten classes has 650 parameters. The paper does not say how such a $\theta$ enters a Transformer; its reviewers asked. One token a class makes a step equivariant: relabel the classes, and slots are permuted alike. With one token for everything this must be learned for each of $10!$ orders. And there is a bottleneck which no training removes: the change of $\theta$ is a linear map of a single token, so within a step all changes lie in a fixed subspace of as many dimensions as the token is wide, 96 of 650.
# Rows start from whole rows of Table 2.

# %% tags=["hide-input", "nbval-check-output"]
asked["theta"] = [
    contrast(title, {"per class": f"table2/mnist/{kind}", "one token": f"theta/mnist/{kind}-one"}, ERROR)
    for title, kind in (("data", "data"), ("gradients and data", "grad+data"))
]
caption = "Error on MNIST tasks of parametric models by how the parameters enter."
contrast_table(asked["theta"], (1, 10, 20), caption, "tab-abl-theta")

# %% [markdown]
# `python -m iai reproduce 'theta/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-theta", "caption": "Error on MNIST tasks of parametric models whose parameters are a token a class, or one token. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Error against 0 to 20 steps, for models that see data and models that see gradients and data, each with a line for a token a class and one for one token."}}
signals = {f"{one.title}: {label}": row for one in asked["theta"] for label, row in one.rows.items()}
draw([contrast("MNIST, parametric", signals, ERROR)])

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["theta"])

# %% tags=["remove-input", "nbval-check-output"]
conclusion(
    asked["theta"][0].ratio("one token"),
    "We had expected the opposite, and have no explanation that we tested.",
    "As expected. Which of the two reasons counts, symmetry or the bottleneck, this comparison does not separate; a wider token would lift the second alone.",
    "Neither reason is strong enough to show here with three seeds.",
)

# %% [markdown]
# (sec-abl-update)=
# ### A change, or a new value
#
# Does $h_\varphi$ say what to *add* to the state, or what the state should *be*? We do not know which the paper's does. A change has the better start: with a last layer of zeros the step is the identity, and late steps are small. A network that must write the whole state out again has to copy what it keeps through its layers, and the error of copying stays when there is nothing left to learn. So the difference should grow with steps, as one of floors.

# %% tags=["hide-input", "nbval-check-output"]
asked["update"] = [
    contrast("regression", {"change": REGRESSION, "new value": "update/linear-regression/absolute"}),
    contrast("MNIST", {"change": IMAGES, "new value": "update/mnist/absolute"}, ERROR),
]
caption = "What a step writes: raw MSE of the parametric base, error of the implicit one."
contrast_table(asked["update"], (1, 10, 20), caption, "tab-abl-update")

# %% [markdown]
# `python -m iai reproduce 'update/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-update", "caption": "Models that add a change to their state, and models that write a new one. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels against 0 to 20 steps: raw MSE of linear regression on a logarithmic axis and error on MNIST, each with a line for a change and one for a new value."}}
draw(asked["update"])

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["update"])

# %% tags=["remove-input", "nbval-check-output"]
lines = [
    f"on {one.title} it is {in_words(replace(one, at=1).ratio('new value'))} after the first, {in_words(replace(one, at=20, beyond=True).ratio('new value'))} after twenty"
    for one in asked["update"]
]
notebook.Markdown(f"Does the difference grow with steps? The ratio of a new value to a change: {'; '.join(lines)}.")

# %% [markdown]
# ## What it is shown
#
# (sec-abl-dimension)=
# ### Gradients, data or both, by dimension
#
# The paper is reported to find that data beat gradients at low dimension and that gradients are needed at high dimension [S]. In chapter {ref}`ch-linear-regression` the dimension was fixed. Here it is 2, 8, 32 and 128, with 4, 8, 16 and 64 points a step, the settings of the base, and fewer tasks in flight where they cost more.
#
# {ref}`sec-worth` computed what the best multiple of one gradient removes: a share of about $B / (B + D + 1)$ of the error, against $B / D$ for a learner that inverts the moments of the batch, as the points allow. Information is therefore always on the side of data. But a gradient arrives as *one* vector in the coordinates of $\theta$, while a network of width 64 that reads pairs has to carry $x$, $y$ and $\theta$ of 129 numbers through tokens half as wide. So information says data and capacity says gradients, and capacity should decide at the high end.

# %% tags=["hide-input", "nbval-check-output"]
kinds = {"data": "data", "gradients": "grad", "both": "grad+data"}
asked["dimension"] = [
    contrast(
        f"$d = {d}$",
        {label: f"dimension/{d}/{kind}" for label, kind in kinds.items()},
        beside={
            "SGD, tuned": f"dimension/{d}/data|sgd",
            "memoryless": f"dimension/{d}/data|memoryless",
            "ridge": f"dimension/{d}/data|ridge",
        },
    )
    for d in DIMENSIONS
]
caption = "Raw MSE of linear regression by dimension and signal, with tuned SGD and the two oracles."
contrast_table(asked["dimension"], (1, 10, 20), caption, "tab-abl-dimension", ".3g")

# %% [markdown]
# `python -m iai reproduce 'dimension/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-dimension", "caption": "Raw MSE over its value for predicting zero, by dimension, after one step and after ten. Bars are 95 % intervals over seeds."}, "image": {"alt": "Two panels against the dimension, 2, 8, 32 and 128, after one step and after ten steps: lines for data, gradients and both, and grey lines for the memoryless bound and ridge."}}
figure, axes = plots.panels(columns=2, width=7.6, height=3.0)
energy = {d: experiment(f"dimension/{d}/data", shown_profile).task.y_scale ** 2 for d in DIMENSIONS}
for ax, k in zip(axes, (1, 10)):
    shares = {
        label: {d: scaled(one.result(label, k), 1 / energy[d]) for d, one in zip(DIMENSIONS, asked["dimension"])}
        for label in (*kinds, "memoryless", "ridge")
    }
    error_bars(ax, shares, ("dimension", "raw MSE / E[y²]"), grey=("memoryless", "ridge"))
    ax.set_title(f"after {k} step{'s' * (k > 1)}")
    if ax.get_legend():
        ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["dimension"])

# %% [markdown]
# Tuned SGD, which has nothing to learn but one rate and keeps $\theta$ in full, says how much of an error at the high end is the task's and how much is that of our training and of our narrow tokens. A larger model that trains for longer (profile `paper`: width 256) is what that end asks for.

# %% tags=["remove-input", "nbval-check-output"]
low, high = (one.ratio("gradients") for one in (asked["dimension"][0], asked["dimension"][-1]))
notebook.Markdown(
    f"The claim asks for gradients *higher* than data at the low end and *lower* at the high end. At $d = 2$ they are {in_words(low)}; at $d = 128$ {in_words(high)}."
)

# %% [markdown]
# (sec-abl-mask)=
# ### Which observations see which
#
# Under a causal mask token $j$ sees the observations up to $j$, and a training step learns from several context sizes at once; under a full one every observation sees all, at one size. The paper compares the two in its appendix F.1: causal masks train all sizes in parallel, full ones are more expressive, with noisier gradients [S]. The causal model so should be better at contexts *smaller* than the mini-batch of training, which the full one has never seen, and the full one at the size that it was trained on. Rows start from whole rows of Tables 2 and 4, and from the implicit rows of chapters {ref}`ch-features` and {ref}`ch-generation` (2-D mixtures). Causal order is not among them: the refiner of chapter {ref}`ch-causal-order` has tokens for pairs of variables, which are means over the mini-batch, and none for an observation that a mask could hide.

# %% tags=["hide-input", "nbval-check-output"]
places = {
    "linear-regression": ("regression", MSE),
    "mnist": ("MNIST", ERROR),
    "features": ("features", "held-out:error"),
    "mixture-2d": ("2-D mixtures", "as-trained:mse"),
}
asked["mask"] = [
    contrast(title, {kind: f"mask/{name}/{kind}" for kind in ("full", "causal")}, where)
    for name, (title, where) in places.items()
]
caption = "Full and causal masks after whole mini-batches: raw MSE (regression), squared error of the velocity (mixtures), error (the others)."
contrast_table(asked["mask"], (1, 10, 20), caption, "tab-abl-mask")

# %% tags=["hide-input", "nbval-check-output"]
by_points = {name: {"full": {}, "causal": {}} for name in places}  # of a single mini-batch
rows = {}
for name, (title, where) in places.items():
    sizes = experiment(f"mask/{name}/full", shown_profile).evaluation.contexts
    for kind, found in by_points[name].items():
        for m in sizes:
            reference = f"mask/{name}/{kind}", shown_profile, *f"{where}_by_points".split(":")
            found[m] = records.summary(*reference, m)
    for m in (sizes[0], *(sizes[round(q * (len(sizes) - 1))] for q in (0.25, 0.5, 1.0))):
        full, causal = (found[m] for found in by_points[name].values())
        rows[f"{title}, {m} of {sizes[-1]} points"] = (full, causal, in_words(compared(causal, full)))
header = ("", "full", "causal", "causal against full")
caption = "After a single mini-batch that has fewer points than those of training."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-abl-sizes", ".3f")

# %% [markdown]
# `python -m iai reproduce 'mask/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-mask", "caption": "After one step, by the number of observations in it; the largest is the size of training. Bars are 95 % intervals over seeds. The grey line is what full Bayes leaves (derived)."}, "image": {"alt": "Four panels against the number of points in the first mini-batch: raw MSE of regression, error on MNIST, error on features, squared error on mixtures, each with a line for the full and one for the causal mask."}}
_, axes = plots.panels(columns=2, rows=2, width=7.6, height=5.4)
for ax, (name, (title, where)) in zip(axes, places.items()):
    one = experiment(f"mask/{name}/full", shown_profile)
    sizes = one.evaluation.contexts
    squares = where == MSE
    if squares:
        d, noise = one.task.theta_shape[1], one.task.noise_variance
        bound = [d * ridge_variance(1.0, d, m, noise) + noise for m in sizes]
        ax.plot(sizes, bound, "--", color=plots.INK, label="full Bayes (derived)")
    error_bars(
        ax,
        by_points[name],
        ("points in the step", {MSE: "raw MSE", "as-trained:mse": "squared error"}.get(where, "error")),
        logarithmic=squares,
    )
    ax.set_xticks([sizes[0], sizes[len(sizes) // 2], sizes[-1]], [str(sizes[i]) for i in (0, len(sizes) // 2, -1)])
    ax.legend(fontsize=8)
    ax.set_title(title)

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["mask"])

# %% tags=["remove-input", "nbval-check-output"]
lines = []
for name, (title, _) in places.items():
    sizes = experiment(f"mask/{name}/full", shown_profile).evaluation.contexts
    full, causal = by_points[name].values()
    ends = (sizes[len(sizes) // 4], sizes[-1])
    lines += [f"on {title} " + ", ".join(f"with {m} points {in_words(compared(causal[m], full[m]))}" for m in ends)]
notebook.Markdown(f"One step, causal against full: {'; '.join(lines)}.")

# %% [markdown]
# (sec-abl-history)=
# ### What came before
#
# A step sees the present state alone. With a history window it also reads the last two states, and the gradients at them; the paper reports that this barely helps [N]. There is something to gain in principle. {ref}`sec-memoryless` found that a state without covariance loses accuracy, and {ref}`sec-beyond` that a learner without a counter cannot know when to take smaller steps; the distance between the last two states says something about both. Rows start from whole rows of Table 2.

# %% tags=["hide-input", "nbval-check-output"]
asked["history"] = [
    contrast(
        "regression, both signals",
        {
            "no history": "table2/linear-regression/grad+data",
            "two steps": "history/linear-regression/grad+data",
        },
    ),
    contrast("MNIST, gradients", {"no history": "table2/mnist/grad", "two steps": "history/mnist/grad"}, ERROR),
]
caption = "Parametric models with and without a window of two past states and their gradients."
contrast_table(asked["history"], (1, 10, 20), caption, "tab-abl-history")

# %% [markdown]
# `python -m iai reproduce 'history/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-history", "caption": "Parametric models with and without a history window. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels against 0 to 20 steps: raw MSE of linear regression and error on MNIST, each with a line for no history and one for a window of two steps."}}
draw(asked["history"])

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["history"])

# %% tags=["remove-input", "nbval-check-output"]
found_history = [one.ratio("two steps") for one in asked["history"]]
inside = [isinstance(one, notebook.Summary) and one.p_equal() <= 0.05 for one in found_history]
notebook.Markdown(
    f"*Barely*, taken as within 5 % of the error without a window by two one-sided tests, is shown in {sum(inside)} of {len(found_history)} cases."
    if all(isinstance(one, notebook.Summary) for one in found_history)
    else "(Pending: does it *barely* matter, by less than 5 % either way?)"
)

# %% [markdown]
# (sec-abl-scale)=
# ### How loud, and how alike at the start
#
# {ref}`sec-token-scale` has the full story of how tokens are scaled and how attention starts, with the training curves ({numref}`fig-plateau`, {numref}`tab-plateau`). In the terms of this chapter:

# %% tags=["hide-input", "nbval-check-output"]
starts = {name: f"token-scale/mnist/{name}" for name in ("matched", "mixed", "untied", "unmatched")}
products = {name: f"token-scale/linear-regression/{name}" for name in ("no-product", "product")}
asked["token-scale"] = [contrast("MNIST", starts, ERROR), contrast("regression", products)]
caption = "The start of encoders and attention: raw MSE (regression) and error (MNIST)."
contrast_table(asked["token-scale"], (1, 10, 20), caption, "tab-abl-scale")

# %% [markdown]
# `python -m iai reproduce 'token-scale/*' --profile cpu`

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["token-scale"])

# %% [markdown]
# ## How long, and how much
#
# (sec-abl-steps)=
# ### Steps in training, steps at test
#
# What does a model that was trained on one, two or five steps do with twenty? A step of training shows what to do in the states of that step, and no state further on has ever been seen. So a row should be good up to its own horizon, and what happens after that is luck: {ref}`sec-beyond` says that a plateau is the best that one can ask, and that a rise needs a systematic error of the network. A longer horizon has a price, too: the same updates are spread over more kinds of states, so early steps could suffer.

# %% tags=["hide-input", "nbval-check-output"]
asked["steps"] = [
    contrast(
        "regression",
        {"trained on 10": REGRESSION} | {f"on {n}": f"steps/linear-regression/{n}" for n in (5, 2, 1)},
        beside={"memoryless": f"{REGRESSION}|memoryless"},
        beyond=True,
    ),
    contrast(
        "MNIST", {"trained on 8": IMAGES} | {f"on {n}": f"steps/mnist/{n}" for n in (4, 2, 1)}, ERROR, beyond=True
    ),
]
caption = "Rows: steps in training. Columns: steps at test; raw MSE (regression) and error (MNIST)."
contrast_table(asked["steps"], (1, 5, 10, 20), caption, "tab-abl-steps")

# %% [markdown]
# `python -m iai reproduce 'steps/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-steps", "caption": "Models trained on 1 to 10 steps, applied to 0 to 20. Shaded: beyond the longest training. Bands are 95 % intervals over seeds; the grey line joins the steps at which the memoryless learner was asked."}, "image": {"alt": "Two panels against 0 to 20 steps, raw MSE of linear regression and error on MNIST; a line for each number of steps in training."}}
draw(asked["steps"], height=2.9)

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["steps"])

# %% tags=["remove-input", "nbval-check-output"]
first = [(one.title, replace(one, at=1).ratio(list(one.rows)[-1])) for one in asked["steps"]]
notebook.Markdown(
    "The price of a long horizon, at the first step: the model that was trained on one step alone is, against the longest, "
    + "; ".join(f"on {title}: {in_words(one)}" for title, one in first)
    + "."
)

# %% tags=["remove-input", "nbval-check-output"]
lines = [
    f"on {one.title} "
    + "; ".join(
        f"{label}, {in_words(compared(one.result(label, 20), one.result(label, experiment(key, shown_profile).objective.steps), beyond=True))}"
        for label, key in one.rows.items()
    )
    for one in asked["steps"]
]
notebook.Markdown(
    "A plateau or a rise? After twenty steps against the same model at its own horizon: " + ". And ".join(lines) + "."
)

# %% [markdown]
# (sec-abl-split)=
# ### The same data in fewer, larger mini-batches
#
# A hundred observations can come as one mini-batch, or as twenty of five. Chapter {ref}`ch-cost` has what this does to the bill. What it does to the answer has a bound: a memoryless learner forgets all but the mean, so every cut costs accuracy. Iterating $v \leftarrow$ {func}`iai.study.analysis.theory.ridge_variance` with $B = 100/k$ points gives the line in {numref}`fig-abl-split`; a learner that can use memory is not held to it. On the other side, a step over fewer points is an easier function, and one that is learned for all its uses at once.
# Rows see about as many tokens in training as the base (ten steps of ten). For images the same question has rows with 16, 32 and 64 images a step (chapter {ref}`ch-images`), which are compared at 128 images in all: within the horizon of each, but trained on unequal numbers of tokens.

# %% tags=["hide-input", "nbval-check-output"]
splits = {n: REGRESSION if n == 10 else f"split/linear-regression/{n}" for n in (10, 1, 2, 5, 20)}
asked["split"] = [
    contrast(
        "regression, 100 points",
        {f"{n} × {100 // n}": key for n, key in splits.items()},
        at={f"{n} × {100 // n}": n for n in splits},
    ),
    contrast(
        "MNIST, 128 images",
        {"4 × 32": "table4/mnist/data", "8 × 16": "points/mnist/16", "2 × 64": "points/mnist/64"},
        ERROR,
        {"4 × 32": 4, "8 × 16": 8, "2 × 64": 2},
    ),
]
caption = "The same amount of data as steps × points: raw MSE (regression) and error (MNIST) after all of it. Rows of a family are judged on different draws of tasks: ± does not cover that, intervals of ratios do."
contrast_table(asked["split"], (), caption, "tab-abl-split")

# %% [markdown]
# `python -m iai reproduce 'split/*' --profile cpu`, and `'points/*'`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-split", "caption": "Left: linear regression, 100 points in so many mini-batches; the dashed line is the memoryless bound (derived), which for one mini-batch is full Bayes. Right: 128 images in so many. Bars are 95 % intervals over seeds."}, "image": {"alt": "Two panels against the number of mini-batches: raw MSE for 1, 2, 5, 10 and 20 mini-batches with a dashed line that rises from left to right, and error on MNIST for 2, 4 and 8."}}
_, axes = plots.panels(columns=2, width=7.6, height=2.7)
for ax, one, label in zip(axes, asked["split"], ("raw MSE", "error")):
    found = {at: one.result(row) for row, at in sorted(one.at.items(), key=lambda pair: pair[1])}
    error_bars(ax, {"learned": found}, ("mini-batches", label), logarithmic=label == "raw MSE")
    ax.set_title(one.title)
task, bound = experiment(REGRESSION, shown_profile).task, {}
for k in (1, 2, 5, 10, 20):
    variance = 1.0
    for _ in range(k):
        variance = ridge_variance(variance, task.theta_shape[1], 100 // k, task.noise_variance)
    bound[k] = task.theta_shape[1] * variance + task.noise_variance
axes[0].plot(list(bound), list(bound.values()), "--", color=plots.INK, label="memoryless (derived)")
_ = axes[0].legend(fontsize=8, loc="upper left")

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["split"])

# %% tags=["remove-input", "nbval-check-output"]
lines = [
    f"{label} {in_words(compared(asked['split'][0].result(label), exact(bound[k])))}"
    for label, k in sorted(asked["split"][0].at.items(), key=lambda pair: pair[1])
]
notebook.Markdown(
    f"In regression, each split against its memoryless line: {'; '.join(lines)}. (The line is an average over tasks, and these are a sample of them, which the intervals include.)"
)

# %% [markdown]
# (sec-abl-reuse)=
# ### Data that run out
#
# In all tables a step brings new data. A real task has a training set, which is read in epochs; the size of that set is an axis that reviewers missed in the paper. Here a task has data for one, two or five mini-batches, that come round again up to twenty times. The first pass is honest evidence. In the second a learner that takes every batch for a fresh one counts what it knows twice, and moves towards the noise of its few points; the best it can do is to stand still, at the level of ridge on the distinct points (grey).
# Some rows are trained on such tasks and some on fresh data; each is judged on the set of its name. The last lines of {numref}`tab-abl-reuse` ask what practice with repeats costs where nothing is repeated.

# %% tags=["hide-input", "nbval-check-output"]
asked["reuse"] = [
    contrast(
        f"data for {n}",
        {
            "trained on fresh data": "reuse/linear-regression/fresh",
            "trained on the same": f"reuse/linear-regression/{n}",
        },
        f"{n}:mse",
        beside={"ridge": "reuse/linear-regression/fresh|ridge"},
    )
    for n in (1, 2, 5)
]
rows = {"fresh data": "reuse/linear-regression/fresh"} | {
    f"data for {n}": f"reuse/linear-regression/{n}" for n in (1, 2, 5)
}
asked["reuse"] += [contrast("fresh throughout, trained on", rows, "fresh:mse")]
caption = "Raw MSE of linear regression where a task has data for one, two or five mini-batches of ten points, which are read again and again."
contrast_table(asked["reuse"], (1, 2, 10, 20), caption, "tab-abl-reuse")

# %% [markdown]
# `python -m iai reproduce 'reuse/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-reuse", "caption": "Raw MSE against steps where the data of a task are read again and again. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of raw MSE against 0 to 20 steps, for tasks with data for 1 and for 5 mini-batches; lines for models trained on fresh data and on such tasks, and ridge in grey."}}
draw(asked["reuse"][:3:2])

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["reuse"])

# %% tags=["remove-input", "nbval-check-output"]
cost = [
    replace(
        one,
        rows={"after 2 steps": one.rows[label], "ten": one.rows[label]},
        at={"after 2 steps": 2, "ten": 10},
    )
    for one in asked["reuse"][:1]
    for label in one.rows
]
words = zip(("the model trained on fresh data", "the one trained on such tasks"), cost)
notebook.Markdown(
    "With data for one mini-batch, the error after ten passes against that after two is "
    + " and ".join(f"for {who}: {in_words(one.ratio('ten'))}" for who, one in words)
    + "."
)

# %% [markdown]
# ## How large, and how many tasks
#
# (sec-abl-size)=
# ### Width and depth
#
# The paper has one architecture, and reviewers asked for more. Sizes below have the updates and the learning rate of their base, so a larger network also costs more; whether it would win for the same *time* is another question. Depth has a line of theory: one layer of linear attention can make a gradient step, or a preconditioned one {cite:p}`vonoswald2023transformers,ahn2023transformers`, and two or more can approximate second-order methods {cite:p}`fu2024second`. With a state that persists, depth can also be bought with steps, which is what iteration is about.

# %% tags=["hide-input", "nbval-check-output"]
widths = {
    "linear-regression": (REGRESSION, "width 64, depth 3", (32, 128), (1, 6)),
    "mnist": (IMAGES, "width 96, depth 2", (48, 192), (1, 4)),
}
asked["size"] = [
    contrast(
        title,
        {base: key}
        | {f"width {w}": f"size/{family}/width-{w}" for w in ws}
        | {f"depth {d}": f"size/{family}/depth-{d}" for d in ds},
        where,
    )
    for (family, (key, base, ws, ds)), title, where in zip(widths.items(), ("regression", "MNIST"), (MSE, ERROR))
]
caption = "Sizes of the refiner: raw MSE (regression) and error (MNIST)."
contrast_table(asked["size"], (1, 10, 20), caption, "tab-abl-size")

# %% [markdown]
# `python -m iai reproduce 'size/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-size", "caption": "After ten steps, by the number of parameters of the refiner; lines join the widths, and the depths. Bars are 95 % intervals over seeds."}, "image": {"alt": "Two panels against the number of parameters: raw MSE of linear regression and error on MNIST, with a line through three widths and one through three depths."}}
_, axes = plots.panels(columns=2, width=7.6, height=2.7)
for ax, one in zip(axes, asked["size"]):
    count = {
        n: sum(p.numel() for p in build(experiment(key, shown_profile)).refiner.parameters())
        for n, key in one.rows.items()
    }
    series = {
        kind: {
            count[n]: one.result(n) for n in sorted(count, key=count.get) if n.startswith(kind) or n == one.reference
        }
        for kind in ("width", "depth")
    }
    squares = one.where == MSE
    error_bars(ax, series, ("parameters", "raw MSE" if squares else "error"), logarithmic=squares)
    ax.set_xticks(sorted(count.values())[::2], [f"{n / 1000:.0f}k" for n in sorted(count.values())[::2]])
    ax.set_title(one.title)

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["size"])

# %% [markdown]
# A larger network that is not lower here, at equal updates, is unlikely to be lower at equal time; a smaller one that is level is the better bargain. For one that *is* lower the comparison at equal time is open.
#
# (sec-abl-laws)=
# ### How many training tasks
#
# So far no task was ever seen twice. Give training a finite number $n$ of laws, each a projection and an order of the labels with new images at every visit, and a learner has two ways to lower its loss: recognise the law, or learn from the observations. For linear regression {cite:t}`raventos2023pretraining` found a threshold in $n$ between the two, and {cite:t}`kirsch2022general` a transition from memorising to general learning with the number of tasks, on images with projections like ours. Which traits of the data push a network to learn in context was asked by {cite:t}`chan2022data`.
#
# A count says where to look. A training that draws $N$ tasks visits a law $N/n$ times on average, and leaves a share of about $e^{-N/n}$ of them unseen. With $n \ll N$ laws can be told by heart; with $n \gg N$ almost every visit is a first one, and training cannot differ much from one on fresh laws: $n = 65{,}536$ should be level with the base. Whatever there is to see must lie at $n \lesssim N$.

# %% tags=["remove-input", "nbval-check-output"]
trained, drawn = experiment(IMAGES, shown_profile), 0.0
pool, updates = trained.objective, trained.train.updates
for i in range(updates):
    k = pool.horizon(i / updates)  # a cohort an update, and those of a filling of the pool now and then
    drawn += pool.tasks / k * (1 + (k - 1) / (pool.passes_per_fill * k))
notebook.Markdown(f"At `{shown_profile}` a training of {updates} updates draws about $N = {drawn:,.0f}$ tasks.")

# %% tags=["hide-input", "nbval-check-output"]
pools = {f"{n:,} laws": f"laws/mnist/{n}" for n in LAWS}
titles = {"mnist": "new laws, digits", "fashion-mnist": "new laws, clothes"}
asked["laws"] = [contrast(title, {"fresh laws": IMAGES} | pools, f"{name}:error") for name, title in titles.items()]
gap = {
    label: [
        compared(*(records.summary(key, shown_profile, name, "error", k) for name in ("seen-laws", "mnist")))
        for k in (1, 10)
    ]
    for label, key in pools.items()
}
caption = "Implicit models trained on a finite number of laws: error on new laws."
contrast_table(asked["laws"], (1, 10, 20), caption, "tab-abl-laws")

# %% tags=["hide-input", "nbval-check-output"]
rows = {
    label: tuple(
        cell
        for k, one in zip((1, 10), gap[label])
        for cell in (records.summary(key, shown_profile, "seen-laws", "error", k), in_words(one))
    )
    for label, key in pools.items()
}
header = ("", "1 step", "against new laws", "10 steps", "against new laws")
caption = "Error on the laws that training draws from, with test images, and its ratio to the error on new laws. (Of many laws, most were never drawn.)"
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-abl-seen", ".3f")

# %% [markdown]
# `python -m iai reproduce 'laws/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-laws", "caption": "Error after one step and after ten by the number of laws in training: on laws from that pool, on new laws, and on new laws with clothes. The dotted line is the number of tasks that a training draws. Bars are 95 % intervals over seeds; the grey line is the base with fresh laws, on new laws."}, "image": {"alt": "Two panels of error against the number of laws, 16 to 65,536, after one and ten steps: lines for laws of the pool, new laws, and new laws with clothes; a horizontal line for fresh laws and a vertical dotted line."}}
_, axes = plots.panels(columns=2, width=7.6, height=2.9)
sets = {"laws of the pool": "seen-laws", "new laws": "mnist", "new laws, clothes": "fashion-mnist"}
for ax, k in zip(axes, (1, 10)):
    series = {
        label: {n: records.summary(f"laws/mnist/{n}", shown_profile, name, "error", k) for n in LAWS}
        for label, name in sets.items()
    }
    series["fresh laws"] = dict.fromkeys(LAWS, records.summary(IMAGES, shown_profile, "mnist", "error", k))
    error_bars(ax, series, ("laws in training", "error"), grey=("fresh laws",), logarithmic=False)
    ax.axvline(drawn, color=plots.INK, linestyle=":", linewidth=1.2)
    ax.legend(fontsize=8)
    ax.set_title(f"after {k} step{'s' * (k > 1)}")

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["laws"])

# %% tags=["remove-input", "nbval-check-output"]
few, many = (asked["laws"][0].ratio(f"{n:,} laws") for n in (LAWS[0], LAWS[-1]))
readings = (
    conclusion(
        gap[f"{LAWS[0]} laws"][1],
        f"With {LAWS[0]} laws the model is better on those than on new ones: laws were learned by heart.",
        f"With {LAWS[0]} laws the model is *worse* on those than on new ones, for which we have no explanation.",
        f"With {LAWS[0]} laws the model is not told apart on those and on new ones.",
    ),
    conclusion(
        few,
        f"On new laws {LAWS[0]} laws are *better* than fresh ones.",
        f"On new laws {LAWS[0]} laws are worse than fresh ones.",
        f"On new laws {LAWS[0]} laws and fresh ones are not told apart.",
    ),
    conclusion(
        many,
        f"{LAWS[-1]:,} laws come out below fresh ones, which the count does not allow for: luck, or an error of ours.",
        f"{LAWS[-1]:,} laws come out above fresh ones, which the count does not allow for: luck, or an error of ours.",
        f"{LAWS[-1]:,} laws are as good as fresh ones to the width of the interval, as they must be.",
    ),
)
notebook.Markdown(" ".join(dict.fromkeys(map(str, readings))))

# %% [markdown]
# ## How it is trained
#
# (sec-abl-unrolled)=
# ### Eq. 9 against truncated backpropagation through time
#
# Eq. 9 cuts the graph before every step: a step is judged by the loss right after it. Backpropagation through time {cite:p}`werbos1990backpropagation`, here truncated to a window of $w$ steps {cite:p}`williams1990efficient`, also asks what a step does for those after it. With losses $L_1, \dots, L_K$ and states $s_i = h_\varphi(s_{i-1})$ the exact gradient has terms
#
# $$
# \frac{\partial L_j}{\partial s_j} \frac{\partial s_j}{\partial s_{j-1}} \cdots \frac{\partial s_{i+1}}{\partial s_i} \frac{\partial s_i}{\partial \varphi}, \qquad i \le j ,
# $$ (eq-abl-bptt)
#
# and a window drops those whose chain crosses a cut. Dropping is a bias: learned optimizers trained on short windows become greedy {cite:p}`wu2018short`. How bad can greed be here? For the memoryless learner of {ref}`sec-memoryless` not at all: the error after step $j$ is a monotone function of the error before it, so the best step for now is the best for later. A bias can matter only as far as one network must serve all steps and has to trade one against another. On the other side, longer chains have noisier gradients, and cost memory.
#
# Rows with windows 1, 2 and 5 share their roll-outs and differ in the window alone; the base learns by eq. 9 as well, from tasks in flight. So window 1 against the base compares two ways of sampling the same objective, and the others are compared with window 1.

# %% tags=["hide-input", "nbval-check-output"]
asked["unrolled"] = [
    contrast(
        title,
        {f"window {n}": f"unrolled/{family}/{n}" for n in (1, 2, 5)} | {"tasks in flight": base},
        where,
    )
    for title, family, base, where in (
        ("regression", "linear-regression", REGRESSION, MSE), ("MNIST", "mnist", IMAGES, ERROR)
    )
]  # fmt: skip
caption = "Windows of backpropagation through time; a window of one is eq. 9. Raw MSE (regression) and error (MNIST)."
contrast_table(asked["unrolled"], (1, 10, 20), caption, "tab-abl-unrolled")

# %% [markdown]
# `python -m iai reproduce 'unrolled/*' --profile cpu`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-unrolled", "caption": "Models trained through windows of 1, 2 and 5 steps, and the base. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels against 0 to 20 steps, raw MSE of linear regression and error on MNIST, with lines for windows of 1, 2 and 5 steps and for tasks in flight."}}
draw(asked["unrolled"])

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["unrolled"])

# %% tags=["remove-input", "nbval-check-output"]
lines = [
    conclusion(
        one.ratio("window 5"),
        f"On {one.title} looking ahead pays, so greed had a price.",
        f"On {one.title} looking ahead hurts at this budget, so greed is the better habit.",
        f"On {one.title} five steps of foresight make no difference that three seeds can show.",
    )
    for one in asked["unrolled"]
]
notebook.Markdown(" ".join(dict.fromkeys(map(str, lines))))

# %% [markdown]
# ## In front of you
#
# The parameter `habit` names any ablation on MNIST. Its model and the base are trained now, at the chapter's profile, and asked about the same new tasks: by default, sixteen laws against fresh ones. Training takes a few seconds and images are those of the package, so expect a direction and no more.

# %%
models = {"base": IMAGES, habit: habit}
live = {label: chapter.train(key)[0] for label, key in models.items()}
small = experiment(habit, profile)
judged = replace(small.evaluation, tasks=64)
found = {
    label: {name: evaluate(model, task, judged)["error"]["mean"] for name, task in small.evaluation_sets.items()}
    for label, model in live.items()
}
ks = (1, small.objective.steps, 10, 20)
for label, curves in found.items():
    for name, error in curves.items():
        shown = ", ".join(f"{100 * error[k]:.0f}" for k in ks)
        print(f"{label}, on {name}: {shown} % after {', '.join(map(str, ks))} steps")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-live", "caption": "The base and the changed habit, trained while this page was made: error on the first two sets of tasks. Shaded: steps beyond training."}, "image": {"alt": "Two panels, one a set of tasks, of error against 0 to 20 steps, with a line for the base and one for the model with the changed habit."}}
_, axes = plots.panels(columns=2, width=7.0, height=2.7)
for ax, name in zip(axes, small.evaluation_sets):
    lines = {label: (range(21), curves[name]) for label, curves in found.items()}
    plots.lines(ax, lines, labels=("steps k", "error"))
    ax.axvspan(small.objective.steps, 20, color=plots.INK, alpha=0.08, linewidth=0)
    ax.set_title(name)
    ax.sharey(axes[0])

# %% [markdown]
# ## Exercises
#
# ````{exercise} Greed without a price
# :label: ex-abl-greedy
#
# Let the error variance after a step with gain $K$ be $v' = G(v, K)$, where for every $K$ the function $G(\cdot, K)$ is increasing, and let a learner choose a gain at each step knowing $v$. Show that the greedy choice $K_i = \operatorname{arg\,min}_K G(v_i, K)$ minimises $v_k$ for *every* $k$. What changes if one $K$ has to serve all steps?
# ````
#
# ````{solution} ex-abl-greedy
# :class: dropdown
#
# By induction: let $v_i \le u_i$ for any other choice of gains that leads to $u_i$. Then $v_{i+1} = \min_K G(v_i, K) \le G(v_i, K_i') \le G(u_i, K_i') = u_{i+1}$. With one $K$ for all steps the choice is a compromise between large $v$, where a large gain is right, and small $v$. A mean of losses over steps weighs them by their size, so early steps count most, and what a gain does for later losses, which eq. 9 leaves out of the gradient, can move the compromise.
# ````
#
# ````{exercise} Reading the same page twice
# :label: ex-abl-twice
#
# A learner does ridge regression around its present state, as in {ref}`sec-memoryless`, and takes a batch that it has already seen for a new one. One parameter, prior $\mathcal{N}(0, 1)$, $n$ points with $x = 1$ and noise variance $\sigma^2$. Where does its estimate go in the limit of many passes, and what does that cost if $n = 1$ and $\sigma^2 = 1$?
# ````
#
# ````{solution} ex-abl-twice
# :class: dropdown
#
# After $p$ passes it believes in $pn$ observations with the same mean $\bar y$: $\hat\theta = \frac{pn}{pn + \sigma^2} \bar y \to \bar y$, the least-squares estimate. Its expected squared error goes from $\frac{\sigma^2}{n + \sigma^2}$ after the first pass to $\frac{\sigma^2}{n}$: from $\frac12$ to 1 for $n = 1$, $\sigma^2 = 1$. With more parameters than points it is worse still, as least squares then fits the noise in all directions that the points span.
# ````
#
# ````{exercise} How many laws have been seen?
# :label: ex-abl-seen
#
# A training draws $N$ tasks from a pool of $n$ laws. Show that the expected share of laws never drawn is $(1 - 1/n)^N$, and compute the share of a test on the pool that falls on laws which *were* drawn, for $N = 2600$ and $n = 1024$ and $65{,}536$. Why is the error on "laws of the pool" a mixture for large $n$?
# ````
#
# ````{solution} ex-abl-seen
# :class: dropdown
#
# A draw misses a given law with probability $1 - 1/n$, and draws are independent; the expectation of a share is that probability. The rest is $1 - (1 - 1/1024)^{2600} = 0.92$ and $1 - (1 - 1/65536)^{2600} = 0.039$. A test on the pool draws its laws from all $n$, so at $n = 65{,}536$ it is 96 % a test on new laws, whatever the model has in its memory.
# ````
#
# ````{exercise} A habit of your own
# :label: ex-abl-own
#
# Does a second head help the implicit model? Make the change, train it live, and say what would have to be done before you believe the answer.
# ````
#
# ````{solution} ex-abl-own
# :class: dropdown
#
# ```python
# from iai.study.jobs.run import fit
#
# base = experiment(BASE_KEYS["mnist"], "smoke")
# changed = replace(base, refiner=replace(base.refiner, heads=2))
# model, _ = fit(changed, seed=0)
# evaluate(model, base.evaluation_sets["mnist"], base.evaluation)["error"]["mean"]
# ```
# One seed of each says little: train three of both, form ratios seed by seed, and look at the interval of their logarithm; then try another learning rate for the variant. A key of its own in {mod}`iai.study.registry.ablations` makes `reproduce` do the first part.
# ````
#
# (sec-abl-all)=
# ## What we found, and what we did not

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-all", "caption": "Every comparison with a reference that has been run: the ratio to the reference, with its 95 % interval, on a logarithmic axis. Left of the line is better than the reference. Filled: the comparison is testable, and the interval leaves 1 out."}, "image": {"alt": "Horizontal intervals around ratios, one line for every comparison, on both sides of a vertical line at one; filled marks where the interval does not reach the line."}}
board = [
    replace(one, title=f"{name}, {one.title}")
    for name, contrasts in asked.items()
    for one in contrasts
    if any(isinstance(found, notebook.Summary) for found in one.ratios().values())
]
_, (ax,) = plots.panels(width=7.2, height=1.0 + 0.23 * len(board))
for height, one in enumerate(board):
    known = [found for found in one.ratios().values() if isinstance(found, notebook.Summary)]
    for place, found in enumerate(known):
        at = height + 0.7 * ((place + 0.5) / len(known) - 0.5)
        decided = outcome(found) in ("lower", "higher")
        colour = plots.COLOURS[1 if found.mean > 1 else 2] if decided else plots.INK
        ax.plot(found.interval, [at, at], color=colour, linewidth=1.2)
        ax.plot(found.mean, at, "o", color=colour, fillstyle="full" if decided else "none", markersize=3.5)
ax.axvline(1.0, color=plots.INK, linewidth=0.8)
ax.set_yticks(range(len(board)), [one.title for one in board], fontsize=8)
ax.set(ylim=(len(board) - 0.5, -0.5), xlabel="ratio to the reference")
plots.log_scale(ax, "x")

# %% tags=["remove-input", "nbval-check-output"]
every = [found for contrasts in asked.values() for one in contrasts for found in one.ratios().values()]
sides = Counter(map(outcome, every))
decided = sum(sides[side] for side in ("lower", "higher", "equal", "open"))
unknown = {"are not testable": sides["not testable"], "have one seed so far": sides["one seed"]}
unknown["are pending"] = sides.total() - decided - sum(unknown.values())
without = " and ".join(f"{count} {what}" for what, count in unknown.items() if count)
notebook.Markdown(
    f"*The count.* Of {sides.total()} comparisons with a reference, "
    + f"{without}; of the {decided} others, " * bool(without)
    + f"{sides['lower']} are lower, {sides['higher']} higher, {sides['equal']} equal and {sides['open']} open. If no habit mattered at all, {0.05 * decided:.1f} of these would on average be called lower or higher by luck. (Small contexts and laws of the pool come on top; {{numref}}`tab-abl-sizes` and {{numref}}`tab-abl-seen` have them.)\n\n"
    f"*The paper's claims.* The order of Fig. 4: {'; '.join(f'{said[word]} on {title}' for title, word in order.items())}. Gradients against data: {in_words(low)} at $d = 2$, {in_words(high)} at $d = 128$. A history window: {'; '.join(map(in_words, found_history))}."
)

# %% [markdown]
# *What the comparisons are not.* Each is made at one size, one budget and the settings of the base; a habit that needs another learning rate, or a longer training, was not given one. Habits are changed one at a time, so nothing is said of two together. Three seeds show large effects only. A ratio after ten steps is one number of a curve; figures have the rest, and where a curve turns after ten steps the number hides it.
#
# *What we did not test*: explicit models, which share most habits with parametric ones; state spaces of regression; windows longer than five steps; sizes beyond those that a minute on one core allows. The paper's models are larger, and the profile `paper` has the same keys at larger sizes: `python -m iai reproduce 'state/*' --profile paper`.
