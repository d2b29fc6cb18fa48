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
# # One setting at a time
#
# *Cost: about twenty seconds on one core at `smoke`; trains two small models live. Tables and figures show committed records of profile `small` (three or six seeds, most of them under three minutes each on one core). Every comparison of results, in prose as in tables, is computed from those records.*
#
# The models of the last chapters have many settings in common: they add a change to their state, they read a whole mini-batch at once, they are trained on ten steps and learn from one at a time. Which of these matter? Here each is changed, one at a time, with all else kept. {mod}`iai.study.registry.ablations` is the list, and a test holds every key to changing what its name says and nothing else.
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
profile: str = "smoke"  # what this chapter trains live: smoke | small | paper
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below
habit: str = "laws/mnist/16"  # the key of an ablation on MNIST, trained live beside its row

# %% tags=["hide-input"]
import math
from collections import Counter
from dataclasses import replace

import numpy as np

from iai.study.book import notebook, plots
from iai.study.ledger import records
from iai.study.book.comparisons import Contrast, conclusion, contrast_table, error_bars, in_words, outcome, sentences
from iai.study.registry.ablations import BASES, DIMENSIONS, LAWS
from iai.study.analysis.contrasts import exact, scaled
from iai.study.analysis.gate import compared
from iai.study.measure.cost import cost_of_update
from iai.evaluation import evaluate
from iai.experiment import build
from iai.study.registry import experiment
from iai.study.analysis.theory import ridge_variance

chapter = notebook.setup(globals())
plots.style(dots=70)  # many figures
REGRESSION, IMAGES = (BASES[family] for family in ("linear-regression", "mnist"))
MSE, ERROR = "linear-regression:mse", "mnist:error"


def contrast(title, rows, where=MSE, at=10, **more):
    """Rows of the chapter's ledger against the first of them."""
    return Contrast(title=title, rows=rows, where=where, at=at, profile=shown_profile, **more)


def draw(contrasts, height=2.6):
    """A panel a contrast: its rows against steps, on a logarithmic axis if it is one of squared errors."""
    _, axes = plots.panels(columns=len(contrasts), width=max(5.2, 3.8 * len(contrasts)), height=height)
    for ax, one in zip(axes, contrasts):
        key = next(iter(one.rows.values()))
        horizon = experiment(key, shown_profile).objective.steps
        squares = one.where.endswith("mse")
        lines, greys = (chapter.curves(rows, *one.where.split(":")) for rows in (one.rows, one.beside))
        label = "raw MSE" if squares else "error"
        plots.curves(ax, lines, label=label, baselines=greys, horizon=horizon, logarithmic=squares)
        for line in ax.lines:
            line.set_markevery(5)
        ax.legend(fontsize=8)
        ax.set_title(one.title)


SPACES = {"logits": IMAGES, "latent": "state/mnist/latent", "softmax": "state/mnist/softmax"}
KINDS = {"data": "data", "gradients": "grad", "both": "grad+data"}
ORACLES = {"SGD, tuned": "sgd", "memoryless": "memoryless", "ridge": "ridge"}
MASKED = {"linear-regression": ("regression", MSE), "mnist": ("MNIST", ERROR)}
MASKS = {"full": "full", "causal": "causal", "random size": "full-random"}
STEPS = {"trained on 10": REGRESSION} | {f"on {n}": f"steps/linear-regression/{n}" for n in (20, 5, 2)}
STEPS |= {"on 1": f"{REGRESSION}-1-step"}
IMAGE_STEPS = {"trained on 10": IMAGES, "on 20": "steps/mnist/20", "on 1": f"{IMAGES}-1-step"}
WIDTHS = {"width 64": REGRESSION} | {f"width {n}": f"size/linear-regression/width-{n}" for n in (32, 128)}
WINDOWS = {f"window {n}": f"unrolled/linear-regression/{n}" for n in (1, 5)} | {"tasks in flight": REGRESSION}
SPLITS = {"10 × 10": (REGRESSION, 10), "1 × 100": ("baseline/linear-regression/one-context", 10)}  # ten read as one
SPLITS |= {"5 × 20": ("split/linear-regression/5", 5), "20 × 5": ("split/linear-regression/20", 20)}
POINTS = {"4 × 32": (IMAGES, 4), "8 × 16": ("points/mnist/16", 8), "2 × 64": ("points/mnist/64", 2)}
POOLS = {f"{n:,} laws": f"laws/mnist/{n}" for n in LAWS}
asked = {
    "state": [contrast(title, SPACES, f"{title.lower()}:error") for title in ("MNIST", "Fashion-MNIST")],
    "theta": [
        contrast("MNIST", {"per class": "table2/mnist/data", "one token": "theta/mnist/data-one"}, ERROR),
        contrast("regression", {"one token": REGRESSION, "per coordinate": "theta/linear-regression/data-coordinate"}),
    ],
    "update": [contrast("regression", {"change": REGRESSION, "new value": "update/linear-regression/absolute"})],
    "dimension": [
        contrast(
            f"$d = {d}$",
            {label: f"dimension/{d}/{kind}" for label, kind in KINDS.items()},
            beside={label: f"dimension/{d}/data|{name}" for label, name in ORACLES.items()},
        )
        for d in DIMENSIONS
    ],
    "mask": [
        contrast(title, {label: f"mask/{family}/{mask}" for label, mask in MASKS.items()}, where)
        for family, (title, where) in MASKED.items()
    ],
    "history": [
        contrast(title, {"no history": f"table2/{key}", "two steps": f"history/{key}"}, where)
        for title, key, where in (
            ("regression, both signals", "linear-regression/grad+data", MSE),
            ("MNIST, gradients", "mnist/grad", ERROR),
        )
    ],
    "steps": [
        contrast("regression", STEPS, beside={"memoryless": f"{REGRESSION}|memoryless"}, beyond=True),
        contrast("MNIST", IMAGE_STEPS, ERROR, beyond=True),
    ],
    "split": [
        contrast(title, {n: key for n, (key, _) in rows.items()}, where, {n: k for n, (_, k) in rows.items()})
        for title, rows, where in (("regression, 100 points", SPLITS, MSE), ("MNIST, 128 images", POINTS, ERROR))
    ],
    "size": [contrast("regression", WIDTHS)],
    "laws": [
        contrast(title, {"fresh laws": IMAGES} | POOLS, where)
        for title, where in (("new laws, MNIST", ERROR), ("new laws, Fashion-MNIST", "fashion-mnist:error"))
    ],
    "unrolled": [contrast("regression", WINDOWS)],
}
DOUBLED = ("state", "dimension", "mask", "history")  # whose contrasts a doubled budget has to confirm
asked = {name: [replace(one, fixed_budget=name not in DOUBLED) for one in some] for name, some in asked.items()}

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner(*(f"{name}/*" for name in (*asked, "points")), *(f"doubled/{name}/*" for name in DOUBLED))

# %% tags=["remove-input", "nbval-check-output"]
every = {
    f"{one.title}: {label} against {one.reference}": found
    for contrasts in asked.values()
    for one in contrasts
    for label, found in one.ratios().items()
}
sides = Counter(map(outcome, every.values()))
decided = sum(sides[side] for side in ("lower", "higher", "equal", "open"))
unknown = {"are not testable": sides["not testable"], "have one seed so far": sides["one seed"]}
unknown["are pending"] = len(every) - decided - sum(unknown.values())
without = ", ".join(f"{count} {what}" for what, count in unknown.items() if count)
strong = {name: found for name, found in every.items() if outcome(found) in ("lower", "higher")}
largest = sorted(strong, key=lambda name: -abs(math.log(strong[name].mean)))[:3]
order = {one.title: one.ascending() for one in asked["state"]}
said = {"holds": "holds", "fails": "does not hold"} | {w: f"is {w}" for w in ("open", "not testable", "pending")}
ordered = "; ".join(f"on {title} it {said[word]}" for title, word in order.items())
low, high = (asked["dimension"][i].ratio("gradients") for i in (0, -1))
windows = [one.ratio("two steps") for one in asked["history"]]
count = f"{without}; of the {decided} others, " if without else ""
notebook.Markdown(
    ":::{admonition} In short\n"
    f"- **The count.** Of {len(every)} comparisons, {count}{sides['lower']} are lower, {sides['higher']} higher, {sides['equal']} equal and {sides['open']} open. If no setting mattered, {0.05 * decided:.1f} of these would on average be called lower or higher by luck.\n"
    f"- **Largest effects** among those lower or higher: {'; '.join(f'{name}, {in_words(strong[name])}' for name in largest) or 'none so far'}.\n"
    f"- **The paper's claims.** The order of Fig. 4 (logits < latent < softmax): {ordered}. Gradients against data: {in_words(low)} at $d = 2$, {in_words(high)} at $d = 128$. A history window: {'; '.join(map(in_words, windows))}.\n"
    ":::"
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-all", "caption": "Every comparison with a reference that has been run: the ratio to the reference, with its 95 % interval, on a logarithmic axis. Left of the line is better than the reference. Filled: the comparison is testable, and the interval leaves 1 out. Ratios below 0.2 or above 5 are drawn at these."}, "image": {"alt": "Horizontal intervals around ratios, one line for every comparison, on both sides of a vertical line at one; filled marks where the interval does not reach the line."}}
board = {name: found for name, found in every.items() if isinstance(found, notebook.Summary)}
_, (ax,) = plots.panels(width=8.2, height=1.0 + 0.19 * len(board))
for place, found in enumerate(board.values()):
    known = outcome(found) in ("lower", "higher")
    colour = plots.COLOURS[1 if found.mean > 1 else 2] if known else plots.INK
    low_end, mean, high_end = np.clip((found.interval[0], found.mean, found.interval[1]), 0.2, 5.0)
    ax.plot((low_end, high_end), [place, place], color=colour, linewidth=1.2)
    ax.plot(mean, place, "o", color=colour, fillstyle="full" if known else "none", markersize=3.5)
ax.axvline(1.0, color=plots.INK, linewidth=0.8)
ax.set_yticks(range(len(board)), board, fontsize=7)
ax.set(xlim=(0.18, 5.5), ylim=(len(board) - 0.5, -0.5), xlabel="ratio to the reference")
plots.log_scale(ax, "x")

# %% [markdown]
# ## How to read this chapter
#
# *The references.* Every change starts from a row of Tables 2 to 4 and is compared with it. Most start from one of two rows. The *parametric* one sees data of linear regression with ten dimensions and a bias, ten points a step. The *implicit* one sees MNIST tasks, 32 images a step. Both are trained on ten steps. Sections that start from another row say so.
#
# *What is kept.* Tasks, data, size and number of updates are those of the row. Splits, with mini-batches of other sizes, get as many tokens and so other numbers of updates; dimensions have rows of their own.
#
# *Learning rates.* Every variant has trials of its own, as its row had ({ref}`sec-train-trials`). Three kinds have the rates of their row: pools of laws, which have no validation tasks; full masks, which are the row judged in more ways; and the 1-step model.
#
# *The comparison.* The number is raw MSE or error **after ten steps**, on new tasks of the family, as a ratio to the reference, paired by seed and by task. A ratio is called **lower** or **higher** if its 95 % interval (in brackets in the tables) lies below or above 1, **equal** if two one-sided tests place it within 5 % of 1, and **open** otherwise. With three seeds *open* often means "we could not tell", not "no difference".
# A comparison is **not testable**, with the reason, unless it passes the gate of chapter {ref}`ch-claims`: both models beat the trivial predictor by 10 %, ten steps are within what they were trained on, and the ratio stays on its side of 1 with twice the training. The last condition holds for the sections on states, dimensions, masks and histories. All other sections ask a question about *this* budget, and no doubled budget is asked for.
#
# *Grades.* What the paper is reported to find carries its grade: [S] a summary, [N] a third party's reading notes.
#
# *Again.* `python -m iai reproduce 'state/*' --profile small` computes the rows of a section; the first words of keys are `state`, `theta`, `update`, `dimension`, `mask`, `history`, `steps`, `split` and `points`, `size`, `laws` and `unrolled`, in the order of the sections.
#
# ## What is refined
#
# (sec-abl-state)=
# ### Logits, a latent, or probabilities
#
# The state of an implicit model is its prediction. As logits, as a latent vector before the last linear layer, or as probabilities? The paper's Fig. 4 has logits best, then the latent, then probabilities; we know the order only [S].
#
# What to expect: evidence from independent mini-batches adds up in log-odds, so that in the space of logits a good step is nearly a sum. The update of our probabilities is multiplicative, $p \leftarrow \operatorname{softmax}(\log p + \Delta)$, which is the same sum; what differs is what the refiner *reads*. Near 0 and 1 a probability hardly moves while its logit does, and a learner that reads it cannot tell how sure it is. The latent contains logits as a linear image and can keep more, at the price of eight times as many numbers.

# %% tags=["hide-input", "nbval-check-output"]
caption = (
    "What an implicit model refines: error on new tasks of MNIST, on which all were trained, and of Fashion-MNIST."
)
contrast_table(asked["state"], (1, 10, 20), caption, "tab-abl-state")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-state", "caption": "Error of implicit models by the space of their state. Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of error against 0 to 20 steps, MNIST and Fashion-MNIST, each with lines for logits, latent and softmax states."}}
draw(asked["state"])

# %% tags=["remove-input", "nbval-check-output"]
readings = [
    conclusion(
        asked["state"][0].ratio("latent"),
        "The latent keeps more than a prediction, and makes use of it.",
        "More room than a prediction needs was of no use at this budget.",
        "Eight times as many numbers make no difference that shows on MNIST.",
    ),
    conclusion(
        asked["state"][0].ratio("softmax"),
        "Probabilities are ahead of logits, which the argument about saturation does not explain.",
        "Probabilities are behind logits: near 0 and 1 they hide how confident the state is.",
        "Whether the refiner reads probabilities or their logarithms makes no difference that shows on MNIST.",
    ),
]
notebook.Markdown(
    f"{sentences(asked['state'])}\n\n"
    + " ".join(dict.fromkeys(map(str, readings)))
    + f" The order logits < latent < softmax, with both neighbours apart by their intervals: {ordered}. Chapter {{ref}}`ch-claims` has the same claim at one step, too."
)

# %% [markdown]
# (sec-abl-theta)=
# ### How the parameters enter
#
# A softmax layer over 64 features and ten classes has 650 parameters. The paper does not say how such a $\theta$ enters a Transformer; its reviewers asked. One token a class makes a step equivariant: relabel the classes, and slots are permuted alike. With one token for everything this must be learned for each of $10!$ orders. And there is a bottleneck which no training removes: the change of $\theta$ is a linear map of a single token, so within a step all changes lie in a fixed subspace of as many dimensions as the token is wide, 96 of 650. (These rows start from the parametric data row of images.)
#
# In regression $\theta$ is one row of eleven numbers, which fit into one token. With one token a coordinate no token has to carry all of $\theta$; but a step then has more tokens.

# %% tags=["remove-input", "nbval-check-output"]
one, many = (experiment(key, shown_profile) for key in asked["theta"][1].rows.values())
cheap, dear = (cost_of_update(build(made, seed), made.objective) for made in (one, many))
notebook.Markdown(
    f"At `{shown_profile}` one token a coordinate takes {dear.tokens / cheap.tokens:.1f} times the tokens of an update and {dear.flops / cheap.flops:.1f} times its operations, for as many updates."
)

# %% tags=["hide-input", "nbval-check-output"]
caption = "Parametric models by how the parameters enter: error on MNIST tasks, raw MSE of regression."
contrast_table(asked["theta"], (1, 10, 20), caption, "tab-abl-theta")

# %% tags=["remove-input", "nbval-check-output"]
readings = [
    conclusion(
        asked["theta"][0].ratio("one token"),
        "On MNIST one token is better. We had expected the opposite, and have no explanation that we tested.",
        "On MNIST one token is worse, as expected. Which of the two reasons counts, symmetry or the bottleneck, this comparison does not separate.",
        "On MNIST neither reason is strong enough to show here.",
    ),
    conclusion(
        asked["theta"][1].ratio("per coordinate"),
        "In regression a token a coordinate is better per update; it is not compared at equal cost.",
        "In regression a token a coordinate is worse, at a higher cost.",
        "In regression a token a coordinate makes no difference that shows, at a higher cost.",
    ),
]
notebook.Markdown(f"{sentences(asked['theta'])}\n\n" + " ".join(dict.fromkeys(map(str, readings))))

# %% [markdown]
# (sec-abl-update)=
# ### A change, or a new value
#
# Does $h_\varphi$ say what to *add* to the state, or what the state should *be*? We do not know which the paper's does. A change has the better start: with a last layer of zeros the step is the identity, and late steps are small. A network that must write the whole state out again has to copy what it keeps through its layers, and the error of copying stays when there is nothing left to learn. So the difference should grow with steps.

# %% tags=["hide-input", "nbval-check-output"]
caption = "What a step writes: raw MSE of the parametric row."
contrast_table(asked["update"], (1, 10, 20), caption, "tab-abl-update")

# %% tags=["remove-input", "nbval-check-output"]
early, late = (replace(asked["update"][0], at=k, beyond=k > 10).ratio("new value") for k in (1, 20))
notebook.Markdown(
    f"{sentences(asked['update'])}\n\nDoes the difference grow with steps? The ratio of a new value to a change is {in_words(early)} after the first step and {in_words(late)} after twenty."
)

# %% [markdown]
# ## What it is shown
#
# (sec-abl-dimension)=
# ### Gradients, data or both, by dimension
#
# The paper is reported to find that data beat gradients at low dimension and that gradients are needed at high dimension [S]. In chapter {ref}`ch-linear-regression` the dimension was fixed. Here it is 2, 8, 32 and 128, with 4, 8, 16 and 64 points a step. These models have one token for each coordinate of $\theta$, width 64 (96 at $d = 128$), and fewer tasks an update where they cost more.
#
# {ref}`sec-worth` computed what the best multiple of one gradient removes: a share of about $B / (B + D + 1)$ of the error, against $B / D$ for a learner that inverts the moments of the batch, as the points allow. Information is therefore always on the side of data. But a gradient arrives as one number for each token of $\theta$, while a network that reads pairs has to carry inputs of 128 numbers in tokens of 96, and to combine them. So information says data and capacity says gradients, and capacity should decide at the high end. It does not end there: after ten steps gradients are below data at $d = 8$ as well, where a token has room for all inputs. A likely reason is the layout of $\theta$: at $d = 10$ the same model that sees data has {val}`theta/linear-regression/data-coordinate:linear-regression:mse:10` with one token a coordinate and {val}`table2/linear-regression/data:linear-regression:mse:10` with all of $\theta$ in one token ({numref}`tab-abl-theta`). At $d = 8$ itself the other layout has not been run.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Raw MSE of linear regression by dimension and signal, with tuned SGD and the two oracles."
contrast_table(asked["dimension"], (1, 10, 20), caption, "tab-abl-dimension", ".3g")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-dimension", "caption": "Raw MSE over its value for predicting zero, by dimension, after one step and after ten. Bars are 95 % intervals over seeds."}, "image": {"alt": "Two panels against the dimension, 2, 8, 32 and 128, after one step and after ten steps: lines for data, gradients and both, and grey lines for the memoryless bound and ridge."}}
figure, axes = plots.panels(columns=2, width=7.6, height=3.0)
energy = {d: experiment(f"dimension/{d}/data", shown_profile).task.y_scale ** 2 for d in DIMENSIONS}
for ax, k in zip(axes, (1, 10)):
    shares = {
        label: {d: scaled(one.result(label, k), 1 / energy[d]) for d, one in zip(DIMENSIONS, asked["dimension"])}
        for label in (*KINDS, "memoryless", "ridge")
    }
    error_bars(ax, shares, ("dimension", "raw MSE / E[y²]"), grey=("memoryless", "ridge"))
    ax.set_title(f"after {k} step{'s' * (k > 1)}")
    if ax.get_legend():
        ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)

# %% tags=["remove-input", "nbval-check-output"]
notebook.Markdown(
    f"{sentences(asked['dimension'])}\n\nThe claim asks for gradients *higher* than data at the low end and *lower* at the high end. At $d = 2$ they are {in_words(low)}; at $d = 128$ {in_words(high)}."
)

# %% [markdown]
# Tuned SGD, which has nothing to learn but one rate and keeps $\theta$ in full, says how much of an error at the high end is the task's and how much is that of our training and of our tokens.
#
# (sec-abl-mask)=
# ### Which observations see which
#
# Under a causal mask token $j$ sees the observations up to $j$, and a training step learns from all context sizes up to the mini-batch at once; under a full one every observation sees all, at one size. The paper compares the two in its appendix F.1: causal masks train all sizes in parallel, full ones are more expressive, with noisier gradients [S]. The causal model so should be better at contexts *smaller* than the mini-batch of training, which the full one has never seen, and the full one at the size that it was trained on. The rival that a causal mask really has is a full one that trains on a random size an update: it has seen all sizes as well, one at a time.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Masks after whole mini-batches: raw MSE (regression) and error (MNIST). *Random size* is a full mask, trained on mini-batches of random sizes."
contrast_table(asked["mask"], (1, 10, 20), caption, "tab-abl-mask")

# %% tags=["hide-input", "nbval-check-output"]
by_points = {title: {label: {} for label in MASKS} for title, _ in MASKED.values()}  # of a single mini-batch
rows = {}
for family, (title, where) in MASKED.items():
    sizes = experiment(f"mask/{family}/full", shown_profile).evaluation.contexts
    for label, mask in MASKS.items():
        named = f"mask/{family}/{mask}", shown_profile, *f"{where}_by_points".split(":")
        by_points[title][label] = {m: records.summary(*named, m) for m in sizes}
    for m in dict.fromkeys(sizes[round(q * (len(sizes) - 1))] for q in (0.0, 0.25, 0.5, 1.0)):
        full, causal, mixed = (found[m] for found in by_points[title].values())
        ratios = [in_words(compared(causal, one)) for one in (full, mixed)]
        rows[f"{title}, {m} of {sizes[-1]} points"] = (full, causal, mixed, *ratios)
header = ("", *MASKS, "causal over full", "causal over random size")
caption = "After a single mini-batch that has fewer points than those of training."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-abl-sizes", ".3f")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-mask", "caption": "After one step, by the number of observations in it; the largest is the size of training. Bars are 95 % intervals over seeds. The dashed line is what full Bayes leaves on average over all tasks, derived in the limit of large dimension. The tasks that are judged are a sample, which bars over seeds do not show, so that points may lie a little below it."}, "image": {"alt": "Two panels against the number of points in the first mini-batch, raw MSE of regression and error on MNIST, each with a line for the full mask, the causal mask and the full mask trained on random sizes."}}
_, axes = plots.panels(columns=2, width=7.6, height=2.9)
for ax, (family, (title, where)) in zip(axes, MASKED.items()):
    one = experiment(f"mask/{family}/full", shown_profile)
    sizes, squares = one.evaluation.contexts, where == MSE
    if squares:
        d, noise = one.task.theta_shape[1], one.task.noise_variance
        bound = [d * ridge_variance(1.0, d, m, noise) + noise for m in sizes]
        ax.plot(sizes, bound, "--", color=plots.INK, label="full Bayes (derived)")
    error_bars(ax, by_points[title], ("points in the step", "raw MSE" if squares else "error"), logarithmic=squares)
    ticks = [sizes[i] for i in (0, len(sizes) // 2, -1)]
    ax.set_xticks(ticks, list(map(str, ticks)))
    ax.legend(fontsize=8)
    ax.set_title(title)

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["mask"])

# %% [markdown]
# (sec-abl-history)=
# ### What came before
#
# A step sees the present state alone. With a history window it also reads the last two states, and the gradients at them; the paper reports that this barely helps [N], which we take as **equal**. There is something to gain in principle. {ref}`sec-memoryless` found that a state without covariance loses accuracy, and {ref}`sec-beyond` that a learner without a counter cannot know when to take smaller steps; the distance between the last two states says something about both. Rows start from two other parametric rows: both signals in regression, gradients on images.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Parametric models with and without a window of two past states and their gradients."
contrast_table(asked["history"], (1, 10, 20), caption, "tab-abl-history")

# %% tags=["remove-input", "nbval-check-output"]
sentences(asked["history"])

# %% [markdown]
# ## How long, and how much
#
# (sec-abl-steps)=
# ### Steps in training, steps at test
#
# What does a model that was trained on one, two or five steps do with twenty? A step of training shows what to do in the states of that step, and no state further on has ever been seen. So a row should be good up to its own horizon, and what happens after that is luck: {ref}`sec-beyond` says to expect a plateau, approached from above, so that a model that was trained on few steps may still fall for a while; a rise needs a systematic error of the network. A longer horizon has a price, too: the same updates are spread over more kinds of states, so early steps could suffer.
#
# Models trained on twenty steps came last. We wrote before they ran, trials included: on both families, after twenty steps they are lower than the models trained on ten; after ten steps they are not lower; after the first step they are higher.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Rows: steps in training. Columns: steps at test; raw MSE (regression) and error (MNIST)."
contrast_table(asked["steps"], (1, 5, 10, 20), caption, "tab-abl-steps")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-steps", "caption": "Models trained on 1 to 20 steps, applied to 0 to 20. Shaded: beyond a training on ten. Bands are 95 % intervals over seeds; the grey line joins the steps at which the memoryless learner was asked."}, "image": {"alt": "Two panels, raw MSE of linear regression and error on MNIST, against 0 to 20 steps; a line for each number of steps in training."}}
draw(asked["steps"], height=2.9)

# %% tags=["remove-input", "nbval-check-output"]
said = [str(sentences(asked["steps"]))]
for one in asked["steps"]:
    longer = "; ".join(f"after {k}, {in_words(replace(one, at=k).ratio('on 20'))}" for k in (1, 10, 20))
    kept = "; ".join(
        f"{label}, {in_words(compared(one.result(label, 20), one.result(label, steps), limit=None, beyond=True))}"
        for label, key in one.rows.items()
        if (steps := experiment(key, shown_profile).objective.steps) < 20
    )
    said += [
        f"*{one.title}.* The model trained on twenty steps against the one trained on ten: {longer}. "
        f"The price of ten steps, at the first: the model trained on one step alone is, against it, {in_words(replace(one, at=1).ratio('on 1'))}. "
        f"A plateau or a rise, after twenty steps against the same model at its own horizon: {kept}."
    ]
notebook.Markdown("\n\n".join(said))

# %% [markdown]
# (sec-abl-split)=
# ### The same data in fewer, larger mini-batches
#
# A hundred observations can come as one mini-batch, or as twenty of five. Chapter {ref}`ch-cost` has what this does to the bill. What it does to the answer has a bound: a memoryless learner forgets all but the mean, so every cut costs accuracy. Iterating $v \leftarrow$ {func}`iai.study.analysis.theory.ridge_variance` with $B = 100/k$ points gives the line in {numref}`fig-abl-split`; a learner that can use memory is not held to it. On the other side, a step over fewer points is an easier function, and one that is learned for all its uses at once.
# Splits see about as many tokens in training as the row (ten steps of ten). The model of one mini-batch is the one of chapter {ref}`ch-baselines` that reads all observations in one context. For images the question has rows with 16, 32 and 64 images a step, which are compared at 128 images in all: within the horizon of each, but trained on unequal numbers of tokens.

# %% tags=["hide-input", "nbval-check-output"]
caption = "The same amount of data as steps × points: raw MSE (regression) and error (MNIST) after all of it. Rows of a family are judged on different draws of tasks: ± does not cover that, intervals of ratios do."
contrast_table(asked["split"], (), caption, "tab-abl-split")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-split", "caption": "Left: linear regression, 100 points in so many mini-batches; the dashed line is the memoryless bound (derived), which for one mini-batch is full Bayes. Right: 128 images in so many. Bars are 95 % intervals over seeds."}, "image": {"alt": "Two panels against the number of mini-batches: raw MSE for 1, 5, 10 and 20 mini-batches with a dashed line that rises from left to right, and error on MNIST for 2, 4 and 8."}}
_, axes = plots.panels(columns=2, width=7.6, height=2.7)
batches = [{int(row.split(" ×")[0]): row for row in one.rows} for one in asked["split"]]
for ax, one, known, label in zip(axes, asked["split"], batches, ("raw MSE", "error")):
    found = {k: one.result(known[k]) for k in sorted(known)}
    error_bars(ax, {"learned": found}, ("mini-batches", label), logarithmic=label == "raw MSE")
    ax.set_title(one.title)
task, bound = experiment(REGRESSION, shown_profile).task, {}
for k in sorted(batches[0]):
    variance = 1.0
    for _ in range(k):
        variance = ridge_variance(variance, task.theta_shape[1], 100 // k, task.noise_variance)
    bound[k] = task.theta_shape[1] * variance + task.noise_variance
axes[0].plot(list(bound), list(bound.values()), "--", color=plots.INK, label="memoryless (derived)")
_ = axes[0].legend(fontsize=8)

# %% tags=["remove-input", "nbval-check-output"]
lines = [
    f"{batches[0][k]} {in_words(compared(asked['split'][0].result(batches[0][k]), exact(limit), limit=None))}"
    for k, limit in bound.items()
]
notebook.Markdown(
    f"{sentences(asked['split'])}\n\nIn regression, each split against its memoryless line: {'; '.join(lines)}. (The line is an average over tasks, and these are a sample of them, which the intervals include.)"
)

# %% [markdown]
# ## How large, and how many tasks
#
# (sec-abl-size)=
# ### Width
#
# The paper has one architecture, and reviewers asked for more. Widths below have the updates of their row, so a larger network also costs more. {ref}`sec-train-width` asks whether one learning rate fits all widths.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Widths of the refiner: raw MSE of the parametric row."
contrast_table(asked["size"], (1, 10, 20), caption, "tab-abl-size")

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
# A count says where to look. A training that draws $N$ tasks visits a law $N/n$ times on average, and leaves a share of about $e^{-N/n}$ of them unseen. With $n \ll N$ laws can be told by heart; with $n \gg N$ almost every visit is a first one, and training cannot differ much from one on fresh laws.

# %% tags=["remove-input", "nbval-check-output"]
trained, drawn = experiment(IMAGES, shown_profile), 0.0
pool, updates = trained.objective, trained.train.updates
for i in range(updates):
    k = pool.horizon(i / updates)  # a cohort an update, and those of a filling of the pool now and then
    drawn += pool.tasks / k * (1 + (k - 1) / (pool.passes_per_fill * k))
notebook.Markdown(
    f"At `{shown_profile}` a training of {updates} updates draws about $N = {drawn:,.0f}$ tasks: it visits each of {LAWS[0]} laws some {drawn / LAWS[0]:,.0f} times, and each of {LAWS[-1]:,} laws {drawn / LAWS[-1]:.1f} times on average."
)

# %% tags=["hide-input", "nbval-check-output"]
caption = "Implicit models trained on a finite number of laws: error on new laws."
contrast_table(asked["laws"], (1, 10, 20), caption, "tab-abl-laws")

# %% tags=["hide-input", "nbval-check-output"]
seen = {
    label: {k: records.summary(key, shown_profile, "seen-laws", "error", k) for k in (1, 10)}
    for label, key in POOLS.items()
}
gap = {
    label: {k: compared(one, asked["laws"][0].result(label, k), limit=None) for k, one in found.items()}
    for label, found in seen.items()
}
rows = {
    label: tuple(cell for k in (1, 10) for cell in (found[k], in_words(gap[label][k]))) for label, found in seen.items()
}
header = ("", "1 step", "against new laws", "10 steps", "against new laws")
caption = "Error on the laws that training draws from, with test images, and its ratio to the error on new laws."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-abl-seen", ".3f")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-laws", "caption": "Error after one step and after ten by the number of laws in training: on laws from that pool, on new laws, and on new laws of Fashion-MNIST. The dotted line is the number of tasks that a training draws. Bars are 95 % intervals over seeds; the grey line is the row with fresh laws, on new laws."}, "image": {"alt": "Two panels of error against the number of laws, 16, 256 and 4,096, after one and ten steps: lines for laws of the pool, new laws, and new laws of Fashion-MNIST; a horizontal line for fresh laws and a vertical dotted line."}}
_, axes = plots.panels(columns=2, width=7.6, height=2.9)
new, other = asked["laws"]
for ax, k in zip(axes, (1, 10)):
    series = {
        "laws of the pool": {n: seen[label][k] for n, label in zip(LAWS, POOLS)},
        "new laws": {n: new.result(label, k) for n, label in zip(LAWS, POOLS)},
        "new laws, Fashion-MNIST": {n: other.result(label, k) for n, label in zip(LAWS, POOLS)},
        "fresh laws": dict.fromkeys(LAWS, new.result("fresh laws", k)),
    }
    error_bars(ax, series, ("laws in training", "error"), grey=("fresh laws",), logarithmic=False)
    ax.axvline(drawn, color=plots.INK, linestyle=":", linewidth=1.2)
    ax.legend(fontsize=8)
    ax.set_title(f"after {k} step{'s' * (k > 1)}")

# %% tags=["remove-input", "nbval-check-output"]
few, *_, most = POOLS
readings = (
    conclusion(
        gap[few][10],
        f"With {few} the model is better on those than on new ones: laws were learned by heart.",
        f"With {few} the model is *worse* on those than on new ones, for which we have no explanation.",
        f"With {few} the model is not told apart on those and on new ones.",
    ),
    conclusion(
        new.ratio(few),
        f"On new laws {few} are *better* than fresh ones.",
        f"On new laws {few} are worse than fresh ones.",
        f"On new laws {few} and fresh ones are not told apart.",
    ),
    conclusion(
        new.ratio(most),
        f"{most} come out below fresh ones, for which we have no explanation.",
        f"{most} are still too few to train as fresh ones do.",
        f"{most} and fresh ones are not told apart.",
    ),
)
notebook.Markdown(f"{sentences(asked['laws'])}\n\n" + " ".join(dict.fromkeys(map(str, readings))))

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
# Windows 1 and 5 share their roll-outs and differ in the window alone; the row learns by eq. 9 as well, from tasks in flight. So the row against window 1 compares two ways of sampling the same objective, and window 5 against window 1 is the price of greed.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Windows of backpropagation through time, raw MSE; a window of one is eq. 9."
contrast_table(asked["unrolled"], (1, 10, 20), caption, "tab-abl-unrolled")

# %% tags=["remove-input", "nbval-check-output"]
reading = conclusion(
    asked["unrolled"][0].ratio("window 5"),
    "Looking ahead pays, so greed had a price.",
    "Looking ahead hurts at this budget.",
    "Five steps of foresight make no difference that shows.",
)
notebook.Markdown(f"{sentences(asked['unrolled'])}\n\n{reading}")

# %% [markdown]
# ## In front of you
#
# The parameter `habit` names any ablation of the implicit row on MNIST. Its model and the row are trained now, at the chapter's profile, and asked about the same new tasks: by default, sixteen laws against fresh ones. Training takes a few seconds and images are those of the package, so expect a direction and no more.

# %%
models = {"row": IMAGES, habit: habit}
live = {label: chapter.train(key)[0] for label, key in models.items()}
changed = experiment(habit, profile)
judged = replace(changed.evaluation, tasks=64)
found = {
    label: {name: evaluate(model, task, judged)["error"]["mean"] for name, task in changed.evaluation_sets.items()}
    for label, model in live.items()
}
# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-abl-live", "caption": "The row and the ablation, trained while this page was made: error on the first two sets of tasks. Shaded: steps beyond training."}, "image": {"alt": "Two panels, one a set of tasks, of error against 0 to 20 steps, with a line for the row and one for the model with the changed setting."}}
_, axes = plots.panels(columns=2, width=7.0, height=2.7)
for ax, name in zip(axes, changed.evaluation_sets):
    lines = {label: (range(21), curves[name]) for label, curves in found.items()}
    plots.lines(ax, lines, labels=("steps k", "error"))
    ax.axvspan(changed.objective.steps, 20, color=plots.INK, alpha=0.08, linewidth=0)
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
# ````{exercise} How many laws have been seen?
# :label: ex-abl-seen
#
# A training draws $N$ tasks from a pool of $n$ laws. Show that the expected share of laws never drawn is $(1 - 1/n)^N$, and compute the share of a test on the pool that falls on laws which *were* drawn, for $N = 5000$ and $n = 256$ and 4096. When is the error on "laws of the pool" a mixture?
# ````
#
# ````{solution} ex-abl-seen
# :class: dropdown
#
# A draw misses a given law with probability $1 - 1/n$, and draws are independent; the expectation of a share is that probability. The rest is 1 to eight digits at $n = 256$, and $1 - (1 - 1/4096)^{5000} = 0.705$ at $n = 4096$. A test on the pool draws its laws from all $n$, so at $n = 4096$ it is 30 % a test on new laws, whatever the model has in its memory.
# ````
#
# ````{exercise} A change of your own
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
# base = experiment(BASES["mnist"], "smoke")
# changed = replace(base, refiner=replace(base.refiner, heads=2))
# model, _ = fit(changed, seed=0)
# evaluate(model, base.evaluation_sets["mnist"], base.evaluation)["error"]["mean"]
# ```
# One seed of each says little: train three of both, form ratios seed by seed, and look at the interval of their logarithm; then try other learning rates for the variant. A key of its own in {mod}`iai.study.registry.ablations` makes `reproduce` do the first part.
# ````
#
# ## What we found, and what we did not
#
# *What was found* is in the box and the figure at the top, and in the sentences under each table; they are computed from the records. Small contexts and laws of the pool come on top of the count: {numref}`tab-abl-sizes` and {numref}`tab-abl-seen` have them.
#
# *What the comparisons are not.* Each is made at one size and one budget. Settings are changed one at a time, so nothing is said of two together. Three seeds show large effects only. A ratio after ten steps is one number of a curve, and where a curve turns after ten steps the number hides it.
#
# *What was dropped.* An earlier plan had more ablations. They were not trained again, so that the plan of `small` can be run on a laptop ({numref}`tab-claims-effort` has what it took so far). Queries and keys that start apart are now the lever `apart` of {ref}`sec-train-levers`, and the other starts of {ref}`sec-token-scale` have no trained model. Not renewed are depth, and width on images; training on data that repeat (chapter {ref}`ch-images` has a model that reads the same images twice); steps in training, new values and windows on images; masks on features and mixtures; and finer grids of splits, windows and pools of laws.
#
# *What we did not test*: explicit models, which share most settings with parametric ones; state spaces of regression; windows longer than five steps. The paper's models are larger.
