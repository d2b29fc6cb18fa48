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
# (ch-baselines)=
# # Learned and classical baselines
#
# *Cost: about a minute on one core at `smoke`; trains one small learner live, and times all others. Tables and figures show committed records of profile `small` (three or six seeds, most of them under three minutes each on one core). Every comparison of results, in prose as in tables, is computed from those records.*
#
# So far a learner that iterates has been compared with its own 1-step model, which as far as we know is also the only baseline of {cite:t}`mittal2025iterative`, and with a handful of classical learners. This chapter adds learned baselines of the literature and puts all learners on *the same tasks, the same mini-batches and the same queries*, each through one call, `learner(batches, x)`.
# They are compared after one, five and ten mini-batches, and the question of who wins is asked three times: at equal data, at no more training, and at no more work for a new task.

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
from collections import Counter

from iai.baselines import classical
from iai.baselines.classical import MANY_PASSES_GRID, PENALTIES, RATES
from iai.experiment import build
from iai.study.analysis.contrasts import best, leaders, leaders_in_words
from iai.study.analysis.gate import compared
from iai.study.analysis.leaderboard import Leaderboard
from iai.study.analysis.trials import trials
from iai.study.book import notebook, plots
from iai.study.book.comparisons import WORDS, outcome
from iai.study.ledger import records
from iai.study.registry import experiment
from iai.study.registry.baselines import COMPETE, TRIED
from iai.study.registry.families import GENERATED
from iai.study.registry.trials import taken

chapter = notebook.setup(globals())
STEPS, KINDS = (1, 5, 10), ("iterative", "learned", "classical", "oracle")
STEPPING, CONTEXTS = ("MAML", "learned optimizer"), ("one context", "one context, longer")
FAMILIES = {"linear-regression": "regression", "mnist": "images", "features": "features"}
TITLES = {
    "linear-regression": "linear regression",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "held-out": "held-out classes",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
}
boards = {family: Leaderboard(family=family, profile=shown_profile) for family in FAMILIES}
spec = {family: ".3g" if board.metric == "mse" else ".1%" for family, board in boards.items()}
sets = {family: experiment(key, shown_profile).evaluation_sets for family, key in COMPETE.items()}
family_of = {name: family for family, names in sets.items() for name in names}
lines = [(name, k) for name in family_of for k in STEPS]


def side(name: str, k: int, first: str, second: str, limit: float | None = None) -> str:
    """Whether the first has less error than the second: below, above, level, or why neither is decided.

    With a `limit`, a doubled budget has to agree on which side of it their ratio lies.
    """
    board = boards[family_of[name]]
    if not {first, second} <= board.rows().keys():
        return "–"
    found = outcome(compared(*(board.score(label, name, k) for label in (first, second)), limit=limit))
    return {"lower": "below", "higher": "above", "equal": "level"}.get(found, found)


def draw(name: str) -> None:
    """Two panels: ours and those that step on the left, ours and those that read a set on the right."""
    board = boards[family_of[name]]
    every, horizon = board.rows(*KINDS), experiment(COMPETE[board.family], shown_profile).objective.steps
    sides = {"step by step": STEPPING, "one shot": ("attentive CNP", "one context")}
    greys = (
        ("SGD", "Adam", "Adam, ten passes", "memoryless bound"),
        ("L-BFGS", "5 nearest neighbours", "logistic regression", "nearest class mean", "ridge, noise known"),
    )
    _, axes = plots.panels(columns=2, width=7.6, height=4.3)
    for ax, (title, ours), theirs in zip(axes, sides.items(), greys):
        coloured, dashed = ({one: every[one] for one in some if one in every} for some in (ours, theirs))
        plots.curves(
            ax,
            chapter.curves(board.selected_rows() | coloured, name, board.metric),
            label=WORDS[board.metric],
            baselines=chapter.curves(dashed, name, board.metric),
            horizon=horizon,
            logarithmic=board.metric == "mse",
        )
        ax.set_title(f"{TITLES[name]}: {title}")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=8)


# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("baseline/*", "choice/baseline/*")

# %% tags=["remove-input", "nbval-check-output"]
own = {
    family: next(one for one, key in board.rows().items() if key == COMPETE[family]) for family, board in boards.items()
}
won = {(name, k): leaders(boards[family_of[name]].scores(name, k)) for name, k in lines}
reference, rivals = (
    {(name, k): best(boards[family_of[name]].scores(name, k, kind), skip_missing=True) for name, k in lines}
    for kind in KINDS[:2]
)
groups = {name: boards[family].groups for name, family in family_of.items()}
kinds = Counter(
    tuple(kind for kind in KINDS[:3] if groups[name][kind].keys() & {*first}) for (name, _), first in won.items()
)
duels = [
    side(*line, reference[line], rivals[line]) if reference[line] and rivals[line] else "pending" for line in lines
]
beside_sgd = {(*line, label): side(*line, label, "SGD") for line in lines for label in STEPPING}
versus = {(*line, one): side(*line, own[family_of[line[0]]], one, limit=1.0) for line in lines for one in CONTEXTS}
against = {"the best learned baseline": duels} | {
    one: [found for (*_, label), found in versus.items() if label == one] for one in CONTEXTS
}
said = {
    label: ", ".join(f"{word} in {n}" for word, n in Counter(found).most_common() if word != "–")
    for label, found in (
        against
        | {label: [found for (*_, one), found in beside_sgd.items() if one == label] for label in STEPPING}
        | {"gradients": [side(*line, "learned optimizer", "parametric, gradients") for line in lines]}
    ).items()
}
waiting = sum(
    not isinstance(score, notebook.Summary)
    for name, family in family_of.items()
    for score in boards[family].scores(name, 10, "learned").values()
)
notebook.Markdown(
    ":::{admonition} In short\n"
    f"- **Who leads.** Of {len(lines)} lines of {{numref}}`tab-base-winners`, {len(family_of)} evaluation sets after 1, 5 and 10 mini-batches, iterative models lead {kinds['iterative',]}, learned baselines {kinds['learned',]} and classical learners {kinds['classical',]}; in {sum(n for some, n in kinds.items() if len(some) > 1)} learners of two or three kinds are level.\n"
    f"- **Iteration against other learned learners.** The error of the best iterative row and that of the best learned baseline, one context included, at this budget: {said['the best learned baseline']} lines. Learned baselines that step, against tuned SGD: "
    + "; ".join(f"{label}, {said[label]}" for label in STEPPING)
    + ".\n"
    f"- **One signal, two learners.** The learned optimizer reads gradients alone, as the parametric row of gradients does, but keeps a memory and learns through all its steps. Beside that row its error is {said['gradients']} lines.\n"
    "- **All at once.** The error of many steps: "
    + "; ".join(f"against {one}, {said[one]}" for one in CONTEXTS)
    + " lines.\n"
    + f"- **Not here yet.** {waiting} errors of learned baselines after ten mini-batches are pending.\n" * bool(waiting)
    + ":::"
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-work", "caption": "Error after ten mini-batches against the operations that a new task takes, for all learners whose operations are counted. Lower left is better. Named are those that no other learner beats in both: none has less error for at most the work."}, "image": {"alt": "Panels of error against operations a task on a logarithmic axis: linear regression, Fashion-MNIST and CIFAR-10. Every learner is a point, its kind a colour; the learners on the lower left border are named."}}
pictured = [name for name in ("linear-regression", "fashion-mnist", "cifar10") if name in family_of]
figure, axes = plots.panels(columns=len(pictured), width=2.9 * len(pictured), height=3.6)
for ax, name in zip(axes, pictured):
    board, where = boards[family_of[name]], {}
    dots = {kind: ([], []) for kind in KINDS[:3]}
    for kind, places in dots.items():
        for label, found in board.scores(name, 10, kind).items():
            work = board.operations(label, "adapting")
            if isinstance(found, notebook.Summary) and work == work:
                where[label] = (work, found.mean)
                for place, value in zip(places, where[label]):
                    place.append(value)
    plots.scatter(ax, dots, labels=("operations a task", WORDS[board.metric]))
    front = [a for a, (work, error) in where.items() if not any(w <= work and e < error for w, e in where.values())]
    for i, label in enumerate(sorted(front, key=where.get)):
        at = (3, 4 if i % 2 else -9)
        ax.annotate(label, where[label], xytext=at, textcoords="offset points", fontsize=7)
    plots.log_scale(ax, "x")
    if board.metric == "mse":
        plots.log_scale(ax, "y")
    ax.margins(y=0.12)  # room for the names below the lowest points
    ax.set_title(TITLES[name])
    if where:
        ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

# %% [markdown]
# ## Who competes
#
# {numref}`tab-base-who` says what each learner is in the terms of chapter {ref}`ch-one-formula`. Where a family has a known likelihood, $y = \theta^\top \tilde x$ or a softmax of it, learners that can use it get it as $f$, and only $g$ differs. The attentive CNP learns both, and so do the explicit and the implicit models.

# %% tags=["hide-input"]
what = {
    "parametric": ("known likelihood", "Transformer steps on θ", "the steps, the start"),
    "explicit": ("learned", "Transformer steps on a code", "the steps, the start, f"),
    "implicit": ("reads its slot", "Transformer steps on predictions", "the steps, the start"),
    "MAML": ("known likelihood", "SGD, a step a mini-batch", "the start and one rate"),
    "learned optimizer": ("known likelihood", "LSTM steps on each number of θ", "the LSTM, the start"),
    "attentive CNP": ("a network of x and a code", "codes, read by attention from x", "both"),
    "one context": ("as its row", "one Transformer step on all data", "the step, the start"),
    "SGD, Adam": ("known likelihood", "a step a mini-batch", "nothing; a rate is tuned"),
    "Adam, ten passes": ("known likelihood", "ten passes over all mini-batches", "nothing; a rate is tuned"),
    "L-BFGS": ("known likelihood", "the best fit of all data", "nothing; one penalty is tuned"),
    "5 nearest neighbours": ("votes of the nearest", "the data themselves", "nothing"),
    "logistic regression": ("softmax", "the best fit of all data", "nothing; one penalty is tuned"),
    "nearest class mean": ("the nearest mean", "means of the classes", "nothing"),
    "no inputs": ("ignores x", "mean, or most frequent label", "nothing"),
    "ridge, noise known": ("known likelihood", "the posterior mean", "nothing; told prior and noise"),
    "memoryless bound": ("known likelihood", "ridge around θ, batch by batch", "nothing; told prior and noise"),
}
grid = notebook.Grid(header=("learner", "f", "g", "learned, tuned, told"), rows=what)
caption = "Who competes. The last two are told prior and noise, and are out of competition."
notebook.table(grid, caption, "tab-base-who", source=" ")

# %% [markdown]
# Where papers leave room, this is how we filled it; {mod}`iai.baselines.learned` has the code, and tests hold each learner to its paper's equation.
#
# *MAML* {cite:p}`finn2017maml` is the second-order one, through all steps. Its rate is learned, one number for all of $\theta$ and all steps. Meta-SGD {cite:p}`li2017metasgd` learns one for each number of $\theta$; on tasks that look the same from all directions these would all be equal, so we left it at one.
#
# *The learned optimizer* is the LSTM of {cite:t}`andrychowicz2016learning`, coordinate by coordinate, with their preprocessing of gradients. Unlike theirs it is trained on the loss of *held-out* queries, and its start is learned, as that of MAML is.
#
# *The attentive CNP* {cite:p}`kim2019attentive` is the deterministic path of its paper: queries attend to observations. Its keys and queries are normalised, which is ours.
#
# *One context* is the 1-step model of a row, trained with the observations of *all* its mini-batches in one context: in-context learning as it is mostly done. "Longer" is the same with twice the tokens in training.
#
# *L-BFGS* {cite:p}`liu1989limited` fits $\theta$ to all observations seen, to convergence, with a penalty on $\lvert\theta\rvert^2$. For squared errors this is ridge regression with a tuned penalty.
#
# MAML and the attentive CNP are trained on eq. 6, the loss after $k$ mini-batches with $k$ random, and the learned optimizer on its mean over all steps; all of them on new tasks of the law that trains the rows.
#
# *Dropped*: Reptile {cite:p}`nichol2018reptile`, the CNP without attention {cite:p}`garnelo2018cnp` and a hypernetwork {cite:p}`ha2017hypernetworks`. In older runs, with older rates and, for the CNP, an older model (their records are in the history of the repository, last at commit f76aa41), they had not beaten tuned SGD after ten mini-batches, nor class means on features, at these budgets; an honest comparison would need those of their own papers. The attentive CNP and the learned optimizer are not trained on features: after five and after ten mini-batches they had not beaten class means there. That is evidence of the same age, and they might do better now.
#
# ### What training takes

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for label in boards["linear-regression"].rows("iterative", "learned"):
    weights, work = [], []
    for board in boards.values():
        key = board.rows().get(label)
        model = build(experiment(key, shown_profile)) if key else None
        weights.append(sum(weight.numel() for weight in model.parameters()) / 1e3 if model else "–")
        work.append(board.operations(label, "training") / 1e12 if key else "–")
    rows[label] = (*weights, *work)
header = ("", *(f"{what}, {name}" for what in ("thousand weights", "TFLOP") for name in FAMILIES.values()))
caption = "Weights that are trained, and floating-point operations of all updates. A dash: not trained on the family."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-base-training", ",.3g", source=" ")

# %% tags=["remove-input", "nbval-check-output"]
one, other = (
    notebook.show(records.fact(boards["linear-regression"].rows()[label], shown_profile, "seconds"), ".3g")
    for label in ("MAML", "parametric, data")
)
notebook.Markdown(
    f"Operations say little about time. Seconds of training on regression: {one} for MAML, which has the numbers of its start and one rate to learn, and {other} for the parametric row that sees data. What differentiates through steps launches many small operators. "
    "An operation is counted as {func}`iai.study.measure.cost.cost_of_update` counts: for refiners by the usual formula for Transformers, for others by PyTorch's counter of matrix products, forward and backward. Seconds depend on what else the machine did, so we compare by operations."
)

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/*' --profile small
# ```
#
# ### What a new task takes
#
# One task: ten mini-batches are read and the queries answered. {numref}`tab-base-adapting` has the operations that were counted when a row was recorded. What a learner does depends on sizes alone, but for L-BFGS and logistic regression, which work until they have converged. How long it takes, all on one machine, is {numref}`fig-cost-adapt`.

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for label in dict.fromkeys(label for board in boards.values() for label in board.rows()):
    work = [board.adapting.get(label, "pending") if label in board.rows() else "–" for board in boards.values()]
    rows[label] = ["–" if flops != flops else flops if isinstance(flops, str) else flops / 1e6 for flops in work]
caption = "Millions of floating-point operations that a new task of ten mini-batches takes. A dash: nothing that PyTorch counts, or not in the family."
grid = notebook.Grid(header=("", *FAMILIES.values()), rows=rows)
notebook.table(grid, caption, "tab-base-adapting", ",.3g", f"(Profile `{shown_profile}`, a count.)")

# %% [markdown]
# (sec-base-tuned)=
# ## How each was tuned
#
# *Learned baselines* had trials of their own, as the rows had (sections {ref}`sec-lr-trials` and {ref}`sec-img-trials`): a learning rate, a third and three times of it, and nine times where three times was the best. MAML has the first three only, as the rate of its inner steps is learned. A trial has half the updates and one seed, and is judged after the row's last step on validation tasks that no table of results shows. The least loss wins, and a test holds {mod}`iai.study.registry.trials` to it.
# Width, batch of tasks and number of updates were set by hand, for trainings of one to two minutes on one core; the learned optimizer takes four to six. One context has the tokens of its row.

# %% tags=["hide-input", "nbval-check-output"]
SETTINGS = {"lr-third": "a third", "centre": "the rate", "lr-triple": "three times", "lr-ninefold": "nine times"}
rows = {}
for family, board in boards.items():
    for label, key in board.rows("learned").items():
        if key in TRIED:
            losses = trials(key, shown_profile)
            cells = [losses.get(name, "–") for name in SETTINGS]
            means = [cell.mean if isinstance(cell, notebook.Summary) else cell for cell in cells]  # of one seed
            rows[f"{FAMILIES[family]}: {label}"] = (*means, SETTINGS[taken(key, shown_profile)])
caption = "Trials: loss on validation tasks after the last step that is trained on, at half the updates. Squared error of regression, else cross-entropy, where knowing nothing costs log 10 = 2.303. A dash: not tried."
grid = notebook.Grid(header=("", *SETTINGS.values(), "taken"), rows=rows)
notebook.table(grid, caption, "tab-base-trials", ".3f", f"(Profile `{shown_profile}`, one seed.)")

# %% tags=["remove-input", "nbval-check-output"]
notebook.Markdown(
    f"*Classical learners* were tuned on tasks of training examples (of features: training classes, or CIFAR's training images), drawn with a seed of their own, for the loss after 1, 2, 5, 10 and 20 mini-batches: each has one setting for each of these numbers. SGD and Adam: rates {', '.join(f'{rate:g}' for rate in RATES)}. "
    f"Adam with ten passes: {', '.join(f'{rate:g}' for rate in MANY_PASSES_GRID)}. L-BFGS: penalties {', '.join(f'{one:g}' for one in PENALTIES)}. The penalty of logistic regression is the best of five on training tasks of both image sets, and was not tuned on features. Five neighbours, class means and the mean have nothing to tune or were not tuned."
)

# %% [markdown]
# ```bash
# python -m iai reproduce 'choice/baseline/*' --profile small
# ```
#
# The rows are those of Tables 2 to 4, *all* of them: none is picked for this comparison. Tables show every row; figures show one a regime, the signal with the least validation loss in its trials.
#
# ## Linear regression
#
# The likelihood is a line and noise is Gaussian, so the best learner is known in closed form. It is out of competition here, as it is told prior and noise. L-BFGS is told neither, and needs a penalty from a grid of four to be nearly the same learner.

# %% tags=["hide-input", "nbval-check-output"]
tables = {
    name: chapter.steps(boards[family].rows(*KINDS), name, boards[family].metric, STEPS)
    for name, family in family_of.items()
}
missing = notebook.Missing(reason=f"{shown_profile} judges no learner on it", shown="–")
nothing = notebook.Grid(header=("", "1 step"), rows={"all": (missing,)})
caption = "Linear regression: squared error on new points after as many mini-batches, all learners."
notebook.table(tables["linear-regression"], caption, "tab-base-lr")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-lr", "caption": "Squared error of linear regression. On both sides one iterative model a regime; on the left with learned and classical learners (grey) that go step by step, and with Adam in ten passes over all mini-batches so far, on the right with those that read all observations as a set. Learners that start afresh are asked after 0, 1, 2, 5, 10 and 20 mini-batches. Shaded: beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of squared error on a logarithmic axis against 0 to 20 mini-batches of linear regression. Coloured lines for one parametric, one explicit and the implicit model; on the left MAML and a learned optimizer, on the right an attentive CNP and one context; grey lines for classical learners and bounds."}}
draw("linear-regression")

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/linear-regression/*' --profile small
# ```

# %% tags=["remove-input", "nbval-check-output"]
board, text = boards["linear-regression"], []
for k in STEPS:
    scores = {kind: board.scores("linear-regression", k, kind) for kind in KINDS}
    firsts = {kind: best(group, skip_missing=True) for kind, group in scores.items()}
    found = "; ".join(
        f"{kind}, {label} ({notebook.show(scores[kind][label])})" if label else f"{kind} pending"
        for kind, label in firsts.items()
    )
    text.append(f"- after {k}: {found};")
notebook.Markdown("The least errors by kind of learner, of what is there,\n\n" + "\n".join(text)[:-1] + ".")

# %% [markdown]
# A meta-learned start should give nothing here. $\theta$ is as likely as $-\theta$, and {ref}`ex-base-start` shows that no start is better than zero for SGD on such tasks: all that MAML can learn is its rate. Where labels are in random order, a start that treats them alike is no other than zero. So MAML can hardly be more than SGD with a rate found another way, and {numref}`tab-base-sgd` says whether that way is a good one. These learners have no training of a doubled budget, so what is decided of them is decided at this budget (chapter {ref}`ch-claims`).

# %% tags=["hide-input", "nbval-check-output"]
rows = {
    TITLES[name]: tuple(", ".join(beside_sgd[name, k, label] for k in STEPS) for label in STEPPING)
    for name in family_of
}
grid = notebook.Grid(header=("", *STEPPING), rows=rows)
caption = "Whether the error of a learner that steps is below, above or level (within 5 %) with that of tuned SGD, after 1, 5 and 10 mini-batches, by the 95 % interval of their ratio; open if the interval does not tell. A dash: not trained on the family."
notebook.table(grid, caption, "tab-base-sgd", source=" ")

# %% [markdown]
# ## From MNIST to Fashion-MNIST
#
# Projection and labels are new in each task (chapter {ref}`ch-images`). All learned ones are trained on MNIST alone; Fashion-MNIST is another data set to them. Classical learners are tuned on training images of the set that they are judged on, which is an advantage there.

# %% tags=["hide-input", "nbval-check-output"]
caption = "MNIST: error after as many mini-batches, all learners."
notebook.table(tables["mnist"], caption, "tab-base-mnist", ".1%")

# %% tags=["hide-input", "nbval-check-output"]
caption = "Fashion-MNIST: error of the same learners, trained on MNIST."
notebook.table(tables["fashion-mnist"], caption, "tab-base-fashion", ".1%")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-images", "caption": "Error on Fashion-MNIST of models that were trained on MNIST. Left with learners that go step by step, right with those that read all observations as a set; classical learners in grey. Shaded: beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of error on Fashion-MNIST against 0 to 20 mini-batches. Coloured lines for one parametric, one explicit and the implicit model; on the left MAML and a learned optimizer, on the right an attentive CNP and one context; grey lines for classical learners."}}
draw("fashion-mnist")

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/mnist/*' --profile small
# ```
#
# ## From Tiny-ImageNet's features to CIFAR

# %% tags=["hide-input", "nbval-check-output"]
caption = "Classes of Tiny-ImageNet that were held out: error after as many mini-batches, all learners."
notebook.table(tables["held-out"], caption, "tab-base-held", ".1%")

# %% tags=["hide-input", "nbval-check-output"]
caption = "CIFAR-10: error of the same learners, trained on Tiny-ImageNet."
notebook.table(tables.get("cifar10", nothing), caption, "tab-base-cifar10", ".1%")

# %% tags=["hide-input", "nbval-check-output"]
caption = "CIFAR-100, ten classes a task: error of the same learners, trained on Tiny-ImageNet."
notebook.table(tables.get("cifar100", nothing), caption, "tab-base-cifar100", ".1%")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-features", "caption": "Error on CIFAR-10, which no learned model has seen (at `smoke`, on held-out classes). Left with MAML, right with one context; classical learners in grey. Shaded: beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of error on CIFAR-10 against 0 to 20 mini-batches. Coloured lines for one parametric, one explicit and the implicit model and for learned baselines, grey lines for classical learners."}}
draw("cifar10" if "cifar10" in family_of else "held-out")

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/features/*' --profile small
# ```
#
# (sec-base-who-wins)=
# ## Who wins where
#
# The same question three times. *At equal data*: all learners have the same mini-batches. *At no more training*: of learners that are trained, those whose training took no more operations than that of the best iterative row of this line, the *reference*. *At no more work for a task*: those, classical ones too, that adapt to ten mini-batches with no more operations than the reference ({numref}`tab-base-adapting`). Logistic regression, whose operations are not counted, is left out there.
#
# The rule for a winner: the least mean error leads, and *every* learner whose 95 % interval of the ratio to the leader reaches 1 is named as level with it. Ratios are paired by seed and by task (chapter {ref}`ch-claims`). This is a ranking, to which the gate of that chapter is not applied. A training of which there is one seed only is compared over tasks, which says nothing of other trainings. The leader is the best of many, chosen on the same numbers that are shown, so a narrow lead is worth less than its interval says.
# The second question is asked in one direction only: a baseline that was trained with fewer operations than the reference might have used the rest well.

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for (name, k), first in reference.items():
    family, board = family_of[name], boards[family_of[name]]
    scores = board.scores(name, k)
    within = [board.scores_within(first, cost, name, k) if first else {} for cost in ("training", "adapting")]
    observations = k * experiment(COMPETE[family], shown_profile).evaluation.points
    rows[f"{TITLES[name]}, {observations}"] = (
        f"{first}: {notebook.show(scores[first], spec[family])}" if first else "pending",
        *(leaders_in_words(some, 2) for some in (scores, *within)),
    )
header = (
    "observations",
    "reference: best iterative",
    "at equal data",
    "at no more training",
    "at no more work for a task",
)
caption = "Who wins where; several names are level with each other, the least mean first."
if any("pending" in str(cell) for row in rows.values() for cell in row):
    caption += " In brackets, how many learners are pending: their results may change the line."
cells = [score for name, k in lines for score in boards[family_of[name]].scores(name, k).values()]
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-base-winners", source=notebook.provenance(cells))

# %% [markdown]
# ```bash
# python -m iai reproduce 'table?/*' 'features/*' 'baseline/*' --profile small
# ```
#
# ### Two families with other opponents
#
# Chapters {ref}`ch-causal-order` and {ref}`ch-generation` have tasks for which the learners above are not made, and classical opponents of their own. The same rule, after ten mini-batches:

# %% tags=["remove-input", "nbval-check-output"]
ORDERS = {
    "SCORE": "score",
    "sorting by $R^2$": "sort-by-r2",
    "sorting by variance": "sort-by-variance",
    "DirectLiNGAM": "direct-lingam",
    "PC": "pc",
    "a random order": "random-order",
}
FITS = {"EM": "em", "a kernel estimate": "kernel", "one Gaussian": "gaussian"}
ORDER = {"the amortized model": "causal-order/implicit/data"}
contests = [("causal order", ORDER, ORDERS, "error")] + [
    (
        f"generation, {name}, by the {'Wasserstein distance' if name == 'letters' else 'gap in log likelihood'}",
        {regime: f"generation/{name}/{regime}/data" for regime in regimes},
        FITS,
        "w2" if name == "letters" else "nll_gap",
    )
    for name, (_, regimes) in GENERATED.items()
]
text = []
for title, ours, opponents, metric in contests:
    *_, key = ours.values()  # the implicit model, whose records have the opponents
    chosen = experiment(key, shown_profile)
    learners = ours | {label: f"{key}|{name}" for label, name in opponents.items()}
    for name in chosen.evaluation_sets:
        last = min(10, chosen.evaluation.steps)
        scores = {label: records.summary(row, shown_profile, name, metric, last) for label, row in learners.items()}
        text.append(f"- {title}, {name}: {leaders_in_words(scores)};")
notebook.Markdown("\n".join(text)[:-1] + ".")

# %% [markdown]
# (sec-base-context)=
# ## All at once, or step by step
#
# In-context learning reads everything in one pass. The fair opponent of a learner of many steps is therefore not the 1-step model of the tables, trained on one mini-batch, but one trained with the observations of *all* mini-batches in one context. {numref}`tab-base-context` has it twice: with the same number of tokens in training as the row (*equal compute*, by that count; operations are in {numref}`tab-base-training`), and with twice as many. At each line both have the same observations (*equal data*).
# After one mini-batch, one context is at a disadvantage that it was trained into: it has seen full contexts only. After ten it is where it was trained to be. Here a doubled budget has to agree (chapter {ref}`ch-claims`); on features the longer one has none, and so cannot be tested.

# %% tags=["hide-input", "nbval-check-output"]
cells = {
    (name, k): [boards[family_of[name]].score(label, name, k) for label in (own[family_of[name]], *CONTEXTS)]
    for name, k in lines
}
rows = {
    f"{TITLES[name]}, {k} mini-batch{'es' * (k > 1)}": (
        *(notebook.show(cell, spec[family_of[name]]) for cell in some),
        *(versus[name, k, one] for one in CONTEXTS),
    )
    for (name, k), some in cells.items()
}
header = ("", "many steps", *CONTEXTS, "many steps is … one context", "… the longer one")
caption = "Many steps against one context, in the regime of the row whose tokens they share (regression: parametric, data; else implicit). Below: less error, by the interval of the ratio."
notebook.table(
    notebook.Grid(header=header, rows=rows),
    caption,
    "tab-base-context",
    source=notebook.provenance(cell for some in cells.values() for cell in some),
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-context", "caption": "Many steps against all observations in one context, as often as learners that start afresh are asked. Shaded: more observations than in training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Panels of error against 0 to 20 mini-batches, for linear regression, Fashion-MNIST and CIFAR-10: a model of many steps, one context, and one context trained for longer."}}
figure, axes = plots.panels(columns=len(pictured), width=2.9 * len(pictured), height=3.0)
for ax, name in zip(axes, pictured):
    family, board = family_of[name], boards[family_of[name]]
    row = {"many steps": COMPETE[family]} | {one: board.rows()[one] for one in CONTEXTS}
    horizon, squared = experiment(COMPETE[family], shown_profile).objective.steps, board.metric == "mse"
    curves = chapter.curves(row, name, board.metric)
    plots.curves(ax, curves, label=WORDS[board.metric], horizon=horizon, logarithmic=squared)
    ax.set_title(TITLES[name])
    ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

# %% tags=["remove-input", "nbval-check-output"]
dearer = [
    f"{label} ({FAMILIES[family]})"
    for family, board in boards.items()
    for label in board.rows("classical")
    if board.operations(label, "adapting") > board.operations("parametric, data", "adapting")
]
work = {
    FAMILIES[family]: times
    for family, board in boards.items()
    if (times := board.operations(own[family], "adapting") / board.operations("one context", "adapting")) > 0
}
notebook.Markdown(
    f"To adapt to ten mini-batches and answer, many steps take {', '.join(f'{times:.2g} ({name})' for name, times in work.items())} times the operations of one context. Classical learners that are counted and take more operations than the parametric model that sees data: {', '.join(dearer) or 'none'}."
)

# %% [markdown]
# The last numbers are a reminder of chapter {ref}`ch-cost`: at these sizes attention is not what costs, so that reading in pieces saves little, and on images it costs more: an implicit learner re-feeds its queries at each step, which a single context does once.
#
# ```bash
# python -m iai reproduce 'baseline/*/one-context*' --profile small
# ```
#
# ## In front of you
#
# MAML on linear regression, trained while this page is made. Its start should go nowhere ({ref}`ex-base-start`). Its rate should go between those that a grid search finds for SGD after one mini-batch and after ten, as MAML is trained on all numbers of them from one to ten.

# %%
key = "baseline/linear-regression/maml"
chosen, (live, _) = experiment(key, profile), chapter.train(key)
sgd = classical.for_task(chosen.task, points=chosen.evaluation.points)["sgd"]
length, natural = live.start.norm().item(), live.start.numel() ** 0.5
print(f"the learned start is {length:.3f} long; a task's theta is {natural:.2f} long (root mean square)")
print(
    f"learned rate {live.log_rate.exp().item():.3f}, from {chosen.learner.rate:g}; best of the grid {sgd.tuned[10].learning_rate:g}"
)

# %% [markdown]
# ## Exercises
#
# ````{exercise} A start that helps nobody
# :label: ex-base-start
#
# In linear regression with $\theta \sim \mathcal{N}(0, I)$, SGD with a fixed rate takes $k$ steps from $s$. Show that no $s$ has a smaller expected loss than $s = 0$. What of a linear softmax, if labels are in random order?
# ````
#
# ````{solution} ex-base-start
# :class: dropdown
#
# Each gradient is affine in the current $\theta^{(i)}$, with a matrix that depends on inputs only and an offset linear in the targets. So $\theta^{(k)} = A s + b$ with $A$ a function of inputs and $b$ linear in $(\theta, \varepsilon)$, and the expected loss of a new point, $\mathbb{E}\,(\tilde x^\top (A s + b - \theta) - \varepsilon')^2$, has the cross term $2\, \mathbb{E}\, [\tilde x^\top A s \, (\tilde x^\top (b - \theta) - \varepsilon')]$. The law is the same for $(-\theta, -\varepsilon, -\varepsilon')$, which changes the sign of the second factor and
# leaves the first: the term is zero. What remains is $\mathbb{E}\, (\tilde x^\top A s)^2$ and a constant, least at $s = 0$. (The proof needs no Gaussian, only symmetry; and it holds for each rate, so MAML's rate is the best one for $s = 0$.)
#
# For a softmax the loss is not quadratic and the argument fails. But a start that treats labels alike gives all classes the same vector, which changes no prediction and no gradient: it *is* the start at zero. One that does not treat them alike prefers labels that mean nothing. That this never helps after $k$ steps we have not shown.
# ````
#
# ````{exercise} When does training pay?
# :label: ex-base-pay
#
# A training takes $C$ operations, a new task $a$, and $a'$ for a learner that is not trained. After how many tasks has the training paid, counting operations alone? Which classical learners does a parametric model that sees data ever repay, by {numref}`tab-base-adapting`?
# ````
#
# ````{solution} ex-base-pay
# :class: dropdown
#
# After $C / (a' - a)$ tasks if $a < a'$, and never else.
# ```python
# for family, board in boards.items():
#     mine = board.operations("parametric, data", "adapting")
#     print(family, [label for label in board.rows("classical") if board.operations(label, "adapting") > mine])
# ```
# Section {ref}`sec-base-context` prints the same. Where a list is empty, amortization cannot pay in operations at these sizes; what it can pay in is error for a given number of observations, or time, where operators are launched one by one.
# ````
#
# ## What we found, and what we did not
#
# *What the table of winners is good for.* A classical learner that fits all observations to convergence costs no training and little work, and after five mini-batches it leads most lines of regression, of Fashion-MNIST and of features. Amortized learners lead or are level after the first mini-batch of images and features, where a prior counts that nobody can write down. On MNIST, on which they were trained, they lead at every size; after 160 and 320 images it is one long context that leads, and not many steps.
#
# *Not tested*: learned baselines at the size and budget of their papers; prompt tuning, which needs a model that was trained for something else; MAML with a rate for each step, or on a model whose features are learned, which is where its start would matter; latent neural processes and Transformers among them; learned optimizers that see more than a gradient; a second seed in the trials. All of them might change a line, and a line that names a learned baseline last says something about this budget before it says something about the method.
