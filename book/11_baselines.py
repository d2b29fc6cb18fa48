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
# # Against everybody
#
# *Cost: about half a minute on one core at `smoke`; trains one small learner live, and times all others. Tables and figures show committed records of profile `cpu` (three seeds, a minute or so each on one core). Every comparison of results, in prose as in tables, is computed from those records.*
#
# A learner that iterates has been compared so far with its own 1-step model, which as far as we know is also the only baseline of {cite:t}`mittal2025iterative`, and with a handful of classical learners. This chapter invites nearly everybody whom chapter {ref}`ch-one-formula` introduced as an instance of $f(x, g(\D_T))$, and puts them on *the same tasks, the same mini-batches and the same queries*: meta-learning, neural processes, a hypernetwork, a learned optimizer, in-context learning with all data at once, and classical learners,
# each through one call, `learner(batches, x)`. Nobody is compared at a convenient number of observations only: there are one, five and ten mini-batches, and the question of who wins is asked three times, at equal data, at no more training, and at no more work for a new task.

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

# %%
from iai.baselines import classical as baselines
from iai.study.book import notebook, plots
from iai.study.ledger import records
from iai.baselines.classical import MANY_PASSES_GRID, PENALTIES, RATES
from iai.study.registry.baselines import COMPETE
from iai.study.analysis.contrasts import best, leaders, leaders_in_words, ratio, scaled
from iai.study.analysis.gate import compared
from iai.study.book.comparisons import outcome
from iai.study.registry import experiment
from iai.study.analysis.leaderboard import LEARNED, Leaderboard

chapter = notebook.setup(globals())

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("baseline/*", "choice/baseline/*")

# %% [markdown]
# ## Who competes
#
# {numref}`tab-base-who` says what each learner is in the terms of chapter {ref}`ch-one-formula`. Where a family has a known likelihood, $y = \theta^\top \tilde x$ or a softmax of it, those who can make use of it get it as $f$: only $g$ differs. Neural processes learn both, and so do the explicit and the implicit models.

# %% tags=["hide-input"]
what = {
    "parametric": ("known likelihood", "Transformer steps on θ", "the steps, the start"),
    "explicit": ("learned", "Transformer steps on a code", "the steps, the start, f"),
    "implicit": ("reads its slot", "Transformer steps on predictions", "the steps, the start"),
    "MAML": ("known likelihood", "SGD, a step a mini-batch", "the start and one rate"),
    "Reptile": ("known likelihood", "SGD, a step a mini-batch", "the start"),
    "learned optimizer": ("known likelihood", "LSTM steps on each number of θ", "the LSTM, the start"),
    "CNP": ("a network of x and a code", "mean of encoded observations", "both"),
    "attentive CNP": ("a network of x and a code", "codes, read by attention from x", "both"),
    "hypernetwork": ("known likelihood", "a network writes θ from the mean code", "the network"),
    "one context": ("as its row", "one Transformer step on all data", "the step, the start"),
    "SGD, Adam": ("known likelihood", "a step a mini-batch", "nothing; a rate is tuned"),
    "Adam, ten passes": ("known likelihood", "ten steps a mini-batch", "nothing; a rate is tuned"),
    "L-BFGS": ("known likelihood", "the best fit of all data", "nothing; one penalty is tuned"),
    "5 nearest neighbours": ("votes of the nearest", "the data themselves", "nothing"),
    "logistic regression": ("softmax", "the best fit of all data", "nothing"),
    "nearest class mean": ("the nearest mean", "means of the classes", "nothing"),
    "no inputs": ("ignores x", "mean, or most frequent label", "nothing"),
    "ridge, noise known": ("known likelihood", "the posterior mean", "nothing; told prior and noise"),
    "memoryless bound": (
        "known likelihood",
        "ridge around θ, batch by batch",
        "nothing; told prior and noise",
    ),
}
grid = notebook.Grid(header=("learner", "f", "g", "learned, tuned, told"), rows=what)
notebook.table(
    grid,
    "Who competes. The last two know what nobody else is told, and are out of competition.",
    "tab-base-who",
    source=" ",
)

# %% [markdown]
# Where papers leave room, this is how we filled it; {mod}`iai.baselines.learned` has the code, and tests hold each learner to its paper's equation.
#
# *MAML* {cite:p}`finn2017maml` is the second-order one, through all steps. Its rate is learned, one number for all of $\theta$ and all steps. Meta-SGD {cite:p}`li2017metasgd` learns one for each number of $\theta$; on tasks that look the same from all directions these would all be equal, so we left it at one.
#
# *Reptile* {cite:p}`nichol2018reptile` moves its start towards where SGD arrives. Its rate is not learned, and was tried at three values.
#
# *CNP* {cite:p}`garnelo2018cnp` has a mean code of all observations or, for classes, a mean code of each class, as that paper has for classification. The logit of a class comes from its own code and from that times the query's, by one network for all classes: codes side by side in one network stayed at chance where images are projected anew in each task. (Records of `cpu` are of that older model.) The *attentive* one {cite:p}`kim2019attentive` is the deterministic path of its paper: queries attend to observations. Its keys and queries are normalised, which is ours.
#
# *The hypernetwork* writes $\theta$ in one go, as chapter {ref}`ch-one-formula` has it. {cite:t}`ha2017hypernetworks` mean by the word a network that writes the weights of another; that ours reads a data set is our use of it.
#
# *The learned optimizer* is the LSTM of {cite:t}`andrychowicz2016learning`, coordinate by coordinate, with their preprocessing of gradients. Unlike theirs it is trained on the loss of *held-out* queries, and its start is learned, as everybody else's is.
#
# *One context* is the 1-step model of a row, trained with the observations of *all* its mini-batches in one context: in-context learning as it is mostly done. "Longer" is the same with twice the tokens in training.
#
# *L-BFGS* {cite:p}`liu1989limited` fits $\theta$ to all observations seen, to convergence, with a penalty on $\lvert\theta\rvert^2$. For squared errors this is ridge regression with a tuned penalty.
#
# All learned baselines are trained on eq. 6, the loss after $k$ mini-batches with $k$ random (the learned optimizer on the mean over all steps, Reptile on its own rule), on new tasks of the law that trains the rows. How long that takes, {numref}`tab-base-training` compares.
#
# ### What training takes

# %% tags=["hide-input", "nbval-check-output"]
STEPS, KINDS = (1, 5, 10), ("iterative", "learned", "classical", "oracle")
WORDS = {"mse": "squared error", "error": "error"}
FAMILIES = {
    "linear-regression": {"linear-regression": "linear regression"},
    "mnist": {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"},
    "features": {"held-out": "held-out classes", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100"},
}
NAMES = {"linear-regression": "regression", "mnist": "images", "features": "features"}
SHORT = ("linear", "images", "features")
boards = {family: Leaderboard(family=family, profile=shown_profile) for family in FAMILIES}
judged = {family: experiment(COMPETE[family], shown_profile).evaluation_sets for family in FAMILIES}
titles = {f: {name: FAMILIES[f][name] for name in sets if name in FAMILIES[f]} for f, sets in judged.items()}
trained = list(boards["linear-regression"].rows("iterative", "learned"))
updates = {
    label: [experiment(board.rows()[label], shown_profile).train.updates for board in boards.values()]
    for label in trained
}
rows = {
    label: (
        *(records.fact(board.rows()[label], shown_profile, "parameters") for board in boards.values()),
        *map(str, updates[label]),
    )
    for label in trained
}
header = ("", *(f"{what}, {name}" for what in ("weights", "updates") for name in SHORT))
grid = notebook.Grid(header=header, rows=rows)
notebook.table(grid, "Weights that are trained, and how many updates they have.", "tab-base-size", ",.0f")

# %% tags=["hide-input", "nbval-check-output"]
rows = {
    label: tuple(
        scaled(records.fact(board.rows()[label], shown_profile, name), factor)
        for name, factor in (("flops", 1e-12), ("seconds", 1.0))
        for board in boards.values()
    )
    for label in trained
}
header = ("", *(f"{what}, {name}" for what in ("TFLOP", "seconds") for name in SHORT))
grid = notebook.Grid(header=header, rows=rows)
caption = "What a training takes: floating-point operations of all updates, and seconds on one core of a machine that had other work too."
notebook.table(grid, caption, "tab-base-training", ",.3g")

# %% [markdown]
# Operations and seconds disagree by orders of magnitude, and both are true. MAML on regression has a dozen numbers to learn; what takes its time is to launch many small operators, and the same holds for all who differentiate through steps. An operation is counted as {func}`iai.study.measure.cost.cost_of_update` counts: for refiners by the usual formula for Transformers, for others by PyTorch's counter of matrix products, forward and backward. Seconds depend on what else the machine did; we compare by operations below.
#
# ```bash
# python -m iai reproduce 'baseline/*' --profile cpu
# ```
#
# ### What a new task takes
#
# One task: ten mini-batches are read and the queries answered, one core, nothing shared with other tasks. Operations are counted, and milliseconds measured, *while this page is made*, on numbers without meaning (the least time of three), for what a learner does depends on sizes alone. Two work until they have converged, which depends on the data; theirs come from records.

# %% tags=["hide-input"]
rows = {}
for label in dict.fromkeys(label for board in boards.values() for label in board.rows()):
    costs = [
        board.adapting.get(label, {}) if label in board.rows() else {"flops": None, "seconds": None}
        for board in boards.values()
    ]
    rows[label] = [
        ("pending" if not cost else "–" if cost[name] is None else factor * cost[name])
        for name, factor in (("flops", 1e-6), ("seconds", 1e3))
        for cost in costs
    ]
header = ("", *(f"{what}, {name}" for what in ("MFLOP", "ms") for name in SHORT))
caption = "What a new task of ten mini-batches takes. A dash: nothing that PyTorch counts, or not in the family."
notebook.table(
    notebook.Grid(header=header, rows=rows),
    caption,
    "tab-base-adapting",
    ",.3g",
    source="(Counted and measured, see text.)",
)

# %% [markdown]
# (sec-base-tuned)=
# ## How each was tuned
#
# *Learned baselines* had trials of their own, as the rows had (sections {ref}`sec-lr-trials` and {ref}`sec-img-trials`): a learning rate and a third and three times of it, and nine times for all but MAML and Reptile, as the best lay at the end of the grid for some; for Reptile the rate of its inner steps as well. A trial has half the updates and is judged after the row's last step on validation tasks that no table shows. The least loss wins, and a test holds {mod}`iai.study.registry.choices` to it. One seed decided, where rows had two or four and more alternatives: this is a smaller search, though over fewer settings.
# Width, batch of tasks and number of updates were set by hand, for trainings of about 40 seconds on a core that does nothing else; MAML and Reptile take a third of that, as more hardly moves their losses any further, and one context, whose tokens are those of a row, takes what it takes.

# %% tags=["hide-input", "nbval-check-output"]
tuned = {label: name for label, name in LEARNED.items() if not name.endswith("-longer")}
tried = {}
for family in FAMILIES:
    found = chapter.trials({label: f"baseline/{family}/{name}" for label, name in tuned.items()})
    rows = {
        label: [cell.mean if isinstance(cell, notebook.Summary) else cell for cell in row]
        for label, row in found.rows.items()
    }
    tried[family] = notebook.Grid(header=found.header, rows=rows)
one_seed = f"(Profile `{shown_profile}`, one seed.)"
caption = "Trials on linear regression: squared error on validation tasks after ten mini-batches, at half the updates."
notebook.table(tried["linear-regression"], caption, "tab-base-trials-lr", ".3f", one_seed)

# %% tags=["hide-input", "nbval-check-output"]
caption = "Trials on images: cross-entropy on validation tasks of MNIST after the last step that is trained on, at half the updates. Knowing nothing costs log 10 = 2.303."
notebook.table(tried["mnist"], caption, "tab-base-trials-mnist", ".3f", one_seed)

# %% tags=["hide-input", "nbval-check-output"]
caption = (
    "Trials on features: cross-entropy on tasks of validation classes after ten mini-batches, at half the updates."
)
notebook.table(tried["features"], caption, "tab-base-trials-features", ".3f", one_seed)

# %% tags=["remove-input", "nbval-check-output"]
notebook.Markdown(
    f"*Classical learners* were tuned on tasks of training examples (of features: training classes, or CIFAR's training images), drawn with a seed of their own, for the loss after 1, 2, 5, 10 and 20 mini-batches: each has one setting for each of these numbers. (Records of `cpu` are older: one setting, for the mean loss over 1, 2, 5 and 10.) SGD and Adam: rates {', '.join(f'{rate:g}' for rate in RATES)}. "
    f"Adam with ten passes: {', '.join(f'{rate:g}' for rate in MANY_PASSES_GRID)}. L-BFGS: penalties {', '.join(f'{one:g}' for one in PENALTIES)}. The penalty of logistic regression is the best of five on training tasks of both image sets, and was not tuned on features. Five neighbours, class means and the mean have nothing to tune or were not tuned."
)

# %% [markdown]
# ```bash
# python -m iai reproduce 'choice/baseline/*' --profile cpu
# ```
#
# The rows are those of Tables 2 to 4, *all* of them: none is picked for this comparison. Tables show every row; figures show one a regime: the signal with the least validation loss in the trials of `small`. The settings of the rows shown are those of `cpu`: of regression and images from trials that have left the ledger, of features found by hand.
#
# ## Linear regression
#
# The likelihood is a line and noise is Gaussian, so the best learner is known in closed form. It is out of competition here, as it is told prior and noise; L-BFGS is told neither, and needs a penalty from a grid of four to be nearly the same learner.

# %% tags=["hide-input", "nbval-check-output"]
tables = {
    name: chapter.steps(board.rows(*KINDS), name, board.metric, STEPS)
    for family, board in boards.items()
    for name in titles[family]
}
pending = notebook.Missing(reason=f"{shown_profile} judges no learner on it", shown="–")
nothing = notebook.Grid(header=("", "1 step"), rows={"all": (pending,)})
caption = "Linear regression: squared error on new points after as many mini-batches, everybody."
notebook.table(tables["linear-regression"], caption, "tab-base-lr")


# %% tags=["hide-input"]
def draw(family: str, sets: dict[str, str]) -> None:
    """Two panels a set: ours and those who step on the left, ours and those who read a set on the right."""
    board, every = boards[family], boards[family].rows(*KINDS)
    sides = ("MAML", "Reptile", "learned optimizer"), ("CNP", "attentive CNP", "hypernetwork")
    greys = (
        ("SGD", "Adam", "Adam, ten passes", "memoryless bound"),
        ("L-BFGS", "5 nearest neighbours", "logistic regression", "nearest class mean", "ridge, noise known"),
    )
    _, axes = plots.panels(columns=2, rows=len(sets), width=7.6, height=1.9 + 2.4 * len(sets))
    last = experiment(every["implicit"], shown_profile).objective.steps
    for i, ax in enumerate(axes):
        name, side, grey = list(sets)[i // 2], sides[i % 2], greys[i % 2]
        lines = chapter.curves(board.selected_rows() | {label: every[label] for label in side}, name, board.metric)
        dashed = chapter.curves({label: every[label] for label in grey if label in every}, name, board.metric)
        squared, words = board.metric == "mse", WORDS[board.metric]
        plots.curves(ax, lines, label=words, baselines=dashed, horizon=last, logarithmic=squared)
        ax.set_title(f"{sets[name]}: {'one shot' if i % 2 else 'step by step'}")
        ax.get_legend().remove()
        if i // 2 == len(sets) - 1:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=8)


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-lr", "caption": "Squared error of linear regression. On both sides one iterative model a regime; on the left with learned and classical learners (grey) that go step by step, on the right with those that read all observations as a set. Learners that start afresh are asked after 0, 1, 2, 5, 10 and 20 mini-batches. Shaded: beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of squared error on a logarithmic axis against 0 to 20 mini-batches of linear regression. Coloured lines for one parametric, one explicit and the implicit model; on the left MAML, Reptile and a learned optimizer, on the right CNP, attentive CNP and hypernetwork; grey lines for classical learners and bounds."}}
draw("linear-regression", titles["linear-regression"])

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/linear-regression/*' --profile cpu
# ```


# %% tags=["remove-input", "nbval-check-output"]
def side(board: Leaderboard, first: str, second: str, evaluation: str, k: int, compare=compared) -> str:
    """Whether the first has less error than the second: below, above, level, or why neither is decided."""
    found = outcome(compare(*(board.score(label, evaluation, k) for label in (first, second))))
    return {"lower": "below", "higher": "above", "equal": "level"}.get(found, found)


board, name = boards["linear-regression"], "linear-regression"
lines = []
for k in STEPS:
    groups = {kind: board.scores(name, k, kind) for kind in KINDS}
    firsts = {kind: best(group, skip_missing=True) for kind, group in groups.items()}
    said = "; ".join(
        f"{kind}, {label} ({notebook.show(groups[kind][label])})" if label else f"{kind} pending"
        for kind, label in firsts.items()
    )
    lines.append(f"- after {k}: {said};")
notebook.Markdown("The least errors by kind of learner, of what is there,\n\n" + "\n".join(lines)[:-1] + ".")

# %% [markdown]
# A word on why a meta-learned start should give nothing here. $\theta$ is as likely as $-\theta$, and {ref}`ex-base-start` shows that no start is better than zero for SGD on such tasks: all that MAML can learn is its rate. Where labels are in random order, a start that treats them alike is no other than zero. So here MAML and Reptile can hardly be more than SGD with a rate found another way, and a comparison with tuned SGD says whether that way is a good one:

# %% tags=["hide-input", "nbval-check-output"]
STEPPING = ("MAML", "Reptile", "learned optimizer")
rows = {
    title: tuple(", ".join(side(boards[family], label, "SGD", name, k) for k in STEPS) for label in STEPPING)
    for family in FAMILIES
    for name, title in titles[family].items()
}
grid = notebook.Grid(header=("", *STEPPING), rows=rows)
caption = "Whether the error of a learner that steps is below, above or level (within 5 %) with that of tuned SGD, after 1, 5 and 10 mini-batches, by the 95 % interval of their ratio; open if the interval does not tell."
notebook.table(grid, caption, "tab-base-sgd", source=" ")

# %% [markdown]
# ## From MNIST to Fashion-MNIST
#
# Projection and labels are new in each task (chapter {ref}`ch-images`). All learned ones are trained on MNIST alone; Fashion-MNIST is another data set to them. Classical learners are tuned on training images of the set that they are judged on, which is an advantage there.

# %% tags=["hide-input", "nbval-check-output"]
caption = "MNIST: error after as many mini-batches of 32 images, everybody."
notebook.table(tables["mnist"], caption, "tab-base-mnist", ".1%")

# %% tags=["hide-input", "nbval-check-output"]
caption = "Fashion-MNIST: error of the same learners, trained on MNIST."
notebook.table(tables["fashion-mnist"], caption, "tab-base-fashion", ".1%")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-images", "caption": "Error on Fashion-MNIST of models that were trained on MNIST. Left with learners that go step by step, right with those that read all observations as a set; classical learners in grey. Shaded: beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of error on Fashion-MNIST against 0 to 20 mini-batches. Coloured lines for one parametric, one explicit and the implicit model; on the left MAML, Reptile and a learned optimizer, on the right CNP, attentive CNP and hypernetwork; grey lines for classical learners."}}
draw("mnist", {"fashion-mnist": titles["mnist"]["fashion-mnist"]})

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/mnist/*' --profile cpu
# ```

# %% tags=["remove-input", "nbval-check-output"]
idle = {
    (family, label): {
        side(boards[family], label, "no inputs", name, k, ratio) for name in titles[family] for k in STEPS
    }
    for family in FAMILIES
    for label in boards[family].rows("iterative", "learned")
}
stuck = [f"{label} ({NAMES[family]})" for (family, label), found in idle.items() if found <= {"level", "open", "above"}]
hardly = [
    f"{label} ({NAMES[family]})"
    for family, label in idle
    if f"{label} ({NAMES[family]})" not in stuck
    and all(
        isinstance(mine := boards[family].score(label, name, 10), notebook.Summary)
        and isinstance(blind := boards[family].score("no inputs", name, 10), notebook.Summary)
        and mine.mean > 0.95 * blind.mean
        for name in titles[family]
    )
]
unknown = sum("pending" in found for found in idle.values())
notebook.Markdown(
    f"**Who learned nothing.** Not below predicting without inputs, on any set of its family and after any number of mini-batches: {', '.join(stuck) or 'nobody'}"
    + f" ({unknown} of {len(idle)} trainings pending)" * bool(unknown)
    + f". Next to nothing, less than a twentieth below it on all sets after ten: {', '.join(hardly) or 'nobody else'}."
)

# %% [markdown]
# That mean codes can stay at chance, or next to it, on such tasks at this budget was seen before the records were made, and some things were tried against it, in quick runs that the ledger does not have: means of codes class by class instead of one mean (kept), normalised keys and queries in the attentive one (kept; without, it stayed at chance as well), and learning rates, up to nine times the first, whose trials are in {numref}`tab-base-trials-mnist`. We believe, and have not tested, that the obstacle is the projection: what a coordinate means is new in each task, so that
# a network can only *compare* observations, and an inner product of a query with a class mean, which attention has built in, is something that a perceptron of the two has to learn from scratch. Longer training may well do it; {ref}`ex-base-code` looks at what a mean code can hold in principle.
#
# ## From Tiny-ImageNet's features to CIFAR

# %% tags=["hide-input", "nbval-check-output"]
caption = "Classes of Tiny-ImageNet that were held out: error after as many mini-batches of 20 images, everybody."
notebook.table(tables["held-out"], caption, "tab-base-held", ".1%")

# %% tags=["hide-input", "nbval-check-output"]
caption = "CIFAR-10: error of the same learners, trained on Tiny-ImageNet."
notebook.table(tables.get("cifar10", nothing), caption, "tab-base-cifar10", ".1%")

# %% tags=["hide-input", "nbval-check-output"]
caption = "CIFAR-100, ten classes a task: error of the same learners, trained on Tiny-ImageNet."
notebook.table(tables.get("cifar100", nothing), caption, "tab-base-cifar100", ".1%")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-features", "caption": "Error on CIFAR-10, which no learned model has seen (at `smoke`, on held-out classes). Left with learners that go step by step, right with those that read all observations as a set; classical learners in grey. Shaded: beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Two panels of error on CIFAR-10 against 0 to 20 mini-batches. Coloured lines for one parametric, one explicit and the implicit model and for learned baselines, grey lines for classical learners."}}
draw("features", dict(list(titles["features"].items())[:2][-1:]))

# %% [markdown]
# ```bash
# python -m iai reproduce 'baseline/features/*' --profile cpu
# ```
#
# (sec-base-who-wins)=
# ## Who wins where
#
# The same question three times. *At equal data*: everybody has the same mini-batches. *At no more training*: of learners that are trained, those whose training took no more operations than that of the best iterative row of this line, the *reference*. *At no more work for a task*: those, classical ones too, who adapt to ten mini-batches with no more operations than the reference ({numref}`tab-base-adapting`; who cannot be counted is left out, logistic regression as scikit-learn fits it).
#
# The rule for a winner: the least mean error leads, and *every* learner whose 95 % interval of the ratio to the leader reaches 1 is named as level with it. Ratios are paired by seed and by task (chapter {ref}`ch-claims`). This is a ranking, to which the gate of that chapter is not applied. Where records keep no values of single tasks, intervals between trained models are over seeds, and those between two classical learners are over tasks as if these were not shared, which is too wide. A training of which there is one seed only is compared over tasks, which says nothing of other trainings. Two cautions. The leader is the best of many, chosen on the same numbers that are shown, so that a narrow lead is worth less than its interval says.
# And the second question is asked in one direction only: a baseline that was trained with fewer operations than the reference might have used the rest well.

# %% tags=["hide-input", "nbval-check-output"]
rows, won, reference = {}, {}, {}
for family, board in boards.items():
    observations = experiment(COMPETE[family], shown_profile).evaluation.points
    for name, title in titles[family].items():
        for k in STEPS:
            scores = board.scores(name, k)
            first = best(board.scores(name, k, "iterative"), skip_missing=True)
            reference[name, k], won[name, k] = first, leaders(scores)
            cells = (
                scores,
                *(board.scores_within(first, cost, name, k) if first else {} for cost in ("training", "adapting")),
            )
            error = notebook.show(scores[first], ".3g" if board.metric == "mse" else ".1%") if first else "pending"
            rows[f"{title}, {k * observations}"] = (
                f"{first}: {error}" if first else error,
                *(leaders_in_words(one, 2) for one in cells),
            )
header = (
    "observations",
    "reference: best iterative",
    "at equal data",
    "at no more training",
    "at no more work for a task",
)
grid = notebook.Grid(header=header, rows=rows)
caption = "Who wins where; several names are level with each other, the least mean first."
if any("pending" in str(cell) for row in rows.values() for cell in row):
    caption += " In brackets, how many learners are pending: their results may change the line."
cells = [
    board.score(label, name, k)
    for family, board in boards.items()
    for name in titles[family]
    for k in STEPS
    for label in board.rows()
]
notebook.table(grid, caption, "tab-base-winners", source=notebook.provenance(cells))

# %% [markdown]
# ```bash
# python -m iai reproduce 'table?/*' 'features/*' 'baseline/*' --profile cpu
# ```

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-work", "caption": "Error after ten mini-batches against the operations that a new task takes, everybody whose operations are counted. Named are those whom nobody beats in both: no other learner has less error for at most the work."}, "image": {"alt": "Three panels of error against operations a task on a logarithmic axis: linear regression, Fashion-MNIST and CIFAR-10. Every learner is a point, its kind a colour; the learners on the lower left border are named."}}
shown = {"linear-regression": "linear-regression", "fashion-mnist": "mnist", "cifar10": "features"}
shown = {name: family for name, family in shown.items() if name in titles[family]}
figure, axes = plots.panels(columns=len(shown), width=2.9 * len(shown), height=3.6)
for ax, (name, family) in zip(axes, shown.items()):
    board, groups, where = boards[family], {}, {}
    for kind in KINDS[:3]:
        for label, found in board.scores(name, 10, kind).items():
            work = board.operations(label, "adapting")
            if isinstance(found, notebook.Summary) and work == work:
                where[label] = (work, found.mean)
                groups.setdefault(kind, []).append(where[label])
    plots.scatter(
        ax,
        {kind: tuple(zip(*at)) for kind, at in groups.items()},
        labels=("operations a task", WORDS[board.metric]),
    )
    front = [a for a, (work, error) in where.items() if not any(w <= work and e < error for w, e in where.values())]
    for i, label in enumerate(sorted(front, key=where.get)):
        at = (3, 4 if i % 2 else -9)
        ax.annotate(label, where[label], xytext=at, textcoords="offset points", fontsize=7)
    plots.log_scale(ax, "x")
    if board.metric == "mse":
        plots.log_scale(ax, "y")
    ax.margins(y=0.12)  # room for the names below the lowest points
    ax.set_title(titles[family][name])
    if groups:
        ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

# %% [markdown]
# ### Two families with other opponents
#
# Chapters {ref}`ch-causal-order` and {ref}`ch-generation` have tasks for which the learners above are not made, and classical opponents of their own. The same rule, after ten mini-batches:

# %% tags=["remove-input", "nbval-check-output"]
ORDER, lines = "causal-order/implicit/data", []
opponents = {
    "SCORE": "score",
    "sorting by $R^2$": "sort-by-r2",
    "sorting by variance": "sort-by-variance",
    "a random order": "random-order",
}
last = min(10, experiment(ORDER, shown_profile).evaluation.steps)
for name in experiment(ORDER, shown_profile).evaluation_sets:
    scores = {"the amortized model": records.summary(ORDER, shown_profile, name, "error", last)}
    scores |= {
        label: records.summary(f"{ORDER}|{one}", shown_profile, name, "error", last) for label, one in opponents.items()
    }
    lines.append(f"- causal order, {name}: {leaders_in_words(scores)};")
fits = {"EM": "em", "a kernel estimate": "kernel", "one Gaussian": "gaussian"}
for mixture in ("mixture-2d", "mixture-5d"):
    keys = {regime: f"generation/{mixture}/{regime}/data" for regime in ("parametric", "explicit", "implicit")}
    last = min(10, experiment(keys["implicit"], shown_profile).evaluation.steps)
    for name in experiment(keys["implicit"], shown_profile).evaluation_sets:
        scores = {label: records.summary(key, shown_profile, name, "nll_gap", last) for label, key in keys.items()}
        scores |= {
            label: records.summary(f"{keys['implicit']}|{one}", shown_profile, name, "nll_gap", last)
            for label, one in fits.items()
        }
        lines.append(f"- generation, {mixture}, {name}, by the gap in log likelihood: {leaders_in_words(scores)};")
notebook.Markdown("\n".join(lines)[:-1] + ".")

# %% [markdown]
# (sec-base-context)=
# ## All at once, or step by step
#
# In-context learning reads everything in one pass. The fair opponent of a learner of many steps is therefore not the 1-step model of the tables, trained on one mini-batch, but one trained with the observations of *all* mini-batches in one context. {numref}`tab-base-context` has it twice: with the same number of tokens in training as the row (*equal compute*, by that count; operations are in {numref}`tab-base-training`), and with twice as many. At each line both have the same observations (*equal data*).
# After one mini-batch, one context is at a disadvantage that it was trained into: it has seen full contexts only. After ten it is where it was trained to be on regression and features; on images, rows are trained on eight steps, and so is its context.

# %% tags=["hide-input", "nbval-check-output"]
CONTEXTS = ("one context", "one context, longer")
many = {"linear-regression": "parametric, data", "mnist": "implicit", "features": "implicit"}
family_of = {name: family for family in FAMILIES for name in titles[family]}
versus = {
    (name, k, one): side(boards[family], many[family], one, name, k)
    for name, family in family_of.items()
    for k in STEPS
    for one in CONTEXTS
}
rows = {
    f"{titles[family][name]}, {k} mini-batch{'es' * (k > 1)}": (
        *(
            notebook.show(boards[family].score(label, name, k), ".3g" if family == "linear-regression" else ".1%")
            for label in (many[family], *CONTEXTS)
        ),
        *(versus[name, k, one] for one in CONTEXTS),
    )
    for name, family in family_of.items()
    for k in STEPS
}
header = (
    "",
    "many steps",
    "one context",
    "one context, longer",
    "many steps is … one context",
    "… the longer one",
)
cells = [
    boards[family].score(label, name, k)
    for name, family in family_of.items()
    for k in STEPS
    for label in (many[family], *CONTEXTS)
]
caption = "Many steps against one context, in the regime of the row whose tokens they share (regression: parametric, data; else implicit). Below: less error, by the interval of the difference."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-base-context", source=notebook.provenance(cells))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-base-context", "caption": "Many steps against all observations in one context, as often as learners that start afresh are asked. Shaded: more observations than in training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Three panels of error against 0 to 20 mini-batches, for linear regression, Fashion-MNIST and CIFAR-10: a model of many steps, one context, and one context trained for longer."}}
figure, axes = plots.panels(columns=len(shown), width=2.9 * len(shown), height=3.0)
for ax, (name, family) in zip(axes, shown.items()):
    board = boards[family]
    row = {"many steps": board.rows()[many[family]]} | {one: board.rows()[one] for one in CONTEXTS}
    squared, words = board.metric == "mse", WORDS[board.metric]
    horizon = experiment(row["many steps"], shown_profile).objective.steps
    plots.curves(ax, chapter.curves(row, name, board.metric), label=words, horizon=horizon, logarithmic=squared)
    ax.set_title(titles[family][name])
    ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

# %% tags=["remove-input", "nbval-check-output"]
tally = {one: [versus[name, k, one] for name in family_of for k in STEPS] for one in CONTEXTS}
dearer = [
    f"{label} ({NAMES[family]})"
    for family, board in boards.items()
    for label in board.rows("classical")
    if board.operations(label, "adapting") > board.operations("parametric, data", "adapting")
]
work = {
    NAMES[family]: board.operations(many[family], "adapting") / board.operations("one context", "adapting")
    for family, board in boards.items()
}
notebook.Markdown(
    "Of the lines of {numref}`tab-base-context`, many steps have less error than "
    + "; than ".join(
        f"{one} in {found.count('below')}, more in {found.count('above')}, and are level in {found.count('level')}"
        + f" ({found.count('pending')} pending)" * ("pending" in found)
        for one, found in tally.items()
    )
    + ". To adapt to ten mini-batches and answer, many steps take "
    + ", ".join(f"{ratio:.2g} ({name})" for name, ratio in work.items())
    + " times the operations of one context. Classical learners that are counted and take more operations than the parametric model that sees data: "
    + f"{', '.join(dearer) or 'none'}."
)

# %% [markdown]
# The last numbers are a reminder of chapter {ref}`ch-cost`: at these sizes attention is not what costs, so that to read in pieces saves little, and an implicit learner re-feeds its queries at each step, which a single context does once.
#
# ```bash
# python -m iai reproduce 'baseline/*/one-context*' --profile cpu
# ```
#
# ## In front of you
#
# MAML on linear regression, trained while this page is made. Its start should go nowhere ({ref}`ex-base-start`), and its rate to where a grid search puts that of SGD, which looks for the least loss over 1, 2, 5 and 10 mini-batches where MAML looks at all numbers of them from 1 to 10.

# %%
key = "baseline/linear-regression/maml"
chosen, (live, _) = experiment(key, profile), chapter.train(key)
sgd = baselines.for_task(chosen.task, points=chosen.evaluation.points)["sgd"]
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
# ````{exercise} What a mean code can hold
# :label: ex-base-code
#
# A CNP of linear regression sees its data as a mean of codes, $\frac{1}{n+1} (c_\varnothing + \sum_j c(x_j, y_j))$, with $c_\varnothing$ learned. How many numbers must the code have for the CNP to be able to be ridge regression, at $d = 10$ and $d = 100$ (with bias)? What is left to do for $f$?
# ````
#
# ````{solution} ex-base-code
# :class: dropdown
#
# Ridge needs $\sum_j \tilde x_j \tilde x_j^\top$ and $\sum_j \tilde x_j y_j$: with $D = d + 1$, $D (D + 1) / 2$ products, one of which is the constant 1, and $D$ products with targets. Let $c$ be these products and $c_\varnothing$ zero but for one coordinate, in which $c_\varnothing = 1$ and all $c = 0$: that coordinate of the mean is $1 / (n + 1)$, which turns means into sums. That makes $D (D + 1) / 2 + D$ numbers (the constant product gives way to this one): 77 at $d = 10$, fewer than the 128 of the code at `cpu`, and
# 5252 at $d = 100$, far more. (Continuous maps could squeeze several numbers into one; nothing suggests that training finds such maps.) Then $f$ has to solve a system of $D$ equations, for each query, in a perceptron. A loss far above ridge at $d = 10$ is not the fault of the mean.
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
# for family, field in fields.items():
#     mine = field.operations("parametric, data", "adapting")
#     print(family, [label for label in field.rows("classical") if field.operations(label, "adapting") > mine])
# ```
# The same is computed in section {ref}`sec-base-context` from the records that this page has. Where a list is empty, amortization cannot pay in operations at these sizes; what it can pay in is error for a given number of observations, or time, where operators are launched one by one.
# ````
#
# ## What we found, and what we did not
#
# The next lines are computed from the ledger.

# %% tags=["remove-input", "nbval-check-output"]
groups = {name: boards[family].groups for name, family in family_of.items()}
kinds = {at: {kind for kind in KINDS if groups[at[0]][kind].keys() & {*first}} for at, first in won.items()}
counts = {k: [sum(found == {kind} for (_, at), found in kinds.items() if at == k) for kind in KINDS[:3]] for k in STEPS}
sets = len(family_of)
names = [label for first in won.values() for label in first[:1]]
often = sorted(dict.fromkeys(names), key=lambda label: -names.count(label))[:3]  # ties as they come
duels = []
for (name, k), first in reference.items():
    board = boards[family_of[name]]
    rival = best(board.scores(name, k, "learned"), skip_missing=True)
    duels.append(side(board, first, rival, name, k) if first and rival else "pending")
meta = {
    label: [side(boards[f], label, "SGD", name, k) for name, f in family_of.items() for k in STEPS]
    for label in STEPPING
}
open_ = sum(
    not isinstance(boards[f].score(label, name, 10), notebook.Summary)
    for name, f in family_of.items()
    for label in boards[f].rows("learned")
)
notebook.Markdown(
    "- *Where iteration wins.* Of "
    + f"{sets} evaluation sets, iterative models lead alone, or level with each other only, on "
    + ", ".join(f"{found[0]} after {k}" for k, found in counts.items())
    + " mini-batches; classical learners on "
    + ", ".join(f"{found[2]}" for found in counts.values())
    + "; learned baselines on "
    + ", ".join(f"{found[1]}" for found in counts.values())
    + ".\n- *Who leads most often*, of all lines of {numref}`tab-base-winners`: "
    + (", ".join(f"{label} ({names.count(label)} of {len(won)})" for label in often) or "pending")
    + ".\n- *The best iterative row against the best learned baseline*: less error in "
    + f"{duels.count('below')} lines, more in {duels.count('above')}, level in {duels.count('level')}"
    + "".join(f", {word} in {duels.count(word)}" for word in ("open", "not testable", "pending") if word in duels)
    + "."
    + "\n- *Against tuned SGD*, lines with less, level, more error: "
    + "; ".join(
        f"{label} {found.count('below')}, {found.count('level')}, {found.count('above')}"
        + "".join(f", {found.count(word)} {word}" for word in ("open", "not testable", "pending") if word in found)
        for label, found in meta.items()
    )
    + "."
    + f"\n- *All at once*: many steps have less error than one context at equal tokens in {tally['one context'].count('below')} lines, more in {tally['one context'].count('above')}; than one context with twice the tokens in {tally['one context, longer'].count('below')}, more in {tally['one context, longer'].count('above')}."
    + f"\n- *What was seen of it*: {open_} results of learned baselines after ten mini-batches are pending."
    * bool(open_)
)

# %% [markdown]
# *What the table of winners is good for.* A classical learner that knows the likelihood and fits it to convergence costs no training and little work, and as soon as a task has more observations than unknowns it is hard to beat; what is left for amortization are the first observations, where a prior counts that nobody can write down. How far our lines bear this out, the first item counts.
#
# *What we did not test*: learned baselines at the size and budget of their papers; prompt tuning, which needs a model that was trained for something else; MAML with a rate for each step, or on a model whose features are learned, which is where its start would matter; latent neural processes and Transformers among them; hypernetworks that write more than one layer; learned optimizers that see more than a gradient; longer trainings of anybody; a second seed in the trials. All of them might change a line, and a line that names a learned baseline last says something about this budget before it says something about the method.
